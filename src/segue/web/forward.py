"""Sends requests on to the node that a chat or a run belongs to, and carries the answer back as it comes.

Nothing is stored, counted or made here on the way: whoever was let in here is named to the other node, and what is
done there stands in its audit.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

import structlog
from fastapi import Request, Response
from starlette.types import Message, Receive, Scope, Send

from segue.console import nodes
from segue.console.nodes import Call
from segue.console.operator import Operator
from segue.console.ports import NodeAnswer, NodeCaller
from segue.errors import NotFound, SegueError
from segue.web.answer import STREAM_HEADERS, Cut, attended
from segue.web.guard import request_id
from segue.web.problems import of_error

log = structlog.get_logger("segue.web")

ASKED = ("accept", "content-type", "idempotency-key", "last-event-id", "prefer")
"""Headers of a request that are sent on."""
ANSWERED = ("content-type", "content-length", "location", "retry-after", "idempotent-replayed", "preference-applied")
ANSWERED_PREFIXES = ("ratelimit", "x-segue-")
"""Headers of an answer that are handed on."""
BEGIN_S = 15.0
"""An answer must begin within this, where nothing is waited for before: three heartbeats of a stream."""


class Forwarding:
    """Knows which node a request belongs to. `wait_s` is how long a sender waits for a whole reply."""

    def __init__(
        self, own: str, others: Mapping[str, str], caller: NodeCaller, *, wait_s: float, send_timeout_s: float
    ) -> None:
        self.own = own
        self.others = others
        """The addresses of the other nodes, by name."""
        self._caller = caller
        self._wait_s = wait_s
        self._send_timeout_s = send_timeout_s

    async def elsewhere(self, request: Request, id: str, by: Operator) -> Response | None:  # noqa: A002
        """The answer of the node that this chat or run belongs to, to be returned as it is; None where it is this one.

        For the top of every route with such an id, before anything is counted or done:

            if (answer := await forwarding.elsewhere(request, chat_id, by)) is not None:
                return answer

        Raises:
            NotFound: there is no such node (`unknown_node`); or the request was sent on already.
        """
        return await self._to(nodes.home(id, self.own, self.others), request, by)

    async def at(self, request: Request, node: str | None, by: Operator) -> Response | None:
        """The same for a request that names a node: `GET /api/chats?node=` and the `node` of `POST /api/chats`.

        Raises:
            NotFound: as `elsewhere`.
        """
        return await self._to(nodes.named(node or "", self.own, self.others), request, by)

    async def _to(self, node: str, request: Request, by: Operator) -> Response | None:
        if node == self.own:
            return None
        if by.via.startswith("node:"):
            raise NotFound(
                f"Another node asked for node {node!r} here, and this one is {self.own!r}: their settings differ.",
                code="unknown_node",
            )
        call = await self._call(request, by)
        return Forwarded(self._caller, node, call, send_timeout_s=self._send_timeout_s)

    async def _call(self, request: Request, by: Operator) -> Call:
        headers = [(name, value) for name in ASKED for value in request.headers.getlist(name)]
        # The same id stands in the logs of both nodes.
        headers.append(("x-request-id", request_id(request)))
        whole = request.method == "POST" and "text/event-stream" not in request.headers.get("accept", "")
        return Call(
            request.method,
            _address(request.scope),
            tuple(headers),
            await request.body(),
            by.name,
            BEGIN_S + (self._wait_s if whole else 0.0),
        )


def _address(scope: Scope) -> str:
    """Path and query as they were asked for; bytes that no address may hold are written as one may."""
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    asked = raw.split(b"?")[0] + (b"?" + query if query else b"")
    return "".join(chr(byte) if 0x21 <= byte < 0x7F else f"%{byte:02X}" for byte in asked)


class Forwarded(Response):
    """The answer of another node, passed on piece by piece.

    A node that is down before its answer begins is told as that; one that breaks off later breaks this answer off as
    well, so that it never seems to have ended.
    """

    def __init__(self, caller: NodeCaller, node: str, call: Call, *, send_timeout_s: float) -> None:
        super().__init__()
        self._caller = caller
        self._node = node
        self._call = call
        self._send_timeout_s = send_timeout_s
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the answer until it ends or its caller leaves, whichever comes first."""
        await attended(self._carry(scope, receive, send), receive)

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._caller.call(self._node, self._call) as answer, aclosing(answer.pieces()) as pieces:
                await self._start(answer, send)
                async for piece in pieces:
                    await self._send(send, {"type": "http.response.body", "body": piece, "more_body": True})
                await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except SegueError as error:
            log.warning("forwarding failed", node=self._node, code=error.code, reason=error.message)
            if self._started:
                raise Cut from error
            await of_error(scope["path"], error)(scope, receive, send)

    async def _start(self, answer: NodeAnswer, send: Send) -> None:
        handed_on = {
            name: value
            for name, value in answer.headers.items()
            if name in ANSWERED or name.startswith(ANSWERED_PREFIXES)
        }
        headers = {**STREAM_HEADERS, **handed_on, "x-segue-node": self._node}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._started = True
        await self._send(send, {"type": "http.response.start", "status": answer.status, "headers": raw})

    async def _send(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._send_timeout_s):
            await send(message)
