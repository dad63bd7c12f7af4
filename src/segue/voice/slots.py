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
        self.closed = False
        """Set when nobody new is to be let in; who holds a place keeps it."""
        self._order = itertools.count()
        self._leaving: asyncio.Future[None] | None = None
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
            Overloaded: every place is taken, or the doors are closed.
        """
        if self.closed:
            raise Overloaded("This server is about to stop; ask again in a moment.")
        if self.held >= self.limit:
            raise Overloaded(f"All {self.limit} places are taken; try again in a moment.")
        self.held += 1
        try:
            yield
        finally:
            self._give()

    async def empty(self) -> None:
        """Wait until nobody holds a place."""
        while self.held:
            self._leaving = self._leaving or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._leaving)

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
        if not self.held and self._leaving is not None:
            self._leaving.set_result(None)
            self._leaving = None
