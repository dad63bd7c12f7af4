"""Carries the frames of a turn over HTTP: the status is decided late, and a listener who leaves is noticed at once."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from segue.errors import InvalidRequest, SegueError
from segue.voice.frames import Audio, Failure, Frame, fields
from segue.web.problems import of_error, problem

log = structlog.get_logger("segue.web")

STREAM_HEADERS = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
"""Nothing between Segue and its listener may gather up a stream."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How frames become a body. `starts` says at which frame the status is decided; `encode` gives None for a break."""

    media_type: str
    encode: Callable[[Frame], bytes | None]
    starts: Callable[[Frame], bool] = lambda _: True
    headers: Mapping[str, str] | None = None
    whole: bool = False
    """Answer at the end, with the length, instead of streaming."""
    silent: str = ""
    """What to say when the turn ended and nothing had begun the answer; empty where that cannot be."""


class Cut(Exception):
    """The body cannot say that it failed, so the connection is broken off instead of ending cleanly."""


class TurnResponse(Response):
    """An ASGI response that streams a turn."""

    def __init__(self, frames: AsyncIterator[Frame], shape: Shape, *, send_timeout_s: float) -> None:
        super().__init__(media_type=shape.media_type)
        self._frames = frames
        self._shape = shape
        self._send_timeout_s = send_timeout_s
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the turn until it ends or its listener leaves, whichever comes first."""
        carrying = asyncio.create_task(self._carry(scope, send))
        watching = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({carrying, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            carrying.cancel()
            results = await asyncio.gather(carrying, watching, return_exceptions=True)
        if isinstance(results[0], Exception) and not isinstance(results[0], (Cut, TimeoutError, OSError)):
            raise results[0]

    async def _carry(self, scope: Scope, send: Send) -> None:
        try:
            async with aclosing(self._frames) as frames:  # type: ignore[type-var]
                complete = await self._body(scope, send, frames)
        except SegueError as error:
            if self._started:
                raise
            await of_error(scope["path"], error)(scope, _nothing, send)
            return
        if complete:
            await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _body(self, scope: Scope, send: Send, frames: AsyncIterator[Frame]) -> bool:
        """Send what the frames say; False if an error was answered instead."""
        held: list[Frame] = []
        begun = False
        async for frame in frames:
            if self._started:
                await self._write(send, frame)
                continue
            held.append(frame)
            begun = begun or self._shape.starts(frame)
            if isinstance(frame, Failure) and (not begun or self._shape.whole):
                await self._refuse(scope, send, frame)
                return False
            if begun and not self._shape.whole:
                await self._start(send)
                for waiting in held:
                    await self._write(send, waiting)
        if not self._started:
            if not begun and self._shape.silent:
                raise InvalidRequest(self._shape.silent)
            bodies = [self._shape.encode(frame) or b"" for frame in held]
            await self._start(send, length=sum(map(len, bodies)))
            await self._send(send, {"type": "http.response.body", "body": b"".join(bodies), "more_body": True})
        return True

    async def _refuse(self, scope: Scope, send: Send, failure: Failure) -> None:
        answer = problem(scope["path"], failure.status, failure.code, failure.message, retryable=failure.retryable)
        await answer(scope, _nothing, send)

    async def _start(self, send: Send, length: int | None = None) -> None:
        self._started = True
        headers = {**STREAM_HEADERS, "content-type": self._shape.media_type, **(self._shape.headers or {})}
        if length is not None:
            headers["content-length"] = str(length)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": raw})

    async def _write(self, send: Send, frame: Frame) -> None:
        body = self._shape.encode(frame)
        if body is None:
            log.warning("reply broken off", code=getattr(frame, "code", ""))
            raise Cut
        if body:
            await self._send(send, {"type": "http.response.body", "body": body, "more_body": True})

    async def _send(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._send_timeout_s):
            await send(message)


async def _gone(receive: Receive) -> None:
    """Return when the listener has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def audio_fields(frame: Audio) -> dict[str, object]:
    """What a text-based door tells of a packet of audio."""
    plain: dict[str, object] = {
        "turn": frame.turn,
        "seq": frame.seq,
        "part": frame.part,
        "provider": frame.provider,
        "model": frame.model,
        "voice": frame.voice,
        "variant": frame.variant,
        "data": base64.b64encode(frame.data).decode("ascii"),
    }
    return plain


def as_event(frame: Frame) -> bytes:
    """A frame as a server-sent event."""
    plain = audio_fields(frame) if isinstance(frame, Audio) else fields(frame)
    return f"event: {frame.event}\ndata: {json.dumps(plain, ensure_ascii=False)}\n\n".encode()


def as_line(frame: Frame) -> bytes:
    """A frame as a line of NDJSON, its kind under `event`."""
    plain = audio_fields(frame) if isinstance(frame, Audio) else fields(frame)
    return (json.dumps({"event": frame.event, **plain}, ensure_ascii=False) + "\n").encode()


EVENT_STREAM = Shape("text/event-stream; charset=utf-8", as_event)
NDJSON = Shape("application/x-ndjson; charset=utf-8", as_line)


def speech(media_type: str, headers: Mapping[str, str], *, whole: bool = False) -> Shape:
    """Bare audio: the status is decided at the first audible packet, and an error after it breaks the body off."""

    def encode(frame: Frame) -> bytes | None:
        if isinstance(frame, Failure):
            return None
        return frame.data if isinstance(frame, Audio) else b""

    def starts(frame: Frame) -> bool:
        return isinstance(frame, Audio) and frame.audible

    silent = "There is nothing in this text that can be spoken."
    return Shape(media_type, encode, starts, headers, whole, silent)
