"""A server that stands for OpenAI, and for the servers that speak its protocol.

Written in November 2026 from OpenAI's public API reference (audio/speech, audio/transcriptions, chat/completions), as
the types of its Python client 3.52 state it, and from the documentation of vLLM, llama.cpp and Ollama on continued
messages. It checks what the real ones check, refuses in their shape, and hums instead of speaking. A refused key is
told back in full, which the real one does not do: whoever repeats it is found out.
"""

import json
import math
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from segue.clock import SystemClock
from segue.errors import BadAudio
from segue.providers.completions import OpenAICompatibleModel
from segue.providers.openai import OpenAIRecognizer, OpenAISynthesizer
from segue.vendors import openai as vendor
from segue.voice.containers import wav
from segue.voice.ports import LanguageModel, Recognizer, Synthesizer
from tests.vendors.openai_chat import Chat, ModelScript
from tests.vendors.openai_wire import KEY, bad
from tests.vendors.script import Fault, Heard, Opening, Script, Stand

RATE = 24_000
PIECE_BYTES = RATE // 10 * 2
VOICES = "alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split()
FORMATS = "mp3 opus aac flac wav pcm".split()
ERROR = {"error": {"message": "The server ran out of memory", "type": "server_error", "code": None}}


def tone(samples: int, peak: float = 0.2) -> Iterator[bytes]:
    """A tone of 200 Hz in pieces of 100 ms; `peak` 0 is silence, more than 1 is clipped."""
    wave = [max(-1.0, min(1.0, peak * math.sin(2 * math.pi * 200 * at / RATE))) for at in range(PIECE_BYTES // 2)]
    piece = struct.pack(f"<{len(wave)}h", *(round(32_767 * value) for value in wave))
    for at in range(0, samples * 2, PIECE_BYTES):
        yield piece[: samples * 2 - at]


@dataclass
class HearingScript(Script):
    """What the recognizer does beside what every server does."""

    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of its answer, instead of those it would have."""


class Server(Chat):
    """The handlers of all three roles."""

    def application(self) -> web.Application:
        """Everything under `/v1`."""
        application = web.Application(client_max_size=26_000_000)
        application.router.add_post("/v1/audio/speech", self.speech)
        application.router.add_post("/v1/audio/transcriptions", self.transcription)
        application.router.add_post("/v1/chat/completions", self.completion)
        return application

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """`POST /audio/speech`."""
        heard, refused = self.came(request, await request.json())
        wanted = heard.body
        refused = refused or self._unspeakable(wanted)
        if refused is not None:
            return refused
        fault = self.script.strike()
        done = await self.fail(request, heard, fault)
        if done is not None:
            return done
        samples = round(len(wanted["input"]) * self.script.ms_per_character / wanted.get("speed", 1.0) * RATE / 1000)
        async with self.watched(heard):
            await self.clock.sleep(self.script.delay_s)
            return await self._speak(request, samples, fault)

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

    async def _speak(self, request: web.Request, samples: int, fault: Fault | None) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={"Content-Type": "audio/mpeg" if fault is Fault.WRONG_TYPE else "audio/wav"}
        )
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        if fault is Fault.EMPTY:
            return answer
        if fault is Fault.JSON_ERROR:
            await answer.write(json.dumps(ERROR).encode())
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
        return await self.end(request, answer, fault)

    async def transcription(self, request: web.Request) -> web.StreamResponse:
        """`POST /audio/transcriptions`."""
        form = await request.post()
        fields: dict[str, list[Any]] = {name: list(form.getall(name)) for name in form}
        for file in fields.get("file", []):
            fields["file"] = [file.file.read()]
            file.file.close()
        heard, refused = self.came(request, fields)
        refused = refused or self._unhearable(fields)
        if refused is not None:
            return refused
        fault = self.script.strike()
        done = await self.fail(request, heard, fault)
        if done is not None:
            return done
        async with self.watched(heard):
            await self.clock.sleep(self.script.delay_s)
            return await self._transcribe(request, heard, fault)

    def _unhearable(self, fields: dict[str, list[Any]]) -> web.Response | None:
        """What is wrong with a request for a transcript; where nothing is, `file` becomes its length in seconds."""
        try:
            layout, body = wav.parse(fields.get("file", [b""])[0])
        except BadAudio:
            return bad("Audio file might be corrupted or unsupported", "invalid_value")
        seconds = len(body) / layout.frame_bytes / layout.rate
        model, form = fields.get("model", [""])[0], fields.get("response_format", ["json"])[0]
        known = {"file", "model", "language", "response_format", "prompt", "keywords[]", "include[]"}
        wrong = {
            "you must provide a model parameter": not model,
            "Audio file is too short. Minimum audio length is 0.1 seconds.": seconds < 0.1,
            f"response_format {form!r} is not compatible with model {model!r}. Use 'json' or 'text' instead.": (
                model.startswith("gpt-") and form not in {"json", "text"}
            ),
            "timestamp_granularities requires response_format 'verbose_json'.": (
                "timestamp_granularities[]" in fields and form != "verbose_json"
            ),
            "include is not supported with this model.": "include[]" in fields and not model.startswith("gpt-4o"),
            "keywords are not supported with this model.": "keywords[]" in fields and model != "gpt-transcribe",
            "Invalid language.": len(fields.get("language", ["en"])[0]) != 2,
            "Unrecognized request argument supplied.": bool(set(fields) - known - {"timestamp_granularities[]"}),
        }
        fields["file"] = [seconds]
        return next((bad(message) for message, holds in wrong.items() if holds), None)

    async def _transcribe(self, request: web.Request, heard: Heard, fault: Fault | None) -> web.StreamResponse:
        text, seconds = self.script.transcript, heard.body["file"][0]
        told: dict[str, Any] = {"text": text}
        if heard.body.get("response_format") == ["verbose_json"]:
            step = seconds / max(1, len(text.split()))
            words = [
                {"word": word, "start": round(at * step, 2), "end": round((at + 1) * step, 2)}
                for at, word in enumerate(text.split())
            ]
            segment = {"id": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [1, 2, 3], "avg_logprob": -0.25}
            told |= {"task": "transcribe", "language": "english", "duration": seconds}
            told |= {"words": words, "segments": [segment] if text else []}
        if heard.body.get("include[]") == ["logprobs"]:
            told["logprobs"] = [{"token": word, "logprob": -0.5, "bytes": []} for word in text.split()]
        told |= getattr(self.script, "extra", {})
        body = json.dumps(ERROR if fault is Fault.JSON_ERROR else told).encode()
        if fault is Fault.WRONG_TYPE:
            return web.Response(body=text.encode(), content_type="text/plain")
        if fault is Fault.EMPTY:
            return web.Response(body=b"", content_type="application/json")
        answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(body[: self.script.after] if fault in {Fault.CUT, Fault.STALL} else body)
        return await self.end(request, answer, fault)


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


EVERYWHERE = {Fault.AUTH, Fault.QUOTA, Fault.RATE_LIMIT, Fault.BAD_REQUEST, Fault.SERVER, Fault.RESET, Fault.SILENT}
EVERYWHERE |= {Fault.CUT, Fault.STALL, Fault.EMPTY, Fault.JSON_ERROR, Fault.HTML, Fault.WRONG_TYPE}


@asynccontextmanager
async def speech(**settings: Any) -> AsyncIterator[Stand[Synthesizer]]:
    """The synthesizer with its server; HTTP and WAV can show every fault."""
    script, heard = Script(), list[Heard]()
    async with serving(script, heard) as url:
        plain = {"vendor": "openai-synthesizer", "url": url, "key": KEY} | settings
        provider = OpenAISynthesizer("speaker", vendor.OpenAISynthesizer.model_validate(plain), SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, frozenset(Fault), url)
        finally:
            await provider.close()


@asynccontextmanager
async def transcripts(**settings: Any) -> AsyncIterator[Stand[Recognizer]]:
    """The recognizer with its server."""
    script, heard = HearingScript(), list[Heard]()
    async with serving(script, heard) as url:
        plain = {"vendor": "openai-recognizer", "url": url, "key": KEY} | settings
        provider = OpenAIRecognizer("hearer", vendor.OpenAIRecognizer.model_validate(plain), SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, frozenset(EVERYWHERE), url, streams=False)
        finally:
            await provider.close()


def whisper() -> Any:
    """The recognizer with a model that gives times."""
    return transcripts(model="whisper-1")


@asynccontextmanager
async def completions(script: ModelScript | None = None, **settings: Any) -> AsyncIterator[Stand[LanguageModel]]:
    """The language model with its server."""
    script, heard = script or ModelScript(), list[Heard]()
    async with serving(script, heard) as url:
        plain = {"vendor": "openai-model", "model": "small", "url": url, "key": KEY} | settings
        provider = OpenAICompatibleModel("writer", vendor.OpenAIModel.model_validate(plain), SystemClock())
        await provider.start()
        try:
            yield Stand(provider, script, heard, frozenset(EVERYWHERE | {Fault.END}), url)
        finally:
            await provider.close()


SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {"openai": speech}
RECOGNIZERS: dict[str, Opening[Recognizer]] = {"openai": transcripts, "openai-whisper": whisper}
MODELS: dict[str, Opening[LanguageModel]] = {"openai": completions}
