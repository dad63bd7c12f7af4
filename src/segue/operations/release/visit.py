"""A visit to a running server: with keys and chats of its own, which are taken away again in the end.

Everything it does stands in the audit under the name of its key. Its messages are short, but each is answered: they are
real ones.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from segue.errors import Unavailable
from segue.operations.ports import Answer, Asking

TEXT = "Hello."
"""What is said to the model."""
REPLY_S = 90.0
"""A reply that takes longer is not waited for."""


@dataclass(slots=True)
class Visit:
    """What was made for it."""

    name: str
    """Of its operator, as the audit has it."""
    key: str = ""
    """Sends, and reads everything, the audit too; empty where none could be made."""
    narrow: str = ""
    """Reads, but not the audit."""
    trouble: str = ""
    """Why there are no keys."""
    chats: list[str] = field(default_factory=list)


def nobody(error: Unavailable) -> Answer:
    """What stands for an answer where nobody answers: status 0, and the reason as its body."""
    return Answer(0, {}, error.message.encode(), 0.0, 0.0)


def fetched(asking: Asking, method: str, path: str, **what: Any) -> Answer:
    """What it answers; status 0 where nobody does."""
    try:
        return asking.fetch(method, path, **what)
    except Unavailable as error:
        return nobody(error)


def told(answer: Answer) -> str:
    """An answer for people: its status, and the reason where it says one."""
    plain = answer.plain()
    detail = plain.get("detail") if isinstance(plain, Mapping) else None
    if answer.status == 0:
        return answer.text
    return f"{answer.status}{f' ({detail})' if detail else ''}"


@contextmanager
def visiting(asking: Asking, nonce: str, lasts_s: float) -> Iterator[Visit]:
    """Come in with two keys that are good for so long, and leave nothing behind but what the audit has."""
    visit, made = Visit(f"release-{nonce}"), []
    try:
        for scopes in (["send", "read", "audit:read"], ["read"]):
            body = {"name": visit.name, "scopes": scopes, "expires_in_s": lasts_s}
            answer = fetched(asking, "POST", "/api/keys", body=body)
            if answer.status != 201:
                visit.trouble = f"No key could be made: {told(answer)}."
                break
            made.append(answer.plain())
        else:
            visit.key, visit.narrow = (each["key"] for each in made)
        yield visit
    finally:
        for chat in visit.chats:
            with suppress(Unavailable):
                asking.fetch("DELETE", f"/api/chats/{chat}", key=visit.key)
        for each in made:
            with suppress(Unavailable):
                asking.fetch("POST", f"/api/keys/{each['id']}/revoke", body={})


def opened(asking: Asking, visit: Visit) -> str:
    """A new chat; empty where none could be opened."""
    answer = fetched(asking, "POST", "/api/chats", body={"title": visit.name}, key=visit.key)
    if answer.status != 201:
        return ""
    visit.chats.append(answer.plain()["id"])
    return visit.chats[-1]


def sent(asking: Asking, visit: Visit, chat: str, once: str, *, wait: bool) -> Answer:
    """Send a message under an idempotency key; without `wait` the answer is only that it was taken."""
    headers = {"idempotency-key": once} | ({} if wait else {"prefer": "respond-async"})
    path = f"/api/chats/{chat}/send"
    return fetched(asking, "POST", path, body={"text": TEXT}, headers=headers, key=visit.key, limit_s=REPLY_S)
