"""The fast tier: a coarse limit judged trial by trial, for harm that must not wait for a block.

Trials are folded minute by minute; the open minute is looked at and never folded, so it does not matter how often
anyone looks. While a baseline is beside it the limit must be refuted *and* it must be the candidate's bad trials:
an outage common to both arms is nobody's to roll back. Without a baseline a doubled limit must be refuted as well.
"""

from functools import lru_cache
from typing import NamedTuple

from segue.delivery.betting import (
    RATIOS,
    Purse,
    Schedule,
    at_stage,
    bet,
    forgiven,
    labels,
    purse,
    restarted,
    trials,
)
from segue.delivery.evidence import MILLION, Counts

_LOW = (1 / 15, 1 / 6, 1 / 3, 11 / 18, 17 / 18)
_HIGH = (0.2, 0.44, 0.7, 0.94)


class Quick(NamedTuple):
    """The bets of one gate's fast tier."""

    limit: Purse
    doubled: Purse
    blame: Purse
    n: int = 0
    """Trials of the candidate since the stage began, and bad ones in millionths."""
    bad: int = 0
    seen: int = 0
    """Minutes of the stage with trials of the candidate, and those with trials of both arms."""
    both: int = 0
    minutes: int = 0
    """Minutes of the stage that are folded: the next one has at least this number."""

    @property
    def guarded(self) -> bool:
        """Whether a baseline is beside it."""
        return beside(self.both, self.seen)

    @property
    def evidence(self) -> float:
        """How strongly the limit is refuted together with what must be refuted beside it."""
        return min(self.limit.total, self.blame.total if self.guarded else self.doubled.total)


@lru_cache(64)
def alternatives(limit: float) -> tuple[float, ...]:
    """The bad shares that are bet on, between the limit and everything.

    For a limit of 10 % they are 16, 25, 40, 65 and 95 %; for one of 50 %, 60, 72, 85 and 97 %. For other limits they
    lie at the same parts of the way from the limit to everything.
    """
    return tuple(limit + (1.0 - limit) * part for part in (_LOW if limit < 0.5 else _HIGH))


def quick(limit: float, doubled: float) -> Quick:
    """The bets before the first trial."""
    return Quick(purse(len(alternatives(limit))), purse(len(alternatives(doubled))), purse(len(RATIOS)))


def staged(old: Quick) -> Quick:
    """The bets when a stage begins; what the baseline did as well does not count where it may be missing."""
    doubled = forgiven(old.doubled, old.blame.total) if old.guarded else old.doubled
    return Quick(at_stage(old.limit), at_stage(doubled), at_stage(old.blame))


def reset(old: Quick, schedule: Schedule) -> Quick:
    """The bets closed, and begun again with the stake that is left."""
    sure, twice, blame = (restarted(one, schedule) for one in (old.limit, old.doubled, old.blame))
    return Quick(sure, twice, blame, minutes=old.minutes)


def minuted(
    old: Quick, minute: int, candidate: Counts, baseline: Counts, limit: float, doubled: float, schedule: Schedule,
    ceiling: float,
) -> Quick:  # fmt: skip
    """The bets after a minute, or as they would be if a minute ended now.

    Args:
        old: the bets before it.
        minute: its number in the stage; one that is folded already changes nothing.
        candidate: what the candidate did in it.
        baseline: what the baseline did in it.
        limit: the share of bad trials that is allowed.
        doubled: the share that must be refuted without a baseline.
        schedule: when the stake is spent, in minutes.
        ceiling: the most that the wealth may come to.
    """
    if minute < old.minutes:
        return old
    sure, twice, blame = old.limit, old.doubled, old.blame
    if candidate.n:
        n, k = candidate.n, candidate.k
        sure = bet(sure, trials(n, k, limit, alternatives(limit)), schedule, ceiling)
        twice = bet(twice, trials(n, k, doubled, alternatives(doubled)), schedule, ceiling)
    if candidate.votes and baseline.votes:
        blame = bet(blame, voted(candidate, baseline), schedule, ceiling)
    seen, both = old.seen + (candidate.n > 0), old.both + (candidate.votes > 0 and baseline.votes > 0)
    return Quick(sure, twice, blame, old.n + candidate.n, old.bad + candidate.bad, seen, both, minute + 1)


def beside(both: int, seen: int) -> bool:
    """Whether there is a baseline to compare with: it had trials in at least half of the blocks the candidate had."""
    return both > 0 and 2 * both >= seen


def voted(candidate: Counts, baseline: Counts) -> tuple[float, ...]:
    """What becomes of one unit bet on whose bad votes they are."""
    return labels(candidate.votes, candidate.bad_votes / MILLION, baseline.votes, baseline.bad_votes / MILLION)
