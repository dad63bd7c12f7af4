"""Turns that are answered when they are over: a whole reply as JSON, and a file that is kept."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from segue.errors import InvalidRequest
from segue.voice.ask import Ask
from segue.voice.encoding import media_type
from segue.voice.frames import Audio, Degraded, Failure, Meta, Text, fields
from segue.voice.plane import VoicePlane
from segue.web.carry import Refused


@dataclass(slots=True)
class Gathered:
    """All that came of a turn."""

    meta: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    audio: bytearray = field(default_factory=bytearray)
    speakers: dict[str, str] = field(default_factory=dict)
    """The voice of each provider that was heard."""
    models: dict[str, str] = field(default_factory=dict)
    degraded: list[dict[str, Any]] = field(default_factory=list)
    audio_ms: float = 0.0


async def gather(plane: VoicePlane, ask: Ask) -> Gathered:
    """Take a whole turn.

    Raises:
        SegueError: the turn could not begin, or not be finished.
    """
    gathered = Gathered()
    async with aclosing(plane.turns.turn(ask)) as frames:
        async for frame in frames:
            if isinstance(frame, Failure):
                raise Refused(frame)
            if isinstance(frame, Meta):
                gathered.meta = fields(frame)
            elif isinstance(frame, Text):
                gathered.text += frame.text
            elif isinstance(frame, Degraded):
                gathered.degraded.append(fields(frame))
            elif isinstance(frame, Audio):
                gathered.audio += frame.data
                gathered.audio_ms += frame.ms
                for speaker in frame.speakers:
                    gathered.speakers.setdefault(speaker.provider, speaker.voice)
                    gathered.models.setdefault(speaker.provider, speaker.model)
    return gathered


async def whole_reply(plane: VoicePlane, ask: Ask) -> AsyncGenerator[bytes, None]:
    """A reply that is not streamed: what `meta` says, with the text, the audio in base64 and who spoke it."""
    gathered = await gather(plane, ask)
    reply = {
        **gathered.meta,
        "text": gathered.text,
        "audio": base64.b64encode(gathered.audio).decode("ascii"),
        "audio_ms": round(gathered.audio_ms, 3),
        "speakers": gathered.speakers,
        "degraded": gathered.degraded,
    }
    yield json.dumps(reply, ensure_ascii=False).encode()


async def stored_file(plane: VoicePlane, ask: Ask, tenant: str, link_s: float) -> AsyncGenerator[bytes, None]:
    """Speech that is kept under its own content: its key, who spoke it, and a link that works for `link_s` seconds.

    Raises:
        InvalidRequest: nothing of the text can be spoken.
        Unavailable: the store of voice files does not answer.
    """
    gathered = await gather(plane, ask)
    if not gathered.audio:
        raise InvalidRequest("There is nothing in this text that can be spoken.", param="text")
    label = {
        "turn": ask.turn,
        "language": ask.language,
        "provider": ", ".join(gathered.speakers),
        "model": ", ".join(filter(None, gathered.models.values())),
        "voice": ", ".join(gathered.speakers.values()),
    }
    kept = await plane.files.keep(tenant, bytes(gathered.audio), media_type(ask.format), label)
    answer = {
        "key": kept.key,
        "media_type": kept.media_type,
        "size_bytes": kept.size_bytes,
        "audio_ms": round(gathered.audio_ms, 3),
        "session": gathered.meta.get("session"),
        "label": dict(kept.label),
        "url": await plane.files.link(kept.key, link_s),
        "expires_in_s": link_s,
    }
    yield json.dumps(answer, ensure_ascii=False).encode()
