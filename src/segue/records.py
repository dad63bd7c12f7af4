"""What happened in a turn: written by the voice plane, read by everyone else.

A turn is one request for speech and everything it led to: a chat reply that was spoken, or a text that was read out.
Every turn leaves exactly one `TurnRecord`, whatever became of it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


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
    """`chat` (a model wrote the reply) or `speech` (the caller brought the text)."""
    at: float
    """Unix seconds at which the request arrived."""
    listener: str | None
    chat: str | None
    variant: str
    profile: str
    character: str | None
    language: str
    model: str
    voice: str
    format: str
    outcome: Outcome
    marks: Mapping[str, float]
    sentences: int = 0
    characters: int = 0
    audio_ms: float = 0.0
    attempts: tuple[SynthesisAttempt, ...] = ()
    underflow: Underflow = Underflow()
    """What a listener playing at normal speed would have suffered, computed by the server."""
    error: str | None = None
    """The stable code of the error that ended the turn."""
    reason: str | None = None
    """One sentence that says how the turn ended, where it did not complete."""
    playback: PlaybackReport | None = field(default=None)
    """What the listener's device measured; None as long as the turn is unreported."""

    @property
    def ttfa_ms(self) -> float | None:
        """Milliseconds from the request until the first audible audio was handed to the transport."""
        return self.marks.get(Mark.FIRST_SENT)

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
    values["underflow"] = Underflow(**values.get("underflow", {}))
    return TurnRecord(**values, playback=PlaybackReport(**playback) if playback else None)
