"""The embedded engines: when the first audio comes, how fast speech is made and heard, how soon a cancel is obeyed.

    python -m benchmarks.embedded [--runs 200] [--json FILE]

Everything runs through the same worker processes as in the product. Figures are milliseconds unless they say otherwise.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from segue.clock import SystemClock
from segue.providers.espeak import BASE_VOICES, EspeakSynthesizer
from segue.providers.pocketsphinx import PocketsphinxRecognizer
from segue.voice.ports import Recording, Utterance

CLOCK = SystemClock()

MESSAGES = {
    "uk": "Доброго ранку! Сьогодні у Києві сонячно, температура двадцять один градус, вітер слабкий.",
    "ru": "Доброе утро! Сегодня в Киеве солнечно, температура двадцать один градус, ветер слабый.",
    "en": "Good morning! It is sunny in Kyiv today, the temperature is twenty one degrees, the wind is light.",
    "zh": "早上好！今天基辅天气晴朗，气温二十一度，微风。",
}
PHRASES = (
    "turn on the light",
    "what is the time",
    "good morning",
    "call my mother",
    "stop the music",
    "play the next song",
    "open the door",
    "set a timer for ten minutes",
    "tell me a story",
    "good night",
    "how are you today",
    "where is the nearest station",
    "remind me to buy milk",
    "switch off the radio",
    "what is the weather like",
    "read the news",
    "turn the volume down",
    "thank you very much",
    "send a message to my brother",
    "good evening",
)
STRANGE = ("banana republic", "the weather is nice today", "my dog sleeps under the table", "please wait outside")
VOICES = (("en-us", 0.86), ("en-us+f3", 0.9), ("en-us+f2", 1.0), ("en-us", 1.0), ("en", 1.0))
"""Voices and speeds the recognizer is asked to understand; the last is British, the model is American."""


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """The median, the 95th percentile and the worst, rounded to hundredths."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        "max": round(ordered[-1], 2),
    }


async def speak(espeak: EspeakSynthesizer, utterance: Utterance) -> tuple[bytes, float, float]:
    """The audio of an utterance, and the milliseconds to its first piece and to its end."""
    started, first_ms, pcm = CLOCK.now(), 0.0, bytearray()
    async for speech in espeak.speak(utterance):
        first_ms = first_ms or (CLOCK.now() - started) * 1000
        pcm += speech.pcm
    return bytes(pcm), first_ms, (CLOCK.now() - started) * 1000


async def first_audio(espeak: EspeakSynthesizer, runs: int) -> dict[str, Any]:
    """Per language, in turn with the others, so that every sentence also changes the voice of its process."""
    firsts: dict[str, list[float]] = {language: [] for language in MESSAGES}
    factors: dict[str, list[float]] = {language: [] for language in MESSAGES}
    audio_s = dict.fromkeys(MESSAGES, 0.0)
    for _ in range(runs):
        for language, text in MESSAGES.items():
            pcm, first_ms, total_ms = await speak(espeak, Utterance(text, language, BASE_VOICES[language][0]))
            audio_s[language] = round(len(pcm) / 2 / 22050, 2)
            firsts[language].append(first_ms)
            factors[language].append(total_ms / 1000 / audio_s[language])
    return {
        language: {
            "audio_s": audio_s[language],
            "first_audio_ms": quantiles(firsts[language]),
            "real_time_factor": round(statistics.median(factors[language]), 5),
        }
        for language in MESSAGES
    }


async def crowd(espeak: EspeakSynthesizer, size: int) -> dict[str, Any]:
    """So many sentences at the same moment."""
    languages = list(MESSAGES)
    asked = [
        Utterance(MESSAGES[language], language, BASE_VOICES[language][0])
        for language in (languages[number % len(languages)] for number in range(size))
    ]
    started = CLOCK.now()
    spoken = await asyncio.gather(*(speak(espeak, utterance) for utterance in asked))
    return {
        "sentences": size,
        "all_done_ms": round((CLOCK.now() - started) * 1000, 1),
        "first_audio_ms": quantiles([first_ms for _, first_ms, _ in spoken]),
    }


async def free(espeak: EspeakSynthesizer) -> None:
    """Return as soon as no worker is busy."""
    for _ in itertools.count():
        if not any(worker.busy for worker in espeak.health().workers):
            break
        await asyncio.sleep(0)


async def cancels(espeak: EspeakSynthesizer, runs: int) -> dict[str, Any]:
    """How long closing takes, and how long until the worker is free again, in the middle of half a minute of speech."""
    closing, freeing = [], []
    utterance = Utterance("One two three four five six seven eight nine ten " * 8, "en", "en-us")
    for _ in range(runs):
        speech = espeak.speak(utterance)
        async with aclosing(speech):
            await anext(speech)
            started = CLOCK.now()
        closing.append((CLOCK.now() - started) * 1000)
        await free(espeak)
        freeing.append((CLOCK.now() - started) * 1000)
    return {"close_ms": quantiles(closing), "worker_free_ms": quantiles(freeing)}


async def hearing(espeak: EspeakSynthesizer, ears: PocketsphinxRecognizer) -> dict[str, Any]:
    """Phrases picked from a list, phrases confirmed and refused, and dictation, of what the embedded voice says."""
    result: dict[str, Any] = {}
    for voice, speed in VOICES:
        recordings = {text: (await speak(espeak, Utterance(text, "en", voice, speed)))[0] for text in PHRASES + STRANGE}
        told: dict[str, Any] = {"phrases": 0, "strangers_let_in": 0, "confirmed": 0, "wrongly_confirmed": 0}
        choosing, dictating = [], []
        for number, (text, pcm) in enumerate(recordings.items()):
            started = CLOCK.now()
            heard = await ears.hear(Recording(pcm, 22050, "en", PHRASES))
            choosing.append((CLOCK.now() - started) * 1000)
            started = CLOCK.now()
            await ears.hear(Recording(pcm, 22050, "en"))
            dictating.append((CLOCK.now() - started) / (len(pcm) / 2 / 22050))
            if text in STRANGE:
                told["strangers_let_in"] += heard.text != ""
                continue
            told["phrases"] += heard.text == text
            told["confirmed"] += (await ears.hear(Recording(pcm, 22050, "en", (), text))).text == text
            for other in (PHRASES[number - 1], PHRASES[number - 4], PHRASES[number - 9]):
                told["wrongly_confirmed"] += (await ears.hear(Recording(pcm, 22050, "en", (), other))).text != ""
        told |= {"choosing_ms": quantiles(choosing), "dictation_real_time_factor": quantiles(dictating)}
        result[f"{voice} at {speed:g}"] = told
    return result


async def measure(runs: int) -> dict[str, Any]:
    """Everything, one after another."""
    espeak, ears = EspeakSynthesizer(CLOCK, engine="library"), PocketsphinxRecognizer(CLOCK)
    started = CLOCK.now()
    await espeak.start()
    espeak_s = CLOCK.now() - started
    await ears.start()
    found: dict[str, Any] = {
        "start_ms": {"espeak": round(espeak_s * 1000), "pocketsphinx": round((CLOCK.now() - started - espeak_s) * 1000)}
    }
    try:
        found["speech"] = await first_audio(espeak, runs)
        found["crowd"] = await crowd(espeak, 50)
        found["cancel"] = await cancels(espeak, runs)
        found["hearing"] = await hearing(espeak, ears)
    finally:
        await espeak.close()
        await ears.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="sentences per language")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    chosen = parser.parse_args(arguments)
    text = json.dumps(asyncio.run(measure(chosen.runs)), indent=2, ensure_ascii=False)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
