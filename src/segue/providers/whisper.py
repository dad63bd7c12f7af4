"""Hearing with Whisper, through faster-whisper: some hundred languages, from a folder on this machine.

The libraries are heavy and bring native code, PyAV's GPL parts among it, so they are loaded in worker processes
(`whisper_worker`), never here. The model cannot be stopped within a window of 30 s: a worker that has not come to the
end of one `stop_s` after a cancel is replaced.
"""

import asyncio
import importlib.util
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import soxr

from segue.clock import Clock
from segue.errors import Unavailable, UnknownLanguage
from segue.providers.seat import Limits
from segue.providers.worker import PoolHealth, WorkerPool
from segue.vendors import local as vendor
from segue.voice.audio import SAMPLE_BYTES
from segue.voice.language import base_code
from segue.voice.ports import About, Recording, Transcript, Word

RATE = 16_000
SHORTEST_S = 0.1
"""Nobody has said anything in less."""
LONGEST_HINT = 600
"""Characters of phrases that the model is told; it reads no more than 224 tokens of them."""
FILES = ("model.bin", "config.json", "tokenizer.json")
"""What a converted model consists of, at least. For want of a `tokenizer.json` the library would download one."""


class WhisperRecognizer:
    """Hears freely: phrases make their words likelier, and what is expected is compared by whoever expects it.

    `languages` are those of the settings; after `start` English alone for a model that knows no other.
    """

    def __init__(self, name: str, settings: vendor.WhisperRecognizer, clock: Clock) -> None:
        self.name = name
        self.languages = settings.languages
        self._settings = settings
        asked = {
            "model": str(settings.model),
            "compute_type": settings.compute_type,
            "languages": settings.languages,
            "speech_only": settings.speech_only,
            "threads": settings.threads_each(os.cpu_count() or 1),
        }
        command = (sys.executable, "-P", "-m", "segue.providers.whisper_worker", json.dumps(asked))
        limits = Limits(start_s=settings.load_s, stop_s=settings.stop_s)
        self._pool = WorkerPool(name, command, clock, size=settings.workers, limits=limits)

    async def start(self) -> None:
        """Load the model in every worker.

        Raises:
            Unavailable: faster-whisper is not installed, or the folder is not there, lacks a file, cannot be loaded or
                hears none of the languages; the message says which.
        """
        if importlib.util.find_spec("faster_whisper") is None:
            raise Unavailable(
                f"{self.name} needs faster-whisper, which is not installed: pip install 'segue[whisper]'."
            )
        folder = self._settings.model
        if not folder.is_dir():
            raise Unavailable(f"{self.name} cannot hear: there is no folder {folder}.")
        missing = [file for file in FILES if not (folder / file).is_file()]
        if missing:
            raise Unavailable(f"{self.name} cannot hear: the folder {folder} has no {', no '.join(missing)}.")
        await self._pool.start()
        self.languages = tuple(self._pool.about["languages"])

    async def close(self) -> None:
        """End the workers; returns when no child is left."""
        await self._pool.close()

    @property
    def ready(self) -> bool:
        """Whether a recording would be heard now."""
        return self._pool.health().ready

    @property
    def about(self) -> About:
        """See `Recognizer.about`. The version is that of faster-whisper; empty before `start`."""
        folder = self._settings.model
        return About("whisper", folder.name, str(self._pool.about.get("version", "")), str(folder))

    def health(self) -> PoolHealth:
        """The workers."""
        return self._pool.health()

    async def hear(self, recording: Recording) -> Transcript:
        """See `Recognizer.hear`. The confidence is the geometric mean of what the model gave its tokens.

        Raises:
            Unavailable: `start` was not called.
        """
        language = base_code(recording.language)
        if language not in self.languages:
            raise UnknownLanguage(
                f"{self.name} hears {', '.join(self.languages)}, not {recording.language!r}.", param="language"
            )
        duration_s = len(recording.pcm) // SAMPLE_BYTES / recording.rate
        if duration_s < SHORTEST_S:
            return Transcript("", language, self.name, duration_s)
        pcm = await asyncio.to_thread(_at_rate, recording.pcm, recording.rate)
        header = {"language": language, "hint": ", ".join(_within(recording.phrases, LONGEST_HINT))}
        told = await self._pool.ask(header, pcm)
        return Transcript(
            text=str(told["text"]),
            language=language,
            provider=self.name,
            duration_s=duration_s,
            words=tuple(_placed(told["words"], duration_s)),
            confidence=None if told["logprob"] is None else min(1.0, math.exp(told["logprob"])),
        )


def _at_rate(pcm: bytes, rate: int) -> bytes:
    """A recording at the rate of the model, in whole samples."""
    whole = pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES]
    if rate == RATE:
        return whole
    samples = soxr.resample(np.frombuffer(whole, dtype="<i2").astype(np.float32), rate, RATE)
    at_rate: bytes = np.clip(np.rint(samples), -32_768, 32_767).astype("<i2").tobytes()
    return at_rate


def _within(phrases: Iterable[str], longest: int) -> Iterator[str]:
    """The first phrases that together are no longer."""
    for phrase in phrases:
        longest -= len(phrase) + 2
        if longest < 0:
            return
        yield phrase.encode("utf-8", "replace").decode()


def _placed(words: Iterable[Sequence[float | str]], duration_s: float) -> Iterator[Word]:
    """Words with their places, none of them beyond the recording: the model hears it with silence after it."""
    for text, start_s, end_s in words:
        start = min(max(0.0, float(start_s)), duration_s)
        yield Word(str(text), start, min(max(start, float(end_s)), duration_s))
