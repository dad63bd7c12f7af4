"""A copy of a Postgres by its own programs: `pg_dump` in its custom format, `pg_restore` in one transaction.

What is counted for the manifest is counted in the very snapshot that is dumped. Passwords go by the environment, never
by the command line, which everybody on the machine can read.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from segue.errors import ConfigurationError, Unavailable
from segue.settings import variable
from segue.stores.sql.copying import Looked, look

T = TypeVar("T")

CONNECT_S = 5
DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of every version."""
HANDED_ON = ("PATH", "HOME", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSERVICEFILE")
"""Variables that the programs are given."""
OTHERS = text(
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'segue'"
    " and pid <> pg_backend_pid()"
)


def dump(address: str, target: Path) -> Looked:
    """Dump a database as it is at one moment; what it holds at that moment.

    Raises:
        ConfigurationError: `pg_dump` is not installed, or too old for this server.
        Unavailable: the database cannot be read, or the dump not be written.
    """
    url = _url(address)

    def run(connection: Connection) -> Looked:
        program = _program("pg_dump", connection)
        snapshot = connection.execute(text("select pg_export_snapshot()")).scalar_one()
        looked = look(connection, url.render_as_string(hide_password=True))
        command = [program, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        _run([*command, f"--file={target}", f"--dbname={_bare(url)}"], url, "dump")
        return looked

    return _within(url, run, isolation="REPEATABLE READ")


def load(address: str, source: Path, aside: str | None) -> Looked:
    """Load a dump into a database; with `aside` what is there is kept, in a schema of that name. What it holds then.

    Raises:
        ConfigurationError: there are tables already, a server is connected, or `pg_restore` is not installed.
        Unavailable: the database cannot be written; it is as before, but for the schema that was set aside.
    """
    url = _url(address)

    def ready(connection: Connection) -> str:
        place = url.render_as_string(hide_password=True)
        if others := connection.execute(OTHERS).scalar_one():
            raise ConfigurationError(f"{place} is in use: {others} connection(s) of Segue. End those servers first.")
        if inspect(connection).get_table_names():
            if aside is None:
                raise ConfigurationError(
                    f"{place} is not empty. Name an empty database, or keep what is there aside with --replace."
                )
            connection.exec_driver_sql(f'alter schema public rename to "{aside}"')
            connection.exec_driver_sql("create schema public")
        return _program("pg_restore", connection)

    program = _within(url, ready)
    command = [program, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--schema=public"]
    _run([*command, f"--dbname={_bare(url)}", str(source)], url, "load")
    return _within(url, lambda connection: look(connection, url.render_as_string(hide_password=True)))


def within(address: str, work: Callable[[Connection], T]) -> T:
    """Do something in a transaction of a database.

    Raises:
        Unavailable: it cannot be used.
    """
    return _within(_url(address), work)


def unreadable(source: Path) -> str:
    """What `pg_restore` finds wrong in the table of contents of a dump; empty where it can read it, or is not there."""
    program = shutil.which("pg_restore") or next(iter(sorted(DEBIAN.glob("*/bin/pg_restore"))[-1:]), None)
    if program is None:
        return ""
    done = _done([str(program), "--list", str(source)])
    return "" if done.returncode == 0 else _words(done.stderr)


def mismatch(program: str, version: str, server: int) -> str:
    """Why a program cannot be used with a server of this version; empty where it can. `version` is what it prints."""
    found = re.search(r"\(PostgreSQL\) (\d+)", version)
    if found is None:
        return f"{program} does not tell its version: {version.strip()!r}."
    if int(found[1]) < server:
        return (
            f"{program} is of version {found[1]}, the server of version {server}, which it cannot read. Install"
            f" postgresql-client-{server} (Debian), or the client programs of that version."
        )
    return ""


def _program(name: str, connection: Connection) -> str:
    """The program to use with a server: the one in the path, or the oldest of Debian's that is new enough."""
    server = int(connection.execute(text("show server_version_num")).scalar_one()) // 10_000
    there = [shutil.which(name), *(str(each) for each in sorted(DEBIAN.glob(f"*/bin/{name}")))]
    reasons = []
    for program in filter(None, there):
        version = _done([program, "--version"]).stdout
        reason = mismatch(name, version, server)
        if not reason:
            return program
        reasons.append(reason)
    raise ConfigurationError(
        reasons[0] if reasons else f"{name} is not installed: install postgresql-client (Debian), version {server}."
    )


def _run(command: list[str], url: URL, verb: str) -> None:
    done = _done(command, {"PGPASSWORD": str(url.password)} if url.password else {})
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} cannot {verb} the database: {_words(done.stderr)}.")


def _done(command: list[str], secret: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, with no more of the environment than it may need."""
    kept = {name: value for name in HANDED_ON if (value := variable(name)) is not None}
    environment = kept | {"PGCONNECT_TIMEOUT": str(CONNECT_S)} | dict(secret or {})
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours


def _bare(url: URL) -> str:
    """The address without its password."""
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return bare.render_as_string(hide_password=False)


def _within(url: URL, work: Callable[[Connection], T], isolation: str = "READ COMMITTED") -> T:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level=isolation,
        connect_args={"connect_timeout": CONNECT_S},
    )
    try:
        with engine.connect() as connection, connection.begin():
            return work(connection)
    except DBAPIError as error:
        words = " ".join(str(error.orig).split())
        raise Unavailable(f"{url.render_as_string(hide_password=True)} cannot be used: {words}.") from error
    finally:
        engine.dispose()


def _url(address: str) -> URL:
    return make_url(address).set(drivername="postgresql+psycopg")


def _words(said: str) -> str:
    return " ".join(said.split()).rstrip(".")[:500]
