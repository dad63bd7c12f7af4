"""Carries the frames of a turn over HTTP: how they become bytes, and at which of them the status is decided."""

import base64
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from segue.errors import InvalidRequest, SegueError
from segue.voice.frames import Audio, Failure, Frame, Meta, Speaker, fields
from segue.web.answer import Answer, Cut

log = structlog.get_logger("segue.web")


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
    param: str = "text"
    """The part of the request that then is at fault."""


class Refused(SegueError):
    """The turn failed before its answer had begun."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.status, self.code, self.retryable = failure.status, failure.code, failure.retryable


class TurnResponse(Answer):
    """An ASGI response that streams a turn."""

    def __init__(self, frames: AsyncGenerator[Frame, None], shape: Shape, *, send_timeout_s: float) -> None:
        super().__init__(
            pieces(frames, shape),
            shape.media_type,
            send_timeout_s=send_timeout_s,
            headers=shape.headers,
            whole=shape.whole,
        )


async def pieces(frames: AsyncGenerator[Frame, None], shape: Shape) -> AsyncGenerator[bytes, None]:
    """The frames of a turn in a shape; nothing comes before the frame that decides the status.

    Raises:
        SegueError: the turn could not begin, ended before the answer had begun, or holds nothing to answer with.
        Cut: the turn failed later, and the shape has no words for that.
    """
    held: list[Frame] = []
    begun = False
    async with aclosing(frames):
        async for frame in frames:
            if isinstance(frame, Failure) and (not begun or shape.whole):
                raise Refused(frame)
            held.append(frame)
            begun = begun or shape.starts(frame)
            if begun:
                yield _encoded(held, shape)
                held.clear()
    if not begun and shape.silent:
        raise InvalidRequest(shape.silent, param=shape.param)
    yield _encoded(held, shape)


def _encoded(frames: list[Frame], shape: Shape) -> bytes:
    bodies = []
    for frame in frames:
        body = shape.encode(frame)
        if body is None:
            log.warning("reply broken off", code=getattr(frame, "code", ""))
            raise Cut
        bodies.append(body)
    return b"".join(bodies)


def _object(frame: Frame, **first: str) -> bytes:
    """A frame as a JSON object, its fields after those of `first`.

    The sound of a packet is put in as it is: base64 holds nothing that JSON escapes, and looking through it for that
    takes longer than everything else here.
    """
    if not isinstance(frame, Audio):
        return json.dumps({**first, **fields(frame)}, ensure_ascii=False).encode()
    told = {
        **first,
        "turn": frame.turn,
        "seq": frame.seq,
        "part": frame.part,
        "provider": frame.provider,
        "model": frame.model,
        "voice": frame.voice,
        "variant": frame.variant,
        "resumed": frame.resumed,
    }
    return b'%b, "data": "%b"}' % (json.dumps(told, ensure_ascii=False)[:-1].encode(), base64.b64encode(frame.data))


def as_event(frame: Frame) -> bytes:
    """A frame as a server-sent event."""
    return b"event: %b\ndata: %b\n\n" % (frame.event.encode(), _object(frame))


def as_line(frame: Frame) -> bytes:
    """A frame as a line of NDJSON, its kind under `event`."""
    return _object(frame, event=frame.event) + b"\n"


EVENT_STREAM = Shape("text/event-stream; charset=utf-8", as_event)
NDJSON = Shape("application/x-ndjson; charset=utf-8", as_line)


def tell_assignment(headers: dict[str, str], meta: Meta) -> None:
    """Put into headers what `meta` says of the assignment, for a body that has no room for it."""
    headers["x-segue-variant"] = meta.variant
    if meta.session is not None:
        headers["x-segue-session"] = meta.session


def speech(
    media_type: str, headers: dict[str, str], *, asked: str = "", exact: bool = True, whole: bool = False
) -> Shape:
    """Bare audio: the status is decided at the first audible packet, and an error after it breaks the body off.

    `headers` are told as they are when the answer begins: until then they learn who really speaks, and with which
    voice, and whether that is another one than was `asked` for (where any of its kind will do: than was to speak).
    """
    wanted = asked
    heard: dict[Speaker, None] = {}

    def encode(frame: Frame) -> bytes | None:
        nonlocal wanted
        if isinstance(frame, Failure):
            return None
        if isinstance(frame, Meta):
            tell_assignment(headers, frame)
            wanted = asked if exact or not asked else frame.voice
        if not isinstance(frame, Audio):
            return b""
        heard.update(dict.fromkeys(frame.speakers))
        headers["x-segue-provider"] = ", ".join(dict.fromkeys(speaker.provider for speaker in heard))
        headers["x-segue-voice"] = ", ".join(dict.fromkeys(speaker.voice for speaker in heard))
        if wanted and any(speaker.voice != wanted for speaker in heard):
            headers["x-segue-substituted"] = wanted
        return frame.data

    def starts(frame: Frame) -> bool:
        return isinstance(frame, Audio) and frame.audible

    silent = "There is nothing in this text that can be spoken."
    return Shape(media_type, encode, starts, headers, whole, silent)
