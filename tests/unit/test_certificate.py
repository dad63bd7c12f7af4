"""What it takes to pass, and the intervals: golden numbers, and that nothing is claimed that was not proved."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.delivery.certificate import (
    NO_MIRROR,
    blocks_missing,
    certainty,
    interval,
    mirrored,
    missing,
    votes_to_pass,
)


@pytest.mark.parametrize(
    ("tolerated", "least"),
    [(0.10, (36, 63, 84, 102, 136, 183)), (0.075, (51, 89, 116, 141, 187, 250))],
)
def test_the_least_votes_to_pass(tolerated: float, least: tuple[int, ...]) -> None:
    """Against 10 and 7.5 %, with 0, 1, 2, 3, 5 and 8 bad ones."""
    assert tuple(votes_to_pass(bad, tolerated, 0.05) for bad in (0, 1, 2, 3, 5, 8)) == least


@pytest.mark.parametrize("tolerated", [0.02, 0.05, 0.1, 0.2, 0.5])
def test_a_certificate_is_fair_where_it_must_not_pass(tolerated: float) -> None:
    """Summed over everything that can happen at the tolerated share, certainty comes to one; at more, to less."""
    for p, most in ((tolerated, 1.0), (min(1.0, tolerated * 1.2), 0.999)):
        mean = sum(comb(40, k) * p**k * (1 - p) ** (40 - k) * certainty(40, k, tolerated) for k in range(41))
        assert mean <= most + 1e-9
        assert mean > 0.0


@pytest.mark.parametrize("tolerated", [0.01, 0.04, 0.1, 0.3, 0.75])
def test_a_perfect_candidate_passes_any_gate(tolerated: float) -> None:
    """Without a bad vote, about 3.6 divided by the tolerated share are enough, whatever it is."""
    least = votes_to_pass(0, tolerated, 0.05)
    assert least is not None
    assert 1.5 / tolerated < least < 4.5 / tolerated


@given(st.integers(0, 300), st.floats(0, 0.3))
def test_what_is_missing_is_the_least_that_passes(votes: int, share: float) -> None:
    """So many more pass, one fewer does not; where none will do, a thousand more do not either."""
    bad = votes * share
    more = missing(votes, bad, 0.1, 0.05)
    if more is None:
        assert certainty(votes * 4, bad * 4, 0.1) < 20
        return
    assert certainty(votes + more, bad + more * (share if votes else 0), 0.1) >= 20
    assert more == 0 or certainty(votes + more - 1, bad + (more - 1) * (share if votes else 0), 0.1) < 20


def test_nobody_waits_for_what_cannot_come() -> None:
    """At the tolerated share nothing is missing, because nothing would be enough."""
    assert missing(100, 10, 0.1, 0.05) is None
    assert missing(100, 30, 0.1, 0.05) is None
    assert blocks_missing(NO_MIRROR, 0.4, 0.4, 0.05) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_mean_certificate_is_fair_at_the_tolerated_mean(spread: list[float]) -> None:
    """Whatever the distribution of a block's mean: where it is the tolerated one on average, nothing is won."""
    tolerated = min(0.99, sum(spread) / len(spread))
    worth = [sum(mirrored(NO_MIRROR, mean, tolerated)) for mean in spread]
    assert sum(worth) / len(worth) <= 1.0 + 1e-9
    assert min(worth) > 0.0


def test_means_pass_after_the_blocks_it_says() -> None:
    """The number of blocks that is foretold is the least one."""
    blocks = blocks_missing(NO_MIRROR, 0.1, 0.4, 0.05)
    assert blocks is not None
    wealth = NO_MIRROR
    for number in range(1, blocks + 1):
        wealth = mirrored(wealth, 0.1, 0.4)
        assert (sum(wealth) >= 20) is (number == blocks)


@pytest.mark.parametrize(
    ("n", "k", "low", "high"), [(100, 40, 0.26, 0.56), (36, 0, 0.0, 0.14), (9000, 450, 0.042, 0.06)]
)
def test_intervals_hold_what_was_seen(n: int, k: int, low: float, high: float) -> None:
    """They are about as wide as they must be to hold at every look."""
    found = interval(n, k)
    assert found == pytest.approx((low, high), abs=0.02)
    assert found[0] <= k / n <= found[1]


@given(st.integers(0, 2000), st.floats(0, 1))
def test_intervals_are_never_outside_of_what_can_be(n: int, share: float) -> None:
    """Without votes it is everything; at the ends it stays within nothing and everything."""
    low, high = interval(n, n * share)
    assert 0.0 <= low <= high <= 1.0
    assert n or (low, high) == (0.0, 1.0)
    assert low <= share + 1e-6 or n == 0
    assert high >= share - 1e-6
