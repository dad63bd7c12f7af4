"""One attempt at one sentence: words go to a synthesizer, shaped audio at the pipeline's rate goes into a pipe."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from segue.clock import Clock
from segue.configuration import LimitSettings
from segue.errors import FailureCategory, ProviderError, ProviderTimeout
from segue.records import AttemptOutcome, Mark, SynthesisAttempt
from segue.voice.audio import SAMPLE_RATE, Resampler, Shaper, milliseconds, silence
from segue.voice.pipe import Pipe
from segue.voice.ports import Speech, Synthesizer, Utterance
from segue.voice.soundness import sanity
from segue.voice.timeline import Timeline

BYTES_PER_SECOND = SAMPLE_RATE * 2
PIPE_S = 30.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of a reply: `text` as the model wrote it, `spoken` as a voice can say it, `pause_ms` before it."""

    seq: int
    text: str
    spoken: str
    pause_ms: float = 0.0


class Rendering:
    """A sentence on its way to becoming sound. `run` fills `pipe`; who really speaks is known from the first byte."""

    def __init__(
        self, sentence: Sentence, utterance: Utterance, synthesizer: Synthesizer, clock: Clock, limits: LimitSettings
    ) -> None:
        self.sentence = sentence
        self.pipe = Pipe(int(PIPE_S * BYTES_PER_SECOND))
        self.provider = synthesizer.name
        self.model = ""
        self.voice = utterance.voice
        self.audio_ms = 0.0
        self.task: asyncio.Task[None] | None = None
        self._utterance = utterance
        self._synthesizer = synthesizer
        self._clock = clock
        self._limits = limits
        self._began = 0.0
        self._first_byte_ms: float | None = None
        self._first_audible_ms: float | None = None

    async def run(self, timeline: Timeline) -> None:
        """Speak the sentence into the pipe; a failure is raised to the pipe's reader, in its place."""
        outcome, category = AttemptOutcome.COMPLETED, None
        self._began = self._clock.now()
        try:
            await self._fill(timeline)
            self.pipe.end()
        except asyncio.CancelledError:
            outcome = AttemptOutcome.CANCELLED
            raise
        except ProviderError as error:
            outcome, category = AttemptOutcome.FAILED, error.category.value
            self.pipe.end(error)
        except Exception as error:
            outcome, category = AttemptOutcome.FAILED, FailureCategory.SERVER.value
            self.pipe.end(error)
        finally:
            timeline.attempts.append(self._attempt(outcome, category))

    async def _fill(self, timeline: Timeline) -> None:
        resampler: Resampler | None = None
        shaper, came = Shaper(), []
        async with aclosing(self._speech()) as speeches:
            async for speech in speeches:
                if resampler is None:
                    resampler = Resampler(speech.rate, SAMPLE_RATE)
                    self.provider, self.model, self.voice = speech.provider, speech.model, speech.voice
                    self._first_byte_ms = self._elapsed_ms()
                    timeline.mark(Mark.FIRST_BYTE, self._clock.now())
                came.append(speech.pcm)
                await self._pass(shaper.feed(resampler.feed(speech.pcm)), timeline)
        if resampler is not None:
            await self._pass(shaper.feed(resampler.flush()), timeline)
        await self._pass(shaper.finish(), timeline)
        self._refuse_unsound(b"".join(came), resampler.source_rate if resampler else SAMPLE_RATE)

    async def _pass(self, pcm: bytes, timeline: Timeline) -> None:
        """Shaped audio begins with what is audible: its first byte is the first audible moment, and ends the pause."""
        if not pcm:
            return
        if self._first_audible_ms is None:
            self._first_audible_ms = self._elapsed_ms()
            timeline.mark(Mark.FIRST_AUDIBLE, self._clock.now())
            pcm = silence(self.sentence.pause_ms) + pcm
        self.audio_ms += milliseconds(pcm)
        await self.pipe.put(pcm)

    async def _speech(self) -> AsyncGenerator[Speech, None]:
        """The synthesizer's pieces, each within its limit: until audible, between pieces, and all in all."""
        limits, spent_s = self._limits, 0.0
        async with aclosing(self._synthesizer.speak(self._utterance)) as pieces:
            while True:
                asked = self._clock.now()
                if self._first_audible_ms is None:
                    wait_s, what = limits.first_audible_s - spent_s, "no audible audio"
                else:
                    wait_s, what = min(limits.stall_s, limits.sentence_s - spent_s), "no more audio"
                try:
                    async with self._clock.limit(max(0.0, wait_s)):
                        speech = await anext(pieces, None)
                except TimeoutError:
                    raise ProviderTimeout(
                        f"{self.provider} gave {what} for sentence {self.sentence.seq} within its time limit.",
                        provider=self.provider,
                    ) from None
                spent_s += self._clock.now() - asked
                if speech is None:
                    return
                yield speech

    def _refuse_unsound(self, pcm: bytes, rate: int) -> None:
        utterance = self._utterance
        finding = sanity(pcm, rate, utterance.text, utterance.language, utterance.speed)
        if finding is not None:
            raise ProviderError(
                f"{self.provider} spoke sentence {self.sentence.seq} unsoundly: {finding.reason}.",
                provider=self.provider,
                category=finding.category,
            )

    def _elapsed_ms(self) -> float:
        return round((self._clock.now() - self._began) * 1000.0, 3)

    def _attempt(self, outcome: AttemptOutcome, category: str | None) -> SynthesisAttempt:
        return SynthesisAttempt(
            seq=self.sentence.seq,
            provider=self.provider,
            model=self.model,
            voice=self.voice,
            outcome=outcome,
            characters=len(self._utterance.text),
            category=category,
            first_byte_ms=self._first_byte_ms,
            first_audible_ms=self._first_audible_ms,
            total_ms=self._elapsed_ms(),
            audio_ms=round(self.audio_ms, 3),
        )
