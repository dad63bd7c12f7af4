"""`POST /api/voice/chat/stream` and `POST /api/voice/tts`: a turn over HTTP."""

from dataclasses import replace

from fastapi import APIRouter, Depends, Request, Response

from segue.configuration import ServerSettings
from segue.errors import InvalidRequest, NotAcceptable
from segue.voice.ask import Ask
from segue.voice.encoding import FORMATS, media_type
from segue.voice.plane import VoicePlane
from segue.web.answer import Answer
from segue.web.bodies import ChatBody, TtsBody, audio_bytes, json_only, one_source
from segue.web.carry import EVENT_STREAM, NDJSON, Shape, TurnResponse, speech
from segue.web.whole import stored_file, whole_reply


async def chat_ask(plane: VoicePlane, body: ChatBody) -> Ask:
    """The checked request for a turn, its recording decoded."""
    one_source(body.text, body.audio)
    recording = None
    if body.audio is not None:
        recording = await plane.hearing.recording(audio_bytes(body.audio), plane.heard_language(body.language))
    return plane.ask_chat(
        text=body.text,
        recording=recording,
        language=body.language,
        voice=body.voice,
        audio_format=body.format,
        listener=body.listener,
        session=body.session,
        chat=body.chat,
        character=body.character,
        profile=body.profile,
    )


def accepted_shape(accept: str) -> Shape:
    """The shape of the answer for an Accept header.

    Raises:
        NotAcceptable: neither of the two shapes is accepted.
    """
    if not accept or "text/event-stream" in accept:
        return EVENT_STREAM
    if "application/x-ndjson" in accept or "application/jsonl" in accept or "application/ndjson" in accept:
        return NDJSON
    if "*/*" in accept or "text/*" in accept:
        return EVENT_STREAM
    raise NotAcceptable("Accept `text/event-stream` (the default) or `application/x-ndjson`.")


def router(plane: VoicePlane, server: ServerSettings, link_s: float) -> APIRouter:
    """The routes, bound to a voice plane."""
    routes = APIRouter(prefix="/api/voice", tags=["voice"], dependencies=[Depends(json_only)])

    @routes.post("/chat/stream", response_class=Response, responses=_STREAM_ANSWERS)
    async def chat_stream(body: ChatBody, request: Request) -> Response:
        """Answer a text or a recording with streamed speech."""
        if body.allow_whole and not plane.switch.state.enabled:
            ask = await chat_ask(plane, body)
            return Answer(
                whole_reply(plane, ask),
                "application/json",
                send_timeout_s=server.send_timeout_s,
                headers={"x-segue-turn": ask.turn},
                whole=True,
            )
        plane.switch.check()
        shape = accepted_shape(request.headers.get("accept", ""))
        ask = await chat_ask(plane, body)
        return TurnResponse(
            plane.turns.turn(ask),
            Shape(shape.media_type, shape.encode, headers={"x-segue-turn": ask.turn}),
            send_timeout_s=server.send_timeout_s,
        )

    @routes.post("/tts", response_class=Response, responses=_AUDIO_ANSWERS)
    async def tts(body: TtsBody) -> Response:
        """Read a text out, as a finished file or as a stream."""
        if body.stream:
            plane.switch.check()
            if body.store:
                raise InvalidRequest("What is streamed is not kept; send `store` without `stream`.", param="store")
        ask = plane.ask_speech(
            body.text,
            language=body.language,
            voice=body.voice,
            character=body.character,
            audio_format=body.format,
            listener=body.listener,
            session=body.session,
            speed=body.speed,
            whole=not body.stream,
        )
        if not body.store:
            return spoken(plane, ask, server)
        return Answer(
            stored_file(plane, ask, body.tenant, link_s),
            "application/json",
            send_timeout_s=server.send_timeout_s,
            headers={"x-segue-turn": ask.turn},
            whole=True,
        )

    return routes


def spoken(plane: VoicePlane, ask: Ask, server: ServerSettings, *, param: str = "text") -> Response:
    """The audio of a turn as a response: streamed, or a finished file with its length. `param` held the text."""
    headers = {"x-segue-turn": ask.turn, "x-segue-voice": ask.voice, "x-segue-language": ask.language}
    asked = (ask.asked_voice or "").rpartition("/")[2]
    shape = speech(media_type(ask.format), headers, asked=asked, exact=ask.exact, whole=ask.whole)
    frames = plane.turns.turn(ask)
    return TurnResponse(frames, replace(shape, param=param), send_timeout_s=server.send_timeout_s)


_STREAM_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"description": "The turn as events.", "content": {"text/event-stream": {}, "application/x-ndjson": {}}},
    400: {"description": "The request cannot be served; `detail` says how to mend it."},
    406: {"description": "Neither of the two shapes of answer is accepted."},
    408: {"description": "The request did not arrive in time."},
    413: {"description": "The text, recording or body is too large."},
    415: {"description": "The body is not JSON."},
    422: {"description": "No speech was recognized in the recording."},
    502: {"description": "A provider failed before the turn began."},
    503: {"description": "Overloaded, about to stop, or something needed is missing."},
    504: {"description": "A provider did not answer in time."},
}
_AUDIO_ANSWERS: dict[int | str, dict[str, object]] = {
    **_STREAM_ANSWERS,
    200: {"description": "The audio.", "content": {media_type(name): {} for name in FORMATS}},
}
