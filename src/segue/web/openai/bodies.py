"""The requests that OpenAI's clients send. Fields that are not known here are left aside, as those clients expect."""

from typing import Annotated, Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from segue.errors import InvalidRequest
from segue.voice.ports import Message

Name = Annotated[str, Field(min_length=1, max_length=200)]
LanguageTag = Annotated[str, Field(max_length=35)]
MESSAGE_CHARACTERS = 4_000_000
STOPS = 4
"""OpenAI takes at most this many stop sequences."""

UNSUPPORTED = {
    "tools": "Segue's models answer with text and call no tools",
    "functions": "Segue's models answer with text and call no functions",
    "audio": "a chat completion is text here; POST /api/voice/chat/stream speaks",
    "logprobs": "the models behind this server do not tell probabilities",
    "web_search_options": "the models behind this server do not search",
}
"""Fields whose effect a caller would miss, and why they have none here."""


class Request(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class VoiceId(Request):
    """A voice given as an object."""

    id: Name


def _voice_name(value: object) -> object:
    """The name in a voice object; anything else is left for the field to judge."""
    return value["id"] if isinstance(value, dict) and "id" in value else value


class SpeechBody(Request):
    """A text to be read out."""

    model: Name
    """`tts-1`, `gpt-4o-mini-tts`, … or `segue`."""
    input: Annotated[str, Field(min_length=1, max_length=4096)]
    """What is to be said: 1 to 4096 characters."""
    voice: Annotated[Name, BeforeValidator(_voice_name, json_schema_input_type=Name | VoiceId)]
    """One of OpenAI's names, or a name from `/v1/audio/voices`; as a string or as `{"id": …}`."""
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = "mp3"
    """`pcm` is 16-bit little-endian mono at 24 kHz without a header."""
    speed: Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)] | None = 1.0
    """1 is normal."""
    stream_format: Literal["audio", "sse"] | None = "audio"
    """The bare audio, or events with pieces of it."""
    instructions: str | None = None
    """Accepted, without effect: the configured voices take no directions."""
    language: LanguageTag | None = None
    """Segue's addition: `uk`, `ru`, `en`, `zh`, or a tag like `uk-UA`; recognized from the text when absent."""
    user: str | None = None
    """Who listens, where the header `X-Segue-Listener` does not say it."""


class TranscriptionBody(Request):
    """A recording to be written down, as a multipart form, which knows no null."""

    file: UploadFile
    """WAV, mp3, m4a, ogg, webm, flac or aac."""
    model: Name
    """`whisper-1`, `gpt-4o-transcribe`, … or `segue`."""
    language: Annotated[LanguageTag | None, WithJsonSchema({"type": "string", "maxLength": 35})] = None
    """The language that is spoken."""
    prompt: Annotated[str | None, WithJsonSchema({"type": "string"})] = None
    """Accepted, without effect."""
    response_format: Literal["json", "text", "srt", "vtt", "verbose_json"] = "json"
    """`diarized_json` is not offered: speakers are not told apart."""
    temperature: Annotated[
        Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None,
        WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
    ] = None
    """Accepted, without effect."""
    timestamp_granularities: Annotated[
        list[Literal["word", "segment"]], Field(alias="timestamp_granularities[]", max_length=8)
    ] = []
    """What `verbose_json` holds; segments when absent."""
    include: Annotated[list[str], Field(alias="include[]", max_length=8)] = []
    """Must be empty: probabilities of tokens are not known here."""
    stream: Annotated[bool | None, WithJsonSchema({"type": "boolean"})] = False
    """Answer with events."""

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            InvalidRequest: two fields do not go together, or one asks for what is not known here.
        """
        if self.include:
            raise InvalidRequest("Leave `include` out: no probabilities are known here.", param="include")
        if self.timestamp_granularities and self.response_format != "verbose_json":
            raise InvalidRequest(
                "`timestamp_granularities` needs `response_format=verbose_json`.", param="timestamp_granularities"
            )
        if self.stream and self.response_format not in {"json", "text"}:
            raise InvalidRequest("With `stream` ask for `response_format` json or text.", param="response_format")


class StreamOptions(Request):
    """How to stream."""

    include_usage: bool | None = False
    """End with a chunk that counts tokens."""


class ContentPart(Request):
    """A part of a message; only text is read."""

    type: str
    text: Annotated[str, Field(max_length=MESSAGE_CHARACTERS)] | None = None


def _parts(content: object) -> object:
    """A bare text as its only part, so that there is one thing to judge."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class ChatMessage(Request):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[
        list[ContentPart] | None, BeforeValidator(_parts, json_schema_input_type=str | list[ContentPart] | None)
    ] = None

    def message(self, at: int) -> Message:
        """The message as the voice plane knows it; `at` is its place, for the error.

        Raises:
            InvalidRequest: it holds something else than text.
        """
        where = f"messages.{at}"
        if self.role in {"tool", "function"}:
            raise InvalidRequest(f"`{where}`: {UNSUPPORTED['tools']}.", param=f"{where}.role")
        if not self.content:
            raise InvalidRequest(f"`{where}.content` is empty; send text.", param=f"{where}.content")
        for part in self.content:
            if part.type != "text" or part.text is None:
                raise InvalidRequest(
                    f"`{where}.content` has a part of type {part.type!r}; only text is read here.",
                    param=f"{where}.content",
                )
        role = "system" if self.role == "developer" else self.role
        return Message(role, "".join(part.text or "" for part in self.content))


def _listed(stop: object) -> object:
    """A single stop sequence as a list of one."""
    return [stop] if isinstance(stop, str) else stop


class CompletionBody(Request):
    """A conversation to be continued with text."""

    model: Name
    """`gpt-4o-mini`, `gpt-4.1`, … or `segue`."""
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2000)]
    """The conversation; the last message is the user's."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    """The reply ends after this many streamed pieces."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The older name of `max_completion_tokens`."""
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    n: int | None = 1
    """One reply is written; more are refused."""
    stop: Annotated[
        list[Annotated[str, Field(max_length=200)]] | None,
        BeforeValidator(_listed, json_schema_input_type=str | list[str] | None),
    ] = None
    """Up to four sequences before which the reply ends."""
    stream: bool | None = False
    """Answer with events, as the reply is written."""
    stream_options: StreamOptions | None = None
    response_format: dict[str, Any] | None = None
    """Only `{"type": "text"}`."""
    modalities: list[str] | None = None
    """Only `["text"]`."""
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    audio: dict[str, Any] | None = None
    logprobs: bool | None = None
    web_search_options: dict[str, Any] | None = None
    language: LanguageTag | None = None
    """Segue's addition: the language to answer in; recognized from the last message when absent."""
    safety_identifier: str | None = None
    """Who listens, where the header `X-Segue-Listener` does not say it."""
    user: str | None = None
    """The older name of `safety_identifier`."""

    @property
    def most_tokens(self) -> int | None:
        """The smaller of the two limits."""
        return min((most for most in (self.max_completion_tokens, self.max_tokens) if most is not None), default=None)

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop sequences; empty ones stop nothing."""
        return tuple(stop for stop in self.stop or () if stop)

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with its usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def check(self) -> tuple[Message, ...]:
        """The conversation, once everything else was found to be possible.

        Raises:
            InvalidRequest: something is asked for that is not offered here.
        """
        if self.n not in {None, 1}:
            raise InvalidRequest("`n`: one reply is written; ask again for another.", param="n")
        if len(self.stops) > STOPS:
            raise InvalidRequest(f"`stop` takes at most {STOPS} sequences.", param="stop")
        for field, why in UNSUPPORTED.items():
            if getattr(self, field):
                raise InvalidRequest(f"Leave `{field}` out: {why}.", param=field)
        if self.response_format is not None and self.response_format.get("type") != "text":
            raise InvalidRequest('`response_format` is {"type": "text"} here.', param="response_format")
        if self.modalities is not None and self.modalities != ["text"]:
            raise InvalidRequest(f'`modalities` is ["text"] here: {UNSUPPORTED["audio"]}.', param="modalities")
        messages = tuple(message.message(at) for at, message in enumerate(self.messages))
        if messages[-1].role != "user":
            raise InvalidRequest("The last message must be the user's.", param="messages")
        return messages
