"""What a message is made of, the same for every way of keeping it: claim, message, run, and entry in the audit.

The values are those that a server makes of a request; texts are alike, ids are all different.
"""

import secrets
import time
from dataclasses import dataclass

from segue.console.audit import Draft, digest
from segue.console.chats import Asked, Chat, Claim, Message, Run

TEXT = "Which trains leave for Lviv after six, and from which platform?"
KEEP_US = 86_400_000_000
LEASE_US = 15_000_000
RUNS = 8
"""Runs that one operator may have under way, as Segue ships: an operator sends so many, then the next one does."""


@dataclass(frozen=True, slots=True)
class Sending:
    """Everything that is written when a message is sent."""

    message: Message
    run: Run
    claim: Claim
    entry: Draft


def now_us() -> int:
    """The moment, in Unix microseconds."""
    return time.time_ns() // 1000


def chat_of(number: int) -> tuple[Chat, Draft]:
    """A chat, and the entry that tells of its opening."""
    chat = Chat(f"main.{secrets.token_hex(16)}", now_us(), f"Chat {number}", "bench")
    return chat, Draft(chat.at_us, "bench", "key:0", "chat.open", f"chat/{chat.id}", node="main", chat=chat.id)


def sending(chat: str, number: int) -> Sending:
    """A message to a chat. `number` says which operator it is from; see `RUNS`."""
    at_us, operator = now_us(), f"bench-{number // RUNS}"
    run, message = f"main.{secrets.token_hex(16)}", secrets.token_hex(16)
    entry = Draft(
        at_us,
        operator,
        "key:0123456789ab",
        "message.send",
        f"chat/{chat}",
        after=digest({"id": message, "text": TEXT}),
        request=secrets.token_hex(8),
        node="main",
        chat=chat,
        duration_ms=1,
        facts={"run": run, "message": message, "attempt": 1},
    )
    return Sending(
        Message(message, chat, at_us, "user", TEXT, run, operator),
        Run(run, chat, message, operator, at_us, Asked(), holder="0123456789ab", until_us=at_us + LEASE_US),
        Claim(secrets.token_hex(32), secrets.token_hex(32), run, at_us, at_us + KEEP_US),
        entry,
    )
