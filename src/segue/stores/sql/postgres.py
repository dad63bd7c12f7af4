"""A Postgres that several Segues share: the same statements, the same one writer in each process.

Writers of different processes take turns: each transaction begins by taking one advisory lock. So a job sees everything
that was committed before it, compare-and-set is a read and a write, and rows are numbered in the order of commits,
just as in a SQLite file with one writer. Transactions are short and carry many jobs, so the turn comes soon.
"""

import json
from functools import partial
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool, QueuePool

from segue.errors import ConfigurationError, Unavailable
from segue.stores.sql.connections import Connections

LOCK = 0x5E60E
"""The advisory lock of all Segues that share a database."""
CONNECT_S = 5
STATEMENT_MS = 10_000
"""A statement, or the wait for the turn to write, that takes longer is given up: nobody waits for ever."""
READ_S = 15.0
"""Reading takes no longer, with the wait for those who read before."""
LOOK_S = 2.0
"""After so long without a write it is looked whether one could be made."""


class Postgres(Connections):
    """A database at an address like `postgresql://segue@db.example/segue`. See `Sql` for the methods.

    One that cannot be reached does not keep Segue from starting; see `Connections`. That it is gone, or back, is
    noticed within seconds, also while nobody writes.

    Raises:
        ConfigurationError: the address is none of a Postgres, or its driver is not installed.
    """

    def __init__(
        self,
        address: str,
        *,
        readers: int = 2,
        capacity: int = 10_000,
        read_only: bool = False,
        by_command: bool = False,
    ) -> None:
        url = _url(address)
        super().__init__(
            url.render_as_string(hide_password=True).replace("+psycopg", ""),
            _engine(url, alone=True),
            _engine(url, readers=readers),
            readers=readers,
            capacity=capacity,
            read_only=read_only,
            by_command=by_command,
            look_s=LOOK_S,
            read_s=READ_S,
        )

    async def vacuum(self) -> None:
        """Free what removed entries took, for new ones; whole pages at the end of a table go back to the disk."""
        await self._apart(self._vacuum)

    def _advice(self, reason: str) -> str:  # noqa: ARG002 - it is always the same
        return "It goes on by itself once the database is well."

    def _vacuum(self) -> None:
        try:
            with self._writing.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                from segue.stores.sql.patience import unhurried  # noqa: PLC0415 - see `_engine`

                with unhurried(connection):
                    connection.exec_driver_sql("set statement_timeout = 0")
                    connection.exec_driver_sql("vacuum (analyze) audit")
        except DBAPIError as error:
            raise Unavailable(self._explain(error)) from error


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        raise ConfigurationError("database: this is no address; write postgresql://user@host/name.") from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigurationError(f"database: {url.drivername!r} is not known; write postgresql://user@host/name.")
    return url.set(drivername="postgresql+psycopg")


def _engine(url: URL, *, readers: int = 1, alone: bool = False) -> Engine:
    """An engine for the writer (`alone`: one connection, taken in turn with other writers) or for readers."""
    limits = f"-c statement_timeout={STATEMENT_MS} -c idle_in_transaction_session_timeout={STATEMENT_MS * 3}"
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": readers, "max_overflow": 0, "pool_pre_ping": True}
    try:
        from segue.stores.sql.patience import Patient  # noqa: PLC0415 - only who uses Postgres has its driver

        engine = create_engine(
            url,
            hide_parameters=True,
            json_serializer=partial(json.dumps, allow_nan=False, separators=(",", ":")),
            isolation_level="READ COMMITTED" if alone else "REPEATABLE READ",
            connect_args={"connect_timeout": CONNECT_S, "options": limits, "application_name": "segue"},
            **({"poolclass": NullPool} if alone else pool),
        )
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError("The driver for Postgres is not installed: pip install 'segue[postgres]'.") from error
    event.listen(engine, "do_connect", lambda _dialect, _record, given, named: Patient.connect(*given, **named))
    if alone:
        turn = text(f"select pg_advisory_xact_lock({LOCK})")
        event.listen(engine, "begin", lambda connection: connection.execute(turn))
    return engine
