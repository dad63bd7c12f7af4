"""An analysis run of Argo Rollouts: measurements that are judged one by one, and counters with limits.

Written from its documentation, with the defaults that it has. A measurement is a number (or none, which is an error),
judged by a condition for success, one for failure, or both; comparisons with NaN are false. Failures are counted over
the whole run and never forgiven; only errors have to follow each other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from benchmarks.gates.rules.windows import NEVER, Seen
from benchmarks.gates.worlds import Numbers

Condition = Callable[[float], bool]
FAILURE_LIMIT = 3
EVERY_MINUTES = 5


class Phase(Enum):
    """What a measurement, a metric or a run is."""

    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is judged. `count` is how many measurements end it well; None never ends it."""

    success: Condition | None = None
    failure: Condition | None = None
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    count: int | None = None

    def measured(self, value: float | None) -> Phase:
        """What one measurement says. None is what an empty answer is: there is no first element to compare."""
        if value is None:
            return Phase.ERROR
        if self.failure is not None and self.failure(value):
            return Phase.FAILED
        if self.success is not None and self.success(value):
            return Phase.SUCCESSFUL
        if self.success is not None and self.failure is not None:
            return Phase.INCONCLUSIVE
        return Phase.SUCCESSFUL if self.success is None else Phase.FAILED


@dataclass(slots=True)
class Analysis:
    """The counters of one metric in a run. Errors are not counted as measurements."""

    metric: Metric
    failed: int = 0
    inconclusive: int = 0
    consecutive_errors: int = 0
    measurements: int = 0

    def measure(self, value: float | None) -> Phase:
        """Take a measurement; the phase of the metric after it."""
        phase = self.metric.measured(value)
        self.consecutive_errors = self.consecutive_errors + 1 if phase is Phase.ERROR else 0
        self.measurements += phase is not Phase.ERROR
        self.failed += phase is Phase.FAILED
        self.inconclusive += phase is Phase.INCONCLUSIVE
        return self._phase()

    def _phase(self) -> Phase:
        metric = self.metric
        if self.consecutive_errors > metric.consecutive_error_limit:
            return Phase.ERROR
        if self.inconclusive > metric.inconclusive_limit:
            return Phase.INCONCLUSIVE
        if self.failed > metric.failure_limit:
            return Phase.FAILED
        done = metric.count is not None and self.measurements >= metric.count
        return Phase.SUCCESSFUL if done else Phase.RUNNING


def rolled_back(seen: Seen, *, every: int = EVERY_MINUTES, least: int = 0, limit: int = FAILURE_LIMIT) -> Numbers:
    """The minute in which each run aborts: a condition for success only, windows as long as the interval.

    A window without trials is NaN, as a quantile of a histogram that did not move is. With `least`, the query is
    guarded: a window with fewer trials than that counts as good.
    """
    trials, shares = seen.shares(every, every)
    if least:
        shares = [np.where(trials < least, 0.0, share) for share in shares]
    metric = Metric(success=_within, failure_limit=limit)
    return np.array([_minute(run, metric, every) for run in np.stack(shares, axis=2).tolist()])


def _within(value: float) -> bool:
    return not math.isnan(value) and value <= 1.0


def _minute(run: Sequence[Sequence[float]], metric: Metric, every: int) -> float:
    analyses = [Analysis(metric) for _ in run[0]]
    for number, values in enumerate(run, 1):
        phases = [analysis.measure(value) for analysis, value in zip(analyses, values, strict=True)]
        if any(phase in (Phase.FAILED, Phase.ERROR) for phase in phases):
            return float(number * every)
    return NEVER
