"""What many runs come to: shares and quantiles, and the claims that goals make of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the table: what was measured, against what, and how others did in the same runs."""

    goal: str
    what: str
    value: float
    """What Segue measured; infinite where it never came."""
    limit: float | None
    """None where there is no goal, only something to compare with."""
    unit: str = "%"
    at_least: bool = False
    """Whether more is better."""
    others: Mapping[str, float] = field(default_factory=dict)
    """What other rules measured, by name, in the same unit."""
    runs: int = 0
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def quantile(values: Sequence[float | None], share: float) -> float:
    """The smallest value that at least this share of all runs does not exceed; infinite where too many never came."""
    ordered = sorted(math.inf if value is None else value for value in values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def percent(happened: Sequence[bool]) -> float:
    """How many of them happened, in percent."""
    return 100.0 * sum(happened) / len(happened) if happened else math.nan


def rolled_back(result: Result) -> float:
    """How many runs were rolled back, in percent."""
    return percent([minute is not None for minute in result["minutes"]])


def by_rule(result: Result, figure: Callable[[Result], float]) -> dict[str, float]:
    """A figure of every other rule."""
    return {rule: figure(of) for rule, of in result.items() if rule != "ours"}


def after(result: Result, since: int, name: str = "minutes") -> list[float | None]:
    """Minutes (or what else) from the moment things got worse; runs that were rolled back before are left out."""
    found: list[float | None] = []
    for minute, value in zip(result["minutes"], result[name], strict=True):
        if minute is None or minute > since:
            found.append(None if minute is None else value - (since if name == "minutes" else 0))
    return found
