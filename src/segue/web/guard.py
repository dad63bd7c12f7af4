"""Stands before every request: gives it an id, looks at the name it was sent to, bounds its body, and counts it."""

import asyncio
import re
import uuid
from collections.abc import Collection

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segue.configuration import ServerSettings
from segue.errors import Forbidden, NotFound, TooLarge, TooSlow
from segue.telemetry.metrics import Metrics
from segue.trace import CALLER, Trace, parsed
from segue.web.hosts import check_host
from segue.web.problems import of_error

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")


class Guard:
    """ASGI middleware; pure ASGI, because wrapping a stream in anything else costs time and hides a hang-up."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, metrics: Metrics, hosts: Collection[str]) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        id = _request_id(scope)  # noqa: A001 - it is what it is called everywhere
        scope.setdefault("state", {})["request_id"] = id
        CALLER.set(_caller(scope))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=id)
        if scope["type"] == "http":
            await self._http(scope, receive, send, id)
            return
        try:
            check_host(HTTPConnection(scope), self._hosts)
        except Forbidden as error:
            await of_error(scope["path"], error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send, id: str) -> None:  # noqa: A002
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "")
                self._metrics.observe_request(scope["method"], route, message["status"])
                message = {**message, "headers": [*message["headers"], (b"x-request-id", id.encode())]}
            await send(message)

        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared) > self._settings.body_limit_bytes:
            await of_error(scope["path"], self._too_large())(scope, receive, answer)
            return
        try:
            if "\x00" in scope["path"]:
                raise NotFound("There is nothing under this address: it holds the character NUL.")
            check_host(HTTPConnection(scope), self._hosts)
            body = await self._body(receive)
        except (Forbidden, NotFound, TooLarge, TooSlow) as error:
            await of_error(scope["path"], error)(scope, receive, answer)
            return
        if body is not None:
            await self._app(scope, _replay(body, receive), answer)

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body, or None if the caller left while sending it.

        Every door needs its whole body before it can begin, so waiting here costs nothing, and an endless or slow
        body never reaches the code behind.
        """
        pieces, size = [], 0
        try:
            async with asyncio.timeout(self._settings.receive_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    piece = message.get("body", b"")
                    size += len(piece)
                    if size > self._settings.body_limit_bytes:
                        raise self._too_large()
                    pieces.append(piece)
                    if not message.get("more_body", False):
                        return b"".join(pieces)
        except TimeoutError:
            limit_s = self._settings.receive_timeout_s
            raise TooSlow(f"The body did not arrive within {limit_s:g} s.") from None

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._settings.body_limit_bytes:,} bytes, the limit of this server.")


def request_id(request: HTTPConnection) -> str:
    """The id of a request: what its sender calls it, or a fresh one; empty where no guard stood before it."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and what comes after it (a hang-up) from the connection."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _caller(scope: Scope) -> Trace | None:
    """Where the caller stands in a trace; None where it says nothing that can be read."""
    told = [value for name, value in scope["headers"] if name == b"traceparent"]
    return parsed(told[0].decode("latin-1")) if len(told) == 1 else None


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            return str(value.decode("ascii"))
    return uuid.uuid4().hex
