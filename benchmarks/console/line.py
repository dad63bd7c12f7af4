"""A kept connection that sends requests and takes answers one after another; as little work as it can be."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Line(asyncio.Protocol):
    """One connection; see `connect`."""

    def __init__(self, host: str, key: str) -> None:
        self._begin = f"host: {host}\r\nauthorization: Bearer {key}\r\n"
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._came += data
        head, found, rest = self._came.partition(b"\r\n\r\n")
        if not found:
            return
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._came = rest[length:]
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Reply(int(status.split(" ", 2)[1]), headers, rest[:length]))

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and wait for the whole answer.

        Raises:
            OSError: the connection broke.
            TimeoutError: there is no answer within `LIMIT_S`.
        """
        assert self._transport is not None  # noqa: S101 - `connect` waits for it
        content = b"" if body is None else json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        if body is not None:
            more += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(f"{method} {path} HTTP/1.1\r\n{self._begin}{more}\r\n".encode() + content)
        async with asyncio.timeout(LIMIT_S):
            return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def connect(host: str, port: int, key: str) -> Line:
    """A connection to a server, whose requests carry this key."""
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: Line(f"{host}:{port}", key), host, port)
    return line
