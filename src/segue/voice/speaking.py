"""Sentences in, packets of sound out: in order, ahead of the listener but not too far, and gone at once when cancelled.

Sentence N+1 is synthesized while N is being sent. Three things bound how far ahead: the number of sentences
(`lookahead`), the playing time a listener has in store (`lead_s`), and the places for synthesis, where first sentences
come first.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from segue.configuration import VoiceSettings
from segue.voice.audio import milliseconds, silence
from segue.voice.rendering import BYTES_PER_SECOND, Manner, Rendering, Sentence, Studio
from segue.voice.slots import Slots
from segue.voice.timeline import Timeline

PACKET_MS = 400.0
FIRST_PACKET_MS = 60.0
"""The first packet of a reply stays small, so that its first sound does not wait for a large one to be encoded."""


@dataclass(frozen=True, slots=True)
class Packet:
    """Sound of one sentence at the pipeline's rate, and who spoke it."""

    seq: int
    part: int
    pcm: bytes
    ms: float
    provider: str
    model: str
    voice: str
    last_of_sentence: bool
    audible: bool
    resumed: bool = False


class Speaker:
    """Speaks replies; one for the whole process, so that its places are shared by all turns."""

    def __init__(self, studio: Studio, settings: VoiceSettings) -> None:
        self.studio = studio
        self._clock = studio.clock
        self._settings = settings
        self.places = Slots(settings.synthesis_at_once)

    async def speak(
        self, sentences: AsyncGenerator[Sentence, None], manner: Manner, timeline: Timeline
    ) -> AsyncGenerator[Sentence | Packet, None]:
        """Each sentence, followed by its packets.

        Raises:
            SegueError: what stopped the sentences or a synthesis, after everything before it was yielded.
        """
        ready: asyncio.Queue[Rendering | BaseException | None] = asyncio.Queue()
        room = asyncio.Semaphore(self._settings.lookahead_sentences + 1)
        renderings: set[asyncio.Task[None]] = set()
        producer = asyncio.create_task(self._prepare(sentences, manner, timeline, ready, room, renderings))
        try:
            while (rendering := await ready.get()) is not None:
                if isinstance(rendering, BaseException):
                    raise rendering
                yield rendering.sentence
                async for packet in self._packets(rendering):
                    yield packet
                room.release()
        finally:
            tasks = [producer, *renderings]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _prepare(
        self,
        sentences: AsyncGenerator[Sentence, None],
        manner: Manner,
        timeline: Timeline,
        ready: asyncio.Queue[Rendering | BaseException | None],
        room: asyncio.Semaphore,
        renderings: set[asyncio.Task[None]],
    ) -> None:
        """Take sentences as long as there is room, and start the synthesis of each."""
        end: BaseException | None = None
        try:
            async with aclosing(sentences) as source:
                await room.acquire()
                async for sentence in source:
                    if manner.paced:
                        await self._wait_for_listener(timeline)
                    rendering = Rendering(sentence, manner, self.studio, timeline)
                    if sentence.spoken:
                        rendering.task = asyncio.create_task(self._render(rendering))
                        renderings.add(rendering.task)
                        rendering.task.add_done_callback(renderings.discard)
                    else:
                        rendering.pipe.end()
                    ready.put_nowait(rendering)
                    await room.acquire()
        except Exception as error:
            end = error
        ready.put_nowait(end)

    async def _render(self, rendering: Rendering) -> None:
        async with self.places.hold(rendering.priority):
            await rendering.run()

    async def _wait_for_listener(self, timeline: Timeline) -> None:
        """Wait until the listener has less than the lead in store."""
        lead_ms = self._settings.lead_s * 1000.0
        while (over_ms := timeline.listener.buffered_ms(self._clock.now()) - lead_ms) > 0:
            await self._clock.sleep(over_ms / 1000.0)

    async def _packets(self, rendering: Rendering) -> AsyncGenerator[Packet, None]:
        part, pause_bytes = 0, len(silence(rendering.sentence.pause_ms))
        first = rendering.sentence.seq == 0
        while True:
            most_ms = FIRST_PACKET_MS if first and part == 0 else PACKET_MS
            taken = await rendering.pipe.take(2 * int(most_ms * BYTES_PER_SECOND / 2000.0))
            if taken is None:
                return
            pcm, voicing = taken
            pause_bytes -= len(pcm)
            yield Packet(
                seq=rendering.sentence.seq,
                part=part,
                pcm=pcm,
                ms=milliseconds(pcm),
                provider=voicing.provider,
                model=voicing.model,
                voice=voicing.voice,
                last_of_sentence=rendering.pipe.finished,
                audible=pause_bytes < 0,
                resumed=voicing.resumed,
            )
            part += 1
