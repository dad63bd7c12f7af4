"""How often somebody may try to sign in: from one address, and from all together. It is counted in this process."""

from segue.clock import Clock
from segue.console.ratelimit import Policy, decide, undo
from segue.errors import RateLimited

ADDRESS = Policy("address", per_s=0.2, burst=10)
"""Tries from one address."""
ALL = Policy("all", per_s=5.0, burst=100)
"""Tries from all addresses together."""
EVERYBODY = "all"
KNOWN = 10_000
"""So many addresses are counted; beyond, those are forgotten that may try at once again anyway, or the oldest."""


class Attempts:
    """Counts tries to sign in; one that ends well is given back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrivals: dict[str, int] = {}

    def take(self, address: str) -> None:
        """Count a try from an address.

        Raises:
            RateLimited: there were too many lately.
        """
        now_us = self._now_us()
        found, after = decide(self._arrivals, _wanted(address), now_us)
        if not found.allowed:
            policy = found.violated.name if found.violated is not None else ALL.name
            raise RateLimited(
                "Too many tries to sign in; wait a little.", policy=policy, retry_after_s=found.retry_after_s
            )
        self._keep(after, now_us)

    def give_back(self, address: str) -> None:
        """Undo a try that ended well."""
        now_us = self._now_us()
        self._keep(undo(self._arrivals, _wanted(address), now_us), now_us)

    def _keep(self, arrivals: dict[str, int], now_us: int) -> None:
        self._arrivals |= arrivals
        if len(self._arrivals) > KNOWN:
            self._arrivals = {scope: at_us for scope, at_us in self._arrivals.items() if at_us > now_us}
        while len(self._arrivals) > KNOWN:
            del self._arrivals[next(scope for scope in self._arrivals if scope != EVERYBODY)]

    def _now_us(self) -> int:
        return round(self._clock.now() * 1e6)


def _wanted(address: str) -> list[tuple[str, Policy]]:
    return [(f"address:{address}", ADDRESS), (EVERYBODY, ALL)]
