"""`POST /v1/audio/transcriptions`: a recording is written down."""

import math
import zlib
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response

from segue.configuration import ServerSettings
from segue.errors import CallerError, InvalidRequest
from segue.voice.plane import VoicePlane
from segue.voice.ports import Recording, Transcript
from segue.web.answer import Answer
from segue.web.openai.bodies import TranscriptionBody
from segue.web.openai.captions import Cue, cues, srt, vtt
from segue.web.openai.events import EVENT_STREAM, event, plain_json
from segue.web.openai.names import Names

LANGUAGE_NAMES = {"en": "english", "uk": "ukrainian", "ru": "russian", "zh": "chinese"}
"""`verbose_json` names the language in English words, as OpenAI does."""

PLAIN = "text/plain; charset=utf-8"


def router(plane: VoicePlane, names: Names, server: ServerSettings) -> APIRouter:
    """The route, bound to a voice plane."""
    routes = APIRouter()

    @routes.post("/audio/transcriptions", response_class=Response, responses=_ANSWERS)
    async def create_transcription(
        body: Annotated[TranscriptionBody, Form(media_type="multipart/form-data")],
    ) -> Response:
        """Write a recording down. An empty `text` means that no speech was recognized."""
        names.transcription_model(body.model)
        body.check()
        recording = await _recording(plane, body)
        media_type, encode = _form(body)
        return Answer(
            _heard(plane, recording, encode),
            media_type,
            send_timeout_s=server.send_timeout_s,
            whole=not body.stream,
        )

    return routes


async def _recording(plane: VoicePlane, body: TranscriptionBody) -> Recording:
    """The decoded upload; whatever is wrong with it is wrong with `file`, where nothing else is named.

    Raises:
        CallerError: it is empty, too long, no audio, or in a language that is not heard.
    """
    data = await body.file.read()
    if not data:
        raise InvalidRequest("`file` is empty; send the bytes of an audio file.", param="file")
    try:
        return await plane.hearing.recording(
            data, plane.heard_language(body.language), content_type=body.file.content_type
        )
    except CallerError as error:
        error.param = error.param or "file"
        raise


async def _heard(
    plane: VoicePlane, recording: Recording, encode: Callable[[Transcript], bytes]
) -> AsyncGenerator[bytes, None]:
    yield encode(await plane.hearing.hear(recording))


def _form(body: TranscriptionBody) -> tuple[str, Callable[[Transcript], bytes]]:
    """The media type of the answer, and how a transcript becomes one."""
    if body.stream:
        return EVENT_STREAM, _events
    if body.response_format == "text":
        return PLAIN, lambda heard: (heard.text + "\n").encode()
    if body.response_format == "srt":
        return PLAIN, lambda heard: srt(cues(heard)).encode()
    if body.response_format == "vtt":
        return PLAIN, lambda heard: vtt(cues(heard)).encode()
    if body.response_format == "verbose_json":
        wanted = frozenset[str](body.timestamp_granularities or ["segment"])
        return "application/json", lambda heard: plain_json(verbose(heard, wanted))
    return "application/json", lambda heard: plain_json({"text": heard.text, "usage": _usage(heard)})


def _events(heard: Transcript) -> bytes:
    """A recognizer gives its text at once, so there is one delta with all of it."""
    delta = event({"type": "transcript.text.delta", "delta": heard.text}) if heard.text else b""
    return delta + event({"type": "transcript.text.done", "text": heard.text})


def verbose(heard: Transcript, wanted: frozenset[str]) -> dict[str, Any]:
    """`verbose_json`, with words, segments or both. Times are seconds."""
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": LANGUAGE_NAMES.get(heard.language, heard.language),
        "duration": round(heard.duration_s, 3),
        "text": heard.text,
        "usage": _usage(heard),
    }
    if "segment" in wanted:
        body["segments"] = [_segment(at, cue, heard.confidence) for at, cue in enumerate(cues(heard))]
    if "word" in wanted:
        body["words"] = [{"word": word.text, "start": word.start_s, "end": word.end_s} for word in heard.words]
    return body


def _segment(at: int, cue: Cue, confidence: float | None) -> dict[str, Any]:
    """A segment with every field that OpenAI's schema requires.

    `avg_logprob` comes from the confidence in the whole transcript, 0 where the recognizer tells none; `seek`,
    `temperature`, `tokens` and `no_speech_prob` belong to a kind of recognizer that is not at work here.
    """
    text = cue.text.encode()
    return {
        "id": at,
        "seek": 0,
        "start": cue.start_s,
        "end": cue.end_s,
        "text": cue.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(confidence), 4) if confidence else 0.0,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 4),
        "no_speech_prob": 0.0,
    }


def _usage(heard: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(heard.duration_s)}


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The transcript.",
        "content": {"application/json": {}, "text/plain": {}, "text/event-stream": {}},
    },
}
