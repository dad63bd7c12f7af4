"""What somebody wants to send, what can come of it, and what it is measured against. Values only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from segue.console.chats import Asked, Message
from segue.console.live import Live
from segue.console.ports import ClaimFront, LimitStore
from segue.console.ratelimit import Policy, Verdict
from segue.errors import RateLimited

SENT, AGAIN, REPLAY, RUNNING, REUSED = "sent", "again", "replayed", "running", "reused"
LIMITED, OVERLOADED, REFUSED, FAILED = "limited", "overloaded", "refused", "failed"
OUTCOMES = (SENT, AGAIN, REPLAY, RUNNING, REUSED, LIMITED, OVERLOADED, REFUSED, FAILED)
"""What comes of a request to send: the first of its key, the next attempt of one that failed, a repetition that was
answered, one while the first is under way, another request under a key that was used, refused by a rate limit or for
want of places, refused by another rule, or failed."""
POLICIES = ("chat", "operator", "runs")
"""What limits how often messages are sent: to one chat, by one operator, and how many runs one has under way."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that somebody wants to send. `scope` and `fingerprint` are those of its idempotency key."""

    chat: str
    text: str
    asked: Asked
    scope: str
    fingerprint: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: a run that was begun here, or what was answered before."""

    run: str
    message: Message | None = None
    live: Live | None = None
    verdict: Verdict | None = None
    """Of the rate limits; None where nothing was counted."""
    status: int | None = None
    body: str = ""
    """The answer that is given again, where `status` says so."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often messages may be sent. `refused` makes a verdict an error."""

    store: LimitStore
    policies: Mapping[str, Policy]
    """Of `chat` and of `operator`."""
    most_runs: int
    refused: Callable[[Verdict], RateLimited]

    def scopes(self, operator: str, chat: str) -> Sequence[tuple[str, Policy]]:
        """What a message counts in."""
        names = {"chat": chat, "operator": operator}
        return [(f"{each}:{names[each]}", policy) for each, policy in self.policies.items()]


@dataclass(frozen=True, slots=True)
class Claims:
    """Where claims are looked for before the store is asked. With `only`, the store keeps none."""

    front: ClaimFront | None = None
    only: bool = False
