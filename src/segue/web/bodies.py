"""The bodies that `/api` reads, with their limits; unknown fields are refused with their name."""

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from segue.errors import BadAudio, InvalidRequest, WrongContentType
from segue.records import PlaybackReport


def whole(value: object) -> object:
    """A number without a fraction as what it is: JSON writes 1 and 1.0 for the same."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(whole)
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(max_length=4_000_000, json_schema_extra={"pattern": r"\S"})]
"""What is to be said; the door itself refuses a blank one, in words of its own."""
Base64 = Annotated[str, Field(json_schema_extra={"pattern": "^(data:[^,]*,)?[A-Za-z0-9+/]{2}"})]
AudioFormat = Literal["pcm16", "pcm", "mp3", "wav", "opus", "aac", "flac"]


_NULL, _STRING, _FALSE = {"type": "null"}, {"type": "string"}, {"const": False}
ONE_SPEAKER: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "properties": {"voice": _NULL}},
        {"type": "object", "properties": {"character": _NULL}},
    ]
}
"""A voice or a character, not both."""
_ONE_SOURCE: dict[str, Any] = {
    "oneOf": [
        {"type": "object", "required": ["text"], "properties": {"text": _STRING, "audio": _NULL}},
        {"type": "object", "required": ["audio"], "properties": {"audio": _STRING, "text": _NULL}},
    ]
}
_STREAM_OR_STORE: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "properties": {"stream": _FALSE}},
        {"type": "object", "properties": {"store": _FALSE}},
    ]
}


class Body(BaseModel):
    """A JSON body. Its values are of the kinds that the document names: `"1"` is no number, `0` is not `false`."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class ChatBody(Body):
    """A turn: a text or a recording in, a spoken reply out."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_ONE_SOURCE, ONE_SPEAKER]})

    text: Text | None = None
    """What the listener wrote; either this or `audio`."""
    audio: Base64 | None = None
    """What the listener said: an audio file in base64."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """`uk`, `ru`, `en`, `zh`, or a tag like `uk-UA`; recognized from the text when absent."""
    listener: Id | None = None
    """Who listens, for sticky assignment; without it the turn is left out of the evidence."""
    session: str | None = None
    """`session` of the `meta` before this turn: the listener's visit keeps its variant. Of no use, it is ignored."""
    chat: Id | None = None
    """The conversation this turn belongs to."""
    character: Id | None = None
    """The character that speaks."""
    profile: Literal["fast", "quality"] | None = None
    """Answer soon or answer well."""
    format: Literal["pcm16", "mp3", "wav", "opus"] = "pcm16"
    """Format of the audio: raw 16-bit PCM at 24 kHz, or a container."""
    voice: Id | None = None
    """A name from `/api/voice/voices`; the language's default when absent."""
    allow_whole: bool = False
    """While streaming is switched off, take the whole reply as one JSON object instead of a 503."""


class TtsBody(Body):
    """A text to be read out."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_SPEAKER, _STREAM_OR_STORE]})

    text: Text
    """What is to be said."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """As in a turn."""
    voice: Id | None = None
    """As in a turn."""
    format: AudioFormat = "wav"
    """Format of the audio."""
    speed: Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)] = 1.0
    """1 is normal."""
    listener: Id | None = None
    """As in a turn."""
    session: str | None = None
    """As in a turn; the fresh one is in the header `X-Segue-Session`."""
    character: Id | None = None
    """As in a turn."""
    stream: bool = False
    """Send audio as it is made; otherwise the answer is a finished file with exact sizes."""
    store: bool = False
    """Keep the finished file, and answer with a link to it."""
    tenant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = "default"
    """Whose file it is, where it is kept."""


class SttBody(Body):
    """A recording to be written down."""

    audio: Base64
    """An audio file in base64."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """The language that is spoken."""
    phrases: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=300)], ...], Field(max_length=500, strict=False)
    ] = ()
    """Only these can be heard, and they are heard well."""
    expected: Annotated[str, Field(max_length=2000)] | None = None
    """Only whether this was said: the answer is it or nothing."""


class ReportBody(Body):
    """What a listener's device measured in one turn."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    turn: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    token: Annotated[str, Field(max_length=64)]
    """`report_token` of the turn's `meta`."""
    first_played_ms: Annotated[float, Field(ge=0, le=600_000, allow_inf_nan=False)] | None = None
    """From the listener's send to the first sound; absent if nothing was heard."""
    played_s: Annotated[float, Field(ge=0, le=7200, allow_inf_nan=False)]
    underflow_events: Annotated[int, Field(ge=0, le=100_000), WHOLE]
    underflow_ms: Annotated[float, Field(ge=0, le=7_200_000, allow_inf_nan=False)]
    max_gap_ms: Annotated[float, Field(ge=0, le=7_200_000, allow_inf_nan=False)] = 0.0
    cushion_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = 0.0
    interrupted_ms: Annotated[float, Field(ge=0, le=86_400_000, allow_inf_nan=False)] = 0.0
    output_latency_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = 0.0
    dropped_packets: Annotated[int, Field(ge=0, le=1_000_000), WHOLE] = 0
    player: Literal["worklet", "scheduled", "element"] = "worklet"
    user_agent: Annotated[str, Field(max_length=60)] = ""

    def report(self) -> PlaybackReport:
        """The report as the voice plane knows it."""
        return PlaybackReport(**self.model_dump(exclude={"token"}))


async def json_only(request: Request) -> None:
    """Refuse a body that does not say it is JSON.

    Raises:
        WrongContentType: a page of another origin could send such a body without asking.
    """
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise WrongContentType(f"Send `Content-Type: application/json`; this was {content_type or 'not declared'!r}.")


def audio_bytes(encoded: str) -> bytes:
    """The bytes of a base64 field; a data URL is read too.

    Raises:
        BadAudio: it is not base64.
        InvalidRequest: it is empty.
    """
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadAudio("`audio` is not base64; encode the bytes of an audio file.", param="audio") from None
    if not data:
        raise InvalidRequest("`audio` is empty; send the bytes of an audio file in base64.", param="audio")
    return data


def one_source(text: str | None, audio: str | None) -> None:
    """A turn begins with a text or with a recording.

    Raises:
        InvalidRequest: both or neither were sent.
    """
    if (text is None) == (audio is None):
        raise InvalidRequest("Send either `text` or `audio`.", param="text")
