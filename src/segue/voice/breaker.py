"""The circuit breaker and the retry budget of one provider: pure state that is told the time and the luck of the draw.

    closed ──(5 failures in a row, or half of at least 10 calls in 5 min)──▶ open ──(60 s, or 12 s where the provider
       ▲                                                                     ▲        is the only one)──▶ half open
       └──────────────(3 probes in a row succeed)──── half open ──(a probe fails)───┘

A call that succeeded slowly counts like one that failed: to a listener it is the same silence. But slow speech is
better than none: a provider that is only slow is asked all the same where there is no other. A refused key or an
exhausted account opens the breaker at once, because the next call would be refused just so; a provider that says when
it wants to be asked again is left alone until then. What is wrong with the request says nothing about the provider.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from segue.errors import FailureCategory

NOT_ITS_FAULT = frozenset({FailureCategory.BAD_REQUEST, FailureCategory.UNSUPPORTED})
HOPELESS = frozenset({FailureCategory.AUTH, FailureCategory.QUOTA})

PARTS = 60
"""The window is counted in so many parts, so that a busy provider's calls need no more room than a quiet one's."""


class BreakerState(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens and closes; seconds, counts and shares."""

    in_a_row: int = 5
    share: float = 0.5
    least: int = 10
    window_s: float = 300.0
    open_s: float = 60.0
    alone_s: float = 12.0
    """The longest a provider rests for which there is no other."""
    jitter: float = 0.1
    """How much longer the rest may be, by chance, so that replicas do not come back together."""
    probes: int = 3


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may be made now. `probe`: it must be reported as one; `after_s`: when to ask again, if not."""

    allowed: bool
    reason: str
    probe: bool = False
    after_s: float = 0.0


@dataclass(slots=True)
class Breaker:
    """What is known about one provider. Every method takes `now` in monotonic seconds; `luck` is drawn from 0 to 1."""

    rules: BreakerRules = BreakerRules()
    state: BreakerState = BreakerState.CLOSED
    since: float = 0.0
    reason: str = "no failures"
    opened: int = 0
    """How often it has opened."""
    _rest_s: float = 0.0
    _in_a_row: int = 0
    _slow: bool = False
    """It opened because calls were slow, more than because they failed."""
    _calls: deque[list[int]] = field(default_factory=deque)
    """For each part of the window: its number, the calls in it, the bad ones among them, and of these the slow ones."""
    _probes_out: int = 0
    _probes_passed: int = 0

    def admit(self, now: float, *, alone: bool = False) -> Admission:
        """May a listener's call be made? Where the provider is the only one, listeners' calls are the probes."""
        self._rouse(now, alone=alone)
        if self.state is BreakerState.CLOSED:
            return Admission(True, "closed")
        if alone and self._slow:
            return Admission(True, "slow, but there is no other", probe=self.admit_probe(now).allowed)
        if self.state is BreakerState.OPEN:
            return Admission(False, self.reason, after_s=self._due(alone=alone) - now)
        if not alone:
            return Admission(False, "being tried out", after_s=1.0)
        return self.admit_probe(now)

    def admit_probe(self, now: float) -> Admission:
        """May a probe be made? Only half open, and never more of them at once than are needed to close."""
        self._rouse(now)
        if self.state is not BreakerState.HALF_OPEN:
            return Admission(False, f"{self.state.value}, not half open")
        if self._probes_out >= self.rules.probes - self._probes_passed:
            return Admission(False, "enough probes are running", after_s=1.0)
        return Admission(True, "half open", probe=True)

    def began(self, *, probe: bool) -> None:
        """An admitted call is made; its end is to be told by exactly one of `succeeded`, `failed` and `dropped`."""
        self._probes_out += probe

    def succeeded(self, now: float, luck: float, *, slow: bool = False, probe: bool = False) -> None:
        """A call came to its good end, `slow` or not."""
        if probe:
            self._probes_out -= 1
        if self.state is BreakerState.HALF_OPEN and probe:
            if slow:
                self._open(now, luck, "a probe was slow", slow=True)
                return
            self._probes_passed += 1
            if self._probes_passed >= self.rules.probes:
                self._turn(BreakerState.CLOSED, now, f"{self.rules.probes} probes succeeded")
            return
        if self.state is BreakerState.CLOSED:
            self._count(now, luck, slow=slow)
        else:
            self._in_a_row = 0

    def failed(
        self,
        now: float,
        luck: float,
        category: FailureCategory,
        *,
        probe: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """A call failed."""
        if probe:
            self._probes_out -= 1
        if category in NOT_ITS_FAULT:
            return
        if self.state is BreakerState.HALF_OPEN:
            if probe:
                self._open(now, luck, f"a probe failed: {category.value}")
        elif self.state is BreakerState.OPEN and not self._slow:
            return  # the late end of a call from before it opened
        elif category in HOPELESS:
            self._open(now, luck, category.value)
        elif category is FailureCategory.RATE_LIMIT and retry_after_s:
            self._open(now, 0.0, "it asked to be left alone")
            self._rest_s = min(retry_after_s, self.rules.open_s)
        else:
            self._count(now, luck, failed=True)

    def dropped(self, *, probe: bool = False) -> None:
        """A call was given up by us before it had an outcome."""
        if probe:
            self._probes_out -= 1

    @property
    def failing_share(self) -> float | None:
        """The share of bad calls in the window; None where there was no call."""
        calls = sum(part[1] for part in self._calls)
        return sum(part[2] for part in self._calls) / calls if calls else None

    def rests_until(self, *, alone: bool = False) -> float | None:
        """The moment from which it will be tried again, in monotonic seconds; None unless it is open."""
        return self._due(alone=alone) if self.state is BreakerState.OPEN else None

    def _due(self, *, alone: bool) -> float:
        return self.since + (min(self._rest_s, self.rules.alone_s) if alone else self._rest_s)

    def _rouse(self, now: float, *, alone: bool = False) -> None:
        """An open breaker whose rest is over is half open."""
        if self.state is BreakerState.OPEN and now >= self._due(alone=alone):
            self._turn(BreakerState.HALF_OPEN, now, "its rest is over")

    def _count(self, now: float, luck: float, *, slow: bool = False, failed: bool = False) -> None:
        rules, number, bad = self.rules, int(now * PARTS / self.rules.window_s), slow or failed
        if not self._calls or self._calls[-1][0] != number:
            self._calls.append([number, 0, 0, 0])
        while self._calls[0][0] < number - PARTS:
            self._calls.popleft()
        self._calls[-1][1] += 1
        self._calls[-1][2] += bad
        self._calls[-1][3] += slow
        self._in_a_row = self._in_a_row + 1 if bad else 0
        if not bad:
            return
        calls, share = sum(part[1] for part in self._calls), self.failing_share or 0.0
        mostly_slow = 2 * sum(part[3] for part in self._calls) > sum(part[2] for part in self._calls)
        if self._in_a_row >= rules.in_a_row:
            what = "slow calls" if slow else "failures"
            self._open(now, luck, f"{self._in_a_row} {what} in a row", slow=mostly_slow)
        elif calls >= rules.least and share >= rules.share:
            self._open(now, luck, f"{share:.0%} of {calls} calls failed or were slow", slow=mostly_slow)

    def _open(self, now: float, luck: float, reason: str, *, slow: bool = False) -> None:
        self._slow = slow
        self._rest_s = self.rules.open_s * (1.0 + self.rules.jitter * luck)
        self.opened += 1
        self._turn(BreakerState.OPEN, now, reason)

    def _turn(self, state: BreakerState, now: float, reason: str) -> None:
        self.state, self.since, self.reason = state, now, reason
        self._in_a_row = self._probes_passed = 0
        self._calls.clear()


@dataclass(slots=True)
class Budget:
    """How many calls of a provider may be repeats: a share of its calls of the last seconds, and a few besides."""

    share: float = 0.2
    floor_per_s: float = 0.2
    window_s: int = 10
    _calls: deque[list[int]] = field(default_factory=deque)
    """For each second: its number, the calls in it, the repeats in it."""

    def spent(self, now: float, *, repeat: bool = False) -> None:
        """A call is made; `repeat` if the same was asked of the same provider before."""
        second = self._second(now)
        second[2 if repeat else 1] += 1

    def allows(self, now: float) -> bool:
        """Whether one more repeat fits."""
        self._second(now)
        calls, repeats = sum(second[1] for second in self._calls), sum(second[2] for second in self._calls)
        return repeats + 1 <= self.share * calls + self.floor_per_s * self.window_s

    def _second(self, now: float) -> list[int]:
        number = int(now // 1)
        while self._calls and self._calls[0][0] <= number - self.window_s:
            self._calls.popleft()
        if not self._calls or self._calls[-1][0] != number:
            self._calls.append([number, 0, 0])
        return self._calls[-1]
