"""An answer whose status is decided by its first bytes, and which ends at once when its caller leaves.

Every door that works while somebody waits answers through this: what is made is an async iterator of bytes, and closing
it early must stop the work behind it.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from segue.errors import SegueError
from segue.web.problems import of_error

log = structlog.get_logger("segue.web")

STREAM_HEADERS = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
"""Nothing between Segue and its listener may gather up a stream."""


class Cut(Exception):
    """The body cannot say that it failed, so the connection is broken off instead of ending cleanly."""


class Answer(Response):
    """An ASGI response made of pieces.

    A `SegueError` before the first piece becomes an error answer with its own status; one after it, or a `Cut`, breaks
    the connection off. Empty pieces are left out. `whole` gathers the pieces and answers at the end, with the length,
    so that every error has its own status.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        media_type: str,
        *,
        send_timeout_s: float,
        headers: Mapping[str, str] | None = None,
        whole: bool = False,
    ) -> None:
        super().__init__(media_type=media_type)
        self._pieces = pieces
        self._content_type = media_type
        self._extra_headers = headers or {}
        self._whole = whole
        self._send_timeout_s = send_timeout_s
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the answer until it ends or its caller leaves, whichever comes first."""
        await attended(self._carry(scope, send), receive)

    async def _carry(self, scope: Scope, send: Send) -> None:
        try:
            async with aclosing(self._pieces) as pieces:
                await (self._gather(send, pieces) if self._whole else self._stream(send, pieces))
        except SegueError as error:
            if self._started:
                log.warning("answer broken off", code=error.code, reason=error.message)
                raise Cut from error
            await of_error(scope["path"], error)(scope, _nothing, send)

    async def _stream(self, send: Send, pieces: AsyncGenerator[bytes, None]) -> None:
        async for piece in pieces:
            if not piece:
                continue
            if not self._started:
                await self._start(send)
            await self._send(send, {"type": "http.response.body", "body": piece, "more_body": True})
        if not self._started:
            await self._start(send)
        await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _gather(self, send: Send, pieces: AsyncGenerator[bytes, None]) -> None:
        body = b"".join([piece async for piece in pieces])
        await self._start(send, length=len(body))
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, send: Send, length: int | None = None) -> None:
        self._started = True
        headers = {**STREAM_HEADERS, "content-type": self._content_type, **self._extra_headers}
        if length is not None:
            headers["content-length"] = str(length)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": raw})

    async def _send(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._send_timeout_s):
            await send(message)


async def attended(carry: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Carry an answer until it ends or its caller leaves, whichever comes first; a `Cut` leaves it without an end."""
    carrying = asyncio.create_task(carry)
    watching = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({carrying, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        carrying.cancel()
        results = await asyncio.gather(carrying, watching, return_exceptions=True)
    if isinstance(results[0], Exception) and not isinstance(results[0], (Cut, TimeoutError, OSError)):
        raise results[0]


async def _gone(receive: Receive) -> None:
    """Return when the caller has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
