"""The same scripted model and speech without Segue: called directly, and as people combine them today.

None of these goes over HTTP, which favours them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import cast

from benchmarks.taking import PCM_BYTES_PER_MS, Taking
from benchmarks.texts import Said
from segue.clock import SystemClock
from segue.configuration import ScriptedSettings
from segue.providers.scripted import ScriptedModel, ScriptedSynthesizer
from segue.voice.ports import LanguageModel, Message, Prompt, Synthesizer, Utterance
from segue.voice.sentences import SentenceAssembler


@dataclass(frozen=True, slots=True)
class Providers:
    """A model and a synthesizer with the settings that the gateway has too."""

    model: LanguageModel
    synthesizer: Synthesizer

    def tokens(self, said: Said) -> AsyncIterator[str]:
        """The reply, token by token; a model without one of its own repeats what it is told."""
        return self.model.stream(Prompt((Message("user", said.text),), said.language))

    def speech(self, text: str, language: str) -> AsyncIterator[bytes]:
        """The sound of a text as it is made."""
        return _bytes(self.synthesizer, Utterance(text, language, f"scripted-{language}"))


def providers(scripted: ScriptedSettings) -> Providers:
    """The providers that these settings mean inside the gateway."""
    clock = SystemClock()
    return Providers(
        ScriptedModel(
            clock, scripted.reply, first_token_s=scripted.first_token_s, interval_s=scripted.token_interval_s
        ),
        ScriptedSynthesizer(
            clock,
            first_audio_s=scripted.first_audio_s,
            real_time_factor=scripted.real_time_factor,
            jitter_s=scripted.jitter_s,
            chunk_ms=scripted.chunk_ms,
            ms_per_character=scripted.ms_per_character,
            leading_silence_ms=scripted.leading_silence_ms,
        ),
    )


async def _bytes(synthesizer: Synthesizer, utterance: Utterance) -> AsyncIterator[bytes]:
    async for speech in synthesizer.speak(utterance):
        if speech.rate * 2 != PCM_BYTES_PER_MS * 1000:
            raise ValueError(f"the references want speech at 24 kHz; this is at {speech.rate}")
        yield speech.pcm


def _sentences(said: Said) -> list[str]:
    """Whole sentences, without the early first clause."""
    assembler = SentenceAssembler(said.language, first_clause=False)
    return [*assembler.push(said.text), *assembler.flush()]


async def _play(taking: Taking, speech: AsyncIterator[bytes]) -> None:
    async for pcm in speech:
        taking.audio(time.perf_counter(), pcm)


async def direct(use: Providers, said: Said, taking: Taking) -> None:
    """Read the reply of one sentence, then speak it; nothing is decided on the way."""
    taking.sent_s = time.perf_counter()
    text = "".join([token async for token in use.tokens(said)])
    await _play(taking, use.speech(text, said.language))
    taking.outcome = "done"


async def whole(use: Providers, replies: Sequence[Said], taking: Taking) -> None:
    """Gather the whole reply, then speak it: the usual first version of a voice assistant."""
    said = replies[taking.number % len(replies)]
    taking.sent_s = time.perf_counter()
    text = "".join([token async for token in use.tokens(said)])
    await _play(taking, use.speech(text, said.language))
    taking.outcome = "done"


async def serial(use: Providers, replies: Sequence[Said], taking: Taking) -> None:
    """Sentence by sentence, each asked for when the one before has been played: streaming without look-ahead.

    The model goes on writing meanwhile. What is played is told from the clock, as a player's `ended` event would.
    """
    said = replies[taking.number % len(replies)]
    taking.sent_s = time.perf_counter()
    assembler = SentenceAssembler(said.language, first_clause=False)
    ready: asyncio.Queue[str | None] = asyncio.Queue()

    async def read() -> None:
        async for token in use.tokens(said):
            for text in assembler.push(token):
                ready.put_nowait(text)
        for text in assembler.flush():
            ready.put_nowait(text)
        ready.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while (sentence := await ready.get()) is not None:
            begun_s, sent_ms = None, 0.0
            async for pcm in use.speech(sentence.strip(), said.language):
                begun_s = begun_s or time.perf_counter()
                sent_ms += len(pcm) / PCM_BYTES_PER_MS
                taking.audio(time.perf_counter(), pcm)
            if begun_s is not None:
                await asyncio.sleep(max(0.0, begun_s + sent_ms / 1000.0 - time.perf_counter()))
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    taking.outcome = "done"


async def schedule(use: Providers, said: Said) -> list[float]:
    """When the model has finished each sentence of its reply, in milliseconds since it was asked."""
    ends: list[int] = []
    moments: list[float] = []
    written = position = 0
    for sentence in _sentences(said):
        position += len(sentence.rstrip())
        ends.append(position)
        position += len(sentence) - len(sentence.rstrip())
    begun_s = time.perf_counter()
    async for token in use.tokens(said):
        written += len(token)
        while len(moments) < len(ends) and written >= ends[len(moments)]:
            moments.append((time.perf_counter() - begun_s) * 1000.0)
    return moments


async def livekit(use: Providers, replies: Sequence[Said], taking: Taking) -> None:
    """LiveKit Agents' own way from tokens to speech, `tts.StreamAdapter` with its default tokenizer.

    Raises:
        ImportError: livekit-agents is not installed; it is among the benchmark's packages.
    """
    from livekit.agents import APIConnectOptions, tts  # noqa: PLC0415 - optional, and slow to import
    from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS  # noqa: PLC0415 - as above

    said = replies[taking.number % len(replies)]

    class Chunked(tts.ChunkedStream):  # type: ignore[misc]
        """One sentence."""

        async def _run(self, output_emitter: "tts.AudioEmitter") -> None:
            output_emitter.initialize(
                request_id="scripted", sample_rate=24_000, num_channels=1, mime_type="audio/pcm", frame_size_ms=20
            )
            async for pcm in use.speech(self.input_text, said.language):
                output_emitter.push(pcm)
            output_emitter.flush()

    class Scripted(tts.TTS):  # type: ignore[misc]
        """The scripted synthesizer as LiveKit sees a vendor."""

        def __init__(self) -> None:
            super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=24_000, num_channels=1)

        def synthesize(
            self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
        ) -> "tts.ChunkedStream":
            return Chunked(tts=self, input_text=text, conn_options=conn_options)

    adapter = tts.StreamAdapter(tts=Scripted())
    taking.sent_s = time.perf_counter()
    async with adapter.stream() as stream:

        async def read() -> None:
            async for token in use.tokens(said):
                stream.push_text(token)
            stream.end_input()

        reading = asyncio.create_task(read())
        async for event in stream:
            taking.audio(time.perf_counter(), bytes(cast("memoryview", event.frame.data)))
        await reading
    taking.outcome = "done"
