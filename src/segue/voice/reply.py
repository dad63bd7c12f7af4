"""From a model's tokens to sentences that can be spoken."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from segue.clock import Clock
from segue.configuration import VoiceSettings
from segue.records import Mark
from segue.voice.answering import Answering
from segue.voice.audio import pause_ms
from segue.voice.chain import Chain
from segue.voice.ports import LanguageModel, Prompt
from segue.voice.rendering import Sentence
from segue.voice.sentences import SentenceAssembler
from segue.voice.speakable import SpeakableStream
from segue.voice.timeline import Timeline

TOKENS_WAITING = 256
"""A model that writes faster than its listener hears is paused when this many tokens wait."""


WHOLE_SENTENCES = {"first_clause": False}
"""What of the settings is different where the first sentence is not waited for."""


class Silence:
    """Stands for "the model has been silent for a while" in a stream of tokens."""


SILENCE = Silence()

Settling = asyncio.Future[str]
"""Stands in a stream of tokens where one model broke off: what of the reply stands is told through it."""


@dataclass(slots=True)
class Cutter:
    """Tokens in, sentences out: assembles, makes speakable, counts, and puts a pause before each but the first."""

    assembler: SentenceAssembler
    stream: SpeakableStream
    pause_scale: float
    first_clause: bool = True
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
    assembler = SentenceAssembler(language, settings.first_clause)
    return Cutter(assembler, SpeakableStream(language), settings.pause_scale, settings.first_clause)


async def read_out(
    text: str, language: str, settings: VoiceSettings, timeline: Timeline, clock: Clock
) -> AsyncGenerator[Sentence, None]:
    """The sentences of a text that is already there."""
    cut = cutter(language, settings)
    for sentence in [*cut.push(text), *cut.flush()]:
        timeline.sentence(sentence.text, clock.now())
        yield sentence


class Written:
    """A model's reply, cut into sentences as it is written; for one reply.

    Without `streaming` no sentence is told before the last one is written: none of it counts as one that could be
    spoken until then, and a reply that breaks off is not spoken at all.
    """

    def __init__(
        self,
        prompt: Prompt,
        models: Chain[LanguageModel],
        settings: VoiceSettings,
        timeline: Timeline,
        clock: Clock,
        *,
        streaming: bool = True,
    ) -> None:
        self._models = models
        self._idle_s = settings.idle_flush_ms / 1000.0
        self._timeline = timeline
        self._clock = clock
        self._queue: asyncio.Queue[str | Settling | BaseException | None] = asyncio.Queue(TOKENS_WAITING)
        self._streaming = streaming
        self._cut = cutter(prompt.language, settings if streaming else settings.model_copy(update=WHOLE_SENTENCES))
        self._language = prompt.language
        self._said = ""
        self._answering = Answering(prompt, self._settle, models)
        self._answering.began = timeline.began
        timeline.model_attempts = self._answering.attempts

    async def sentences(self, order: Sequence[str]) -> AsyncGenerator[Sentence, None]:
        """The sentences, each as soon as it is known to be one, from the models in this order.

        Raises:
            ProviderError: no model could write it, or none could go on with it; complete sentences came before.
        """
        if self._streaming:
            async with aclosing(self._cut_from(order)) as sentences:
                async for sentence in sentences:
                    yield self._told(sentence)
            return
        async with aclosing(self._cut_from(order)) as sentences:
            whole = [sentence async for sentence in sentences]
        for sentence in whole:
            yield self._told(sentence)

    async def _cut_from(self, order: Sequence[str]) -> AsyncGenerator[Sentence, None]:
        """The sentences as they are cut."""
        pump = asyncio.create_task(self._pump(order))
        try:
            while (token := await self._next()) is not None:
                if isinstance(token, asyncio.Future):
                    token.set_result(self._stand())
                    continue
                if isinstance(token, BaseException):
                    raise token
                if token:
                    self._timeline.mark(Mark.FIRST_TOKEN, self._clock.now())
                for sentence in self._cut.release() if isinstance(token, Silence) else self._cut.push(token):
                    yield self._noted(sentence)
            for sentence in self._cut.flush():
                yield self._noted(sentence)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _next(self) -> "str | Silence | Settling | BaseException | None":
        """What comes next, or `Silence` where the model pauses after what may be a finished sentence."""
        if not (self._queue.empty() and self._idle_s and self._cut.assembler.pending_complete()):
            return await self._queue.get()
        try:
            async with self._clock.limit(self._idle_s):
                return await self._queue.get()
        except TimeoutError:
            return SILENCE

    async def _pump(self, order: Sequence[str]) -> None:
        """Move the model's content into the queue, waiting while it is full."""
        end: BaseException | None = None
        try:
            async with aclosing(self._models.run(self._answering, order)) as pieces:
                async for piece in pieces:
                    await self._queue.put(piece)
        except Exception as error:
            end = error
        await self._queue.put(end)

    async def _settle(self) -> str:
        """Wait until all that was written is cut, and ask what of it stands."""
        settling: Settling = asyncio.get_running_loop().create_future()
        await self._queue.put(settling)
        return await settling

    def _stand(self) -> str:
        """Whole sentences stand; the piece of one that a model broke off in is forgotten, for nobody has heard it."""
        if self._said:
            self._cut.assembler = SentenceAssembler(self._language, first_clause=False)
        else:
            self._cut.assembler = SentenceAssembler(self._language, self._cut.first_clause)
        return self._said

    def _noted(self, sentence: Sentence) -> Sentence:
        """What is cut stands, whoever goes on with the reply."""
        self._said += sentence.text
        return replace(sentence, writer=self._answering.writer)

    def _told(self, sentence: Sentence) -> Sentence:
        """From now on it can be spoken."""
        self._timeline.sentence(sentence.text, self._clock.now())
        return sentence
