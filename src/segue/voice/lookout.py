"""Keeps an eye on how well replies are served: is told of every turn, judges, and says what to do about it."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from segue.clock import Clock
from segue.records import TurnRecord
from segue.vendors.degradation import DegradationSettings, ProfilesSettings
from segue.voice.degradation import (
    EFFECTS,
    NO_EFFECT,
    RANK,
    Axis,
    AxisState,
    Figure,
    Figures,
    Reason,
    Remedy,
    State,
    Word,
    begin,
    enough,
    remedy,
    rules_of,
    step,
)
from segue.voice.degradation_texts import following, why
from segue.voice.profiles import Finding, ProfileWindow
from segue.voice.window import AxisWindow, asked_profile, failed, first_tts_ms, ttfa_ms

CHANGES_KEPT = 20


@dataclass(frozen=True, slots=True)
class Change:
    """An axis went from one state to another. `at` is in Unix seconds."""

    at: float
    axis: Axis
    before: State
    after: State
    word: Word
    reason: str


@dataclass(frozen=True, slots=True)
class AxisReport:
    """An axis as it is told: its state, why and since when (Unix seconds), its figures, and what comes next."""

    axis: Axis
    state: State
    badge: str
    reason: str
    since: float
    word: Word
    now: str
    following: str
    insufficient: tuple[Figure, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a lookout knows. The state of the whole is that of its worse axis, which also gives the reason."""

    axes: tuple[AxisReport, ...]
    remedy: Remedy
    profiles: Mapping[str, tuple[Finding, ...]]
    changes: tuple[Change, ...]

    @property
    def worst(self) -> AxisReport:
        """The worse axis; of two that are equally bad the language model, as it comes first in a turn."""
        return max(self.axes, key=lambda axis: RANK[axis.state])


class _Watched:
    """One axis with its window, its memory and what was said of it last."""

    def __init__(self, axis: Axis, settings: DegradationSettings, at: float) -> None:
        self.window = AxisWindow(axis, settings)
        self.state: AxisState = begin(axis)
        self.since = at
        self.cause = "This process has not seen enough turns yet."
        self.reason = Reason(Word.STEADY)
        self.figures: Figures = {}


class Lookout:
    """One for the whole process. `tell` is called with every change and must not wait.

    It judges whenever it is asked or told something, so a state changes no sooner than that. It may be asked from any
    thread: whoever reads metrics does so beside the event loop.
    """

    def __init__(
        self,
        clock: Clock,
        settings: DegradationSettings,
        profiles: ProfilesSettings,
        default_profile: str,
        tell: Callable[[Change], None] | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._default = default_profile
        self._one_at_a_time = threading.RLock()
        self._tell = tell
        self._axes = {axis: _Watched(axis, settings, clock.wall()) for axis in Axis}
        self._profiles = {
            "fast": ProfileWindow(profiles.fast, settings),
            "quality": ProfileWindow(profiles.quality, settings),
        }
        self._changes: deque[Change] = deque(maxlen=CHANGES_KEPT)

    def note(self, record: TurnRecord) -> None:
        """A turn is over. It counts from now on, for as long as the window is.

        TTFA is judged by turns that asked for the default profile. Others are slower or faster by their own choice, and
        they are the ones whose profile the remedy changes.
        """
        with self._one_at_a_time:
            self._note(record, self._clock.now())
            self._judge()

    def _note(self, record: TurnRecord, now: float) -> None:
        if asked_profile(record) == self._default and (ms := ttfa_ms(record, self._settings)) is not None:
            self._axes[Axis.MODEL].window.latency(now, ms)
        if (ms := first_tts_ms(record, self._settings)) is not None:
            self._axes[Axis.SYNTHESIS].window.latency(now, ms)
        for axis, has_failed in failed(record).items():
            self._axes[axis].window.ended(now, failed=has_failed)
        if record.profile in self._profiles:
            self._profiles[record.profile].note(record, now)

    def remedy(self) -> Remedy:
        """What is to be done for a turn that begins now."""
        with self._one_at_a_time:
            self._judge()
            return remedy(self._axes[Axis.MODEL].state.state, self._axes[Axis.SYNTHESIS].state.state)

    def report(self) -> Report:
        """Everything that is known now."""
        with self._one_at_a_time:
            now, cure = self._clock.now(), self.remedy()
            return Report(
                axes=tuple(self._told(watched) for watched in self._axes.values()),
                remedy=cure,
                profiles={name: window.findings(now) for name, window in self._profiles.items()},
                changes=tuple(self._changes),
            )

    def _judge(self) -> None:
        now = self._clock.now()
        for axis, watched in self._axes.items():
            before = watched.state.state
            watched.figures = watched.window.figures(now)
            watched.state, watched.reason = step(watched.state, watched.figures, now, self._settings)
            after = watched.state.state
            if after is before:
                continue
            watched.since = self._clock.wall()
            watched.cause = why(watched.state, watched.reason, watched.figures, self._settings)
            change = Change(watched.since, axis, before, after, watched.reason.word, watched.cause)
            self._changes.append(change)
            if self._tell is not None:
                self._tell(change)

    def _told(self, watched: _Watched) -> AxisReport:
        state, figures = watched.state, watched.figures
        known = dict.fromkeys(rule.figure for rule in rules_of(state.axis))
        return AxisReport(
            axis=state.axis,
            state=state.state,
            badge=EFFECTS.get((state.axis, state.state), NO_EFFECT).badge,
            reason=watched.cause,
            since=watched.since,
            word=watched.reason.word,
            now=why(state, watched.reason, figures, self._settings),
            following=following(state, figures, self._settings),
            insufficient=tuple(figure for figure in known if not enough(figure, figures, self._settings)),
            figures=figures,
        )
