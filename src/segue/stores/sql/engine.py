"""One SQLite file: a single connection that writes, a few that only read, and the lock that keeps a second writer out.

The file is in WAL mode and every commit is synced before it is acknowledged. Readers never wait for the writer. Only
the writer's connection commits, so only that one carries the log back into the file; this matters, because SQLite
before 3.51.3 can lose pages of a file in which several connections do so at the same moment.
"""

import asyncio
import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from segue.errors import ConfigurationError, SegueError, Unavailable
from segue.stores.sql import tables
from segue.stores.sql.writer import Writer, WriterHealth

logger = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
"""How long a connection waits for a lock that a backup or a curious shell holds."""

_WRITER_PRAGMAS = ("journal_mode=wal", "synchronous=full", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=on")
_READER_PRAGMAS = (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=on")

_SPACE = "Free some space on its disk; writing goes on by itself."
_RIGHTS = "Make the file and its folder readable and writable for this user; writing goes on by itself."
_REPLACE = "Move the file away and restore a backup, or let a new one be made; writing goes on by itself."
_ADVICE = (
    ("full", _SPACE),
    ("no space", _SPACE),
    ("readonly", _RIGHTS),
    ("read-only", _RIGHTS),
    ("permission denied", _RIGHTS),
    ("unable to open", _RIGHTS),
    ("not a directory", "Name a folder that can be made; what stands there is a file."),
    ("file exists", "Name a folder that can be made; what stands there is a file."),
    ("not a database", _REPLACE),
    ("malformed", _REPLACE),
    ("locked", "Another program holds the file: end it, or let it finish."),
    ("i/o error", "Look after the disk it is on."),
)
"""What to do, by a sign in the words of SQLite or of the operating system."""


class Database:
    """One SQLite file, made when it is not there. `writer` takes the writes, `read` runs the queries.

    A file that is sick (unwritable, full, damaged) does not keep Segue from starting: `health` tells, writes are
    refused or counted as lost, and writing goes on once the file is well. With `read_only` nothing is ever written,
    and no lock is taken: for looking into a file that a running server writes.
    """

    def __init__(self, path: Path, *, readers: int = 2, capacity: int = 10_000, read_only: bool = False) -> None:
        self.path = path
        self.writer = Writer(self._open, explain=self._explain, capacity=capacity)
        self._read_only = read_only
        self._lock: int | None = None
        self._engine = _engine(path, mode="rwc", pragmas=_WRITER_PRAGMAS, begin="BEGIN IMMEDIATE")
        self._readers = _engine(path, mode="rw", pragmas=_READER_PRAGMAS, begin="BEGIN", pool_size=readers)
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="segue-reader")
        self._closed = False

    async def start(self) -> None:
        """Check the file and begin to write.

        Raises:
            ConfigurationError: the file is of a newer Segue, of another program, or in use by another server; with
                `read_only`, also if it is missing or cannot be read.
        """
        if self._read_only:
            await self.writer.close()
            try:
                await self.read(lambda connection: tables.check(connection, str(self.path)))
            except Unavailable as error:
                raise ConfigurationError(error.message) from error
            return
        failure = await asyncio.get_running_loop().run_in_executor(self._threads, self._try)
        self.writer.start(failure=failure)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in a thread of its own, on one consistent state of the file.

        Raises:
            Unavailable: the file cannot be read, or was closed.
        """
        if self._closed:
            raise Unavailable("The database is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)

    async def vacuum(self) -> None:
        """Write the file anew without its holes; it takes as much room again meanwhile, and writes wait."""
        await self.writer.submit(_vacuum, bare=True)

    def health(self) -> WriterHealth:
        """How the writing goes."""
        return self.writer.health()

    async def close(self) -> None:
        """Write what is queued, fold the log into the file and let go of it. Closing twice is harmless."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._readers.dispose()
        await self.writer.close()  # last, as the last connection is the one that folds the log in
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _try(self) -> str | None:
        """Open and close the file once; what is wrong with it, in a sentence."""
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
        """The connection that writes, with the lock held and the tables there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._acquire()
        self._readers.dispose()  # the file may be another one than before
        connection = self._engine.connect()
        try:
            with connection.begin():
                tables.prepare(connection, str(self.path))
        except BaseException:
            connection.close()
            raise
        return connection

    def _acquire(self) -> None:
        """Hold the lock file; the kernel lets go of it when the process ends, however it ends."""
        if self._lock is not None:
            return
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise ConfigurationError(
                f"{self.path} is in use by another Segue. End that one, or give this one a data folder of its own."
            ) from error
        self._lock = lock

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
        reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        advice = next((advice for sign, advice in _ADVICE if sign in reason.lower()), "")
        return f"{self.path} cannot be {verb}: {reason}. {advice}".rstrip()


def _vacuum(connection: Connection) -> None:
    # Straight to the driver, because SQLAlchemy would begin a transaction.
    driver = connection.connection.driver_connection
    for statement in ("vacuum", "pragma wal_checkpoint(truncate)"):
        driver.execute(statement).close()  # type: ignore[union-attr]


_json = partial(json.dumps, allow_nan=False, separators=(",", ":"))


def _engine(path: Path, *, mode: str, pragmas: tuple[str, ...], begin: str, pool_size: int = 0) -> Engine:
    """An engine over one file; `mode` is SQLite's own word: rwc makes the file, rw does not."""
    address = f"file:{quote(str(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # No isolation level: SQLAlchemy's begin event opens transactions, the driver opens none of its own.
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        try:
            for pragma in pragmas:
                connection.execute(f"pragma {pragma}").close()
        except BaseException:
            connection.close()
            raise
        return connection

    pool: dict[str, Any] = {"poolclass": NullPool}
    if pool_size:
        pool = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0}
    # Parameters are hidden, because the words of an error end up in logs, and records do not belong there.
    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, json_serializer=_json, **pool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
