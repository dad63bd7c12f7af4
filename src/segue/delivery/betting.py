"""Bets against a limit, settled block by block: the wealth that grows only where the limit is not met.

Every function takes plain floats and returns them. A *purse* holds the wealth of a few bets side by side and knows how
much of its stake is still unspent. Whatever is bet, wealth plus unspent stake never grows on average as long as the
limit is met, and it begins at one; so the chance that it ever reaches 1/alpha is at most alpha (Ville), however often
anyone looks and whenever it ends.
"""

from math import exp, log
from typing import NamedTuple

POINTS = (0.1, 0.4, 0.95)
"""How boldly is bet against a mean, as parts of the boldest bet that can never lose everything."""
RATIOS = (1.4, 2.0, 3.5, 8.0)
"""How many times as often the candidate may be bad, for the bets on whose bad trial it is."""
AT_STARTS = 0.75
"""The part of the stake that is spent at the first blocks of stages."""
DRIPPED = 0.25
"""The part of the stake that is spread evenly over the planned blocks, so that harm is found late as well."""
LEAST = 1e-4
"""A limit of zero is judged as this."""


class Schedule(NamedTuple):
    """When the stake is spent: at the first blocks of so many stages, and evenly over so many blocks."""

    starts: int
    """Stages that have a stake of their own: at least 3, so that each has a quarter at most."""
    blocks: int
    """Blocks that are planned, at least 1."""


class Purse(NamedTuple):
    """The wealth of bets side by side, and what is left of the stake for them."""

    wealth: tuple[float, ...]
    starts: int = 0
    """Stages whose first block was bet on with a stake of its own."""
    drips: int = 0
    """Blocks that were bet on."""
    fresh: bool = True
    """Whether the next bet is the first one of its stage."""
    stake: float = 1.0
    """Everything that may be spent, from the beginning on."""

    @property
    def total(self) -> float:
        """The evidence: an e-value."""
        return sum(self.wealth)


def purse(bets: int) -> Purse:
    """An empty purse for so many bets side by side."""
    return Purse((0.0,) * bets)


def at_stage(old: Purse) -> Purse:
    """The purse when a stage begins."""
    return old._replace(fresh=True)


def forgiven(old: Purse, beside: float) -> Purse:
    """The purse when a stage ends in which a baseline was beside the candidate, and its evidence came to `beside`.

    A limit that was missed, but no more than the baseline missed it, is not held against the candidate where nobody
    may be beside it: wealth over that of the comparison is given away, down to the stake it began with. That keeps
    every guarantee.
    """
    most, total = max(1.0, beside), old.total
    return old if total <= most else old._replace(wealth=tuple([one * most / total for one in old.wealth]))


def spent(old: Purse, schedule: Schedule) -> float:
    """How much of the stake is spent; never more than the whole."""
    begun = AT_STARTS * old.starts / schedule.starts
    return old.stake * (begun + DRIPPED * min(old.drips, schedule.blocks) / schedule.blocks)


def restarted(old: Purse, schedule: Schedule) -> Purse:
    """The purse with all bets closed: it begins again with the stake that is not yet spent.

    Wealth that is still in play goes back to the stake, as far as it came from there: wealth plus unspent stake is
    what never grows on average, so moving wealth back leaves the guarantee as it is.
    """
    used = spent(old, schedule)
    return Purse((0.0,) * len(old.wealth), stake=old.stake - used + min(used, old.total))


def bet(old: Purse, factors: tuple[float, ...], schedule: Schedule, ceiling: float) -> Purse:
    """The purse after one block with trials.

    Args:
        old: the purse before it.
        factors: what became of one unit in each bet; never negative, at most one on average where the limit is met.
        schedule: when the stake is spent.
        ceiling: the most that the wealth may come to.
    """
    wealth, starts, drips, fresh, stake = old
    added = 0.0
    if fresh and starts < schedule.starts:
        added = AT_STARTS / schedule.starts
        starts += 1
    if drips < schedule.blocks:
        added += DRIPPED / schedule.blocks
    each = added * stake / len(factors)
    grown = [(had + each) * factor for had, factor in zip(wealth, factors, strict=True)]
    total = sum(grown)
    if total > ceiling:
        grown = [one * ceiling / total for one in grown]
    return Purse(tuple(grown), starts, drips + 1, False, stake)


def above(share: float, limit: float) -> tuple[float, ...]:
    """What becomes of one unit bet on "the mean is over the limit" when a block's mean is `share`.

    Each factor is 1 + c / limit * (share - limit): at least 1 - c, and one on average at the limit. Nothing is
    assumed of the trials within a block. `share` and `limit` are parts of one, the limit above zero.
    """
    gain = share / limit - 1.0
    return (1.0 + POINTS[0] * gain, 1.0 + POINTS[1] * gain, 1.0 + POINTS[2] * gain)


def labels(n: float, k: float, n_other: float, k_other: float) -> tuple[float, ...]:
    """What becomes of one unit bet on "the bad trials are the candidate's more often than its part of all trials".

    Args:
        n: trials of the candidate in the block (votes of sessions), above zero.
        k: how bad they were together; a fraction where a vote is divided or badness has degrees.
        n_other: trials of the baseline, above zero.
        k_other: how bad those were.

    Given all trials and K bad ones, at equal badness the candidate's number of bad ones is hypergeometric, and the mean
    of the convex r^k is at most its binomial value ((r n + n') / (n + n'))^K (Hoeffding 1963), whatever the common rate
    does over time. Each factor is convex in the badness of every trial, so fractions in place of yes and no only lower
    its mean.
    """
    both, bad = n + n_other, k + k_other
    if bad == 0.0:
        return _EVEN
    logs = [k * rise + bad * log(both / (ratio * n + n_other)) for ratio, rise in _RISES]
    return tuple([exp(one if one < _MOST else _MOST) for one in logs])  # noqa: FURB136 - min() takes twice as long


_EVEN = (1.0,) * len(RATIOS)
_MOST = 500.0
_RISES = tuple((ratio, log(ratio)) for ratio in RATIOS)


def trials(n: float, k: float, limit: float, alternatives: tuple[float, ...]) -> tuple[float, ...]:
    """What becomes of one unit bet trial by trial on each of the alternatives to "the bad share is at most `limit`".

    Valid where each trial, given those before, is bad with a chance of at most the limit.
    """
    return tuple(
        [
            exp(min(_MOST, k * log(other / limit) + (n - k) * log((1.0 - other) / (1.0 - limit))))
            for other in alternatives
        ]
    )
