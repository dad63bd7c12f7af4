"""Where the time of replies goes: stages of a turn, by who spoke, in what, and when. Pure.

Turns that failed without a sound are the slowest there can be: they count with no end of time, so that a figure does
not become better by giving up. Turns whose listener left before the first sound were not slow for certain; quantiles
are told without them, and beside it how bad they may be at worst. What came before a listener cut a reply short counts
like that of any other turn.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

from segue.operations.report import Check, Figure, Level
from segue.operations.watching.bounds import least, quantile, share
from segue.records import AttemptOutcome, Mark, Outcome, TurnRecord
from segue.vendors.degradation import DegradationSettings
from segue.voice.profiles import Objective

STAGES = ("first_token", "first_sentence", "first_tts", "send", "ttfa", "total")
"""Stages of a turn; the first four follow one another and make up `ttfa`."""
PARTS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
BOTH = 0.975
"""Confidence of each bound, so that both together have 95 %."""
LEAST = DegradationSettings().min_turns
PROOF = least(0.95)
SLOWEST = 10
POINTS = 400
"""At most so many points of a curve."""
_MARKS = {
    "first_token": (Mark.REQUEST, Mark.FIRST_TOKEN),
    "first_sentence": (Mark.FIRST_TOKEN, Mark.FIRST_SENTENCE),
    "first_tts": (Mark.FIRST_SENTENCE, Mark.FIRST_AUDIBLE),
    "send": (Mark.FIRST_AUDIBLE, Mark.FIRST_SENT),
    "ttfa": (Mark.REQUEST, Mark.FIRST_SENT),
    "total": (Mark.REQUEST, Mark.DONE),
}
_CUT = (Outcome.CANCELLED, Outcome.ABANDONED)
_STAGE_OF = {
    Objective.TTFA_P95_MS: "ttfa",
    Objective.TOTAL_P95_MS: "total",
    Objective.FIRST_TTS_P95_MS: "first_tts",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a turn tells of its time. Milliseconds; a stage that never came is absent."""

    turn: str
    kind: str
    at: float
    groups: Mapping[str, str]
    profile: str
    outcome: Outcome
    stages: Mapping[str, float]
    sounded: bool
    underflow: bool
    attempts: int
    failed_attempts: int


def taken(record: TurnRecord) -> Taken | None:
    """What a record tells of its time; None of a turn that nobody waited for, which only tried the server."""
    if record.kind not in ("chat", "speech"):
        return None
    marks = {Mark.REQUEST.value: 0.0, **record.marks}
    stages = {
        stage: marks[last] - marks[first]
        for stage, (first, last) in _MARKS.items()
        if first in marks and last in marks and (stage != "total" or record.outcome is Outcome.COMPLETED)
    }
    tried = [each for each in record.attempts if each.outcome in (AttemptOutcome.COMPLETED, AttemptOutcome.FAILED)]
    spoke = (
        each.provider for each in record.attempts if each.outcome in (AttemptOutcome.COMPLETED, AttemptOutcome.CACHED)
    )
    groups = {
        "variant": record.variant,
        "language": record.language,
        "profile": record.profile,
        "provider": next(spoke, record.first_choice),
        "model": record.model,
        "hour": datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%d %H:00Z"),
    }
    return Taken(
        record.turn,
        record.kind,
        record.at,
        groups,
        record.profile,
        record.outcome,
        stages,
        Mark.FIRST_SENT.value in marks,
        record.underflow.events > 0,
        len(tried),
        sum(each.outcome is AttemptOutcome.FAILED for each in tried),
    )


def audit(turns: Sequence[Taken], objectives: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Everything about these turns as plain values: times in ms, moments in Unix seconds, shares as parts of one."""
    groups = {
        by: [
            {"value": value, **row(those)}
            for value, those in sorted(_grouped(turns, lambda turn, by=by: turn.groups[by]).items())  # type: ignore[misc]
        ]
        for by in ("variant", "language", "profile", "provider", "model", "hour")
    }
    return {
        "since": min((turn.at for turn in turns), default=None),
        "until": max((turn.at for turn in turns), default=None),
        "all": row(turns),
        "groups": groups,
        "objectives": {profile: dict(limits) for profile, limits in objectives.items()},
        "curves": {
            variant: curve([each.stages.get("ttfa") for each in those if _counts(each, "ttfa")])
            for variant, those in sorted(_grouped(turns, lambda turn: turn.groups["variant"]).items())
        },
        "slowest": [slow(turn) for turn in sorted(turns, key=_slowness, reverse=True)[:SLOWEST] if turn.sounded],
        "silent": [turn.turn for turn in sorted(turns, key=_newest) if _silent(turn)][:SLOWEST],
    }


def row(turns: Sequence[Taken]) -> dict[str, Any]:
    """The figures of some turns: how they ended, and each stage with its quantiles and their bounds."""
    ends = Counter(turn.outcome for turn in turns)
    cut = [turn for turn in turns if turn.outcome in _CUT]
    return {
        "turns": len(turns),
        "ends": {outcome.value: ends[outcome] for outcome in Outcome},
        "cut_short": _part(len(cut), len(turns)),
        "left_before_sound": sum(not turn.sounded for turn in cut),
        "silent": sum(map(_silent, turns)),
        "stages": {stage: _stage(turns, stage) for stage in STAGES},
    }


def checks(turns: Sequence[Taken], objectives: Mapping[str, Mapping[str, float]]) -> tuple[Check, ...]:
    """Each promise of each profile beside what its chat turns took; a text that is read out was promised nothing."""
    if not turns:
        hint = "Name an earlier moment with --since, or another data folder."
        return (Check("turns", Level.NO_DATA, "No turn was recorded in that time.", {"n": 0}, hint),)
    judged = [turn for turn in turns if turn.kind == "chat" and (turn.outcome not in _CUT or turn.sounded)]
    profiles = _grouped(judged, lambda turn: turn.profile)
    return tuple(
        _objective(profile, Objective(name), limit, profiles.get(profile, ()))
        for profile, limits in sorted(objectives.items())
        for name, limit in limits.items()
    )


def slow(turn: Taken) -> dict[str, Any]:
    """A turn by itself."""
    return {
        "turn": turn.turn,
        "at": turn.at,
        "outcome": turn.outcome.value,
        **{name: turn.groups[name] for name in ("variant", "profile", "language", "provider")},
        "stages": {stage: round(ms, 1) for stage, ms in turn.stages.items()},
    }


def curve(values: Iterable[float | None]) -> list[tuple[float, float]]:
    """The share of turns that took at most so many ms, as points of steps; None counts as never."""
    known = list(values)
    ordered = sorted(value for value in known if value is not None)
    every = max(1, len(ordered) // POINTS)
    kept = [at for at in range(len(ordered)) if at % every == 0 or at >= len(ordered) - 20]
    return [(round(ordered[at], 1), round((at + 1) / len(known), 5)) for at in kept]


def _stage(turns: Iterable[Taken], stage: str) -> dict[str, Any]:
    """Quantiles of a stage with bounds that hold together with 95 %; None is beyond any time."""
    those = list(turns)
    came = sorted(turn.stages.get(stage, inf) for turn in those if _counts(turn, stage))
    left = sum(turn.outcome in _CUT and not turn.sounded for turn in those) if stage == "ttfa" else 0
    plain: dict[str, Any] = {"n": len(came), "never": sum(value == inf for value in came)}
    for word, part in PARTS.items():
        found = quantile(came, part, BOTH) if came else None
        plain[f"{word}_ms"] = None if found is None else _ms(found.value)
        plain[f"{word}_between_ms"] = None if found is None else [_ms(found.low), _ms(found.high)]
    if stage == "ttfa" and came:
        plain["p95_at_worst_ms"] = _ms(quantile([*came, *[inf] * left], 0.95).value)
    return plain


def _counts(turn: Taken, stage: str) -> bool:
    """Whether a turn says how long a stage takes: it came to it, or failed where nobody will ever hear it."""
    if stage in turn.stages:
        return True
    return stage in ("ttfa", "first_tts") and _silent(turn)


def _silent(turn: Taken) -> bool:
    return turn.outcome is Outcome.FAILED and not turn.sounded


def _newest(turn: Taken) -> float:
    return -turn.at


def _objective(profile: str, objective: Objective, limit: float, turns: Sequence[Taken]) -> Check:
    name = f"objective.{profile}.{objective.value}"
    if objective in (Objective.UNDERFLOW_SHARE, Objective.TTS_ERROR_SHARE):
        return _share_kept(name, objective, limit, turns)
    stage = _STAGE_OF[objective]
    values = sorted(turn.stages.get(stage, inf) for turn in turns if _counts(turn, stage))
    figures: dict[str, Figure] = {"n": len(values), "limit_ms": limit}
    if not values:
        return Check(name, Level.NOT_MEASURED, f"No turn of the {profile} profile tells its {stage}.", figures)
    found = quantile(values, 0.95)
    figures |= {"p95_ms": _ms(found.value), "low_ms": _ms(found.low), "high_ms": _ms(found.high)}
    told = (
        f"The 95th percentile of {stage} is {_said(found.value)} over {len(values)} turns, {_said(limit)} is promised"
    )
    if found.low is not None and found.low > limit:
        hint = f"See which stage it is: the audit's table by provider and model; profiles.{profile} holds the promise."
        return Check(name, Level.FAIL, f"{told}: it is missed, at least {_said(found.low)} is sure.", figures, hint)
    if len(values) < LEAST:
        return Check(name, Level.NO_DATA, f"{told}: {LEAST} turns are needed.", figures, "Take more time: --since.")
    if found.value > limit:
        return Check(
            name, Level.WARN, f"{told}: it seems to be missed, which is not proved.", figures, "Look again soon."
        )
    sure = found.high is not None and found.high <= limit
    return Check(
        name, Level.PASS, f"{told}: {'proved' if sure else f'kept, not proved (from {PROOF} turns on)'}.", figures
    )


def _share_kept(name: str, objective: Objective, limit: float, turns: Sequence[Taken]) -> Check:
    if objective is Objective.UNDERFLOW_SHARE:
        heard = [turn for turn in turns if turn.sounded]
        bad, n, what = sum(turn.underflow for turn in heard), len(heard), "turns ran dry"
    else:
        bad, n = sum(turn.failed_attempts for turn in turns), sum(turn.attempts for turn in turns)
        what = "attempts at a sentence failed"
    figures: dict[str, Figure] = {"n": n, "bad": bad, "limit": limit}
    if not n:
        return Check(name, Level.NOT_MEASURED, f"Nothing was counted of which one could say how many {what}.", figures)
    found = share(bad, n)
    figures |= {"share": round(found.value, 5), "low": found.low, "high": found.high}
    told = f"{bad} of {n} {what} ({found.value:.2%}), {limit:.2%} is promised"
    if found.low is not None and found.low > limit:
        return Check(name, Level.FAIL, f"{told}: it is missed, at least {found.low:.2%} is sure.", figures)
    if n < LEAST:
        return Check(name, Level.NO_DATA, f"{told}: {LEAST} are needed.", figures)
    level = Level.WARN if found.value > limit else Level.PASS
    return Check(
        name, level, f"{told}: {'seems to be missed, not proved' if level is Level.WARN else 'kept'}.", figures
    )


def _grouped(turns: Iterable[Taken], by: Callable[[Taken], str]) -> dict[str, list[Taken]]:
    found: dict[str, list[Taken]] = {}
    for turn in turns:
        found.setdefault(by(turn), []).append(turn)
    return found


def _slowness(turn: Taken) -> float:
    return turn.stages.get("ttfa", -1.0)


def _said(ms: float) -> str:
    return "no end of time" if ms == inf else f"{ms:,.0f} ms"


def _ms(ms: float | None) -> float | None:
    return None if ms is None or ms == inf else round(ms, 1)


def _part(some: int, all_of_them: int) -> float | None:
    return round(some / all_of_them, 5) if all_of_them else None
