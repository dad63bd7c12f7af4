"""Flagger's loop: a counter of failed checks that only grows, and a rollback one tick after it reaches a threshold.

Written from its documentation. Every interval each metric is asked for over a window; the first that is outside its
range ends the tick with one more failed check, and so does one without a value. Nothing sets the counter back while a
candidate is analysed. At the beginning of a tick, before any metric is asked for, a full counter rolls back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gates.rules.windows import NEVER, Seen
from benchmarks.gates.worlds import Numbers

THRESHOLD = 5


@dataclass(slots=True)
class Loop:
    """One analysis: its failed checks so far."""

    threshold: int = THRESHOLD
    failed_checks: int = 0

    def tick(self, values: Iterable[float | None], highest: float) -> bool:
        """Whether this tick rolls back; otherwise the metrics' values are checked. None and NaN are no values."""
        if self.failed_checks >= self.threshold:
            return True
        for value in values:
            if value is None or not value <= highest:
                self.failed_checks += 1
                break
        return False


def rolled_back(seen: Seen, *, every: int = 1, minutes: int = 1, least: int = 0, threshold: int = THRESHOLD) -> Numbers:
    """The minute in which each run rolls back: checks every `every` minutes over windows of `minutes`.

    With `least`, the query is guarded: a window with fewer trials than that counts as passed.
    """
    trials, shares = seen.shares(every, minutes)
    if least:
        shares = [np.where(trials < least, 0.0, share) for share in shares]
    ticks = np.stack(shares, axis=2).tolist()
    return np.array([_minute(run, every, threshold) for run in ticks])


def _minute(run: Sequence[Sequence[float]], every: int, threshold: int) -> float:
    loop = Loop(threshold)
    for number, values in enumerate(run, 1):
        if loop.tick(values, 1.0):
            return float(number * every)
    return NEVER
