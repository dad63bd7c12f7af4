"""The sentences of degradation: why an axis is as it is, and what has to happen for it to change. Pure."""

from dataclasses import replace

from segue.vendors.degradation import DegradationSettings
from segue.voice.degradation import (
    AxisState,
    Figure,
    Figures,
    Latch,
    Reading,
    Reason,
    Rule,
    State,
    Word,
    enough,
    rules_of,
)

NAMES = {
    Figure.TTFA_P95_MS: "TTFA p95",
    Figure.FIRST_TTS_P95_MS: "first-TTS p95",
    Figure.FAILED_SHARE: "the share of failed turns",
    Figure.FAILED_IN_A_ROW: "the number of turns failing in a row",
}


def number(value: float) -> str:
    """A figure as it is written: thousands parted, one decimal where it is not whole."""
    return f"{value:,.1f}".removesuffix(".0")


def amount(figure: Figure, value: float) -> str:
    """A value with its unit."""
    if figure is Figure.FAILED_SHARE:
        return f"{number(value * 100)} %"
    return number(value) + (" ms" if figure in (Figure.TTFA_P95_MS, Figure.FIRST_TTS_P95_MS) else "")


def measured(figure: Figure, reading: Reading | None) -> str:
    """A figure with the turns behind it."""
    if reading is None:
        return f"{NAMES[figure]}: no turns"
    if figure is Figure.FAILED_IN_A_ROW:
        return f"{number(reading.value)} turns failed in a row"
    if figure is Figure.FAILED_SHARE:
        return f"{round(reading.value * reading.n)} of {reading.n} turns failed ({amount(figure, reading.value)})"
    return f"{NAMES[figure]} {amount(figure, reading.value)} over {reading.n} turns"


def why(state: AxisState, reason: Reason, figures: Figures, settings: DegradationSettings) -> str:
    """Why a judgement ended as it did, with its numbers. `state` is the axis after it."""
    rule, reading = reason.rule, figures.get(reason.rule.figure) if reason.rule else None
    if rule is None:
        if reason.word is Word.LEFT:
            return "Enough turns to judge by, and no figure is over its limit."
        return "Nothing is about to change."
    if reason.word is Word.INSUFFICIENT_DATA:
        needed = 1 if rule.figure is Figure.FAILED_IN_A_ROW else settings.min_turns
        return (
            f"{reading.n if reading else 0} of the {needed} turns that {NAMES[rule.figure]} needs: {state.state} stays."
        )
    now, limit = measured(rule.figure, reading), amount(rule.figure, rule.limit_in(settings))
    leave_at = _leave_at(rule, settings)
    latch = state.latches[rules_of(state.axis).index(rule)]
    left_after_s = number(replace(latch, closed=True).needed_s(settings))
    texts = {
        Word.ENTERED: f"over {limit} for {number(settings.enter_s)} s",
        Word.LEFT: f"under {leave_at} for {left_after_s} s",
        Word.ENTERING: f"over {limit}, but not for long enough yet",
        Word.LEAVING: f"under {leave_at}, but not for long enough yet",
    }
    return f"{now}: {texts[reason.word]}."


def following(state: AxisState, figures: Figures, settings: DegradationSettings) -> str:
    """What has to happen next for the state to change: out of a bad one, into one that is near, or first of all."""
    lines = tuple(zip(rules_of(state.axis), state.latches, strict=True))
    near = [(rule, latch) for rule, latch in lines if not latch.closed and latch.held_s is not None]
    out = [(rule, latch) for rule, latch in lines if latch.closed and rule.state is state.state]
    if near:
        return _sentence(*near[-1], settings)
    if out:
        return " And ".join(_sentence(rule, latch, settings) for rule, latch in out)
    lacking = [rule for rule, _ in lines if not enough(rule.figure, figures, settings)]
    if state.state is State.UNKNOWN and lacking:
        most = max(reading.n for reading in figures.values()) if figures else 0
        return f"Judged when {settings.min_turns} turns are in; at most {most} so far."
    return _sentence(*lines[0], settings)


def _sentence(rule: Rule, latch: Latch, settings: DegradationSettings) -> str:
    name, needed_s = NAMES[rule.figure], number(latch.needed_s(settings))
    held = f"; held {number(round(latch.held_s))} s so far" if latch.held_s is not None else ""
    if latch.closed:
        return f"{rule.state} is left when {name} stays under {_leave_at(rule, settings)} for {needed_s} s{held}."
    limit = amount(rule.figure, rule.limit_in(settings))
    return f"{rule.state} when {name} stays over {limit} for {needed_s} s{held}."


def _leave_at(rule: Rule, settings: DegradationSettings) -> str:
    return amount(rule.figure, rule.limit_in(settings) * settings.leave_ratio)
