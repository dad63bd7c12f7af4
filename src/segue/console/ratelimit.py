"""Rate limits: the generic cell rate algorithm over any number of scopes at once. Values and rules only.

What is kept of a scope is one moment: its *arrival*, at which all of its burst is free again. A request moves it one
interval on, and is let through as long as it then lies no further ahead than a whole burst. Everything is counted in
whole microseconds, so that every store decides alike, to the last request.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Policy:
    """How often: `per_s` in the long run, `burst` at once."""

    name: str
    """As in the header `RateLimit-Policy`: `chat` or `operator`."""
    per_s: float
    burst: int

    @property
    def interval_us(self) -> int:
        """Between two requests in the long run: rounded down, so that at three a second three pass each second."""
        # 1e6 / (100 / 60) is a hair less than 600,000: what floating point takes away is given back.
        return max(1, int(1_000_000 / self.per_s + 1e-6))

    @property
    def window_us(self) -> int:
        """How long a whole burst takes to become free again."""
        return self.burst * self.interval_us


@dataclass(frozen=True, slots=True)
class Standing:
    """How one scope stands after a verdict."""

    policy: Policy
    remaining: int
    """Requests that would be let through at once now."""
    reset_s: float
    """Until all of the burst is free again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided over all scopes of a request together; a refusal has counted nothing."""

    allowed: bool
    standings: tuple[Standing, ...]
    violated: Policy | None = None
    """The policy that was violated; the one that takes longest where several were."""
    retry_after_s: float = 0.0


def decide(
    arrivals: Mapping[str, int], wanted: Sequence[tuple[str, Policy]], now_us: int
) -> tuple[Verdict, dict[str, int]]:
    """Count one request in every scope, or in none; the verdict, and the arrivals that are to be kept from now on.

    `arrivals` and `now_us` are microseconds of the same clock; a scope that is missing is all free. An arrival that
    lies further ahead than a burst can have moved it, as after the clock was set back or the policy was made smaller,
    is drawn in to the whole burst: nobody is locked out for longer than that.
    """
    before = {
        scope: min(max(arrivals.get(scope, now_us), now_us), now_us + policy.window_us) for scope, policy in wanted
    }
    allowed = all(before[scope] + policy.interval_us <= now_us + policy.window_us for scope, policy in wanted)
    after = {scope: before[scope] + (policy.interval_us if allowed else 0) for scope, policy in wanted}
    return verdict(allowed, [(policy, after[scope]) for scope, policy in wanted], now_us), after


def undo(arrivals: Mapping[str, int], wanted: Sequence[tuple[str, Policy]], now_us: int) -> dict[str, int]:
    """Take one request back in every scope; the arrivals that are to be kept. Nobody gets more than the burst by it."""
    return {
        scope: max(now_us, min(arrivals.get(scope, now_us), now_us + policy.window_us) - policy.interval_us)
        for scope, policy in wanted
    }


def verdict(allowed: bool, after: Sequence[tuple[Policy, int]], now_us: int) -> Verdict:
    """The verdict, from each policy and where its arrival is after it."""
    standings = tuple(
        Standing(policy, (now_us + policy.window_us - arrival) // policy.interval_us, (arrival - now_us) / 1_000_000)
        for policy, arrival in after
    )
    if allowed:
        return Verdict(True, standings)
    waits_us = [arrival + policy.interval_us - policy.window_us - now_us for policy, arrival in after]
    longest = waits_us.index(max(waits_us))
    return Verdict(False, standings, after[longest][0], waits_us[longest] / 1_000_000)


def part(policy: Policy, replicas: int) -> Policy:
    """What one of so many servers may let through by itself: its part of the limit, and always one at once."""
    return replace(policy, per_s=policy.per_s / replicas, burst=max(1, policy.burst // replicas))


def window_s(policy: Policy) -> int:
    """The window of a policy as headers give it: whole seconds, rounded up."""
    return math.ceil(policy.window_us / 1_000_000)
