"""Counts against rate limits in this process: for one server, and for one whose Redis is gone."""

import heapq
from collections.abc import Sequence

from segue.clock import Clock
from segue.console.ratelimit import Policy, Verdict, decide, undo

SWEEP_US = 60_000_000
"""Scopes that are free again are forgotten at least so often, while there are requests."""


class MemoryLimitStore:
    """Counts on the monotonic clock, so setting the machine's clock changes nothing. Nothing survives the process.

    A scope is forgotten once all of its burst is free again. At most `capacity` scopes are kept: when more are in use
    at once, those are forgotten that would be free the soonest.
    """

    def __init__(self, clock: Clock, *, capacity: int = 100_000) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._clock = clock
        self._capacity = capacity
        self._arrivals: dict[str, int] = {}
        self._sweep_at = min(1000, capacity)
        self._swept_us = 0

    def __len__(self) -> int:
        return len(self._arrivals)

    async def take(self, wanted: Sequence[tuple[str, Policy]]) -> Verdict:
        """See `LimitStore.take`."""
        now_us = self._now_us()
        verdict, after = decide(self._arrivals, wanted, now_us)
        self._keep(after, now_us)
        return verdict

    async def give_back(self, wanted: Sequence[tuple[str, Policy]]) -> None:
        """See `LimitStore.give_back`."""
        now_us = self._now_us()
        self._keep(undo(self._arrivals, wanted, now_us), now_us)

    def _now_us(self) -> int:
        return int(self._clock.now() * 1_000_000)

    def _keep(self, after: dict[str, int], now_us: int) -> None:
        for scope, arrival in after.items():
            if arrival > now_us:
                self._arrivals[scope] = arrival
            else:
                self._arrivals.pop(scope, None)
        if len(self._arrivals) > self._sweep_at or now_us >= self._swept_us + SWEEP_US:
            self._sweep(now_us)

    def _sweep(self, now_us: int) -> None:
        """Forget what is free again, and what is next to be so where that is not enough.

        It is rare: the next one is due after a minute, or when twice as much is kept.
        """
        self._swept_us = now_us
        busy = {scope: arrival for scope, arrival in self._arrivals.items() if arrival > now_us}
        if len(busy) > self._capacity:
            kept = max(1, self._capacity * 9 // 10)
            busy = dict(heapq.nlargest(kept, busy.items(), key=lambda item: item[1]))
        self._arrivals = busy
        self._sweep_at = min(self._capacity, max(1000, 2 * len(busy)))
