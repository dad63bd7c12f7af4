"""`/api/operations`: what operators' commands found, put on record and signed, and the newest of each command."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from segue.console.operations import COMMAND, MOST_BYTES, Operation, Signed
from segue.console.operator import Operator, Scope
from segue.errors import InvalidRequest
from segue.web.access import Access
from segue.web.bodies import Body, json_only
from segue.web.described import Shape, answers
from segue.web.guard import request_id
from segue.web.shapes import Digest, Moment, Page

Outcome = Literal["pass", "warn", "fail", "no_data", "not_measured"]
_KEPT: dict[int | str, dict[str, Any]] = {503: {"description": "What is kept cannot be read or written now."}}
_WRITING: dict[int | str, dict[str, Any]] = {
    400: {"description": "The payload is no report, or not of this command and outcome."},
    415: {"description": "The body is not JSON."},
}


class Recording(Protocol):
    """Puts on record what commands found."""

    async def record(self, by: Operator, command: str, outcome: str, payload: bytes, request: str) -> Signed:
        """Put a report on record in somebody's name, signed by this server.

        Raises:
            Forbidden: they may not.
            InvalidRequest: the payload is no report, or not of this command and outcome; or there are too many
                commands.
            Unavailable: it could not be written.
        """

    async def newest(self) -> Sequence[Operation]:
        """The newest of each command, by name.

        Raises:
            Unavailable: what is kept cannot be read.
        """


class RecordBody(Body):
    """What a command found."""

    command: Annotated[str, Field(pattern=f"^{COMMAND.pattern}$", max_length=100)]
    """As it is given after `segue`, without its options."""
    outcome: Outcome
    """How the whole came out."""
    payload: Annotated[str, Field(min_length=4, max_length=MOST_BYTES * 4 // 3 + 4)]
    """The report as canonical JSON, in Base64: what is signed, byte for byte."""


class OperationShape(Shape):
    """The newest of a command."""

    command: str
    outcome: Outcome
    at: Moment
    by: str
    digest: Digest
    counts: dict[str, Annotated[int, Field(ge=1)]]


class OperationPage(Page):
    """The newest of each command."""

    items: list[OperationShape]


class PlaceShape(Shape):
    """Where an entry of the audit is."""

    seq: Annotated[int, Field(ge=1)]
    hash: Digest
    node: str


class SignedShape(Shape):
    """That it is on record."""

    at: Moment
    key: str
    """Id of the key that signed."""
    signature: str
    """Ed25519 over the payload with its type, in Base64."""
    audit: PlaceShape


def router(recording: Recording, access: Access) -> APIRouter:
    """The routes, bound to what puts on record."""
    routes = APIRouter(prefix="/api/operations", tags=["operations"], responses=_KEPT)
    routes.get("", responses=answers(OperationPage))(_listed(recording, access))

    @routes.post("", dependencies=[Depends(json_only)], responses=answers(SignedShape) | _WRITING)
    async def record(
        body: RecordBody, by: Annotated[Operator, access.needs(Scope.ROLLOUT_WRITE)], request: Request
    ) -> dict[str, Any]:
        """Put a report on record: an entry in the audit that has its digest, and this server's signature."""
        payload = _bytes(body.payload)
        done = await recording.record(by, body.command, body.outcome, payload, request_id(request))
        at = round(done.operation.at_us / 1e6, 6)
        return {"at": at, "key": done.key, "signature": done.signature, "audit": done.place.as_dict()}

    return routes


def _listed(recording: Recording, access: Access) -> Callable[..., Any]:
    async def operations(by: Annotated[Operator, access.needs(Scope.READ)]) -> dict[str, Any]:
        """The newest report of each command on one page: how it came out, when, and whose it is."""
        del by
        return {"items": [_told(each) for each in await recording.newest()], "next": None}

    return operations


def _told(each: Operation) -> dict[str, Any]:
    return {
        "command": each.command,
        "outcome": each.outcome,
        "at": round(each.at_us / 1e6, 6),
        "by": each.by,
        "digest": each.digest,
        "counts": dict(each.counts),
    }


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("`payload` is no Base64.", param="payload") from None
