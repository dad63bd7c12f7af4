"""The right to look after rollouts for a while, so that of several servers only one does the work.

It only saves work: whether a change is written is decided by its version, not by who holds the lease.
"""

from segue.clock import Clock
from segue.delivery.ports import RolloutStore


class Lease:
    """The lease as one server knows it. It holds for `seconds`, and is renewed when half of that is over."""

    def __init__(self, store: RolloutStore, holder: str, clock: Clock, seconds: float) -> None:
        self._store = store
        self._holder = holder
        self._clock = clock
        self._seconds = seconds
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether this server holds it."""
        return self._clock.wall() < self._until

    async def take(self) -> bool:
        """Whether this server holds it now; it is asked for where that is not so, or not for long any more.

        Raises:
            Unavailable: the store cannot be written.
        """
        now = self._clock.wall()
        if self._until - now <= self._seconds / 2:
            won = await self._store.lease(self._holder, now, self._seconds)
            self._until = now + self._seconds if won else 0.0
        return self.held

    async def leave(self) -> None:
        """Let another server have it at once: this one is about to end.

        Raises:
            Unavailable: the store cannot be written; another server has it when its time is over.
        """
        if self.held:
            self._until = 0.0
            await self._store.lease(self._holder, self._clock.wall(), 0.0)
