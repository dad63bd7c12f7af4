"""The fast tier: harm within seconds, and only where it is the candidate's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.delivery.evidence import Block, Look
from segue.delivery.fast import alternatives
from tests.proving import Trial, counts, planned

GATES = {"failures": {"kind": "failure", "fast": {"at_most": "10%"}}}
SLOW = {"ttfa": {"kind": "latency", "over": "6s", "fast": {"at_most": "50%"}}}


def minute(series: str, number: int, n: int, bad: float, others: int = 0, others_bad: float = 0) -> Block:
    """The open minute of a series."""
    since = 60.0 * number
    return Block(0, series, number, since, since + 60.0, counts(n, bad), counts(others, others_bad))


def fires(trial: Trial, open_minute: Block) -> bool:
    """Whether the fast tier asks for a rollback at this look."""
    look = Look(degradation="ok", minutes={open_minute.series: open_minute})
    return any(breach.how == "fast tier" for breach in trial.judged(look).breaches)


def test_the_shares_that_are_bet_on() -> None:
    """16 to 95 % against 10 %, and 60 to 97 % against one half; others in proportion, never at the ends."""
    assert alternatives(0.10) == pytest.approx((0.16, 0.25, 0.40, 0.65, 0.95))
    assert alternatives(0.50) == pytest.approx((0.6, 0.72, 0.85, 0.97))
    for limit in (0.0001, 0.02, 0.3, 0.9, 0.9999):
        assert all(limit < one < 1.0 for one in alternatives(limit))


def test_total_failure_is_seen_in_the_open_minute() -> None:
    """At 5 % share and everything failing, eight turns are enough; the minute need not end."""
    trial = Trial(planned(GATES))
    trial.fold(counts(8), counts(150, 1), times=20)
    first = next(n for n in range(1, 30) if fires(trial, minute("failures/fast", 20, n, n, 19 * n, 0.2 * n)))
    assert first <= 8


def test_a_third_failing_is_seen_within_a_hundred_turns() -> None:
    """30 % failures, minute by minute at 2.5 turns a second: found in the first minute that is open."""
    trial = Trial(planned(GATES))
    trial.fold(counts(150, 1.5), counts(2850, 28), times=60)
    first = next(n for n in range(1, 150) if fires(trial, minute("failures/fast", 60, n, n * 0.3, 19 * n, 0.19 * n)))
    assert 40 < first <= 110


def test_failures_of_both_arms_are_nobodys() -> None:
    """When the baseline fails as well, the fast tier says nothing."""
    trial = Trial(planned(GATES))
    assert not fires(trial, minute("failures/fast", 0, 50, 50, 500, 500))
    trial.fold(counts(50, 30), counts(500, 300), series="failures/fast", times=20)
    assert not any(breach.how == "fast tier" for breach in trial.judged().breaches)


def test_without_a_baseline_it_takes_twice_the_limit() -> None:
    """16 % failures are over the limit of 10 %, but without a baseline only more than 20 % fire."""
    trial = Trial(planned(GATES))
    trial.fold(counts(100, 16), series="failures/fast", times=50)
    assert not trial.judged().breaches
    trial = Trial(planned(GATES))
    trial.fold(counts(100, 40), series="failures/fast", times=2)
    assert [breach.how for breach in trial.judged().breaches] == ["fast tier"]


def test_one_half_stays_one_half() -> None:
    """The coarse latency limit is not doubled to everything where there is no baseline."""
    trial = Trial(planned(SLOW))
    assert trial.terms.gates["ttfa"].doubled_limit == 0.5
    trial.fold(counts(40, 38), series="ttfa/fast")
    assert [breach.how for breach in trial.judged().breaches] == ["fast tier"]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12), st.integers(1, 6))
def test_how_often_anyone_looks_does_not_matter(minutes: list[tuple[int, int]], looks: int) -> None:
    """Looks at the open minute leave no trace: what is folded is the same with and without them."""
    quiet, watched = Trial(planned(GATES)), Trial(planned(GATES))
    for number, (n, bad) in enumerate(minutes):
        for part in range(1, looks + 1):
            seen = n * part // looks
            fires(watched, minute("failures/fast", number, seen, min(seen, bad), 3 * seen, 0))
        for trial in (quiet, watched):
            trial.fold(counts(n, min(n, bad)), counts(3 * n), series="failures/fast")
    assert watched.book == quiet.book


def test_a_minute_counts_once() -> None:
    """A minute that is folded is not looked at again, should the same one still be reported as open."""
    trial = Trial(planned(GATES))
    trial.fold(counts(4, 4), counts(100), series="failures/fast")
    assert not trial.judged().breaches
    assert not fires(trial, minute("failures/fast", 0, 4, 4, 100))
    assert fires(trial, minute("failures/fast", 1, 4, 4, 100))


def test_the_breach_says_its_numbers() -> None:
    """How many failed, which share, and what may never be."""
    trial = Trial(planned(GATES))
    trial.fold(counts(30, 20), counts(300), series="failures/fast")
    (breach,) = trial.judged().breaches
    assert breach.reason.startswith(
        "failures: lately over 10 % of the turns failed, seen turn by turn (20 of 30 since the stage began, 66.7 %); "
    )
