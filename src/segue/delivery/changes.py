"""After the last stage: finding a change for the worse whenever it comes, without an end in sight.

A sum of bets, one begun in each block (Shiryaev and Roberts): R becomes (R + stake) times what a unit bet came to.
Where the limit is met R minus the number of blocks never grows on average, so alarms are on average at least as many
blocks apart as the line says, and within N blocks one comes with a chance of at most N / line.
"""

from typing import NamedTuple

from segue.delivery.betting import POINTS, RATIOS

APART_S = 90 * 86_400.0
"""False alarms are at least so far apart, on average."""


class Drift(NamedTuple):
    """The sums of bets on a change: against the limit, and against the baseline."""

    limit: tuple[float, ...] = (0.0,) * len(POINTS)
    blame: tuple[float, ...] = (0.0,) * len(RATIOS)

    def evidence(self, guarded: bool) -> float:
        """How far it has come; with a baseline beside it both sums must be high."""
        return min(sum(self.limit), sum(self.blame)) if guarded else sum(self.limit)


def line(block_s: float) -> float:
    """Where a sum alarms: the number of blocks in ninety days."""
    return APART_S / block_s


def drifted(old: tuple[float, ...], factors: tuple[float, ...], most: float) -> tuple[float, ...]:
    """The sums after one block, cut off at `most`."""
    each = 1.0 / len(factors)
    return tuple([min(most, (had + each) * factor) for had, factor in zip(old, factors, strict=True)])
