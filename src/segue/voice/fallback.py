"""Which provider next? The course of one errand (a reply, a sentence, a recording) through a chain, as a pure value.

The order of the chain is the order of preference. A provider that failed is left for the next one at once, because a
listener is waiting; only a connection that broke before anything came is worth asking the same provider again right
away. When every provider had its turn, those whose failure may have been a passing one are asked once more, after a
pause drawn by chance, within the time a listener would bear and within the provider's retry budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from segue.errors import FailureCategory
from segue.voice.breaker import Admission

PASSING = frozenset(
    {
        FailureCategory.RATE_LIMIT,
        FailureCategory.NETWORK,
        FailureCategory.SERVER,
        FailureCategory.TRUNCATED,
        FailureCategory.EMPTY_AUDIO,
    }
)
"""Failures after which the same call may succeed. A timeout is not among them: who was silent will be silent."""


@dataclass(frozen=True, slots=True)
class FallbackRules:
    """How far one errand goes. `patience_s`: the longest that it pauses, all its pauses together."""

    tries_each: int = 2
    at_once_s: float = 0.05
    """Longest pause before asking the same provider again after its connection broke."""
    backoff_s: float = 0.4
    patience_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Try:
    """Ask this provider, after `wait_s`; `repeat` if it was asked the same before."""

    name: str
    reason: str
    wait_s: float = 0.0
    repeat: bool = False
    probe: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody is left to ask; `after_s` is when it makes sense to come again."""

    reason: str
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """One failed attempt of this errand."""

    name: str
    category: FailureCategory
    message: str
    retry_after_s: float | None
    anything_came: bool


@dataclass(slots=True)
class Walk:
    """The state of one errand. `unsuitable` tells why a provider cannot do it at all: that is no failure."""

    order: Sequence[str]
    unsuitable: Mapping[str, str] = field(default_factory=dict)
    rules: FallbackRules = FallbackRules()
    failures: list[Failed] = field(default_factory=list)
    paused_s: float = 0.0

    @property
    def suitable(self) -> list[str]:
        """Those who can do it, in order."""
        return [name for name in self.order if name not in self.unsuitable]

    def next(self, admissions: Mapping[str, Admission], spare: Mapping[str, bool], luck: float) -> Try | GiveUp:
        """The next attempt.

        Args:
            admissions: what each provider's breaker says.
            spare: whether each provider's retry budget has room for a repeat.
            luck: drawn from 0 to 1; full jitter.
        """
        suitable = self.suitable
        if not suitable:
            why = "; ".join(f"{name}: {reason}" for name, reason in self.unsuitable.items())
            return GiveUp(f"none can do it ({why})")
        last = self.failures[-1] if self.failures else None
        if last is not None and self._worth_another(last, spare) and admissions[last.name].allowed:
            return self._again(last, "its connection broke", luck * self.rules.at_once_s, admissions)
        for name in suitable:
            if not self._tries(name) and admissions[name].allowed:
                reason = "first choice" if name == self.order[0] else self._why_not_before(name, admissions)
                return Try(name, reason, probe=admissions[name].probe)
        return self._second_round(suitable, admissions, spare, luck)

    def failed(
        self,
        name: str,
        category: FailureCategory,
        message: str = "",
        *,
        retry_after_s: float | None = None,
        anything_came: bool = False,
    ) -> None:
        """An attempt failed."""
        self.failures.append(Failed(name, category, message, retry_after_s, anything_came))

    def paused(self, seconds: float) -> None:
        """The errand waits so long before its next attempt."""
        self.paused_s += seconds

    def _second_round(
        self, suitable: Sequence[str], admissions: Mapping[str, Admission], spare: Mapping[str, bool], luck: float
    ) -> Try | GiveUp:
        """Those who may do better the second time; the one that can be asked soonest first."""
        soonest: Try | None = None
        for failure in self.failures:
            name = failure.name
            tried, out_of_reach = self._tries(name), not admissions[name].allowed
            if failure.category not in PASSING or tried >= self.rules.tries_each or not spare[name]:
                continue
            wait_s = luck * self.rules.backoff_s * 2.0 ** (tried - 1)
            if out_of_reach or failure.retry_after_s:
                wait_s += max(failure.retry_after_s or 0.0, admissions[name].after_s)
            if self.paused_s + wait_s <= self.rules.patience_s and (soonest is None or wait_s < soonest.wait_s):
                soonest = Try(name, f"once more after {failure.category.value}", wait_s, repeat=True)
        if soonest is not None:
            return soonest
        after_s = min((admissions[name].after_s for name in suitable), default=0.0)
        return GiveUp(self._summary(suitable, admissions), max(0.0, after_s))

    def _worth_another(self, last: Failed, spare: Mapping[str, bool]) -> bool:
        return (
            last.category is FailureCategory.NETWORK
            and not last.anything_came
            and self._tries(last.name) < self.rules.tries_each
            and spare[last.name]
        )

    def _again(self, last: Failed, reason: str, wait_s: float, admissions: Mapping[str, Admission]) -> Try:
        return Try(last.name, reason, wait_s, repeat=True, probe=admissions[last.name].probe)

    def _tries(self, name: str) -> int:
        return sum(failure.name == name for failure in self.failures)

    def _why_not_before(self, name: str, admissions: Mapping[str, Admission]) -> str:
        """Why those before this provider do not do it."""
        reasons = []
        for earlier in self.order[: list(self.order).index(name)]:
            failures = [failure.category.value for failure in self.failures if failure.name == earlier]
            resting = admissions[earlier].reason if earlier in admissions else ""
            reasons.append(f"{earlier}: {self.unsuitable.get(earlier) or ', '.join(failures) or resting}")
        return "; ".join(reasons)

    def _summary(self, suitable: Sequence[str], admissions: Mapping[str, Admission]) -> str:
        told = [f"{failure.name}: {failure.message or failure.category.value}" for failure in self.failures]
        asked = {failure.name for failure in self.failures}
        told += [f"{name} is resting ({admissions[name].reason})" for name in suitable if name not in asked]
        return "; ".join(told)
