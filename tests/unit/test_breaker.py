"""The breaker and the retry budget: when a provider is left alone, and when it is asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import FailureCategory
from segue.voice.breaker import HOPELESS, NOT_ITS_FAULT, Breaker, BreakerRules, BreakerState, Budget

SERVER = FailureCategory.SERVER
ORDINARY = sorted(set(FailureCategory) - HOPELESS - NOT_ITS_FAULT)


def fail(breaker: Breaker, now: float, category: FailureCategory = SERVER, **more: float) -> None:
    """A listener's call that fails."""
    breaker.began(probe=False)
    breaker.failed(now, 0.0, category, **more)  # type: ignore[arg-type]


def succeed(breaker: Breaker, now: float, *, slow: bool = False) -> None:
    """A listener's call that comes to its good end."""
    breaker.began(probe=False)
    breaker.succeeded(now, 0.0, slow=slow)


def opened(now: float = 0.0) -> Breaker:
    """A breaker that five failures have opened."""
    breaker = Breaker()
    for _ in range(5):
        fail(breaker, now)
    return breaker


@pytest.mark.parametrize("category", ORDINARY)
def test_five_failures_in_a_row_open_it(category: FailureCategory) -> None:
    """The fifth failure in a row opens the breaker, not the fourth."""
    breaker = Breaker()
    for _ in range(4):
        fail(breaker, 0.0, category)
    assert breaker.admit(0.0).allowed
    fail(breaker, 0.0, category)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.admit(0.0).allowed
    assert breaker.admit(40.0).after_s == 20.0
    assert breaker.reason == "5 failures in a row"


def test_slowness_is_a_failure_too() -> None:
    """Five slow successes in a row open the breaker as five failures do."""
    breaker = Breaker()
    for _ in range(5):
        succeed(breaker, 0.0, slow=True)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, "5 slow calls in a row")


@pytest.mark.parametrize(("good", "bad", "opens"), [(5, 5, True), (6, 4, False), (5, 4, False), (1, 3, False)])
def test_half_of_ten_opens_it(good: int, bad: int, opens: bool) -> None:
    """Half of at least ten calls within five minutes open it, mixed as they come; fewer calls say too little."""
    breaker = Breaker()
    for number in range(max(good, bad)):
        if number < good:
            succeed(breaker, number)
        if number < bad:
            fail(breaker, number)
    assert (breaker.state is BreakerState.OPEN) == opens


def test_old_calls_are_forgotten() -> None:
    """Calls older than the window count neither way."""
    breaker = Breaker()
    for number in range(4):
        fail(breaker, number)
    for number in range(6):
        succeed(breaker, 4 + number)
    fail(breaker, 1000.0)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.failing_share == 1.0


@pytest.mark.parametrize("category", sorted(NOT_ITS_FAULT))
def test_a_wrong_request_says_nothing_about_the_provider(category: FailureCategory) -> None:
    """However many bad requests are refused, the breaker stays closed."""
    breaker = Breaker()
    for _ in range(100):
        fail(breaker, 0.0, category)
    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("category", sorted(HOPELESS))
def test_a_refused_key_opens_it_at_once(category: FailureCategory) -> None:
    """The next call would be refused just the same."""
    breaker = Breaker()
    fail(breaker, 0.0, category)
    assert (breaker.state, breaker.reason) == (BreakerState.OPEN, category.value)


def test_a_provider_that_says_when_is_asked_then() -> None:
    """`Retry-After` is how long it rests, but never longer than an open breaker does."""
    breaker = Breaker()
    fail(breaker, 10.0, FailureCategory.RATE_LIMIT, retry_after_s=2.0)
    assert breaker.rests_until() == 12.0
    other = Breaker()
    fail(other, 10.0, FailureCategory.RATE_LIMIT, retry_after_s=3600.0)
    assert other.rests_until() == 70.0


def test_three_probes_close_it() -> None:
    """After its rest it is half open: listeners pass it by, and the third good probe closes it."""
    breaker = opened()
    assert not breaker.admit_probe(59.0).allowed
    assert not breaker.admit(60.0).allowed
    assert breaker.state is BreakerState.HALF_OPEN
    for number in range(3):
        assert breaker.state is BreakerState.HALF_OPEN
        assert breaker.admit_probe(60.0 + number).probe
        breaker.began(probe=True)
        breaker.succeeded(60.0 + number, 0.5, probe=True)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admit(63.0).allowed


@pytest.mark.parametrize("how", ["failed", "slow"])
def test_one_bad_trial_opens_it_again(how: str) -> None:
    """A probe that fails, or drags, leaves the provider alone for a whole rest more."""
    breaker = opened()
    assert breaker.admit_probe(60.0).allowed
    breaker.began(probe=True)
    if how == "failed":
        breaker.failed(61.0, 0.0, SERVER, probe=True)
    else:
        breaker.succeeded(61.0, 0.0, slow=True, probe=True)
    assert breaker.state is BreakerState.OPEN
    assert breaker.rests_until() == 121.0


def test_probes_are_never_more_than_are_needed() -> None:
    """Half open, at most three probes run at once; one that is given up makes room."""
    breaker = opened()
    for _ in range(3):
        assert breaker.admit_probe(60.0).allowed
        breaker.began(probe=True)
    assert not breaker.admit_probe(60.0).allowed
    breaker.dropped(probe=True)
    assert breaker.admit_probe(60.0).allowed


def test_an_only_provider_rests_shorter() -> None:
    """Where there is no other, it is tried again after twelve seconds, with listeners' own calls."""
    breaker = opened()
    assert not breaker.admit(11.9, alone=True).allowed
    admission = breaker.admit(12.0, alone=True)
    assert (admission.allowed, admission.probe) == (True, True)


@given(st.floats(0, 1))
def test_the_rest_is_jittered(luck: float) -> None:
    """An open breaker rests for a minute, and up to six seconds more."""
    breaker = Breaker()
    for _ in range(5):
        breaker.began(probe=False)
        breaker.failed(0.0, luck, SERVER)
    until = breaker.rests_until()
    assert until is not None
    assert 60.0 <= until <= 66.0


@given(st.lists(st.tuples(st.sampled_from(["good", "bad", "slow", "wait", "probe", "probe-bad"]), st.floats(0, 30))))
def test_it_is_always_in_a_state_that_can_be_left(steps: list[tuple[str, float]]) -> None:
    """Whatever happens, waiting a rest and three good probes closes it, and probes never exceed their number."""
    breaker, now = Breaker(BreakerRules()), 0.0
    for step, gap_s in steps:
        now += gap_s
        if step.startswith("probe"):
            if breaker.admit_probe(now).allowed:
                breaker.began(probe=True)
                if step == "probe":
                    breaker.succeeded(now, 0.1, probe=True)
                else:
                    breaker.failed(now, 0.9, SERVER, probe=True)
        elif step != "wait" and breaker.admit(now).allowed:
            breaker.began(probe=False)
            if step == "bad":
                breaker.failed(now, 0.3, SERVER)
            else:
                breaker.succeeded(now, 0.3, slow=step == "slow")
    now += 100
    while breaker.admit_probe(now).allowed:
        breaker.began(probe=True)
        breaker.succeeded(now, 0.5, probe=True)
    assert breaker.state is BreakerState.CLOSED


def test_repeats_are_a_fifth_of_the_calls_and_a_few_besides() -> None:
    """With a hundred calls in ten seconds 22 repeats fit, without any two do, and both are forgotten afterwards."""
    idle, busy = Budget(), Budget()
    for number in range(100):
        busy.spent(number / 20)
    allowed = []
    for budget in (idle, busy):
        count = 0
        while budget.allows(5.0):
            budget.spent(5.0, repeat=True)
            count += 1
        allowed.append(count)
    assert allowed == [2, 22]
    assert not busy.allows(14.0)
    assert busy.allows(15.0)
