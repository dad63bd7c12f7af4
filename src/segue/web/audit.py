"""`/api/audit`: who did what and when, whether nobody changed it since, and pruning. All of it is audited itself."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from segue.clock import Clock
from segue.configuration import ServerSettings
from segue.console.actions import Deed
from segue.console.audit import Draft, Entry, Filter
from segue.console.operator import Operator, Scope
from segue.console.plane import ConsolePlane
from segue.console.ports import AuditStore
from segue.console.retention import cutoff_us
from segue.errors import SegueError
from segue.web.access import Access
from segue.web.answer import Answer
from segue.web.bodies import WHOLE, Body, json_only
from segue.web.described import answers
from segue.web.guard import request_id
from segue.web.paging import LISTS, Lists, Page
from segue.web.shapes import EntryPage, PrunedShape, VerificationShape, WouldPruneShape

FORMAT = "segue audit 1"
"""Stands in the first line of an export."""
CHUNK = 500
"""Entries that are read at once for an export."""

Word = Annotated[str, Query(max_length=300, pattern=r"^[^\x00]*$")]
Moment = Annotated[float, Query(ge=0, le=1e11, allow_inf_nan=False)]
_KEPT: dict[int | str, dict[str, Any]] = {503: {"description": "What is kept cannot be read or written now."}}
_EXPORT: dict[int | str, dict[str, Any]] = {200: {"description": "The lines.", "content": {"application/x-ndjson": {}}}}
_PRUNING: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not valid; `detail` says what to mend."},
    409: {"description": "What is old was tampered with and stays (code `audit_unsound`)."},
    415: {"description": "The body is not JSON."},
}


class PruneBody(Body):
    """What is to be pruned."""

    before_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] | None = None
    """Entries older than that; the setting `audit.retention_days` where it is left out."""
    dry_run: bool = False
    """Only say how many there are."""
    batch: Annotated[int, Field(gt=0, le=100_000), WHOLE] | None = None
    """Entries of one transaction; the setting `audit.prune_batch` where it is left out."""
    vacuum: bool = False
    """Give the room back to the disk; writing waits meanwhile."""
    force: bool = False
    """Prune also what was tampered with."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filter of a request; what is left out asks for nothing."""

    actor: Word = ""
    action: Word = ""
    target: Word = ""
    status: Word = ""
    node: Word = ""
    chat: Word = ""
    since: Moment = 0.0
    """Unix seconds."""
    until: Moment = 0.0
    """Unix seconds; what is of that very moment is left out."""

    def words(self) -> dict[str, str]:
        """What was asked for, as text."""
        return {name: str(value) for name, value in asdict(self).items() if value}

    def filter(self) -> Filter:
        """As the store takes it."""
        given = {name: value for name, value in asdict(self).items() if name not in ("since", "until")}
        return Filter(**given, since_us=round(self.since * 1e6), until_us=round(self.until * 1e6))


def router(
    access: Access,
    console: ConsolePlane,
    lists: Lists,
    server: ServerSettings,
    clock: Clock,
) -> APIRouter:
    """The routes, bound to the operators' plane."""
    routes = APIRouter(tags=["audit"])
    routes.include_router(_reading(access, console, lists, server, clock))
    routes.include_router(_pruning(access, console, clock))
    return routes


def _reading(access: Access, console: ConsolePlane, lists: Lists, server: ServerSettings, clock: Clock) -> APIRouter:
    routes = APIRouter(responses=_KEPT)
    reader = access.needs(Scope.AUDIT_READ)

    @routes.get("/api/audit", responses=answers(EntryPage) | LISTS)
    async def entries(
        wanted: Annotated[Wanted, Depends()], page: Page, by: Annotated[Operator, reader], request: Request
    ) -> Response:
        """What was done, the newest first; filters combine with AND."""
        words = wanted.words()
        walk = lists.walk(page, by, words)

        async def read(draft: Draft) -> Response:
            before = (walk.place[0], int(walk.place[1])) if walk.place is not None else None
            found = await console.audit.page(wanted.filter(), before=before, limit=walk.take)
            await console.audit.append(draft)
            return walk.answer(found, lambda entry: (int(entry.at_us), str(int(entry.seq))), told)

        return await console.actions.act(by, _deed("read", request, filters=",".join(words)), read)

    @routes.get("/api/audit/verification", responses=answers(VerificationShape))
    async def verification(by: Annotated[Operator, reader], request: Request) -> dict[str, Any]:
        """Whether the chain is what was written, checked from its first entry to its last."""

        async def verify(draft: Draft) -> dict[str, Any]:
            began = clock.now()
            verdict = await console.verifying.verify()
            took_s = clock.now() - began
            facts: dict[str, str | int] = {"checked": verdict.checked, "faults": verdict.fault_count}
            await console.audit.append(replace(draft, duration_ms=round(took_s * 1000.0), facts=facts))
            return verdict.as_dict(took_s)

        return await console.actions.act(by, _deed("verify", request), verify)

    @routes.get("/api/audit/export", response_class=Response, responses=_EXPORT)
    async def export(by: Annotated[Operator, reader], request: Request) -> Response:
        """All of the chain, oldest first, one JSON object a line, each with exactly the fields that are hashed."""

        async def begin(draft: Draft) -> Response:
            await console.audit.append(draft)
            last = await console.audit.last()
            pieces = _lines(console.audit, last.seq if last is not None else 0, clock.wall())
            return Answer(pieces, "application/x-ndjson; charset=utf-8", send_timeout_s=server.send_timeout_s)

        return await console.actions.act(by, _deed("export", request), begin)

    return routes


def _pruning(access: Access, console: ConsolePlane, clock: Clock) -> APIRouter:
    routes = APIRouter(dependencies=[Depends(json_only)], responses=_KEPT)
    admin = access.needs(Scope.ADMIN)

    @routes.post("/api/audit/prune", responses=answers(PrunedShape | WouldPruneShape) | _PRUNING)
    async def prune(body: PruneBody, by: Annotated[Operator, admin], request: Request) -> dict[str, Any]:
        """Remove old entries, batch by batch, while others go on writing; the newest entry of all stays."""
        days = console.retention.retention_days if body.before_days is None else body.before_days
        before_us = cutoff_us(round(clock.wall() * 1e6), days)

        async def look(draft: Draft) -> dict[str, Any]:
            count, first, left = await console.pruner.count(before_us), *await _ends(console.audit)
            await console.audit.append(replace(draft, facts={**draft.facts, "dry_run": 1, "would_remove": count}))
            to_seq = first + count - 1 if count else None
            return {"would_remove": count, "to_seq": to_seq, "left": left - count, "dry_run": True}

        async def remove(draft: Draft) -> dict[str, Any]:
            batch = body.batch or console.retention.prune_batch
            done = await console.pruner.prune(draft, before_us, batch=batch, vacuum=body.vacuum, force=body.force)
            if not done.removed:
                await console.audit.append(replace(draft, facts={**draft.facts, "removed": 0}))
            with suppress(SegueError):  # the keeper signs it a little later all the same
                await console.keeper.sign()
            _, left = await _ends(console.audit)
            return {"removed": done.removed, "to_seq": done.to_seq, "left": left, "dry_run": False}

        deed = _deed("prune", request, scope=Scope.ADMIN, forced=int(body.force))
        return await console.actions.act(by, deed, look if body.dry_run else remove)

    return routes


def told(entry: Entry) -> dict[str, Any]:
    """An entry for people, as JSON."""
    # One that was tampered with may hold anything, which is told as it is.
    plain = {name: value if isinstance(value, str | int) else repr(value) for name, value in asdict(entry).items()}
    seq, _ = plain.pop("seq"), plain.pop("at_us")
    return {"seq": seq, "at": round(int(entry.at_us) / 1e6, 6), **plain, "facts": _facts(entry)}


def _deed(verb: str, request: Request, *, scope: Scope = Scope.AUDIT_READ, **facts: str | int) -> Deed:
    given = {name: value for name, value in facts.items() if value}
    return Deed(f"audit.{verb}", "audit", scope, request=request_id(request), facts=given)


def _facts(entry: Entry) -> Mapping[str, Any]:
    """The facts of an entry; one that was tampered with may hold anything, which is told as it is."""
    try:
        facts = json.loads(entry.facts)
    except (TypeError, ValueError, RecursionError):
        facts = None
    return facts if isinstance(facts, dict) else {"unreadable": str(entry.facts)[:200]}


async def _ends(audit: AuditStore) -> tuple[int, int]:
    """The number of the first entry, and how many there are."""
    first, last = await audit.read(after=0, limit=1), await audit.last()
    if not first or last is None:
        return 0, 0
    return first[0].seq, last.seq - first[0].seq + 1


async def _lines(audit: AuditStore, to_seq: int, at: float) -> AsyncGenerator[bytes, None]:
    """The lines of an export, up to an entry."""
    yield _line({"format": FORMAT, "at": round(at, 6), "to_seq": to_seq})
    after = 0
    while after < to_seq and (page := await audit.read(after=after, limit=CHUNK)):
        yield b"".join(_line(asdict(entry)) for entry in page if entry.seq <= to_seq)
        after = page[-1].seq


def _line(plain: Mapping[str, Any]) -> bytes:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
