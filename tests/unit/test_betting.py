"""Bets: what a block is worth, when the stake is spent, and that nothing grows on average where the limit is met."""

from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.delivery.betting import (
    RATIOS,
    Purse,
    Schedule,
    above,
    at_stage,
    bet,
    labels,
    purse,
    restarted,
    spent,
    trials,
)
from segue.delivery.fast import alternatives

PLANNED = Schedule(3, 120)
SHARES = st.floats(0, 1)
LIMITS = st.floats(0.0001, 0.9999)


def test_a_block_is_worth_what_is_bet_on_it() -> None:
    """A unit bet becomes 1 + c (share / limit - 1), for c of 0.1, 0.4 and 0.95."""
    assert above(0.40, 0.05) == pytest.approx((1.7, 3.8, 7.65))
    assert above(0.0, 0.05) == pytest.approx((0.9, 0.6, 0.05))
    assert above(0.05, 0.05) == pytest.approx((1.0, 1.0, 1.0))


@given(LIMITS, st.lists(SHARES, min_size=1, max_size=8))
def test_a_bet_on_a_block_is_fair_at_the_limit(limit: float, spread: list[float]) -> None:
    """Whatever the distribution of a block's mean: if it is the limit on average, so is the factor one."""
    mean = sum(spread) / len(spread)
    if not 0.0001 <= mean <= 0.9999:
        return
    worth = [above(share, mean) for share in spread]
    for column in zip(*worth, strict=True):
        assert sum(column) / len(column) == pytest.approx(1.0)
        assert min(column) > 0.0
    assert all(later >= one for one, later in zip(above(0.2, limit), above(0.3, limit), strict=True))


@pytest.mark.parametrize(("n", "others", "p"), [(3, 5, 0.3), (1, 9, 0.05), (6, 2, 0.6), (4, 4, 0.99)])
def test_labels_are_fair_to_equal_arms(n: int, others: int, p: float) -> None:
    """Summed over everything that can happen to equal arms, a unit bet comes to at most one."""
    for index in range(len(RATIOS)):
        mean = sum(
            comb(n, k) * comb(others, j) * p ** (k + j) * (1 - p) ** (n + others - k - j)
            * labels(n, k, others, j)[index]
            for k, j in product(range(n + 1), range(others + 1))
        )  # fmt: skip
        assert 0.0 < mean <= 1.0 + 1e-12


def test_a_label_factor_is_the_one_written_down() -> None:
    """r^k times ((n + n') / (r n + n'))^(k + k')."""
    for ratio, found in zip(RATIOS, labels(10, 4, 90, 3), strict=True):
        assert found == pytest.approx(ratio**4 * (100 / (ratio * 10 + 90)) ** 7)
    assert labels(10, 0, 90, 0) == (1.0, 1.0, 1.0, 1.0)


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_a_divided_vote_counts_for_no_more_than_whole_ones(n: int, others: int, data: st.DataObject) -> None:
    """Half a vote is worth at most the mean of none and a whole one."""
    k, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, others))
    none, half, whole = (labels(n, k + part, others, j) for part in (0.0, 0.5, 1.0))
    for low, middle, high in zip(none, half, whole, strict=True):
        assert middle <= (low + high) / 2 * (1 + 1e-9)


@pytest.mark.parametrize(("n", "limit"), [(1, 0.1), (4, 0.1), (7, 0.5), (5, 0.2)])
def test_trials_are_fair_at_the_limit(n: int, limit: float) -> None:
    """Summed over everything that can happen at the limit, a unit bet trial by trial comes to one."""
    for index in range(len(alternatives(limit))):
        mean = sum(
            comb(n, k) * limit**k * (1 - limit) ** (n - k) * trials(n, k, limit, alternatives(limit))[index]
            for k in range(n + 1)
        )
        assert mean == pytest.approx(1.0)


def test_the_stake_is_spent_by_stage_and_by_block() -> None:
    """A quarter at the first block of each of three stages, the last quarter evenly over the planned blocks."""
    held = purse(1)
    staked = []
    for _ in range(4):
        held = at_stage(held)
        for _ in range(60):
            before = held.total
            held = bet(held, (1.0,), PLANNED, 1e9)
            staked.append(held.total - before)
    drip = 0.25 / 120
    assert staked[0] == pytest.approx(0.25 + drip)
    assert staked[60] == pytest.approx(0.25 + drip)
    assert staked[1:60] == pytest.approx([drip] * 59)
    assert staked[120] == pytest.approx(0.25)
    assert staked[121:] == pytest.approx([0.0] * 119)
    assert held.total == pytest.approx(1.0)


@given(
    st.integers(3, 6), st.integers(1, 50), st.lists(st.tuples(SHARES, st.sampled_from(["", "stage", "again"]))),
    LIMITS,
)  # fmt: skip
def test_never_more_than_the_whole_stake_is_spent(
    starts: int, blocks: int, days: list[tuple[float, str]], limit: float
) -> None:
    """Through blocks, stages and restarts the stake never grows, and neither it nor the wealth is ever negative."""
    schedule, held = Schedule(starts, blocks), purse(3)
    for share, happens in days:
        if happens == "stage":
            held = at_stage(held)
        elif happens == "again":
            held = restarted(held, schedule)
        stake = held.stake
        held = bet(held, above(share, limit), schedule, 1e6)
        assert 0.0 <= spent(held, schedule) <= held.stake + 1e-12
        assert held.stake <= stake <= 1.0 + 1e-12
        assert min(held.wealth) >= 0.0
        assert held.total <= 1e6 * (1 + 1e-9)


def test_a_restart_keeps_what_is_left() -> None:
    """Closed bets are worth no more than went into them; the rest of the stake is as it was."""
    lost = bet(purse(3), (0.05, 0.05, 0.05), PLANNED, 1e9)
    again = restarted(lost, PLANNED)
    used = 0.25 + 0.25 / 120
    assert again.stake == pytest.approx(1 - used + used * 0.05)
    assert again.total == 0.0
    won = restarted(bet(purse(3), (50.0, 50.0, 50.0), PLANNED, 1e9), PLANNED)
    assert won.stake == pytest.approx(1.0)


@given(st.lists(SHARES, min_size=1, max_size=30), st.data())
def test_worse_blocks_are_never_less_evidence(shares: list[float], data: st.DataObject) -> None:
    """Whichever block is made worse, the evidence does not shrink."""
    worse = list(shares)
    index = data.draw(st.integers(0, len(shares) - 1))
    worse[index] = data.draw(st.floats(shares[index], 1.0))

    def total(these: list[float]) -> float:
        held: Purse = purse(3)
        for share in these:
            held = bet(held, above(share, 0.05), PLANNED, 1e300)
        return held.total

    assert total(worse) >= total(shares) * (1 - 1e-9)


def test_wealth_is_cut_off() -> None:
    """However long something is wrong, the figures stay finite and at the ceiling."""
    held = purse(3)
    for _ in range(5000):
        held = bet(held, above(1.0, 0.0001), PLANNED, 2000.0)
    assert held.total == pytest.approx(2000.0)
    assert labels(1e7, 1e7, 1e7, 0)[3] < 1e300
