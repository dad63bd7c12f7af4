"""How each provider stands, as plain values: for `/api/providers`, `segue providers` and the page."""

from typing import Any

from segue.voice.attempt import Target
from segue.voice.breaker import BreakerState
from segue.voice.roster import Roster

READY, RESTING, TRIED, OUT, OFF = "ready", "resting", "being tried", "left out", "switched off"


def standing(role: str, roster: Roster[Any], now: float) -> list[dict[str, Any]]:
    """Every provider of a role, in the order of the chain. `now` in monotonic seconds; ages and rests are seconds."""
    alone = roster.chain.failing
    return [_of(role, target, now, alone=alone) for target in roster.chain.targets.values()]


def state(target: Target[Any]) -> str:
    """One word for how a provider is."""
    if target.out is not None:
        return OUT
    if target.off is not None:
        return OFF
    return {BreakerState.CLOSED: READY, BreakerState.OPEN: RESTING, BreakerState.HALF_OPEN: TRIED}[target.breaker.state]


def _of(role: str, target: Target[Any], now: float, *, alone: bool) -> dict[str, Any]:
    breaker, about, error = target.breaker, target.provider.about, target.last_error
    until = breaker.rests_until(alone=alone)
    return {
        "name": target.name,
        "role": role,
        "state": state(target),
        "reason": target.out or target.off or breaker.reason,
        "vendor": about.vendor,
        "model": about.model,
        "version": about.version,
        "place": about.place,
        "breaker": {
            "state": breaker.state.value,
            "for_s": round(now - breaker.since, 1),
            "opened": breaker.opened,
            "rests_s": None if until is None else round(max(0.0, until - now), 1),
            "failing_share": breaker.failing_share,
        },
        "limits": {
            "first_s": target.limits.first_s,
            "stall_s": target.limits.stall_s,
            "total_s": target.limits.total_s,
            "at_once": target.places.limit if target.places else None,
        },
        "calls": target.calls,
        "failures": target.failures,
        "running": target.places.held if target.places else None,
        "last_error": None
        if error is None
        else {"category": error.category.value, "message": error.message, "at": error.at},
    }
