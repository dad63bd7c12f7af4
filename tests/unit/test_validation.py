"""How a deployment is judged after it was brought back: by limits, and against what was measured before."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segue.errors import InvalidRequest
from segue.operations.report import Level
from segue.operations.validating.after import LASTS_H, after_rules
from segue.operations.validating.baseline import Baseline, baseline_of, compared, quantile, ratio
from segue.operations.validating.criteria import YARDSTICKS, judge
from tests.prometheus import promtool


def speed(factor: float, *, spread: float = 0.02, runs: int = 5, scale_ms: float = 400.0) -> Baseline:
    """Times of three texts, each of its own length, around which the runs lie evenly."""
    steps = [spread * (2 * run / (runs - 1) - 1) for run in range(runs)]
    took = {
        name: [scale_ms * length * factor * math.exp(step) for step in steps]
        for name, length in (("short", 1.0), ("middle", 2.0), ("long", 5.0))
    }
    return Baseline("en", 1, took)


@pytest.mark.parametrize(
    ("now", "level"),
    [
        (speed(1.0), Level.PASS),
        (speed(1.3), Level.PASS),
        (speed(0.5), Level.PASS),
        (speed(1.7), Level.FAIL),
        (speed(1.45, spread=0.5, runs=3), Level.WARN),
        (speed(1.7, spread=0.5, runs=3), Level.WARN),
        (speed(1.0, runs=2), Level.PASS),
    ],
)
def test_slower_by_more_than_half_is_told_only_when_it_is_shown(now: Baseline, level: Level) -> None:
    """A ratio fails when even its lower bound is over the limit, passes when its upper one is not; else it is open."""
    assert compared(speed(1.0), now).level is level


def test_a_difference_that_nobody_hears_does_not_count() -> None:
    """Ten milliseconds more are nothing to a listener, whatever their ratio is."""
    fast, slow = speed(1.0, scale_ms=4.0), speed(2.0, scale_ms=4.0)
    assert compared(fast, slow).level is Level.PASS
    assert compared(speed(1.0), speed(2.0)).level is Level.FAIL


def test_what_cannot_be_compared_is_not_a_pass() -> None:
    """Without a baseline, in another language or with single runs there is no verdict; without any sound it fails."""
    other = Baseline("uk", 1, speed(1.0).took_ms)
    single = Baseline("en", 1, {"short": [400.0]})
    assert compared(None, speed(1.0)).level is Level.NOT_MEASURED
    assert compared(other, speed(1.0)).level is Level.NO_DATA
    assert compared(single, speed(1.0)).level is Level.NO_DATA
    assert compared(speed(1.0), Baseline("en", 1, {"short": []})).level is Level.FAIL


def test_times_of_different_providers_are_not_compared() -> None:
    """Where another provider speaks than before, its times say nothing of slower; a shared or untold one does."""

    def spoken(factor: float, *providers: str) -> Baseline:
        return replace(speed(factor), facts={"providers": list(providers)})

    apart = compared(spoken(1.0, "scripted"), spoken(3.0, "espeak"))
    assert apart.level is Level.NOT_MEASURED
    assert "Others spoke in the baseline: scripted, and now espeak." in apart.reason
    assert compared(spoken(1.0, "espeak"), spoken(3.0, "espeak", "scripted")).level is Level.FAIL
    assert compared(speed(1.0), spoken(3.0, "espeak")).level is Level.FAIL


def test_the_ratio_compares_text_with_text() -> None:
    """Long texts take long: only the same text is compared, and texts that only one side has are left out."""
    before = {"short": [100.0, 101.0], "long": [1000.0, 1010.0]}
    found = ratio(before, {"long": [2000.0, 2020.0], "other": [1.0, 1.0]})
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert found.low < 2.0 < found.high
    assert found.n == 4


@pytest.mark.parametrize(
    ("freedom", "value"), [(3.0, 2.353), (6.0, 1.943), (12.0, 1.782), (30.0, 1.697), (math.inf, 1.645)]
)
def test_quantiles_of_student_are_as_in_the_tables(freedom: float, value: float) -> None:
    """The expansion is within two parts in a hundred of the 95 % quantiles that every table has."""
    assert quantile(0.95, freedom) == pytest.approx(value, rel=0.02)


def test_the_largest_of_nine_is_called_so() -> None:
    """The 95th percentile of nine values is their largest, and of forty it is not; both are said."""
    assert "of 9 is their largest" in compared(None, speed(1.0, runs=3)).reason
    assert "of 60 is by the nearest rank" in compared(None, speed(1.0, runs=20)).reason


@pytest.mark.parametrize(
    "plain",
    [None, [], {"kind": "other"}, {"kind": "segue baseline", "language": "en", "at_us": 1, "took_ms": {}, "facts": {}},
     {"kind": "segue baseline", "language": "en", "at_us": 1, "took_ms": {"a": [-1]}, "facts": {}}],
)  # fmt: skip
def test_a_file_that_is_no_baseline_is_refused(plain: Any) -> None:
    """Nothing is compared with what nobody measured."""
    with pytest.raises(InvalidRequest, match=r"f\.json is no baseline"):
        baseline_of(plain, "f.json")
    assert baseline_of(speed(1.0).as_dict(), "f.json").language == "en"


def test_a_figure_on_its_limit_does_not_hold() -> None:
    """Each limit is strict, on the side that the table says."""
    for name, yardstick in YARDSTICKS.items():
        values = [yardstick.limit] * yardstick.least
        assert judge(name, values).level is Level.FAIL
        better = yardstick.limit * (0.99 if yardstick.below else 1.01)
        assert judge(name, [better] * yardstick.least).level is Level.PASS
        assert judge(name, []).level is Level.NOT_MEASURED
    assert judge("error_ratio", [0.0] * 99).level is Level.NOT_MEASURED


def test_the_rules_of_the_hours_after_fire_and_end(tmp_path: Path) -> None:
    """A Prometheus takes the rules; they fire in the hours after the run, and after that not any more."""
    run, until_s = "20260102T030405006", 3600
    (tmp_path / "rules.yaml").write_text(after_rules(run, until_s))
    series = 'segue_turns_total{outcome="%s",variant="a"}'
    alert = {
        "severity": "page", "kind": "after_rollback", "run": run,
    }  # fmt: skip
    labels = "".join(f"              {key}: {value}\n" for key, value in alert.items())
    (tmp_path / "test.yaml").write_text(
        "rule_files: [rules.yaml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n"
        f"      - {{series: '{series % 'failed'}', values: '0+5x120'}}\n"
        f"      - {{series: '{series % 'completed'}', values: '0+95x120'}}\n"
        "    alert_rule_test:\n"
        "      - {eval_time: 3m, alertname: SegueAfterRollbackFailing, exp_alerts: []}\n"
        "      - eval_time: 40m\n        alertname: SegueAfterRollbackFailing\n        exp_alerts:\n"
        f"          - exp_labels:\n{labels}"
        "            exp_annotations:\n"
        "              summary: Turns fail after a rollback\n"
        "              description: 5% of the turns of the last 5 min failed; 2% are allowed after a rollback.\n"
        "              runbook_url: docs/how-to/roll-back-a-deployment.md#the-hours-after\n"
        "              dashboard_url: /d/segue-voice\n"
        "      - {eval_time: 70m, alertname: SegueAfterRollbackFailing, exp_alerts: []}\n"
    )
    promtool("test", "rules", str(tmp_path / "test.yaml"))
    assert LASTS_H == 24
