"""`/api/backups`: copies of everything that is kept, made by the running server itself; for administrators."""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from segue.configuration import ServerSettings
from segue.console.actions import Actions, Deed
from segue.console.audit import Draft
from segue.console.operator import Operator, Scope
from segue.console.ports import AuditStore
from segue.web.access import Access
from segue.web.answer import Answer
from segue.web.bodies import Body, json_only
from segue.web.described import Shape, answers
from segue.web.guard import request_id
from segue.web.shapes import Moment

Name = Annotated[str, Path(max_length=100, description="Name of a backup: day, time and microseconds, UTC.")]
MEDIA_TYPE = "application/x-tar"
_MAKING: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not valid; `detail` says what to mend."},
    415: {"description": "The body is not JSON."},
    409: {"description": "A backup is being made already (code `running`)."},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such backup (code `unknown_backup`)."}}
_ARCHIVE: dict[int | str, dict[str, Any]] = {200: {"description": "The archive.", "content": {MEDIA_TYPE: {}}}}


class BackupBody(Body):
    """What is wanted of a backup."""

    keys: bool = True
    """Also the secrets of the data folder, without which a restored server knows no earlier links and sessions."""
    cache: bool = False
    """Also sentences that are kept to be spoken again."""
    keep: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """So many backups stay in the data folder, this one and the newest before it; all where nothing is said."""


class JobShape(Shape):
    """The newest backup that this server was asked for."""

    name: str
    state: Annotated[str, Field(pattern="^(running|done|failed)$")]
    what: str
    """What is being copied."""
    done: int
    whole: int
    reason: str
    """Why it failed; of one that is done, why an older one could not be removed."""
    forgotten: list[str]
    """Names of older backups that were removed."""


class BackupShape(Shape):
    """What a backup says of itself."""

    name: str
    at: Moment
    took_s: float
    segue: str
    node: str
    kind: str
    revision: str
    files: int
    bytes: int
    tables: dict[str, int]
    audit_seq: int | None
    keys: bool
    cache: bool


class BackupPage(Shape):
    """Every backup in the data folder, the newest first."""

    items: list[BackupShape]
    next: None
    job: JobShape | None


class Job(Protocol):
    """The newest backup that a server was asked for; see `JobShape`."""

    @property
    def name(self) -> str:
        """See `JobShape`."""

    @property
    def state(self) -> str:
        """See `JobShape`."""

    @property
    def what(self) -> str:
        """See `JobShape`."""

    @property
    def done(self) -> int:
        """See `JobShape`."""

    @property
    def whole(self) -> int:
        """See `JobShape`."""

    @property
    def reason(self) -> str:
        """See `JobShape`."""

    @property
    def forgotten(self) -> Sequence[str]:
        """See `JobShape`."""


class Copying(Protocol):
    """Makes backups of a running server."""

    @property
    def job(self) -> Job | None:
        """The newest backup that it was asked for."""

    def begin(self, by: Operator, *, keys: bool, cache: bool, keep: int | None, request: str) -> Job:
        """Begin to make a backup, in somebody's name.

        Raises:
            StillRunning: one is being made.
        """

    async def all(self) -> list[dict[str, Any]]:
        """What every backup says of itself, the newest first; see `BackupShape`."""

    def archive(self, name: str) -> AsyncGenerator[bytes, None]:
        """A backup as one archive (tar), piece by piece.

        Raises:
            NotFound: there is none of this name.
        """


def router(access: Access, copying: Copying, actions: Actions, audit: AuditStore, server: ServerSettings) -> APIRouter:
    """The routes, bound to what makes backups."""
    routes = APIRouter(prefix="/api/backups", tags=["operations"])
    admin = access.needs(Scope.ADMIN)

    @routes.get("", dependencies=[admin], responses=answers(BackupPage))
    async def every() -> dict[str, Any]:
        """Every backup in the data folder on one page, the newest first, and how the newest one that was begun goes."""
        job = _told(copying.job) if copying.job is not None else None
        return {"items": await copying.all(), "next": None, "job": job}

    @routes.post("", status_code=202, dependencies=[Depends(json_only)], responses=answers(JobShape, 202) | _MAKING)
    async def make(body: BackupBody, by: Annotated[Operator, admin], request: Request) -> dict[str, Any]:
        """Begin to make a backup beside everything else; the list tells when it is done."""
        request_is = request_id(request)
        return _told(copying.begin(by, keys=body.keys, cache=body.cache, keep=body.keep, request=request_is))

    @routes.get("/{name}/archive", response_class=Response, responses=_ARCHIVE | _UNKNOWN)
    async def archive(name: Name, by: Annotated[Operator, admin], request: Request) -> Response:
        """A backup as one archive (tar). Its manifest comes last."""

        async def begin(draft: Draft) -> Response:
            pieces = copying.archive(name)
            await audit.append(draft)
            return Answer(pieces, MEDIA_TYPE, send_timeout_s=server.send_timeout_s)

        deed = Deed("backup.read", f"backup/{name}", Scope.ADMIN, request=request_id(request))
        return await actions.act(by, deed, begin)

    return routes


def _told(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "state": job.state,
        "what": job.what,
        "done": job.done,
        "whole": job.whole,
        "reason": job.reason,
        "forgotten": list(job.forgotten),
    }
