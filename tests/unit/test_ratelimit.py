"""What a rate limit decides: bursts, the long run, several scopes at once, refusals, and clocks that are set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.console.ratelimit import Policy, Verdict, decide, part, undo, window_s

NOW_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
CHAT = Policy("chat", 1.0, 8)
OPERATOR = Policy("operator", 3.0, 20)

policies = st.builds(Policy, st.just("chat"), st.floats(0.001, 1_000_000.0), st.integers(1, 1000))


class Counter:
    """Arrivals as a store keeps them."""

    def __init__(self) -> None:
        self.arrivals: dict[str, int] = {}

    def take(self, now_us: int, *wanted: tuple[str, Policy]) -> Verdict:
        """Count one request."""
        found, after = decide(self.arrivals, wanted, now_us)
        self.arrivals |= after
        return found


def test_a_burst_and_then_one_a_second() -> None:
    """Eight pass at once, the ninth does not, and after a second exactly one more does."""
    counter = Counter()
    told = [counter.take(NOW_US, ("c", CHAT)) for _ in range(9)]
    assert [each.allowed for each in told] == [True] * 8 + [False]
    assert [each.standings[0].remaining for each in told] == [7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [each.standings[0].reset_s for each in told] == [1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert (told[8].violated, told[8].retry_after_s) == (CHAT, 1.0)

    assert not counter.take(NOW_US + SECOND_US - 1, ("c", CHAT)).allowed
    assert counter.take(NOW_US + SECOND_US, ("c", CHAT)).allowed
    assert not counter.take(NOW_US + SECOND_US, ("c", CHAT)).allowed


def test_an_operator_over_several_chats() -> None:
    """The twenty-first request of an operator is refused, whichever chat would take it; then three pass a second."""
    counter = Counter()
    told = [counter.take(NOW_US, (f"c{number % 4}", CHAT), ("o", OPERATOR)) for number in range(21)]
    assert [each.allowed for each in told] == [True] * 20 + [False]
    assert told[20].violated == OPERATOR
    assert [each.remaining for each in told[20].standings] == [3, 0]
    later = [counter.take(NOW_US + SECOND_US, (f"c{number}", CHAT), ("o", OPERATOR)) for number in range(4)]
    assert [each.allowed for each in later] == [True, True, True, False]


def test_a_refusal_counts_nothing_anywhere() -> None:
    """What one scope refuses has not been counted in another, however often it is tried."""
    counter = Counter()
    for _ in range(8):
        counter.take(NOW_US, ("c", CHAT), ("o", OPERATOR))
    before = dict(counter.arrivals)
    for _ in range(50):
        told = counter.take(NOW_US, ("c", CHAT), ("o", OPERATOR))
        assert (told.allowed, told.violated) == (False, CHAT)
    assert counter.arrivals == before
    assert counter.take(NOW_US, ("another", CHAT), ("o", OPERATOR)).allowed


def test_the_longest_wait_is_told() -> None:
    """Where several policies are violated, the one that takes longest is named, with its wait."""
    slow = Policy("slow", 0.1, 1)
    counter = Counter()
    counter.take(NOW_US, ("c", Policy("chat", 1.0, 1)), ("s", slow))
    told = counter.take(NOW_US, ("c", Policy("chat", 1.0, 1)), ("s", slow))
    assert (told.violated, told.retry_after_s) == (slow, 10.0)


def test_a_request_that_is_undone_was_never_there() -> None:
    """Undoing gives back one request each, and never more than the burst."""
    counter = Counter()
    for _ in range(8):
        counter.take(NOW_US, ("c", CHAT))
    counter.arrivals |= undo(counter.arrivals, [("c", CHAT)], NOW_US)
    assert counter.take(NOW_US, ("c", CHAT)).allowed
    assert not counter.take(NOW_US, ("c", CHAT)).allowed
    for _ in range(20):
        counter.arrivals |= undo(counter.arrivals, [("c", CHAT)], NOW_US)
    assert [counter.take(NOW_US, ("c", CHAT)).allowed for _ in range(9)] == [True] * 8 + [False]
    assert undo({}, [("c", CHAT)], NOW_US) == {"c": NOW_US}


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    """After an hour back nobody waits longer than one interval, and no more than the burst is given on top."""
    counter = Counter()
    for _ in range(8):
        counter.take(NOW_US, ("c", CHAT))
    back_us = NOW_US - 3600 * SECOND_US
    told = counter.take(back_us, ("c", CHAT))
    assert (told.allowed, told.retry_after_s) == (False, 1.0)
    assert counter.take(back_us + SECOND_US, ("c", CHAT)).allowed
    assert not counter.take(back_us + SECOND_US, ("c", CHAT)).allowed


def test_a_smaller_policy_takes_effect_at_once() -> None:
    """What was counted under a greater burst counts as all of the smaller one."""
    counter = Counter()
    for _ in range(20):
        counter.take(NOW_US, ("o", OPERATOR))
    small = Policy("operator", 1.0, 2)
    told = counter.take(NOW_US, ("o", small))
    assert (told.allowed, told.retry_after_s) == (False, 1.0)


@given(policies, st.lists(st.integers(0, 5_000_000), min_size=1, max_size=60))
def test_retry_after_is_true(policy: Policy, gaps_us: list[int]) -> None:
    """A request that comes when it was told to passes; a microsecond earlier it would not have."""
    counter, now_us = Counter(), NOW_US
    for gap_us in gaps_us:
        now_us += gap_us
        told = counter.take(now_us, ("c", policy))
        if not told.allowed:
            wait_us = round(told.retry_after_s * 1e6)
            assert wait_us > 0
            assert not decide(counter.arrivals, [("c", policy)], now_us + wait_us - 1)[0].allowed
            assert decide(counter.arrivals, [("c", policy)], now_us + wait_us)[0].allowed


@given(policies, st.lists(st.integers(0, 5_000_000), min_size=1, max_size=60))
def test_remaining_is_true(policy: Policy, gaps_us: list[int]) -> None:
    """As many as are told to remain pass at once, and no more; after the reset all of the burst does."""
    counter, now_us = Counter(), NOW_US
    for gap_us in gaps_us:
        now_us += gap_us
        told = counter.take(now_us, ("c", policy))
    standing = told.standings[0]
    assert 0 <= standing.remaining <= policy.burst
    for at_us, many in ((now_us, standing.remaining), (now_us + round(standing.reset_s * 1e6), policy.burst)):
        again = Counter()
        again.arrivals = dict(counter.arrivals)
        assert [again.take(at_us, ("c", policy)).allowed for _ in range(many + 1)] == [True] * many + [False]


@given(policies, st.integers(1, 50))
def test_the_parts_are_no_more_than_the_whole(policy: Policy, replicas: int) -> None:
    """Servers on their own together let through no more than the limit, but for one each that always passes."""
    share = part(policy, replicas)
    assert share.name == policy.name
    assert share.per_s * replicas == pytest.approx(policy.per_s)
    assert share.burst == 1 or share.burst * replicas <= policy.burst


@pytest.mark.parametrize(
    ("per_s", "burst", "interval_us", "window"),
    [
        (1.0, 8, 1_000_000, 8),
        (3.0, 20, 333_333, 7),
        (100 / 60, 100, 600_000, 60),
        (1e6, 5, 1, 1),
        (0.001, 1, 10**9, 1000),
    ],
)
def test_figures_of_a_policy(per_s: float, burst: int, interval_us: int, window: int) -> None:
    """The interval is whole microseconds, and the window whole seconds rounded up."""
    policy = Policy("chat", per_s, burst)
    assert (policy.interval_us, window_s(policy)) == (interval_us, window)
