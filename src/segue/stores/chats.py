"""Chats, their runs and claims kept in memory: for tests, and for a server that may forget when it ends."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from segue.clock import Clock
from segue.console.audit import Draft
from segue.console.chats import Chat, Claim, End, Event, Message, Run, RunState
from segue.console.ports import OPERATOR_RUNS, UNKNOWN_CHAT
from segue.errors import NotFound, RateLimited


@dataclass(slots=True)
class _Room:
    """A chat with everything in it."""

    chat: Chat
    messages: list[Message] = field(default_factory=list)
    """In their order."""


class MemoryChatStore:
    """See `ChatStore`. `audited` writes the entries, in the same breath as the change."""

    def __init__(self, audited: Callable[[Draft], None]) -> None:
        self._audited = audited
        self._rooms: dict[str, _Room] = {}
        self._runs: dict[str, Run] = {}
        self._events: dict[str, list[Event]] = {}
        self._claims: dict[str, Claim] = {}

    async def open(self, chat: Chat, *, entry: Draft) -> None:
        """See `ChatStore.open`."""
        self._audited(entry)
        self._rooms[chat.id] = _Room(chat)

    async def remove(self, chat: str, *, entry: Draft) -> bool:
        """See `ChatStore.remove`."""
        if chat not in self._rooms:
            return False
        self._audited(entry)
        del self._rooms[chat]
        gone = {id for id, run in self._runs.items() if run.chat == chat}  # noqa: A001
        self._runs = {id: run for id, run in self._runs.items() if id not in gone}  # noqa: A001
        self._events = {id: kept for id, kept in self._events.items() if id not in gone}  # noqa: A001
        self._claims = {scope: claim for scope, claim in self._claims.items() if claim.run not in gone}
        return True

    async def chat(self, id: str) -> Chat | None:  # noqa: A002 - it is what it is called everywhere
        """See `ChatStore.chat`."""
        room = self._rooms.get(id)
        return room.chat if room is not None else None

    async def chats(self, *, before: tuple[int, str] | None, limit: int) -> list[Chat]:
        """See `ChatStore.chats`."""
        newest = sorted((room.chat for room in self._rooms.values()), key=lambda each: (each.at_us, each.id))
        return [each for each in reversed(newest) if before is None or (each.at_us, each.id) < before][:limit]

    async def messages(
        self, chat: str, *, place: tuple[int, str] | None, limit: int, newest_first: bool
    ) -> list[Message]:
        """See `ChatStore.messages`."""
        room = self._rooms.get(chat)
        found = list(room.messages) if room is not None else []
        if newest_first:
            return [each for each in reversed(found) if place is None or (each.at_us, each.id) < place][:limit]
        return [each for each in found if place is None or (each.at_us, each.id) > place][:limit]

    async def message(self, id: str) -> Message | None:  # noqa: A002
        """See `ChatStore.message`."""
        return next((each for room in self._rooms.values() for each in room.messages if each.id == id), None)

    async def claim(self, scope: str, *, now_us: int) -> Claim | None:
        """See `ChatStore.claim`."""
        claim = self._claims.get(scope)
        return claim if claim is not None and claim.expires_us > now_us else None

    async def send(
        self, message: Message, run: Run, claim: Claim | None, *, entry: Draft, most_runs: int
    ) -> Message | Claim:
        """See `ChatStore.send`."""
        if message.chat not in self._rooms:
            raise NotFound(UNKNOWN_CHAT, code="unknown_chat")
        there = await self.claim(claim.scope, now_us=claim.at_us) if claim is not None else None
        before = self._runs.get(run.id)
        again = before is not None and before.state is RunState.FAILED and run.token == before.token + 1
        if there is not None and not (again and there.run == run.id):
            return there
        under_way = [each for each in self._runs.values() if each.state is RunState.RUNNING]
        if sum(each.operator == run.operator for each in under_way) >= most_runs:
            raise RateLimited(OPERATOR_RUNS.format(most=most_runs), policy="runs")
        self._audited(entry)
        if again:
            message = await self.message(run.message) or message
            self._events[run.id] = [each for each in self._events[run.id] if each.kind != "error"]
        else:
            message = self._add(message)
            self._events[run.id] = []
        self._runs[run.id] = run
        if claim is not None:
            self._claims[claim.scope] = replace(claim, run=run.id, status=None, body=None)
        return message

    async def run(self, id: str) -> Run | None:  # noqa: A002
        """See `ChatStore.run`."""
        return self._runs.get(id)

    async def events(self, run: str, *, after: int, limit: int) -> list[Event]:
        """See `ChatStore.events`."""
        return [each for each in self._events.get(run, []) if each.seq > after][:limit]

    async def write(self, run: str, token: int, events: Sequence[Event]) -> bool:
        """See `ChatStore.write`."""
        if not self._holds(run, token):
            return False
        self._events[run] += events
        return True

    async def renew(self, run: str, token: int, until_us: int) -> bool:
        """See `ChatStore.renew`."""
        if not self._holds(run, token):
            return False
        self._runs[run] = replace(self._runs[run], until_us=until_us)
        return True

    async def finish(
        self,
        run: Run,
        *,
        reply: Message | None,
        events: Sequence[Event],
        end: Callable[[Message | None], End],
        entry: Draft,
    ) -> End | None:
        """See `ChatStore.finish`."""
        if not self._holds(run.id, run.token):
            return None
        self._audited(entry)
        ended = end(self._add(reply) if reply is not None else None)
        self._runs[run.id] = run
        self._events[run.id] += [*events, ended.event]
        if ended.status is not None:
            for scope, claim in self._claims.items():
                if claim.run == run.id:
                    self._claims[scope] = replace(claim, status=ended.status, body=ended.body)
        return ended

    async def take(
        self, holder: str, *, now_us: int, until_us: int, limit: int, besides: Collection[str] = ()
    ) -> list[Run]:
        """See `ChatStore.take`."""
        others = [run for run in self._runs.values() if run.id not in besides]
        running = [run for run in others if run.state is RunState.RUNNING and run.until_us <= now_us]
        taken = [
            replace(run, holder=holder, until_us=until_us, token=run.token + 1, attempt=run.attempt + 1)
            for run in sorted(running, key=lambda run: (run.until_us, run.id))[:limit]
        ]
        self._runs |= {run.id: run for run in taken}
        return taken

    async def forget(self, *, now_us: int, limit: int) -> int:
        """See `ChatStore.forget`."""
        gone = sorted((claim.expires_us, scope) for scope, claim in self._claims.items() if claim.expires_us <= now_us)
        for _, scope in gone[:limit]:
            del self._claims[scope]
        return len(gone[:limit])

    def _holds(self, run: str, token: int) -> bool:
        kept = self._runs.get(run)
        return kept is not None and kept.token == token and kept.state is RunState.RUNNING

    def _add(self, message: Message) -> Message:
        """Keep a message behind the last one of its chat."""
        there = self._rooms[message.chat].messages
        message = replace(message, at_us=max(message.at_us, there[-1].at_us + 1 if there else 0))
        there.append(message)
        return message


class MemoryClaims:
    """See `ClaimFront`: the newest claims of this process, at most `capacity`; the oldest are forgotten first."""

    def __init__(self, clock: Clock, *, capacity: int = 100_000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._claims: OrderedDict[str, Claim] = OrderedDict()

    async def find(self, scope: str) -> Claim | None:
        """See `ClaimFront.find`."""
        claim = self._claims.get(scope)
        if claim is not None and claim.expires_us <= self._clock.wall() * 1e6:
            del self._claims[scope]
            return None
        return claim

    async def put(self, claim: Claim) -> None:
        """See `ClaimFront.put`."""
        self._claims[claim.scope] = claim
        self._claims.move_to_end(claim.scope)
        now_us = self._clock.wall() * 1e6
        while self._claims:
            oldest = next(iter(self._claims.values()))
            if len(self._claims) <= self._capacity and oldest.expires_us > now_us:
                break
            self._claims.popitem(last=False)

    async def drop(self, scope: str) -> None:
        """See `ClaimFront.drop`."""
        self._claims.pop(scope, None)
