"""The wall: servers that speak OpenAI's protocol and fail as told, with a real Segue process in front of them.

What a fault test says rests on three things: what a caller got, what these servers logged, and what Segue's own records
say. Speech is made of tones, a word each, so that what was heard can be written down again (see `telling`).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from aiohttp import web

from segue.records import TurnRecord
from segue.settings import load
from segue.voice.containers import wav
from segue.wiring.database import open_records
from tests.faults.telling import GAP_MS, RATE, WORD_MS, plain, vocabulary
from tests.server import RunningServer, running
from tests.vendors.openai import Server
from tests.vendors.openai_chat import ModelScript
from tests.vendors.openai_wire import KEY, refusal
from tests.vendors.script import Fault, Heard

SENTENCES = (
    "Sentence one says amber lanterns glow.",
    "Sentence two says bakers carry dough.",
    "Sentence three says clever dolphins explore.",
    "Sentence four says eager farmers gather.",
    "Sentence five says gentle harpists improvise.",
    "Sentence six says jolly knights laugh.",
    "Sentence seven says merry neighbours organise.",
    "Sentence eight says patient quilters rest.",
    "Sentence nine says silver trumpets untangle.",
    "Sentence ten says velvet whispers yield.",
)
"""Every word of a sentence is another one, and every sentence can be told from the others by its words."""
REPLY = " ".join(SENTENCES)
BRIEFLY = "Briefly: "
"""Begins a question that is answered with the first half of it."""
TONES = vocabulary(SENTENCES)
PIECE_BYTES = 4800
MODELS = ("primary", "backup", "lonely")
"""`lonely` stands alone in its chain: it is the whole of the quality profile."""
SYNTHESIZERS = ("first", "second")
RECOGNIZERS = ("hearer", "listener")
VOICE = "alloy"
RECORD_LIMIT_S = 10.0


@dataclass
class WallScript(ModelScript):
    """What one server of the wall does with the calls to come."""

    marker: str = ""
    """Only requests with this text in them go wrong."""
    status: int = 500
    """Status of the fault `server`."""
    manner: Literal["rest", "sentence", "everything"] = "rest"
    """How a model goes on with a begun reply: with its rest, with its last sentence again, or from its beginning."""
    piece_s: float = 0.0
    """Pause behind every tenth of a second of a speech that goes wrong."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of a transcript."""


class WallServer(Server):
    """One provider. `at` holds when each request of `heard` came, in monotonic seconds."""

    script: WallScript

    def __init__(self) -> None:
        super().__init__(WallScript(), [])
        self.at: list[float] = []

    def calls(self, text: str = "") -> list[tuple[float, Heard]]:
        """The requests with this text in them, and when they came."""
        pairs = zip(self.at, self.heard, strict=True)
        return [(at, heard) for at, heard in pairs if text in str(heard.body)]

    def came(self, request: web.Request, body: Any) -> tuple[Heard, web.Response | None]:
        """See `Door.came`; the moment is noted too."""
        self.at.append(time.monotonic())
        return super().came(request, body)

    async def fail(self, request: web.Request, heard: Heard, fault: Fault | None) -> web.StreamResponse | None:
        """See `Door.fail`; the fault `server` has the status that is told, and may take its time."""
        if fault is Fault.SERVER:
            await self.clock.sleep(self.script.delay_s)
        if fault is Fault.SERVER and self.script.status != 500:
            return refusal(self.script.status, "The server is overloaded, please try again later.", "server_error")
        return await super().fail(request, heard, fault)

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """`POST /audio/speech`; only texts with the marker in them go wrong."""
        wanted = await request.json()
        struck = self.script.marker in wanted["input"]
        server = self if struck else self._playing(replace(self.script, fault=None, piece_s=0.0))
        return await super(WallServer, server).speech(request)

    async def _speak(self, request: web.Request, samples: int, fault: Fault | None) -> web.StreamResponse:
        headless = {Fault.EMPTY, Fault.JSON_ERROR, Fault.WRONG_TYPE, Fault.CUT_HEADER, Fault.WRONG_RATE}
        if fault in headless:
            return await super()._speak(request, samples, fault)
        pcm = sound((await request.json())["input"], fault)
        answer = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(wav.header(RATE))
        halting = {Fault.CUT, Fault.END, Fault.STALL, Fault.TRICKLE}
        end = min(self.script.after, len(pcm)) if fault in halting else len(pcm)
        for at in range(0, end, PIECE_BYTES):
            await answer.write(pcm[at : min(at + PIECE_BYTES, end)])
            await self.clock.sleep(self.script.piece_s)
        for at in range(end, len(pcm) if fault is Fault.TRICKLE else end):
            await answer.write(pcm[at : at + 1])
            await self.clock.sleep(1.0)
        return await self.end(request, answer, fault)

    async def _write(self, request: web.Request, wanted: Any, fault: Fault | None) -> web.StreamResponse:
        """A model goes on with a begun reply in its manner, and refuses one that is not the beginning of its own."""
        messages = wanted["messages"]
        spoken, sentences = begun(messages), answer(messages[0]["content"])
        reply = " ".join(sentences)
        if not reply.startswith(spoken):
            return refusal(400, f"This was never said: {spoken!r}", "invalid_request_error")
        again = max((start for start in map(reply.index, sentences) if start < len(spoken)), default=0)
        rest = reply[{"rest": len(spoken), "sentence": again, "everything": 0}[self.script.manner] :]
        tokens = self.script.tokens
        if spoken or tokens == ModelScript.tokens:
            tokens = tokens_of(rest)
        server = self._playing(replace(self.script, tokens=tokens))
        return await super(WallServer, server)._write(request, wanted, fault)

    def _playing(self, script: WallScript) -> "WallServer":
        """The same server with another script, for one request."""
        server = copy(self)
        server.script = script
        return server


def answer(question: str) -> tuple[str, ...]:
    """The sentences that a question is answered with."""
    return SENTENCES[:5] if question.startswith(BRIEFLY) else SENTENCES


def tokens_of(text: str) -> tuple[str, ...]:
    """A text as a model's tokens, a word each."""
    return tuple(re.findall(r"\s*\S+", text))


def begun(messages: list[dict[str, str]]) -> str:
    """The beginning of the reply that a model is to go on with, in whichever way it was told."""
    return next((message["content"] for message in reversed(messages) if message["role"] == "assistant"), "")


@cache
def sound(text: str, fault: Fault | None = None) -> bytes:
    """A text as tones, a word each; or what a fault makes of them."""
    count = RATE * WORD_MS // 1000
    steps = 2 * np.pi * np.arange(count) / RATE
    gap = np.zeros(RATE * GAP_MS // 1000)
    words = [np.concatenate([0.3 * 32_767 * np.sin(TONES.get(word, 250.0) * steps), gap]) for word in plain(text)]
    wave = np.concatenate(words or [gap])
    if fault is Fault.SILENCE:
        wave = np.zeros(len(wave))
    if fault is Fault.CLIPPED:
        wave = np.sign(wave) * 32_767
    pcm = wave.astype("<i2").tobytes()
    return pcm[:-1] if fault is Fault.ODD else pcm


def sound_ms(text: str) -> float:
    """How long a text is as tones."""
    return len(plain(text)) * float(WORD_MS + GAP_MS)


@dataclass(frozen=True)
class Terms:
    """The time limits of a run, in seconds, and how much later than a limit may be: for a busy machine."""

    full: bool = False
    first_token_s: float = 1.0
    token_stall_s: float = 1.0
    first_audible_s: float = 1.0
    stall_s: float = 0.7
    recognition_s: float = 0.8
    grace_s: float = 3.0


FULL = Terms(True, 10.0, 10.0, 4.0, 1.5, 10.0, 1.0)
"""Those that Segue is shipped with (but for recordings, 60 s), and the figure that is promised."""


@dataclass
class Wall:
    """The servers by the names of their providers, and the Segue process that knows them by these names."""

    terms: Terms
    servers: dict[str, WallServer]
    segue: RunningServer

    def __getitem__(self, name: str) -> WallServer:
        return self.servers[name]

    def heal(self) -> None:
        """From now on every server is well."""
        for server in self.servers.values():
            server.script = WallScript()

    async def record(self, turn: str) -> TurnRecord:
        """One turn's record, read beside the running server; it may be written a moment after its reply has ended."""
        database, records = open_records(load(None, data=self.segue.data))
        until = time.monotonic() + RECORD_LIMIT_S
        await database.start()
        try:
            while time.monotonic() < until:
                record = await records.find(turn)
                if record is not None:
                    return record
                await asyncio.sleep(0.01)
        finally:
            await database.close()
        raise LookupError(f"no record of turn {turn}")


def settings(terms: Terms, urls: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """The configuration of the Segue process: everything as shipped but for what a fault test must see or shorten."""
    named: dict[str, Any] = {}
    for name, url in urls.items():
        role = "model" if name in MODELS else "synthesizer" if name in SYNTHESIZERS else "recognizer"
        named[name] = {"vendor": f"openai-{role}", "url": url, "key": KEY, "model": f"{name}-1"}
        if role != "model":
            named[name]["languages"] = ["en"]
    voice = {
        "languages": ["en"],
        "voices": {"en": VOICE},
        "pause_scale": 0,
        "lead_s": 1000,
        "first_clause": False,
        "retry_share": 1,  # scenarios follow close upon each other; the budget has a scenario of its own
        "limits": {
            "first_token_s": terms.first_token_s,
            "token_stall_s": terms.token_stall_s,
            "first_audible_s": terms.first_audible_s,
            "stall_s": terms.stall_s,
            "recognition_s": terms.recognition_s,
        },
        "breaker": {"open_s": 0.2, "alone_s": 0.2, "least": 1000},
        "profiles": {"quality": {"models": ["lonely"]}},
        "degradation": {"min_turns": 4000, "enter_s": 0, "leave_s": 0.2, "longest_leave_s": 0.4},
    }
    return {
        "voice": voice | changes,
        "providers": {
            "models": [name for name in MODELS[:2] if name in urls],
            "synthesizers": [name for name in SYNTHESIZERS if name in urls],
            "recognizers": [name for name in RECOGNIZERS if name in urls],
            "named": named,
        },
        "cache": {"enabled": False},
        "log": {"level": "warning", "format": "json"},
    }


@asynccontextmanager
async def standing(terms: Terms, last: str = "", **changes: Any) -> AsyncIterator[Wall]:
    """A wall with its process. `changes` are of the section `voice`; `last` is a built-in synthesizer behind ours."""
    async with AsyncExitStack() as stack:
        servers = {name: WallServer() for name in (*MODELS, *SYNTHESIZERS, *RECOGNIZERS)}
        urls = {name: await stack.enter_async_context(_serving(server)) for name, server in servers.items()}
        plain_settings = settings(terms, urls, **changes)
        if last:
            plain_settings["providers"]["synthesizers"].append(last)
        process = running(plain_settings)
        segue = await asyncio.to_thread(process.__enter__)
        try:
            yield Wall(terms, servers, segue)
        finally:
            await asyncio.to_thread(process.__exit__, None, None, None)


@asynccontextmanager
async def _serving(server: WallServer) -> AsyncIterator[str]:
    runner = web.AppRunner(server.application(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()
