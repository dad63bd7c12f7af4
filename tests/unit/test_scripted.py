import array
import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise

import pytest

from segue.clock import ManualClock
from segue.errors import FailureCategory, ProviderError, UnknownVoice
from segue.providers.scripted import AMPLITUDE, Faults, ScriptedModel, ScriptedRecognizer, ScriptedSynthesizer
from segue.voice.ports import Message, Prompt, Recording, Utterance

PROMPT = Prompt((Message("user", "How are you?"),), "en")
HELLO = Utterance("Hello, you.", "en", "scripted-en")
"""Eleven characters: 660 ms of speech."""


class Taken:
    """Reads a stream in the background and notes when each item came."""

    def __init__(self, clock: ManualClock, stream: AsyncIterator[object]) -> None:
        self.items: list[object] = []
        self.at: list[float] = []
        self.task = asyncio.create_task(self._run(clock, stream))

    async def _run(self, clock: ManualClock, stream: AsyncIterator[object]) -> None:
        async for item in stream:
            self.items.append(item)
            self.at.append(round(clock.now(), 6))


async def test_a_model_writes_on_its_schedule() -> None:
    """The first token comes after its delay and each later one after the interval, by the clock that was handed in."""
    clock = ManualClock()
    model = ScriptedModel(clock, ["a", "b", "c"], first_token_s=0.5, interval_s=0.1)
    taken = Taken(clock, model.stream(PROMPT))

    await clock.advance(2)

    assert (taken.items, taken.at) == (["a", "b", "c"], [0.5, 0.6, 0.7])
    assert model.last is PROMPT


async def test_a_text_is_cut_into_tokens() -> None:
    """A text is written in word pieces that make it up; an empty one repeats the question."""
    model = ScriptedModel(ManualClock(), "Good evening, everybody!  ")
    echo = ScriptedModel(ManualClock(), "")

    assert [token async for token in model.stream(PROMPT)] == ["Good", " eveni", "ng,", " every", "body!", "  "]
    assert "".join([token async for token in echo.stream(PROMPT)]) == "How are you?"


async def test_speech_is_made_at_its_factor() -> None:
    """With factor 0.5 a chunk of 100 ms comes every 50 ms after the first."""
    clock = ManualClock()
    synthesizer = ScriptedSynthesizer(clock, first_audio_s=0.2, real_time_factor=0.5)
    taken = Taken(clock, synthesizer.speak(HELLO))

    await clock.advance(2)

    assert taken.at == [0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
    assert sum(len(speech.pcm) for speech in taken.items) == round(0.66 * 24000) * 2  # type: ignore[attr-defined]


async def test_jitter_is_the_same_every_time() -> None:
    """Chunks are late by less than the jitter, and equally late whenever the same seed speaks the same text."""
    runs = []
    for seed in (1, 1, 2):
        clock = ManualClock()
        synthesizer = ScriptedSynthesizer(clock, real_time_factor=1, jitter_s=0.05, seed=seed)
        taken = Taken(clock, synthesizer.speak(HELLO))
        await clock.advance(2)
        runs.append(taken.at)

    assert runs[0] == runs[1] != runs[2]
    assert all(0 <= at - number * 0.1 <= 0.05 for number, at in enumerate(runs[0]))


async def test_speech_is_a_tone_after_its_silence() -> None:
    """Leading silence is digital zero, the tone has the stated amplitude without a break between chunks."""
    synthesizer = ScriptedSynthesizer(ManualClock(), leading_silence_ms=150, chunk_ms=20)
    samples = array.array("h", b"".join([speech.pcm async for speech in synthesizer.speak(HELLO)]))

    assert set(samples[:3600]) == {0}
    assert max(samples) == pytest.approx(AMPLITUDE * 32767, abs=2)
    assert max(abs(after - before) for before, after in pairwise(samples)) < 1100
    silent = ScriptedSynthesizer(ManualClock(), silent=True)
    assert not any(b"".join([speech.pcm async for speech in silent.speak(HELLO)]))


@pytest.mark.parametrize(("rate", "chunk_ms"), [(22050, 100.0), (16000, 20.0), (44100, 33.3), (8000, 1.0)])
async def test_any_rate_and_chunk_will_do(rate: int, chunk_ms: float) -> None:
    """The length of speech does not depend on how it is cut."""
    synthesizer = ScriptedSynthesizer(ManualClock(), rate=rate, chunk_ms=chunk_ms)
    pcm = b"".join([speech.pcm async for speech in synthesizer.speak(HELLO)])

    assert len(pcm) == round(0.66 * rate) * 2


@pytest.mark.parametrize(
    ("faults", "heard", "category"),
    [
        (Faults(error=FailureCategory.QUOTA), 0, FailureCategory.QUOTA),
        (Faults(error=FailureCategory.SERVER, after=5001), 5001, FailureCategory.SERVER),
        (Faults(cut=True, after=7777), 7777, FailureCategory.TRUNCATED),
        (Faults(cut=True, after=10**6), 31680, FailureCategory.TRUNCATED),
        (Faults(end=True, after=7778), 7778, None),
    ],
)
async def test_speech_fails_on_command(faults: Faults, heard: int, category: FailureCategory | None) -> None:
    """Exactly so many bytes are spoken before the fault, which is of the kind that was asked for."""
    synthesizer = ScriptedSynthesizer(ManualClock(), faults=faults)
    sizes: list[int] = []
    failure: ProviderError | None = None
    try:
        async for speech in synthesizer.speak(HELLO):
            sizes.append(len(speech.pcm))  # noqa: PERF401 (what came before the fault counts)
    except ProviderError as error:
        failure = error

    assert sum(sizes) == heard
    assert (failure.category if failure else None) is category
    assert synthesizer.counts.failed == (category is not None)


async def test_tokens_fail_on_command() -> None:
    """A model writes so many tokens and then fails; a fault can last for the first calls only."""
    model = ScriptedModel(ManualClock(), ["a", "b", "c"], faults=Faults(cut=True, after=2, calls=1))
    written: list[str] = []

    with pytest.raises(ProviderError, match="cut off"):
        written.extend([token async for token in _noting(model.stream(PROMPT), written)])

    assert written == ["a", "b"]
    assert [token async for token in model.stream(PROMPT)] == ["a", "b", "c"]
    assert (model.counts.calls, model.counts.failed, model.counts.finished) == (2, 1, 1)


async def _noting(stream: AsyncIterator[str], notes: list[str]) -> AsyncIterator[str]:
    async for item in stream:
        notes.append(item)
        yield item


async def test_a_stall_lasts_until_it_is_cancelled() -> None:
    """A stalled stream gives what came before and then nothing, however long the clock runs."""
    clock = ManualClock()
    synthesizer = ScriptedSynthesizer(clock, faults=Faults(stall=True, after=4800))
    taken = Taken(clock, synthesizer.speak(HELLO))
    await clock.advance(3600)

    assert len(taken.items) == 1
    assert (synthesizer.counts.open, synthesizer.counts.cancelled) == (1, 0)
    taken.task.cancel()
    await asyncio.wait([taken.task])
    assert (synthesizer.counts.open, synthesizer.counts.cancelled) == (0, 1)


async def test_calls_are_counted() -> None:
    """Open, finished and cancelled calls can be told apart, and how many were open at once."""
    synthesizer = ScriptedSynthesizer(ManualClock())
    async with aclosing(synthesizer.speak(HELLO)) as first, aclosing(synthesizer.speak(HELLO)) as second:
        await anext(first)
        await anext(second)
        assert synthesizer.counts.open == 2
    _ = [speech async for speech in synthesizer.speak(HELLO)]

    counts = synthesizer.counts
    assert (counts.calls, counts.open, counts.most_open, counts.finished, counts.cancelled) == (3, 0, 2, 1, 2)


async def test_answers_come_in_turn() -> None:
    """A recognizer gives its answers one after another, the last for ever, each after its delay."""
    clock = ManualClock()
    recognizer = ScriptedRecognizer(clock, answers=("one", "two"), delay_s=0.3)
    recording = Recording(bytes(3200), 16000, "en")

    heard = []
    for _ in range(3):
        task = asyncio.create_task(recognizer.hear(recording))
        await clock.advance(0.29)
        assert not task.done()
        await clock.advance(0.02)
        heard.append((await task).text)

    assert heard == ["one", "two", "two"]
    failing = ScriptedRecognizer(clock, faults=Faults(error=FailureCategory.TIMEOUT))
    with pytest.raises(ProviderError) as failure:
        await failing.hear(recording)
    assert failure.value.category is FailureCategory.TIMEOUT


async def test_a_refused_voice_is_no_call() -> None:
    """A voice that is not offered is refused before anything counts."""
    synthesizer = ScriptedSynthesizer(ManualClock())

    with pytest.raises(UnknownVoice):
        _ = [speech async for speech in synthesizer.speak(Utterance("Hello.", "uk", "scripted-en"))]
    assert synthesizer.counts.calls == 0
