"""From a model's tokens to sentences that can be spoken, with the time limits of the model on the way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from segue.clock import Clock
from segue.configuration import VoiceSettings
from segue.errors import FailureCategory, ProviderError, ProviderTimeout
from segue.records import Mark
from segue.voice.audio import pause_ms
from segue.voice.ports import LanguageModel, Prompt
from segue.voice.rendering import Sentence
from segue.voice.sentences import SentenceAssembler
from segue.voice.speakable import SpeakableStream
from segue.voice.timeline import Timeline
from segue.voice.wording.markup import ReasoningFilter

TOKENS_WAITING = 256
"""A model that writes faster than its listener hears is paused when this many tokens wait."""


class Silence:
    """Stands for "the model has been silent for a while" in a stream of tokens."""


SILENCE = Silence()


@dataclass(slots=True)
class Cutter:
    """Tokens in, sentences out: assembles, makes speakable, counts, and puts a pause before each but the first."""

    assembler: SentenceAssembler
    stream: SpeakableStream
    pause_scale: float
    _seq: int = 0
    _pause_ms: float = 0.0

    def push(self, token: str) -> list[Sentence]:
        """The sentences that this token completes."""
        return self._sentences(self.assembler.push(token))

    def release(self) -> list[Sentence]:
        """What is complete but was waiting to see how the text goes on."""
        return self._sentences(self.assembler.release())

    def flush(self) -> list[Sentence]:
        """The rest."""
        return self._sentences(self.assembler.flush())

    def _sentences(self, texts: list[str]) -> list[Sentence]:
        sentences = []
        for text in texts:
            spoken = self.stream.push(text)
            pause = self._pause_ms if spoken else 0.0
            sentences.append(Sentence(self._seq, text, spoken, pause))
            self._seq += 1
            if spoken:
                self._pause_ms = pause_ms(text) * self.pause_scale
        return sentences


def cutter(language: str, settings: VoiceSettings) -> Cutter:
    """A fresh cutter for one reply."""
    return Cutter(SentenceAssembler(language, settings.first_clause), SpeakableStream(language), settings.pause_scale)


async def read_out(
    text: str, language: str, settings: VoiceSettings, timeline: Timeline, clock: Clock
) -> AsyncGenerator[Sentence, None]:
    """The sentences of a text that is already there."""
    cut = cutter(language, settings)
    for sentence in [*cut.push(text), *cut.flush()]:
        timeline.sentence(sentence.text, clock.now())
        yield sentence


async def replies(
    model: LanguageModel, prompt: Prompt, settings: VoiceSettings, timeline: Timeline, clock: Clock
) -> AsyncGenerator[Sentence, None]:
    """The sentences of a model's reply, each as soon as it is known to be one.

    Raises:
        ProviderError: the model failed, was silent for too long or wrote nothing; complete sentences came before.
    """
    cut = cutter(prompt.language, settings)
    reasoning = ReasoningFilter()
    written = False
    async with aclosing(_tokens(model, prompt, settings, cut, clock)) as tokens:
        async for token in tokens:
            if isinstance(token, Silence):
                ready = cut.release()
            else:
                content = reasoning.push(token)
                if content and not written:
                    written = True
                    timeline.mark(Mark.FIRST_TOKEN, clock.now())
                ready = cut.push(content)
            for sentence in ready:
                timeline.sentence(sentence.text, clock.now())
                yield sentence
    rest = reasoning.flush()
    for sentence in [*cut.push(rest), *cut.flush()]:
        written = True
        timeline.sentence(sentence.text, clock.now())
        yield sentence
    if not written:
        raise ProviderError(
            f"{model.name} answered with nothing.", provider=model.name, category=FailureCategory.SERVER
        )


async def _tokens(
    model: LanguageModel, prompt: Prompt, settings: VoiceSettings, cut: Cutter, clock: Clock
) -> AsyncGenerator[str | Silence, None]:
    """The model's tokens within its limits, with a `Silence` where it pauses after what may be a finished sentence."""
    queue: asyncio.Queue[str | BaseException | None] = asyncio.Queue(TOKENS_WAITING)
    pump = asyncio.create_task(_pump(model, prompt, queue))
    idle_s, limits, first = settings.idle_flush_ms / 1000.0, settings.limits, True
    try:
        while True:
            if queue.empty() and idle_s and cut.assembler.pending_complete():
                try:
                    async with clock.limit(idle_s):
                        token = await queue.get()
                except TimeoutError:
                    yield SILENCE
                    continue
            elif queue.empty():
                limit_s = limits.first_token_s if first else limits.token_stall_s
                try:
                    async with clock.limit(limit_s):
                        token = await queue.get()
                except TimeoutError:
                    what = "no token" if first else "no further token"
                    raise ProviderTimeout(
                        f"{model.name} wrote {what} within {limit_s:g} s.", provider=model.name
                    ) from None
            else:
                token = queue.get_nowait()
            if token is None:
                return
            if isinstance(token, BaseException):
                raise token
            first = False
            yield token
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


async def _pump(model: LanguageModel, prompt: Prompt, queue: asyncio.Queue[str | BaseException | None]) -> None:
    """Move tokens into the queue, waiting while it is full."""
    end: BaseException | None = None
    try:
        async with aclosing(model.stream(prompt)) as tokens:
            async for token in tokens:
                await queue.put(token)
    except Exception as error:
        end = error
    await queue.put(end)
