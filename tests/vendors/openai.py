"""A server that stands for OpenAI, and for the servers that speak its protocol.

Written in November 2026 from OpenAI's public API reference (audio/speech, audio/transcriptions, chat/completions), as
the types of its Python client 3.52 state it, and from the documentation of vLLM, llama.cpp and Ollama on continued
messages. It checks what the real ones check, refuses in their shape, and hums instead of speaking. A refused key is
told back in full, which the real one does not do: whoever repeats it is found out.
"""

import asyncio
import json
import math
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from segue.clock import SystemClock
from segue.providers.openai import OpenAISynthesizer
from segue.vendors import openai as vendor
from segue.voice.containers import wav
from segue.voice.ports import Synthesizer
from tests.vendors.script import Fault, Heard, Opening, Script, Stand

KEY = "sk-proj-0123456789abcdefABCDEF"
RATE = 24_000
PIECE_BYTES = RATE // 10 * 2
VOICES = "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split()
FORMATS = "mp3 opus aac flac wav pcm".split()

PAGE = "<!DOCTYPE html><html><body><h1>Sign in to the wireless network</h1></body></html>"
REFUSALS = {
    Fault.AUTH: (401, "Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"),
    Fault.QUOTA: (
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    Fault.RATE_LIMIT: (
        429,
        "Rate limit reached. Add a payment method under account/billing for a higher one.",
        "requests",
        "rate_limit_exceeded",
    ),
    Fault.BAD_REQUEST: (400, "Unrecognized request argument supplied.", "invalid_request_error", None),
    Fault.SERVER: (500, "The server had an error while processing your request.", "server_error", None),
}
"""Status, message, type and code of each refusal."""


def refusal(status: int, message: str, kind: str, code: str | None = None, wait_s: float | None = None) -> web.Response:
    """An error in OpenAI's shape."""
    error = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(error, status=status, headers={"Retry-After": f"{wait_s:g}"} if wait_s else {})


def bad(message: str, code: str | None = None, status: int = 400) -> web.Response:
    """A request that is not as documented."""
    return refusal(status, message, "invalid_request_error", code)


def tone(samples: int, peak: float = 0.2) -> Iterator[bytes]:
    """A tone of 200 Hz in pieces of 100 ms; `peak` 0 is silence, more than 1 is clipped."""
    wave = [max(-1.0, min(1.0, peak * math.sin(2 * math.pi * 200 * at / RATE))) for at in range(PIECE_BYTES // 2)]
    piece = struct.pack(f"<{len(wave)}h", *(round(32_767 * value) for value in wave))
    for at in range(0, samples * 2, PIECE_BYTES):
        yield piece[: samples * 2 - at]


class Server:
    """The handlers. Every request is kept in `heard`, whatever becomes of it."""

    def __init__(self, script: Script, heard: list[Heard]) -> None:
        self.script = script
        self.heard = heard
        self.clock = SystemClock()

    def application(self) -> web.Application:
        """Everything under `/v1`."""
        application = web.Application(client_max_size=26_000_000)
        application.router.add_post("/v1/audio/speech", self.speech)
        return application

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """`POST /audio/speech`."""
        heard, refused = self._heard(request, await request.json())
        wanted = heard.body
        if refused is None:
            refused = self._unspeakable(wanted)
        if refused is not None:
            return refused
        fault = self.script.strike()
        done = await self._fail(request, fault)
        if done is not None:
            return done
        samples = round(len(wanted["input"]) * self.script.ms_per_character / wanted.get("speed", 1.0) * RATE / 1000)
        async with self._watched(heard):
            await self.clock.sleep(self.script.delay_s)
            return await self._speak(request, samples, fault)

    def _heard(self, request: web.Request, body: Any) -> tuple[Heard, web.Response | None]:
        """Keep a request, and refuse one without the right key."""
        heard = Heard(request.path, body, dict(request.headers))
        self.heard.append(heard)
        said = request.headers.get("authorization", "")
        if said != f"Bearer {KEY}":
            status, message, kind, code = REFUSALS[Fault.AUTH]
            return heard, refusal(status, message.format(key=said.removeprefix("Bearer ")), kind, code)
        return heard, None

    def _unspeakable(self, wanted: Any) -> web.Response | None:
        """What is wrong with a request for speech."""
        if not isinstance(wanted, dict) or not all(isinstance(wanted.get(name), str) for name in ("model", "input")):
            return bad("You must provide a model and an input.")
        if not 0 < len(wanted["input"]) <= 4096:
            return bad("[{'type': 'string_too_long', 'loc': ('body', 'input'), 'ctx': {'max_length': 4096}}]")
        if wanted.get("voice") not in VOICES:
            return bad(f"Input should be one of {VOICES}.")
        if wanted.get("response_format", "mp3") not in FORMATS or not 0.25 <= wanted.get("speed", 1.0) <= 4.0:
            return bad("Input should be a format and a speed that exist.")
        if set(wanted) - {"model", "input", "voice", "response_format", "speed", "instructions", "stream_format"}:
            return bad("Unrecognized request argument supplied.")
        return None

    async def _fail(self, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
        """The faults that come before the answer or instead of it, alike for all roles."""
        if fault in REFUSALS:
            status, message, kind, code = REFUSALS[fault]
            wait_s = self.script.retry_after_s if fault is Fault.RATE_LIMIT else None
            return refusal(status, message.format(key=KEY), kind, code, wait_s)
        if fault is Fault.HTML:
            return web.Response(text=PAGE, content_type="text/html")
        if fault is Fault.RESET:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault is Fault.SILENT:
            async with self._watched(self.heard[-1]):
                await asyncio.get_running_loop().create_future()
        return None

    @asynccontextmanager
    async def _watched(self, heard: Heard) -> AsyncIterator[None]:
        """Note whether the caller takes the answer to its end."""
        try:
            yield
        except (asyncio.CancelledError, ConnectionResetError):
            heard.cancelled = True
            raise
        heard.finished = True

    async def _speak(self, request: web.Request, samples: int, fault: Fault | None) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={"Content-Type": "audio/mpeg" if fault is Fault.WRONG_TYPE else "audio/wav"}
        )
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        if fault is Fault.EMPTY:
            return answer
        if fault is Fault.JSON_ERROR:
            await answer.write(json.dumps({"error": {"message": "Out of memory", "type": "server_error"}}).encode())
            return answer
        if fault is Fault.WRONG_TYPE:
            await answer.write(b"ID3\x04\0\0\0\0\0\0" + b"\xff\xf3\x44\xc4" + bytes(400))
            return answer
        header = wav.header(16_000 if fault is Fault.WRONG_RATE else RATE)
        await answer.write(header[:20] if fault is Fault.CUT_HEADER else header)
        if fault is Fault.CUT_HEADER:
            return answer
        peak = {Fault.SILENCE: 0.0, Fault.CLIPPED: 90.0}.get(fault, 0.2) if fault else 0.2
        sent = 0
        for whole in tone(samples, peak):
            piece = whole
            if fault is Fault.ODD and sent + len(piece) == samples * 2:
                piece = piece[:-1]
            if fault in {Fault.CUT, Fault.END, Fault.STALL}:
                piece = piece[: self.script.after - sent]
            if fault is Fault.TRICKLE:
                for at in range(len(piece)):
                    await answer.write(piece[at : at + 1])
                    await self.clock.sleep(1.0)
            if piece:
                await answer.write(piece)
            sent += len(piece)
        return await self._break(request, answer, fault)

    async def _break(self, request: web.Request, answer: web.StreamResponse, fault: Fault | None) -> web.StreamResponse:
        """What becomes of an answer whose last byte before the fault was sent."""
        if fault is Fault.CUT:
            assert request.transport is not None
            request.transport.close()  # what was written still leaves; the end of the chunks does not
        if fault is Fault.STALL:
            await asyncio.get_running_loop().create_future()
        return answer


@asynccontextmanager
async def serving(script: Script, heard: list[Heard] | None = None) -> AsyncIterator[str]:
    """The server alone, on a free port of loopback; gives its address with `/v1`."""
    server = Server(script, [] if heard is None else heard)
    runner = web.AppRunner(server.application(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


SPEECH_FAULTS = frozenset(Fault)
"""HTTP and WAV can show everything."""


@asynccontextmanager
async def speech() -> AsyncIterator[Stand[Synthesizer]]:
    """The synthesizer with its server."""
    script, heard = Script(), list[Heard]()
    async with serving(script, heard) as url:
        settings = vendor.OpenAISynthesizer.model_validate({"vendor": "openai-synthesizer", "url": url, "key": KEY})
        provider = OpenAISynthesizer("speaker", settings, SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, SPEECH_FAULTS, url)
        finally:
            await provider.close()


SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {"openai": speech}
