"""The worlds in which gates are tried: how long listeners wait, how that wanders, and how many there are.

The time to the first sound is a mixture of two lognormals: 97 % with sigma 0.45, and 3 % of three times the median with
sigma 0.8. It is scaled so that its 95th percentile over all time is a multiple of the limit. What makes worlds differ
is how a slowness lasts: `iid` has none, in `slow1` each minute is 2.5 times slower with 5 % probability, in `slow5` the
same share of minutes comes in bursts of five on average, in `ar` the logarithm wanders (0.9 from minute to minute,
standard deviation 0.15). Both arms are in the same world at the same time.
"""

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Seed = np.random.Generator

WORLDS = ("iid", "slow1", "slow5", "ar")
LIMIT_S = 6.0
"""The limit of the time to the first sound: 5 % of turns may be slower."""
ALLOWED = 0.05
SLOWER = 2.5
SLOW_SHARE = 0.05
BURST_MINUTES = 5.0
PERSISTENCE = 0.9
WANDERING = 0.15
_BODY, _TAIL, _FAR = (0.97, 0.45), (0.03, 0.8), 3.0
_NORMAL = NormalDist()
_GRID = np.linspace(-6.0, 10.0, 6401)
"""Logarithms of a time over the median, on which the mixture is tabulated."""


@cache
def _tails() -> Numbers:
    """The share of turns that takes longer than `exp(_GRID)` times the median."""
    body = [_NORMAL.cdf(-x / _BODY[1]) for x in _GRID]
    tail = [_NORMAL.cdf(-(x - math.log(_FAR)) / _TAIL[1]) for x in _GRID]
    return _BODY[0] * np.array(body) + _TAIL[0] * np.array(tail)


def slower(ratio: Numbers) -> Numbers:
    """The share of turns that takes longer than `ratio` times the median."""
    return np.interp(np.log(ratio), _GRID, _tails())


def longest(share: Numbers) -> Numbers:
    """What a share of turns is slower than, as a multiple of the median: the opposite of `slower`."""
    return np.exp(np.interp(share, _tails()[::-1], _GRID[::-1]))


@cache
def median_s(world: str, multiple: float) -> float:
    """The median of a quiet minute with which the 95th percentile over all time is `multiple` times the limit."""
    factors, weights = _factors(world)
    low, high = 0.01, 100.0
    while high / low > 1.0 + 1e-12:
        middle = math.sqrt(low * high)
        share = float(weights @ slower(multiple * LIMIT_S / (middle * factors)))
        low, high = (middle, high) if share < ALLOWED else (low, middle)
    return low


def _factors(world: str) -> tuple[Numbers, Numbers]:
    """The factors of a world's minutes and how often each occurs."""
    if world == "iid":
        return np.array([1.0]), np.array([1.0])
    if world == "ar":
        points, weights = np.polynomial.hermite_e.hermegauss(40)
        return np.exp(WANDERING * points), weights / weights.sum()
    return np.array([1.0, SLOWER]), np.array([1.0 - SLOW_SHARE, SLOW_SHARE])


def slow_share(world: str, multiple: float) -> float:
    """The share of turns over the limit, over all time."""
    factors, weights = _factors(world)
    return float(weights @ slower(LIMIT_S / (median_s(world, multiple) * factors)))


def factors(seed: Seed, world: str, runs: int, minutes: int) -> Numbers:
    """How much slower than a quiet one each minute is, in each run: `runs` × `minutes`."""
    if world == "iid":
        return np.ones((runs, minutes))
    if world == "slow1":
        return np.where(seed.random((runs, minutes)) < SLOW_SHARE, SLOWER, 1.0)
    made = np.empty((runs, minutes))
    if world == "slow5":
        leave = 1.0 / BURST_MINUTES
        enter = leave * SLOW_SHARE / (1.0 - SLOW_SHARE)
        slow = seed.random(runs) < SLOW_SHARE
        for minute in range(minutes):
            made[:, minute] = np.where(slow, SLOWER, 1.0)
            slow = np.where(slow, seed.random(runs) >= leave, seed.random(runs) < enter)
        return made
    fresh = math.sqrt(1.0 - PERSISTENCE**2)
    state = seed.standard_normal(runs)
    for minute in range(minutes):
        made[:, minute] = np.exp(WANDERING * state)
        state = PERSISTENCE * state + fresh * seed.standard_normal(runs)
    return made


def exceeding(seed: Seed, trials: Counts, medians_s: Numbers, limits_s: Sequence[float]) -> list[Counts]:
    """How many of the trials of each minute exceed each limit; the limits go up, so the counts are nested."""
    rest, above, found = trials, np.ones(trials.shape), []
    for limit in limits_s:
        share = slower(limit / medians_s)
        rest = seed.binomial(rest, np.minimum(1.0, share / np.maximum(above, 1e-300)))
        above = share
        found.append(rest)
    return found


def p95_s(seed: Seed, trials: Counts, medians_s: Numbers) -> Numbers:
    """The 95th percentile (nearest rank) that each minute shows, drawn as the order statistic it is; NaN if empty."""
    rank = np.ceil(0.95 * trials)
    some = trials > 0
    above = seed.beta(np.where(some, trials - rank + 1.0, 1.0), np.where(some, rank, 1.0))
    return np.where(some, medians_s * longest(above), np.nan)


def exceeding_beside(
    seed: Seed, trials: Counts, medians_s: Numbers, seen_p95_s: Numbers, limits_s: Sequence[float]
) -> list[Counts]:
    """As `exceeding`, of the same minutes whose 95th percentile was drawn: the counts that belong to it."""
    rank = np.ceil(0.95 * trials).astype(np.int64)
    some = trials > 0
    seen = np.where(some, seen_p95_s, 1.0)
    at = slower(seen / medians_s)
    above, below = np.where(some, trials - rank, 0), np.where(some, rank - 1, 0)
    found = []
    share_above, share_below = at, np.ones(trials.shape)
    for limit in limits_s:
        share = slower(limit / medians_s)
        below = seed.binomial(below, np.clip((share - at) / np.maximum(share_below - at, 1e-300), 0.0, 1.0))
        above = seed.binomial(above, np.clip(share / np.maximum(share_above, 1e-300), 0.0, 1.0))
        share_above, share_below = np.minimum(at, share), np.maximum(share, at)
        found.append(above + below + (some & (seen > limit)))
    return found
