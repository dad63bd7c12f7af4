"""What a turn answers to a series: how bad it was, and when that was settled. Values in, values out.

A duration is settled when it is known, and at the latest `settle_s` after it began to be waited for: who waits longer
has a slow turn, whether or not the answer comes. That is told of turns that still run, so that a provider which hangs
cannot hide behind turns that never end. A yes or no is settled when the turn ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.delivery.evidence import MILLION, Series
from segue.records import AttemptOutcome, Mark, Outcome, PlaybackReport, Served, TurnRecord
from segue.routing import Arm

REPORT_S = 15.0
"""A listener's device may report so long after everything that was sent could have been played."""

_DURATIONS: Mapping[str, tuple[Mark, Mark]] = {
    "ttfa": (Mark.REQUEST, Mark.FIRST_SENT),
    "first_token": (Mark.REQUEST, Mark.FIRST_TOKEN),
    "first_tts": (Mark.FIRST_SENTENCE, Mark.FIRST_AUDIBLE),
    "turn": (Mark.REQUEST, Mark.DONE),
}
"""From which mark to which a duration goes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How bad a turn was in a series, in millionths, and the Unix second at which that was settled."""

    at: float
    bad: int


def while_running(series: Series, arm: str, start: float, marks: Mapping[str, float], now: float) -> Answer | None:
    """The answer of a turn that still runs, if it has one yet.

    `start` and `now` are Unix seconds, `marks` milliseconds since the start, as in a record.
    """
    span = _span(series, marks)
    if span is None:
        return None
    begun_ms, took_ms = span
    if series.measure == "turn" or took_ms is None:
        limit_s = begun_ms / 1000.0 + series.settle_s
        return Answer(start + limit_s, MILLION) if now >= start + limit_s else None
    if series.spoken_only and took_ms < series.settle_s * 1000.0:
        return None  # only its end tells whether what was heard was kept from before
    return _of_duration(series, arm, start, begun_ms, took_ms)


def at_the_end(series: Series, arm: str, record: TurnRecord) -> Answer | None:
    """The answer of a turn that is over; `underflow` is answered by `of_playback`.

    None where the series asks nothing of this turn, or its listener was gone before there was anything to judge.
    """
    end = ended_at(record)
    if series.measure == "failure":
        return _of_failure(record, end)
    if series.measure == "fallback":
        if record.outcome not in (Outcome.COMPLETED, Outcome.FAILED):
            return None
        return Answer(end, MILLION * (record.served in (Served.FALLBACK, Served.RESUMED) or record.substituted))
    if series.measure == "synthesis":
        return _of_synthesis(series, arm, record, end)
    if series.measure not in _DURATIONS:
        return None
    return _of_span(series, arm, record, end)


def of_playback(record: TurnRecord, report: PlaybackReport | None) -> Answer | None:
    """Whether the listener had to wait in mid-reply: what the device said, if it said so in time and believably.

    Otherwise it is what a listener playing at normal speed would have suffered. None for a turn without sound.
    """
    if Mark.FIRST_SENT not in record.marks:
        return None
    due = report_due(record)
    if report is not None and report.plausible and report.received_at <= due:
        return Answer(max(report.received_at, ended_at(record)), MILLION * (report.underflow_events > 0))
    return Answer(due, MILLION * (record.underflow.events > 0))


def report_due(record: TurnRecord) -> float:
    """Until when a device's report counts: Unix seconds."""
    return ended_at(record) + record.audio_ms / 1000.0 + REPORT_S


def ended_at(record: TurnRecord) -> float:
    """When a turn was over: Unix seconds."""
    return record.at + record.marks.get(Mark.DONE, 0.0) / 1000.0


def _of_failure(record: TurnRecord, end: float) -> Answer | None:
    if record.outcome in (Outcome.COMPLETED, Outcome.FAILED):
        return Answer(end, MILLION * (record.outcome is Outcome.FAILED))
    return Answer(end, 0) if Mark.FIRST_SENT in record.marks else None


def _of_synthesis(series: Series, arm: str, record: TurnRecord, end: float) -> Answer | None:
    """The mean of the attempts of one turn; what was kept from before was not synthesized."""
    judged = (AttemptOutcome.COMPLETED, AttemptOutcome.FAILED)
    took = [attempt.total_ms for attempt in record.attempts if attempt.outcome in judged]
    return Answer(end, _badness(series, arm, sum(took) / len(took))) if took else None


def _of_span(series: Series, arm: str, record: TurnRecord, end: float) -> Answer | None:
    """A duration of a turn that is over; one that failed while it was waited for is slow, however soon it failed."""
    marks: Mapping[str, float] = record.marks
    if series.measure == "turn" and record.outcome is not Outcome.COMPLETED:
        marks = {name: ms for name, ms in marks.items() if name != Mark.DONE}
    span = _span(series, marks)
    if span is None:
        return None
    begun_ms, took_ms = span
    if took_ms is not None and series.spoken_only and took_ms < series.settle_s * 1000.0:
        return None if _begins_kept(record) else Answer(end, _badness(series, arm, took_ms))
    if took_ms is not None:
        return _of_duration(series, arm, record.at, begun_ms, took_ms)
    limit = record.at + begun_ms / 1000.0 + series.settle_s
    if end >= limit:
        return Answer(limit, MILLION)
    return Answer(end, MILLION) if record.outcome is Outcome.FAILED else None


def _begins_kept(record: TurnRecord) -> bool:
    """Whether the first sentence was kept from before, and not made for this turn."""
    first = min((attempt.seq for attempt in record.attempts), default=0)
    return any(each.seq == first and each.outcome is AttemptOutcome.CACHED for each in record.attempts)


def _span(series: Series, marks: Mapping[str, float]) -> tuple[float, float | None] | None:
    """From when a duration is counted and how long it took, in milliseconds; None where it is not (yet) asked for."""
    if series.measure not in _DURATIONS:
        return None
    first, last = _DURATIONS[series.measure]
    begun_ms = marks.get(first, 0.0 if first is Mark.REQUEST else None)
    if begun_ms is None:
        return None
    if last is Mark.FIRST_TOKEN and last not in marks and Mark.FIRST_SENTENCE in marks:
        return None  # nobody writes: the caller brought the text
    return begun_ms, (marks[last] - begun_ms if last in marks else None)


def _of_duration(series: Series, arm: str, start: float, begun_ms: float, took_ms: float) -> Answer:
    settled_s = begun_ms / 1000.0 + min(took_ms / 1000.0, series.settle_s)
    return Answer(start + settled_s, _badness(series, arm, took_ms))


def _badness(series: Series, arm: str, took_ms: float) -> int:
    if series.cap_s is not None:
        return round(MILLION * min(max(took_ms, 0.0) / 1000.0 / series.cap_s, 1.0))
    over_s = series.candidate_over_s if arm == Arm.CANDIDATE else series.baseline_over_s
    return MILLION * (over_s is not None and took_ms > over_s * 1000.0)
