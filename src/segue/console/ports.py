"""What the operators' plane needs from outside: somewhere to keep the audit, keys, chats, claims and counts.

Whatever changes something takes the draft of its entry in the audit, and writes both in one transaction: without the
entry there is no change. Every method may raise `Unavailable`: what is kept cannot be read or written.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from segue.console.audit import Draft, Entry, Filter
from segue.console.chats import Chat, Claim, End, Event, Message, Run
from segue.console.heads import Found, Head
from segue.console.keys import Key
from segue.console.nodes import Call, NodeHealth
from segue.console.ratelimit import Policy, Verdict

UNKNOWN_CHAT = "There is no such chat; it may have been removed."
OPERATOR_RUNS = "{most} of your replies are under way; send again when one of them is done."
"""What a store says when it refuses a message."""


class AuditStore(Protocol):
    """Keeps the chain."""

    async def append(self, *drafts: Draft) -> None:
        """Write entries by themselves, for what changes nothing else: reads, refusals, failures."""

    async def page(self, wanted: Filter, *, before: tuple[int, int] | None, limit: int) -> list[Entry]:
        """The newest entries that are wanted, newest first: those before (`at_us`, `seq`) in that order."""

    async def read(self, *, after: int, limit: int) -> list[Entry]:
        """Entries in the order of the chain, those whose `seq` is greater than `after`."""

    async def last(self) -> Entry | None:
        """The newest entry; None while there is none."""

    async def count(self, *, before_us: int) -> int:
        """How many entries are older than that."""

    async def prune(self, *, to_seq: int, limit: int, entry: Draft | None) -> int:
        """Remove at most `limit` of the oldest entries up to `to_seq`; how many were removed.

        The entry, if one is given, is written in the same transaction. The newest entry of all stays.
        """

    async def vacuum(self) -> None:
        """Give room that is free back to the disk, where the store can."""


class HeadPlace(Protocol):
    """A second place, where signed heads of the audit are kept away from it."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    async def write(self, head: Head) -> None:
        """Add a head; durable when it returns.

        Raises:
            Unavailable: it cannot be written now.
        """

    async def read(self) -> Found:
        """Every head that is there.

        Raises:
            Unavailable: it cannot be read now, or never from here, as a log.
        """


class KeyStore(Protocol):
    """Keeps what is known of operators' keys; never their secrets."""

    async def first(self, key: Key, entry: Draft) -> bool:
        """Keep this key if there is none at all yet; whether it was kept."""

    async def save(self, *keys: Key, entry: Draft) -> None:
        """Keep new keys, or the new state of some, all or none."""

    async def load(self, id: str) -> Key | None:  # noqa: A002 - it is what it is called everywhere
        """What is known of a key, by its public id."""

    async def all(self) -> Sequence[Key]:
        """Every key, the newest first."""

    def used(self, id: str, at_us: int) -> None:  # noqa: A002
        """Note behind the caller's back that a key was used."""


class ChatStore(Protocol):
    """Keeps chats, messages, runs with their events, and the claims on idempotency keys."""

    async def open(self, chat: Chat, *, entry: Draft) -> None:
        """Keep a new chat."""

    async def remove(self, chat: str, *, entry: Draft) -> bool:
        """Remove a chat with its messages, runs and events; False if there is none."""

    async def chat(self, id: str) -> Chat | None:  # noqa: A002
        """A chat, or None."""

    async def chats(self, *, before: tuple[int, str] | None, limit: int) -> list[Chat]:
        """The newest chats, newest first: those before (`at_us`, `id`) in that order."""

    async def messages(
        self, chat: str, *, place: tuple[int, str] | None, limit: int, newest_first: bool
    ) -> list[Message]:
        """Messages of a chat beyond a place, in the order asked for."""

    async def message(self, id: str) -> Message | None:  # noqa: A002
        """A message, or None."""

    async def claim(self, scope: str, *, now_us: int) -> Claim | None:
        """The claim on an idempotency key that has not expired, or None."""

    async def send(
        self, message: Message, run: Run, claim: Claim | None, *, entry: Draft, most_runs: int
    ) -> Message | Claim:
        """Claim the key, keep the message and the run, and write the entry: all of it or nothing.

        Gives the message as it is kept: its `at_us` is moved behind the last one of its chat. Gives a claim where one
        was there already, and then nothing was written. A run that is kept and failed may be sent with its next
        attempt and token: its claim gives way to that, its message stays as it is, and its `error` is forgotten.

        Raises:
            NotFound: the chat was removed.
            RateLimited: the operator has `most_runs` runs under way (policy `runs`).
        """

    async def run(self, id: str) -> Run | None:  # noqa: A002
        """A run, or None."""

    async def events(self, run: str, *, after: int, limit: int) -> list[Event]:
        """Events of a run in order, those whose `seq` is greater than `after`; sound is not among what is kept."""

    async def write(self, run: str, token: int, events: Sequence[Event]) -> bool:
        """Keep events of a run; False, and nothing is kept, if this token is not the newest."""

    async def renew(self, run: str, token: int, until_us: int) -> bool:
        """Hold a run longer; False if this token is not the newest, or the run has ended."""

    async def finish(
        self,
        run: Run,
        *,
        reply: Message | None,
        events: Sequence[Event],
        end: Callable[[Message | None], End],
        entry: Draft,
    ) -> End | None:
        """End a run with its reply, its last events, and the answer to its claim, as it then stands in `run`.

        The reply's `at_us` is moved behind the last message of its chat; `end` is told that reply, or None where there
        is none, and says how the run ends. It may be called more than once, and in another thread. None, and nothing is
        written, if the run's token is not the newest or the run has ended.
        """

    async def take(
        self, holder: str, *, now_us: int, until_us: int, limit: int, besides: Collection[str] = ()
    ) -> list[Run]:
        """Take over runs whose lease has ended, but for those named: each with its next token and attempt."""

    async def forget(self, *, now_us: int, limit: int) -> int:
        """Remove claims that have expired, at most so many; how many."""


class ClaimFront(Protocol):
    """A quicker look at claims than the store's. It may forget, and it may be gone: then it finds nothing."""

    async def find(self, scope: str) -> Claim | None:
        """What is known of a claim."""

    async def put(self, claim: Claim) -> None:
        """Remember a claim until it expires."""

    async def drop(self, scope: str) -> None:
        """Forget a claim: its request had no effect."""


class LimitStore(Protocol):
    """Counts against rate limits, all scopes of a request in one step."""

    async def take(self, wanted: Sequence[tuple[str, Policy]]) -> Verdict:
        """Count one request in every scope, or in none. A scope is a name such as `chat:main.1f…`."""

    async def give_back(self, wanted: Sequence[tuple[str, Policy]]) -> None:
        """Undo one request: it had no effect."""


class Replier(Protocol):
    """Makes replies: the voice plane, as far as chats need it."""

    def reply(self, text: str, history: Sequence[Message], run: Run) -> AsyncGenerator[Event, None]:
        """The events of a reply, all with the `seq` 0: texts, and sound where it is to be spoken.

        Closing it early stops all work behind it.

        Raises:
            SegueError: it cannot be made, or not to its end.
        """


class NodeAnswer(Protocol):
    """The answer of another node, whose body is still on its way."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, their names in lower case."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes; nothing is read ahead of whoever takes the pieces.

        Raises:
            NodeDown: it broke off, or fell silent.
        """


class NodeCaller(Protocol):
    """Speaks with other nodes, by their names."""

    def call(self, node: str, call: Call) -> AbstractAsyncContextManager[NodeAnswer]:
        """Send a request on to a node. Leaving the block hangs up at once, wherever the answer is.

        Raises:
            NodeDown: it cannot be reached, does not answer in time, or broke off before its answer began.
            Unavailable: it does not take this node's key.
        """

    async def health(self, node: str) -> NodeHealth:
        """How a node says it is; one that does not answer in time is dead."""
