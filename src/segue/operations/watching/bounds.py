"""What few samples can prove: exact bounds of a share, and of a quantile by order statistics. Pure arithmetic.

Nothing is assumed of how long turns take: the bound of a quantile is one of the values themselves. Both are one-sided,
so a limit is shown to hold, or to be missed, with the confidence that is asked for.

Sources: C. Clopper and E. Pearson, Biometrika 26 (1934); H. David and H. Nagaraja, Order Statistics (2003), 7.1.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import NamedTuple

CONFIDENCE = 0.95
_STEPS = 500
_TINY = 1e-300
_CLOSE = 1e-12


class Bounds(NamedTuple):
    """A figure between two one-sided bounds; None where the samples cannot give one."""

    value: float
    low: float | None
    high: float | None


def share(bad: int, n: int, confidence: float = CONFIDENCE) -> Bounds:
    """The share of bad ones among `n`, each bound with this confidence (Clopper and Pearson).

    Raises:
        ValueError: there are none, or more bad ones than there are.
    """
    if not 0 <= bad <= n or n == 0:
        raise ValueError(f"{bad} bad of {n}")
    low = 0.0 if bad == 0 else _inverse(1.0 - confidence, bad, n - bad + 1)
    high = 1.0 if bad == n else _inverse(confidence, bad + 1, n - bad)
    return Bounds(bad / n, low, high)


def quantile(ordered: Sequence[float], part: float, confidence: float = CONFIDENCE) -> Bounds:
    """The value that a part of them do not exceed, with the values that bound the true one; `ordered` ascends.

    The upper bound of the 95th percentile needs at least 59 values, for a confidence of 95 %.

    Raises:
        ValueError: there are no values.
    """
    n = len(ordered)
    if n == 0:
        raise ValueError("no values")
    value = ordered[max(0, min(n - 1, -int(-part * n // 1) - 1))]
    above = _rank(n, part, confidence)
    below = _rank(n, part, 1.0 - confidence, at_most=True)
    return Bounds(value, None if below == 0 else ordered[below - 1], None if above > n else ordered[above - 1])


def least(part: float, confidence: float = CONFIDENCE) -> int:
    """How many values the upper bound of a quantile needs."""
    n = int(log1p(-confidence) / log(part))
    while 1.0 - part**n < confidence:
        n += 1
    return n


def cumulative(k: int, n: int, chance: float) -> float:
    """How likely at most `k` of `n` trials come out so, if each does with this chance."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else beta(1.0 - chance, n - k, k + 1)


def beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction; `a` and `b` above zero."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, evaluated from its beginning (Lentz)."""
    over, under = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    found = under
    for step in range(1, _STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1.0) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1.0))
        for term in (even, odd):
            under = 1.0 / _away(1.0 + term * under)
            over = _away(1.0 + term / over)
            found *= under * over
        if abs(under * over - 1.0) < _CLOSE:
            break
    return found


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _inverse(level: float, a: float, b: float) -> float:
    """Where the incomplete beta function reaches a level, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if beta(middle, a, b) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


@lru_cache(maxsize=4096)
def _rank(n: int, part: float, level: float, *, at_most: bool = False) -> int:
    """The first rank, from 1, whose value is over the quantile with this chance; or the last that is not, at most."""
    low, high = 0, n + 1
    while low + 1 < high:  # `low` is still under the level, `high` is not
        middle = (low + high) // 2
        reached = cumulative(middle - 1, n, part)
        if reached <= level if at_most else reached < level:
            low = middle
        else:
            high = middle
    return low if at_most else high
