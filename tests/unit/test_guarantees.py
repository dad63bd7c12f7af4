"""The guarantees, tried out where they are tightest: at the limit itself, with a fixed seed, by the product's own code.

Each test counts how often a claim is made that is false, and compares it with the chance that is promised, plus three
standard errors.
"""

from math import sqrt

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from segue.delivery.betting import Purse, Schedule, above, bet, labels, purse
from segue.delivery.certificate import certainty
from segue.delivery.evidence import MILLION, Counts
from segue.delivery.fast import minuted, quick
from tests.proving import TTFA, Trial, counts, planned

BLOCKS = 120
PLANNED = Schedule(3, BLOCKS)
Drawn = NDArray[np.int64]


def most(alpha: float, runs: int) -> float:
    """The share of runs that may go wrong."""
    return alpha + 3 * sqrt(alpha * (1 - alpha) / runs)


def independent(chance: Generator, runs: int) -> Drawn:
    """Bad votes of 15 in each block, each bad in one of twenty cases."""
    return chance.binomial(15, 0.05, (runs, BLOCKS))


def in_sessions(chance: Generator, runs: int) -> Drawn:
    """Bad turns of 15 in each block, where a block's turns are alike: its share varies widely around a twentieth."""
    return chance.binomial(15, chance.beta(0.2, 3.8, (runs, BLOCKS)))


@pytest.mark.parametrize(("draw", "runs"), [(independent, 20_000), (in_sessions, 4_000)])
def test_a_candidate_at_the_limit_is_hardly_ever_rolled_back(draw: object, runs: int) -> None:
    """Looking at every one of 120 blocks, evidence of 100 comes in at most one of a hundred runs."""
    assert callable(draw)
    drawn = draw(default_rng(20), runs).tolist()
    worth = [above(k / 15, 0.05) for k in range(16)]
    broken = 0
    for run in drawn:
        held: Purse = purse(3)
        for k in run:
            held = bet(held, worth[k], PLANNED, 1000.0)
            if held.wealth[0] + held.wealth[1] + held.wealth[2] >= 100.0:
                broken += 1
                break
    assert 0 < broken / runs <= most(0.01, runs)


def test_equal_arms_are_hardly_ever_told_apart() -> None:
    """Both arms follow the same weather, from 1 to 60 % bad: the comparison blames the candidate in at most 1 %."""
    runs, chance = 2000, default_rng(21)
    weather = np.where(chance.random((runs, BLOCKS)) < 0.1, 0.6, 0.01)
    ours, theirs = chance.binomial(8, weather).tolist(), chance.binomial(152, weather).tolist()
    broken = 0
    for mine, other in zip(ours, theirs, strict=True):
        held = purse(4)
        for k, j in zip(mine, other, strict=True):
            held = bet(held, labels(8, k, 152, j), PLANNED, 1000.0)
            if held.total >= 100.0:
                broken += 1
                break
    assert broken / runs <= most(0.01, runs)


def test_sessions_have_one_vote_each() -> None:
    """Sessions of four turns that go wrong together: with votes, equal arms are told apart in at most 1 % of runs."""
    runs, chance = 400, default_rng(22)
    ours = chance.binomial(4, 0.08, (runs, BLOCKS)).tolist()
    theirs = chance.binomial(16, 0.08, (runs, BLOCKS)).tolist()
    wrong = {"votes": 0, "turns": 0}
    for mine, other in zip(ours, theirs, strict=True):
        for kind, turns in (("votes", 1), ("turns", 4)):
            held = purse(4)
            for k, j in zip(mine, other, strict=True):
                held = bet(held, labels(4 * turns, k * turns, 16 * turns, j * turns), PLANNED, 1000.0)
                if held.total >= 100.0:
                    wrong[kind] += 1
                    break
    assert wrong["votes"] / runs <= most(0.01, runs)
    assert wrong["turns"] / runs > 0.05


def test_the_fast_tier_spares_a_candidate_at_its_limit() -> None:
    """10 % failures where 10 % are allowed and the baseline has 5 %: it fires in at most 1 % of runs."""
    runs, chance = 150, default_rng(23)
    minutes = Schedule(3, 30)
    ours, theirs = chance.random((runs, 20, 10)) < 0.1, chance.binomial(285, 0.05, (runs, 20)).tolist()
    fired = 0
    for mine, others in zip(ours, theirs, strict=True):
        bets = quick(0.1, 0.2)
        for number, (turns, other) in enumerate(zip(mine, others, strict=True)):
            looks = np.cumsum(turns).tolist()
            baseline = counts(285, other)
            peeks = [
                minuted(bets, number, counts(n, k), baseline, 0.1, 0.2, minutes, 4000.0) for n, k in enumerate(looks, 1)
            ]
            bets = peeks[-1]
            if any(peek.evidence >= 100.0 for peek in peeks):
                fired += 1
                break
    assert fired / runs <= most(0.01, runs)


@pytest.mark.parametrize("p", [0.10, 0.12])
def test_a_candidate_at_the_tolerated_share_hardly_ever_passes(p: float) -> None:
    """With 10 % bad where 10 % must be refuted, looking after every vote, it passes in at most 5 % of runs."""
    runs, chance = 1500, default_rng(24)
    bad = np.cumsum(chance.random((runs, 400)) < p, axis=1).tolist()
    known: dict[tuple[int, int], bool] = {}
    passed = 0
    for run in bad:
        for n, k in enumerate(run, 1):
            if (n, k) not in known:
                known[n, k] = certainty(n, k, 0.1) >= 20.0
            if known[n, k]:
                passed += 1
                break
    assert 0 < passed / runs <= most(0.05, runs)


def test_a_plan_of_several_gates_keeps_its_budget() -> None:
    """Four gates at their limits and a minute of looks each: rolled back in at most the 2 % that the plan allows."""
    gates = TTFA | {
        "failures": {"kind": "failure", "at_most": "5%", "fast": {"at_most": "10%"}},
        "fallback": {"kind": "fallback", "at_most": "5%"},
        "slower": {"kind": "regression", "of": "ttfa"},
    }
    plan, runs, chance = planned(gates), 40, default_rng(25)
    bad = chance.binomial(30, 0.05, (runs, 60, 6, 2)).tolist()
    broken = 0
    for run in bad:
        trial = Trial(plan)
        names = [series.name for series in trial.terms.series if series.name != "listeners"]
        for minute in run:
            for name, (k, j) in zip(names, minute, strict=True):
                trial.fold(counts(30, k), counts(30, j), series=name)
            if trial.judged().breaches:
                broken += 1
                break
    assert broken / runs <= most(0.02, runs)


def test_a_vote_is_a_mean_of_its_turns() -> None:
    """A session of three turns with one bad is a third of a bad vote, whatever else is counted beside it."""
    third = Counts(3, MILLION, 1, round(MILLION / 3))
    whole = third + Counts(1, MILLION, 1, MILLION)
    assert whole.bad_votes / MILLION / whole.votes == pytest.approx(2 / 3, abs=1e-6)
