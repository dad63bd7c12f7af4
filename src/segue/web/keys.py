"""`/api/keys`: operators' keys, for administrators. A key is shown once, in the answer that makes it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field

from segue.console.keyring import Keyring
from segue.console.keys import Key, State
from segue.console.operator import Operator, Scope
from segue.web.access import Access
from segue.web.bodies import Body, json_only
from segue.web.described import answers
from segue.web.guard import request_id
from segue.web.shapes import KeyPage, KeyShape, NewKeyShape, RotatedShape

KeyId = Annotated[str, Path(max_length=100, description="Public id of a key: 12 hexadecimal digits.")]
Lifetime = Annotated[float, Field(gt=0, le=3_153_600_000, allow_inf_nan=False)]
"""Seconds, at most a hundred years."""
_READING: dict[int | str, dict[str, Any]] = {503: {"description": "What is kept cannot be read now."}}
_WRITING: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not valid, or the key is not good any more; `detail` says what to do."},
    415: {"description": "The body is not JSON."},
    503: {"description": "It could not be written; nothing changed."},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such key (code `unknown_key`)."}}
_ROTATING = answers(RotatedShape, 201) | _WRITING | _UNKNOWN
_REVOKING = answers(KeyShape) | _WRITING | _UNKNOWN


class KeyBody(Body):
    """A key that is to be made."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """Of the operator, as it will stand in the audit."""
    scopes: Annotated[
        tuple[Annotated[Scope, Field(strict=False)], ...], Field(min_length=1, max_length=100, strict=False)
    ]
    """What it allows; what is named twice is allowed all the same."""
    expires_in_s: Lifetime | None = None
    """How long it is good; without it, until it is revoked."""


class RotateBody(Body):
    """How a key is to be replaced."""

    overlap_s: Annotated[float, Field(ge=0, le=315_360_000, allow_inf_nan=False)] | None = None
    """How long the old one goes on working; the setting `access.overlap_s` where it is left out."""
    expires_in_s: Lifetime | None = None
    """How long the new one is good; as long as the old one was made to last where it is left out."""


class RevokeBody(Body):
    """Nothing needs to be said."""


def key_fields(key: Key, state: State) -> dict[str, Any]:
    """What is known of a key, as plain values: neither its secret nor the hash of it."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "created_at": _moment(key.created_us),
        "made_by": key.made_by,
        "expires_at": _moment(key.expires_us),
        "revoked_at": _moment(key.revoked_us),
        "used_at": _moment(key.used_us),
        "replaces": key.replaces or None,
        "state": state.value,
    }


def router(access: Access, keyring: Keyring) -> APIRouter:
    """The routes, bound to the keyring."""
    routes = APIRouter(prefix="/api/keys", tags=["access"])
    admin = access.needs(Scope.ADMIN)

    @routes.get("", dependencies=[admin], responses=answers(KeyPage) | _READING)
    async def keys() -> dict[str, Any]:
        """Every key on one page, the newest first: also those that open nothing any more, which are never forgotten."""
        return {"items": [key_fields(key, state) for key, state in await keyring.every()], "next": None}

    @routes.post("", status_code=201, dependencies=[Depends(json_only)], responses=answers(NewKeyShape, 201) | _WRITING)
    async def create(body: KeyBody, by: Annotated[Operator, admin], request: Request) -> dict[str, Any]:
        """Make a key. `key` is its text, which is told here and nowhere else."""
        lasts_us = _microseconds(body.expires_in_s)
        text, key = await keyring.create(by, body.name, frozenset(body.scopes), lasts_us, request_id(request))
        return {"key": text, **key_fields(key, keyring.stands(key))}

    @routes.post(
        "/{key_id}/rotate",
        status_code=201,
        dependencies=[Depends(json_only)],
        responses=_ROTATING,
    )
    async def rotate(
        key_id: KeyId,
        body: RotateBody,
        by: Annotated[Operator, admin],
        request: Request,
    ) -> dict[str, Any]:
        """Replace a key by a new one of the same name and scopes; the old one goes on working for a while."""
        text, new, old = await keyring.rotate(
            by, key_id, _microseconds(body.overlap_s), _microseconds(body.expires_in_s), request_id(request)
        )
        replaced = key_fields(old, keyring.stands(old))
        return {"key": text, **key_fields(new, keyring.stands(new)), "replaced": replaced}

    @routes.post("/{key_id}/revoke", dependencies=[Depends(json_only)], responses=_REVOKING)
    async def revoke(
        key_id: KeyId,
        body: RevokeBody,  # noqa: ARG001 - it has no fields
        by: Annotated[Operator, admin],
        request: Request,
    ) -> dict[str, Any]:
        """Take a key out of use for ever: within a second it opens nothing, on any server."""
        key = await keyring.revoke(by, key_id, request_id(request))
        return key_fields(key, keyring.stands(key))

    return routes


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)


def _moment(moment_us: int | None) -> float | None:
    return None if moment_us is None else round(moment_us / 1e6, 6)
