"""When the share may grow: by the clock on the wall of the window's own time zone.

A window is a span of wall-clock time on given days. Where clocks are set forward, the times that do not exist are in no
window; where they are set back, a time that comes twice is in the window twice.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from segue.delivery.plan import Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_AHEAD_DAYS = 9
_DAY_S = 86_400.0
_MINUTE_S = 60.0


def are_open(windows: Sequence[Window], now: float) -> bool:
    """Whether the share may grow at `now` (Unix seconds): always where there are no windows."""
    return not windows or any(is_open(window, now) for window in windows)


def is_open(window: Window, now: float) -> bool:
    """Whether a moment, in Unix seconds, is in a window. Its start belongs to it, its end does not."""
    local = datetime.fromtimestamp(now, ZoneInfo(window.zone))
    clock, today, yesterday = f"{local:%H:%M}", DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if window.start < window.end:
        return today in window.days and window.start <= clock < window.end
    return (today in window.days and clock >= window.start) or (yesterday in window.days and clock < window.end)


def opens_at(windows: Sequence[Window], now: float) -> float | None:
    """When the next window opens, in Unix seconds; `now` where one is open, None where none will within nine days."""
    if are_open(windows, now):
        return now
    first = (next((moment for moment in _beginnings(window, now) if moment > now), None) for window in windows)
    return min((moment for moment in first if moment is not None), default=None)


def _beginnings(window: Window, now: float) -> Iterator[float]:
    """The moments at which a window begins, in order, from the day before `now` on."""
    zone = ZoneInfo(window.zone)
    today = datetime.fromtimestamp(now, zone).date()
    for ahead in range(-1, _AHEAD_DAYS):
        day = today + timedelta(ahead)
        first = datetime.combine(day, time(), zone).timestamp()
        length = datetime.combine(day + timedelta(1), time(), zone).timestamp() - first
        if length == _DAY_S:
            yield from filter(partial(is_open, window), [first + _MINUTE_S * _minutes(window.start)])
            continue
        # Clocks are changed on this day: what the wall shows does not tell how late it is, so each minute is asked.
        for moment in (first + _MINUTE_S * minute for minute in range(int(length // _MINUTE_S))):
            if is_open(window, moment) and not is_open(window, moment - _MINUTE_S):
                yield moment


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)


def told_next(windows: Sequence[Window], now: float) -> str:
    """When the share may grow next, for people: `from Mon 2026-03-30 09:00 Europe/Kyiv on`."""
    moment = opens_at(windows, now)
    if moment is None:
        return "in no window of the next days"
    zone = next(window.zone for window in windows if is_open(window, moment))
    local = datetime.fromtimestamp(moment, ZoneInfo(zone))
    return f"from {DAYS[local.weekday()].capitalize()} {local:%Y-%m-%d %H:%M} {zone} on"
