"""Speech for the servers that stand for vendors, where a hum is not enough: eSpeak NG speaks in each voice's place.

It runs in a process of its own, as it does in Segue. Which of its voices stands for which of a vendor's is a matter of
the name alone, unless it is told, so that a voice always sounds the same and most of them sound different.
"""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import numpy as np
import soxr

from segue.clock import SystemClock
from segue.providers.espeak import BASE_VOICES, RATE, VARIANTS, EspeakSynthesizer
from segue.voice.ports import Utterance

Speak = Callable[[str, str, float, int], Awaitable[bytes]]
"""Speaks with a vendor's voice: its name, the text, the speed, the wanted samples a second; gives mono s16le."""
LANGUAGES = {"cmn": "zh", "uk": "uk", "ru": "ru", "en": "en"}


@asynccontextmanager
async def speaking(voices: Mapping[str, str] | None = None) -> AsyncIterator[Speak]:
    """Opens it; `voices` says who stands for whom, by the vendor's name, as in `{"uk-UA-OstapNeural": "uk"}`."""
    engine = EspeakSynthesizer(SystemClock(), processes=1)
    await engine.start()

    async def speak(voice: str, text: str, speed: float, rate: int) -> bytes:
        language = LANGUAGES[voice.partition("-")[0]]
        fitting = [BASE_VOICES[language][0], *(f"{BASE_VOICES[language][0]}+{variant}" for variant in VARIANTS)]
        chosen = (voices or {}).get(voice) or fitting[zlib.crc32(voice.encode()) % len(fitting)]
        pcm = b"".join([piece.pcm async for piece in engine.speak(Utterance(text, language, chosen, speed))])
        wave = soxr.resample(np.frombuffer(pcm, "<i2").astype(np.float32), RATE, rate)
        return np.clip(np.rint(wave), -32_768, 32_767).astype("<i2").tobytes()

    try:
        yield speak
    finally:
        await engine.close()
