"""What it takes to pass: a proof that the bad share is below the tolerated one, and intervals for what was seen.

Passing is a claim of its own, not the absence of a breach. It is proved from votes of sessions since the stage began;
were the tolerated share or more of them bad, independently of each other, the proof would come with a chance of at
most beta, however often anyone looks.
"""

from collections.abc import Callable
from math import ceil, exp, lgamma, log

from segue.delivery.betting import POINTS

_SHARES = (0.0005, 0.008, 0.02, 0.035, 0.05, 0.07)
_FITTING = (0.075, 0.10)
"""The tolerated shares for which `_SHARES` are right as they stand; for others they are stretched."""
MOST = 1e9
"""Certainty is cut off here."""
CONFIDENCE = 0.05
"""An interval misses the truth at any look with at most this chance."""
FARTHEST = 1_000_000
"""Nobody is told to wait for more listeners than this."""


def certainty(votes: float, bad: float, tolerated: float) -> float:
    """How strongly "at least the tolerated share is bad" is refuted: an e-value.

    A mixture of likelihood ratios for bad shares below the tolerated one. It is log-linear and so convex in each
    vote, which makes a divided vote count for at most what a whole one would.
    """
    low, high = _FITTING
    stretch = tolerated / (high if tolerated > high else low) if not low <= tolerated <= high else 1.0
    total = 0.0
    for share in _SHARES:
        p = share * stretch
        total += exp(min(50.0, bad * log(p / tolerated) + (votes - bad) * log((1.0 - p) / (1.0 - tolerated))))
    return min(MOST, total / len(_SHARES))


def votes_to_pass(bad: float, tolerated: float, beta: float) -> int | None:
    """The least number of votes with so many bad ones that passes; None if a million is not enough."""
    return _first(ceil(bad), lambda votes: certainty(votes, bad, tolerated) >= 1.0 / beta)


def missing(votes: int, bad: float, tolerated: float, beta: float) -> int | None:
    """How many more votes are needed to pass if as large a share of them is bad as so far; None if none will do."""
    share = bad / votes if votes else 0.0
    return _first(0, lambda more: certainty(votes + more, bad + more * share, tolerated) >= 1.0 / beta)


def _first(least: int, enough: Callable[[int], bool]) -> int | None:
    """The first number from `least` on that is enough, where more is never worse."""
    low, step = least, 1
    while not enough(low + step - 1):
        low, step = low + step, step * 2
        if low > FARTHEST:
            return None
    high = low + step - 1
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def mirrored(old: tuple[float, ...], mean: float, tolerated: float) -> tuple[float, ...]:
    """The wealth of bets on "the mean is below `tolerated`" after a block whose mean was `mean`.

    It begins as `NO_MIRROR` in each stage. Each factor is 1 + c * (tolerated - mean) / (1 - tolerated): at least
    1 - c because a mean is at most 1, linear in the mean, and one where it is the tolerated one. So if every block's
    mean, given those before, is expected to be the tolerated one or more, no bet grows on average, and their sum,
    which begins at one, is an e-value at every look. Nothing is assumed of the values within a block.
    """
    gain = (tolerated - mean) / (1.0 - tolerated)
    grown = [had * (1.0 + point * gain) for had, point in zip(old, POINTS, strict=True)]
    return tuple([min(MOST, one) for one in grown])


NO_MIRROR = (1 / 3, 1 / 3, 1 / 3)


def blocks_missing(wealth: tuple[float, ...], mean: float, tolerated: float, beta: float) -> int | None:
    """How many more blocks with the same mean are needed to pass; None if none will do."""
    gain = (tolerated - mean) / (1.0 - tolerated)
    grows = [1.0 + point * gain for point in POINTS]

    def enough(blocks: int) -> bool:
        logs = [log(max(had, 1e-300)) + blocks * log(grow) for had, grow in zip(wealth, grows, strict=True)]
        return sum(exp(min(50.0, one)) for one in logs) >= 1.0 / beta

    return _first(0, enough) if gain > 0 else None


def interval(n: float, k: float) -> tuple[float, float]:
    """Where the bad share is: an interval that holds at every look, with a chance of 95 %.

    Those shares that a mixture of all shares (Jeffreys' prior) does not refute with an evidence of 20. `n` is the
    number of votes and `k` how bad they were together.
    """
    if n <= 0:
        return 0.0, 1.0
    mixture = lgamma(k + 0.5) + lgamma(n - k + 0.5) - lgamma(n + 1.0) - 2.0 * lgamma(0.5)
    bound = mixture + log(CONFIDENCE)

    def likely(share: float) -> bool:
        good = (n - k) * log(1.0 - share) if n > k else 0.0
        return (k * log(share) if k else 0.0) + good > bound

    best = min(max(k / n, 1e-9), 1.0 - 1e-9)
    return _edge(best, 0.0, likely), _edge(best, 1.0, likely)


def _edge(inside: float, outside: float, likely: Callable[[float], bool]) -> float:
    """Where it stops being likely, to five digits; the end itself where it never does."""
    near = min(max(outside, 1e-9), 1.0 - 1e-9)
    if likely(near):
        return outside
    for _ in range(24):
        middle = (inside + near) / 2.0
        if likely(middle):
            inside = middle
        else:
            near = middle
    return near
