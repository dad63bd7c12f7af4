"""`POST /v1/audio/speech`: a text is read out, as bare audio or as events."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response

from segue.configuration import ServerSettings
from segue.voice.ask import Ask
from segue.voice.frames import Audio, Done, Failure, Frame, Meta
from segue.voice.plane import VoicePlane
from segue.web.bodies import json_only
from segue.web.carry import Shape, TurnResponse, speech, tell_assignment
from segue.web.openai.bodies import SpeechBody
from segue.web.openai.events import EVENT_STREAM, event, failure_fields
from segue.web.openai.listening import LISTENER, SESSION, listener_of
from segue.web.openai.names import Names
from segue.web.openai.usage import speech_usage
from segue.web.turns import spoken


class Events:
    """One speech as events: `speech.audio.delta` with base64 audio, then `speech.audio.done` with its usage.

    The pieces are consecutive parts of one file of the format. OpenAI's schema has no event for a failure on the way;
    here it is `speech.audio.error`, the last one, with the usual error object.
    """

    def __init__(self, text: str, headers: dict[str, str]) -> None:
        self._text = text
        self._headers = headers
        self._ms = 0.0

    def encode(self, frame: Frame) -> bytes:
        """The event for a frame; frames that are not about audio have none."""
        if isinstance(frame, Meta):
            tell_assignment(self._headers, frame)
        if isinstance(frame, Audio):
            self._ms += frame.ms
            return event({"type": "speech.audio.delta", "audio": base64.b64encode(frame.data).decode("ascii")})
        if isinstance(frame, Failure):
            return event({"type": "speech.audio.error", "error": failure_fields(frame.code, frame.message)})
        if isinstance(frame, Done):
            return event({"type": "speech.audio.done", "usage": speech_usage(self._text, self._ms)})
        return b""


def router(plane: VoicePlane, names: Names, server: ServerSettings) -> APIRouter:
    """The route, bound to a voice plane."""
    routes = APIRouter(dependencies=[Depends(json_only)])

    @routes.post("/audio/speech", response_class=Response, responses=_ANSWERS)
    async def create_speech(
        body: SpeechBody,
        listener: Annotated[str, Header(alias=LISTENER)] = "",
        session: Annotated[str, Header(alias=SESSION)] = "",
    ) -> Response:
        """Read a text out. The status is decided at the first audible sound."""
        model = names.speech_model(body.model)
        voice, language = names.voice(body.voice, body.language, body.input)
        ask = plane.ask_speech(
            body.input,
            language=language,
            voice=voice,
            audio_format=body.response_format or "mp3",
            speed=1.0 if body.speed is None else body.speed,
            synthesizer=model.provider if model.id == model.provider else "",
            exact=plane.catalogue.has(body.voice),
            listener=listener_of(listener, body.user),
            session=session,
            whole=not plane.switch.state.enabled,
            param="input",
        )
        if body.stream_format == "sse":
            plane.switch.check()
            return _events(plane, ask, server)
        return spoken(plane, ask, server, param="input")

    return routes


def _events(plane: VoicePlane, ask: Ask, server: ServerSettings) -> Response:
    headers = {"x-segue-turn": ask.turn, "x-segue-voice": ask.voice, "x-segue-language": ask.language}
    bare = speech(EVENT_STREAM, headers)
    events = Events(ask.text, headers)
    shape = Shape(EVENT_STREAM, events.encode, bare.starts, headers, silent=bare.silent, param="input")
    return TurnResponse(plane.turns.turn(ask), shape, send_timeout_s=server.send_timeout_s)


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The audio, in the format asked for, or events with it.",
        "content": {
            kind: {} for kind in ("audio/mpeg", "audio/ogg", "audio/aac", "audio/flac", "audio/wav", "audio/pcm")
        }
        | {"text/event-stream": {}},
    },
}
