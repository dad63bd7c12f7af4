"""What every recognizer promises, and what the embedded one adds: it judges what the embedded voice really said."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import numpy as np
import pytest
import soxr

from segue.clock import SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownLanguage
from segue.providers.espeak import EspeakSynthesizer
from segue.providers.pocketsphinx import PocketsphinxRecognizer
from segue.providers.scripted import ScriptedRecognizer
from segue.voice.ports import Recognizer, Recording, Utterance

PHRASES = (
    "Turn on the light.",
    "What is the time?",
    "good morning",
    "call my mother",
    "stop the music",
    "play the next song",
    "open the door",
    "set a timer for ten minutes",
    "tell me a story",
    "where is the nearest station",
    "remind me to buy milk",
    "thank you very much",
)
OTHERS = ("banana republic", "the weather is nice today", "my dog sleeps under the table", "please wait outside")


@pytest.fixture(params=["pocketsphinx", "scripted"])
async def recognizer(request: pytest.FixtureRequest) -> AsyncIterator[Recognizer]:
    """Each adapter, started, and closed afterwards."""
    if request.param == "scripted":
        yield ScriptedRecognizer(SystemClock(), answers=("good morning",), languages=("en",))
        return
    pocketsphinx = PocketsphinxRecognizer(SystemClock())
    await pocketsphinx.start()
    yield pocketsphinx
    await pocketsphinx.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
async def pocketsphinx() -> AsyncIterator[PocketsphinxRecognizer]:
    """The embedded recognizer."""
    found = PocketsphinxRecognizer(SystemClock())
    await found.start()
    yield found
    await found.close()


@pytest.fixture
async def spoken() -> Callable[..., Recording]:
    """Recordings of the phrases, spoken by the embedded American voice at an easy pace."""
    espeak = EspeakSynthesizer(SystemClock(), engine="library")
    await espeak.start()
    audio: dict[str, bytes] = {}
    for text in PHRASES + OTHERS:
        speech = espeak.speak(Utterance(text, "en", "en-us", 0.86))
        audio[text] = b"".join([piece.pcm async for piece in speech])
    await espeak.close()

    def record(text: str, *, phrases: tuple[str, ...] = (), expected: str | None = None) -> Recording:
        return Recording(audio[text], 22050, "en", phrases, expected)

    return record


def at_rate(recording: Recording, rate: int) -> Recording:
    """The same recording at another rate."""
    samples = np.frombuffer(recording.pcm, dtype="<i2").astype(np.float32)
    pcm = np.rint(soxr.resample(samples, recording.rate, rate)).astype("<i2").tobytes()
    return Recording(pcm, rate, recording.language, recording.phrases, recording.expected)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; fail after twenty seconds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_recording_is_heard(recognizer: Recognizer, spoken: Callable[..., Recording]) -> None:
    """A transcript has the text, the language, the provider and the length of the recording."""
    recording = spoken("good morning", phrases=("good morning", "good night"))

    heard = await recognizer.hear(recording)

    assert heard.text == "good morning"
    assert (heard.language, heard.provider) == ("en", recognizer.name)
    assert heard.duration_s == pytest.approx(len(recording.pcm) / 2 / 22050)


async def test_no_recording_is_no_text(recognizer: Recognizer) -> None:
    """An empty recording is heard as nothing."""
    heard = await recognizer.hear(Recording(b"", 16000, "en"))

    assert (heard.text, heard.duration_s, heard.words) == ("", 0.0, ())


async def test_another_language_is_refused(recognizer: Recognizer) -> None:
    """A language that is not heard is refused by name."""
    with pytest.raises(UnknownLanguage, match="'uk'"):
        await recognizer.hear(Recording(bytes(3200), 16000, "uk"))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 48000])
async def test_silence_is_no_text(pocketsphinx: PocketsphinxRecognizer, rate: int) -> None:
    """Silence, and noise without speech, are heard as nothing, with phrases to choose from or without."""
    noise = np.random.default_rng(1).normal(0, 200, rate).astype("<i2").tobytes()
    for pcm in (bytes(2 * rate), noise, b"\x01", bytes(20)):
        assert (await pocketsphinx.hear(Recording(pcm, rate, "en"))).text == ""
        assert (await pocketsphinx.hear(Recording(pcm, rate, "en", PHRASES))).text == ""
        assert (await pocketsphinx.hear(Recording(pcm, rate, "en", (), "good morning"))).text == ""


async def test_phrases_are_told_apart(pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]) -> None:
    """Each phrase of a closed list is heard as itself, in the list's own spelling; what is not in it is not heard."""
    heard = [(await pocketsphinx.hear(spoken(text, phrases=PHRASES))).text for text in PHRASES]
    strange = [(await pocketsphinx.hear(spoken(text, phrases=PHRASES))).text for text in OTHERS]

    assert sum(text == phrase for text, phrase in zip(heard, PHRASES, strict=True)) >= len(PHRASES) - 1
    assert strange.count("") >= len(OTHERS) - 1


async def test_what_was_expected_is_judged(
    pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]
) -> None:
    """The right text is confirmed in its own spelling, a wrong one is not, nor one that is only a part."""
    right = [(await pocketsphinx.hear(spoken(text, expected=text))).text == text for text in PHRASES]
    wrong = [
        (await pocketsphinx.hear(spoken(text, expected=other))).text
        for number, text in enumerate(PHRASES)
        for other in (PHRASES[number - 1], PHRASES[number - 5])
    ]

    assert sum(right) >= len(PHRASES) - 1
    assert wrong.count("") >= len(wrong) - 1
    assert (await pocketsphinx.hear(spoken("set a timer for ten minutes", expected="set a timer"))).text == ""
    assert (await pocketsphinx.hear(spoken("open the door", expected="open the door and come in"))).text == ""


async def test_words_have_their_places(pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]) -> None:
    """Words come in order, one after another, inside the recording."""
    heard = await pocketsphinx.hear(spoken("play the next song", expected="play the next song"))

    assert [word.text for word in heard.words] == ["play", "the", "next", "song"]
    assert all(0 <= word.start_s < word.end_s <= heard.duration_s for word in heard.words)
    assert all(before.end_s <= after.start_s + 0.02 for before, after in pairwise(heard.words))


async def test_dictation_writes_words(pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]) -> None:
    """Without phrases something is written down, with a confidence, and the same every time."""
    recording = spoken("where is the nearest station")
    first = await pocketsphinx.hear(recording)
    await pocketsphinx.hear(spoken("open the door"))

    assert first.text.split() == [word.text for word in first.words] != []
    assert first.confidence is not None
    assert 0 <= first.confidence <= 1
    assert await pocketsphinx.hear(recording) == first


@pytest.mark.parametrize("rate", [16000, 24000, 44100, 48000])
async def test_any_rate_will_do(
    pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording], rate: int
) -> None:
    """A recording at another rate is heard the same."""
    recording = at_rate(spoken("tell me a story", phrases=PHRASES), rate)

    assert (await pocketsphinx.hear(recording)).text == "tell me a story"


async def test_recordings_at_the_same_time_do_not_mix(
    pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]
) -> None:
    """Fifty recordings at once are heard as they are one after another."""
    asked = [spoken(PHRASES[number % len(PHRASES)], phrases=PHRASES) for number in range(50)]

    together = await asyncio.gather(*(pocketsphinx.hear(recording) for recording in asked))

    assert together[: len(PHRASES)] == [await pocketsphinx.hear(recording) for recording in asked[: len(PHRASES)]]
    assert together[12:24] == together[:12]
    assert len({heard.text for heard in together}) >= len(PHRASES) - 1


async def test_a_word_that_is_not_in_the_dictionary(
    pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]
) -> None:
    """Phrases that cannot be recognized are refused with the words that are missing, those without words at once."""
    with pytest.raises(ProviderError, match="does not have 42, xyzzy") as refused:
        await pocketsphinx.hear(spoken("open the door", phrases=("xyzzy", "room 42", "open the door")))
    assert refused.value.category is FailureCategory.UNSUPPORTED
    with pytest.raises(ProviderError, match="has no words"):
        await pocketsphinx.hear(spoken("open the door", expected="?!"))


async def test_a_long_recording_is_refused() -> None:
    """Nobody may keep the recognizer longer than the limit, which the refusal names."""
    pocketsphinx = PocketsphinxRecognizer(SystemClock(), longest_s=2)

    with pytest.raises(ProviderError, match=r"lasts 2\.5 s; pocketsphinx hears at most 2 s") as refused:
        await pocketsphinx.hear(Recording(bytes(80000), 16000, "en"))
    assert refused.value.category is FailureCategory.UNSUPPORTED


async def test_slow_dictation_is_given_up(spoken: Callable[..., Recording]) -> None:
    """Dictation that works longer than it may fails as a timeout, and the same process hears the next recording."""
    pocketsphinx = PocketsphinxRecognizer(SystemClock(), work_s=0.0)
    await pocketsphinx.start()

    with pytest.raises(ProviderError, match="not done after 0 s of work") as failure:
        await pocketsphinx.hear(spoken("thank you very much"))

    assert failure.value.category is FailureCategory.TIMEOUT
    assert (await pocketsphinx.hear(spoken("open the door", phrases=PHRASES))).text == "open the door"
    assert pocketsphinx.health().workers[0].restarts == 0
    await pocketsphinx.close()


async def test_a_cancelled_hearing_frees_the_process(
    pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]
) -> None:
    """Whoever stops waiting stops the work too, and the next recording is heard by the same process."""
    short = spoken("open the door", phrases=PHRASES)
    long = Recording(spoken("thank you very much").pcm * 30, 22050, "en")
    (before,) = pocketsphinx.health().workers
    hearing = asyncio.create_task(pocketsphinx.hear(long))
    await until(lambda: pocketsphinx.health().workers[0].busy)

    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing

    assert (await pocketsphinx.hear(short)).text == "open the door"
    assert pocketsphinx.health().workers[0].pid == before.pid


async def test_a_crash_costs_one_recording(
    pocketsphinx: PocketsphinxRecognizer, spoken: Callable[..., Recording]
) -> None:
    """When the process dies over a recording its caller is told, and the next recording is heard."""
    long = Recording(spoken("thank you very much").pcm * 30, 22050, "en")
    hearing = asyncio.create_task(pocketsphinx.hear(long))
    await until(lambda: pocketsphinx.health().workers[0].busy)
    process = pocketsphinx.health().workers[0].pid
    assert process is not None
    os.kill(process, signal.SIGKILL)

    with pytest.raises(ProviderError, match=r"pocketsphinx worker ended \(signal 9, SIGKILL\)"):
        await hearing

    assert (await pocketsphinx.hear(spoken("open the door", phrases=PHRASES))).text == "open the door"


async def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, starting says which one it is, and nothing is heard."""
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    pocketsphinx = PocketsphinxRecognizer(SystemClock())

    with pytest.raises(Unavailable, match=r"not installed: pip install 'segue\[speech\]'"):
        await pocketsphinx.start()

    assert not pocketsphinx.ready
    with pytest.raises(Unavailable, match="not started"):
        await pocketsphinx.hear(Recording(bytes(9600) + b"\x00\x10\x00\xf0" * 4800, 16000, "en"))
