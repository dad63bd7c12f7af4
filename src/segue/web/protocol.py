"""The HTTP protocol of the server, with a time limit for request heads.

uvicorn waits for ever for the head of a request; a few hundred connections that send a byte a minute would hold as
many places. This protocol closes them. It also says who is at the other end of the machine's own socket, as the kernel
tells it.
"""

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from segue.web.doorkeeper import PEER

_REFUSAL = (
    b"HTTP/1.1 408 Request Timeout\r\n"
    b"content-type: application/problem+json\r\n"
    b"connection: close\r\n"
    b"content-length: %d\r\n\r\n"
)
_BODY = (
    b'{"type":"urn:segue:error:too_slow","title":"Request Timeout","status":408,'
    b'"detail":"The head of the request did not arrive in time.","code":"too_slow","retryable":true}'
)


def protocol(head_timeout_s: float) -> type[HttpToolsProtocol]:
    """A protocol class that closes a connection whose request head takes longer than this."""

    class TimedProtocol(HttpToolsProtocol):
        """uvicorn's protocol with a clock on the head."""

        _timer: asyncio.TimerHandle | None = None
        _peer: int | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._peer = peer_uid(transport.get_extra_info("socket"))
            self._start()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            self._start()
            super().on_message_begin()
            if self._peer is not None:
                self.scope["state"][PEER] = self._peer

        def on_headers_complete(self) -> None:
            self._stop()
            super().on_headers_complete()

        def _start(self) -> None:
            self._stop()
            self._timer = self.loop.call_later(head_timeout_s, self._expire)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _expire(self) -> None:
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(_REFUSAL % len(_BODY) + _BODY)
                self.transport.close()

    return TimedProtocol


def peer_uid(connection: Any) -> int | None:
    """The user who opened a connection of a Unix socket, from the kernel; None for any other connection."""
    if connection is None or connection.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return None
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
    _, uid, _ = struct.unpack("iII", told)
    return int(uid)
