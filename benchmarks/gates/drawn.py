"""What both arms of a rollout do, minute by minute, in many runs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gates.worlds import Counts, Numbers, Seed, exceeding, exceeding_beside, factors, median_s, p95_s
from segue.delivery.evidence import Series


@dataclass(frozen=True, slots=True)
class Truth:
    """How things really are. Rates are turns a second, minutes are counted from the beginning of the stage."""

    world: str
    candidate_per_s: float
    multiple: float
    """The 95th percentile of a quiet baseline over the limit."""
    baseline_per_s: float = 0.0
    times: float = 1.0
    """How many times slower than the baseline the candidate is."""
    since: int = 0
    """The minute from which anything is slower."""
    outage: float = 1.0
    """How many times slower both arms are from then on."""
    minutes: int = 120


@dataclass(frozen=True, slots=True)
class Drawn:
    """What happened: trials `[run, minute]` of each arm, and by series how many of each arm's were bad."""

    candidate: Counts
    baseline: Counts
    bad: Mapping[str, tuple[Counts, Counts]]
    candidate_p95_s: Numbers | None = None
    baseline_p95_s: Numbers | None = None

    @property
    def minutes(self) -> int:
        """How long it goes on."""
        return int(self.candidate.shape[1])


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: its trials, how many exceed each limit, and what 95th percentile each minute shows if it was asked."""

    trials: Counts
    over: Mapping[float, Counts]
    p95_s: Numbers | None = None


def arm(seed: Seed, medians_s: Numbers, per_s: float, limits_s: Sequence[float | None], *, p95: bool = False) -> Arm:
    """Draw one arm, of which each minute has a median."""
    trials = seed.poisson(60.0 * per_s, medians_s.shape)
    limits = sorted({limit for limit in limits_s if limit is not None})
    quantiles = p95_s(seed, trials, medians_s) if p95 else None
    if quantiles is None:
        counts = exceeding(seed, trials, medians_s, limits)
    else:
        counts = exceeding_beside(seed, trials, medians_s, quantiles, limits)
    return Arm(trials, dict(zip(limits, counts, strict=True)), quantiles)


def drawn(seed: Seed, truth: Truth, series: Sequence[Series], runs: int, *, p95: bool = False) -> Drawn:
    """Draw so many runs; with `p95` also what each minute's 95th percentile is, for rules that look at that."""
    late = np.arange(truth.minutes) >= truth.since
    wandering = factors(seed, truth.world, runs, truth.minutes)
    baseline_s = wandering * median_s(truth.world, truth.multiple) * np.where(late, truth.outage, 1.0)
    candidate_s = baseline_s * np.where(late, truth.times, 1.0)
    limits = [[one.candidate_over_s for one in series], [one.baseline_over_s for one in series]]
    candidate = arm(seed, candidate_s, truth.candidate_per_s, limits[0], p95=p95)
    baseline = arm(seed, baseline_s, truth.baseline_per_s, limits[1], p95=p95)
    bad = {
        one.name: (candidate.over[one.candidate_over_s], baseline.over[one.baseline_over_s])
        for one in series
        if one.candidate_over_s is not None and one.baseline_over_s is not None
    }
    return Drawn(candidate.trials, baseline.trials, bad, candidate.p95_s, baseline.p95_s)
