"""What is proposed for the promotion of language models: by what was measured, within what was promised. Pure.

    canary passed, not long ago ─┐
    turns of each model, enough ─┼─▶ threshold (a step of at most 20 %, never over the promise) ─▶ who qualifies
    what the profile promises ───┘

A model qualifies where the upper bound of the 95th percentile of its TTFA, which assumes nothing of how turns are
distributed, is at most the threshold. The promise is written by people and never moves here: however slow the models
become, the threshold ends at it, and a model that breaks it can neither qualify nor stay qualified.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any

from segue.operations.report import Check, Figure, Level
from segue.operations.watching.alarms import slug
from segue.operations.watching.bounds import Bounds, quantile
from segue.records import Mark, Outcome, TurnRecord
from segue.vendors.degradation import ProfileSettings

STEP = 0.20
"""By how much a threshold may change in one update."""
ROOM = 1.2
"""The threshold aims at so many times what the first model is proved to keep."""
LITTLE = 0.05
"""A change of the threshold that is smaller than this is left alone."""
FLOOR = 0.1
"""The threshold never goes under this part of the promise: a fast month would shut every other model out."""
ROUND_MS = 10.0
PART, CONFIDENCE = 0.95, 0.95


@dataclass(frozen=True, slots=True)
class Measured:
    """The 95th percentile of a model's TTFA in ms, with what is known of it; infinite where turns never sounded."""

    model: str
    n: int
    p95: Bounds | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for a profile: the new values, and why."""

    profile: str
    ttfa_p95_ms: float | None
    qualified: tuple[str, ...]
    changed: Mapping[str, Any] = field(default_factory=dict)
    """What differs from what is written now, by key of `auto_promote`."""
    checks: tuple[Check, ...] = ()


def measured(records: Iterable[TurnRecord], profile: str) -> dict[str, Measured]:
    """What the chat turns of a profile say of each model that was asked first, whoever wrote in the end.

    A turn that failed without a sound never ended; one whose listener left before the first sound says nothing.
    """
    times: dict[str, list[float]] = {}
    for record in records:
        if record.kind != "chat" or record.profile != profile:
            continue
        model = record.model_attempts[0].provider if record.model_attempts else record.model
        ms = record.marks.get(Mark.FIRST_SENT.value)
        if ms is not None:
            times.setdefault(model, []).append(ms)
        elif record.outcome is Outcome.FAILED:
            times.setdefault(model, []).append(inf)
    return {
        model: Measured(model, len(values), quantile(sorted(values), PART, CONFIDENCE))
        for model, values in times.items()
    }


def canary(items: Sequence[Mapping[str, Any]], now_s: float, longest_s: float) -> Check:
    """Whether what was put on record last shows a canary that passed, not longer ago than this."""
    found = [item for item in items if str(item.get("command", "")).split(" ")[0] == "canary"]
    hint = "Run `segue canary --mode preflight`, look at what it finds, and come back."
    if not found:
        return Check(
            "inputs.canary", Level.NO_DATA, "No canary is on record: nothing is decided without one.", {}, hint
        )
    last = max(found, key=lambda item: float(item["at"]))
    age_s, outcome = now_s - float(last["at"]), str(last["outcome"])
    figures: dict[str, Figure] = {"age_s": round(age_s, 1), "outcome": outcome, "digest": str(last.get("digest", ""))}
    told = f"The last canary, {age_s / 3600.0:.1f} h ago, came out as {outcome}"
    if age_s > longest_s:
        reason = f"{told}: that is older than {longest_s / 3600.0:g} h."
        return Check("inputs.canary", Level.NO_DATA, reason, figures, hint)
    if outcome != Level.PASS.value:
        level = Level.NO_DATA if outcome in (Level.NO_DATA.value, Level.NOT_MEASURED.value) else Level.FAIL
        return Check("inputs.canary", level, f"{told}: only one that passed qualifies anybody.", figures, hint)
    return Check("inputs.canary", Level.PASS, f"{told}.", figures)


def running(effective: Any, profiles: Mapping[str, Any], models: Sequence[str]) -> Check:
    """Whether a running server was started with these profiles and models, as plain values both."""
    name = "inputs.configuration"
    try:
        theirs = {"profiles": effective["voice"]["profiles"], "models": list(effective["providers"]["models"])}
    except (KeyError, TypeError):
        reason = "The server does not tell its configuration."
        return Check(name, Level.NO_DATA, reason, {}, "Ask with a key that may read settings.")
    ours = {"profiles": dict(profiles), "models": list(models)}
    differ = sorted(set(_leaves(ours)) ^ set(_leaves(theirs)))
    if not differ:
        return Check(name, Level.PASS, "The server was started with the profiles and models of the file.")
    places = ", ".join(dict.fromkeys(place for place, _ in differ))
    hint = "Name the file it was started with, or start it again with this one and measure for a while."
    return Check(name, Level.FAIL, f"The server was not started with this file; it differs in {places}.", {}, hint)


def _leaves(plain: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value with its place; numbers alike whether they are written as whole ones or not."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(plain, list | tuple):
        yield path, " ".join(map(str, plain))
    elif isinstance(plain, int | float) and not isinstance(plain, bool):
        yield path, str(float(plain))
    else:
        yield path, str(plain)


def propose(profile: str, settings: ProfileSettings, models: Sequence[str], found: Mapping[str, Measured]) -> Proposal:
    """What is proposed for a profile.

    Args:
        profile: its name.
        settings: what is written now.
        models: the models of its chain, the first choice first.
        found: what was measured of each.
    """
    least = settings.auto_promote.min_turns
    known = [found[model] for model in models if model in found and found[model].n >= least]
    threshold, moved = _threshold(profile, settings, known)
    limit = threshold if threshold is not None else settings.ttfa_p95_ms
    before = settings.auto_promote.qualified
    checks, after = [moved], []
    for model in models:
        check, qualified = _model(profile, settings, limit, model, found.get(model), was=model in before)
        checks.append(check)
        after += [model] if qualified else []
    changed: dict[str, Any] = {}
    if threshold != settings.auto_promote.ttfa_p95_ms:
        changed["ttfa_p95_ms"] = threshold
    if tuple(after) != before:
        changed["qualified"] = after
    return Proposal(profile, threshold, tuple(after), changed, tuple(checks))


def enough(proposals: Iterable[Proposal]) -> Check | None:
    """No data where not one model of any profile was measured often enough; else nothing."""
    names = [check.name for proposal in proposals for check in proposal.checks if check.level is not Level.NOT_MEASURED]
    if names:
        return None
    hint = "Take more time with --since, or wait for more turns."
    return Check("inputs.turns", Level.NO_DATA, "No model has turns enough in that time: nothing is decided.", {}, hint)


def _threshold(profile: str, settings: ProfileSettings, known: Sequence[Measured]) -> tuple[float | None, Check]:
    """The new threshold: by the first model that is proved to keep the promise, one bounded step from the old one."""
    name, promise, old = f"policy.{profile}.threshold", settings.ttfa_p95_ms, settings.auto_promote.ttfa_p95_ms
    now = promise if old is None else min(old, promise)
    proved = [each for each in known if _high(each) <= promise]
    if not proved:
        reason = f"No model of {profile} is proved to keep {promise:,.0f} ms: the threshold stays at {now:,.0f} ms."
        level = Level.NOT_MEASURED if not known else Level.WARN
        return old, Check(name, level, reason, {"n": len(known)})
    aim = _high(proved[0]) * ROOM
    step = min(max(aim, now * (1.0 - STEP)), now * (1.0 + STEP))
    new = min(promise, max(promise * FLOOR, ceil(step / ROUND_MS) * ROUND_MS))
    figures = {"before_ms": now, "after_ms": new, "aim_ms": round(min(aim, promise), 1), "promise_ms": promise}
    if abs(new - now) < LITTLE * now:
        return old, Check(name, Level.PASS, f"{profile}: the threshold stays at {now:,.0f} ms.", figures)
    reason = (
        f"{profile}: the threshold goes from {now:,.0f} to {new:,.0f} ms; {proved[0].model} keeps"
        f" {_high(proved[0]):,.0f} ms, {promise:,.0f} ms is promised, one step is {STEP:.0%}."
    )
    return new, Check(name, Level.PASS, reason, figures)


def _model(
    profile: str, settings: ProfileSettings, limit: float, model: str, found: Measured | None, *, was: bool
) -> tuple[Check, bool]:
    """Whether a model is qualified from now on; with too few turns it stays what it was."""
    name, least = f"policy.{profile}.{slug(model)}", settings.auto_promote.min_turns
    n = found.n if found is not None else 0
    stays = "it stays qualified" if was else "it stays unqualified"
    if found is None or found.p95 is None or n < least:
        reason = f"{n} turns of {model} in {profile}, {least} are needed: {stays}."
        return Check(name, Level.NOT_MEASURED, reason, {"n": n, "qualified": was}), was
    value, low, high = found.p95.value, found.p95.low, _high(found)
    figures = {"n": n, "p95_ms": _short(value), "low_ms": _short(low), "high_ms": _short(high), "limit_ms": limit}
    told = f"{model} in {profile}: the 95th percentile of {n} turns is {_said(value)}, at most {_said(high)} for sure"
    if value > settings.ttfa_p95_ms:
        word = "it loses its qualification" if was else "it cannot qualify"
        reason = f"{told}; {settings.ttfa_p95_ms:,.0f} ms is promised: {word}."
        hint = "Find out where its time goes: `segue latency-audit`."
        return Check(name, Level.WARN if was else Level.PASS, reason, {**figures, "qualified": False}, hint), False
    if high <= limit:
        reason = f"{told}; the threshold is {limit:,.0f} ms: it {'stays qualified' if was else 'qualifies'}."
        return Check(name, Level.PASS, reason, {**figures, "qualified": True}), True
    if was and (low is None or low <= limit):
        reason = f"{told}; that it misses {limit:,.0f} ms is not proved: {stays}."
        return Check(name, Level.PASS, reason, {**figures, "qualified": True}), True
    reason = f"{told}; the threshold is {limit:,.0f} ms: {'it loses its qualification' if was else stays}."
    return Check(name, Level.PASS, reason, {**figures, "qualified": False}), False


def _high(found: Measured) -> float:
    return inf if found.p95 is None or found.p95.high is None else found.p95.high


def _said(ms: float) -> str:
    return "no end of time" if ms == inf else f"{ms:,.0f} ms"


def _short(ms: float | None) -> float | None:
    return None if ms is None or ms == inf else round(ms, 1)
