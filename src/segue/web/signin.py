"""`/api/session`: sign in on the page with a key, see who is signed in, sign out."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from segue.clock import Clock
from segue.console.actions import Deed
from segue.console.attempts import Attempts
from segue.console.keyring import TurnedAway
from segue.console.operator import Operator
from segue.console.plane import ConsolePlane
from segue.console.sessions import Session, begun
from segue.errors import Forbidden
from segue.web.access import Access
from segue.web.bodies import Body, json_only
from segue.web.described import answers
from segue.web.doorkeeper import KeyDoorkeeper
from segue.web.guard import request_id
from segue.web.hosts import same_page
from segue.web.shapes import SessionShape

_UNSAFE: dict[int | str, dict[str, Any]] = {
    401: {"description": "The key is not good."},
    403: {"description": "The request is from a page of another origin."},
    415: {"description": "The body is not JSON."},
    429: {"description": "Too many tries; `Retry-After` says when the next one counts."},
    503: {"description": "Keys cannot be looked up now, or the audit cannot be written."},
}


class SessionBody(Body):
    """What somebody signs in with."""

    key: Annotated[str, Field(max_length=500, repr=False)]
    """The key; it is neither kept nor told to anybody."""


def operator_fields(operator: Operator, session: Session | None) -> dict[str, Any]:
    """Who somebody is and what they may do, as plain values."""
    return {
        "name": operator.name,
        "scopes": sorted(scope.value for scope in operator.scopes),
        "via": operator.via,
        "expires_at": None if session is None else round(session.ends_us / 1e6, 6),
    }


def router(access: Access, doorkeeper: KeyDoorkeeper, console: ConsolePlane, clock: Clock) -> APIRouter:
    """The routes, bound to who keeps the door and to what is written of who came in."""
    actions, audit, settings, attempts = console.actions, console.audit, console.access, Attempts(clock)
    routes = APIRouter(prefix="/api/session", tags=["access"])

    @routes.post("", dependencies=[Depends(json_only)], responses=answers(SessionShape) | _UNSAFE)
    async def sign_in(body: SessionBody, request: Request, response: Response) -> dict[str, Any]:
        """Begin a session of the page. The answer sets its cookie, which holds no key."""
        if any(name in request.headers for name in ("origin", "sec-fetch-site")) and not same_page(request):
            raise Forbidden("Nobody is signed in by a page of another origin.")
        address = request.client.host if request.client else ""
        attempts.take(address)
        try:
            key = await doorkeeper.keyring.authenticate(body.key.strip())
        except TurnedAway as refusal:
            doorkeeper.count(refusal)
            raise
        attempts.give_back(address)
        session = begun(key.id, round(clock.wall() * 1e6), round(settings.session_s * 1e6), key.expires_us)
        operator = Operator(key.name, key.scopes, f"session:{key.id}")
        await actions.act(operator, Deed("session.open", f"key/{key.id}", None, request_id(request)), audit.append)
        response.set_cookie(
            doorkeeper.seal.cookie,
            doorkeeper.seal.written(session),
            expires=datetime.fromtimestamp(session.ends_us / 1e6, UTC),
            path="/",
            secure=_is_encrypted(request),
            httponly=True,
            samesite="strict",
        )
        return operator_fields(operator, session)

    @routes.get("", responses=answers(SessionShape) | {401: _UNSAFE[401]})
    async def who(by: Annotated[Operator, access.needs()], request: Request) -> dict[str, Any]:
        """Who asks: by the session of the page, or by a key."""
        session = doorkeeper.session(request) if by.via.startswith("session:") else None
        return operator_fields(by, session)

    @routes.delete("", status_code=204, responses={each: _UNSAFE[each] for each in (401, 403, 503)})
    async def sign_out(by: Annotated[Operator, access.needs()], request: Request) -> Response:
        """End the session of this page: its cookie is taken back."""
        kind, _, id = by.via.partition(":")  # noqa: A001 - it is what it is called everywhere
        if kind == "session":
            await actions.act(by, Deed("session.close", f"key/{id}", None, request_id(request)), audit.append)
        answer = Response(status_code=204)
        name, secure = doorkeeper.seal.cookie, _is_encrypted(request)
        answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
        return answer

    return routes


def _is_encrypted(request: Request) -> bool:
    """Whether the browser came by https: this server, or a proxy before it, as the browser itself says."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
