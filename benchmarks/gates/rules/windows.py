"""Counts per minute, seen through windows: what polling rules look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gates.worlds import Counts, Numbers

NEVER = np.inf
"""The minute of a rollback that does not come."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one arm did in many runs: `trials[run, minute]`, and for each metric `bad[metric][run, minute]`.

    A metric is over its limit where more than `allowed` of the trials are bad: a p95 over its limit is the same as
    more than 5 % of the trials over that limit, when it is read from a histogram with an edge at the limit.
    """

    trials: Counts
    bad: Sequence[Counts]
    allowed: Sequence[float]

    def windows(self, every: int, minutes: int) -> tuple[Counts, list[Counts]]:
        """Trials, and bad ones by metric, of the latest `minutes` at the end of every `every`th minute."""
        return _sums(self.trials, every, minutes), [_sums(bad, every, minutes) for bad in self.bad]

    def shares(self, every: int, minutes: int) -> tuple[Counts, list[Numbers]]:
        """Trials of each window, and by metric how large a share of the limit its bad share is; NaN without trials."""
        trials, bad = self.windows(every, minutes)
        divisor = np.where(trials > 0, trials, np.nan)
        return trials, [each / divisor / allowed for each, allowed in zip(bad, self.allowed, strict=True)]


def _sums(values: Counts, every: int, minutes: int) -> Counts:
    total: Counts = np.concatenate([np.zeros((len(values), 1), dtype=np.int64), np.cumsum(values, axis=1)], axis=1)
    ends = np.arange(every, values.shape[1] + 1, every)
    return np.subtract(total[:, ends], total[:, np.maximum(0, ends - minutes)])
