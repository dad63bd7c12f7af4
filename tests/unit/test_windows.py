"""When the share may grow: days, times, midnights, and the days on which clocks are changed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from segue.delivery.plan import Window
from segue.delivery.windows import are_open, is_open, opens_at, told_next

KYIV = "Europe/Kyiv"


def at(text: str) -> float:
    """A moment of UTC in Unix seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def window(**changes: Any) -> Window:
    """A window, every day and all day by default."""
    return Window.model_validate(changes)


def test_without_windows_it_is_always_open() -> None:
    """Who writes no windows wants none."""
    assert are_open((), 0.0)
    assert opens_at((), 5.0) == 5.0


def test_a_window_without_limits_is_always_open() -> None:
    """By default a window is every day from midnight to midnight."""
    for moment in range(0, 14 * 86_400, 3_601):
        assert is_open(window(), float(moment))


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-30 08:59:59", False),
        ("2026-03-30 09:00:00", True),
        ("2026-03-30 16:59:59", True),
        ("2026-03-30 17:00:00", False),
        ("2026-03-28 12:00:00", False),  # a Saturday
    ],
)
def test_days_and_times(moment: str, open_: bool) -> None:
    """The start belongs to a window, its end does not, and only its days count."""
    assert is_open(window(days=["mon", "tue"], start="09:00", end="17:00"), at(moment)) is open_


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-27 21:59", False),
        ("2026-03-27 22:00", True),
        ("2026-03-28 01:59", True),
        ("2026-03-28 02:00", False),
        ("2026-03-28 23:00", False),  # Saturday night is not its night
        ("2026-03-27 01:00", False),  # nor is the morning before
    ],
)
def test_over_midnight(moment: str, open_: bool) -> None:
    """A window whose end is before its start belongs to the day on which it begins."""
    assert is_open(window(days=["fri"], start="22:00", end="02:00"), at(moment)) is open_


def test_sunday_night_ends_on_monday() -> None:
    """The day after Sunday is Monday."""
    night = window(days=["sun"], start="23:00", end="01:00")
    assert is_open(night, at("2026-03-30 00:30"))
    assert not is_open(night, at("2026-03-29 00:30"))


def test_the_zone_counts() -> None:
    """Times are those on the wall in the window's zone."""
    morning = window(start="09:00", end="10:00", zone=KYIV)
    assert is_open(morning, at("2026-01-15 07:30"))  # UTC+2 in winter
    assert is_open(morning, at("2026-07-15 06:30"))  # UTC+3 in summer
    assert not is_open(morning, at("2026-07-15 07:30"))


def test_when_clocks_go_forward() -> None:
    """In Kyiv 03:00 became 04:00 on 2026-03-29: a window around it is shorter, and one inside is none."""
    half = window(start="02:30", end="03:30", zone=KYIV)
    assert is_open(half, at("2026-03-29 00:59"))
    assert not is_open(half, at("2026-03-29 01:00"))

    none = window(start="03:10", end="03:50", zone=KYIV)
    day = [at("2026-03-29 00:00") + 60.0 * minute for minute in range(20 * 60)]
    assert not any(is_open(none, moment) for moment in day)
    assert opens_at([none], at("2026-03-28 23:00")) == at("2026-03-30 00:10")


def test_a_window_whose_start_is_skipped_opens_where_the_gap_ends() -> None:
    """Where 03:30 does not exist, a window from 03:30 to 06:00 begins at 04:00."""
    skipped = window(start="03:30", end="06:00", zone=KYIV)
    assert opens_at([skipped], at("2026-03-28 23:00")) == at("2026-03-29 01:00")
    assert is_open(skipped, at("2026-03-29 01:00"))


def test_when_clocks_go_back() -> None:
    """In Kyiv 04:00 became 03:00 on 2026-10-25: a window from 03:00 to 03:30 comes twice."""
    twice = window(start="03:00", end="03:30", zone=KYIV)
    assert is_open(twice, at("2026-10-25 00:10"))
    assert not is_open(twice, at("2026-10-25 00:40"))
    assert is_open(twice, at("2026-10-25 01:10"))
    assert not is_open(twice, at("2026-10-25 01:40"))
    assert opens_at([twice], at("2026-10-25 00:40")) == at("2026-10-25 01:00")


@pytest.mark.parametrize("day", ["2026-03-24", "2026-10-20", "2026-11-01", "2026-01-10"])
def test_the_next_opening_is_the_first_moment_that_is_open(day: str) -> None:
    """Nothing between now and the told moment is open, and that moment is; where clocks are changed, too."""
    several = [
        window(days=["tue"], start="22:00", end="01:00", zone=KYIV),
        window(days=["sun"], start="02:30", end="03:30", zone=KYIV),
        window(days=["thu", "sun"], start="01:50", end="01:55", zone="America/New_York"),
    ]
    for hour in range(0, 24 * 7, 11):
        now = at(day) + 3600.0 * hour
        moment = opens_at(several, now)
        assert moment is not None
        assert are_open(several, moment)
        assert not any(are_open(several, now + 60.0 * minute) for minute in range(int((moment - now) // 60)))


def test_a_window_that_never_opens_is_told_as_such() -> None:
    """A window without days never opens; people are told, and nothing searches for ever."""
    never = [window(days=[])]
    assert opens_at(never, 0.0) is None
    assert told_next(never, 0.0) == "in no window of the next days"


def test_the_opening_is_told_in_its_own_zone() -> None:
    """People read the day and the time as they are on the wall there."""
    morning = [window(days=["mon"], start="09:00", end="17:00", zone=KYIV)]
    assert told_next(morning, at("2026-03-28 12:00")) == "from Mon 2026-03-30 09:00 Europe/Kyiv on"
