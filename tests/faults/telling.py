"""Speech whose words can be told apart again: every word is a tone of its own, so that what was heard can be written.

That makes the ear of the fault tests: whatever providers did to each other on the way, a listener must have heard every
word of every sentence, in order, and from the beginning to the end.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError
from segue.voice.ports import About, Speech, Utterance, VoiceInfo

RATE = 24_000
WORD_MS = 240
GAP_MS = 40
"""Silence after each word, by which words are told apart."""
LOWEST_HZ, STEP_HZ = 300.0, 40.0

Failing = Callable[[Utterance], bool]


def vocabulary(sentences: Sequence[str]) -> dict[str, float]:
    """The frequency of each word, in Hz."""
    words = dict.fromkeys(word for sentence in sentences for word in plain(sentence))
    return {word: LOWEST_HZ + STEP_HZ * number for number, word in enumerate(words)}


def plain(text: str) -> list[str]:
    """The words of a text."""
    kept = "".join(character if character.isalnum() else " " for character in text.lower())
    return kept.split()


@dataclass
class Fault:
    """What goes wrong with the utterances that `hits` names, after `after` bytes.

    `how`: `cut` raises, `end` stops as if that had been all, `stall` never goes on, `trickle` goes on byte by byte,
    `silence`, `clipped`, `odd` and `empty` are successes that are none.
    """

    how: str
    after: int = 0
    category: FailureCategory = FailureCategory.TRUNCATED
    hits: Failing = field(default=lambda _: True)


@dataclass
class Teller:
    """A `Synthesizer` that tells words apart, and fails as told."""

    clock: Clock
    name: str
    tones: dict[str, float]
    fault: Fault | None = None
    word_ms: float = WORD_MS
    log: list[str] = field(default_factory=list)
    open: int = 0

    @property
    def about(self) -> About:
        """See `Synthesizer.about`."""
        return About("teller")

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return (VoiceInfo(f"{self.name}-voice", self.name, ("en",)),)

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`."""
        self.log.append(utterance.text)
        self.open += 1
        try:
            fault = self.fault if self.fault is not None and self.fault.hits(utterance) else None
            pcm = b"".join(self._word(word) for word in plain(utterance.text))
            if fault is not None:
                pcm = {"silence": bytes(len(pcm)), "clipped": _clipped(pcm), "empty": b""}.get(fault.how, pcm)
                pcm = pcm + b"\1" if fault.how == "odd" else pcm
            sent = 0
            while sent < len(pcm):
                await asyncio.sleep(0)
                size = min(4800, len(pcm) - sent)
                if fault is not None and fault.how in {"cut", "end", "stall", "trickle"} and sent + size > fault.after:
                    size = max(0, fault.after - sent)
                    if size:
                        yield self._speech(pcm[sent : sent + size], utterance)
                    sent += size
                    if fault.how == "trickle":
                        async for piece in self._trickle(pcm[sent:], utterance):
                            yield piece
                    await self._break(fault)
                    return
                yield self._speech(pcm[sent : sent + size], utterance)
                sent += size
        finally:
            self.open -= 1

    async def _break(self, fault: Fault) -> None:
        if fault.how == "cut":
            raise ProviderError(f"{self.name} broke off.", provider=self.name, category=fault.category)
        if fault.how == "stall":
            await asyncio.get_running_loop().create_future()

    async def _trickle(self, pcm: bytes, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        for at in range(0, len(pcm), 2):
            await self.clock.sleep(2.0)
            yield self._speech(pcm[at : at + 2], utterance)

    def _speech(self, pcm: bytes, utterance: Utterance) -> Speech:
        return Speech(pcm, RATE, self.name, "tones", utterance.voice)

    def _word(self, word: str) -> bytes:
        count = round(RATE * self.word_ms / 1000)
        wave = 0.3 * 32767 * np.sin(2 * math.pi * self.tones[word] * np.arange(count) / RATE)
        return np.concatenate([wave, np.zeros(RATE * GAP_MS // 1000)]).astype("<i2").tobytes()


def _clipped(pcm: bytes) -> bytes:
    wave = np.frombuffer(pcm, "<i2")
    return (np.sign(wave) * 32767).astype("<i2").tobytes()


def heard(pcm: bytes, tones: dict[str, float]) -> list[str]:
    """The words in what a listener heard; a word that was cut short counts as heard only if half of it was."""
    wave = np.frombuffer(pcm, "<i2").astype(float)
    window = RATE // 100
    loud = np.array([np.abs(wave[at : at + window]).max() > 500 for at in range(0, len(wave) - window + 1, window)])
    words, names = [], list(tones)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        piece = wave[begin * window : end * window]
        if len(piece) < RATE * WORD_MS / 2000:
            continue
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), n=1 << 15))
        peak_hz = spectrum.argmax() * RATE / (1 << 15)
        words.append(names[int(np.abs(np.array(list(tones.values())) - peak_hz).argmin())])
    return words
