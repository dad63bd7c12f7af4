"""What an operation found: one check after another, each with its reason and figures, and the exit code of the whole.

Every command of an operator ends in a `Report`, whatever it looked at, so that evidence, incidents and the release page
read one shape.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

Figure: TypeAlias = str | int | float | bool | None
"""A figure of a check; its unit stands in its name."""


class Level(StrEnum):
    """How a check, or a whole report, came out."""

    PASS = "pass"  # noqa: S105 - no secret, but how a check came out
    """It holds."""
    WARN = "warn"
    """It holds, but somebody should look; it can be accepted by name."""
    FAIL = "fail"
    """It does not hold."""
    NO_DATA = "no_data"
    """There should have been something to judge by, and there was nothing: that is never a pass."""
    NOT_MEASURED = "not_measured"
    """It cannot be measured here, and `reason` says why. It alone does not change how the whole came out."""


EXIT_CODES: Mapping[Level, int] = {
    Level.PASS: 0,
    Level.NOT_MEASURED: 0,
    Level.FAIL: 1,
    Level.WARN: 2,
    Level.NO_DATA: 3,
}
"""Exit code of a command whose report came out so."""
_GRAVITY = (Level.FAIL, Level.NO_DATA, Level.WARN, Level.PASS)
"""The gravest first. No data comes before a warning, which a script may let pass."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    `name` is stable, of small letters, digits, `-`, `_` and dots from the general to the particular, such as
    `synthesis.candidate.uk.silence`: by it warnings are accepted, and two reports compared.
    """

    name: str
    level: Level
    reason: str
    """One sentence with the numbers, also for what holds."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    hint: str = ""
    """What to do about it."""
    accepted: bool = False
    """A warning that somebody accepted by name."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a command found. Times are Unix microseconds."""

    command: str
    """As it is given after `segue`, without its options: `preflight`, `incident report` …"""
    target: str
    """What was looked at: an address, a folder, a plan."""
    began_us: int
    ended_us: int
    checks: tuple[Check, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain values beside the checks: versions, digests, settings, figures for the next reader. No secret."""

    @property
    def outcome(self) -> Level:
        """How the whole came out: as the gravest check that nobody accepted; no data where nothing was checked."""
        return outcome(self.checks)

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return EXIT_CODES[self.outcome]

    def of(self, level: Level) -> tuple[Check, ...]:
        """The checks that came out so."""
        return tuple(check for check in self.checks if check.level is level)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "command": self.command,
            "target": self.target,
            "began_us": self.began_us,
            "ended_us": self.ended_us,
            "outcome": self.outcome.value,
            "counts": {level.value: len(self.of(level)) for level in Level if self.of(level)},
            "checks": [_plain(check) for check in self.checks],
            "facts": dict(self.facts),
        }


def outcome(checks: Iterable[Check]) -> Level:
    """How several checks came out together; no data where nothing at all was measured."""
    found = {Level.PASS if check.accepted else check.level for check in checks}
    return next((level for level in _GRAVITY if level in found), Level.NO_DATA)


def accepted(checks: Iterable[Check], names: Iterable[str], *, strict: bool = False) -> tuple[Check, ...]:
    """The checks with these warnings accepted; with `strict` every other warning is a failure."""
    wanted = set(names)

    def judged(check: Check) -> Check:
        if check.level is not Level.WARN:
            return check
        if check.name in wanted:
            return replace(check, accepted=True)
        return replace(check, level=Level.FAIL) if strict else check

    return tuple(judged(check) for check in checks)


def _plain(check: Check) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": check.name, "level": check.level.value, "reason": check.reason}
    if check.figures:
        plain["figures"] = dict(check.figures)
    if check.hint:
        plain["hint"] = check.hint
    if check.accepted:
        plain["accepted"] = True
    return plain
