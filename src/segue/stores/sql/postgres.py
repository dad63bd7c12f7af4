"""A Postgres that several Segues share: the same statements, the same one writer in each process.

Writers of different processes take turns: each transaction begins by taking one advisory lock. So a job sees everything
that was committed before it, compare-and-set is a read and a write, and rows are numbered in the order of commits,
just as in a SQLite file with one writer. Transactions are short and carry many jobs, so the turn comes soon.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool, QueuePool

from segue.errors import ConfigurationError, SegueError, Unavailable
from segue.stores.sql import tables
from segue.stores.sql.writer import Writer, WriterHealth

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOCK = 0x5E60E
"""The advisory lock of all Segues that share a database."""
CONNECT_S = 5
STATEMENT_MS = 10_000
"""A statement, or the wait for the turn to write, that takes longer is given up: nobody waits for ever."""


class Postgres:
    """A database at an address like `postgresql://segue@db.example/segue`. See `Sql` for the methods.

    One that cannot be reached does not keep Segue from starting: `health` tells, writes are refused or counted as lost,
    and writing goes on once it is back.

    Raises:
        ConfigurationError: the address is none of a Postgres, or its driver is not installed.
    """

    def __init__(self, address: str, *, readers: int = 2, capacity: int = 10_000, read_only: bool = False) -> None:
        url = _url(address)
        self.place = url.render_as_string(hide_password=True).replace("+psycopg", "")
        self.writer = Writer(self._open, explain=self._explain, capacity=capacity)
        self._engine = _engine(url, alone=True)
        self._readers = _engine(url, readers=readers)
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="segue-reader")
        self._read_only = read_only
        self._closed = False

    async def start(self) -> None:
        """Try to write, once, and begin; with `read_only` only see whether it can be read.

        Raises:
            ConfigurationError: it is of a newer Segue or of another program; with `read_only`, also if it cannot be
                read.
        """
        if self._read_only:
            await self.writer.close()
            try:
                await self.read(lambda connection: tables.check(connection, self.place))
            except Unavailable as error:
                raise ConfigurationError(error.message) from error
            return
        failure = await asyncio.get_running_loop().run_in_executor(self._threads, self._try)
        self.writer.start(failure=failure)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in a thread of its own, on one consistent state."""
        if self._closed:
            raise Unavailable("The database is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)

    async def vacuum(self) -> None:
        """Free what removed rows took, for new ones; whole pages at the end of a table go back to the disk."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._vacuum)

    def health(self) -> WriterHealth:
        """How the writing goes."""
        return self.writer.health()

    async def close(self) -> None:
        """Write what is queued and let go of it."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._readers.dispose()
        await self.writer.close()
        self._engine.dispose()

    def _try(self) -> str | None:
        """What is wrong with it, in a sentence."""
        try:
            self._open().close()
        except ConfigurationError:
            raise
        except Exception as error:
            failure = self._explain(error)
            logger.error("the database cannot be written", extra={"reason": failure})
            return failure
        return None

    def _open(self) -> Connection:
        """The connection that writes, with the tables there."""
        connection = self._engine.connect()
        try:
            with connection.begin():
                tables.prepare(connection, self.place)
        except BaseException:
            connection.close()
            raise
        return connection

    def _vacuum(self) -> None:
        try:
            with self._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                connection.exec_driver_sql("set statement_timeout = 0")
                connection.exec_driver_sql("vacuum (analyze) audit")
        except DBAPIError as error:
            raise Unavailable(self._explain(error)) from error

    def _query(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._readers.connect() as connection, connection.begin():
                return query(connection)
        except DBAPIError as error:
            self._readers.dispose()
            raise Unavailable(self._explain(error, "read")) from error

    def _explain(self, error: Exception, verb: str = "written") -> str:
        if isinstance(error, SegueError):
            return error.message
        reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
        return f"{self.place} cannot be {verb}: {reason}. It goes on by itself once the database is well."


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
    if alone:
        turn = text(f"select pg_advisory_xact_lock({LOCK})")
        event.listen(engine, "begin", lambda connection: connection.execute(turn))
    return engine
