"""Stands for Google Cloud Text-to-Speech and Speech-to-Text: our own servers on loopback, see `google_service`.

Between a caller and the gRPC server lies a relay of plain TCP, so that a connection can really be reset.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from segue.clock import Clock, SystemClock
from segue.providers.google import GoogleSynthesizer
from segue.providers.google_recognizer import GoogleRecognizer
from segue.vendors import google as vendor
from segue.voice.ports import Recognizer, Synthesizer
from tests.vendors.google_service import KEY, REFUSALS, Google
from tests.vendors.script import Fault, Heard, Opening, Script, Stand

AT_ONCE = struct.pack("ii", 1, 0)
"""How a socket lingers that is closed with a reset."""
QUIET_ROUNDS = 3
"""A relay has passed everything on when nothing moved for so many hundredths of a second."""

REFUSED = frozenset({*REFUSALS, Fault.RESET, Fault.SILENT})
BATCH = REFUSED | {
    Fault.CUT, Fault.END, Fault.EMPTY, Fault.SILENCE, Fault.CLIPPED, Fault.WRONG_TYPE, Fault.WRONG_RATE, Fault.ODD,
    Fault.CUT_HEADER,
}  # fmt: skip
STREAMED = REFUSED | {
    Fault.CUT, Fault.END, Fault.STALL, Fault.EMPTY, Fault.SILENCE, Fault.CLIPPED, Fault.WRONG_TYPE, Fault.ODD,
    Fault.TRICKLE,
}  # fmt: skip
HEARD = REFUSED | {Fault.EMPTY}


class Relay:
    """Passes bytes between callers and the gRPC server, until it is told to reset every connection."""

    def __init__(self, port: int, slow_s: float = 0.0) -> None:
        self._port = port
        self._slow_s = slow_s
        self._clock = SystemClock()
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._passed = 0

    async def start(self) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def reset(self) -> None:
        """Break every connection off without a proper end, once what was sent before has passed."""
        quiet, passed = 0, -1
        while quiet < QUIET_ROUNDS:
            quiet, passed = (quiet + 1, passed) if passed == self._passed else (0, self._passed)
            await asyncio.sleep(0.01)
        self._abort()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()

    async def close(self) -> None:
        """Break everything off and stop listening."""
        assert self._server is not None
        self._server.close()
        self._abort()
        for pipe in tuple(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._clock.sleep(self._slow_s)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        for each in (writer, far_writer):
            each.transport.set_write_buffer_limits(0)  # so that draining means that everything was sent
            self._writers.add(each)
        for source, target in ((reader, far_writer), (far_reader, writer)):
            pipe = asyncio.create_task(self._pass(source, target))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
                self._passed += len(data)
        except OSError:
            pass
        finally:
            target.close()
            self._writers.discard(target)


@asynccontextmanager
async def serving(
    script: Script,
    heard: list[Heard] | None = None,
    *,
    slow_s: float = 0.0,
    tls: tuple[bytes, bytes] | None = None,
    **manner: Any,
) -> AsyncIterator[str]:
    """Both services at one address.

    `slow_s` is how long a new connection is deaf, `tls` a private key and its certificate where TLS is to be spoken;
    `manner` are the further fields of `Google`.
    """
    google = Google(script, [] if heard is None else heard, **manner)
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers(google.handlers())
    if tls is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([tls]))
    await server.start()
    relay = Relay(port, slow_s)
    google.reset = relay.reset
    url = f"{'http' if tls is None else 'https'}://127.0.0.1:{await relay.start()}"
    try:
        yield url
    finally:
        await relay.close()
        await server.stop(None)


def _stand(faults: frozenset[Fault], build: Callable[[str], Any], *, streams: bool = False) -> Opening[Any]:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Stand[Any]]:
        script, heard = Script(), list[Heard]()
        async with serving(script, heard) as url:
            provider = build(url)
            await provider.start()
            heard.clear()  # the list of voices was asked for
            try:
                yield Stand(provider, script, heard, faults, url, streams=streams)
            finally:
                await provider.close()

    return opening


def synthesizer(name: str, url: str, clock: Clock | None = None, **settings: Any) -> GoogleSynthesizer:
    """An adapter for the server at `url`, with the key that the server takes."""
    section = vendor.GoogleSynthesizer.model_validate(
        {"vendor": "google-synthesizer", "url": url, "key": KEY, **settings}
    )
    return GoogleSynthesizer(name, section, clock or SystemClock())


def recognizer(name: str, url: str, clock: Clock | None = None, **settings: Any) -> GoogleRecognizer:
    """An adapter for the server at `url`, with the key that the server takes."""
    section = vendor.GoogleRecognizer.model_validate(
        {"vendor": "google-recognizer", "url": url, "key": KEY, **settings}
    )
    return GoogleRecognizer(name, section, clock or SystemClock())


CHIRP: dict[str, Any] = {"family": "chirp3-hd"}

SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {
    "google-wavenet": _stand(BATCH, lambda url: synthesizer("google-wavenet", url)),
    "google-chirp3": _stand(BATCH, lambda url: synthesizer("google-chirp3", url, **CHIRP)),
    "google-chirp3-streaming": _stand(
        STREAMED, lambda url: synthesizer("google-chirp3-streaming", url, **CHIRP, streaming=True), streams=True
    ),
}
RECOGNIZERS: dict[str, Opening[Recognizer]] = {
    "google": _stand(HEARD, lambda url: recognizer("google", url)),
}
