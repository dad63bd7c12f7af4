"""Those who ask something of Segue over its doors, and what they got: to the last frame, with the time it took."""

import base64
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx2

from segue.voice.containers import wav
from tests.faults.telling import RATE, heard, plain
from tests.faults.wall import SENTENCES, TONES, VOICE, answer, sound_ms
from tests.server import admin

DONE = "done"
BROKEN = "broken off"
"""How an answer ended whose connection was broken off before its end."""
PROFILES = {"fast": "gpt-4o-mini", "quality": "gpt-4o"}
"""Which name of a model stands for which profile on the door for text."""
LONGER = 0.2
"""How much longer or shorter than it should be the sound of a sentence may be."""


@dataclass
class Got:
    """What a caller got. `ended` is `done`, the stable code of an error, or `broken off`; times in seconds."""

    door: str
    ended: str = ""
    status: int = 0
    text: str = ""
    ends: int = 0
    """How many terminal events there were."""
    after_end: int = 0
    """Events behind the terminal one."""
    first_s: float | None = None
    """When the first text or sound came."""
    gap_s: float = 0.0
    """The longest wait between two pieces."""
    total_s: float = 0.0
    turn: str = ""
    model: str = ""
    tokens: int = 0
    degraded: list[tuple[str, str]] = field(default_factory=list)
    """Reasons told, with who serves instead."""
    sounds: dict[int, bytearray] = field(default_factory=dict)
    speakers: dict[int, set[str]] = field(default_factory=dict)
    body: bytes = b""
    due: tuple[str, ...] = SENTENCES
    """The sentences of a whole reply."""
    _began: float = field(default_factory=time.monotonic)
    _last: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether every sentence was told once, in order."""
        return " ".join(self.text.split()) == " ".join(self.due)

    def piece(self) -> None:
        """Something of the reply came."""
        now = time.monotonic() - self._began
        if self.first_s is None:
            self.first_s = now
        else:
            self.gap_s = max(self.gap_s, now - self._last)
        self._last = now

    def over(self, ended: str) -> None:
        """It ended."""
        self.ended, self.ends = ended, self.ends + 1
        self.total_s = time.monotonic() - self._began

    def flaws(self) -> list[str]:
        """What is wrong with a reply that was to be whole; nothing if every sentence came once, in order, and whole."""
        wrong = []
        if self.ended != DONE:
            wrong.append(f"{self.door}: it ended as {self.ended} {self.status}")
        if not self.whole:
            wrong.append(f"{self.door}: the text was {self.text!r}")
        if self.ends != 1 or self.after_end:
            wrong.append(f"{self.door}: {self.ends} ends, {self.after_end} events behind them")
        return wrong + (self.unheard() if self.door == "speech" else [])

    def unheard(self) -> list[str]:
        """Sentences whose words were not all heard, in order, from the first to the last."""
        wrong = [f"sentence {seq} was never told" for seq in self.sounds if seq >= len(self.due)]
        for seq, sentence in enumerate(self.due):
            pcm = bytes(self.sounds.get(seq, b""))
            said, words = words_in(pcm), plain(sentence)
            at = [words.index(word) if word in words else -9 for word in said]
            steps = [after - before for before, after in zip([-1, *at], at, strict=False)]
            if not at or at[0] != 0 or at[-1] != len(words) - 1 or max(steps) > 1 or -9 in at:
                wrong.append(f"{self.door}: {words} was heard as {said}")
            length, due = len(pcm) / 2 / RATE * 1000.0, sound_ms(sentence)
            resumed = len(self.speakers.get(seq, ())) > 1
            if length < due * (1 - LONGER) or (length > due * (1 + LONGER) and not resumed):
                wrong.append(f"{self.door}: sentence {seq} took {length:.0f} ms, not {due:.0f} ms")
        return wrong


@lru_cache(1000)
def words_in(pcm: bytes) -> tuple[str, ...]:
    """The words that are heard in the sound of a sentence; most sentences sound as they did before."""
    return tuple(heard(pcm, TONES)) if pcm else ()


class Callers:
    """Ask one Segue process, over real connections."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx2.AsyncClient(base_url=url, timeout=120.0)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def told(self, path: str) -> Any:
        """What a `GET` says, as plain values."""
        return (await self._client.get(path, headers=admin(self._url))).json()

    async def metric(self, sample: str) -> float:
        """The value of one sample of `/metrics`, written as it stands there; 0 where it is not there yet."""
        for line in (await self._client.get("/metrics")).text.splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    async def listen(self, question: str, profile: str = "fast", **fields: Any) -> Got:
        """A spoken reply over `/api/voice/chat/stream`, as NDJSON."""
        got = Got("speech", due=answer(question))
        wanted = {"text": question, "language": "en", "profile": profile} | fields
        async for line in self._lines(got, "/api/voice/chat/stream", wanted, accept="application/x-ndjson"):
            frame = json.loads(line)
            got.after_end += got.ends > 0
            event = frame["event"]
            if event == "meta":
                got.turn = frame["turn"]
            elif event == "text":
                got.text += frame["text"]
                got.piece()
            elif event == "audio":
                got.sounds.setdefault(frame["seq"], bytearray()).extend(base64.b64decode(frame["data"]))
                got.speakers.setdefault(frame["seq"], set()).add(frame["provider"])
                got.piece()
            elif event == "degraded":
                got.degraded.append((frame["reason"], frame.get("provider", "")))
            elif event in {"done", "error"}:
                got.over(frame.get("code", DONE))
        return got

    async def complete(self, question: str, profile: str = "fast", *, stream: bool) -> Got:
        """A written reply over `/v1/chat/completions`."""
        got = Got("streamed" if stream else "text")
        wanted: dict[str, Any] = {"model": PROFILES[profile], "messages": [{"role": "user", "content": question}]}
        if not stream:
            answer = await self._client.post("/v1/chat/completions", json=wanted)
            got.status, told = answer.status_code, answer.json()
            if answer.status_code == 200:
                got.piece()
                got.text, got.model = told["choices"][0]["message"]["content"], told["model"]
                got.tokens = told["usage"]["completion_tokens"]
            got.over(DONE if answer.status_code == 200 else told["error"]["code"])
            return got
        wanted |= {"stream": True, "stream_options": {"include_usage": True}}
        async for line in self._lines(got, "/v1/chat/completions", wanted):
            if not line:
                continue
            got.after_end += got.ends > 0
            data = line.removeprefix("data: ")
            if data == "[DONE]":
                got.over(DONE)
                continue
            told = json.loads(data)
            if "error" in told:
                got.over(told["error"]["code"])
                continue
            got.model = told["model"]
            got.tokens = (told.get("usage") or {}).get("completion_tokens", got.tokens)
            content = told["choices"][0]["delta"].get("content") if told["choices"] else ""
            if content:
                got.text += content
                got.piece()
        return got

    async def say(self, text: str, audio_format: str = "pcm") -> Got:
        """A text read out over `/v1/audio/speech`, as a stream of bare audio."""
        got = Got("reading")
        wanted = {"model": "tts-1", "input": text, "voice": VOICE, "response_format": audio_format}
        async for piece in self._pieces(got, "/v1/audio/speech", wanted):
            got.body += piece
            got.piece()
        if got.status == 200 and not got.ends:
            got.over(DONE)
        return got

    async def transcribe(self, pcm: bytes, door: str = "openai") -> Got:
        """A recording written down, over `/v1/audio/transcriptions` or `/api/voice/stt`."""
        got, file = Got(f"hearing ({door})"), wav.whole(pcm, RATE)
        if door == "openai":
            answer = await self._client.post(
                "/v1/audio/transcriptions", data={"model": "whisper-1"}, files={"file": ("a.wav", file, "audio/wav")}
            )
        else:
            wanted = {"audio": base64.b64encode(file).decode(), "language": "en"}
            answer = await self._client.post("/api/voice/stt", json=wanted)
        told, got.status = answer.json(), answer.status_code
        got.text = told.get("text", "")
        got.piece()
        got.over(DONE if got.status == 200 else _code(told))
        return got

    async def _lines(self, got: Got, path: str, wanted: Any, accept: str = "*/*") -> AsyncGenerator[str, None]:
        rest = b""
        async with aclosing(self._pieces(got, path, wanted, accept)) as pieces:
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line.decode()

    async def _pieces(self, got: Got, path: str, wanted: Any, accept: str = "*/*") -> AsyncGenerator[bytes, None]:
        """The body as it comes; a refusal and a broken connection are noted instead."""
        try:
            async with self._client.stream("POST", path, json=wanted, headers={"accept": accept}) as answer:
                got.status = answer.status_code
                if answer.status_code != 200:
                    got.over(_code(json.loads(await answer.aread())))
                    return
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx2.TransportError:
            got.over(BROKEN)


def _code(told: Any) -> str:
    return str(told["error"]["code"] if "error" in told else told["code"])
