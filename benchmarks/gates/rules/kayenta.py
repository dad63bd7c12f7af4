"""What Kayenta's judge says of one metric: a location shift by Mann and Whitney, and a tolerance around it.

Written from its documentation: points are aggregates (here the p95 of each minute), not requests. The baseline is what
Kayenta calls control, the candidate its experiment. Judged every hour over everything since the beginning.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
CONFIDENCE = 0.98
TOLERANCE = 0.25
"""The part of the estimated shift that is forgiven."""
ACCURACY = 5e-5
"""Half the width to which the ends of the interval are searched for, in the unit of the points."""
EVERY_MINUTES = 60
LEAST_POINTS = 50
"""Fewer points in a series bring a warning, and a verdict all the same."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How much higher the candidate's points lie than the baseline's, in their unit: an interval and an estimate."""

    low: float
    high: float
    estimate: float


def judged(baseline: Points, candidate: Points, allowed_increase: float = 1.0) -> str:
    """`pass`, `high` or `nodata`, of a metric of which more is worse. NaN points are removed first.

    `allowed_increase` is the ratio of means that an increase must reach to count.
    """
    baseline, candidate = baseline[~np.isnan(baseline)], candidate[~np.isnan(candidate)]
    if not len(baseline) or not len(candidate):
        return "nodata"
    everything = np.concatenate([baseline, candidate])
    if np.ptp(everything) == 0.0 or np.array_equal(np.sort(baseline), np.sort(candidate)):
        return "pass"
    found = shift(baseline, candidate)
    middle = float(baseline.mean())
    effect = float(candidate.mean()) / middle if middle else math.inf
    high = found.low > TOLERANCE * abs(found.estimate) and effect >= allowed_increase
    return "high" if high else "pass"


def shift(baseline: Points, candidate: Points, confidence: float = CONFIDENCE) -> Shift:
    """The interval and the Hodges-Lehmann estimate of the shift, by the normal approximation with its corrections.

    Both series may not be constant and equal; where both are constant, Kayenta adds a little noise, which is left out.
    """
    least, most = float(candidate.min() - baseline.max()), float(candidate.max() - baseline.min())
    quantile = NormalDist().inv_cdf((1.0 + confidence) / 2.0)

    def corrected(by: float, target: float) -> float:
        difference, spread = _statistic(baseline, candidate - by)
        correction = 0.5 * math.copysign(1.0, difference) if difference else 0.0
        return (difference - correction) / spread - target if spread else -target

    def end(target: float) -> float:
        at_least, at_most = corrected(least, target), corrected(most, target)
        if at_least <= 0.0:
            return least
        if at_most >= 0.0:
            return most
        return root(lambda by: corrected(by, target), least, most, ACCURACY)

    return Shift(end(quantile), end(-quantile), end(0.0))


def _statistic(baseline: Points, shifted: Points) -> tuple[float, float]:
    """The rank sum of the candidate less its expectation, and its standard deviation with the correction for ties."""
    n_candidate, n_baseline = len(shifted), len(baseline)
    together = np.concatenate([shifted, baseline])
    _, inverse, ties = np.unique(together, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2.0)[inverse]
    product, total = n_candidate * n_baseline, n_candidate + n_baseline
    difference = float(ranks[:n_candidate].sum()) - n_candidate * (n_candidate + 1) / 2.0 - product / 2.0
    tied = float(((ties.astype(np.float64) ** 3) - ties).sum())
    return difference, math.sqrt(max(0.0, product / 12.0 * (total + 1 - tied / (total * (total - 1)))))


def root(function: Callable[[float], float], low: float, high: float, accuracy: float) -> float:
    """Where a function changes its sign, by Brent's method (1973): interpolation, and bisection where that is slow."""
    best, f_best = high, function(high)
    last, f_last = low, function(low)
    other, f_other = last, f_last
    step = before = best - last
    while True:
        if abs(f_other) < abs(f_best):
            last, best, other = best, other, best
            f_last, f_best, f_other = f_best, f_other, f_best
        tolerance = 2e-14 * abs(best) + accuracy
        middle = 0.5 * (other - best)
        if abs(middle) <= tolerance or f_best == 0.0:
            return best
        before, step = _next_step((last, best, other), (f_last, f_best, f_other), middle, tolerance, (before, step))
        last, f_last = best, f_best
        best += step if abs(step) > tolerance else math.copysign(tolerance, middle)
        f_best = function(best)
        if (f_best > 0.0) == (f_other > 0.0):
            other, f_other = last, f_last
            step = before = best - last


def _next_step(
    points: tuple[float, float, float],
    values: tuple[float, float, float],
    middle: float,
    tolerance: float,
    steps: tuple[float, float],
) -> tuple[float, float]:
    """The step before, and the next one: by interpolation where that is small enough, otherwise to the middle."""
    (last, best, other), (f_last, f_best, f_other) = points, values
    before, step = steps
    if abs(before) < tolerance or abs(f_last) <= abs(f_best):
        return middle, middle
    ratio = f_best / f_last
    if last == other:
        upper, lower = 2.0 * middle * ratio, 1.0 - ratio
    else:
        far, near = f_last / f_other, f_best / f_other
        upper = ratio * (2.0 * middle * far * (far - near) - (best - last) * (near - 1.0))
        lower = (far - 1.0) * (near - 1.0) * (ratio - 1.0)
    if upper > 0.0:
        lower = -lower
    upper = abs(upper)
    if upper >= min(1.5 * middle * lower - abs(tolerance * lower), abs(0.5 * before * lower)):
        return middle, middle
    return step, upper / lower
