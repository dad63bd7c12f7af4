"""What a plan asks of time and listeners, before it starts."""

import pytest

from segue.delivery.betting import Schedule
from segue.delivery.book import settle
from segue.delivery.power import blocks_to_fail, listeners, trials_to_pass, unreachable
from tests.proving import FAILURES, TTFA, Trial, counts, planned

SHARES = (0.07, 0.10, 0.12, 0.20, 0.40, 1.0)


def test_blocks_to_break_a_limit_of_a_twentieth() -> None:
    """With an alpha of 2 % for the gate: at the start of a stage, and late, when only the drip is bet."""
    assert [blocks_to_fail(p, 0.05, 0.02, 0) for p in SHARES] == [20, 10, 8, 5, 4, 3]
    assert [blocks_to_fail(p, 0.05, 0.02, 3) for p in SHARES] == [35, 17, 14, 9, 6, 4]


def test_half_the_budget_costs_about_a_block() -> None:
    """One gate of a plan with 2 % has 1 % for its blocks."""
    assert [blocks_to_fail(p, 0.05, 0.01, 0) for p in SHARES] == [22, 11, 9, 6, 4, 3]
    assert [blocks_to_fail(p, 0.05, 0.005, 0) for p in SHARES] == [25, 12, 10, 6, 4, 3]


def test_what_meets_the_limit_never_breaks() -> None:
    """At the limit or below there is no number of blocks."""
    assert blocks_to_fail(0.05, 0.05, 0.01) is None
    assert blocks_to_fail(0.01, 0.05, 0.01) is None


def test_trials_to_pass() -> None:
    """With 0, 1, 2, 3, 5 and 8 bad ones, against 10 %."""
    assert [trials_to_pass(bad, 0.10, 0.05) for bad in (0, 1, 2, 3, 5, 8)] == [36, 63, 84, 102, 136, 183]


@pytest.mark.parametrize("share", [0.10, 0.12, 0.2, 0.4, 1.0])
def test_what_is_foretold_comes_true(share: float) -> None:
    """The gate breaks in the block that was foretold, or one sooner for the drip that is bet beside the start."""
    trial = Trial(planned(TTFA))
    foretold = blocks_to_fail(share, 0.05, trial.terms.slo_alpha, 0, trial.terms.blocks)
    assert foretold is not None
    blocks = 0
    while not trial.judged().breaches:
        trial.fold(counts(100, 100 * share), series="ttfa")
        blocks += 1
    assert foretold - 1 <= blocks <= foretold


def test_expectations_follow_share_and_traffic() -> None:
    """At 2 turns a second and 5 %, 36 turns of the candidate take six minutes; at 50 %, 36 seconds."""
    plan = planned(TTFA | {"slower": {"kind": "regression", "of": "ttfa"}, "m": {"kind": "mean", "at_most": "2s"}})
    found = {(one.stage, one.gate): one for one in listeners(plan, settle(plan), 2.0)}
    few, half = found["few", "ttfa"], found["half", "ttfa"]
    assert (few.turns, few.least, few.least_s) == (pytest.approx(180), 36, pytest.approx(360))
    assert half.least_s == pytest.approx(36)
    assert few.likely is not None
    assert few.likely > 36
    assert few.fail_s == pytest.approx(6 * 60)
    assert few.harmed == pytest.approx(0.1 * 360 * 0.2)
    assert found["few", "slower"].fail_s is not None
    assert found["all", "slower"].fail_s is None
    assert found["few", "m"].least is not None


def test_a_plan_out_of_reach_is_told() -> None:
    """A stage that cannot count 36 turns in its dwell and wait limit, by name and with its numbers."""
    plan = planned(TTFA | FAILURES, verdict={"wait_limit": "1h"})
    (first, second) = unreachable(plan, 0.1)
    assert first == (
        "stages.few: ttfa needs at least 36 turns of the candidate to pass, and about 27 come in 1.5 h (dwell and wait "
        "limit); raise the share, wait longer, or leave the stage without proof (certify: false)."
    )
    assert "failures needs at least 36" in second
    assert unreachable(plan, 0.2) == []
    assert len(unreachable(plan, 0.0)) == 6


def test_a_stage_without_proof_is_never_out_of_reach() -> None:
    """What nobody asks to be proved can be left with any traffic."""
    stages = [{"name": "few", "share": "5%", "dwell": "1m", "certify": False}, {"name": "off", "share": "0%"}]
    assert unreachable(planned(TTFA, stages=stages, verdict={"wait_limit": "1m"}), 0.01) == []


def test_later_stages_than_have_a_stake_take_longer() -> None:
    """From the fourth stage on the drip alone is bet, unless the plan has more stages that expose the candidate."""
    assert settle(planned(TTFA)).blocks == Schedule(3, 270)
    many = [{"name": f"s{number}", "share": "20%", "dwell": "30m"} for number in range(5)]
    assert settle(planned(TTFA, stages=many)).blocks == Schedule(5, 150)
