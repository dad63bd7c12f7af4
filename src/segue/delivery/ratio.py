"""Whether the arms are as large as they should be: a check of the shares on listeners, as they first appear.

Where the candidate has far fewer or far more listeners than its share, somebody is routed wrongly, and no comparison
of the arms means anything. Each listener's arm is drawn by a hash, so it is a trial with a known chance. A listener is
new to each replica once, so a trial may be counted as often as there are replicas; each time it weighs that much less.
"""

from typing import NamedTuple

from segue.delivery.betting import trials
from segue.delivery.evidence import Counts

ALPHA = 0.001
"""The chance, in each stage, to be told of wrong shares although they are right."""
CEILING = 10.0 / ALPHA
TIMES = 4.0
"""The shares that are bet on: a quarter of the intended one, and four times it (at most half way to everything)."""


class Shares(NamedTuple):
    """The bets on wrong shares, and the listeners of each arm since the stage began."""

    wealth: tuple[float, ...] = (0.5, 0.5)
    candidate: int = 0
    baseline: int = 0

    @property
    def evidence(self) -> float:
        """How strongly the intended share is refuted: an e-value."""
        return sum(self.wealth)

    @property
    def wrong(self) -> bool:
        """Whether it is refuted."""
        return self.evidence >= 1.0 / ALPHA


def appeared(old: Shares, share: float, candidate: Counts, baseline: Counts, replicas: int = 1) -> Shares:
    """The bets after a minute's new listeners; `share` is the candidate's intended one, as a part of one.

    `replicas` is how often a listener may have been counted: a root of a likelihood ratio has a mean of at most one as
    well. With a share of nothing or everything there is nothing to bet on.
    """
    k, n = candidate.n, candidate.n + baseline.n
    if n == 0:
        return old
    wealth = old.wealth
    if 0.0 < share < 1.0:
        others = (share / TIMES, min(share * TIMES, (1.0 + share) / 2.0))
        factors = trials(n / replicas, k / replicas, share, others)
        wealth = tuple(min(CEILING, had * factor) for had, factor in zip(wealth, factors, strict=True))
    return Shares(wealth, old.candidate + candidate.n, old.baseline + baseline.n)
