"""Places that are limited in number: how many may run at once, and who waits first."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from segue.errors import Overloaded


class Slots:
    """At most `limit` holders at once; waiters are served by ascending priority, then in the order they came.

    The first sentence of a reply asks with priority 0, later ones with their number, so that a listener who waits for
    the first sound is never queued behind somebody's fifth sentence.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(1 for _, _, waiter in self._waiting if not waiter.done())

    @asynccontextmanager
    async def hold(self, priority: int = 0) -> AsyncIterator[None]:
        """Hold one place for the time of the block, waiting for it if need be."""
        await self._take(priority)
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def hold_now(self) -> Iterator[None]:
        """Hold one place, or refuse at once.

        Raises:
            Overloaded: every place is taken.
        """
        if self.held >= self.limit:
            raise Overloaded(f"All {self.limit} places are taken; try again in a moment.")
        self.held += 1
        try:
            yield
        finally:
            self._give()

    async def _take(self, priority: int) -> None:
        if self.held < self.limit and not self._waiting:
            self.held += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._give()  # the place arrived in the very moment in which the waiter gave up
            raise

    def _give(self) -> None:
        """Hand the place to the next who waits, or free it."""
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self.held -= 1
