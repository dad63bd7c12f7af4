"""What a window of `/metrics` says of a server: figures of each variant, and what they ask for. Pure.

Success is what listeners got, not what providers were asked: a turn that another provider rescued is a fallback, no
failure. Turns that their listener cut short count as neither.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segue.delivery.evidence import MILLION
from segue.delivery.rollout import Phase
from segue.operations.report import Check, Figure, Level
from segue.operations.watching import vitals
from segue.operations.watching.alarms import LEAST, LEVELS, Severity, gravest, of_figure, of_mean, of_share, slug
from segue.operations.watching.scrape import Scrape
from segue.operations.watching.windows import Window
from segue.vendors.degradation import ProfilesSettings
from segue.voice.profiles import Objective

OBJECTIVES = {"ttfa": "ttfa_p95_ms", "first_tts": "first_tts_p95_ms"}
EMERGENCY = 4.0
AUTHORITY = "It is the rollout itself that acts on its gates; `segue rollout status NAME` shows them."


@dataclass(frozen=True, slots=True)
class Around:
    """What else is known of the server: what its profiles promise, and the rollouts that were live in the window."""

    objectives: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rollouts: tuple[Mapping[str, Any], ...] = ()
    missing: str = ""
    """Why the rollouts are not known; empty where they are."""
    characters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By rollout, what `of_characters` found in the blocks of the window."""

    def arms(self) -> dict[str, str]:
        """Which variant is compared with which: the arm of each one's name."""
        live = [each for each in self.rollouts if Phase(each["phase"]).live]
        return {each[arm]["name"]: arm for each in live for arm in ("baseline", "candidate")}


def promised(degradation: Any) -> dict[str, dict[str, float]]:
    """What each profile of a server promises, by what `/api/voice/degradation_status` answers.

    The defaults stand where it says nothing.
    """
    defaults = ProfilesSettings()
    said = degradation.get("profiles", {}) if isinstance(degradation, Mapping) else {}
    objectives: dict[str, dict[str, float]] = {}
    for profile in ("fast", "quality"):
        found = said.get(profile, {})
        objectives[profile] = {
            name.value: float(found.get(name, {}).get("objective") or getattr(getattr(defaults, profile), name))
            for name in Objective
        }
    return objectives


def of_characters(blocks: Iterable[Mapping[str, Any]], since_s: float) -> dict[str, dict[str, dict[str, float]]]:
    """The candidate's trials by series and character, from the blocks that ended after a moment in Unix seconds."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for block in blocks:
        if block["until"] <= since_s:
            continue
        for character, counts in block["characters"].items():
            sums = found.setdefault(block["series"], {}).setdefault(character, {"n": 0, "bad": 0.0})
            sums["n"] += counts["n"]
            sums["bad"] = round(sums["bad"] + counts["bad"] / MILLION, 6)
    return found


def told(window: Window, latest: Scrape, around: Around) -> dict[str, Any]:
    """A window as plain values: times in ms, shares as parts of one; its form is that of `segue monitor --json`."""
    found = checks(window, latest, around)
    arms = around.arms()
    return {
        "began": round(window.began_s, 3),
        "ended": round(window.ended_s, 3),
        "window_s": round(window.long_s, 3),
        "answering": True,
        "restarts": window.restarts,
        "verdict": gravest(found),
        "variants": [
            {"variant": name, "arm": arms.get(name, ""), **vitals.variant(window, name)}
            for name in vitals.heard(window)
        ],
        "providers": [vitals.provider(window, name) for name in vitals.spoken(window)],
        "requests": dict(zip(("n", "failed"), vitals.requests(window), strict=True)),
        "cache": vitals.cache(window),
        "rollouts": [vitals.rollout(each, around.characters) for each in around.rollouts],
        "checks": [plain(check) for check in found],
    }


def absent(began_s: float, ended_s: float, why: str) -> dict[str, Any]:
    """A window in which the server did not answer, in the same form."""
    check = silent(why)
    return {
        "began": round(began_s, 3),
        "ended": round(ended_s, 3),
        "window_s": round(ended_s - began_s, 3),
        "answering": False,
        "restarts": 0,
        "verdict": gravest((check,)),
        "variants": [],
        "providers": [],
        "requests": {"n": 0, "failed": 0},
        "cache": {"lookups": 0, "hit_rate": None},
        "rollouts": [],
        "checks": [plain(check)],
    }


def silent(why: str) -> Check:
    """The check of a server that does not answer."""
    hint = "See whether it runs, and whether the address and the key are right; watching goes on meanwhile."
    return Check("watch.answering", Level.NO_DATA, why, hint=hint)


def checks(window: Window, latest: Scrape, around: Around) -> tuple[Check, ...]:
    """Everything that is judged of a window."""
    if window.stranger:
        reason = "The two readings are of different servers behind one address, so no difference means anything."
        return (Check("watch.same", Level.NO_DATA, reason, hint="Name one server with --url, not the balancer."),)
    found = [_alone(window)]
    names = vitals.heard(window)
    found += [check for name in names for check in _of_variant(window, name, around)]
    for name, arm in around.arms().items():
        if name not in names:
            reason = f"No turn of {name} ended within the window: {LEAST} are needed to call it well."
            found.append(Check(f"success.{slug(name)}", Level.NO_DATA, reason, {"arm": arm, "n": 0}))
    if not names and not around.rollouts:
        reason = f"No turn ended within {window.long_s:.0f} s: {LEAST} are needed to call it well."
        found.append(Check("success", Level.NO_DATA, reason, {"n": 0}, "Take a longer window: --window 600."))
    for name in vitals.spoken(window):
        spoken = vitals.synthesis(window, name)
        found.append(
            of_mean(
                f"synthesis.{slug(name)}",
                "synthesis",
                spoken.mean_s,
                spoken.mean_error_s,
                spoken.n,
                where=f"{name}: ",
            )
        )
    n, failed = vitals.requests(window)
    found.append(of_share("requests.failed", "requests", failed, n, few=Level.NOT_MEASURED))
    return (*found, *_degraded(latest), *_gates(around))


def plain(check: Check) -> dict[str, Any]:
    """A check as plain values."""
    said: dict[str, Any] = {"name": check.name, "level": check.level.value, "reason": check.reason}
    said |= {"figures": dict(check.figures)} if check.figures else {}
    return said | ({"hint": check.hint} if check.hint else {})


def _alone(window: Window) -> Check:
    figures = {"restarts": window.restarts, "window_s": round(window.long_s, 1)}
    if not window.restarts:
        return Check("watch.same", Level.PASS, "The server was the same all the time.", figures)
    reason = f"The server started anew {window.restarts} times; what it counted just before is lost."
    return Check("watch.same", Level.PASS, reason, figures)


def _of_variant(window: Window, name: str, around: Around) -> Iterable[Check]:
    served = window.by("segue_served_total", "served", variant=name)
    judged = round(sum(served.values()) - served.get("unfinished", 0.0))
    word, arm = slug(name), around.arms().get(name, "")
    where = f"{name} ({arm}): " if arm else f"{name}: "
    others = round(served.get("fallback", 0.0) + served.get("resumed", 0.0))
    yield of_share(f"success.{word}", "failed", round(served.get("failed", 0.0)), judged, where=where)
    yield of_share(f"fallback.{word}", "fallback", others, judged, where=where)
    dry = round(window.total("segue_underflow_turns_total", variant=name, source="virtual"))
    turns = round(sum(served.values()))
    yield of_share(f"underflow.{word}", "underflow", min(dry, turns), turns, where=where)
    for figure in ("ttfa", "first_tts"):
        slow, n = _slow(window, name, figure, around)
        yield of_share(f"{figure}.{word}", figure, slow, n, few=Level.NOT_MEASURED, where=where)
    (alarm,) = of_figure("silence")
    first = window.histogram(vitals.TIMES["first_tts"], variant=name)
    slow = first.over(alarm.over_s or 0.0)[0]
    yield of_share(f"silence.{word}", "silence", slow, first.n, few=Level.NOT_MEASURED, where=where)


def _slow(window: Window, name: str, figure: str, around: Around) -> tuple[int, int]:
    """How many turns were surely slower than their own profile promises, and how many there were."""
    slow, n = 0, 0
    for profile in window.by(f"{vitals.TIMES[figure]}_count", "profile", variant=name):
        found = window.histogram(vitals.TIMES[figure], variant=name, profile=profile)
        limits = around.objectives.get(profile) or around.objectives["quality"]
        slow, n = slow + found.over(limits[OBJECTIVES[figure]] / 1000.0)[0], n + found.n
    return slow, n


def _degraded(latest: Scrape) -> Iterable[Check]:
    for labels, value in latest.values("segue_degradation"):
        axis = labels.get("axis", "")
        if value >= EMERGENCY:
            reason = f"P0: the {axis} axis is in an emergency (chirp3-production: instability)."
            hint = "`segue providers` shows who fails; `curl URL/api/voice/degradation_status` why."
            yield Check(f"degradation.{slug(axis)}", LEVELS[Severity.P0], reason, {"state": value}, hint)
        else:
            yield Check(f"degradation.{slug(axis)}", Level.PASS, "It is in no emergency.", {"state": value})


def _gates(around: Around) -> Iterable[Check]:
    if around.missing:
        yield Check("rollout", Level.NOT_MEASURED, f"The rollouts are not known: {around.missing}")
    for rollout in around.rollouts:
        if rollout["phase"] == Phase.ROLLED_BACK:
            reason = f"P1: it was rolled back within the window: {rollout['sentence']}"
            figures: dict[str, Figure] = {"severity": Severity.P1.value}
            yield Check(f"rollout.{slug(rollout['name'])}", Level.WARN, reason, figures, AUTHORITY)
            continue
        broken = [gate for gate in rollout["gates"] if gate["word"] == "breach"]
        for gate in broken:
            severity = Severity.P0 if gate["on_breach"] == "rollback" else Severity.P1
            name = f"rollout.{slug(rollout['name'])}.{slug(gate['gate'])}"
            figures = {"n": gate["n"], "bad": gate["bad"], "severity": severity.value}
            yield Check(name, LEVELS[severity], f"{severity.upper()}: {gate['reason']}", figures, AUTHORITY)
        if not broken:
            reason = f"{len(rollout['gates'])} gates, none is broken: {rollout['sentence']}"
            yield Check(f"rollout.{slug(rollout['name'])}", Level.PASS, reason)
