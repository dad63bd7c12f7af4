"""What leaves a turn, in order: one `Meta`, then texts and audio, then exactly one `Done` or `Failure`.

The door that carries a turn (server-sent events, NDJSON, WebSocket) encodes frames; nothing below it knows how.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from segue.errors import SegueError


@dataclass(frozen=True, slots=True)
class Meta:
    """The first frame: what was decided for this turn, and the token its listener reports with."""

    event: ClassVar[str] = "meta"
    turn: str
    variant: str
    profile: str
    language: str
    model: str
    voice: str
    format: str
    sample_rate: int
    report_token: str
    heard: str | None = None
    """What the recognizer heard, where the turn began with a recording."""
    session: str | None = None
    """The token of the listener's session, to be sent with the next turn: its voice then stays what it is."""


@dataclass(frozen=True, slots=True)
class Text:
    """One piece of the reply as the model wrote it. The pieces of a turn concatenate to its whole text."""

    event: ClassVar[str] = "text"
    seq: int
    text: str


class Speaker(NamedTuple):
    """Who spoke something: a provider, with one of its voices."""

    provider: str
    model: str
    voice: str


@dataclass(frozen=True, slots=True)
class Audio:
    """A packet of audio in the turn's format. `part` counts within the sentence `seq`; `ms` is its playing time.

    `provider`, `model` and `voice` are those of its end. An encoder may hold the sound of several back, and a finished
    file holds all of them: `speakers` names each, in the order in which they are first heard.
    """

    event: ClassVar[str] = "audio"
    turn: str
    seq: int
    part: int
    provider: str
    model: str
    voice: str
    variant: str
    data: bytes
    ms: float
    last_of_sentence: bool = False
    audible: bool = True
    resumed: bool = False
    """This provider finishes a sentence that another one began."""
    speakers: tuple[Speaker, ...] = ()


@dataclass(frozen=True, slots=True)
class Degraded:
    """The reply goes on, but not as asked; `reason` is the stable word, `message` the sentence.

    Reasons: `fast_profile` (the quality profile is off for now), `synthesizer_rotated` (another engine has first place
    for now), `fallback` (another provider than the first choice), `resumed` (another provider goes on in the middle),
    `substituted` (another voice than was asked for).
    """

    event: ClassVar[str] = "degraded"
    reason: str
    message: str
    provider: str | None = None
    """Who speaks or writes instead."""
    voice: str | None = None
    """The voice that is really heard."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The last frame of a turn that could not be finished."""

    event: ClassVar[str] = "error"
    code: str
    message: str
    retryable: bool
    status: int = 500
    """The HTTP status this would have been, for a door that has not answered yet."""

    @classmethod
    def of(cls, error: SegueError) -> "Failure":
        """The frame that tells a listener about an error."""
        return cls(error.code, error.message, error.retryable, error.status)


@dataclass(frozen=True, slots=True)
class Done:
    """The last frame of a turn that was finished. `timings` are milliseconds since the request arrived."""

    event: ClassVar[str] = "done"
    timings: Mapping[str, float]
    sentences: int
    audio_ms: float


Frame = Meta | Text | Audio | Degraded | Failure | Done


def fields(frame: Frame) -> dict[str, Any]:
    """What a door tells of a frame other than audio, as plain values; what is absent is left out."""
    if isinstance(frame, Failure):
        return {"code": frame.code, "message": frame.message, "retryable": frame.retryable}
    plain = {name: getattr(frame, name) for name in frame.__slots__}
    return {name: value for name, value in plain.items() if value is not None}
