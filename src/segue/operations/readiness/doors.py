"""What a running server says of itself, judged: ready, writing, keys, the switch, degradation, rollouts, the audit.

Values in, checks out. Each function takes what one door answered.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from segue.operations.readiness.lineup import slug
from segue.operations.report import Check, Figure, Level

APART_S = 2.5
"""More than this between our clock and the server's, whose header tells whole seconds."""
EXPIRY_S = 7 * 86_400.0
"""A key that expires within this time needs to be rotated now."""
CANARY_S = 86_400.0
"""A canary that is older than this says nothing of today."""
FIRST_KEY = "start"
"""Who makes the first key."""
LIVE = ("running", "baking", "held", "paused")
"""Phases of a rollout that still goes on."""


def of_health(status: int, plain: Any) -> Check:
    """Whether the process answers at all."""
    if status == 200 and isinstance(plain, Mapping) and plain.get("status") == "live":
        version = str(plain.get("version"))
        return Check("server.health", Level.PASS, f"Segue {version} answers.", {"version": version})
    hint = "Is this the address of a Segue?"
    return Check("server.health", Level.FAIL, f"/api/health answered {status}.", {"status": status}, hint)


def of_readiness(status: int, plain: Mapping[str, Any]) -> Iterator[Check]:
    """Whether listeners should be sent there, whether it can write, and what works only in part."""
    reasons: Mapping[str, str] = plain.get("reasons") or {}
    if reasons:
        for name, reason in reasons.items():
            check = "database.writes" if name == "database" else f"server.ready.{slug(name)}"
            yield Check(check, Level.FAIL, str(reason), hint="Look at the log of the server.")
    elif status == 200:
        yield Check("server.ready", Level.PASS, "The server is ready for listeners.")
    else:
        yield Check("server.ready", Level.FAIL, f"/api/ready answered {status}.", {"status": status})
    if status != 200 and not reasons:
        yield Check(
            "database.writes", Level.NOT_MEASURED, "The server does not say whether it can write what it keeps."
        )
    elif "database" not in reasons:
        yield Check("database.writes", Level.PASS, "The server can write what it keeps.")
    for name, reason in (plain.get("degraded") or {}).items():
        hint = "It works, but only in part; mend what is named."
        yield Check(f"server.degraded.{slug(name)}", Level.WARN, str(reason), hint=hint)


def of_voice(plain: Mapping[str, Any]) -> Check:
    """Whether it can speak and hear."""
    status = str(plain.get("status"))
    details = [str(plain.get(part, {}).get("detail") or "") for part in ("synthesis", "recognition")]
    detail = "; ".join(filter(None, details))
    if status == "ok":
        return Check("server.voice", Level.PASS, "It can speak and hear.")
    if status == "degraded":
        hint = "Name a recognizer that works under providers.recognizers."
        return Check("server.voice", Level.WARN, f"It can speak, but not hear: {detail or 'no reason'}.", hint=hint)
    hint = "Look at `segue providers`."
    return Check("server.voice", Level.FAIL, f"It cannot speak: {detail or status}.", hint=hint)


def of_metrics(status: int, text: str) -> Check:
    """Whether there is anything to be scraped; that it moves is shown by `segue verify`."""
    samples = sum(1 for line in text.splitlines() if line.startswith("segue_"))
    if status == 200 and samples:
        return Check("server.metrics", Level.PASS, f"/metrics has {samples} samples of Segue.", {"samples": samples})
    told = f"/metrics answered {status} with {samples} samples of Segue."
    hint = "Nobody can be warned without them; look at what stands before the server."
    return Check("server.metrics", Level.FAIL, told, {"status": status, "samples": samples}, hint)


def of_clock(server_s: float | None, here_s: float) -> Check:
    """Whether the server's clock is that of here. Both in Unix seconds; None where it did not say."""
    if server_s is None:
        return Check("clock.server", Level.NOT_MEASURED, "The server did not say what time it is.")
    apart_s = server_s - here_s
    figures = {"apart_s": round(apart_s, 1)}
    told = f"The server's clock is {abs(apart_s):.1f} s {'ahead of' if apart_s > 0 else 'behind'} that of here"
    if abs(apart_s) > APART_S:
        return Check("clock.server", Level.WARN, f"{told}; {APART_S:g} s are borne.", figures, "Synchronize both.")
    return Check("clock.server", Level.PASS, f"{told}.", figures)


def of_switch(plain: Mapping[str, Any]) -> Check:
    """Whether spoken replies may begin."""
    if plain.get("enabled"):
        return Check("voice.switch", Level.PASS, "Spoken replies are switched on.")
    reason = str(plain.get("reason") or "no reason was given").rstrip(".")
    told = f"Spoken replies are switched off by {plain.get('by')}: {reason}."
    return Check("voice.switch", Level.FAIL, told, hint="Switch them on with POST /api/voice/switch, or on the page.")


def of_degradation(plain: Mapping[str, Any]) -> Check:
    """Whether replies are served well; what is not known for want of turns is told as such."""
    state, reason = str(plain.get("state")), str(plain.get("reason"))
    if state == "ok":
        return Check("voice.degradation", Level.PASS, reason)
    if state == "unknown":
        return Check("voice.degradation", Level.NOT_MEASURED, reason)
    level = Level.FAIL if state == "emergency" else Level.WARN
    hint = "Change nothing until it is ok; `segue providers` shows who is slow or fails."
    return Check("voice.degradation", level, f"The state is {state}: {reason}", hint=hint)


def of_keys(items: Sequence[Mapping[str, Any]], now_s: float) -> Iterator[Check]:
    """Keys: none that has expired or soon will, and none left over from the first start."""
    good = [item for item in items if item["state"] == "good"]
    if not good:
        hint = "Make one with `segue keys create`, on the machine of the server."
        yield Check("access.keys", Level.FAIL, "No key is good: nobody can come in.", {"good": 0}, hint)
        return
    replaced = {item["replaces"] for item in items}
    expired = [item for item in items if item["state"] == "expired" and item["id"] not in replaced]
    soon = [
        item
        for item in good
        if item["expires_at"] is not None and item["expires_at"] - now_s < EXPIRY_S and item["id"] not in replaced
    ]
    figures = {"good": len(good), "expired": len(expired), "expiring": len(soon)}
    if expired:
        hint = "Whoever uses it is turned away: make a new one, and revoke this one with `segue keys revoke`."
        told = f"Expired and not replaced: {_keys(expired)}."
        yield Check("access.expired", Level.WARN, told, figures, hint)
    else:
        yield Check("access.expired", Level.PASS, "No key has expired without being replaced.", figures)
    if soon:
        hint = "Rotate it now: `segue keys rotate ID`."
        told = f"Expires within {EXPIRY_S / 86_400:.0f} days: {_keys(soon)}."
        yield Check("access.expiring", Level.WARN, told, figures, hint)
    else:
        told = f"No key expires within {EXPIRY_S / 86_400:.0f} days."
        yield Check("access.expiring", Level.PASS, told, figures)
    yield _first_key(good, now_s)


def of_rollouts(statuses: Iterable[Mapping[str, Any]]) -> Iterator[Check]:
    """Rollouts that go on: somebody looks after each, and nothing on this machine restricts it unnoticed."""
    live = [status for status in statuses if status["phase"] in LIVE]
    if not live:
        yield Check("rollout.list", Level.PASS, "No rollout is under way.")
    for status in live:
        base, control = f"rollout.{slug(status['name'])}", status["controller"]
        sentence = str(status["sentence"])
        if control["stalled"]:
            told = f"Nobody looks after {status['name']}: {sentence}"
            yield Check(f"{base}.controller", Level.FAIL, told, hint="See that a server holds its lease; see its log.")
        elif not control["holder"]:
            # Every server that works takes the lease as soon as it is free: that this one has not says another has.
            told = f"Another server than this one looks after {status['name']}."
            yield Check(f"{base}.controller", Level.NOT_MEASURED, told, hint="Ask that one.")
        elif control["ticked_s_ago"] is None:
            told = f"{status['name']} began a moment ago, or its server did; the first look at it is due."
            yield Check(f"{base}.controller", Level.NOT_MEASURED, told)
        elif status["phase"] in ("held", "paused"):
            hint = "Resume it, or roll it back."
            yield Check(f"{base}.controller", Level.WARN, f"{status['name']}: {sentence}", hint=hint)
        else:
            yield Check(f"{base}.controller", Level.PASS, f"{status['name']}: {sentence}")
        if status.get("restricted"):
            told = f"This machine restricts {status['name']}: {status['restricted']}."
            hint = "Its share is smaller here than it says; mend the variables, or accept it by name."
            yield Check(f"{base}.restricted", Level.WARN, told, hint=hint)


def of_audit(plain: Mapping[str, Any]) -> Check:
    """Whether the audit is what was written."""
    figures = {"checked": plain.get("checked"), "faults": plain.get("fault_count"), "heads": plain.get("heads")}
    if not plain.get("ok"):
        faults = plain.get("faults") or [{}]
        told = f"{plain.get('fault_count')} fault(s): {faults[0].get('sentence')}"
        hint = "Somebody changed it: keep a copy of everything, and look at `segue audit verify`."
        return Check("audit.chain", Level.FAIL, told, figures, hint)
    if not plain.get("proven"):
        told = f"Nothing is wrong in {plain.get('checked')} entries, but no signed head proves it."
        return Check("audit.chain", Level.WARN, told, figures, "Wait for audit.head_s, and look at audit.heads.")
    return Check("audit.chain", Level.PASS, f"{plain.get('checked')} entries are as they were written.", figures)


def of_operations(items: Sequence[Mapping[str, Any]], now_s: float) -> Check:
    """Whether somebody listened lately, and liked what was heard."""
    hint = "Run `segue canary --mode preflight`."
    found = [item for item in items if item["command"] == "canary"]
    if not found:
        return Check("evidence.canary", Level.WARN, "No canary is on record: nobody has listened.", hint=hint)
    newest = max(found, key=lambda item: float(item["at"]))
    age_s, outcome = now_s - float(newest["at"]), str(newest["outcome"])
    figures: dict[str, Figure] = {"age_s": round(age_s), "outcome": outcome}
    told = f"The newest canary is {age_s / 3600:.1f} h old and came out as {outcome.replace('_', ' ')}"
    if outcome in ("fail", "no_data"):
        return Check("evidence.canary", Level.FAIL, f"{told}.", figures, "See what it found: `segue evidence list`.")
    if age_s > CANARY_S:
        return Check("evidence.canary", Level.WARN, f"{told}; {CANARY_S / 3600:.0f} h are borne.", figures, hint)
    return Check("evidence.canary", Level.WARN if outcome == "warn" else Level.PASS, f"{told}.", figures)


def refused(check: str, path: str, status: int, plain: Any) -> Check:
    """A door that did not let us in, or that failed."""
    reason = str(plain.get("detail") if isinstance(plain, Mapping) else "") or f"it answered {status}"
    if status == 404:
        return Check(check, Level.NOT_MEASURED, f"This server has no {path}.")
    if status in (401, 403):
        hint = "Put a key with the scopes read, audit:read and admin into SEGUE_KEY."
        return Check(check, Level.FAIL, f"{path}: {reason}", {"status": status}, hint)
    return Check(check, Level.FAIL, f"{path}: {reason}", {"status": status}, "Look at the log of the server.")


def _first_key(good: Sequence[Mapping[str, Any]], now_s: float) -> Check:
    """The key of the first start may do everything, for ever: it should have been replaced by others."""
    first = [item for item in good if item["made_by"] == FIRST_KEY and item["expires_at"] is None]
    if not first:
        return Check("access.first", Level.PASS, "The key of the first start is not good any more.")
    age_s = now_s - float(first[0]["created_at"])
    figures = {"age_s": round(age_s), "used": first[0]["used_at"] is not None}
    told = f"{_keys(first)}, of the first start, is {age_s / 86_400:.1f} days old, may do everything and never expires."
    hint = "Make a key for each person with the scopes they need, then `segue keys revoke` this one."
    return Check("access.first", Level.WARN, told, figures, hint)


def _keys(items: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{item['name']} ({item['id']})" for item in items[:5])
