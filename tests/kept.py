"""Records of a running server's turns, read in this process: starting a command for each of them takes seconds."""

import asyncio
from collections.abc import Sequence
from typing import Any

from segue.settings import load
from segue.wiring.database import open_records
from tests.rollouts import until
from tests.server import RunningServer


def kept(server: RunningServer, turns: Sequence[str]) -> list[dict[str, Any]]:
    """The records of these turns, as soon as all are written."""

    async def read() -> list[dict[str, Any]]:
        database, store = open_records(load(None, data=server.data))
        await database.start()
        try:
            found = [await store.find(turn) for turn in turns]
        finally:
            await database.close()
        return [record.as_dict() for record in found if record is not None]

    def all_of_them() -> list[dict[str, Any]] | None:
        found = asyncio.run(read())
        return found if len(found) == len(turns) else None

    records: list[dict[str, Any]] = until(all_of_them)
    return records
