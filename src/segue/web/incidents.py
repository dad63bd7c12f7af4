"""`/api/incidents`: what went wrong, what is done about it, and who must be told by now."""

from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from segue.console import incidents as rules
from segue.console.incidents import Incident, IncidentState, Severity, Task
from segue.console.operator import Operator, Scope
from segue.console.responding import Responding
from segue.web.access import Access
from segue.web.bodies import WHOLE, Body, json_only
from segue.web.described import Shape, answers
from segue.web.guard import request_id
from segue.web.paging import LISTS, Lists, Page

PATH = "/api/incidents"


def day(written: str) -> str:
    """A day as it was written: 2026-12-01.

    Raises:
        ValueError: there is no such day.
    """
    date.fromisoformat(written)
    return written


IncidentId = Annotated[str, Path(max_length=100, description="Id of an incident: INC-20261121-1.")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Said = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*\S[^\x00]*$")]
Lines = Annotated[tuple[Line, ...], Field(max_length=50, strict=False)]
Moment = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(day)]
Level = Annotated[Severity, Field(strict=False)]
_WRITING: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not valid, or it cannot be done in this state; `detail` says what to mend."},
    415: {"description": "The body is not JSON."},
    503: {"description": "It could not be written; nothing changed."},
}
_READING: dict[int | str, dict[str, Any]] = {503: {"description": "What is kept cannot be read now."}}
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such incident (code `unknown_incident`)."}
}


class IncidentBody(Body):
    """An incident that is to be opened. Nothing of a message, and no secret, belongs into any of its texts."""

    title: Line
    severity: Level = Severity.HIGH
    services: Lines = ()
    """What is affected."""
    commander: Annotated[str, Field(max_length=200)] = ""
    """Who leads; whoever opens it where nobody is named."""
    began_at: Moment | None = None
    """Unix seconds; when listeners began to suffer."""
    rollouts: Lines = ()
    """Rollouts that it has to do with."""


class NoteBody(Body):
    """What somebody writes down, and what it changes."""

    text: Said
    severity: Level | None = None
    commander: Line | None = None
    services: Lines | None = None
    rollouts: Lines | None = None
    evidence: Lines | None = None
    """Names of files of evidence."""


class MitigateBody(Body):
    """How listeners ceased to suffer."""

    text: Said
    rollback_level: Annotated[int, Field(ge=0, le=3), WHOLE] = 0
    """1 configuration, 2 code, 3 system; 0 where nothing was rolled back."""
    rollback_target: Annotated[str, Field(max_length=200)] = ""
    """The version, commit or backup that was gone back to."""


class TaskBody(Body):
    """What is to be done, so that it does not come again."""

    text: Line
    owner: Line
    due: Day


class CloseBody(Body):
    """What it came from, and what is done about it."""

    text: Said
    cause: Said
    tasks: Annotated[tuple[TaskBody, ...], Field(max_length=50, strict=False)] = ()


class NoteShape(Shape):
    """A note."""

    at: float
    by: str
    text: str


class TaskShape(Shape):
    """Something to be done."""

    text: str
    owner: str
    due: str


class DueShape(Shape):
    """A step of the escalation: who, from when on, and whether that was reached."""

    who: str
    at: float
    due: bool


class IncidentShape(Shape):
    """An incident. Moments are Unix seconds; null is not yet."""

    id: str
    at: float
    version: int
    title: str
    severity: Severity
    state: IncidentState
    opened_by: str
    began_at: float
    mitigated_at: float | None
    closed_at: float | None
    services: list[str]
    commander: str
    cause: str
    rollback_level: int
    rollback_target: str
    rollouts: list[str]
    evidence: list[str]
    notes: list[NoteShape]
    tasks: list[TaskShape]
    escalation: list[DueShape]


class IncidentPage(Shape):
    """Incidents."""

    items: list[IncidentShape]
    next: str | None


def router(access: Access, responding: Responding, lists: Lists) -> APIRouter:
    """The routes, bound to what is done about incidents."""
    routes = APIRouter(tags=["operations"])
    routes.include_router(_reading(access, responding, lists))
    routes.include_router(_writing(access, responding))
    return routes


def told(incident: Incident, responding: Responding) -> dict[str, Any]:
    """An incident as JSON."""
    plain = incident.as_dict()
    moments = {f"{name}_at": _moment(plain.pop(f"{name}_us")) for name in ("mitigated", "closed")}
    began_us = plain.pop("began_us") or incident.at_us
    notes = [{"at": _moment(note.at_us), "by": note.by, "text": note.text} for note in incident.notes]
    due = [{"who": each.who, "at": _moment(each.from_us), "due": each.due} for each in responding.due(incident)]
    at = _moment(plain.pop("at_us"))
    return {**plain, **moments, "at": at, "began_at": _moment(began_us), "notes": notes, "escalation": due}


def _reading(access: Access, responding: Responding, lists: Lists) -> APIRouter:
    routes = APIRouter(prefix=PATH)
    reader = access.needs(Scope.READ)

    @routes.get("", responses=answers(IncidentPage) | LISTS)
    async def incidents(
        page: Page, by: Annotated[Operator, reader], state: IncidentState | None = None
    ) -> JSONResponse:
        """Every incident, the newest first."""
        word = state.value if state is not None else ""
        walk = lists.walk(page, by, {"state": word})
        found = await responding.store.page(state=word, before=walk.place, limit=walk.take)
        return walk.answer(found, lambda each: (each.at_us, each.id), lambda each: told(each, responding))

    @routes.get("/{incident_id}", dependencies=[reader], responses=answers(IncidentShape) | _UNKNOWN | _READING)
    async def incident(incident_id: IncidentId) -> dict[str, Any]:
        """One incident, with its notes, and who must be told by now."""
        return told(await responding.find(incident_id), responding)

    return routes


def _writing(access: Access, responding: Responding) -> APIRouter:
    routes = APIRouter(prefix=PATH, dependencies=[Depends(json_only)])
    writer = access.needs(Scope.ROLLOUT_WRITE)
    changed = answers(IncidentShape) | _UNKNOWN | _WRITING

    @routes.post("", status_code=201, responses=answers(IncidentShape, 201) | _WRITING)
    async def begin(body: IncidentBody, by: Annotated[Operator, writer], request: Request) -> dict[str, Any]:
        """Open an incident."""
        made = await responding.open(by, partial(_made, body=body, by=by.name), request_id(request))
        return told(made, responding)

    @routes.post("/{incident_id}/notes", responses=changed)
    async def note(
        incident_id: IncidentId, body: NoteBody, by: Annotated[Operator, writer], request: Request
    ) -> dict[str, Any]:
        """Write something down, and change what it says."""
        changes = {name: getattr(body, name) for name in ("severity", "commander", "services", "rollouts", "evidence")}

        def change(before: Incident, now_us: int) -> Incident:
            return rules.noted(before, now_us, by.name, body.text, changes)

        return told(await responding.change(by, "note", incident_id, change, request_id(request)), responding)

    @routes.post("/{incident_id}/mitigate", responses=changed)
    async def mitigate(
        incident_id: IncidentId, body: MitigateBody, by: Annotated[Operator, writer], request: Request
    ) -> dict[str, Any]:
        """Say that listeners do not suffer any more: nobody more is to be told."""

        def change(before: Incident, now_us: int) -> Incident:
            return rules.mitigated(before, now_us, by.name, body.text, body.rollback_level, body.rollback_target)

        return told(await responding.change(by, "mitigate", incident_id, change, request_id(request)), responding)

    @routes.post("/{incident_id}/close", responses=changed)
    async def close(
        incident_id: IncidentId, body: CloseBody, by: Annotated[Operator, writer], request: Request
    ) -> dict[str, Any]:
        """Close it with its cause, and with what is done so that it does not come again."""
        tasks = [Task(task.text, task.owner, task.due) for task in body.tasks]

        def change(before: Incident, now_us: int) -> Incident:
            return rules.closed(before, now_us, by.name, body.text, body.cause, tasks)

        return told(await responding.change(by, "close", incident_id, change, request_id(request)), responding)

    return routes


def _made(now_us: int, *, body: IncidentBody, by: str) -> Incident:
    began_us = round(body.began_at * 1e6) if body.began_at is not None else 0
    return Incident(
        id="",
        at_us=now_us,
        version=1,
        title=body.title,
        severity=body.severity,
        opened_by=by,
        began_us=min(began_us, now_us),
        services=body.services,
        commander=body.commander or by,
        rollouts=body.rollouts,
    )


def _moment(moment_us: int) -> float | None:
    return round(moment_us / 1e6, 6) if moment_us else None
