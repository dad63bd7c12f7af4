"""What every database needs: one connection that writes, a few that only read, and a word when neither goes."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from segue.errors import ConfigurationError, SegueError, Unavailable
from segue.stores.sql import revisions
from segue.stores.sql.revisions import Step
from segue.stores.sql.writer import Writer, WriterHealth

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Connections(ABC):
    """The connections to one database. `place` is how sentences name it. See `Sql` for the methods.

    A database that is sick does not keep Segue from starting: `health` tells, writes are refused or counted as lost,
    and writing goes on once it is well. With `read_only` nothing is ever written. With `by_command` tables are left to
    `segue migrate`. Where nothing was written for `look_s`, the writer looks whether it still could. Whoever has
    waited `read_s` to read, for an answer or for a turn to ask, is refused.
    """

    def __init__(
        self,
        place: str,
        writing: Engine,
        reading: Engine,
        *,
        readers: int,
        capacity: int,
        read_only: bool,
        by_command: bool,
        look_s: float | None = None,
        read_s: float | None = None,
    ) -> None:
        self.place = place
        self.writer = Writer(self._open, explain=self._explain, capacity=capacity, look_s=look_s)
        self._writing = writing
        self._reading = reading
        self._threads = ThreadPoolExecutor(readers, thread_name_prefix="segue-reader")
        self._read_only = read_only
        self._by_command = by_command
        self._read_s = read_s
        self._closed = False

    async def start(self) -> None:
        """Try to write, once, and begin; with `read_only` only see whether it can be read.

        Raises:
            ConfigurationError: it is of a newer Segue or of another program, in use by another server, or to be
                brought up to date by command; with `read_only`, also if it is missing or cannot be read.
        """
        if self._read_only:
            await self.writer.close()
            try:
                await self.read(lambda connection: revisions.check(connection, self.place))
            except Unavailable as error:
                raise ConfigurationError(error.message) from error
            return
        failure = await self._apart(self._try)
        self.writer.start(failure=failure)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in a thread of its own, on one consistent state.

        Raises:
            Unavailable: it cannot be read, or was closed.
        """
        if self._closed:
            raise Unavailable("The database is closed.")
        try:
            async with asyncio.timeout(self._read_s):
                return await self._apart(lambda: self._query(query))
        except TimeoutError:
            reason = f"no answer within {self._read_s:g} s"
            raise Unavailable(f"{self.place} cannot be read: {reason}. {self._advice(reason)}".rstrip()) from None

    async def pending(self) -> tuple[list[Step], str]:
        """What would bring it up to date, in order, and the SQL of it; nothing is changed.

        Raises:
            ConfigurationError: it is of a newer Segue, or of another program.
            Unavailable: it cannot be read.
        """
        return await self.read(lambda connection: revisions.pending(connection, self.place))

    async def migrate(self) -> tuple[str, str]:
        """Bring it up to date before it is started; its revision before (empty if it had none) and after.

        Raises:
            ConfigurationError: it is of a newer Segue or of another program, or in use by another server.
            Unavailable: it cannot be written.
        """
        return await self._apart(self._migrate)

    @property
    def there(self) -> bool:
        """Whether there is anything to look into."""
        return True

    @abstractmethod
    async def vacuum(self) -> None:
        """See `Sql.vacuum`."""

    def health(self) -> WriterHealth:
        """How the writing goes."""
        return self.writer.health()

    async def close(self) -> None:
        """Write what is queued and let go of it. Closing twice is harmless."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self._reading.dispose()
        await self.writer.close()  # last, as with a file the last connection is the one that folds the log in
        self._writing.dispose()

    def _reach(self) -> None:  # noqa: B027 - there may be nothing to do
        """See to it that a connection can be made; called before each."""

    @abstractmethod
    def _advice(self, reason: str) -> str:
        """What to do about it, as a sentence; empty where nobody knows."""

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _try(self) -> str | None:
        """Make a connection and close it; what is wrong, in a sentence."""
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
        self._reach()
        connection = self._writing.connect()
        try:
            with connection.begin():
                revisions.prepare(connection, self.place, by_command=self._by_command)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self) -> tuple[str, str]:
        try:
            self._reach()
            with self._writing.connect() as connection, connection.begin():
                return revisions.migrate(connection, self.place), revisions.REVISIONS[-1]
        except (DBAPIError, OSError) as error:
            raise Unavailable(self._explain(error)) from error

    def _query(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._reading.connect() as connection, connection.begin():
                return query(connection)
        except DBAPIError as error:
            self._reading.dispose()
            raise Unavailable(self._explain(error, "read")) from error

    def _explain(self, error: Exception, verb: str = "written") -> str:
        if isinstance(error, SegueError):
            return error.message
        reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
        return f"{self.place} cannot be {verb}: {reason}. {self._advice(reason.lower())}".rstrip()
