"""After the last stage: a change for the worse is found, and false alarms are as rare as they should be."""

from random import Random

import pytest

from segue.delivery.betting import above
from segue.delivery.book import folded
from segue.delivery.changes import Drift, drifted, line
from segue.delivery.evidence import Block
from tests.proving import TTFA, Trial, block, counts, planned


def baking() -> Trial:
    """A rollout in its bake."""
    trial = Trial(planned(TTFA))
    trial.enter(3)
    return trial


def test_a_change_is_found_after_a_long_quiet_time() -> None:
    """A day of good minutes, then twice the limit's threshold: told within ten minutes, and as a change."""
    trial = baking()
    trial.fold(counts(50, 1), times=1440)
    assert not trial.judged(share_bp=9500).breaches
    minutes = 0
    while minutes < 10 and not any(one.how == "change" for one in trial.judged(share_bp=9500).breaches):
        trial.fold(counts(50, 20))
        minutes += 1
    assert minutes <= 9
    breach = next(one for one in trial.judged(share_bp=9500).breaches if one.how == "change")
    assert "it grew worse lately" in breach.reason


def test_a_change_of_both_arms_is_no_change_of_the_candidate() -> None:
    """With a holdback beside it, both the limit and the comparison must show it."""
    trial = baking()
    trial.fold(counts(50, 1), counts(10, 0.2), times=200)
    trial.fold(counts(50, 20), counts(10, 4), times=60)
    judged = trial.judged(share_bp=9500)
    assert not judged.breaches
    assert [doubt.code for doubt in judged.doubts] == ["common_cause"]


def test_it_runs_in_the_bake_only() -> None:
    """In the stages before, nothing is summed up; after a step back from the bake it stops."""
    trial = Trial(planned(TTFA))
    trial.fold(counts(50, 20), times=3)
    assert not trial.book.changes
    trial.enter(3)
    assert trial.book.changes
    trial.enter(2)
    assert not trial.book.changes


def test_the_sums_are_the_formula() -> None:
    """R becomes (R + 1/3) times the factor."""
    factors = above(0.4, 0.05)
    first = drifted(Drift().limit, factors, 1e9)
    second = drifted(first, factors, 1e9)
    assert first == pytest.approx(tuple(factor / 3 for factor in factors))
    assert second == pytest.approx([(one + 1 / 3) * factor for one, factor in zip(first, factors, strict=True)])
    assert line(60.0) == 129_600


def test_alarms_are_as_far_apart_as_the_line() -> None:
    """At the limit itself, a line of 200 blocks is crossed on average no sooner than after 200 blocks."""
    chance, waits = Random(11), []  # noqa: S311
    for _ in range(150):
        sums, blocks = Drift().limit, 0
        while sum(sums) < 200 and blocks < 5000:
            blocks += 1
            sums = drifted(sums, above(sum(chance.random() < 0.05 for _ in range(20)) / 20, 0.05), 1e9)
        waits.append(blocks)
    assert sum(waits) / len(waits) >= 200


def test_a_late_block_of_a_stage_is_no_change() -> None:
    """Only blocks of the bake are summed up."""
    trial = baking()
    late: Block = block("ttfa", 119, counts(50, 50), stage=2)
    assert folded(trial.plan, trial.terms, trial.book, late).changes == trial.book.changes
