"""Chats for tests: servers in this process that share a store, on a clock turned by hand; and senders over HTTP."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2

from segue.clock import ManualClock
from segue.console.actions import Actions
from segue.console.audit import Entry
from segue.console.chats import Asked, Event, Message, Run
from segue.console.chatting import Chatting
from segue.console.idempotency import fingerprint, scope_of
from segue.console.making import Hand, Maker
from segue.console.operator import Operator, Scope
from segue.console.ports import ChatStore, ClaimFront
from segue.console.ratelimit import Policy
from segue.console.running import Runs
from segue.console.sending import Sending
from segue.console.wanted import Claims, Limits, Wanted
from segue.stores.chats import MemoryChatStore
from segue.stores.console import MemoryAuditStore
from segue.stores.limits import MemoryLimitStore
from segue.vendors.console import ChatSettings
from segue.web.ratelimit import refused

OLHA = Operator("olha", frozenset({Scope.SEND, Scope.READ}), "key:0123456789ab")
PLENTY = {"chat": Policy("chat", 1000.0, 1000), "operator": Policy("operator", 1000.0, 1000)}


@dataclass
class Script:
    """A replier that says its words one by one; it waits at each for `gate`, and raises `error` behind the last."""

    words: Sequence[str] = ("Good ", "evening.")
    gate: asyncio.Event | None = None
    error: Exception | None = None
    sound: int = 0
    """Bytes of sound behind each word."""
    asked: list[tuple[str, list[str], int]] = field(default_factory=list)
    """The text, the history and the attempt of each call."""
    closed: int = 0

    async def reply(self, text: str, history: Sequence[Message], run: Run) -> AsyncGenerator[Event, None]:
        """See `Replier.reply`."""
        self.asked.append((text, [each.text for each in history], run.attempt))
        try:
            for word in self.words:
                if self.gate is not None:
                    await self.gate.wait()
                yield Event(0, "text", {"text": word})
                if self.sound:
                    yield Event(0, "audio", {"data": bytes(self.sound), "ms": 1.0})
            if self.error is not None:
                raise self.error
            yield Event(0, "done", {"timings": {"done_ms": 1.0}})
        except GeneratorExit:
            self.closed += 1
            raise


class Desk:
    """One server. Several may share a store and a clock."""

    numbers: Iterator[int] = itertools.count(1)

    def __init__(
        self,
        script: Script | None = None,
        beside: "Desk | None" = None,
        *,
        store: ChatStore | None = None,
        policies: dict[str, Policy] | None = None,
        most_runs: int = 100,
        front: ClaimFront | None = None,
        **settings: Any,
    ) -> None:
        self.script = script or Script()
        self.clock = beside.clock if beside else ManualClock()
        self.audit = beside.audit if beside else MemoryAuditStore()
        self.store = store or (beside.store if beside else MemoryChatStore(self.audit.write))
        self.settings = ChatSettings(**settings)
        self.limits = MemoryLimitStore(self.clock)
        actions = Actions(self.audit, self.clock, "main")
        hand = Hand(f"desk{next(self.numbers)}", lambda: 0.5, self.new_id)
        maker = Maker(self.store, self.script, actions, self.clock, self.settings, hand)
        self.runs = Runs(self.store, maker, self.clock, self.settings, hand)
        self.sending = Sending(
            store=self.store,
            runs=self.runs,
            actions=actions,
            audit=self.audit,
            limits=Limits(self.limits, policies or PLENTY, most_runs, refused),
            claims=Claims(front, only=self.settings.claims == "memory"),
            clock=self.clock,
            settings=self.settings,
            new_id=self.new_id,
            node="main",
        )
        self.chatting = Chatting(
            self.store, actions, self.sending, self.runs, self.clock, "main", self.new_id, self.settings.wait_s
        )

    def new_id(self) -> str:
        """The next of all ids."""
        return f"{next(self.numbers):032x}"

    async def open(self, by: Operator = OLHA) -> str:
        """A new chat; its id."""
        return (await self.chatting.open(by, "Night shift", "r")).id

    def wanted(self, chat: str, text: str = "Hello", key: str = "k", by: Operator = OLHA, **asked: Any) -> Wanted:
        """A message as the door hands it over."""
        route = "/api/chats/{chat_id}/send"
        print_ = fingerprint("POST", route, {"text": text, **asked})
        return Wanted(chat, text, Asked(**asked), scope_of(by.name, route, chat, key), print_, "r")

    async def send(
        self, chat: str, text: str = "Hello", key: str = "k", by: Operator = OLHA, **asked: Any
    ) -> tuple[int, str]:
        """Send and wait for the reply: the status and the body."""
        sent = await self.sending.send(by, self.wanted(chat, text, key, by, **asked))
        outcome = await self.chatting.outcome(sent)
        return outcome.status, outcome.body or ""

    async def messages(self, chat: str) -> list[tuple[str, str]]:
        """Who said what, in order."""
        found = await self.store.messages(chat, place=None, limit=500, newest_first=False)
        return [(each.role, each.text) for each in found]

    async def follow(self, run: str, after: int = 0) -> list[Event]:
        """Every event behind a place, to the last."""
        found, _ = await self.chatting.run(run)
        async with aclosing(self.chatting.follow(found, after)) as events:
            return [event async for event in events if event is not None]

    async def deeds(self) -> list[tuple[str, str, str]]:
        """Action, status and code of every entry."""
        entries: list[Entry] = await self.audit.read(after=0, limit=10_000)
        return [(each.action, each.status, each.code) for each in entries]


PLENTIFUL: dict[str, Any] = {
    "rate_limits": {
        "chat": {"per_s": 100_000, "burst": 100_000},
        "operator": {"per_s": 100_000, "burst": 100_000},
        "operator_runs": 1000,
    },
    "providers": {
        "models": ["scripted"],
        "synthesizers": ["scripted"],
        "recognizers": [],
        "scripted": {"token_interval_s": 0.02},
        "named": {"absent": {"vendor": "openai-model", "url": "http://127.0.0.1:9/v1", "model": "absent"}},
    },
    "voice": {"profiles": {"quality": {"models": ["absent"]}}},
}
"""Settings of a server whose model repeats what is said, a few letters every 20 ms, and that lets everybody send. Its
profile `quality` always fails."""


def opened(client: httpx2.Client, title: str = "Night shift") -> str:
    """A new chat; its id."""
    answer = client.post("/api/chats", json={"title": title})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def send(client: httpx2.Client, chat: str, text: str = "Hello", key: str = "k", **body: Any) -> httpx2.Response:
    """Send a message and wait for the answer."""
    return client.post(f"/api/chats/{chat}/send", json={"text": text, **body}, headers={"Idempotency-Key": key})


def events_of(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """The number, kind and data of server-sent events; comments are left out."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found
