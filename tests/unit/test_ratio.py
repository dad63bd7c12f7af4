"""The check of the shares: wrong ones are found, right ones are left alone."""

from random import Random

import pytest

from segue.delivery.ratio import Shares, appeared
from tests.proving import counts


@pytest.mark.parametrize(
    ("share", "real"), [(0.05, 0.0125), (0.05, 0.2), (0.5, 0.0), (0.5, 0.8), (0.95, 0.6), (0.1, 0.0)]
)
def test_wrong_shares_are_found(share: float, real: float) -> None:
    """A quarter, four times, or none at all of the listeners that were meant: told within a thousand of them."""
    shares, chance = Shares(), Random(3)  # noqa: S311
    for _ in range(100):
        k = sum(chance.random() < real for _ in range(10))
        shares = appeared(shares, share, counts(k), counts(10 - k))
    assert shares.wrong


@pytest.mark.parametrize("share", [0.0001, 0.05, 0.5, 0.95])
def test_right_shares_are_left_alone(share: float) -> None:
    """At the intended share the alarm comes in at most one of a thousand stages; here, in none of two hundred."""
    chance, alarms = Random(5), 0  # noqa: S311
    for _ in range(200):
        shares = Shares()
        for _ in range(100):
            k = sum(chance.random() < share for _ in range(10))
            shares = appeared(shares, share, counts(k), counts(10 - k))
            if shares.wrong:
                alarms += 1
                break
    assert alarms <= 2


def test_nothing_and_everything_are_no_bet() -> None:
    """With a share of 0 or 100 % listeners are counted and nothing is concluded."""
    for share in (0.0, 1.0):
        shares = appeared(Shares(), share, counts(9), counts(9))
        assert (shares.wealth, shares.candidate, shares.baseline) == ((0.5, 0.5), 9, 9)


def test_once_the_shares_are_right_the_doubt_fades() -> None:
    """Evidence is cut off, so a mended routing is believed after a few hundred listeners."""
    shares = Shares()
    for _ in range(500):
        shares = appeared(shares, 0.5, counts(0), counts(10))
    assert shares.wrong
    for _ in range(30):
        shares = appeared(shares, 0.5, counts(5), counts(5))
    assert not shares.wrong


@pytest.mark.parametrize("replicas", [2, 5])
def test_a_listener_who_is_new_to_many_replicas_is_one_trial(replicas: int) -> None:
    """Where each listener turns up at every replica right shares are left alone, and wrong ones are still found."""
    chance, alarms = Random(5), 0  # noqa: S311
    for _ in range(200):
        shares = Shares()
        for _ in range(100):
            k = sum(chance.random() < 0.05 for _ in range(10))
            shares = appeared(shares, 0.05, counts(k * replicas), counts((10 - k) * replicas), replicas)
            if shares.wrong:
                alarms += 1
                break
    assert alarms <= 2
    for _ in range(100):
        shares = appeared(shares, 0.05, counts(2 * replicas), counts(8 * replicas), replicas)
    assert shares.wrong
