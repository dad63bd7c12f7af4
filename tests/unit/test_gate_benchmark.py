"""The benchmark of the gates: its worlds are what they say, its arithmetic is right, a small run shows its claims."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.gates import ours
from benchmarks.gates.__main__ import GOALS, told
from benchmarks.gates.costs import costs
from benchmarks.gates.drawn import Truth
from benchmarks.gates.failures import failing
from benchmarks.gates.figures import SHOWN, shown
from benchmarks.gates.goals import cell
from benchmarks.gates.running import Cell, Result, run
from benchmarks.gates.showing import figure, limit, row
from benchmarks.gates.summary import Claim, after, quantile, rolled_back
from benchmarks.gates.waiting import waiting
from benchmarks.gates.whole import whole
from benchmarks.gates.worlds import (
    LIMIT_S,
    WORLDS,
    exceeding,
    exceeding_beside,
    factors,
    longest,
    median_s,
    p95_s,
    slow_share,
    slower,
)

RUNS = 24
ALPHA_AND_CHANCE = 100.0 * (0.01 + 3.0 * math.sqrt(0.01 * 0.99 / RUNS))
"""A gate with an error budget of 1 % may show up to this in so many runs: three standard deviations more."""


def tried(truth: Truth, **given: Any) -> Result:
    """A few runs of a truth through all rules."""
    return run([cell("test", repr(truth), truth, **given)], RUNS, lambda _: None, parts=None)[f"test/{truth!r}"]


@pytest.mark.parametrize(
    ("multiple", "share"), [(0.7, 0.018), (0.95, 0.042), (1.0, 0.05), (1.3, 0.122), (2.0, 0.39), (3.0, 0.73)]
)
def test_so_many_turns_are_slow(multiple: float, share: float) -> None:
    """With a p95 of so many times the limit, this share of turns is over the limit."""
    assert slow_share("iid", multiple) == pytest.approx(share, abs=0.004)


@pytest.mark.parametrize("world", WORLDS)
def test_each_world_has_the_p95_it_says(world: str) -> None:
    """Over all time 5 % of turns are over a p95 that equals the limit, whatever the weather."""
    seed = np.random.default_rng(1)
    medians = factors(seed, world, 1500, 120) * median_s(world, 1.0)
    trials = seed.poisson(15, medians.shape)

    bad = exceeding(seed, trials, medians, [LIMIT_S])[0]

    assert bad.sum() / trials.sum() == pytest.approx(0.05, abs=0.002)


def test_weather_lasts_as_long_as_it_says() -> None:
    """Slow minutes are 5 % of all; they stand alone in one world and come in bursts of five in the other."""
    seed = np.random.default_rng(2)
    alone, bursts = (factors(seed, world, 400, 500) > 2.0 for world in ("slow1", "slow5"))

    assert [alone.mean(), bursts.mean()] == pytest.approx([0.05, 0.05], abs=0.006)
    starts = (bursts[:, 1:] & ~bursts[:, :-1]).sum()
    assert bursts[:, 1:].sum() / starts == pytest.approx(5.0, abs=0.4)


def test_counts_belong_to_the_percentile_that_was_seen() -> None:
    """A minute shows a p95 over the limit exactly if more than 5 % of its trials are over it, and counts are nested."""
    seed = np.random.default_rng(3)
    medians = factors(seed, "slow1", 200, 120) * median_s("slow1", 1.0)
    trials = seed.poisson(15, medians.shape)
    seen = p95_s(seed, trials, medians)

    below, at, over = exceeding_beside(seed, trials, medians, seen, [5.0, LIMIT_S, 7.2])

    assert ((seen > LIMIT_S) == (at > 0.05 * trials))[trials > 0].all()
    assert np.isnan(seen[trials == 0]).all()
    assert (below >= at).all()
    assert (at >= over).all()
    plain = exceeding(seed, trials, medians, [5.0, LIMIT_S, 7.2])
    assert [one.mean() for one in (below, at, over)] == pytest.approx([one.mean() for one in plain], rel=0.05)


def test_a_share_and_its_time_belong_together() -> None:
    """What a share of turns is slower than, exceeded by that share."""
    shares = np.array([0.9, 0.5, 0.05, 0.002])

    assert slower(longest(shares)) == pytest.approx(shares, rel=1e-3)


def test_quantiles_count_what_never_came() -> None:
    """A run that was never rolled back is later than all that were."""
    assert quantile([3.0, None, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, None, 1.0, 2.0], 0.9) == math.inf
    assert after({"minutes": [30, 70, None], "slow": [1, 2, 3]}, 60) == [10, None]
    assert after({"minutes": [30, 70, None], "slow": [1, 2, 3]}, 60, "slow") == [2, None]


def test_a_claim_is_met_or_not_or_no_claim() -> None:
    """A limit is the most, or where more is better the least; without one there is nothing to meet."""
    assert Claim("G1", "", 1.0, 1.0).met
    assert not Claim("G1", "", math.inf, 4.0).met
    assert Claim("G3", "", 99.5, 99.0, at_least=True).met
    assert Claim("G2", "", 40.0, None).met is None


def test_a_claim_is_told_in_words() -> None:
    """A row says what was measured against what, and what never came."""
    claim = {"what": "p90 min", "note": "", "value": None, "limit": 99.0, "unit": "%", "at_least": True, "met": False}

    assert row({**claim, "others": {"argo": 1234.5}, "runs": 1000}, ["argo", "naive"]) == [
        "p90 min", "never", "≥ 99 %", "NO", "1,234", "", "1,000",
    ]  # fmt: skip
    assert [figure(0.2), figure(12.345), limit({"limit": None})] == ["0.2", "12.3", "–"]


def numbered(seed: np.random.Generator, runs: int, *, offset: float = 0.0) -> Result:
    """A scene that only draws numbers."""
    return {"ours": {"drawn": [offset + float(value) for value in seed.random(runs)]}}


def test_longer_runs_begin_with_shorter_ones_and_stop_nothing_twice(tmp_path: Path) -> None:
    """Batches have seeds of their own, and those that are kept are not computed again."""
    one = Cell("a/cell", numbered)
    ticks: list[str] = []

    short = run([one], 60, ticks.append, parts=tmp_path)
    kept = sorted(tmp_path.rglob("*.json"))
    kept[0].write_text(json.dumps({"ours": {"drawn": [0.5] * 50}}))
    again = run([one], 60, ticks.append, parts=tmp_path)

    assert ticks == ["a/cell"] * 4
    assert len(kept) == 2
    assert again["a/cell"]["ours"]["drawn"] == [0.5] * 50 + short["a/cell"]["ours"]["drawn"][50:]
    fresh = run([one, Cell("another", numbered)], 100, ticks.append, parts=None)
    assert fresh["a/cell"]["ours"]["drawn"][:50] == short["a/cell"]["ours"]["drawn"][:50]
    assert fresh["another"] != fresh["a/cell"]


def over(result: Result, rules: Sequence[str]) -> list[float]:
    """How many runs each rule rolls back, in percent."""
    return [rolled_back(result[rule]) for rule in rules]


@pytest.mark.parametrize("truth", [Truth("iid", 0.25, 0.95), Truth("slow1", 2.5, 0.95)], ids=["calm", "slow minutes"])
def test_a_healthy_candidate_stays_where_others_roll_back(truth: Truth) -> None:
    """Within its error budget Segue leaves alone what is healthy; the polling rules nearly always roll it back."""
    result = tried(truth)

    assert rolled_back(result["ours"]) <= ALPHA_AND_CHANCE
    assert min(over(result, ["naive", "flagger", "argo"])) > 60.0


def test_a_slow_candidate_is_rolled_back_soon() -> None:
    """One that is twice too slow goes within five minutes, after fewer slow turns than with Flagger or Argo."""
    result = tried(Truth("iid", 0.25, 2.0))
    slow = {rule: quantile(result[rule]["slow"], 0.5) for rule in ("ours", "flagger", "argo")}

    assert quantile(result["ours"]["minutes"], 0.9) <= 5
    assert slow["ours"] < slow["flagger"] < slow["argo"]


def test_an_outage_of_both_arms_is_held_and_not_rolled_back() -> None:
    """Where baseline and candidate slow down together Segue holds, and everybody who looks at one arm rolls back."""
    result = tried(Truth("iid", 0.25, 0.8, baseline_per_s=4.75, since=60, outage=2.0))

    assert rolled_back(result["ours"]) <= ALPHA_AND_CHANCE
    assert sum(at is not None and at > 60 for at in result["ours"]["hold"]) >= RUNS - 2
    assert min(over(result, ["naive", "flagger", "argo"])) == 100.0


def test_what_is_permitted_is_no_regression() -> None:
    """A candidate that is slower by what is permitted stays, and one that is twice as slow as its baseline goes."""
    given = {"compared": True, "alpha": 0.04, "others": False}

    allowed = tried(Truth("iid", 0.25, 0.8, baseline_per_s=4.75, times=1.2), **given)
    slowed = tried(Truth("iid", 0.25, 0.8, baseline_per_s=4.75, times=2.0), **given)

    assert rolled_back(allowed["ours"]) <= ALPHA_AND_CHANCE
    assert quantile(slowed["ours"]["minutes"], 0.9) <= 10


def test_with_hardly_any_listener_nothing_is_decided() -> None:
    """At one turn in a hundred seconds Segue waits, and says how many are missing; Flagger rolls back silence."""
    result = tried(Truth("iid", 0.01, 0.95))
    own = result["ours"]
    waited = [missing for missing, certified in zip(own["missing"], own["certified"], strict=True) if certified is None]

    assert rolled_back(own) <= ALPHA_AND_CHANCE
    assert sum(waited) >= 0.7 * len(waited) > 0
    assert rolled_back(result["flagger"]) == 100.0


def test_failures_are_found_within_few_turns() -> None:
    """Where every third turn fails, Segue stops after less than an eighth of the failures that Flagger waits for."""
    result = failing(np.random.default_rng(4), 6, candidate_per_s=2.5, baseline_per_s=47.5, share=0.3)

    assert quantile(result["ours"]["failed"], 0.5) * 8 < quantile(result["flagger"]["failed"], 0.5)
    assert set(result["ours"]["how"]) == {"fast tier"}


def test_whole_rollouts_end_as_they_should() -> None:
    """A healthy candidate is promoted through all stages, and one that is twice too slow never."""
    given = {"world": "iid", "per_s": 5.0, "block_s": 300.0}

    healthy = whole(np.random.default_rng(5), 3, **given)
    slow = whole(np.random.default_rng(5), 3, multiple=2.0, **given)

    assert all(minute is not None and minute >= 270 for minute in healthy["ours"]["promoted"])
    assert slow["ours"]["promoted"] == [None] * 3
    assert healthy["flagger"]["promoted"] == [None] * 3


def test_a_log_replays_to_the_same_bits() -> None:
    """A log of blocks, written as JSON and read again, gives the same book and the same judgement to the bit."""
    result = costs(np.random.default_rng(6), 1)["ours"]

    assert result["same"] == [True]
    assert max(result["bytes"]) <= 256
    assert all(us[0] > 0.0 for us in result["us"].values())


def test_every_goal_is_there_once() -> None:
    """The goals are G1 to G13 in order, and no two cells have the same name."""
    names = [one.name for goal in GOALS for one in goal.cells] + [one.name for _, one in SHOWN]

    assert [goal.id for goal in GOALS] == [f"G{number}" for number in range(1, 14)]
    assert len(set(names)) == len(names)


def test_results_are_told_as_they_are_kept() -> None:
    """A goal's claims come with the figures of all rules, and the curves with the evidence look by look."""
    goal = next(goal for goal in GOALS if goal.id == "G10")
    results = run([*goal.cells, SHOWN[0][1]], 4, lambda _: None, parts=None)

    claims = told((goal,), results)[0]["claims"]

    assert claims[0]["others"]["flagger"] == 100.0
    assert [claim["met"] for claim in claims] == [True, None, None]
    curves = shown(results)["evidence"]["0.95T"]
    assert len(curves[0]) == 120
    json.dumps([claims, curves], allow_nan=False)


def test_skipped_looks_would_have_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at every block, also where no bet has come to anything, changes no figure."""
    truth = Truth("slow5", 0.25, 0.95, baseline_per_s=0.25)
    quick = waiting(np.random.default_rng(8), 8, truth=truth, others=False)
    monkeypatch.setattr(ours, "calm", lambda _: False)

    assert waiting(np.random.default_rng(8), 8, truth=truth, others=False) == quick


def test_the_scene_counts_what_was_heard() -> None:
    """Until a rollback only the turns before it count; a run without one counts them all."""
    result = waiting(np.random.default_rng(7), 4, truth=Truth("iid", 0.25, 3.0, minutes=60))

    for minute, requests in zip(result["ours"]["minutes"], result["ours"]["requests"], strict=True):
        assert 15 * minute * 0.4 < requests < 15 * minute * 2.0
