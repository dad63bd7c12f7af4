"""A synthesizer that usually begins soon and sometimes very late, which is how hosted ones behave.

How late it is depends on nothing but the seed and the text, so that several processes have the same luck.
"""

import math
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from statistics import NormalDist

from segue.clock import Clock
from segue.voice.ports import About, Speech, Synthesizer, Utterance, VoiceInfo


@dataclass(frozen=True, slots=True)
class Tail:
    """When the first audio comes: lognormal around `median_s`, but `slow_s` for a `share` of the sentences.

    `spread` is the standard deviation of the logarithm.
    """

    median_s: float = 0.15
    spread: float = 0.25
    share: float = 0.0
    slow_s: float = 3.0
    seed: int = 20

    def wait_s(self, text: str) -> float:
        """Seconds until the first audio of this text."""
        chance = random.Random(f"{self.seed} {text}")
        slow = chance.random() < self.share
        return self.slow_s if slow else chance.lognormvariate(math.log(self.median_s), self.spread)

    def ordinary_s(self, share: float) -> float:
        """The wait that this share (0 to 1, both excluded) of the sentences outside the tail does not exceed."""
        return self.median_s * math.exp(self.spread * NormalDist().inv_cdf(share))

    def later_than(self, seconds: float) -> float:
        """The share of all sentences, tail included, that are not yet audible after so many seconds."""
        ordinary = 1.0 - NormalDist().cdf(math.log(seconds / self.median_s) / self.spread)
        return (1.0 - self.share) * ordinary + self.share * (seconds < self.slow_s)


class Tailed:
    """A `Synthesizer` whose first audio keeps its listener waiting as a `Tail` says."""

    def __init__(self, synthesizer: Synthesizer, tail: Tail, clock: Clock) -> None:
        self.name = synthesizer.name
        self._synthesizer = synthesizer
        self._tail = tail
        self._clock = clock

    @property
    def about(self) -> About:
        """See `Synthesizer.about`."""
        return self._synthesizer.about

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return self._synthesizer.voices()

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`."""
        await self._clock.sleep(self._tail.wait_s(utterance.text))
        async with aclosing(self._synthesizer.speak(utterance)) as pieces:
            async for piece in pieces:
                yield piece
