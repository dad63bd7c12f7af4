"""One thread that writes: what queued up while the last transaction was on its way shares the next one.

    who can wait ──▶ submit(job) ─┐                      ┌─▶ each caller's future, all woken at once
    who cannot ────▶ post(job) ───┴─▶ queue ─▶ thread ───┴─▶ counted as lost if it could not be written

A job is a plain function of a connection. It may be run twice (a batch that fails is undone and tried again job by
job), so it must do nothing but read and write on that connection and return a value, and it must leave the transaction
to the writer. When its future resolves, the transaction is committed and, where commits are synced, durable.
"""

import asyncio
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from segue.errors import Unavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[Connection], T]


@dataclass(frozen=True, slots=True)
class WriterHealth:
    """How the writing goes: jobs waiting, posted jobs lost so far, and why the last batch failed, if it did."""

    queued: int
    lost: int
    failure: str | None

    @property
    def ready(self) -> bool:
        """Whether the last attempt to write succeeded."""
        return self.failure is None


class _JobFailed(Exception):
    """A job raised, and its transaction was undone; `__cause__` is what it raised."""


@dataclass(slots=True, eq=False)
class _Entry:
    """One job on its way. A posted job has no future; a milestone, which only wants to be passed, has no job."""

    job: Job[Any] | None
    future: "asyncio.Future[Any] | None" = None
    holds_place: bool = False
    bare: bool = False
    value: Any = None
    error: BaseException | None = None


class Writer:
    """Runs jobs in the order of their arrival, many to a transaction.

    `connect` gives the connection to write on; it is called in the writer's own thread, again after each failure of
    the database, and may raise. `explain` puts such a failure into a sentence. `capacity` bounds the posted and the
    submitted jobs, each for themselves: a submitter waits for a place, a post without one is lost. `batch` bounds one
    transaction; where nothing came for `look_s`, an empty one shows whether it could still be made. `submit`,
    `settled` and `close` belong to one event loop; `post` and `health` to any thread.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        explain: Callable[[Exception], str] = str,
        capacity: int = 10_000,
        batch: int = 500,
        look_s: float | None = None,
    ) -> None:
        if capacity < 1 or batch < 1:
            raise ValueError("capacity and batch must be at least 1")
        self._connect = connect
        self._explain = explain
        self._capacity = capacity
        self._batch = batch
        self._look_s = look_s
        self._places = asyncio.Semaphore(capacity)
        self._changed = threading.Condition()  # guards everything down to the next blank line
        self._queue: deque[_Entry] = deque()
        self._posted = 0
        self._lost = 0
        self._lost_in_a_row = 0
        self._failure: str | None = None
        self._closing = False

        self._connection: Connection | None = None
        # A daemon: a process that ends without `close` loses its queue, but never hangs for it.
        self._thread = threading.Thread(target=self._work, name="segue-writer", daemon=True)

    def start(self, *, failure: str | None = None) -> None:
        """Begin to write. `failure` is what is already known to be wrong; the first good batch clears it."""
        self._failure = failure
        self._thread.start()

    async def submit(self, job: Job[T], *, bare: bool = False) -> T:
        """Run a job and return its value once it is committed; waits while the queue is full.

        A caller that is cancelled takes back a job that has not begun; one that has begun takes effect all the same.
        A `bare` job runs outside any transaction, for the few statements that refuse to be in one.

        Raises:
            Unavailable: the database could not be written, or the writer is closed.
            Exception: whatever the job raised; nothing of it was kept.
        """
        await self._places.acquire()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if not self._enqueue(_Entry(job, future, holds_place=True, bare=bare)):
            self._places.release()
            raise Unavailable("The database is closing and takes no more writes.")
        return await future

    def post(self, job: Job[Any]) -> bool:
        """Run a job behind the caller's back, never waiting. False if it was lost for want of a place."""
        kept = self._enqueue(_Entry(job))
        if not kept:
            self._lose(1, "its queue is full or closed")
        return kept

    async def settled(self) -> None:
        """Return when every job handed over before is either committed or failed (and counted, if it was posted)."""
        if not self._thread.is_alive():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._enqueue(_Entry(None, future)):
            await future
        else:
            await self._ended()

    def health(self) -> WriterHealth:
        """How the writing goes."""
        with self._changed:
            return WriterHealth(len(self._queue), self._lost, self._failure)

    async def close(self) -> None:
        """Write what is queued, then end. Who comes later is refused; closing twice is harmless."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            await self._ended()

    async def _ended(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _enqueue(self, entry: _Entry) -> bool:
        with self._changed:
            if self._closing or (entry.future is None and self._posted >= self._capacity):
                return False
            self._posted += entry.future is None
            self._queue.append(entry)
            self._changed.notify()
        return True

    def _lose(self, count: int, reason: str) -> None:
        """Count lost jobs; tell the log of the 1st, 2nd, 4th, 8th … in a row, so that a long failure is no flood."""
        with self._changed:
            before = self._lost_in_a_row
            self._lost += count
            self._lost_in_a_row += count
            told = (self._lost, self._lost_in_a_row.bit_length() > before.bit_length())
        if told[1]:
            logger.error("writes were lost", extra={"lost": told[0], "reason": reason})

    # From here on: the writer's own thread.

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            if not batch:
                self._run([_Entry(_look)])
            # Whoever was cancelled meanwhile has taken the job back.
            jobs = [entry for entry in batch if entry.job and not (entry.future and entry.future.cancelled())]
            for bare, group in groupby(jobs, lambda entry: entry.bare):
                (self._run_bare if bare else self._run)(list(group))
            self._settle(batch)
        self._disconnect()

    def _take(self) -> list[_Entry] | None:
        """The next batch; empty when nothing came for a while, None when the writer is closed and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing, self._look_s)
            if self._closing and not self._queue:
                return None
            return [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]

    def _run(self, jobs: Sequence[_Entry]) -> None:
        """All jobs in one transaction; if one of them fails, each in its own, so that only that one fails."""
        try:
            self._commit(jobs)
        except _JobFailed:
            self._run_apart(jobs)
        except Exception as error:
            self._fail(jobs, error)
        else:
            self._succeed()

    def _run_apart(self, jobs: Sequence[_Entry]) -> None:
        broken: Exception | None = None
        for position, entry in enumerate(jobs):
            try:
                self._commit([entry])
            except _JobFailed as failed:
                entry.error = failed.__cause__
                # What does not fit into a table is the fault of its job; all else is the database's.
                if isinstance(entry.error, DBAPIError) and not isinstance(entry.error, IntegrityError | DataError):
                    broken = entry.error
                    entry.error = Unavailable(self._explain(broken))
            except Exception as error:
                # No transaction can be begun or ended: ask once, not once a job, as asking may take its time limit.
                self._fail(jobs[position:], error)
                return
        if broken is None:
            self._succeed()
        else:
            self._fail([], broken)

    def _run_bare(self, jobs: Sequence[_Entry]) -> None:
        for entry in jobs:
            try:
                entry.value = entry.job(self._connected()) if entry.job else None
            except Exception as error:
                self._fail([entry], error)
            else:
                self._succeed()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _commit(self, jobs: Sequence[_Entry]) -> None:
        connection = self._connected()
        with connection.begin():
            for entry in jobs:
                try:
                    entry.value = entry.job(connection) if entry.job else None
                except Exception as error:
                    raise _JobFailed from error

    def _succeed(self) -> None:
        with self._changed:
            before, self._failure = self._failure, None
            self._lost_in_a_row = 0 if not self._queue else self._lost_in_a_row
        if before:
            logger.warning("the database can be written again", extra={"lost": self._lost})

    def _fail(self, jobs: Sequence[_Entry], error: Exception) -> None:
        """Give up on jobs and on the connection: the next batch makes a new one, so that a mended disk is noticed."""
        self._disconnect()
        reason = self._explain(error)
        with self._changed:
            before, self._failure = self._failure, reason
        if before != reason:
            logger.error("the database cannot be written", extra={"reason": reason})
        for entry in jobs:
            entry.error = Unavailable(reason)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception as error:
                logger.warning("the database connection did not close", extra={"reason": str(error)})

    def _settle(self, batch: Sequence[_Entry]) -> None:
        """Give back the places, count what was lost and wake the callers: one wake-up an event loop and batch."""
        posted = [entry for entry in batch if entry.future is None]
        with self._changed:
            self._posted -= len(posted)
        lost = [entry.error for entry in posted if entry.error is not None]
        if lost:
            self._lose(len(lost), str(lost[0]))
        callers: defaultdict[asyncio.AbstractEventLoop, list[_Entry]] = defaultdict(list)
        for entry in batch:
            if entry.future is not None:
                callers[entry.future.get_loop()].append(entry)
        for loop, entries in callers.items():
            try:
                loop.call_soon_threadsafe(self._wake, entries)
            except RuntimeError:
                logger.debug("nobody waits for the writer any more: the event loop is closed")

    def _wake(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            if entry.holds_place:
                self._places.release()
            if entry.future is None or entry.future.done():
                continue
            if entry.error is not None:
                entry.future.set_exception(entry.error)
            else:
                entry.future.set_result(entry.value)


def _look(connection: Connection) -> None:
    connection.execute(select(1))
