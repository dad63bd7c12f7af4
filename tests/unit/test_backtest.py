"""The block's length, from the baseline's own history: weather that lasts needs longer blocks."""

import pytest
from numpy.random import default_rng

from segue.delivery.backtest import History, Replayed, chosen, history_of, quantile_s, replayed
from segue.delivery.book import settle
from segue.delivery.plan import LatencyGate, MeanGate, RateGate
from segue.records import Mark, Outcome
from tests.proving import TTFA, planned
from tests.records import turn

GATE = {"ttfa": LatencyGate(kind="latency", over=6.0)}


def history(lasting: int, days: float = 2.0, per_minute: int = 6, seed: int = 1) -> History:
    """A baseline of two days: 5 % of the minutes are 2.5 times slower, in spells that last so long."""
    chance = default_rng(seed)
    minutes = int(days * 1440)
    slow, at = [False] * minutes, 0
    while at < minutes:
        at += 1 + int(chance.exponential(19 * lasting))
        for minute in range(at, min(minutes, at + lasting)):
            slow[minute] = True
        at += lasting
    values = chance.lognormal(0.0, 0.45, minutes * per_minute)
    samples = tuple(
        (index // per_minute, round(float(value) * (2.5 if slow[index // per_minute] else 1.0), 3))
        for index, value in enumerate(values)
    )
    return History(minutes, {"ttfa": samples})


def test_calm_weather_allows_short_blocks() -> None:
    """Where slow minutes are single ones, a block of one minute hardly ever alarms."""
    assert chosen(replayed(GATE, history(1), 0.01)) == 60.0


def test_spells_of_bad_weather_need_longer_blocks() -> None:
    """Where slowness lasts for ten minutes, short blocks alarm too often, and longer ones are taken."""
    table = replayed(GATE, history(10), 0.01)
    alarms = {row.block_s: row.alarms / row.windows for row in table}
    assert alarms[60.0] > 0.02
    assert alarms[1800.0] < alarms[60.0]
    found = chosen(table)
    assert found is not None
    assert found >= 300.0


def test_the_shortest_length_that_is_calm_is_taken() -> None:
    """At most 2 % of the windows may alarm, for every gate; if none is calm, the longest is taken."""
    table = [Replayed("ttfa", 60.0, 100, 3), Replayed("ttfa", 120.0, 100, 2), Replayed("ttfa", 300.0, 100, 0)]
    assert chosen(table) == 120.0
    assert chosen([*table, Replayed("errors", 120.0, 100, 9), Replayed("errors", 300.0, 100, 0)]) == 300.0
    assert chosen([Replayed("ttfa", 60.0, 100, 50), Replayed("ttfa", 120.0, 100, 40)]) == 120.0


def test_too_short_a_history_says_nothing() -> None:
    """A few hours, or a few turns, tell no length; five minutes are taken then."""
    assert chosen(replayed(GATE, history(1, days=0.4), 0.01)) is None
    assert chosen(replayed(GATE, History(2880, {"ttfa": ((5, 1.0),) * 50}), 0.01)) is None
    assert chosen([]) is None
    assert settle(planned(TTFA, block="auto")).block_s == 300.0


def test_terms_keep_the_table_and_where_to_compare() -> None:
    """Settled on a history, the block is the chosen one, and latencies are compared at the baseline's own p95."""
    past = history(1)
    terms = settle(planned(TTFA, block="auto"), past)
    near = quantile_s(past, "ttfa", 0.95)
    assert near is not None
    assert 1.9 < near < 3.0
    assert terms.block_s == 60.0
    assert len(terms.replayed) == 6
    assert terms.gates["ttfa"].compared_near_s == near
    assert terms.gates["ttfa"].compared_over_s == pytest.approx(near * 1.2)
    relative = next(series for series in terms.series if series.name == "ttfa/relative")
    assert (relative.baseline_over_s, relative.candidate_over_s) == (near, pytest.approx(near * 1.2))


def test_rates_and_means_are_replayed_at_their_limits() -> None:
    """At the limit, or at the baseline's own figure where that is worse: a baseline at 8 % is no alarm by itself."""
    chance = default_rng(2)
    fails = tuple((index // 6, float(bad)) for index, bad in enumerate(chance.random(2880 * 6) < 0.08))
    took = tuple((minute, 1.0) for minute in range(2880))
    gates = {"failures": RateGate(kind="failure"), "synthesis": MeanGate(kind="mean", at_most=2.0)}
    table = replayed(gates, History(2880, {"failure": fails, "synthesis": took}), 0.01)
    assert {row.gate for row in table} == {"failures", "synthesis"}
    assert all(row.alarms <= 0.02 * row.windows for row in table)


def test_history_is_what_the_gates_would_have_asked() -> None:
    """Turns become samples by minute, in order; a turn that failed before its first sound took for ever."""
    quick, later = turn(at=1000.0), turn(ttfa=2500.0, at=1130.0)
    failed = turn(at=1061.0, marks={Mark.DONE.value: 50.0}, outcome=Outcome.FAILED)
    past = history_of([later, failed, quick])
    assert past.minutes == 3
    assert past.samples["ttfa"] == ((0, 0.9), (1, 1000.0), (2, 2.5))
    assert past.samples["failure"] == ((0, 0.0), (1, 1.0), (2, 0.0))
    assert history_of([]).minutes == 0
