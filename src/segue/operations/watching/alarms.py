"""The one table of what is an alarm when a server is watched, and the proof that each asks for. Pure.

P0 says go back at once, P1 says go back a step, or look. The numbers are those of the plans that come with Segue, each
named in `source`, and of the degradation settings; how long a reply may take is what the server's profiles promise.

A share is over its limit where its one-sided exact bound is: 99 % sure for P0, 95 % for P1. Proof may come from few
turns; that all is well is said of no figure with fewer than `LEAST`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from segue.operations.report import Check, Figure, Level
from segue.operations.watching.bounds import share
from segue.vendors.degradation import DegradationSettings

LEAST = DegradationSettings().min_turns
"""With fewer turns, attempts or requests nothing is called well."""
SURE: "Mapping[Severity, float]"
_NORMAL_99, _NORMAL_95 = 2.326, 1.645
"""How many standard errors a mean must be over its limit."""


class Severity(StrEnum):
    """What an alarm asks for."""

    P0 = "p0"
    """Go back at once."""
    P1 = "p1"
    """Go back a step, or look."""


SURE = {Severity.P0: 0.99, Severity.P1: 0.95}
LEVELS = {Severity.P0: Level.FAIL, Severity.P1: Level.WARN}
HINTS = {
    Severity.P0: "Go back at once: `segue rollout rollback NAME`, or `segue providers off NAME` if it is a provider.",
    Severity.P1: "Step back, or look: `segue rollout step-back NAME`, `segue providers`, `segue latency-audit`.",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A limit of a figure: a share is a part of one, a time seconds."""

    figure: str
    severity: Severity
    limit: float
    source: str
    over_s: float | None = None
    """Of a share of slow turns: over how many seconds a turn is slow; None for what its profile promises."""


ALARMS: tuple[Alarm, ...] = (
    Alarm("failed", Severity.P0, 0.10, "chirp3-production: success, fast"),
    Alarm("failed", Severity.P1, 0.05, "chirp3-production: success"),
    Alarm("fallback", Severity.P0, 0.20, "chirp3-production: fallback, fast"),
    Alarm("fallback", Severity.P1, 0.05, "chirp3-production: fallback"),
    Alarm("silence", Severity.P0, 0.20, "chirp3-production: silence", over_s=5.0),
    Alarm("ttfa", Severity.P1, 0.05, "the profile's objective, a 95th percentile"),
    Alarm("first_tts", Severity.P1, 0.05, "the profile's objective, a 95th percentile"),
    Alarm("underflow", Severity.P1, 0.05, "voice-phase2: underflow"),
    Alarm("synthesis", Severity.P0, 5.0, "chirp3-production: hanging"),
    Alarm("synthesis", Severity.P1, 2.0, "chirp3-production: duration"),
    Alarm("requests", Severity.P0, 0.10, "voice-v2-switch: errors, fast"),
    Alarm("requests", Severity.P1, 0.05, "voice-v2-switch: errors"),
)
"""Every alarm, the gravest of a figure first."""
WORDS = {
    "failed": "turns failed",
    "fallback": "turns were spoken by another than the first choice",
    "silence": "turns had no sound within 5 s of their first sentence",
    "ttfa": "turns were slower to their first sound than their profile promises",
    "first_tts": "first sentences took longer than their profile promises",
    "underflow": "turns ran dry in the middle",
    "requests": "requests were answered with 5xx",
}


def of_figure(figure: str) -> tuple[Alarm, ...]:
    """The alarms of a figure, the gravest first."""
    return tuple(alarm for alarm in ALARMS if alarm.figure == figure)


def of_share(name: str, figure: str, bad: int, n: int, *, few: Level = Level.NO_DATA, where: str = "") -> Check:
    """How a share stands: proved over a limit, within it, or with too few to say so."""
    figures: dict[str, Figure] = {"n": n, "bad": bad}
    if n == 0:
        return Check(name, few, f"{where}nothing to judge in the window, {LEAST} are needed.", figures)
    words, value = WORDS[figure], bad / n
    found = {alarm.severity: share(bad, n, SURE[alarm.severity]) for alarm in of_figure(figure)}
    least_sure = share(bad, n, SURE[Severity.P1])
    figures |= {"share": _short(value), "low": _short(least_sure.low), "high": _short(least_sure.high)}
    told = f"{where}{bad} of {n} {words} ({value:.1%})"
    for alarm in of_figure(figure):
        low = found[alarm.severity].low
        if low is not None and low > alarm.limit:
            sure = f"at least {low:.1%} with {SURE[alarm.severity]:.0%} confidence, at most {alarm.limit:.0%} allowed"
            return _alarmed(name, alarm, f"{told}: {sure} ({alarm.source}).", figures)
    if n < LEAST:
        return Check(name, few, f"{told}: too few to call it well, {LEAST} are needed.", figures)
    limit = of_figure(figure)[-1].limit
    if value > limit:
        return Check(name, Level.PASS, f"{told}: over {limit:.0%}, which may still be chance.", figures)
    proved = least_sure.high is not None and least_sure.high <= limit
    return Check(name, Level.PASS, f"{told}: {'proved to be ' if proved else ''}within {limit:.0%}.", figures)


def of_mean(name: str, figure: str, mean_s: float | None, error_s: float | None, n: int, *, where: str = "") -> Check:
    """How a mean of seconds stands; its proof takes the mean of many as normal."""
    figures: dict[str, Figure] = {"n": n, "mean_s": _short(mean_s), "error_s": _short(error_s)}
    if mean_s is None or error_s is None or n < LEAST:
        return Check(name, Level.NOT_MEASURED, f"{where}{n} attempts in the window, {LEAST} are needed.", figures)
    told = f"{where}{n} attempts took {mean_s:.2f} s on average"
    for alarm in of_figure(figure):
        errors = _NORMAL_99 if alarm.severity is Severity.P0 else _NORMAL_95
        if mean_s - errors * error_s > alarm.limit:
            return _alarmed(name, alarm, f"{told}: over {alarm.limit:g} s ({alarm.source}).", figures)
    return Check(name, Level.PASS, f"{told}: not proved to be over {of_figure(figure)[-1].limit:g} s.", figures)


def gravest(checks: Iterable[Check]) -> str:
    """What the checks of a window ask for together: `p0`, `p1`, `no_data` or `ok`."""
    levels = {check.level for check in checks}
    words = ((Level.FAIL, "p0"), (Level.NO_DATA, "no_data"), (Level.WARN, "p1"), (Level.PASS, "ok"))
    return next((word for level, word in words if level in levels), "no_data")


def _alarmed(name: str, alarm: Alarm, reason: str, figures: Mapping[str, Figure]) -> Check:
    said: dict[str, Figure] = {**figures, "severity": alarm.severity.value, "limit": alarm.limit}
    return Check(name, LEVELS[alarm.severity], f"{alarm.severity.upper()}: {reason}", said, HINTS[alarm.severity])


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def slug(name: str) -> str:
    """A name as a part of the name of a check."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "-" for each in name.lower())
