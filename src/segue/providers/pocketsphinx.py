"""Hearing with PocketSphinx, with no account and no download: English, at its best where the answer is known.

Given a list of phrases, or one text that should have been said, it is a dependable judge. As free dictation it is a
small model of its time: right for a few clear words, wrong for much else.
"""

import asyncio
import importlib.util
import re
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownLanguage
from segue.providers.seat import Limits
from segue.providers.worker import PoolHealth, WorkerPool
from segue.voice.language import base_code
from segue.voice.ports import About, Recording, Transcript, Word

RATE = 16000
PAD_MS = 200
NOISE = 4.0
"""Standard deviation, in steps of 16 bits (-78 dB), of the noise laid under every recording. The model was trained on
rooms: exact digital silence upsets its estimate of the channel, and it mishears what follows."""

STEADY = 2.0
"""Where the loud tenth of a recording is at most this much louder than its quiet tenth, nobody speaks in it."""
_STEP = RATE * 30 // 1000

_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class PocketsphinxRecognizer:
    """Hears English in worker processes of about 130 MB each.

    Nobody waits long behind another: a recording longer than `longest_s` is refused, and dictation that takes more than
    `work_s` is given up. It takes a quarter of the playing time and more, a choice among phrases about a thirtieth. A
    cancelled dictation frees its worker within about 50 ms; a choice among phrases and the last pass of dictation run
    to their end.
    """

    name = "pocketsphinx"
    languages: tuple[str, ...] = ("en",)

    def __init__(
        self,
        clock: Clock,
        *,
        processes: int = 1,
        longest_s: float = 60.0,
        work_s: float = 30.0,
        limits: Limits | None = None,
    ) -> None:
        self._longest_s = longest_s
        self._work_s = work_s
        command = (sys.executable, "-P", "-m", "segue.providers.pocketsphinx_worker")
        self._pool = WorkerPool(self.name, command, clock, size=processes, limits=limits)

    async def start(self) -> None:
        """Load the model in every worker.

        Raises:
            Unavailable: PocketSphinx is not installed, or does not start; the message says what to do.
        """
        if importlib.util.find_spec("pocketsphinx") is None:
            raise Unavailable(
                "Embedded recognition needs PocketSphinx, which is not installed: pip install 'segue[speech]'."
            )
        await self._pool.start()

    async def close(self) -> None:
        """End the workers; returns when no child is left."""
        await self._pool.close()

    @property
    def ready(self) -> bool:
        """Whether a recording would be heard now."""
        return self._pool.health().ready

    @property
    def about(self) -> About:
        """See `Recognizer.about`."""
        return About("pocketsphinx", self.model)

    @property
    def model(self) -> str:
        """What listens; empty before `start`."""
        return str(self._pool.about.get("model", ""))

    def health(self) -> PoolHealth:
        """The workers."""
        return self._pool.health()

    async def hear(self, recording: Recording) -> Transcript:
        """See `Recognizer.hear`.

        With `expected` the text is that very text, or empty where something else was said; with `phrases` it is the
        phrase as it was given, or empty. Both must be in words: the dictionary has no digits.

        Raises:
            Unavailable: `start` was not called.
        """
        if base_code(recording.language) not in self.languages:
            raise UnknownLanguage(
                f"{self.name} hears English only, not {recording.language!r}; configure another recognizer for it.",
                param="language",
            )
        duration_s = len(recording.pcm) // 2 / recording.rate
        if duration_s > self._longest_s:
            raise self._refusal(
                f"The recording lasts {duration_s:.1f} s; {self.name} hears at most {self._longest_s:g} s at a time.",
                FailureCategory.UNSUPPORTED,
            )
        offered = recording.phrases if recording.expected is None else (recording.expected,)
        candidates = [_words(phrase) for phrase in offered]
        if not all(candidates):
            raise self._refusal("A phrase to listen for has no words.", FailureCategory.BAD_REQUEST)
        if not recording.pcm:
            return Transcript("", "en", self.name, 0.0)
        pcm = await asyncio.to_thread(_prepared, recording.pcm, recording.rate)
        if not pcm:
            return Transcript("", "en", self.name, duration_s)
        told = await self._pool.ask({"pad_ms": PAD_MS, "candidates": candidates, "work_s": self._work_s}, pcm)
        return Transcript(
            text=told["text"] if told["choice"] is None else offered[told["choice"]],
            language="en",
            provider=self.name,
            duration_s=duration_s,
            words=tuple(Word(text, start, min(end, duration_s)) for text, start, end in told["words"]),
            confidence=told["confidence"],
        )

    def _refusal(self, message: str, category: FailureCategory) -> ProviderError:
        return ProviderError(message, provider=self.name, category=category)


def _words(phrase: str) -> Sequence[str]:
    """The words of a phrase as the dictionary spells them."""
    return _WORDS.findall(phrase.lower().replace("’", "'"))


def _prepared(pcm: bytes, rate: int) -> bytes:
    """A recording at 16 kHz, with a little room before, after and under it; nothing where there cannot be speech.

    The same recording gives the same bytes.
    """
    samples = np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.float32)
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    if _steady(samples):
        return b""
    samples = np.pad(samples, RATE * PAD_MS // 1000)
    noisy = samples + np.random.default_rng(0).normal(0.0, NOISE, samples.size)
    return np.clip(np.rint(noisy), -32768, 32767).astype("<i2").tobytes()


def _steady(samples: npt.NDArray[np.float32]) -> bool:
    """Whether the loudness, by pieces of 30 ms, hardly changes: silence, hum or hiss. Words make it rise and fall."""
    whole = samples[: samples.size // _STEP * _STEP].reshape(-1, _STEP)
    if len(whole) < 5:
        return not samples.any()
    quiet, loud = np.quantile(np.sqrt(np.mean(whole**2, axis=1)), (0.1, 0.9))
    return bool(loud <= STEADY * quiet)
