"""Profiles: which one a turn really gets, and whether each keeps what it promises. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from segue.records import AttemptOutcome, Mark, Outcome, TurnRecord
from segue.vendors.degradation import DegradationSettings, ProfileSettings
from segue.voice.degradation import Reading, Remedy
from segue.voice.window import NOT_THEIRS, Samples

FAST_PROFILE = "fast_profile"
"""The reason a turn tells when it was given the fast profile instead of its own."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The profile a turn gets. `reason` is empty where it is the one it asked for, and `message` says why it is not."""

    profile: str
    reason: str = ""
    message: str = ""


def grant(named: str | None, default: str, remedy: Remedy) -> Grant:
    """The profile of a turn that names one, or none, where `default` is the configured one."""
    asked = named or default
    given = remedy.forced_profile or (asked if named else remedy.default_profile or default)
    if given == asked:
        return Grant(asked)
    return Grant(given, FAST_PROFILE, f"Replies are slow at present: the {given} profile answers instead of {asked}.")


class Objective(StrEnum):
    """What a profile promises; the names are those of the settings. Of all of them less is better."""

    TTFA_P95_MS = "ttfa_p95_ms"
    TOTAL_P95_MS = "total_p95_ms"
    FIRST_TTS_P95_MS = "first_tts_p95_ms"
    UNDERFLOW_SHARE = "underflow_share"
    TTS_ERROR_SHARE = "tts_error_share"


class Verdict(StrEnum):
    """Whether a promise was kept over the window."""

    MET = "met"
    MISSED = "missed"
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True, slots=True)
class Finding:
    """One objective beside what was measured. `needed` is the number of samples below which nothing is said."""

    objective: Objective
    limit: float
    reading: Reading | None
    needed: int

    @property
    def verdict(self) -> Verdict:
        """Met up to the limit and exactly at it."""
        if self.reading is None or self.reading.n < self.needed:
            return Verdict.INSUFFICIENT_DATA
        return Verdict.MET if self.reading.value <= self.limit else Verdict.MISSED


class ProfileWindow:
    """The turns of one profile, in the figures that its objectives speak of."""

    def __init__(self, profile: ProfileSettings, degradation: DegradationSettings) -> None:
        self._settings = profile
        self._needed = degradation.min_turns
        self._samples: Mapping[Objective, Samples] = {
            objective: Samples(profile.window_s, degradation.keep_turns) for objective in Objective
        }

    def note(self, record: TurnRecord, now: float) -> None:
        """Take a chat turn in. Latencies are those of completed turns; one that its caller spoiled counts nowhere."""
        marks, samples = record.marks, self._samples
        if record.kind != "chat" or record.error in NOT_THEIRS:
            return
        if record.outcome is Outcome.COMPLETED:
            for objective, ms in (
                (Objective.TTFA_P95_MS, record.ttfa_ms),
                (Objective.TOTAL_P95_MS, marks.get(Mark.DONE)),
                (Objective.FIRST_TTS_P95_MS, _between(marks, Mark.FIRST_SENTENCE, Mark.FIRST_AUDIBLE)),
            ):
                if ms is not None:
                    samples[objective].add(now, ms)
        if Mark.FIRST_SENT in marks:
            samples[Objective.UNDERFLOW_SHARE].add(now, float(record.underflow.events > 0))
        for attempt in record.attempts:
            if attempt.outcome in (AttemptOutcome.COMPLETED, AttemptOutcome.FAILED):
                samples[Objective.TTS_ERROR_SHARE].add(now, float(attempt.outcome is AttemptOutcome.FAILED))

    def findings(self, now: float) -> tuple[Finding, ...]:
        """Each objective beside its figure."""
        return tuple(self._finding(objective, now) for objective in Objective)

    def _finding(self, objective: Objective, now: float) -> Finding:
        samples = self._samples[objective]
        samples.expire(now)
        share = objective in (Objective.UNDERFLOW_SHARE, Objective.TTS_ERROR_SHARE)
        reading = samples.mean() if share else samples.p95()
        return Finding(objective, float(getattr(self._settings, objective)), reading, self._needed)


def _between(marks: Mapping[str, float], first: Mark, second: Mark) -> float | None:
    return marks[second] - marks[first] if first in marks and second in marks else None
