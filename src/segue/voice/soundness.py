"""Is what a provider called a success really the sentence? Nothing, silence and half a sentence are failures."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from segue.errors import FailureCategory
from segue.voice.audio import AUDIBLE_DBFS, SAMPLE_BYTES, audible_windows, milliseconds, samples


class Flaw(StrEnum):
    """What can be wrong with the audio that a provider called a success."""

    EMPTY = "empty"
    SILENT = "silent"
    SHORT = "short"
    CLIPPED = "clipped"
    ODD = "odd"


CATEGORIES = {
    Flaw.EMPTY: FailureCategory.EMPTY_AUDIO,
    Flaw.SILENT: FailureCategory.EMPTY_AUDIO,
    Flaw.SHORT: FailureCategory.TRUNCATED,
    Flaw.CLIPPED: FailureCategory.SERVER,
    Flaw.ODD: FailureCategory.TRUNCATED,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A flaw, the kind of provider failure it amounts to, and one sentence with the numbers behind it."""

    flaw: Flaw
    reason: str

    @property
    def category(self) -> FailureCategory:
        """The failure category under which the provider's attempt is recorded."""
        return CATEGORIES[self.flaw]


FASTEST_CHARACTERS_PER_S = {"zh": 9.0}
FASTEST_CHARACTERS_PER_S_OTHERWISE = 30.0
"""Hurried reading: some 6 to 7 syllables a second, about 4 characters each in en, uk, ru and one each in zh."""

SHORT_SHARE = 0.3
"""Below this share of the hurried duration the audio cannot hold the text."""

CLIPPED_SHARE = 0.05
"""Share of samples at full scale above which speech is distorted beyond what a limiter does."""

CLIPPED_PIECE_SHARE = 0.25
"""The same for a piece of a few hundredths of a second, which may hold one loud vowel."""


def shortest_ms(text: str, language: str, speed: float = 1.0) -> float:
    """The duration of `text` when read in a hurry, in ms; only letters and digits count. 0.0 when nothing is said."""
    pace = FASTEST_CHARACTERS_PER_S.get(language.split("-", maxsplit=1)[0], FASTEST_CHARACTERS_PER_S_OTHERWISE) * speed
    return 1000 * sum(character.isalnum() for character in text) / pace


def brevity(duration_ms: float, text: str, language: str, speed: float = 1.0) -> Finding | None:
    """Whether `duration_ms` of audible audio can hold `text`: a check for streams, which keep no audio.

    Returns:
        `EMPTY` where nothing was audible, `SHORT` where too little was, else None; None too where nothing was due.
    """
    due_ms = shortest_ms(text, language, speed)
    if not due_ms or duration_ms >= max(SHORT_SHARE * due_ms, 1):
        return None
    if duration_ms <= 0:
        return Finding(Flaw.EMPTY, "the provider returned no audio at all")
    reason = f"{duration_ms:.0f} ms cannot hold a text that takes {due_ms:.0f} ms read in a hurry"
    return Finding(Flaw.SHORT, reason)


def sanity(pcm: bytes, rate: int, text: str, language: str, speed: float = 1.0) -> Finding | None:
    """What is wrong with the whole audio of a sentence, or None. Where nothing was to be said, nothing is wrong.

    Args:
        pcm: what the provider returned for the sentence, as it came.
        rate: its samples per second.
        text: what was to be spoken, numbers already in words.
        language: a code like `uk`.
        speed: the relative speed that was asked for.
    """
    if not shortest_ms(text, language, speed):
        return None
    if len(pcm) % SAMPLE_BYTES:
        return Finding(Flaw.ODD, f"{len(pcm)} bytes are no whole number of 16-bit samples")
    if not pcm:
        return brevity(0.0, text, language, speed)
    return _silent(pcm, rate) or brevity(milliseconds(pcm, rate), text, language, speed) or clipping(pcm, CLIPPED_SHARE)


def audible(pcm: bytes, rate: int) -> bool:
    """Whether anything in a piece of PCM can be heard."""
    window = max(1, rate // 200)  # 5 ms; the last one is filled up, so that it is judged too
    wave = samples(pcm)
    padded = np.pad(wave, (0, -len(wave) % window), mode="edge") if len(wave) else wave
    return bool(audible_windows(padded, window).any())


def _silent(pcm: bytes, rate: int) -> Finding | None:
    if audible(pcm, rate):
        return None
    return Finding(Flaw.SILENT, f"nothing in {milliseconds(pcm, rate):.0f} ms is above {AUDIBLE_DBFS:.0f} dBFS")


def clipping(pcm: bytes, most: float = CLIPPED_PIECE_SHARE) -> Finding | None:
    """Whether more than this share of the samples of a piece is at full scale."""
    wave = samples(pcm)
    share = float(np.count_nonzero((wave > 32_760) | (wave < -32_760))) / max(1, len(wave))
    return Finding(Flaw.CLIPPED, f"{share:.0%} of the samples are at full scale") if share > most else None
