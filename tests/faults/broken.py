"""A deployment that can be broken in one way at a time: a vendor that really speaks, and a Segue that depends on it.

The vendor speaks OpenAI's protocol as ours does everywhere in the tests, but with voices: eSpeak NG speaks for it, each
of its voices with one of its own. What it is told to do wrong, it does to real speech.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from aiohttp import web

from segue.clock import SystemClock
from segue.providers.espeak import RATE, EspeakSynthesizer
from segue.voice.containers import wav
from segue.voice.ports import Utterance
from tests.vendors.openai import ERROR, Server
from tests.vendors.openai_wire import bad
from tests.vendors.script import Heard, Script

Wave = npt.NDArray[np.float64]
Bend = Callable[[Wave], Wave]
"""What is done to the samples of a sentence, from -1 to 1, before they are sent."""
PIECE_BYTES = 16_384
VOICES: Mapping[tuple[str, str], str] = {
    ("old", "nova"): "en-us+f3",
    ("old", "onyx"): "en-us+m3",
    ("new", "nova"): "en+f5",
    ("new", "onyx"): "en+m7",
}
"""By the vendor's model and voice, the voice of eSpeak NG that is heard."""


@dataclass
class StudioScript(Script):
    """What the vendor does wrong, and to whom."""

    voices: dict[tuple[str, str], str] = field(default_factory=lambda: dict(VOICES))
    bend: Bend | None = None
    models: tuple[str, ...] = ("old", "new")
    """The models that it goes wrong with."""
    says: str = ""
    """What is said instead of the text."""
    late_s: float = 0.0
    """How long the first byte is waited for."""
    status: int = 200
    """Another one is a refusal; 0 is a success whose body is an error in JSON."""

    def heal(self) -> None:
        """All is well again."""
        self.__dict__.update(StudioScript().__dict__)


class Studio(Server):
    """The vendor."""

    def __init__(self, script: StudioScript, heard: list[Heard], mouth: EspeakSynthesizer) -> None:
        super().__init__(script, heard)
        self._told = script
        self._mouth = mouth

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """`POST /audio/speech`."""
        heard, refused = self.came(request, await request.json())
        wanted, told = heard.body, self._told
        if refused is not None:
            return refused
        if (wanted["model"], wanted["voice"]) not in told.voices:
            return bad(f"There is no voice {wanted['voice']!r} of the model {wanted['model']!r}.")
        wrong = wanted["model"] in told.models
        if wrong and told.status >= 400:
            return bad("The server had an error.", status=told.status)
        if wrong and told.status == 0:
            return web.Response(text=json.dumps(ERROR), content_type="audio/wav")
        text = told.says if wrong and told.says else wanted["input"]
        pcm = await self._spoken(text, told.voices[wanted["model"], wanted["voice"]], wanted.get("speed", 1.0))
        if wrong and told.bend is not None:
            pcm = bent(pcm, told.bend)
        answer = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        answer.enable_chunked_encoding()
        async with self.watched(heard):
            await self.clock.sleep(told.late_s if wrong else 0.0)
            await answer.prepare(request)
            await answer.write(wav.header(RATE))
            for at in range(0, len(pcm), PIECE_BYTES):
                await answer.write(pcm[at : at + PIECE_BYTES])
            await answer.write_eof()
        return answer

    async def _spoken(self, text: str, voice: str, speed: float) -> bytes:
        async with aclosing(self._mouth.speak(Utterance(text, "en", voice, speed))) as pieces:
            return b"".join([piece.pcm async for piece in pieces])


def bent(pcm: bytes, bend: Bend) -> bytes:
    """Samples with something done to them."""
    wave = np.frombuffer(pcm, "<i2").astype(np.float64) / 32_768
    return bytes((np.clip(bend(wave), -1.0, 32_767 / 32_768) * 32_768).astype("<i2").tobytes())


@asynccontextmanager
async def studio(script: StudioScript, heard: list[Heard]) -> AsyncIterator[str]:
    """The vendor on a free port of loopback; gives its address with `/v1`."""
    mouth = EspeakSynthesizer(SystemClock(), processes=1)
    await mouth.start()
    runner = web.AppRunner(
        Studio(script, heard, mouth).application(), handler_cancellation=True, shutdown_timeout=1.0, access_log=None
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()
        await mouth.close()
