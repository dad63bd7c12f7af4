"""The figures of a window of `/metrics`: of each variant, of each provider, of requests and the cache. Pure."""

from collections.abc import Mapping
from typing import Any

from segue.operations.watching.windows import Histogram, Window

TIMES = {"ttfa": "segue_ttfa_seconds", "first_tts": "segue_first_tts_seconds", "turn": "segue_turn_seconds"}
PARTS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
OWN_ROUTES = (
    *("/metrics", "/api/health", "/api/ready", "/voice/health", "/api/voice/degradation_status"),
    *("/api/rollouts", "/api/operations", "/api/settings"),
)
"""Routes that watchers ask; what they are answered is no figure of listeners."""


def heard(window: Window) -> tuple[str, ...]:
    """The variants that had turns."""
    return tuple(window.by("segue_served_total", "variant"))


def spoken(window: Window) -> tuple[str, ...]:
    """The synthesizers that were asked."""
    return tuple(window.by("segue_attempts_total", "provider", role="synthesizer"))


def requests(window: Window) -> tuple[int, int]:
    """How many requests of listeners and operators there were, and how many were answered with 5xx."""
    n, failed = 0.0, 0.0
    for labels, value in window.each("segue_http_requests_total"):
        if not labels.get("route", "").startswith(OWN_ROUTES):
            n += value
            failed += value if labels.get("status", "").startswith("5") else 0.0
    return round(n), round(failed)


def synthesis(window: Window, name: str) -> Histogram:
    """How long a provider's attempts took that came to an end of their own, well or not."""
    parts = [
        window.histogram("segue_synthesis_seconds", provider=name, outcome=outcome)
        for outcome in ("completed", "failed")
    ]
    held = [part for part in parts if part.counts]
    if len(held) < 2:
        return held[0] if held else Histogram()
    both = zip(held[0].counts, held[1].counts, strict=True)
    return Histogram(held[0].edges, tuple(one + other for one, other in both), held[0].sum_s + held[1].sum_s)


def variant(window: Window, name: str) -> dict[str, Any]:
    """A variant's figures: shares of the turns that came to an end of their own, times in ms."""
    served = window.by("segue_served_total", "served", variant=name)
    judged = sum(served.values()) - served.get("unfinished", 0.0)
    turns = sum(served.values())
    others = served.get("fallback", 0.0) + served.get("resumed", 0.0)
    return {
        "turns": round(turns),
        "judged": round(judged),
        "success": _part(judged - served.get("failed", 0.0), judged),
        "failed": _part(served.get("failed", 0.0), judged),
        "fallback": _part(others, judged),
        "underflow": _part(window.total("segue_underflow_turns_total", variant=name, source="virtual"), turns),
        **{figure: _times(window.histogram(metric, variant=name)) for figure, metric in TIMES.items()},
    }


def provider(window: Window, name: str) -> dict[str, Any]:
    """A synthesizer's attempts by their outcome, and how long those took that it ended itself, in ms."""
    attempts = window.by("segue_attempts_total", "outcome", role="synthesizer", provider=name)
    took = synthesis(window, name)
    plain = {word: round(attempts.get(word, 0.0)) for word in ("completed", "failed", "cancelled", "cached")}
    return {"provider": name, **plain, "mean_ms": _ms(took.mean_s), **_times(took)}


def cache(window: Window) -> dict[str, Any]:
    """How many sentences were looked up in the cache, and the share that was there."""
    looked = window.by("segue_cache_lookups_total", "result")
    lookups = sum(looked.values())
    return {"lookups": round(lookups), "hit_rate": _part(looked.get("hits", 0.0), lookups)}


def rollout(status: Mapping[str, Any], characters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A live rollout in short: its stage, its cohort, its gates, and the candidate's trials by character."""
    stage = status["stages"][status["stage"]["index"]]
    gates = [
        {name: gate[name] for name in ("gate", "word", "n", "bad", "value", "limit", "unit", "reason")}
        for gate in status["gates"]
    ]
    return {
        "name": status["name"],
        "attempt": status["attempt"],
        "phase": status["phase"],
        "stage": status["stage"]["name"],
        "share": status["share_bp"] / 10_000,
        "cohort": stage["cohort"],
        "dropped": status["dropped"],
        "gates": gates,
        "characters": characters.get(status["name"], {}),
    }


def _times(found: Histogram) -> dict[str, Any]:
    """The quantiles of a histogram in ms, each with the edges between which the true one is."""
    values: dict[str, Any] = {"n": found.n}
    for word, part in PARTS.items():
        at = found.quantile(part)
        values[f"{word}_ms"] = None if at is None else _ms(at.value)
        values[f"{word}_between_ms"] = None if at is None else [_ms(at.low), _ms(at.high)]
    return values


def _part(some: float, all_of_them: float) -> float | None:
    return round(some / all_of_them, 5) if all_of_them else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000.0, 1)
