"""Clients that are cheap enough to share two cores with what they measure: HTTP/1.1 and WebSocket over bare sockets.

Each connection is kept alive and takes one turn at a time. The time of an event is read once for everything that one
read of the socket brought.
"""

import asyncio
import base64
import json
import os
import struct
import time
from typing import Any, Protocol, cast

from benchmarks.taking import Taking, lines

ACCEPT = {"ndjson": "application/x-ndjson", "sse": "text/event-stream"}
PACKET_HEADER_BYTES = 28
"""Before the audio in a binary WebSocket packet: version, flags, generation, seq, part, turn."""


class Wire(Protocol):
    """A kept connection that takes turns."""

    async def take(self, body: dict[str, Any], taking: Taking) -> None:
        """Ask for one turn and return when it is over or the connection is."""

    @property
    def usable(self) -> bool:
        """Whether another turn can be asked for here."""

    def close(self) -> None:
        """Let go of the socket."""


class _Kept(asyncio.Protocol):
    """What both have in common: one socket, one buffer, one turn that is waited for."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._taking: Taking | None = None
        self._over: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol; a turn that was under way is over."""
        del exc
        self._transport = None
        self._finish()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        now_s = time.perf_counter()
        self._buffer = self._buffer + data if self._buffer else data
        try:
            while self._step(now_s):
                pass
        except (ValueError, KeyError):
            if self._taking is not None:
                self._taking.outcome = "garbled"
            self.close()
            self._finish()

    @property
    def usable(self) -> bool:
        """Whether another turn can be asked for here."""
        return self._transport is not None and not self._transport.is_closing() and self._over is None

    def close(self) -> None:
        """Let go of the socket."""
        if self._transport is not None:
            self._transport.close()

    def _step(self, now_s: float) -> bool:
        """Take one unit off the buffer; False when more must arrive first."""
        raise NotImplementedError

    def _finish(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    async def _ask(self, request: bytes, taking: Taking) -> None:
        if self._transport is None:
            return
        self._taking, self._over = taking, asyncio.get_running_loop().create_future()
        taking.sent_s = time.perf_counter()
        self._transport.write(request)
        try:
            await self._over
        finally:
            self._taking = self._over = None


class HttpWire(_Kept):
    """`POST /api/voice/chat/stream` with chunked answers, as NDJSON or as server-sent events."""

    def __init__(self, host: str, *, sse: bool = False) -> None:
        super().__init__()
        self._sse = sse
        accept = ACCEPT["sse" if sse else "ndjson"]
        self._head = (
            f"POST /api/voice/chat/stream HTTP/1.1\r\nhost: {host}\r\naccept: {accept}\r\n"
            "content-type: application/json\r\ncontent-length: "
        )
        self._in_body = False
        self._rest = b""

    async def take(self, body: dict[str, Any], taking: Taking) -> None:
        """See `Wire.take`."""
        self._in_body, self._rest = False, b""
        content = json.dumps(body).encode()
        await self._ask(f"{self._head}{len(content)}\r\n\r\n".encode() + content, taking)

    def _step(self, now_s: float) -> bool:
        return self._chunk(now_s) if self._in_body else self._answer()

    def _answer(self) -> bool:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        status, lowered = int(head[9:12]), head.lower()
        if status != 200 or b"transfer-encoding: chunked" not in lowered:
            if self._taking is not None:
                self._taking.outcome = f"status {status}"
            self.close()
            self._finish()
            return False
        self._in_body, self._buffer = True, rest
        return True

    def _chunk(self, now_s: float) -> bool:
        begin = self._buffer.find(b"\r\n")
        if begin < 0:
            return False
        size = int(self._buffer[:begin], 16)
        end = begin + 2 + size
        if len(self._buffer) < end + 2:
            return False
        piece, self._buffer = self._buffer[begin + 2 : end], self._buffer[end + 2 :]
        if size == 0:
            self._finish()
            return False
        events, self._rest = lines(self._rest, piece, sse=self._sse)
        if self._taking is not None:
            for kind, fields in events:
                self._taking.event(now_s, kind, fields)
        return True


class SocketWire(_Kept):
    """`WS /api/voice/ws` with binary packets of audio; the generation is left to the server."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host
        self._open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol; asks for the upgrade at once."""
        super().connection_made(transport)
        key = base64.b64encode(os.urandom(16)).decode()
        cast("asyncio.Transport", transport).write(
            f"GET /api/voice/ws HTTP/1.1\r\nhost: {self._host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            f"sec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the WebSocket was refused"))
        super().connection_lost(exc)

    async def take(self, body: dict[str, Any], taking: Taking) -> None:
        """See `Wire.take`."""
        await self._ask(_masked(json.dumps({"type": "turn", **body}).encode()), taking)

    def _step(self, now_s: float) -> bool:
        if self._open:
            return self._frame(now_s)
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if b" 101 " not in head[:20]:
            raise ValueError(head[:40])
        self._open, self._buffer = True, rest
        if not self.opened.done():
            self.opened.set_result(None)
        return True

    def _frame(self, now_s: float) -> bool:
        buffer = self._buffer
        if len(buffer) < 4:
            return False
        size, begin = buffer[1], 2
        if size == 126:
            size, begin = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, begin = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < begin + size:
            return False
        payload, self._buffer = buffer[begin : begin + size], buffer[begin + size :]
        self._message(now_s, buffer[0] & 0x0F, payload)
        return True

    def _message(self, now_s: float, opcode: int, payload: bytes) -> None:
        taking = self._taking
        if opcode == 8:
            self.close()
        elif taking is None:
            return
        elif opcode == 2:
            if len(payload) > PACKET_HEADER_BYTES:
                taking.audio(now_s, payload[PACKET_HEADER_BYTES:])
        elif opcode == 1:
            fields = json.loads(payload)
            taking.event(now_s, fields["event"], fields)
            if taking.over:
                self._finish()


def _masked(payload: bytes) -> bytes:
    """A text frame as a client sends it. The mask is four zeros, which the protocol allows and which costs nothing."""
    size = len(payload)
    head = struct.pack(">BB", 0x81, 0x80 | size) if size < 126 else struct.pack(">BBH", 0x81, 0x80 | 126, size)
    return head + b"\0\0\0\0" + payload


async def connect(host: str, port: int, kind: str) -> Wire:
    """An open connection of one kind: `ndjson`, `sse` or `ws`.

    Raises:
        OSError: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    if kind == "ws":
        _, socket = await loop.create_connection(lambda: SocketWire(f"{host}:{port}"), host, port)
        await socket.opened
        return socket
    _, wire = await loop.create_connection(lambda: HttpWire(f"{host}:{port}", sse=kind == "sse"), host, port)
    return wire
