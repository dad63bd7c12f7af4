"""How fast each voice speaks, learnt from what it has spoken: to tell a cut sentence from a short one. Pure state."""

import statistics
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from segue.voice.soundness import Finding, Flaw

LEAST_LETTERS = 20
"""Shorter sentences say little about pace: their pauses weigh too much."""
LEAST_SAMPLES = 8
KEPT_SAMPLES = 48
VOICES = 2000
"""So many voices are remembered, the ones used last."""
CUT_SHARE = 0.6
"""Audio shorter than this share of what the voice's own pace promises was cut off."""

SLOWEST_MS_PER_LETTER = {"zh": 1600.0}
SLOWEST_MS_PER_LETTER_OTHERWISE = 450.0
"""Four times as long as unhurried reading takes: some 9 letters a second, in Chinese 2.5 characters."""
SLACK_MS = 10_000.0
"""Whatever the text, so much audio is not yet too much: silence before it, pauses, numbers that are spelt out."""

Voice = tuple[str, str, str]
"""Provider, voice and language."""


def letters(text: str) -> int:
    """Letters and digits of a text: what takes time to say."""
    return sum(character.isalnum() for character in text)


def longest_ms(text: str, language: str, speed: float = 1.0) -> float:
    """More audio than this cannot be a reading of the text: a provider that sends it has lost its way."""
    per_letter = SLOWEST_MS_PER_LETTER.get(language.split("-", maxsplit=1)[0], SLOWEST_MS_PER_LETTER_OTHERWISE)
    return SLACK_MS + letters(text) * per_letter / speed


@dataclass(slots=True)
class Paces:
    """The pace of every voice in use, in milliseconds a letter at normal speed."""

    _samples: OrderedDict[Voice, deque[float]] = field(default_factory=OrderedDict)

    def learn(self, voice: Voice, text: str, audio_ms: float, speed: float = 1.0) -> None:
        """A sentence was spoken, whole and sound."""
        count = letters(text)
        if count < LEAST_LETTERS or audio_ms <= 0:
            return
        samples = self._samples.setdefault(voice, deque(maxlen=KEPT_SAMPLES))
        self._samples.move_to_end(voice)
        samples.append(audio_ms * speed / count)
        while len(self._samples) > VOICES:
            self._samples.popitem(last=False)

    def of(self, voice: Voice, speed: float = 1.0) -> float | None:
        """Milliseconds a letter at this speed; None before enough was heard."""
        samples = self._samples.get(voice)
        if samples is None or len(samples) < LEAST_SAMPLES:
            return None
        return statistics.median(samples) / speed

    def brevity(self, voice: Voice, text: str, audio_ms: float, speed: float = 1.0) -> Finding | None:
        """Whether so much audio can be all of a text, judged by the voice's own pace."""
        pace, count = self.of(voice, speed), letters(text)
        if pace is None or count < LEAST_LETTERS or audio_ms >= CUT_SHARE * pace * count:
            return None
        reason = f"{audio_ms:.0f} ms is too short for a text that this voice takes {pace * count:.0f} ms for"
        return Finding(Flaw.SHORT, reason)
