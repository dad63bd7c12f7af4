"""A pool of long-lived worker processes: for parts that may crash, hold the interpreter or carry another licence.

Each process does one job at a time, so a crash costs one job and a cancel concerns one. What runs inside a worker is
in `pipe`, one process and its restarts in `seat`; this module is the queue before them.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable
from segue.providers.job import PooledJob
from segue.providers.seat import Limits, Seat, WorkerHealth


@dataclass(frozen=True, slots=True)
class PoolHealth:
    """How a pool is: its workers, and how many jobs wait for one."""

    name: str
    workers: tuple[WorkerHealth, ...]
    waiting: int

    @property
    def ready(self) -> bool:
        """Whether at least one worker can take a job."""
        return any(worker.ready for worker in self.workers)


class WorkerPool:
    """`size` processes that run `command`, and the queue before them.

    Jobs wait by priority (smaller first), then in the order in which they came. A slow consumer holds its worker only
    when more than `limits.unread_bytes` of its audio lie unread.
    """

    def __init__(
        self, name: str, command: Sequence[str], clock: Clock, *, size: int = 2, limits: Limits | None = None
    ) -> None:
        self.name = name
        self._limits = limits or Limits()
        self._seats = [
            Seat(name, number, command, clock, self._limits, self._dispatch) for number in range(1, size + 1)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: list[tuple[int, int, PooledJob]] = []
        self._numbers = itertools.count(1)

    @property
    def about(self) -> Mapping[str, Any]:
        """What the workers say of themselves; empty before `start`."""
        return self._seats[0].about

    async def start(self) -> None:
        """Start every process and wait until each is ready.

        Raises:
            Unavailable: a process could not be started; the message gives its own reason.
        """
        if self._tasks:
            return
        self._tasks = [asyncio.create_task(seat.keep(), name=f"{self.name} worker") for seat in self._seats]
        try:
            await asyncio.gather(*(seat.settled.wait() for seat in self._seats))
            for seat in self._seats:
                if seat.broken:
                    raise Unavailable(f"The {self.name} worker cannot start: {seat.last_error}")
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End every process; jobs that run or wait fail. Returns when no child is left."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        self._refuse(f"The {self.name} worker was closed.")
        await asyncio.gather(*tasks, return_exceptions=True)

    def health(self) -> PoolHealth:
        """How the pool is now."""
        waiting = sum(1 for _, _, job in self._waiting if not job.left)
        return PoolHealth(self.name, tuple(seat.health() for seat in self._seats), waiting)

    async def stream(
        self, header: Mapping[str, Any], data: bytes = b"", *, priority: int = 0
    ) -> AsyncGenerator[bytes, None]:
        """The audio of one job as it is made. Closing the iterator cancels the job and returns at once.

        Raises:
            ProviderError: the job failed, its worker ended, or too many jobs wait.
            Unavailable: the pool is not started.
        """
        job = self._submit(header, data, priority)
        try:
            while (piece := await job.take()) is not None:
                yield piece
        finally:
            self._leave(job)

    async def ask(self, header: Mapping[str, Any], data: bytes = b"", *, priority: int = 0) -> Mapping[str, Any]:
        """The values that one job answers with; audio is passed over. Cancelling the caller cancels the job.

        Raises:
            ProviderError: the job failed, its worker ended, or too many jobs wait.
            Unavailable: the pool is not started.
        """
        job = self._submit(header, data, priority)
        try:
            while await job.take() is not None:
                pass
            return job.result or {}
        finally:
            self._leave(job)

    def _submit(self, header: Mapping[str, Any], data: bytes, priority: int) -> PooledJob:
        if not self._tasks:
            raise Unavailable(f"The {self.name} worker is not started.")
        if len(self._waiting) >= self._limits.waiting:
            self._waiting = [entry for entry in self._waiting if not entry[2].left]
            heapq.heapify(self._waiting)
        if len(self._waiting) >= self._limits.waiting:
            raise ProviderError(
                f"{self._limits.waiting} jobs already wait for {len(self._seats)} {self.name} workers.",
                provider=self.name,
                category=FailureCategory.RATE_LIMIT,
            )
        job = PooledJob(next(self._numbers) % 2**32, header, data, self._limits.unread_bytes)
        heapq.heappush(self._waiting, (priority, job.number, job))
        self._dispatch()
        return job

    def _leave(self, job: PooledJob) -> None:
        job.leave()
        for seat in self._seats:
            if seat.job is job:
                seat.cancel(job)

    def _dispatch(self) -> None:
        """Hand waiting jobs to free workers; refuse them when no worker can be started."""
        while self._waiting:
            seat = next((seat for seat in self._seats if seat.ready and seat.job is None), None)
            if seat is None:
                break
            job = heapq.heappop(self._waiting)[2]
            if not job.left:
                seat.begin(job)
        if all(seat.broken for seat in self._seats):
            self._refuse(f"The {self.name} worker cannot start: {self._seats[0].last_error}")

    def _refuse(self, message: str) -> None:
        for _, _, job in self._waiting:
            job.fail(ProviderError(message, provider=self.name))
        self._waiting.clear()
