"""The same sends with a Postgres instead of a file, where its programs are installed: a cluster of its own, synced."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from benchmarks.console.plan import Plan, Tell
from benchmarks.console.sends import SERVED, STORED
from benchmarks.console.server import serving
from benchmarks.console.ways import Served202, Stored, Way, rounds
from segue.stores.sql.postgres import Postgres


async def postgres(plan: Plan, folder: Path, tell: Tell) -> dict[str, Any]:
    """Segue's store by itself, and a whole server, each with a database of its own.

    Nothing where Postgres or its driver is not installed.
    """
    if find_spec("psycopg") is None:
        return {"installed": False}
    from tests.postgres import cluster, folder_of_programs  # noqa: PLC0415 - needs the driver, which is an extra

    programs = folder_of_programs()
    if programs is None:
        return {"installed": False}
    tell("making a cluster", 0, 1)
    with cluster(programs, durable=True) as made:
        own = Postgres(made.database())
        await own.start()
        try:
            with serving(folder / "postgres", made.database()) as served:
                ways: dict[str, Way] = {SERVED: Served202(served), STORED: Stored(own)}
                found = await rounds(plan, ways, tell)
            version = await own.read(_version)
        finally:
            await own.close()
        return {"installed": True, "version": version, "workers": list(plan.workers), "ways": found}


def _version(connection: Connection) -> str:
    return str(connection.execute(text("show server_version")).scalar_one())
