"""The smoke of a release: a running server is asked, and what it answers is judged.

Nothing is changed but by a visit of its own (see `visit`): a chat with one message, and entries in the audit.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from segue.clock import Clock
from segue.errors import InvalidRequest
from segue.operations.ports import Answer, Asking
from segue.operations.release import answered
from segue.operations.release.visit import Visit, fetched, opened, sent, told
from segue.operations.report import Check, Level
from segue.operations.watching.scrape import Scrape, parsed

TRIES = 60
"""So often, a second apart, a reply that takes long is asked for again."""
VERIFY_S = 1800.0
"""The whole audit may take long to verify."""
Wait = Callable[[float], None]


def basics(asking: Asking, clock: Clock) -> Iterator[Check]:
    """Whether it answers, is ready, and its metrics move."""
    before = scraped(asking, clock)
    health, ready = fetched(asking, "GET", "/api/health"), fetched(asking, "GET", "/api/ready")
    yield answered.plain_ok("smoke.health", "/api/health", health.status, health.took_ms, told(health))
    yield answered.plain_ok("smoke.ready", "/api/ready", ready.status, ready.took_ms, told(ready))
    yield answered.moved(before, scraped(asking, clock))


def scraped(asking: Asking, clock: Clock) -> Scrape | str:
    """Its metrics now; a sentence where they cannot be read."""
    answer = fetched(asking, "GET", "/metrics")
    if not answer.ok:
        return f"/metrics answered {told(answer)}."
    try:
        return parsed(answer.text, clock.wall())
    except InvalidRequest as error:
        return error.message


def idempotency(a: Asking, b: Asking | None, visit: Visit, wait: Wait) -> Iterator[Check]:
    """One message, sent to A and once more to A, and once more to B: one message, one answer, marked as replayed."""
    names = ("smoke.idempotency.repeated", "smoke.idempotency.shared")
    chat = opened(a, visit) if visit.key else ""
    if not chat:
        why = visit.trouble or "No chat could be opened."
        yield from (Check(name, Level.NOT_MEASURED, why, hint=NEEDS) for name in names)
        return
    once = f"{visit.name}-once"
    first = _whole(a, visit, chat, once, wait)
    yield answered.repeated(
        names[0], "the same server", first, _whole(a, visit, chat, once, wait), _texts(a, visit, chat)
    )
    if b is None:
        hint = "Name a second server on the same database with --url-b."
        yield Check(names[1], Level.NOT_MEASURED, "There is no second server to send it to.", hint=hint)
    else:
        yield answered.repeated(names[1], b.place, first, _whole(b, visit, chat, once, wait), _texts(b, visit, chat))


def audit(asking: Asking, visit: Visit, *, keyless: bool) -> Iterator[Check]:
    """Who may read the audit; whether what was sent is written there; whether anybody changed it; what pruning does.

    `keyless` says whether a request without a key can be made at all: by the machine's own socket it cannot.
    """
    if keyless:
        answer = fetched(asking, "GET", "/api/audit", key="")
        yield answered.refused("smoke.audit.closed", "without a key", answer.status, 401)
    else:
        why = "By the machine's own socket its user comes in without a key; give the server's address with --url."
        yield Check("smoke.audit.closed", Level.NOT_MEASURED, why)
    if not visit.key:
        for name in ("smoke.audit.scoped", "smoke.audit.open", "smoke.audit.written"):
            yield Check(name, Level.NOT_MEASURED, visit.trouble, hint=NEEDS)
    else:
        answer = fetched(asking, "GET", "/api/audit", key=visit.narrow)
        yield answered.refused("smoke.audit.scoped", "with a key that lacks `audit:read`", answer.status, 403)
        answer = fetched(asking, "GET", "/api/audit?limit=1", key=visit.key)
        yield answered.plain_ok(
            "smoke.audit.open", "/api/audit with a key", answer.status, answer.took_ms, told(answer)
        )
        yield answered.written(_entries(asking, visit), visit.name)
    proof = fetched(asking, "GET", "/api/audit/verification", limit_s=VERIFY_S)
    yield answered.verified(_plain(proof), told(proof))
    dry = fetched(asking, "POST", "/api/audit/prune", body={"dry_run": True}, limit_s=VERIFY_S)
    again = fetched(asking, "GET", "/api/audit?limit=1")
    yield answered.rehearsed(_plain(dry), told(dry), _plain(proof), _plain(again))


def _whole(asking: Asking, visit: Visit, chat: str, once: str, wait: Wait) -> Answer:
    """The answer to a message; one that takes long is asked for again under the same key."""
    answer = sent(asking, visit, chat, once, wait=True)
    for _ in range(TRIES):
        if answer.status not in (202, 409):
            break
        wait(1.0)
        answer = sent(asking, visit, chat, once, wait=True)
    return answer


def _texts(asking: Asking, visit: Visit, chat: str) -> int | None:
    """How many messages of people are in a chat; None where it cannot be read."""
    answer = fetched(asking, "GET", f"/api/chats/{chat}/messages?limit=100", key=visit.key)
    plain = _plain(answer)
    return sum(each["role"] == "user" for each in plain["items"]) if "items" in plain else None


def _entries(asking: Asking, visit: Visit) -> list[Mapping[str, Any]]:
    """What the audit has of the first chat of the visit."""
    chat = visit.chats[0] if visit.chats else ""
    answer = fetched(asking, "GET", f"/api/audit?action=message.send&chat={chat}&limit=100", key=visit.key)
    return list(_plain(answer).get("items", ())) if chat else []


def _plain(answer: Answer) -> Mapping[str, Any]:
    plain = answer.plain() if answer.ok else None
    return plain if isinstance(plain, Mapping) else {}


NEEDS = "Give a key with the scope `admin` in the variable SEGUE_KEY."
