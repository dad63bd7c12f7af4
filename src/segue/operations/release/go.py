"""Go or no-go: which checks a release needs, and what they come to together. Values and rules only.

A release goes only if everything that it needs was measured and holds. A warning stops it until somebody accepts it by
name; what could not be measured stops it, and nobody can accept that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from segue.operations.report import Check, Level

VERDICT = "release.verdict"
"""The check that says how it came out."""
GO, GO_ACCEPTED, NO_GO = "GO", "GO with accepted warnings", "NO-GO"
PREFLIGHT = "preflight"
OWN = ("smoke.", "load.", "watch.", "release.", "rollback.")
"""How the names of a release's own checks begin; all others are those of the preflight."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold, and the checks that show it. A name that ends with a dot stands for all below it."""

    name: str
    sentence: str
    checks: tuple[str, ...]


CRITERIA: tuple[Criterion, ...] = (
    Criterion(PREFLIGHT, "The preflight passes, but for warnings that somebody accepted by name", ("server.health",)),
    Criterion(
        "smoke",
        "The server answers, is ready, and its metrics move",
        ("smoke.health", "smoke.ready", "smoke.metrics"),
    ),
    Criterion(
        "idempotency",
        "A message that is sent twice arrives once, also where the second goes to another server",
        ("smoke.idempotency.repeated", "smoke.idempotency.shared"),
    ),
    Criterion(
        "audit access",
        "The audit refuses who has no key, or one without the scope, and opens for who has it",
        ("smoke.audit.closed", "smoke.audit.scoped", "smoke.audit.open"),
    ),
    Criterion(
        "audit",
        "What is sent is written in the audit and can be read there, and nobody changed it since",
        ("smoke.audit.written", "smoke.audit.verified"),
    ),
    Criterion("retention", "A dry run says what would be pruned, and removes nothing", ("smoke.retention",)),
    Criterion(
        "rate limits",
        "Under a controlled load as many messages are refused as the limits say, and counted",
        ("load.refused", "load.counted"),
    ),
    Criterion(
        "no spike",
        "While it is watched no server fault is seen, none on the way of messages, and nothing starts anew",
        ("watch.length", "watch.restarts", "watch.faults", "watch.send", "watch.answers"),
    ),
    Criterion(
        "versions",
        "It is known which code each service runs, and who prepares the release",
        ("release.commit.", "release.prepared"),
    ),
    Criterion(
        "rollback",
        "It is known where to go back to, and how long that took when it was tried",
        ("rollback.target", "rollback.time"),
    ),
)
"""What a release needs."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a criterion came out, by its checks: `pass`, `accepted`, `fail`, `not_measured`."""

    criterion: Criterion
    word: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all of it comes to."""

    word: str
    """`GO`, `GO with accepted warnings` or `NO-GO`."""
    reasons: tuple[str, ...]
    """Why not, a check each."""
    accepted: tuple[str, ...]
    """Names of the warnings that somebody accepted."""
    standings: tuple[Standing, ...]

    @property
    def check(self) -> Check:
        """The verdict as a check: its level gives the command's exit code."""
        if self.word == NO_GO:
            reason = f"NO-GO: {len(self.reasons)} of what a release needs does not hold or is not known."
            return Check(
                VERDICT, Level.FAIL, reason, {"against": len(self.reasons)}, "Mend what is named, then run it anew."
            )
        if self.accepted:
            reason = f"GO, with {len(self.accepted)} accepted warnings: {', '.join(self.accepted)}."
            return Check(VERDICT, Level.WARN, reason, {"accepted": len(self.accepted)}, "They stand in the evidence.")
        return Check(VERDICT, Level.PASS, "GO: everything that a release needs was measured, and holds.")


def verdict(checks: Sequence[Check], *, unneeded: Mapping[str, str] | None = None) -> Verdict:
    """What the checks come to. `unneeded` are needed checks that are not needed here, each with the reason."""
    spared = unneeded or {}
    by_name = {check.name: check for check in checks}
    against = [_against(check) for check in checks if _stops(check) and check.name not in spared]
    standings = []
    for criterion in CRITERIA:
        found = [each for name in criterion.checks for each in _named(by_name, name)]
        if criterion.name == PREFLIGHT:
            found = [check for check in checks if not check.name.startswith(OWN)]
        missing = [name for name in criterion.checks if not _named(by_name, name) and name not in spared]
        needed = [each for each in found if each.name not in spared]
        own = [each for each in needed if criterion.name != PREFLIGHT or each.name in criterion.checks]
        unknown = [each for each in own if each.level is Level.NOT_MEASURED]
        against += [f"{name} was not looked at." for name in missing]
        against += [_against(each) for each in unknown]
        standings.append(Standing(criterion, _word(needed, unknown=bool(missing or unknown)), tuple(found)))
    names = tuple(check.name for check in checks if check.accepted)
    word = NO_GO if against else GO_ACCEPTED if names else GO
    return Verdict(word, tuple(dict.fromkeys(against)), names, tuple(standings))


def _stops(check: Check) -> bool:
    return check.level in (Level.FAIL, Level.NO_DATA) or (check.level is Level.WARN and not check.accepted)


def _named(by_name: Mapping[str, Check], name: str) -> list[Check]:
    if name.endswith("."):
        return [check for found, check in by_name.items() if found.startswith(name)]
    return [by_name[name]] if name in by_name else []


def _word(needed: Iterable[Check], *, unknown: bool) -> str:
    those = list(needed)
    if any(_stops(each) for each in those):
        return "fail"
    if unknown:
        return "not_measured"
    return "accepted" if any(each.accepted for each in those) else "pass"


def _against(check: Check) -> str:
    word = {Level.NOT_MEASURED: "not measured", Level.NO_DATA: "no data", Level.WARN: "a warning"}.get(check.level, "")
    return f"{check.name}{f' ({word})' if word else ''}: {check.reason}"
