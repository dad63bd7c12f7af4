"""The rules that others roll back by, as their users know them: published figures and tables are reproduced."""

import math

import numpy as np
import pytest

from benchmarks.gates.rules import argo, flagger, naive
from benchmarks.gates.rules.argo import Analysis, Metric, Phase
from benchmarks.gates.rules.flagger import Loop
from benchmarks.gates.rules.kayenta import judged, root, shift
from benchmarks.gates.rules.windows import NEVER, Seen

HIGH = np.array([10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 17.0, 17.1, 17.2, 17.3, 17.4, 17.5, 17.6, 17.7])
WIDE = np.array([1.0, 100, 4, 101, 5, 102, 6, 103, 7, 104, 8, 105, 9, 106, 17])


def minutes(trials: list[int], bad: list[int]) -> Seen:
    """One run with one metric, of which 5 % may be bad."""
    return Seen(np.array([trials]), [np.array([bad])], [0.05])


def test_kayenta_gives_the_figures_that_its_users_have_seen() -> None:
    """Seven of ten points a hundred times worse pass, with the interval and the estimate that were reported."""
    baseline, candidate = np.ones(10), np.array([100.0] * 7 + [1.0] * 3)

    found = shift(baseline, candidate)

    assert found.low == pytest.approx(6.825022991538781e-05, rel=1e-12)
    assert (found.high, found.estimate) == (99.0, pytest.approx(98.99992904170193, rel=1e-14))
    assert judged(baseline, candidate, 1.05) == "pass"
    assert judged(baseline, np.array([100.0] * 8 + [1.0] * 2), 1.05) == "high"


def test_kayenta_agrees_with_a_textbook_shift() -> None:
    """Four points against four, of which every difference is known."""
    found = shift(np.array([1.0, 2, 3, 4]), np.array([10.0, 20, 30, 40]), confidence=0.95)

    assert [found.low, found.high, found.estimate] == pytest.approx([6.0, 39.0, 22.5])


def test_kayenta_passes_what_its_users_complain_about() -> None:
    """Sparse errors pass, and so does a series that became less variable; equal and empty ones are no shift."""
    assert judged(np.zeros(6), np.array([0.0, 1, 2, 1, 0, 0])) == "pass"
    assert judged(WIDE, HIGH) == "pass"
    assert judged(HIGH, HIGH[::-1]) == "pass"
    assert judged(HIGH, np.array([math.nan])) == "nodata"
    assert judged(HIGH, np.append(HIGH * 2.0, math.nan)) == "high"
    assert judged(HIGH, HIGH * 2.0, allowed_increase=2.1) == "pass"


@pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (1.2, 9.0), (-8.0, 1.5)])
def test_a_root_is_found(low: float, high: float) -> None:
    """Brent's method finds where a curve crosses zero, to the accuracy that is asked for."""
    assert root(lambda x: x**3 - 2.0, low, high, 1e-10) == pytest.approx(2.0 ** (1.0 / 3.0), abs=1e-9)


@pytest.mark.parametrize(
    ("value", "success_only", "failure_only", "both"),
    [
        (1.0, Phase.SUCCESSFUL, Phase.SUCCESSFUL, Phase.SUCCESSFUL),
        (9.0, Phase.FAILED, Phase.FAILED, Phase.FAILED),
        (5.0, Phase.FAILED, Phase.SUCCESSFUL, Phase.INCONCLUSIVE),
        (math.nan, Phase.FAILED, Phase.SUCCESSFUL, Phase.INCONCLUSIVE),
        (None, Phase.ERROR, Phase.ERROR, Phase.ERROR),
    ],
)
def test_argo_judges_a_measurement(value: float | None, success_only: Phase, failure_only: Phase, both: Phase) -> None:
    """NaN fails a condition for success and passes one for failure in silence; an empty answer is an error."""

    def good(x: float) -> bool:
        return x <= 3.0

    def poor(x: float) -> bool:
        return x >= 7.0

    assert Metric(success=good).measured(value) is success_only
    assert Metric(failure=poor).measured(value) is failure_only
    assert Metric(success=good, failure=poor).measured(value) is both
    assert Metric().measured(1.0) is Phase.SUCCESSFUL


def test_argo_forgives_no_failure_but_errors_between_answers() -> None:
    """The failure after the limit ends a metric however many were good between; only errors must follow each other."""
    within = Metric(success=lambda x: x <= 1.0, failure_limit=3)
    failing, erring = Analysis(within), Analysis(within)

    assert [failing.measure(value) for value in [2.0, 0.0, 2.0, 0.0, 2.0, 0.0]] == [Phase.RUNNING] * 6
    assert failing.measure(2.0) is Phase.FAILED
    assert [erring.measure(value) for value in [None, None, None, None, 0.0, None, None, None, None]][-1] is (
        Phase.RUNNING
    )
    assert erring.measurements == 1
    assert erring.measure(None) is Phase.ERROR


def test_argo_ends_a_metric_by_its_count_and_its_inconclusive_limit() -> None:
    """As many measurements as asked for are a success; one that is neither good nor bad stops a run by default."""
    counted = Analysis(Metric(success=lambda x: x <= 1.0, count=2))
    unclear = Analysis(Metric(success=lambda x: x <= 1.0, failure=lambda x: x >= 5.0))

    assert [counted.measure(0.5), counted.measure(0.5)] == [Phase.RUNNING, Phase.SUCCESSFUL]
    assert unclear.measure(3.0) is Phase.INCONCLUSIVE


def test_flagger_rolls_back_on_the_tick_after_its_threshold() -> None:
    """The counter is never set back, a missing value fails a check, and a full counter is seen one tick later."""
    loop = Loop(threshold=3)

    assert not any(loop.tick([value], 1.0) for value in [2.0, 0.5, None, 0.5, math.nan])
    assert loop.failed_checks == 3
    assert loop.tick([0.5], 1.0)


def test_flagger_counts_one_failed_check_a_tick() -> None:
    """The first metric out of range ends the tick, so two bad ones are one failed check."""
    loop = Loop()
    loop.tick([2.0, 2.0], 1.0)

    assert loop.failed_checks == 1


def test_rules_see_minutes_as_windows() -> None:
    """Each rule rolls back in the minute that its interval, window and limit give; a guard passes thin windows."""
    slow = minutes([10] * 30, [0] * 9 + [1] * 21)

    assert naive.rolled_back(slow).tolist() == [12.0]  # three of 50 in the latest five minutes
    assert naive.rolled_back(slow, least=51).tolist() == [NEVER]
    assert flagger.rolled_back(slow).tolist() == [15.0]  # minutes 10 to 14 fail
    assert argo.rolled_back(slow).tolist() == [30.0]  # the windows that end in 15, 20, 25 and 30
    assert argo.rolled_back(slow, least=51).tolist() == [NEVER]
    assert flagger.rolled_back(slow, every=5, minutes=5, least=20, threshold=2).tolist() == [25.0]


def test_silence_is_a_failure_to_those_who_poll() -> None:
    """Without any trial, Flagger and Argo roll back and the runbook waits; a guard makes silence a success."""
    silent = minutes([0] * 30, [0] * 30)

    assert flagger.rolled_back(silent).tolist() == [6.0]
    assert argo.rolled_back(silent).tolist() == [20.0]
    assert naive.rolled_back(silent).tolist() == [NEVER]
    assert flagger.rolled_back(silent, every=5, minutes=5, least=20).tolist() == [NEVER]
