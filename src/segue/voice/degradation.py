"""How well replies are served: two axes, each a set of latches with hysteresis, judged from figures and the time alone.

The language model and the synthesis are judged apart. Each line of `RULES` is a latch: it closes when its figure has
been over the limit for `enter_s`, and opens when the figure has been under 80 % of the limit for `leave_s`. The state
of an axis is the worst closed latch. A figure exactly at its limit moves nothing, and neither does one with too few
turns behind it: its latch stays as it is, and the time that passes meanwhile counts for nothing.

A latch that closes again soon after it opened needs twice as long before it opens the next time. That bounds how often
a remedy can end the trouble it was taken for, be lifted, and bring the trouble back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from segue.vendors.degradation import DegradationSettings


class Axis(StrEnum):
    """What is judged."""

    MODEL = "model"
    SYNTHESIS = "synthesis"


class State(StrEnum):
    """How an axis is, from best to worst; `fast` is the language model's, `degraded` the synthesis's."""

    OK = "ok"
    UNKNOWN = "unknown"
    """Too little is known since the start of the process. It is never taken for `ok`."""
    SLOW = "slow"
    FAST = "fast"
    DEGRADED = "degraded"
    EMERGENCY = "emergency"


RANK: Mapping[State, int] = {
    State.OK: 0,
    State.UNKNOWN: 1,
    State.SLOW: 2,
    State.FAST: 3,
    State.DEGRADED: 3,
    State.EMERGENCY: 4,
}
"""How bad a state is; the worse of both axes is the state of the whole."""


class Figure(StrEnum):
    """What is measured. Of all of them more is worse."""

    TTFA_P95_MS = "ttfa_p95_ms"
    FIRST_TTS_P95_MS = "first_tts_p95_ms"
    FAILED_SHARE = "failed_share"
    FAILED_IN_A_ROW = "failed_in_a_row"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: over `limit` (the name of a setting) `figure` brings an axis into `state`."""

    axis: Axis
    state: State
    figure: Figure
    limit: str

    def limit_in(self, settings: DegradationSettings) -> float:
        """The limit, in the unit of the figure."""
        return float(getattr(settings, self.limit))


RULES: tuple[Rule, ...] = (
    Rule(Axis.MODEL, State.SLOW, Figure.TTFA_P95_MS, "ttfa_slow_ms"),
    Rule(Axis.MODEL, State.FAST, Figure.TTFA_P95_MS, "ttfa_fast_ms"),
    Rule(Axis.MODEL, State.EMERGENCY, Figure.FAILED_SHARE, "failed_share"),
    Rule(Axis.MODEL, State.EMERGENCY, Figure.FAILED_IN_A_ROW, "failed_in_a_row"),
    Rule(Axis.SYNTHESIS, State.SLOW, Figure.FIRST_TTS_P95_MS, "first_tts_slow_ms"),
    Rule(Axis.SYNTHESIS, State.DEGRADED, Figure.FIRST_TTS_P95_MS, "first_tts_degraded_ms"),
    Rule(Axis.SYNTHESIS, State.EMERGENCY, Figure.FAILED_SHARE, "failed_share"),
    Rule(Axis.SYNTHESIS, State.EMERGENCY, Figure.FAILED_IN_A_ROW, "failed_in_a_row"),
)


def rules_of(axis: Axis) -> tuple[Rule, ...]:
    """The rules of one axis, in the order of its latches."""
    return tuple(rule for rule in RULES if rule.axis is axis)


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure and the number of turns behind it."""

    value: float
    n: int


Figures = Mapping[Figure, Reading]
"""What was measured of one axis; what has no turn behind it is absent."""


def enough(figure: Figure, figures: Figures, settings: DegradationSettings) -> bool:
    """Whether a figure says anything. A row of failures is its own number of samples; all others need `min_turns`."""
    reading = figures.get(figure)
    needed = 1 if figure is Figure.FAILED_IN_A_ROW else settings.min_turns
    return reading is not None and reading.n >= needed


@dataclass(frozen=True, slots=True)
class Latch:
    """One rule's memory. `held_s` is how long what would move it has held, None while it does not hold."""

    closed: bool = False
    held_s: float | None = None
    opened_at: float | None = None
    """When it last opened, on the clock of `now`; None if it never did."""
    relapses: int = 0
    """How often in a row it closed again soon after it had opened."""

    def needed_s(self, settings: DegradationSettings) -> float:
        """How long what would move it must hold."""
        if not self.closed:
            return settings.enter_s
        return float(min(settings.leave_s * 2.0 ** min(self.relapses, 32), settings.longest_leave_s))


@dataclass(frozen=True, slots=True)
class AxisState:
    """An axis with its memory. `judged_at` is on the clock of `now`, in seconds; None before the first judgement."""

    axis: Axis
    latches: tuple[Latch, ...]
    known: bool = False
    judged_at: float | None = None

    @property
    def state(self) -> State:
        """The worst closed latch's state; without one `ok`, or `unknown` as long as not all figures were judged."""
        closed = [rule.state for rule, latch in zip(rules_of(self.axis), self.latches, strict=True) if latch.closed]
        fallback = State.OK if self.known else State.UNKNOWN
        return max(closed, key=RANK.__getitem__, default=fallback)


def begin(axis: Axis) -> AxisState:
    """An axis of which nothing is known yet."""
    return AxisState(axis, tuple(Latch() for _ in rules_of(axis)))


class Word(StrEnum):
    """What a judgement did: the same word in logs, in the API and in documents."""

    ENTERED = "entered"
    """The state became worse."""
    LEFT = "left"
    """The state became better."""
    ENTERING = "entering"
    """A figure is over a limit, but not for long enough yet."""
    LEAVING = "leaving"
    """The figure is well under the limit, but not for long enough yet."""
    INSUFFICIENT_DATA = "insufficient_data"
    """A figure has too few turns behind it, so its rules stay as they are."""
    STEADY = "steady"
    """Nothing is about to change."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a judgement ended as it did. `rule` is the one that decided, None where no single one did."""

    word: Word
    rule: Rule | None = None


def step(state: AxisState, figures: Figures, now: float, settings: DegradationSettings) -> tuple[AxisState, Reason]:
    """Judge an axis once. `now` is in seconds on a clock that never goes back."""
    elapsed_s = 0.0 if state.judged_at is None else max(0.0, now - state.judged_at)
    rules = rules_of(state.axis)
    latches = tuple(
        _moved(latch, figures[rule.figure].value, rule.limit_in(settings), now, elapsed_s, settings)
        if enough(rule.figure, figures, settings)
        else latch
        for rule, latch in zip(rules, state.latches, strict=True)
    )
    lacking = next((rule for rule in rules if not enough(rule.figure, figures, settings)), None)
    pending = any(not latch.closed and latch.held_s is not None for latch in latches)
    known = state.known or (lacking is None and not pending)
    following = replace(state, latches=latches, known=known, judged_at=now)
    return following, _reason(state, following, lacking)


def _moved(
    latch: Latch, value: float, limit: float, now: float, elapsed_s: float, settings: DegradationSettings
) -> Latch:
    """A latch after one look at its figure."""
    wanted = value < limit * settings.leave_ratio if latch.closed else value > limit
    if not wanted:
        return replace(latch, held_s=None)
    held_s = 0.0 if latch.held_s is None else latch.held_s + elapsed_s
    if held_s < latch.needed_s(settings):
        return replace(latch, held_s=held_s)
    if latch.closed:
        return replace(latch, closed=False, held_s=None, opened_at=now)
    soon = latch.opened_at is not None and now - latch.opened_at <= settings.longest_leave_s
    return replace(latch, closed=True, held_s=None, relapses=latch.relapses + 1 if soon else 0)


def _reason(before: AxisState, after: AxisState, lacking: Rule | None) -> Reason:
    """What happened between two judgements: a change first, then what is under way, then what is missing."""
    lines = sorted(
        zip(rules_of(after.axis), before.latches, after.latches, strict=True),
        key=lambda line: RANK[line[0].state],
        reverse=True,
    )
    if after.state is not before.state:
        worse = RANK[after.state] > RANK[before.state]
        moved = [rule for rule, old, new in lines if old.closed is not new.closed and new.closed is worse]
        return Reason(Word.ENTERED if worse else Word.LEFT, moved[0] if moved else None)
    for word, closed in ((Word.ENTERING, False), (Word.LEAVING, True)):
        held = [rule for rule, _, new in lines if new.closed is closed and new.held_s is not None]
        if held:
            return Reason(word, held[0])
    return Reason(Word.INSUFFICIENT_DATA, lacking) if lacking else Reason(Word.STEADY)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a state does: what a page shows, and what a turn that begins now gets."""

    badge: str = ""
    default_profile: str | None = None
    """Profile of turns that name none."""
    forced_profile: str | None = None
    """Profile of all turns, whatever they name."""
    rotate_synthesizers: bool = False
    """The first synthesizer is asked last."""


EFFECTS: Mapping[tuple[Axis, State], Effect] = {
    (Axis.MODEL, State.SLOW): Effect("AI SLOW", default_profile="fast"),
    (Axis.MODEL, State.FAST): Effect("FAST MODE", default_profile="fast", forced_profile="fast"),
    (Axis.MODEL, State.EMERGENCY): Effect("EMERGENCY", default_profile="fast", forced_profile="fast"),
    (Axis.SYNTHESIS, State.SLOW): Effect("TTS SLOW"),
    (Axis.SYNTHESIS, State.DEGRADED): Effect("TTS DEGRADED", rotate_synthesizers=True),
    (Axis.SYNTHESIS, State.EMERGENCY): Effect("EMERGENCY", rotate_synthesizers=True),
}
"""What each state does; a state that is not here does nothing."""

NO_EFFECT = Effect()


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is done about the state of both axes; a turn reads it once, when it begins."""

    default_profile: str | None = None
    """Profile of turns that name none; None leaves them the configured one."""
    forced_profile: str | None = None
    """Profile of all turns, whatever they name; None leaves them theirs."""
    rotate_synthesizers: bool = False
    """The first synthesizer is asked last."""

    def order(self, synthesizers: tuple[str, ...]) -> tuple[str, ...]:
        """Synthesizers in the order in which they are asked now."""
        return synthesizers[1:] + synthesizers[:1] if self.rotate_synthesizers else synthesizers


def remedy(model: State, synthesis: State) -> Remedy:
    """What is done in these states."""
    of_model = EFFECTS.get((Axis.MODEL, model), NO_EFFECT)
    of_synthesis = EFFECTS.get((Axis.SYNTHESIS, synthesis), NO_EFFECT)
    return Remedy(of_model.default_profile, of_model.forced_profile, of_synthesis.rotate_synthesizers)
