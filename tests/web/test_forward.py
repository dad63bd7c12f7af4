"""Requests that are sent on to another node: what goes there, what comes back, and what becomes of a node that dies."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from segue.clock import SystemClock
from segue.console.nodes import NodeState
from segue.console.operator import Operator, Scope
from segue.providers import node as provider
from segue.providers.node import Address, Nodes
from segue.web import forward, problems
from segue.web.forward import Forwarding

CHAT = f"far.{'0' * 32}"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
LIMIT_S = 20.0

Script = Callable[["Far"], Awaitable[None]]


class Far:
    """A node that answers as a test wants it: `script` is done for every request, after it was read."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.hung_up = asyncio.Event()
        self.writer: asyncio.StreamWriter
        self.connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self.url = ""

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send a piece of a body of unknown length."""
        await self.say(b"%x\r\n%b\r\n" % (len(data), data))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: requests, one after the other, until it is closed."""
        self.connections[asyncio.current_task()] = writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length")
                    ),
                    0,
                )
                self.requests.append(head + await reader.readexactly(length))
                self.writer = writer
                watching = asyncio.create_task(self._watch(reader))
                try:
                    await self.script(self)
                finally:
                    watching.cancel()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.hung_up.set()
            writer.close()

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        """Notice that whoever asked has hung up. `at_eof` takes nothing from what is read next."""
        while not reader.at_eof():
            await asyncio.sleep(0.005)
        self.hung_up.set()


@asynccontextmanager
async def far(script: Script) -> AsyncIterator[Far]:
    """A node on a free port."""
    node = Far(script)
    server = await asyncio.start_server(node.serve, "127.0.0.1", 0, limit=2**26)
    node.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield node
    server.close()
    for writer in node.connections.values():
        writer.close()
    await asyncio.gather(*(task for task in node.connections if task is not None))


class Quietly(uvicorn.Server):
    """uvicorn's server, which leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def near(url: str, *, via: str = "key:0", key: str = "seg_far", wait_s: float = 1.0) -> AsyncIterator[str]:
    """A server before a node at this address, which has let somebody called Оля in; gives its own address."""
    app = FastAPI()
    problems.install(app)
    nodes = Nodes({"far": Address(url, key)}, SystemClock(), 0.5)
    forwarding = Forwarding("near", {"far": url}, nodes, wait_s=wait_s, send_timeout_s=5.0)
    by = Operator("Оля", frozenset({Scope.READ}), via)

    @app.api_route("/api/chats/{chat_id}/{rest:path}", methods=["GET", "POST", "DELETE"])
    async def route(chat_id: str, request: Request) -> Response:
        return await forwarding.elsewhere(request, chat_id, by) or Response("here")

    await nodes.start()
    listening = socket.create_server(("127.0.0.1", 0))
    server = Quietly(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving
    await nodes.close()


async def ask(url: str, path: str = "/messages", method: str = "GET", **content: object) -> httpx2.Response:
    """Ask something about the chat of the far node."""
    async with httpx2.AsyncClient(timeout=LIMIT_S) as client:
        return await client.request(method, f"{url}/api/chats/{CHAT}{path}", **content)  # type: ignore[arg-type]


async def listen(url: str, take: Callable[[bytes], None]) -> httpx2.Headers:
    """Follow the events of the far node's chat to their end, piece by piece as they come; the headers."""
    async with (
        httpx2.AsyncClient(timeout=LIMIT_S) as client,
        client.stream("GET", f"{url}/api/chats/{CHAT}/events") as answer,
    ):
        assert answer.status_code == 200
        async for piece in answer.aiter_raw():
            take(piece)
        return answer.headers


async def hello(node: Far) -> None:
    """A short answer."""
    await node.say(OK + b"content-length: 5\r\n\r\nhello")


async def test_a_request_goes_on_as_it_came() -> None:
    """Method, path, query, body and what concerns the chat go on; the caller's own key and cookies stay here."""
    async with far(hello) as node, near(node.url) as url:
        answer = await ask(
            url,
            "/send%20it?a=1&a=%2F&b=",
            "POST",
            content=b'{"text": "\xd1\x8f"}',
            headers={
                "Authorization": "Bearer seg_mine",
                "X-API-Key": "seg_mine",
                "Cookie": "segue_session=mine",
                "X-Segue-Operator": "somebody else",
                "Idempotency-Key": "jak té".encode(),
                "Content-Type": "application/json",
                "Prefer": "respond-async",
                "Accept": "text/event-stream",
                "Last-Event-ID": "7",
                "X-Forwarded-For": "10.0.0.1",
            },
        )
        head, _, body = node.requests[0].partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)

    assert answer.text == "hello"
    assert first == f"POST /api/chats/{CHAT}/send%20it?a=1&a=%2F&b= HTTP/1.1"
    assert body == b'{"text": "\xd1\x8f"}'
    assert headers["authorization"] == "Bearer seg_far"
    assert headers["x-segue-operator"] == "%D0%9E%D0%BB%D1%8F"
    assert [headers[name] for name in ("idempotency-key", "prefer", "accept", "last-event-id")] == [
        "jak té".encode().decode("latin-1"),
        "respond-async",
        "text/event-stream",
        "7",
    ]
    assert not {"cookie", "x-api-key", "x-forwarded-for"} & {name.lower() for name in headers}
    assert "seg_mine" not in head.decode("latin-1")


async def test_an_answer_comes_back_as_it_is() -> None:
    """Status, body and the headers that concern the caller pass; what concerns the connection does not."""

    async def refuse(node: Far) -> None:
        body = b'{"code": "rate_limited"}'
        await node.say(
            b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\nretry-after: 3\r\n"
            b'RateLimit: "chat";r=0\r\nRateLimit-Policy: "chat";q=8\r\nlocation: /api/runs/far.1\r\n'
            b"Idempotent-Replayed: true\r\nx-segue-run: far.1\r\nset-cookie: a=b\r\nserver: far\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )

    async with far(refuse) as node, near(node.url) as url:
        answer = await ask(url)

    assert answer.status_code == 429
    assert answer.json() == {"code": "rate_limited"}
    expected = {
        "content-type": "application/problem+json",
        "retry-after": "3",
        "ratelimit": '"chat";r=0',
        "ratelimit-policy": '"chat";q=8',
        "location": "/api/runs/far.1",
        "idempotent-replayed": "true",
        "x-segue-run": "far.1",
        "x-segue-node": "far",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert "set-cookie" not in answer.headers


async def test_events_are_not_gathered() -> None:
    """An event reaches the listener while the other node still waits for the next one."""
    told = asyncio.Event()

    async def events(node: Far) -> None:
        await node.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(3):
            await node.chunk(b"data: %d\n\n" % number)
            await asyncio.wait_for(told.wait(), LIMIT_S)
            told.clear()
        await node.say(b"0\r\n\r\n")

    seen: list[bytes] = []

    def take(piece: bytes) -> None:
        seen.append(piece)
        told.set()

    async with far(events) as node, near(node.url) as url:
        headers = await listen(url, take)

    assert seen == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
    assert headers["cache-control"] == "no-store, no-transform"


async def test_a_listener_who_leaves_hangs_up_there_too() -> None:
    """Whoever leaves in mid-stream, or before the answer has begun, is gone from the other node within 100 ms."""
    begun = asyncio.Event()

    async def stay(node: Far) -> None:
        if node.requests[-1].startswith(b"GET /api/chats/%b/stream" % CHAT.encode()):
            await node.say(OK + b"transfer-encoding: chunked\r\n\r\n")
            await node.chunk(b"one")
        begun.set()
        await node.hung_up.wait()

    loop = asyncio.get_running_loop()
    for path in ("stream", "never"):
        begun.clear()
        async with far(stay) as node, near(node.url, wait_s=60.0) as url:
            _, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":")[-1]))
            method = "GET" if path == "stream" else "POST"
            writer.write(f"{method} /api/chats/{CHAT}/{path} HTTP/1.1\r\nhost: near\r\n\r\n".encode())
            await asyncio.wait_for(begun.wait(), LIMIT_S)
            left = loop.time()
            writer.close()
            await asyncio.wait_for(node.hung_up.wait(), LIMIT_S)

            # A hundred milliseconds are the rule; a machine that is busy with other tests is given more.
            assert loop.time() - left < 2.0, path


async def test_a_slow_listener_slows_the_other_node() -> None:
    """Nothing is gathered up here: while a listener does not read, the other node cannot send on and on."""
    sent = 0

    async def pour(node: Far) -> None:
        nonlocal sent
        await node.say(OK + b"transfer-encoding: chunked\r\n\r\n")
        while sent < 200_000_000:
            await node.chunk(b"x" * 100_000)
            sent += 100_000

    async with far(pour) as node, near(node.url) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":")[-1]), limit=1024)
        writer.write(f"GET /api/chats/{CHAT}/x HTTP/1.1\r\nhost: near\r\n\r\n".encode())
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        writer.close()
        await asyncio.wait_for(node.hung_up.wait(), LIMIT_S)

    assert 0 < sent < 50_000_000


@pytest.mark.parametrize("how", ["refused", "reset", "closed", "garbage", "silent"])
async def test_a_dead_node_is_named(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that refuses, resets, hangs up, talks nonsense or is silent is told as down, with its name."""
    monkeypatch.setattr(forward, "BEGIN_S", 0.3)

    async def die(node: Far) -> None:
        if how == "reset":
            node.writer.transport.abort()
        elif how == "closed":
            node.writer.close()
        elif how == "garbage":
            await node.say(b"\x00\x01 what\r\n\r\n")
        elif how == "silent":
            await node.hung_up.wait()

    async with far(die) as node:
        free = socket.create_server(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        free.close()
        async with near(nobody if how == "refused" else node.url) as url:
            answer = await ask(url)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    problem = answer.json()
    assert (problem["code"], problem["node"], problem["retryable"]) == ("node_down", "far", True)
    assert "seg_far" not in answer.text


@pytest.mark.parametrize("how", ["chunked", "counted", "silent"])
async def test_an_answer_that_breaks_off_has_no_end(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that dies in the middle of its answer breaks it off for the caller too, and never ends it cleanly."""
    monkeypatch.setattr(provider, "SILENT_S", 0.3)

    async def die(node: Far) -> None:
        await node.say(OK + (b"content-length: 100\r\n\r\nhalf" if how == "counted" else b""))
        if how != "counted":
            await node.say(b"transfer-encoding: chunked\r\n\r\n")
            await node.chunk(b"half")
        if how == "silent":
            await node.hung_up.wait()
        node.writer.close()

    seen: list[bytes] = []
    async with far(die) as node, near(node.url) as url:
        with pytest.raises(httpx2.RemoteProtocolError):
            await listen(url, seen.append)

    assert seen == [b"half"]


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"403 Forbidden"])
async def test_a_key_that_is_refused_there_is_not_the_callers(status: bytes) -> None:
    """A caller whose key is good is not told that theirs is bad, but that this node's is."""

    async def refuse(node: Far) -> None:
        await node.say(b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status)

    async with far(refuse) as node, near(node.url) as url:
        answer = await ask(url)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "far does not take this node's key" in answer.json()["detail"]


async def test_unknown_nodes_and_own_chats() -> None:
    """Nodes that nobody knows are told so; own chats, and what another node sent on, go no further."""
    async with far(hello) as node:
        async with near(node.url) as url, httpx2.AsyncClient(base_url=url) as client:
            unknown = await client.get(f"/api/chats/other.{'0' * 32}/messages")
            own = await client.get(f"/api/chats/near.{'0' * 32}/messages")
            none = await client.get("/api/chats/far.short/messages")
        async with near(node.url, via="node:0") as url:
            again = await ask(url)

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_node")
    assert "there is far, near" in unknown.json()["detail"]
    assert own.text == none.text == "here"
    assert (again.status_code, again.json()["code"]) == (404, "unknown_node")
    assert node.requests == []


@pytest.mark.parametrize(
    ("status", "body", "state", "reasons"),
    [
        (200, b'{"status": "ready", "reasons": {}}', NodeState.READY, []),
        (503, b'{"reasons": {"draining": "It stops."}}', NodeState.NOT_READY, ["draining"]),
        (200, b"hello", NodeState.DEAD, ["answer"]),
        (503, b"[]", NodeState.DEAD, ["answer"]),
        (500, b"", NodeState.DEAD, ["answer"]),
        (200, b"x" * 100_000, NodeState.DEAD, ["answer"]),
        (0, b"", NodeState.DEAD, ["answer"]),
    ],
)
async def test_what_a_node_says_of_itself(status: int, body: bytes, state: NodeState, reasons: list[str]) -> None:
    """Ready and not ready are told as a node tells them; anything else, and silence, is a dead node."""

    async def say(node: Far) -> None:
        if not status:
            await node.hung_up.wait()
        else:
            await node.say(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))

    async with far(say) as node:
        nodes = Nodes({"far": Address(node.url, "k")}, SystemClock(), 0.3)
        await nodes.start()
        health = await nodes.health("far")
        await nodes.close()

    assert (health.state, list(health.reasons)) == (state, reasons)
    assert (health.answer_ms is not None) == (status != 0)
    assert not any(b"authorization" in request for request in node.requests)
