"""What a deployment must show after a rollback: one table of limits, and how a figure is judged by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segue.operations.report import Check, Figure, Level


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A limit, and on which side of it a figure must lie; on the limit itself it does not hold."""

    name: str
    limit: float
    below: bool
    says: str
    """What the figure is, for people, with its unit after the number."""
    unit: str = ""
    scale: float = 1.0
    """What the figure is multiplied by where it is told to people."""
    least: int = 1
    """With fewer than so many observations nothing is said."""

    def holds(self, value: float) -> bool:
        """Whether a figure keeps to it."""
        return value < self.limit if self.below else value > self.limit


YARDSTICKS: Mapping[str, Yardstick] = {
    each.name: each
    for each in (
        Yardstick("endpoint_ms", 2000.0, True, "the slowest of the server's answers about its health", " ms"),
        Yardstick("error_ratio", 0.01, True, "the share of listeners' turns that failed meanwhile", least=100),
        Yardstick(
            "memory_bytes", 1e9, True, "memory of the serving process, without the engines' own", " MB", scale=1e-6
        ),
        Yardstick("recognition_ratio", 0.95, False, "the share of spoken sentences that were recognized"),
        Yardstick("recognition_ms", 3000.0, True, "the mean time of a recognition", " ms"),
        Yardstick("synthesis_ratio", 0.98, False, "the share of tries that spoke"),
        Yardstick("synthesis_ms", 2000.0, True, "the mean time of a synthesis", " ms"),
    )
}
"""Every yardstick by its name."""


def judge(name: str, values: Sequence[float], reason: str = "", hint: str = "") -> Check:
    """A check of the mean of what was observed; `reason` says why nothing was, where that is so.

    Raises:
        KeyError: there is no such yardstick.
    """
    yardstick = YARDSTICKS[name]
    check = f"criteria.{name}"
    n = len(values)
    if n < yardstick.least:
        why = reason or f"there were {n}, and at least {yardstick.least} are needed"
        return Check(check, Level.NOT_MEASURED, f"Not measured: {why}.", {"n": n}, hint)
    value = sum(values) / n
    side = "under" if yardstick.below else "over"
    said = f"{yardstick.says[0].upper()}{yardstick.says[1:]}: {value * yardstick.scale:,.4g}{yardstick.unit}"
    figures: dict[str, Figure] = {"value": round(value, 6), "limit": yardstick.limit, "n": n}
    level = Level.PASS if yardstick.holds(value) else Level.FAIL
    sentence = f"{said}; {side} {yardstick.limit * yardstick.scale:,.4g} is wanted (n = {n})."
    return Check(check, level, sentence, figures, "" if level is Level.PASS else hint)
