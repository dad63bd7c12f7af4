"""Windows between two readings of `/metrics`, with exact bounds of what they prove."""

from itertools import accumulate, pairwise

import pytest
from numpy.random import default_rng

from segue.errors import InvalidRequest
from segue.operations.watching.bounds import cumulative, least, quantile, share
from segue.operations.watching.scrape import Scrape, parsed
from segue.operations.watching.windows import Histogram, between, summed
from segue.telemetry.metrics import Metrics
from tests.records import turn

STARTED = (("process_start_time_seconds", ()), 50.0)


def reading(metrics: Metrics, at_s: float) -> Scrape:
    """What a server with these metrics answers."""
    return parsed(metrics.exposition()[0].decode(), at_s)


def counters(at_s: float, started_s: float = 50.0, **values: float) -> Scrape:
    """A reading of a few counters of a process that started then."""
    samples = {(f"segue_{name}_total", ()): value for name, value in values.items()}
    return Scrape(at_s, {("process_start_time_seconds", ()): started_s, **samples})


def test_a_window_is_the_difference_of_two_readings() -> None:
    """What was counted before the first reading is in no window, and label sets that are new count from zero."""
    metrics = Metrics()
    for _ in range(100):
        metrics.observe(turn(ttfa=9000.0))
    before = reading(metrics, 100.0)
    for _ in range(7):
        metrics.observe(turn(ttfa=900.0))
        metrics.observe(turn(ttfa=300.0, variant="candidate", profile="quality"))
    window = between(before, reading(metrics, 160.0))

    assert window.total("segue_turns_total", variant="baseline") == 7
    assert window.by("segue_turns_total", "variant") == {"baseline": 7, "candidate": 7}
    ttfa = window.histogram("segue_ttfa_seconds", variant="baseline")
    assert (ttfa.n, ttfa.mean_s) == (7, pytest.approx(0.9))
    assert window.histogram("segue_ttfa_seconds").n == 14
    assert (window.long_s, window.restarts, window.stranger) == (60.0, 0, False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (counters(100, turns=40, served=40), counters(160, started_s=130, turns=3, served=3)),
        (counters(100, turns=40, served=2), counters(160, turns=3, served=3)),
        (counters(100, turns=40, gone=4), counters(160, turns=3, served=3)),
    ],
    ids=["it says so", "a counter fell", "a counter is gone"],
)
def test_after_a_restart_everything_counts_from_zero(before: Scrape, after: Scrape) -> None:
    """A new start time, a counter that fell and one that is gone each tell of a restart: no difference is negative."""
    window = between(before, after)

    assert window.restarts == 1
    assert window.total("segue_turns_total") == 3
    assert min(window.counted.values()) >= 0


def test_another_server_behind_the_address_is_noticed() -> None:
    """A process that was there all the time and is another one makes the difference meaningless; a restart does not."""
    assert between(counters(100, turns=4), counters(160, started_s=20, turns=9)).stranger
    assert between(counters(100, started_s=20, turns=4), counters(160, started_s=50, turns=9)).stranger
    assert not between(counters(100, turns=4), counters(160, started_s=99.5, turns=9)).stranger


def test_windows_add_up() -> None:
    """Windows that follow one another give what one window over all of them gives, restarts or not."""
    metrics = Metrics()
    readings = [reading(metrics, 0.0)]
    for step in range(1, 5):
        for _ in range(step):
            metrics.observe(turn(ttfa=100.0 * step))
        readings.append(reading(metrics, 10.0 * step))
    whole = between(readings[0], readings[-1])
    steps = summed(between(a, b) for a, b in pairwise(readings))

    assert steps.total("segue_turns_total") == whole.total("segue_turns_total") == 10
    assert steps.histogram("segue_ttfa_seconds") == whole.histogram("segue_ttfa_seconds")
    assert (steps.began_s, steps.ended_s) == (0.0, 40.0)


def test_the_true_quantile_lies_between_the_edges_that_are_told() -> None:
    """A quantile read from buckets comes with the edges between which the true one is, for any values."""
    drawn = default_rng(5)
    for _ in range(20):
        metrics, values = Metrics(), sorted(drawn.lognormal(7.0, 1.0, drawn.integers(1, 300)))
        before = reading(metrics, 0.0)
        for value in values:
            metrics.observe(turn(ttfa=value, first_tts=min(50.0, value)))
        found = between(before, reading(metrics, 1.0)).histogram("segue_ttfa_seconds")
        for part in (0.5, 0.95, 0.99):
            at = found.quantile(part)
            true_s = values[max(0, -int(-part * len(values) // 1) - 1)] / 1000.0
            assert at is not None
            assert at.low < true_s * 1.0000001
            assert at.high is None or (true_s <= at.high and at.low <= at.value <= at.high)


def test_more_than_a_limit_is_exact_where_the_limit_is_an_edge() -> None:
    """At an edge the count over it is exact; within a bucket only those in the buckets above are surely over it."""
    found = Histogram((1.0, 2.0, 4.0, float("inf")), (3, 5, 2, 1), 30.0)

    assert found.over(2.0) == (3, 3)
    assert found.over(3.0) == (1, 3)
    assert found.over(9.0) == (0, 1)
    assert Histogram().over(1.0) == (0, 0)
    assert Histogram().quantile(0.5) is None
    assert found.quantile(0.999) is not None
    assert found.quantile(0.999).high is None  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["<html>", "segue_turns_total{", "# nothing\n", "up 1\n"])
def test_what_is_no_metrics_of_a_segue_is_refused(text: str) -> None:
    """A page of a proxy, a broken text and somebody else's metrics are refused with what to do."""
    with pytest.raises(InvalidRequest, match="/metrics"):
        parsed(text, 0.0)


def test_the_bounds_of_a_share_are_those_of_clopper_and_pearson() -> None:
    """At each bound the chance of what was seen, or worse, is what is left over by the confidence."""
    for bad, n in ((0, 30), (1, 30), (7, 61), (30, 30), (120, 4000)):
        found = share(bad, n, 0.95)
        if bad:
            assert 1.0 - cumulative(bad - 1, n, found.low or 0.0) == pytest.approx(0.05, abs=1e-6)
        if bad < n:
            assert cumulative(bad, n, found.high or 1.0) == pytest.approx(0.05, abs=1e-6)


def test_the_chances_are_those_of_counting() -> None:
    """The cumulative chance agrees with adding up Pascal's triangle."""
    row = [1]
    for _ in range(12):
        row = [a + b for a, b in zip([0, *row], [*row, 0], strict=True)]
    for k, sums in enumerate(accumulate(row)):
        assert cumulative(k, 12, 0.5) == pytest.approx(sums / 4096)


def test_a_95th_percentile_is_bounded_from_59_values_on() -> None:
    """58 values prove nothing above, 59 do with their greatest; and the bound holds as often as it says."""
    assert least(0.95) == 59
    assert quantile(range(58), 0.95).high is None
    assert quantile(range(59), 0.95).high == 58
    drawn = default_rng(11)
    held = 0
    for _ in range(600):
        values = sorted(drawn.random(100))
        held += (quantile(values, 0.95).high or 1.0) >= 0.95
    assert held >= 0.95 * 600 - 3 * (600 * 0.05 * 0.95) ** 0.5
