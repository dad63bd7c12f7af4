"""Figures over the turns that ended lately. Pure: a window is told what ended and when, and never looks at a clock.

What of a turn counts, and for what:

- A latency is taken of turns that completed. One more kind counts: a turn whose listener gave up before any sound,
  after waiting longer than the lowest limit. It counts with the time waited, which its latency would at least have
  been. Without it a model that is so slow that nobody waits for it would have no figure at all.
- A turn that failed counts as failed on the axis that made it fail. One that its listener ended, or that the caller's
  own request made fail, is neither a failure nor a success.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping

from segue.errors import (
    CallerError,
    Overloaded,
    ProviderRefusal,
    ProvidersResting,
    SegueError,
    Unavailable,
    VoiceDisabled,
)
from segue.records import AttemptOutcome, Mark, Outcome, TurnRecord
from segue.vendors.degradation import DegradationSettings
from segue.voice.degradation import Axis, Figure, Figures, Reading


class Samples:
    """Numbers of the latest `window_s` seconds, the newest `keep` of them, with their 95th percentile at hand."""

    def __init__(self, window_s: float, keep: int) -> None:
        self._window_s = window_s
        self._keep = keep
        self._samples: deque[tuple[float, float]] = deque()
        self._sorted: list[float] = []
        self._total = 0.0

    def add(self, now: float, value: float) -> None:
        """Take a number in."""
        self._samples.append((now, value))
        insort(self._sorted, value)
        self._total += value
        if len(self._samples) > self._keep:
            self._drop()

    def expire(self, now: float) -> None:
        """Forget what is older than the window; a sample exactly as old as the window still counts."""
        while self._samples and now - self._samples[0][0] > self._window_s:
            self._drop()

    def p95(self) -> Reading | None:
        """The 95th percentile by nearest rank: the smallest number that at least 95 % do not exceed."""
        n = len(self._sorted)
        return Reading(self._sorted[-(-95 * n // 100) - 1], n) if n else None

    def mean(self) -> Reading | None:
        """The mean: of zeros and ones, the share of ones."""
        n = len(self._sorted)
        return Reading(self._total / n, n) if n else None

    def _drop(self) -> None:
        _, value = self._samples.popleft()
        del self._sorted[bisect_left(self._sorted, value)]
        self._total = self._total - value if self._samples else 0.0


class AxisWindow:
    """The figures of one axis."""

    def __init__(self, axis: Axis, settings: DegradationSettings) -> None:
        self._latency = Figure.TTFA_P95_MS if axis is Axis.MODEL else Figure.FIRST_TTS_P95_MS
        self._latencies = Samples(settings.window_s, settings.keep_turns)
        self._failures = Samples(settings.window_s, settings.keep_turns)
        self._in_a_row = 0

    def latency(self, now: float, ms: float) -> None:
        """A turn's latency."""
        self._latencies.add(now, ms)

    def ended(self, now: float, *, failed: bool) -> None:
        """A turn's failure or success on this axis."""
        self._failures.add(now, float(failed))
        self._in_a_row = self._in_a_row + 1 if failed else 0

    def figures(self, now: float) -> Figures:
        """What the turns of the window show."""
        self._latencies.expire(now)
        self._failures.expire(now)
        share = self._failures.mean()
        row = Reading(float(self._in_a_row), share.n) if share else None
        found = {
            self._latency: self._latencies.p95(),
            Figure.FAILED_SHARE: share,
            Figure.FAILED_IN_A_ROW: row,
        }
        return {figure: reading for figure, reading in found.items() if reading is not None}


def asked_profile(record: TurnRecord) -> str:
    """The profile a turn asked for; it may have been given the fast one instead."""
    return "quality" if "fast_profile" in record.degraded else record.profile


def ttfa_ms(record: TurnRecord, settings: DegradationSettings) -> float | None:
    """What a turn says about TTFA in milliseconds, or None."""
    if record.kind != "chat":
        return None
    if record.outcome is Outcome.COMPLETED:
        return record.ttfa_ms
    waited_ms = _given_up_ms(record, Mark.REQUEST)
    return waited_ms if waited_ms is not None and waited_ms > settings.ttfa_slow_ms else None


def first_tts_ms(record: TurnRecord, settings: DegradationSettings) -> float | None:
    """What a turn says about the first sentence's synthesis in milliseconds, or None. What was kept tells nothing."""
    marks = record.marks
    first = min((attempt.seq for attempt in record.attempts), default=None)
    if any(attempt.seq == first and attempt.outcome is AttemptOutcome.CACHED for attempt in record.attempts):
        return None
    if record.outcome is Outcome.COMPLETED and Mark.FIRST_SENTENCE in marks and Mark.FIRST_AUDIBLE in marks:
        return marks[Mark.FIRST_AUDIBLE] - marks[Mark.FIRST_SENTENCE]
    waited_ms = _given_up_ms(record, Mark.FIRST_SENTENCE)
    return waited_ms if waited_ms is not None and waited_ms > settings.first_tts_slow_ms else None


def _given_up_ms(record: TurnRecord, since: Mark) -> float | None:
    """How long a listener who left in silence had waited since a moment; None for every other turn."""
    marks = record.marks
    if record.outcome not in (Outcome.CANCELLED, Outcome.ABANDONED) or Mark.FIRST_AUDIBLE in marks:
        return None
    return marks[Mark.DONE] - marks[since] if since in marks and Mark.DONE in marks else None


def failed(record: TurnRecord) -> Mapping[Axis, bool]:
    """On which axes a turn failed or succeeded; an axis about which it says nothing is absent."""
    spoke = any(attempt.outcome is AttemptOutcome.COMPLETED for attempt in record.attempts)
    if record.outcome is Outcome.COMPLETED:
        told = {Axis.MODEL: False} if record.kind == "chat" else {}
        return told | ({Axis.SYNTHESIS: False} if spoke else {})
    if record.outcome is not Outcome.FAILED or record.error in NOT_THEIRS:
        return {}
    return {_culprit(record): True}


def _culprit(record: TurnRecord) -> Axis:
    """The axis that made a turn fail: synthesis where a sentence was tried in vain or nobody was left to try it."""
    tried = {attempt.seq for attempt in record.attempts if attempt.outcome is AttemptOutcome.FAILED}
    in_vain = tried - {attempt.seq for attempt in record.attempts if attempt.outcome is not AttemptOutcome.FAILED}
    model_failed = any(attempt.outcome is AttemptOutcome.FAILED for attempt in record.model_attempts[-1:])
    nobody_left = record.error == ProvidersResting.code and Mark.FIRST_SENTENCE in record.marks
    of_synthesis = record.kind != "chat" or bool(in_vain) or (nobody_left and not model_failed)
    return Axis.SYNTHESIS if of_synthesis else Axis.MODEL


def _codes(kind: type[SegueError]) -> set[str]:
    return {kind.code}.union(*(_codes(child) for child in kind.__subclasses__()))


NOT_THEIRS = frozenset(_codes(CallerError)) | {
    kind.code for kind in (ProviderRefusal, Overloaded, Unavailable, VoiceDisabled)
}
"""Codes of errors that say nothing about a language model or a synthesizer."""
