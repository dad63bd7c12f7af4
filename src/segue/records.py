"""What happened in a turn: written by the voice plane, read by everyone else.

A turn is one request for speech and everything it led to: a chat reply that was spoken, or a text that was read out.
Every turn leaves exactly one `TurnRecord`, whatever became of it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

PROBE = "probe"
"""The kind of a turn with which an operator tries how something sounds. No listener had it, so nothing is judged by
it."""


class Outcome(StrEnum):
    """How a turn ended."""

    COMPLETED = "completed"
    """Every sentence was handed to the listener."""
    FAILED = "failed"
    """The reply ended with an in-band error."""
    CANCELLED = "cancelled"
    """The listener interrupted it (barge-in) or the server was told to stop."""
    ABANDONED = "abandoned"
    """The listener went away before the end."""


class AttemptOutcome(StrEnum):
    """How one attempt of one provider at one sentence ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """We gave it up: the listener went, or another provider was quicker."""
    CACHED = "cached"
    """Nobody was asked: the provider had spoken the same before, and it was kept."""


class Served(StrEnum):
    """What a listener got of a turn, whoever had to be asked for it."""

    PRIMARY = "primary"
    """Everything came from the first choices."""
    FALLBACK = "fallback"
    """Another provider than the first choice spoke or wrote at least a part, from a sentence's beginning on."""
    RESUMED = "resumed"
    """A provider broke off in the middle, and another one finished."""
    FAILED = "failed"
    """The reply could not be finished."""
    UNFINISHED = "unfinished"
    """The listener cut it short or left."""


class Mark(StrEnum):
    """The moments of a turn, in the order in which a healthy turn passes them."""

    REQUEST = "request"
    FIRST_TOKEN = "first_token"  # noqa: S105 - a language model's token
    FIRST_SENTENCE = "first_sentence"
    FIRST_BYTE = "first_byte"
    FIRST_AUDIBLE = "first_audible"
    FIRST_SENT = "first_sent"
    FIRST_PLAYED = "first_played"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SynthesisAttempt:
    """One provider's attempt to speak one sentence. Times are milliseconds since the attempt began."""

    seq: int
    provider: str
    model: str
    voice: str
    outcome: AttemptOutcome
    characters: int
    category: str | None = None
    first_byte_ms: float | None = None
    first_audible_ms: float | None = None
    total_ms: float = 0.0
    audio_ms: float = 0.0
    resumed: bool = False
    """It finished a sentence that another provider had begun."""
    hedge: bool = False
    """It was asked beside another one, to see who is quicker."""
    began_ms: float | None = field(default=None, compare=False)
    """Milliseconds from the request to its beginning; None where nobody noted it."""


@dataclass(frozen=True, slots=True)
class ModelAttempt:
    """One language model's attempt to write a reply, or the rest of it. Times as in `SynthesisAttempt`."""

    provider: str
    model: str
    outcome: AttemptOutcome
    category: str | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0
    resumed: bool = False
    """It went on with a reply that another model had begun."""
    began_ms: float | None = field(default=None, compare=False)
    """See `SynthesisAttempt`."""


@dataclass(frozen=True, slots=True)
class RecognitionAttempt:
    """One recognizer's attempt to write a recording down. `began_ms` counts from the beginning of the recognition."""

    provider: str
    model: str
    outcome: AttemptOutcome
    began_ms: float
    total_ms: float
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Recognition:
    """How a recording became words, once it is over; neither its sound nor its words are in it."""

    id: str
    """32 hexadecimal digits."""
    at: float
    """Unix seconds at which a recognizer was first looked for; the recording had been decoded by then."""
    language: str
    recording_ms: float
    """Length of the recording."""
    total_ms: float
    outcome: Outcome
    attempts: tuple[RecognitionAttempt, ...] = ()
    error: str | None = None
    """The stable code of the error that ended it."""


@dataclass(frozen=True, slots=True)
class Underflow:
    """How often and how long a listener waited in the middle of a reply, after the first audio and before the end."""

    events: int = 0
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class PlaybackReport:
    """What the listener's own device measured, sent once a turn. `first_played_ms` counts from the listener's send."""

    turn: str
    first_played_ms: float | None
    played_s: float
    underflow_events: int
    underflow_ms: float
    max_gap_ms: float = 0.0
    cushion_ms: float = 0.0
    interrupted_ms: float = 0.0
    output_latency_ms: float = 0.0
    dropped_packets: int = 0
    player: str = "worklet"
    user_agent: str = ""
    plausible: bool = True
    """False when the report contradicts what the server itself measured; kept, but left out of evidence."""
    received_at: float = 0.0
    """Unix seconds on the server's clock."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn. `marks` holds milliseconds since the request arrived; a moment that never came is absent."""

    turn: str
    kind: str
    """`chat` (a model wrote the reply), `speech` (the caller brought the text), or `probe` (an operator tried how it
    sounds: neither evidence nor a sign of degradation)."""
    at: float
    """Unix seconds at which the request arrived."""
    listener: str | None
    chat: str | None
    variant: str
    profile: str
    character: str | None
    language: str
    model: str
    """The language model that was to write; empty where the caller brought the text."""
    voice: str
    format: str
    outcome: Outcome
    marks: Mapping[str, float]
    sentences: int = 0
    characters: int = 0
    audio_ms: float = 0.0
    attempts: tuple[SynthesisAttempt, ...] = ()
    model_attempts: tuple[ModelAttempt, ...] = ()
    first_choice: str = ""
    """The synthesizer that was to speak; empty where nothing was to be spoken."""
    substituted: bool = False
    """A part was spoken with another voice than was asked for."""
    degraded: tuple[str, ...] = ()
    """Reasons for which the turn was not served as asked, in the order in which they were told."""
    underflow: Underflow = Underflow()
    """What a listener playing at normal speed would have suffered, computed by the server."""
    error: str | None = None
    """The stable code of the error that ended the turn."""
    reason: str | None = None
    """One sentence that says how the turn ended, where it did not complete."""
    rollout: str = ""
    """The rollout and attempt that was running when the turn began, as `name/2`; empty where none was."""
    stage: int = 0
    """The stage that rollout was in."""
    arm: str = ""
    """`candidate` or `baseline`: on which side the turn is counted; empty where it is left out of the evidence."""
    assigned: str = ""
    """Why the turn got its variant, in one word."""
    session: str | None = None
    """The session the turn belongs to: it has one vote in a block, however many turns it takes."""
    playback: PlaybackReport | None = field(default=None)
    """What the listener's device measured; None as long as the turn is unreported."""

    @property
    def ttfa_ms(self) -> float | None:
        """Milliseconds from the request until the first audible audio was handed to the transport."""
        return self.marks.get(Mark.FIRST_SENT)

    @property
    def served(self) -> Served:
        """What the listener got, told by whom it came from and not by how often providers failed on the way."""
        if self.outcome is Outcome.FAILED:
            return Served.FAILED
        if self.outcome is not Outcome.COMPLETED:
            return Served.UNFINISHED
        good = (AttemptOutcome.COMPLETED, AttemptOutcome.CACHED)
        if any(attempt.resumed for attempt in self.attempts) or any(each.resumed for each in self.model_attempts):
            return Served.RESUMED
        others = any(attempt.provider != self.first_choice for attempt in self.attempts if attempt.outcome in good)
        # A model that rests is not even tried; the next one is no first choice for that.
        writers = any(attempt.provider != self.model for attempt in self.model_attempts)
        return Served.FALLBACK if others or writers else Served.PRIMARY

    def as_dict(self) -> dict[str, Any]:
        """The record as plain JSON values, with `first_played` among the marks once the listener has reported."""
        plain = asdict(self)
        plain["marks"] = dict(self.marks)
        if self.playback is not None and self.playback.first_played_ms is not None:
            plain["marks"][Mark.FIRST_PLAYED.value] = self.playback.first_played_ms
        return plain


def record_from_dict(plain: Mapping[str, Any]) -> TurnRecord:
    """The inverse of `TurnRecord.as_dict`; unknown keys are refused with a TypeError."""
    values = dict(plain)
    playback = values.pop("playback", None)
    values["outcome"] = Outcome(values["outcome"])
    values["attempts"] = tuple(
        SynthesisAttempt(**{**attempt, "outcome": AttemptOutcome(attempt["outcome"])})
        for attempt in values.get("attempts", ())
    )
    values["model_attempts"] = tuple(
        ModelAttempt(**{**attempt, "outcome": AttemptOutcome(attempt["outcome"])})
        for attempt in values.get("model_attempts", ())
    )
    values["degraded"] = tuple(values.get("degraded", ()))
    values["underflow"] = Underflow(**values.get("underflow", {}))
    return TurnRecord(**values, playback=PlaybackReport(**playback) if playback else None)
