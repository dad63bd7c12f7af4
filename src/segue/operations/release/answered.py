"""What a server answered to the smoke of a release, judged. Values and rules only."""

from collections.abc import Iterable, Mapping
from typing import Any

from segue.operations.ports import Answer
from segue.operations.report import Check, Figure, Level
from segue.operations.watching.scrape import Scrape

REQUESTS = "segue_http_requests_total"


def plain_ok(name: str, what: str, status: int, took_ms: float, said: str) -> Check:
    """Whether a door answered 200."""
    figures: dict[str, Figure] = {"status": status, "took_ms": round(took_ms, 1)}
    if status == 200:
        return Check(name, Level.PASS, f"{what} answered 200 in {took_ms:.0f} ms.", figures)
    hint = "Look at the server's log, and at what stands before it."
    return Check(name, Level.FAIL, f"{what} did not answer 200: {said}.", figures, hint)


def refused(name: str, how: str, status: int, wanted: int) -> Check:
    """Whether the audit refused, with the right status."""
    figures: dict[str, Figure] = {"status": status}
    if status == wanted:
        return Check(name, Level.PASS, f"/api/audit {how} is refused with {wanted}.", figures)
    hint = "Let nobody but Segue itself decide who comes in; look at what stands before it."
    return Check(name, Level.FAIL, f"/api/audit {how} answered {status}, and must refuse with {wanted}.", figures, hint)


def moved(before: Scrape | str, after: Scrape | str) -> Check:
    """Whether the metrics count what was asked between two readings: a copy that is kept somewhere does not."""
    hint = "Does something between keep what /metrics answers, or is it that of another server?"
    if isinstance(before, str) or isinstance(after, str):
        return Check("smoke.metrics", Level.FAIL, before if isinstance(before, str) else str(after), {}, hint)
    grown = _health(after) - _health(before)
    figures: dict[str, Figure] = {"samples": len(after.samples), "moved": grown}
    if grown < 1:
        return Check("smoke.metrics", Level.FAIL, "/metrics did not count a request that was made.", figures, hint)
    told = f"/metrics has {len(after.samples)} samples, and counted what was asked between two readings."
    return Check("smoke.metrics", Level.PASS, told, figures)


def repeated(name: str, where: str, first: Answer, second: Answer, messages: int | None) -> Check:
    """Whether a message that was sent twice was answered with the same bytes, marked, and arrived once."""
    figures: dict[str, Figure] = {"first": first.status, "second": second.status, "messages": messages}
    wrong = []
    if first.status != 200:
        wrong.append(f"the first was answered {first.status}: {first.text[:200]}")
    elif second.status != 200:
        wrong.append(f"the second, to {where}, was answered {second.status}: {second.text[:200]}")
    else:
        if second.body != first.body:
            wrong.append("the second answer is another")
        if second.headers.get("idempotent-replayed") != "true":
            wrong.append("the second answer is not marked as a replay")
    if messages != 1:
        wrong.append("its messages cannot be read there" if messages is None else f"{messages} messages arrived")
    if wrong:
        hint = "Do both servers share a database, and do operators' keys lie in it?"
        return Check(name, Level.FAIL, f"Sent twice under one key, {'; '.join(wrong)}.", figures, hint)
    told = f"Sent again under its key to {where}: one message, the same {len(first.body)} bytes, marked as a replay."
    return Check(name, Level.PASS, told, figures)


def written(entries: Iterable[Mapping[str, Any]], actor: str) -> Check:
    """Whether the audit has the message once with its effect, under the name of who sent it."""
    own = [each for each in entries if each.get("actor") == actor]
    done = sum(each.get("status") == "ok" for each in own)
    replayed = sum(each.get("status") == "replayed" for each in own)
    figures: dict[str, Figure] = {"done": done, "replayed": replayed}
    told = f"The audit has {done} sending and {replayed} repetitions of {actor}"
    if done == 1 and replayed >= 1:
        return Check("smoke.audit.written", Level.PASS, f"{told}, as it was.", figures)
    hint = "Nothing may be sent without its entry; stop, and look at the server's log."
    return Check("smoke.audit.written", Level.FAIL, f"{told}; it must be one, and at least one.", figures, hint)


def verified(plain: Mapping[str, Any], said: str) -> Check:
    """Whether nobody changed the audit, as a signed head proves."""
    name, hint = "smoke.audit.verified", "See `segue audit verify`, which names each fault."
    if "ok" not in plain:
        return Check(name, Level.NOT_MEASURED, f"The audit could not be verified: {said}.", {}, hint)
    figures: dict[str, Figure] = {"checked": plain["checked"], "faults": plain["fault_count"], "heads": plain["heads"]}
    if not plain["ok"]:
        return Check(name, Level.FAIL, f"The audit has {plain['fault_count']} faults.", figures, hint)
    if not plain["proven"]:
        return Check(name, Level.WARN, "Nothing is wrong with the audit, but no signed head proves it.", figures, hint)
    told = f"{plain['checked']} entries are unchanged, as {plain['heads']} signed heads prove."
    return Check(name, Level.PASS, told, figures)


def rehearsed(dry: Mapping[str, Any], said: str, proof: Mapping[str, Any], again: Mapping[str, Any]) -> Check:
    """What pruning would remove, and that the dry run removed nothing."""
    name = "smoke.retention"
    if dry.get("dry_run") is not True:
        hint = "It takes a key with the scope `admin`."
        return Check(name, Level.NOT_MEASURED, f"The dry run of pruning was not done: {said}.", {}, hint)
    figures: dict[str, Figure] = {"would_remove": dry["would_remove"], "left": dry["left"]}
    newest = next((each["seq"] for each in again.get("items", ())), None)
    first = proof.get("from_seq")
    there = newest - first + 1 if newest is not None and first is not None else None
    if there is None:
        why = "The dry run was made, but the audit could not be read afterwards to see that nothing is gone."
        return Check(name, Level.NOT_MEASURED, why, figures, "Look at the server's log, and run it anew.")
    if there < dry["would_remove"] + dry["left"]:
        hint = "Stop: entries are gone that should not be. Restore them, and look at the server's log."
        return Check(name, Level.FAIL, f"The dry run left {there} entries of those that were there.", figures, hint)
    told = f"{dry['would_remove']} entries would be removed, {dry['left']} be left; nothing was changed."
    return Check(name, Level.PASS, told, figures)


def _health(scrape: Scrape) -> float:
    return sum(value for labels, value in scrape.values(REQUESTS) if labels.get("route") == "/api/health")
