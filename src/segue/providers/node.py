"""Speaks with other nodes over HTTP: sends requests on to them, and asks how they are.

Their keys are told in no error and in no log.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx2

from segue.clock import Clock
from segue.console.nodes import Call, NodeHealth, NodeState, told
from segue.errors import ConfigurationError, InvalidRequest, NodeDown, Unavailable

SILENT_S = 15.0
"""An answer that has begun and says nothing for so long is given up: three heartbeats of a stream."""
RETRY_AFTER_S = 5
"""When a caller is told to come again."""
IDLE_S = 2.0
"""Connections that were idle for so long are not used again: the other side closes them after five."""
REFUSED = (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN)
"""How a node answers whose key it does not take. What the operator may do was seen before anything was sent."""
READY_BYTES = 65_536
"""More of what a node says about itself is not read."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node is, and the key that opens it."""

    url: str
    key: str


class Heard:
    """An answer that has begun; see `NodeAnswer`."""

    def __init__(self, node: str, answer: httpx2.Response, clock: Clock) -> None:
        self._node = node
        self._answer = answer
        self._clock = clock

    @property
    def status(self) -> int:
        """See `NodeAnswer.status`."""
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """See `NodeAnswer.headers`."""
        return {name.lower(): value for name, value in self._answer.headers.items()}

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """See `NodeAnswer.pieces`."""
        raw = self._answer.aiter_raw()
        try:
            while True:
                async with self._clock.limit(SILENT_S):
                    piece = await anext(raw, None)
                if piece is None:
                    return
                yield piece
        except TimeoutError:
            raise _down(self._node, f"fell silent for {SILENT_S:g} s in the middle of its answer") from None
        except httpx2.HTTPError as error:
            raise _down(self._node, f"broke off in the middle of its answer ({type(error).__name__})") from None


class Nodes:
    """The other nodes, by name. `timeout_s` is how long one may take to take a connection, or to say how it is."""

    def __init__(self, addresses: Mapping[str, Address], clock: Clock, timeout_s: float) -> None:
        for name, address in addresses.items():
            if not (address.key.isascii() and address.key.isprintable()):
                raise ConfigurationError(f"console.nodes.{name}: the key holds characters no header can; set it again.")
        self._addresses = addresses
        self._clock = clock
        self._timeout_s = timeout_s
        self._client: httpx2.AsyncClient | None = None

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""
        if self._client is None:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=IDLE_S)
            timeout = httpx2.Timeout(None, connect=self._timeout_s)
            self._client = httpx2.AsyncClient(
                limits=limits, timeout=timeout, follow_redirects=False, headers={"accept-encoding": "identity"}
            )

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def call(self, node: str, call: Call) -> AsyncGenerator[Heard, None]:
        """See `NodeCaller.call`."""
        headers = [
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in call.headers),
            (b"x-segue-operator", quote(call.operator, safe=" ").encode()),
            (b"authorization", f"Bearer {self._addresses[node].key}".encode()),
        ]
        answer = await self._ask(node, call.method, call.path, headers, call.body, call.wait_s)
        try:
            if answer.status_code in REFUSED:
                raise Unavailable(
                    f"Node {node} does not take this node's key ({answer.status_code}): give this node one that was "
                    f"made there with the scope `node`."
                )
            yield Heard(node, answer, self._clock)
        finally:
            await answer.aclose()

    async def health(self, node: str) -> NodeHealth:
        """See `NodeCaller.health`."""
        began = self._clock.now()
        health = NodeHealth(node, self._addresses[node].url, NodeState.DEAD, round(self._clock.wall() * 1e6))
        try:
            async with self._clock.limit(self._timeout_s):
                status, ready = await self._said(node, "/api/ready")
                took_ms = (self._clock.now() - began) * 1000.0
                _, live = await self._said(node, "/api/health")
        except TimeoutError:
            return replace(health, reasons={"answer": f"It did not answer within {self._timeout_s:g} s."})
        except NodeDown as error:
            return replace(health, reasons={"answer": error.message})
        state, reasons = told(status, ready)
        version = str(live.get("version", ""))[:100] if isinstance(live, dict) else ""
        return replace(health, state=state, answer_ms=took_ms, version=version, reasons=reasons)

    async def _said(self, node: str, path: str) -> tuple[int, Any]:
        """The status and the JSON of a short answer; None for what is no JSON, or too long."""
        answer = await self._ask(node, "GET", path, [], b"", self._timeout_s)
        body = b""
        try:
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > READY_BYTES:
                    return answer.status_code, None
            return answer.status_code, json.loads(body)
        except ValueError:
            return answer.status_code, None
        except httpx2.HTTPError as error:
            raise _down(node, f"broke off in the middle of its answer ({type(error).__name__})") from None
        finally:
            await answer.aclose()

    async def _ask(
        self, node: str, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes, wait_s: float
    ) -> httpx2.Response:
        """The beginning of an answer; whoever gets it closes it.

        Raises:
            NodeDown: there is none.
            InvalidRequest: the address is too long to be sent on.
        """
        if self._client is None:
            raise Unavailable("Other nodes are not asked: this server is not running.")
        url = self._addresses[node].url.rstrip("/") + path
        try:
            async with self._clock.limit(wait_s):
                request = self._client.build_request(method, url, headers=headers, content=body or None)
                return await self._client.send(request, stream=True)
        except TimeoutError:
            raise _down(node, f"did not answer within {wait_s:g} s") from None
        except httpx2.InvalidURL:
            raise InvalidRequest("The address of this request is too long to be sent on to another node.") from None
        except httpx2.HTTPError as error:
            raise _down(node, f"cannot be reached ({type(error).__name__})") from None


def _down(node: str, why: str) -> NodeDown:
    return NodeDown(f"Node {node} {why}.", node=node, headers={"Retry-After": str(RETRY_AFTER_S)})
