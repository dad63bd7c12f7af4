"""Degradation: the table, its hysteresis, and what must hold whatever the figures do."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from segue.measures import BY_NAME
from segue.vendors.degradation import DegradationSettings
from segue.voice.degradation import (
    EFFECTS,
    RANK,
    RULES,
    Axis,
    AxisState,
    Figure,
    Figures,
    Reading,
    Remedy,
    State,
    Word,
    begin,
    remedy,
    rules_of,
    step,
)
from segue.voice.degradation_texts import following, why

SETTINGS = DegradationSettings()
N = SETTINGS.min_turns
FINE: Figures = {
    Figure.TTFA_P95_MS: Reading(1000.0, N),
    Figure.FIRST_TTS_P95_MS: Reading(500.0, N),
    Figure.FAILED_SHARE: Reading(0.0, N),
    Figure.FAILED_IN_A_ROW: Reading(0.0, N),
}


def with_figure(figure: Figure, value: float, n: int = N) -> Figures:
    """Figures of which one is not fine."""
    return {**FINE, figure: Reading(value, n)}


def run(
    state: AxisState, looks: Iterable[tuple[float, Figures]], settings: DegradationSettings = SETTINGS
) -> list[tuple[float, State, Word]]:
    """Judge at each moment; every judgement with its moment."""
    told = []
    for now, figures in looks:
        state, reason = step(state, figures, now, settings)
        told.append((now, state.state, reason.word))
    return told


def after(
    state: AxisState, seconds: float, figures: Figures, settings: DegradationSettings = SETTINGS, every_s: float = 10.0
) -> AxisState:
    """The axis after figures that stayed so for a time, judged now and then and at the end."""
    begun = state.judged_at or 0.0
    moment = every_s
    while moment < seconds:
        state, _ = step(state, figures, begun + moment, settings)
        moment += every_s
    return step(state, figures, begun + seconds, settings)[0]


def known(axis: Axis = Axis.MODEL) -> AxisState:
    """An axis that is well."""
    return step(begin(axis), FINE, 0.0, SETTINGS)[0]


# --- the table ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "figure", "value", "state"),
    [
        (Axis.MODEL, Figure.TTFA_P95_MS, 5000.0, State.OK),
        (Axis.MODEL, Figure.TTFA_P95_MS, 5001.0, State.SLOW),
        (Axis.MODEL, Figure.TTFA_P95_MS, 8000.0, State.SLOW),
        (Axis.MODEL, Figure.TTFA_P95_MS, 8001.0, State.FAST),
        (Axis.MODEL, Figure.FAILED_SHARE, 0.1, State.OK),
        (Axis.MODEL, Figure.FAILED_SHARE, 0.11, State.EMERGENCY),
        (Axis.MODEL, Figure.FAILED_IN_A_ROW, 5.0, State.OK),
        (Axis.MODEL, Figure.FAILED_IN_A_ROW, 6.0, State.EMERGENCY),
        (Axis.SYNTHESIS, Figure.FIRST_TTS_P95_MS, 2000.0, State.OK),
        (Axis.SYNTHESIS, Figure.FIRST_TTS_P95_MS, 2001.0, State.SLOW),
        (Axis.SYNTHESIS, Figure.FIRST_TTS_P95_MS, 4000.0, State.SLOW),
        (Axis.SYNTHESIS, Figure.FIRST_TTS_P95_MS, 4001.0, State.DEGRADED),
        (Axis.SYNTHESIS, Figure.FAILED_SHARE, 0.11, State.EMERGENCY),
        (Axis.SYNTHESIS, Figure.FAILED_IN_A_ROW, 6.0, State.EMERGENCY),
        (Axis.MODEL, Figure.FIRST_TTS_P95_MS, 99_999.0, State.OK),
        (Axis.SYNTHESIS, Figure.TTFA_P95_MS, 99_999.0, State.OK),
    ],
)
def test_a_state_is_entered_over_its_limit_and_not_at_it(
    axis: Axis, figure: Figure, value: float, state: State
) -> None:
    """Exactly at a limit nothing changes; just over it, held long enough, the state is entered."""
    assert after(known(axis), SETTINGS.enter_s * 2, with_figure(figure, value)).state is state


def test_a_limit_must_be_broken_for_a_while() -> None:
    """Over the limit for a moment is no reason; the clock starts anew each time the figure comes back under it."""
    slow = with_figure(Figure.TTFA_P95_MS, 6000.0)
    told = run(known(), [(0.0, slow), (29.0, slow), (30.0, FINE), (31.0, slow), (60.9, slow), (61.0, slow)])

    assert [state for _, state, _ in told] == [State.OK] * 5 + [State.SLOW]
    assert [word for _, _, word in told] == [
        Word.ENTERING,
        Word.ENTERING,
        Word.STEADY,
        Word.ENTERING,
        Word.ENTERING,
        Word.ENTERED,
    ]


def test_a_state_is_left_at_80_percent_held_for_five_minutes() -> None:
    """Between 80 % of the limit and the limit a state stays; under it, it is left after the hold and not before."""
    slow = after(known(), 60.0, with_figure(Figure.TTFA_P95_MS, 6000.0))
    begun = slow.judged_at or 0.0

    assert after(slow, 3600.0, with_figure(Figure.TTFA_P95_MS, 4000.0)).state is State.SLOW
    well = with_figure(Figure.TTFA_P95_MS, 3999.0)
    told = run(slow, [(begun + 1, well), (begun + 300.9, well), (begun + 301, well)])
    assert [(state, word) for _, state, word in told] == [
        (State.SLOW, Word.LEAVING),
        (State.SLOW, Word.LEAVING),
        (State.OK, Word.LEFT),
    ]


def test_the_way_out_leads_over_the_steps_between() -> None:
    """From `fast` with a figure that is only well under the upper limit the axis goes to `slow`, and stays there."""
    fast = after(known(), 60.0, with_figure(Figure.TTFA_P95_MS, 9000.0))
    assert fast.state is State.FAST
    assert after(fast, 600.0, with_figure(Figure.TTFA_P95_MS, 5500.0)).state is State.SLOW


def test_an_emergency_ends_where_it_began() -> None:
    """An emergency in a time of good latencies is left to `ok`, not to a step that never was entered."""
    emergency = after(known(), 60.0, with_figure(Figure.FAILED_SHARE, 0.5))
    assert emergency.state is State.EMERGENCY
    assert after(emergency, 600.0, with_figure(Figure.TTFA_P95_MS, 4500.0)).state is State.OK


def test_nothing_is_known_at_the_beginning() -> None:
    """A fresh axis is `unknown`, and `ok` only once each of its figures was judged with enough turns behind it."""
    fresh = begin(Axis.MODEL)
    assert fresh.state is State.UNKNOWN
    assert after(fresh, 3600.0, {}).state is State.UNKNOWN
    few = {figure: replace(reading, n=N - 1) for figure, reading in FINE.items()}
    assert after(fresh, 3600.0, few).state is State.UNKNOWN
    for figure in (Figure.TTFA_P95_MS, Figure.FAILED_SHARE):
        lacking = {name: reading for name, reading in FINE.items() if name is not figure}
        assert after(fresh, 3600.0, lacking).state is State.UNKNOWN
    assert step(fresh, FINE, 0.0, SETTINGS)[0].state is State.OK


def test_what_begins_badly_is_never_called_ok() -> None:
    """A process that starts into a slow hour goes from `unknown` to `slow` without an `ok` between."""
    told = run(begin(Axis.MODEL), [(now, with_figure(Figure.TTFA_P95_MS, 6000.0)) for now in (0.0, 15.0, 30.0)])
    assert [state for _, state, _ in told] == [State.UNKNOWN, State.UNKNOWN, State.SLOW]


def test_everything_failing_needs_no_thirty_turns() -> None:
    """Six failures in a row are an emergency even on a server that has seen nothing else."""
    figures = {Figure.FAILED_SHARE: Reading(1.0, 6), Figure.FAILED_IN_A_ROW: Reading(6.0, 6)}
    assert after(begin(Axis.SYNTHESIS), 30.0 + 10.0, figures).state is State.EMERGENCY


def test_a_state_that_comes_back_is_held_longer_each_time() -> None:
    """Entered again soon after it was left, a state needs twice the hold, up to the longest; calm makes it forget."""
    bad, good = with_figure(Figure.TTFA_P95_MS, 6000.0), FINE
    state, holds = known(), []
    for _ in range(5):
        state = after(state, 60.0, bad, every_s=1.0)
        begun = state.judged_at or 0.0
        while state.state is State.SLOW:
            state, _ = step(state, good, (state.judged_at or 0.0) + 1.0, SETTINGS)
        holds.append((state.judged_at or 0.0) - begun - 1.0)
    assert holds == [300.0, 600.0, 1200.0, 1800.0, 1800.0]
    state = after(state, SETTINGS.longest_leave_s, good)
    state = after(state, 60.0, bad, every_s=1.0)
    assert after(state, 302.0, good, every_s=1.0).state is State.OK


def test_each_state_has_a_rule_and_each_rule_a_limit() -> None:
    """Every state with an effect is reached by a rule of its axis, every limit is a setting, and the steps rise."""
    assert {(rule.axis, rule.state) for rule in RULES} == set(EFFECTS)
    for rule in RULES:
        assert rule.limit_in(SETTINGS) > 0
    for axis in Axis:
        ranks = [RANK[rule.state] for rule in rules_of(axis)]
        assert ranks == sorted(ranks)


def test_limits_are_edges_of_the_histograms() -> None:
    """What is judged here can be counted exactly from the exported histograms."""
    ttfa, first_tts = BY_NAME["ttfa"].buckets, BY_NAME["first_tts"].buckets
    assert {SETTINGS.ttfa_slow_ms, SETTINGS.ttfa_fast_ms} <= set(ttfa)
    assert {SETTINGS.first_tts_slow_ms, SETTINGS.first_tts_degraded_ms} <= set(first_tts)


@pytest.mark.parametrize(
    "values",
    [
        {"ttfa_slow_ms": 8000.0},
        {"first_tts_slow_ms": 4000.0},
        {"keep_turns": 29},
        {"longest_leave_s": 299.0},
        {"leave_ratio": 1.0},
        {"failed_share": 0.0},
    ],
)
def test_settings_that_contradict_one_another_are_refused(values: dict[str, float]) -> None:
    """A ladder whose steps do not rise, or a hold that could never be met, is not taken."""
    with pytest.raises(ValidationError):
        DegradationSettings(**values)  # type: ignore[arg-type]


# --- properties --------------------------------------------------------------------------------------------------

readings = st.builds(
    lambda ttfa, tts, share, row, n: {
        Figure.TTFA_P95_MS: Reading(ttfa, n),
        Figure.FIRST_TTS_P95_MS: Reading(tts, n),
        Figure.FAILED_SHARE: Reading(share, n),
        Figure.FAILED_IN_A_ROW: Reading(float(row), n),
    },
    st.sampled_from([100.0, 3999.0, 4000.0, 4500.0, 5000.0, 5001.0, 6399.0, 8000.0, 8001.0, 20_000.0]),
    st.sampled_from([100.0, 1599.0, 1600.0, 2000.0, 2001.0, 3199.0, 4000.0, 4001.0, 9000.0]),
    st.sampled_from([0.0, 0.0799, 0.08, 0.1, 0.1001, 0.5, 1.0]),
    st.integers(0, 8),
    st.sampled_from([0, 1, N - 1, N, N, N, 500]),
)
looks = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 10.0, 29.0, 60.0, 299.0, 400.0]), readings), max_size=40)


def walked(axis: Axis, history: Sequence[tuple[float, Figures]], settings: DegradationSettings = SETTINGS) -> AxisState:
    """An axis after a history of (seconds since the last look, figures)."""
    state, now = begin(axis), 0.0
    for pause, figures in history:
        now += pause
        state, _ = step(state, figures, now, settings)
    return state


@given(st.sampled_from(Axis), looks)
def test_no_flapping(axis: Axis, history: list[tuple[float, Figures]]) -> None:
    """Whatever the figures do, a latch opens only a hold after it closed, and closes only 30 s after it opened."""
    state, now = begin(axis), 0.0
    changed = [0.0] * len(state.latches)
    for pause, figures in history:
        now += pause
        before, (state, _) = state, step(state, figures, now, SETTINGS)
        for at, (old, new) in enumerate(zip(before.latches, state.latches, strict=True)):
            if old.closed is not new.closed:
                assert now - changed[at] >= (SETTINGS.leave_s if old.closed else SETTINGS.enter_s)
                changed[at] = now


@given(
    st.sampled_from(Axis), looks, st.floats(0, 10_000), st.sampled_from([{}, {Figure.TTFA_P95_MS: Reading(9e9, 29)}])
)
def test_no_figures_no_change(axis: Axis, history: list[tuple[float, Figures]], pause: float, none: Figures) -> None:
    """Without figures, or with too few turns behind them, nothing moves, however long it lasts."""
    state = walked(axis, history)
    following_state, reason = step(state, none, (state.judged_at or 0.0) + pause, SETTINGS)
    assert (following_state.state, following_state.latches) == (state.state, state.latches)
    assert reason.word in {Word.INSUFFICIENT_DATA, Word.ENTERING, Word.LEAVING}


@given(st.sampled_from(Axis), looks, st.sampled_from([1.0, 30.0, 301.0]), readings, readings)
def test_worse_figures_never_give_a_better_state(
    axis: Axis, history: list[tuple[float, Figures]], pause: float, one: Figures, other: Figures
) -> None:
    """Of two judgements that differ only in figures, the one whose figures are all worse gives no better state."""
    n = one[Figure.TTFA_P95_MS].n
    better = {figure: Reading(min(one[figure].value, other[figure].value), n) for figure in Figure}
    worse = {figure: Reading(max(one[figure].value, other[figure].value), n) for figure in Figure}
    state = walked(axis, history)
    now = (state.judged_at or 0.0) + pause
    ranks = [RANK[step(state, figures, now, SETTINGS)[0].state] for figures in (better, worse)]
    assert ranks[0] <= ranks[1]


@given(st.sampled_from(Axis), looks, st.lists(readings, min_size=40, max_size=40))
def test_a_worse_history_never_ends_better(
    axis: Axis, history: list[tuple[float, Figures]], others: list[Figures]
) -> None:
    """The same holds for whole histories, as long as relapses do not lengthen the hold."""
    settings = DegradationSettings(longest_leave_s=SETTINGS.leave_s)
    better, worse = [], []
    for (pause, one), other in zip(history, others, strict=False):
        n = one[Figure.TTFA_P95_MS].n
        better.append((pause, {name: Reading(min(one[name].value, other[name].value), n) for name in Figure}))
        worse.append((pause, {name: Reading(max(one[name].value, other[name].value), n) for name in Figure}))
    assert RANK[walked(axis, better, settings).state] <= RANK[walked(axis, worse, settings).state]


@given(st.sampled_from(Axis), looks)
def test_every_judgement_can_be_explained(axis: Axis, history: list[tuple[float, Figures]]) -> None:
    """Whatever happened, there is a sentence for why, and one for what comes next."""
    state, now = begin(axis), 0.0
    for pause, figures in history:
        now += pause
        state, reason = step(state, figures, now, SETTINGS)
        for sentence in (why(state, reason, figures, SETTINGS), following(state, figures, SETTINGS)):
            assert sentence[0].isupper() or sentence[0].isdigit() or sentence.split()[0] in {*State, "first-TTS", "the"}
            assert sentence.endswith(".")


def test_the_remedy_is_the_sum_of_both_axes() -> None:
    """Each state does what the table of effects says, and an axis that is well or unknown does nothing."""
    assert remedy(State.OK, State.UNKNOWN) == Remedy()
    assert remedy(State.UNKNOWN, State.SLOW) == Remedy()
    assert remedy(State.SLOW, State.OK) == Remedy(default_profile="fast")
    assert remedy(State.FAST, State.DEGRADED) == Remedy("fast", "fast", rotate_synthesizers=True)
    assert remedy(State.EMERGENCY, State.EMERGENCY) == Remedy("fast", "fast", rotate_synthesizers=True)
