"""Records as spans: a turn and its attempts to write and to speak, a recognition and its attempts. No text is in them.

Names of attributes are OpenTelemetry's own where it has them. Who listened stands only under `segue.private.`.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from segue.records import (
    Mark,
    ModelAttempt,
    Outcome,
    Recognition,
    RecognitionAttempt,
    SynthesisAttempt,
    TurnRecord,
)
from segue.trace import Trace

PRIVATE = "segue.private."
Attribute = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a trace. Times are Unix nanoseconds."""

    name: str
    id: str
    parent: str
    """The span it belongs to; empty where it begins its trace."""
    began_ns: int
    ended_ns: int
    calls: bool = False
    """Whether it is the call of somebody else."""
    within: bool = False
    """Whether it is a step of another span of the same server."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    events: tuple[tuple[str, int], ...] = ()
    error: str = ""
    """Kind of the failure; empty where there was none."""


def spans(record: TurnRecord, place: Trace, caller: Trace | None, *, private: bool = False) -> tuple[Span, ...]:
    """The spans of a turn that is over: its own first. `private` adds who it was."""
    attempts = [
        *(_writing(record, place, number, each) for number, each in enumerate(record.model_attempts)),
        *(_speaking(record, place, number, each) for number, each in enumerate(record.attempts)),
    ]
    return (_turn(record, place, caller, private=private), *attempts)


def hearing(recognition: Recognition, place: Trace, caller: Trace | None, *, within: bool = False) -> tuple[Span, ...]:
    """The spans of a recognition that is over, its own first. `within` where the caller is the turn that wants it."""
    began_ns = _unix_ns(recognition.at, 0.0)
    whole = Span(
        name="hear",
        id=place.span,
        parent=caller.span if caller is not None else "",
        began_ns=began_ns,
        ended_ns=_unix_ns(recognition.at, recognition.total_ms),
        within=within,
        attributes={
            "segue.language": recognition.language,
            "segue.recording_ms": recognition.recording_ms,
            "segue.outcome": recognition.outcome.value,
        },
        error=(recognition.error or "failed") if recognition.outcome is Outcome.FAILED else "",
    )
    return (whole, *(_hearing(recognition, place, *each) for each in enumerate(recognition.attempts)))


def _hearing(recognition: Recognition, place: Trace, number: int, attempt: RecognitionAttempt) -> Span:
    return Span(
        name=f"recognize {attempt.provider}",
        id=_id(recognition.id, "recognizer", number),
        parent=place.span,
        began_ns=_unix_ns(recognition.at, attempt.began_ms),
        ended_ns=_unix_ns(recognition.at, attempt.began_ms + attempt.total_ms),
        calls=True,
        attributes={
            "gen_ai.operation.name": "recognize",
            "gen_ai.provider.name": attempt.provider,
            "gen_ai.request.model": attempt.model,
            "segue.outcome": attempt.outcome.value,
        },
        error=attempt.category or "",
    )


def _turn(record: TurnRecord, place: Trace, caller: Trace | None, *, private: bool) -> Span:
    attributes: dict[str, Attribute] = {
        "segue.turn": record.turn,
        "segue.kind": record.kind,
        "segue.variant": record.variant,
        "segue.profile": record.profile,
        "segue.language": record.language,
        "segue.outcome": record.outcome.value,
        "segue.served": record.served.value,
        "segue.sentences": record.sentences,
        "segue.audio_ms": record.audio_ms,
        "segue.underflow.events": record.underflow.events,
        "segue.underflow.ms": record.underflow.ms,
    }
    if record.rollout:
        attributes |= {"segue.rollout": record.rollout, "segue.stage": record.stage, "segue.arm": record.arm}
    if record.ttfa_ms is not None:
        attributes["segue.ttfa_ms"] = record.ttfa_ms
    if private:
        those = {"listener": record.listener, "chat": record.chat, "session": record.session}
        attributes |= {PRIVATE + name: value for name, value in those.items() if value}
    passed = [mark for mark in Mark if mark.value in record.marks and mark not in (Mark.REQUEST, Mark.DONE)]
    return Span(
        name=f"turn {record.kind}",
        id=place.span,
        parent=caller.span if caller is not None else "",
        began_ns=_at(record, 0.0),
        ended_ns=_at(record, record.marks.get(Mark.DONE.value, 0.0)),
        attributes=attributes,
        events=tuple((mark.value, _at(record, record.marks[mark.value])) for mark in passed),
        error=(record.error or "failed") if record.outcome is Outcome.FAILED else "",
    )


def _writing(record: TurnRecord, place: Trace, number: int, attempt: ModelAttempt) -> Span:
    began_ms = attempt.began_ms or 0.0
    first = attempt.first_token_ms
    return Span(
        name=f"chat {attempt.model}",
        id=_id(record.turn, "model", number),
        parent=place.span,
        began_ns=_at(record, began_ms),
        ended_ns=_at(record, began_ms + attempt.total_ms),
        calls=True,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": attempt.provider,
            "gen_ai.request.model": attempt.model,
            "segue.outcome": attempt.outcome.value,
            "segue.resumed": attempt.resumed,
        },
        events=(("first_token", _at(record, began_ms + first)),) if first is not None else (),
        error=attempt.category or "",
    )


def _speaking(record: TurnRecord, place: Trace, number: int, attempt: SynthesisAttempt) -> Span:
    began_ms = attempt.began_ms or 0.0
    moments = {"first_byte": attempt.first_byte_ms, "first_audible": attempt.first_audible_ms}
    return Span(
        name=f"speak {attempt.provider}",
        id=_id(record.turn, "synthesizer", number),
        parent=place.span,
        began_ns=_at(record, began_ms),
        ended_ns=_at(record, began_ms + attempt.total_ms),
        calls=True,
        attributes={
            "gen_ai.operation.name": "speak",
            "gen_ai.output.type": "speech",
            "gen_ai.provider.name": attempt.provider,
            "gen_ai.request.model": attempt.model,
            "segue.voice": attempt.voice,
            "segue.sentence": attempt.seq,
            "segue.characters": attempt.characters,
            "segue.audio_ms": attempt.audio_ms,
            "segue.outcome": attempt.outcome.value,
            "segue.resumed": attempt.resumed,
            "segue.hedge": attempt.hedge,
        },
        events=tuple((name, _at(record, began_ms + ms)) for name, ms in moments.items() if ms is not None),
        error=attempt.category or "",
    )


def _at(record: TurnRecord, ms: float) -> int:
    """A moment of a turn, in Unix nanoseconds."""
    return _unix_ns(record.at, ms)


def _unix_ns(at: float, ms: float) -> int:
    return round(at * 1e6) * 1000 + round(ms * 1e6)


def _id(of: str, what: str, number: int) -> str:
    return hashlib.sha256(f"segue-{what}\0{of}\0{number}".encode()).hexdigest()[:16]
