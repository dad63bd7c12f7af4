"""The smallest server that can answer a turn: what the measuring itself costs, on the same sockets and cores.

Run as `python -m benchmarks.canned SECONDS`: every request is answered at once with one packet of a tone that was
encoded beforehand, and ends that many seconds later. Nothing is parsed, decided or synthesized.
"""

import asyncio
import base64
import json
import math
import signal
import sys
from array import array
from typing import cast

import uvloop

TONE = array("h", (round(6000 * math.sin(sample / 8.0)) for sample in range(1440))).tobytes()
"""60 ms at 24 kHz."""


def _chunk(**fields: object) -> bytes:
    line = json.dumps(fields).encode() + b"\n"
    return f"{len(line):x}\r\n".encode() + line + b"\r\n"


BEGIN = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
    + _chunk(event="meta", turn="0" * 32)
    + _chunk(event="text", seq=0, text="Tone.")
    + _chunk(event="audio", seq=0, part=0, data=base64.b64encode(TONE).decode())
)
END = _chunk(event="done", timings={}, sentences=1, audio_ms=60.0) + b"0\r\n\r\n"


class Canned(asyncio.Protocol):
    """Answers each read that ends a request; the load sends a request in one piece."""

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._transport is not None and data.endswith(b"}"):
            self._transport.write(BEGIN)
            asyncio.get_running_loop().call_later(self._hold_s, self._transport.write, END)


async def serve(hold_s: float) -> None:
    """Serve on a free port until told to stop."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await loop.create_server(lambda: Canned(hold_s), "127.0.0.1", 0)
    print(f"Canned answers on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await over.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
