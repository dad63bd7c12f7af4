"""Turns that never were: how many come, how they go, and what the series of a rollout would have counted. Pure.

Chance is handed in as a seeded generator. What is drawn are counts, block by block and for each series by itself, not
single turns: so weeks are drawn in seconds, with the distribution that independent turns would have. A minute that is
slow for all turns in it is not drawn; real records have those, and `segue rehearse` takes them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from segue.delivery.evidence import LISTENERS, MILLION, NOTHING, Counts, Series
from segue.delivery.plan import LatencyGate, MeanGate, Plan, RateGate
from segue.delivery.quantity import duration_s, share
from segue.errors import InvalidRequest
from segue.routing import BASIS

SPREAD = 0.45
"""Standard deviation of the logarithm of a duration: its 95th percentile is 2.1 times its median."""
USED = 0.7
"""How much of a limit a healthy variant uses: a p95 of 4.2 s where 6 s are allowed, 1.8 % slow turns where 5 % are."""
RATE_USED = 0.2
"""How much of the limit of failures, fallbacks or underflows a healthy variant uses."""
CHARACTERS = 14
"""How many characters take turns, where a plan names fewer and says everybody."""
TURNS_PER_LISTENER = 4.0
"""How many turns a listener takes in a stage."""
WORDS = {"failing": "failure", "falling-back": "fallback", "stuttering": "underflow"}
USAGE = (
    "say healthy, healthy:90%, slow:1.3, failing:5%, falling-back:5%, stuttering:5%, broken:CHARACTER, silent, after:2h"
    ", or several with commas between them"
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the turns of a variant go."""

    used: float = USED
    """How much of every limit it uses."""
    slow: float = 1.0
    """How many times as long everything takes."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """The share of turns that are bad, where it is not the healthy one, by measure."""
    broken: tuple[str, ...] = ()
    """Characters all of whose turns fail."""
    silent: bool = False
    """Whether no turn ever reaches it."""
    after_s: float = 0.0
    """Until so long after the beginning of the rollout it is healthy."""

    def at(self, elapsed_s: float) -> "Manner":
        """What it is like so long after the beginning of the rollout."""
        return self if elapsed_s >= self.after_s else HEALTHY


HEALTHY = Manner()


def manner(text: str) -> Manner:
    """A manner as it is written: `healthy`, or parts such as `slow:1.3,failing:5%,after:2h`.

    Raises:
        InvalidRequest: it is none.
    """
    found = Manner()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        word, _, value = part.partition(":")
        try:
            found = _with(found, word, value)
        except ValueError as error:
            raise InvalidRequest(f"Nobody can be {part!r}: {error}; {USAGE}.") from None
    return found


def _with(found: Manner, word: str, value: str) -> Manner:
    if word == "healthy":
        return replace(found, used=share(value)) if value else found
    if word == "slow":
        factor = float(value)
        if not 0.01 <= factor <= 1000:
            raise ValueError("the factor must lie between 0.01 and 1000")
        return replace(found, slow=factor)
    if word in WORDS:
        if (part := share(value)) > 1:
            raise ValueError("there are no more than 100 %")
        return replace(found, rates={**found.rates, WORDS[word]: part})
    if word == "broken" and value:
        return replace(found, broken=(*found.broken, value))
    if word == "silent":
        return replace(found, silent=True)
    if word == "after":
        return replace(found, after_s=duration_s(value))
    raise ValueError("there is no such word")


@dataclass(frozen=True)
class Traffic:
    """So many turns a second, to be split between two variants by whatever share a rollout has at the time."""

    plan: Plan
    turns_per_s: float
    candidate: Manner
    baseline: Manner
    chance: Generator

    @cached_property
    def characters(self) -> tuple[str, ...]:
        """Who speaks, each as often as the others: those the plan names, and nameless ones up to `CHARACTERS`."""
        named = {
            name for stage in self.plan.stages if stage.cohort.characters != "*" for name in stage.cohort.characters
        }
        named |= set(self.candidate.broken)
        others = range(len(named) + 1, CHARACTERS + 1) if named else range(1, CHARACTERS + 1)
        return (*sorted(named), *(f"character-{number}" for number in others))

    @cached_property
    def median_s(self) -> dict[str, float]:
        """The median of each duration, relative to a variant that uses all of the tightest limit on it."""
        medians: dict[str, float] = {}
        for gate in self.plan.gates.values():
            if isinstance(gate, LatencyGate):
                z = NormalDist().inv_cdf(1 - min(max(gate.at_most, 1e-6), 1 - 1e-6))
                median = gate.over / math.exp(z * SPREAD)
            elif isinstance(gate, MeanGate):
                median = gate.at_most / math.exp(SPREAD**2 / 2)
            else:
                continue
            medians[gate.measure] = min(median, medians.get(gate.measure, math.inf))
        return medians

    @cached_property
    def rate(self) -> dict[str, float]:
        """The tightest limit on each rate."""
        rates: dict[str, float] = {}
        for gate in self.plan.gates.values():
            if isinstance(gate, RateGate):
                rates[gate.kind] = min(gate.at_most, rates.get(gate.kind, 1.0))
        return rates

    def counts(
        self, series: Series, *, stage: int, share_bp: int, dropped: tuple[str, ...], seconds: float, elapsed_s: float
    ) -> tuple[Counts, Counts, dict[str, Counts]]:
        """What a series counts in so many seconds: the candidate, the baseline, the candidate's single characters.

        `elapsed_s` is the time since the rollout began, `stage` the stage it is in, by whose cohort turns are taken.
        """
        cohort = self.plan.stages[min(stage, len(self.plan.stages) - 1)].cohort.characters
        names = [name for name in self.characters if name not in dropped and (cohort == "*" or name in cohort)]
        turns = self.turns_per_s * seconds * len(names) / len(self.characters)
        if series.name == LISTENERS:
            turns /= TURNS_PER_LISTENER
        part, better = share_bp / BASIS, self.candidate.at(elapsed_s)
        each = turns * part / len(names) if names and not better.silent else 0.0
        apart = names if series.by_character else [name for name in names if name in better.broken]
        over_s = series.candidate_over_s
        single = {name: self._arm(series, better, over_s, each, name in better.broken) for name in apart}
        rest = self._arm(series, better, over_s, each * (len(names) - len(apart)))
        baseline = self._arm(series, self.baseline.at(elapsed_s), series.baseline_over_s, turns * (1.0 - part))
        candidate = sum(single.values(), rest)
        alone = {name: found for name, found in single.items() if found.n} if series.by_character else {}
        return candidate, baseline, alone

    def _arm(self, series: Series, of: Manner, over_s: float | None, mean: float, broken: bool = False) -> Counts:
        """Counts of one arm, for a number of turns that is `mean` on average. Each turn is a session of its own."""
        n = int(self.chance.poisson(mean)) if mean else 0
        if not n:
            return NOTHING
        if series.name == LISTENERS:
            return Counts(n, 0, n, 0)
        if series.cap_s is not None:
            median = self.median_s[series.measure] * of.used * of.slow
            took = self.chance.lognormal(math.log(median), SPREAD, n)
            bad = round(MILLION * float(np.minimum(took / series.cap_s, 1.0).sum()))
        else:
            bad = MILLION * int(self.chance.binomial(n, self._bad_share(series, of, over_s, broken)))
        return Counts(n, bad, n, bad)

    def _bad_share(self, series: Series, of: Manner, over_s: float | None, broken: bool) -> float:
        key = (series.name, id(of), over_s, broken)
        if key not in self._known:
            self._known[key] = self._reckoned(series, of, over_s, 1.0 if broken else self._rate(of, "failure"))
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[str, int, float | None, bool], float]:
        """Shares of bad turns that were reckoned before."""
        return {}

    def _reckoned(self, series: Series, of: Manner, over_s: float | None, fails: float) -> float:
        if series.measure in WORDS.values():
            return fails if series.measure == "failure" else self._rate(of, series.measure)
        if over_s is None or series.measure not in self.median_s:
            return 0.0
        z = math.log(over_s / (self.median_s[series.measure] * of.used * of.slow)) / SPREAD
        return 1.0 - NormalDist().cdf(z) * (1.0 - fails)  # who hears nothing at all has waited too long as well

    def _rate(self, of: Manner, measure: str) -> float:
        return of.rates.get(measure, self.rate.get(measure, 0.0) * RATE_USED * of.used / USED)
