"""The ways in which messages are sent and kept: Segue over HTTP, Segue's store by itself, and SQLite alone."""

import asyncio
import re
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.console import plain
from benchmarks.console.driving import Window, loops, summary, threads
from benchmarks.console.line import Line, Reply
from benchmarks.console.plan import Plan, Tell
from benchmarks.console.rows import TEXT, chat_of, sending
from benchmarks.console.server import Served
from segue.stores.sql.chats import SqlChatStore
from segue.stores.sql.shared import Sql

LIMIT_S = 60.0
WARM_S = 0.3
NO_LIMIT = 1_000_000
_RUNNING = re.compile(rb"^segue_running_replies (\S+)$", re.MULTILINE)


class Way(Protocol):
    """One way of sending."""

    async def window(self, workers: int, window_s: float) -> Window:
        """Send with so many at once, for a while; everything that was begun is done when it returns."""

    @property
    def sent(self) -> int:
        """How many messages were accepted so far."""


class Served202:
    """Over HTTP, answered as soon as it is durable; the replies are made behind that, and waited for at the end."""

    accepted = 202
    headers: Mapping[str, str] = {"Prefer": "respond-async"}

    def __init__(self, served: Served) -> None:
        self._served = served
        self._chats: list[str] = []
        self.sent = 0

    async def window(self, workers: int, window_s: float) -> Window:
        """See `Way.window`."""
        lines = [await self._served.line() for _ in range(workers)]  # fresh: a server hangs up on those that are idle
        try:
            while len(self._chats) < workers:
                opened = _expect(await lines[0].ask("POST", "/api/chats", {"title": f"Chat {len(self._chats)}"}), 201)
                self._chats.append(opened.json()["id"])
            return await self._window(lines, window_s)
        finally:
            for line in lines:
                line.close()

    async def _window(self, lines: Sequence[Line], window_s: float) -> Window:
        async def one(worker: int) -> None:
            headers = {"Idempotency-Key": secrets.token_hex(16), **self.headers}
            path = f"/api/chats/{self._chats[worker]}/send"
            _expect(await lines[worker].ask("POST", path, {"text": TEXT}, headers), self.accepted)
            self.sent += 1

        began_s, before_s = time.perf_counter(), self._served.gateway.cost().cpu_s
        window = await loops(len(lines), window_s, one)
        window.pending = under_way = await replies_under_way(lines[0])
        deadline = time.monotonic() + LIMIT_S
        while under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            under_way = await replies_under_way(lines[0])
        if under_way:
            raise TimeoutError(f"{under_way} replies are still under way")
        window.settled_s = time.perf_counter() - began_s
        window.cpu_s = self._served.gateway.cost().cpu_s - before_s
        return window


class Served200(Served202):
    """Over HTTP, answered with the reply."""

    accepted = 200
    headers: Mapping[str, str] = {}


class Stored:
    """Segue's store by itself, in this process: what a message is written with, without HTTP and without a reply."""

    def __init__(self, database: Sql) -> None:
        self._store = SqlChatStore(database)
        self._chats: list[str] = []
        self.sent = 0

    async def window(self, workers: int, window_s: float) -> Window:
        """See `Way.window`."""
        while len(self._chats) < workers:
            chat, entry = chat_of(len(self._chats))
            await self._store.open(chat, entry=entry)
            self._chats.append(chat.id)
        before_s = time.process_time()
        window = await loops(workers, window_s, self._one)
        window.cpu_s = time.process_time() - before_s
        return window

    async def _one(self, worker: int) -> None:
        sent = sending(self._chats[worker], self.sent)
        self.sent += 1
        await self._store.send(sent.message, sent.run, sent.claim, entry=sent.entry, most_runs=NO_LIMIT)


class Plain:
    """SQLite alone: one connection, on which every message waits for the one before, or one for each worker."""

    def __init__(self, path: Path, *, shared: bool) -> None:
        self._path = path
        self._shared = shared
        self._connections: list[sqlite3.Connection] = []
        self._sent: list[int] = []

    @property
    def sent(self) -> int:
        """See `Way.sent`."""
        return sum(self._sent)

    async def window(self, workers: int, window_s: float) -> Window:
        """See `Way.window`."""
        workers = 1 if self._shared else workers
        while len(self._connections) < workers:
            self._connections.append(plain.connect(self._path))
            self._sent.append(0)
        before_s = time.process_time()
        window = await asyncio.to_thread(threads, workers, window_s, self._one)
        window.cpu_s = time.process_time() - before_s
        return window

    def _one(self, worker: int) -> None:
        number = self._sent[worker]
        plain.write(self._connections[worker], sending(f"chat-{worker}", number))
        self._sent[worker] += 1

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()


async def replies_under_way(line: Line) -> int:
    """How many replies a server is making."""
    found = _RUNNING.search((await line.ask("GET", "/metrics")).body)
    assert found is not None, "there is no such reading"  # noqa: S101 - the server is of this version
    return int(float(found[1]))


def _expect(reply: Reply, status: int) -> Reply:
    """The answer, if it is the one that was wanted.

    Raises:
        RuntimeError: it is another; the message holds it.
    """
    if reply.status != status:
        raise RuntimeError(f"{reply.status} instead of {status}: {reply.body[:500]!r}")
    return reply


def kept(path: Path) -> int:
    """How many messages of operators a file holds."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("select count(*) from messages where role = 'user'").fetchone()[0])
    finally:
        connection.close()


async def rounds(plan: Plan, ways: Mapping[str, Way], tell: Tell) -> dict[str, dict[str, Any]]:
    """Let every way have its turn with each number of workers, in another order each time: none is always the first."""
    windows: dict[str, dict[int, list[Window]]] = {name: {count: [] for count in plan.workers} for name in ways}
    for way in ways.values():
        await way.window(plan.workers[0], min(WARM_S, plan.window_s))
    done, whole = 0, plan.rounds * len(plan.workers) * len(ways)
    for turn in range(plan.rounds * len(plan.workers)):
        count, start = plan.workers[turn % len(plan.workers)], turn % len(ways)
        for name in [*list(ways)[start:], *list(ways)[:start]]:
            tell(f"{name}, {count} at once", done, whole)
            windows[name][count].append(await ways[name].window(count, plan.window_s))
            done += 1
    return {name: {str(count): summary(each) for count, each in of.items()} for name, of in windows.items()}
