"""Incidents: what went wrong, who leads, what was done, and who must be told by now. Values and rules only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from segue.errors import InvalidRequest

MOST_NOTES = 500
"""Notes of one incident."""


class Severity(StrEnum):
    """How bad it is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class IncidentState(StrEnum):
    """How far it is."""

    OPEN = "open"
    """Listeners suffer, or may."""
    MITIGATED = "mitigated"
    """They do not any more; the cause may still be there."""
    CLOSED = "closed"
    """The cause is known, and it is said what is done about it."""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote down while it went on. Unix microseconds."""

    at_us: int
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done, so that it does not come again."""

    text: str
    owner: str
    due: str
    """A day: 2026-12-01."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. Moments are Unix microseconds; 0 is not yet."""

    id: str
    """INC-20261121-1; empty before it is kept."""
    at_us: int
    """When it was opened."""
    version: int
    """Grows with every change."""
    title: str
    severity: Severity
    opened_by: str
    state: IncidentState = IncidentState.OPEN
    began_us: int = 0
    """When listeners began to suffer, as far as known; when it was opened if nobody says."""
    mitigated_us: int = 0
    closed_us: int = 0
    services: tuple[str, ...] = ()
    """What is affected."""
    commander: str = ""
    """Who leads."""
    cause: str = ""
    """The root cause."""
    rollback_level: int = 0
    """1 configuration, 2 code, 3 system; 0 for none."""
    rollback_target: str = ""
    """The version, commit or backup that was gone back to."""
    rollouts: tuple[str, ...] = ()
    """Rollouts that it has to do with."""
    evidence: tuple[str, ...] = ()
    """Names of files of evidence."""
    notes: tuple[Note, ...] = ()
    tasks: tuple[Task, ...] = ()

    @property
    def ended_us(self) -> int:
        """When listeners ceased to suffer, as far as known; 0 if they may still."""
        return self.mitigated_us or self.closed_us

    def as_dict(self) -> dict[str, Any]:
        """As it is kept."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        notes = [{"at_us": note.at_us, "by": note.by, "text": note.text} for note in self.notes]
        tasks = [{"text": task.text, "owner": task.owner, "due": task.due} for task in self.tasks]
        lists = {name: list(plain[name]) for name in ("services", "rollouts", "evidence")}
        words = {"severity": self.severity.value, "state": self.state.value}
        return plain | lists | words | {"notes": notes, "tasks": tasks}


def from_dict(plain: Mapping[str, Any]) -> Incident:
    """The incident that was kept."""
    given = {each.name: plain[each.name] for each in fields(Incident) if each.name in plain}
    lists = {name: tuple(given.get(name, ())) for name in ("services", "rollouts", "evidence")}
    return Incident(
        **{
            **given,
            **lists,
            "severity": Severity(given["severity"]),
            "state": IncidentState(given["state"]),
            "notes": tuple(Note(**note) for note in given.get("notes", ())),
            "tasks": tuple(Task(**task) for task in given.get("tasks", ())),
        }
    )


def numbered(at_us: int, taken: Iterable[str]) -> str:
    """The id of an incident that is opened now, after those of the same day."""
    day = prefix(at_us)
    numbers = [int(name[len(day) :]) for name in taken if name.startswith(day) and name[len(day) :].isdigit()]
    return f"{day}{max(numbers, default=0) + 1}"


def prefix(at_us: int) -> str:
    """Begins the ids of all incidents of a day."""
    return f"INC-{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y%m%d}-"


def noted(incident: Incident, now_us: int, by: str, text: str, changes: Mapping[str, Any]) -> Incident:
    """With one more note, and what it changes: severity, commander, services, rollouts, evidence, began_us.

    Raises:
        InvalidRequest: it has as many notes as fit.
    """
    if len(incident.notes) >= MOST_NOTES:
        raise InvalidRequest(f"{incident.id} has {MOST_NOTES} notes, the most there can be; open another incident.")
    note = Note(max(now_us, incident.at_us), by, text)
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(incident, version=incident.version + 1, notes=(*incident.notes, note), **given)


def mitigated(incident: Incident, now_us: int, by: str, text: str, level: int, target: str) -> Incident:
    """After listeners ceased to suffer.

    Raises:
        InvalidRequest: it is not open.
    """
    if incident.state is not IncidentState.OPEN:
        raise InvalidRequest(f"{incident.id} is {incident.state.value}; only an open incident can be mitigated.")
    told = noted(incident, now_us, by, text, {"rollback_level": level, "rollback_target": target})
    return replace(told, state=IncidentState.MITIGATED, mitigated_us=max(now_us, incident.at_us))


def closed(incident: Incident, now_us: int, by: str, text: str, cause: str, tasks: Sequence[Task]) -> Incident:
    """After its cause was found, and it is said what is done about it.

    Raises:
        InvalidRequest: it is closed already.
    """
    if incident.state is IncidentState.CLOSED:
        raise InvalidRequest(f"{incident.id} is closed already; a note can still be written.")
    told = noted(incident, now_us, by, text, {"cause": cause, "tasks": tuple(tasks)})
    return replace(told, state=IncidentState.CLOSED, closed_us=max(now_us, incident.at_us))


@dataclass(frozen=True, slots=True)
class Step:
    """Whom an incident reaches after a while."""

    after_us: int
    who: str


@dataclass(frozen=True, slots=True)
class Due:
    """A step of the escalation, at a moment."""

    who: str
    from_us: int
    """When they must be told."""
    due: bool
    """Whether that moment was reached before listeners ceased to suffer."""


def escalated(incident: Incident, now_us: int, steps: Iterable[Step]) -> tuple[Due, ...]:
    """Who must be told by now, in the order of the steps; once it is mitigated nobody more."""
    until_us = incident.ended_us or now_us
    ordered = sorted(steps, key=lambda step: step.after_us)
    return tuple(
        Due(step.who, incident.at_us + step.after_us, until_us >= incident.at_us + step.after_us) for step in ordered
    )
