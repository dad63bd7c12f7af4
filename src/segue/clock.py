"""Time, as a thing that is handed in.

Pure code takes `now` as an argument. Code that acts takes a `Clock`. `SystemClock` is the real one; `ManualClock` is
turned by hand, for tests, rehearsals and simulations, and ships with the product for that purpose; `ScaledClock` runs
faster than the real one, for demonstrations.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol


class Clock(Protocol):
    """Two readings, a wait and a time limit."""

    def now(self) -> float:
        """Monotonic seconds: for every measured gap and every time limit."""

    def wall(self) -> float:
        """Seconds since the Unix epoch: for what people read and what is stored."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""

    def limit(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """A time limit for the block inside; TimeoutError when it runs out. None sets no limit."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.perf_counter()

    def wall(self) -> float:
        """See `Clock.wall`."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)

    def limit(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """See `Clock.limit`."""
        return asyncio.timeout(seconds)


class ScaledClock:
    """A clock that runs `scale` times as fast as another, so that an hour can be shown in a minute.

    All of it runs faster, waits and time limits too: what takes a millisecond of the machine takes `scale` here.
    Raises ValueError for a scale that is not positive.
    """

    def __init__(self, scale: float, clock: Clock | None = None) -> None:
        if not scale > 0:
            raise ValueError(f"a clock cannot run {scale:g} times as fast; the scale must be positive")
        self.scale = scale
        self._clock = clock or SystemClock()
        self._now, self._wall = self._clock.now(), self._clock.wall()

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now + (self._clock.now() - self._now) * self.scale

    def wall(self) -> float:
        """See `Clock.wall`. It follows the monotonic reading: setting the machine's clock does not move it."""
        return self._wall + (self._clock.now() - self._now) * self.scale

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await self._clock.sleep(seconds / self.scale)

    def limit(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """See `Clock.limit`."""
        return self._clock.limit(None if seconds is None else seconds / self.scale)


class ManualClock:
    """A clock that stands still until `advance` turns it; sleepers wake in the order of their deadlines."""

    def __init__(self, start_s: float = 0.0, wall_s: float = 1_700_000_000.0) -> None:
        self._now = start_s
        self._offset = wall_s - start_s
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self._now + self._offset

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waker = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waker))
        await waker

    @asynccontextmanager
    async def limit(self, seconds: float | None) -> AsyncIterator[Any]:
        """See `Clock.limit`."""
        async with asyncio.timeout(None) as timeout:
            if seconds is None:
                yield timeout
                return
            waker = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waker))

            def expire(future: asyncio.Future[None]) -> None:
                if not future.cancelled():
                    timeout.reschedule(0.0)

            waker.add_done_callback(expire)
            try:
                yield timeout
            finally:
                waker.cancel()

    async def advance(self, seconds: float) -> None:
        """Turn the clock, waking each sleeper at its own moment and letting it run before the next."""
        target = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            moment, _, waker = heapq.heappop(self._sleepers)
            self._now = max(self._now, moment)
            if not waker.done():
                waker.set_result(None)
            await self._settle()
        self._now = target

    async def _settle(self) -> None:
        """Let everything that can run without the clock run."""
        for _ in range(50):
            await asyncio.sleep(0)
