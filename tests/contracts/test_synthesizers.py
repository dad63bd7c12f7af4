"""What every synthesizer promises, and what the embedded one adds: processes that may die, and text that stays text."""

import array
import asyncio
import math
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from itertools import pairwise

import pytest

from segue.clock import SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownVoice
from segue.providers.espeak import BASE_VOICES, EspeakSynthesizer, pieces
from segue.providers.scripted import ScriptedSynthesizer
from segue.providers.seat import Limits
from segue.voice.ports import Speech, Synthesizer, Utterance, VoiceInfo

MESSAGES = {
    "uk": "Доброго ранку! Сьогодні у Києві сонячно, температура двадцять один градус, вітер слабкий.",
    "ru": "Доброе утро! Сегодня в Киеве солнечно, температура двадцать один градус, ветер слабый.",
    "en": "Good morning! It is sunny in Kyiv today, the temperature is twenty one degrees, the wind is light.",
    "zh": "早上好！今天基辅天气晴朗，气温二十一度，微风。",
}


@pytest.fixture(params=["espeak", "espeak-program", "scripted"])
async def synthesizer(request: pytest.FixtureRequest) -> AsyncIterator[Synthesizer]:
    """Each adapter, started, and closed afterwards."""
    if request.param == "scripted":
        yield ScriptedSynthesizer(SystemClock())
        return
    if request.param == "espeak-program" and shutil.which("espeak-ng") is None:
        pytest.skip("the espeak-ng program is not installed")
    espeak = EspeakSynthesizer(SystemClock(), engine="library" if request.param == "espeak" else "program")
    await espeak.start()
    yield espeak
    await espeak.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
async def espeak() -> AsyncIterator[EspeakSynthesizer]:
    """The embedded synthesizer with one process that soon waits for whoever does not read."""
    synthesizer = EspeakSynthesizer(
        SystemClock(), processes=1, engine="library", limits=Limits(unread_bytes=64 * 1024, stop_s=1.0)
    )
    await synthesizer.start()
    yield synthesizer
    await synthesizer.close()


def voice(synthesizer: Synthesizer, language: str) -> str:
    """The first voice that speaks a language."""
    return next(info.name for info in synthesizer.voices() if language in info.languages)


def english(synthesizer: Synthesizer, text: str, speed: float = 1.0) -> Utterance:
    """An utterance in English."""
    return Utterance(text, "en", voice(synthesizer, "en"), speed)


async def said(synthesizer: Synthesizer, utterance: Utterance) -> list[Speech]:
    """All of it."""
    return [speech async for speech in synthesizer.speak(utterance)]


def seconds(speech: list[Speech]) -> float:
    """How long it plays."""
    return sum(len(piece.pcm) / 2 / piece.rate for piece in speech)


def loudness(speech: list[Speech]) -> float:
    """Root mean square of all samples; 1.0 is full scale."""
    samples = array.array("h", b"".join(piece.pcm for piece in speech))
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / 32768


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; fail after a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


def test_voices_are_named_once(synthesizer: Synthesizer) -> None:
    """Every voice has its own name, a language, and the provider's name."""
    voices = synthesizer.voices()

    assert len({info.name for info in voices}) == len(voices) > 0
    assert all(info.languages and info.provider == synthesizer.name for info in voices)


@pytest.mark.parametrize("language", MESSAGES)
async def test_a_message_lasts_as_long_as_people_take(synthesizer: Synthesizer, language: str) -> None:
    """The same message takes between three and eight seconds in each language, and can be heard without clipping."""
    if not any(language in info.languages for info in synthesizer.voices()):
        assert synthesizer.name == "espeak"
        pytest.skip("this build of espeak-ng lacks the dictionary")
    if synthesizer.name == "scripted" and language == "zh":
        pytest.skip("a scripted voice counts characters")
    for name in [info.name for info in synthesizer.voices() if language in info.languages]:
        speech = await said(synthesizer, Utterance(MESSAGES[language], language, name))

        assert 3 < seconds(speech) < 8, name
        assert 0.02 < loudness(speech) < 0.5, name


async def test_speech_is_labelled_truthfully(synthesizer: Synthesizer) -> None:
    """Every piece says who spoke, with which voice, in whole samples of one rate."""
    speech = await said(synthesizer, english(synthesizer, "Good morning, dear listeners."))

    assert {(piece.provider, piece.voice, piece.rate) for piece in speech} == {
        (synthesizer.name, voice(synthesizer, "en"), speech[0].rate)
    }
    assert all(piece.model and len(piece.pcm) % 2 == 0 < len(piece.pcm) for piece in speech)


async def test_speech_comes_in_pieces(synthesizer: Synthesizer) -> None:
    """The beginning of a sentence is handed out alone, and short."""
    speech = await said(synthesizer, english(synthesizer, "Good morning, dear listeners, wherever you may be."))

    assert len(speech) > 2
    assert seconds(speech[:1]) < 0.25


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_nothing_is_said_to_nothing(synthesizer: Synthesizer, text: str) -> None:
    """An empty text gives no audio and no error."""
    assert await said(synthesizer, english(synthesizer, text)) == []


async def test_a_voice_that_is_not_there(synthesizer: Synthesizer) -> None:
    """An unknown voice, or one of another language, is refused with the names that would do."""
    with pytest.raises(UnknownVoice, match="alloy") as refused:
        await said(synthesizer, Utterance("Hello.", "en", "alloy"))
    assert voice(synthesizer, "en") in refused.value.message
    with pytest.raises(UnknownVoice):
        await said(synthesizer, Utterance("Hello.", "en", voice(synthesizer, "uk")))
    with pytest.raises(UnknownVoice):
        await said(synthesizer, Utterance("Hej.", "sv", voice(synthesizer, "en")))


async def test_a_long_text_is_spoken_to_its_end(synthesizer: Synthesizer) -> None:
    """Twelve times the text is about twelve times the speech."""
    paragraph = "It is sunny in Kyiv today, and the wind is light. " * 20
    once = seconds(await said(synthesizer, english(synthesizer, paragraph)))

    assert seconds(await said(synthesizer, english(synthesizer, paragraph * 12))) == pytest.approx(12 * once, rel=0.05)


async def test_speed_changes_how_long_it_takes(synthesizer: Synthesizer) -> None:
    """Twice the speed takes about half the time, two thirds of it half as long again."""
    normal, fast, slow = [
        seconds(await said(synthesizer, english(synthesizer, MESSAGES["en"], speed))) for speed in (1.0, 2.0, 2 / 3)
    ]

    assert fast == pytest.approx(normal / 2, rel=0.1)
    assert slow == pytest.approx(normal * 1.5, rel=0.1)


async def test_sentences_at_the_same_time_do_not_mix(synthesizer: Synthesizer) -> None:
    """Fifty sentences at once, in several languages, come out as they do one after another."""
    languages = sorted({info.languages[0] for info in synthesizer.voices()} & {"uk", "ru", "en"})
    asked = [
        Utterance(MESSAGES[language][: 20 + number], language, voice(synthesizer, language))
        for number, language in enumerate(languages[number % len(languages)] for number in range(50))
    ]
    alone = [await said(synthesizer, utterance) for utterance in asked]
    together = await asyncio.gather(*(said(synthesizer, utterance) for utterance in asked))

    for before, after in zip(alone, together, strict=True):
        assert after[0].voice == before[0].voice
        assert seconds(after) == pytest.approx(seconds(before), rel=0.03, abs=0.02)


async def test_closing_leaves_nothing_behind(synthesizer: Synthesizer) -> None:
    """Whoever hangs up in the middle of a sentence leaves no work and no harm for the next one."""
    utterance = english(synthesizer, "One two three four five six seven eight nine ten. " * 40)
    expected = seconds(await said(synthesizer, english(synthesizer, "Good evening.")))
    for _ in range(5):
        async with aclosing(synthesizer.speak(utterance)) as speech:
            await anext(speech)
        assert seconds(await said(synthesizer, english(synthesizer, "Good evening."))) == pytest.approx(
            expected, abs=0.05
        )
    if isinstance(synthesizer, EspeakSynthesizer):
        await until(lambda: not any(worker.busy for worker in synthesizer.health().workers))
    if isinstance(synthesizer, ScriptedSynthesizer):
        assert (synthesizer.counts.open, synthesizer.counts.cancelled) == (0, 5)


async def test_a_cancelled_listener_is_a_closed_one(synthesizer: Synthesizer) -> None:
    """Cancelling the task that listens ends the sentence, also while it waits for audio."""

    async def listen() -> None:
        for _ in range(1000):
            await said(synthesizer, english(synthesizer, MESSAGES["en"]))
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(listen()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))

    assert await said(synthesizer, english(synthesizer, "Good evening."))


async def test_a_crash_cuts_one_sentence(espeak: EspeakSynthesizer) -> None:
    """When the process dies in the middle of a sentence its listener is told, and the next sentence is spoken."""
    speech = espeak.speak(english(espeak, "One two three four five six seven eight nine ten " * 8))
    await anext(speech)
    (worker,) = espeak.health().workers
    assert worker.busy, "the sentence is longer than what may lie unread"
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(ProviderError, match=r"espeak worker ended \(signal 9, SIGKILL\)") as failure:
        _ = [piece async for piece in speech]

    assert (failure.value.provider, failure.value.category) == ("espeak", FailureCategory.SERVER)
    assert seconds(await said(espeak, english(espeak, "Good evening."))) > 0.5
    assert espeak.health().workers[0].restarts == 1


async def test_a_slow_listener_holds_nobody_up_for_long(espeak: EspeakSynthesizer) -> None:
    """The rest of a long text waits behind sentences that have not begun, even on a single process."""
    text = "One two three four five six seven eight nine ten. " * 60
    async with aclosing(espeak.speak(english(espeak, text))) as slow:
        heard = [await anext(slow)]
        other = asyncio.create_task(said(espeak, english(espeak, "Good evening.")))
        while not other.done():
            heard.append(await anext(slow))

        assert seconds(heard) < 60
        assert await other


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("seven \x01 eight", "seven eight"),
        ("seven \x01+90S eight", "seven +90S eight"),
        ("seven \x00 eight", "seven eight"),
        ("seven \ud800 eight", "seven eight"),
        ("seven [[s'EvEn]] eight", "seven [ [s'EvEn] ] eight"),
    ],
)
async def test_signs_that_would_be_obeyed_are_not(espeak: EspeakSynthesizer, text: str, plain: str) -> None:
    """Commands for the engine that stand in a text change nothing: they are spoken, or passed over."""
    assert seconds(await said(espeak, english(espeak, text))) == pytest.approx(
        seconds(await said(espeak, english(espeak, plain))), rel=0.1
    )


async def test_markup_is_read_out(espeak: EspeakSynthesizer) -> None:
    """What looks like a speech tag is text: it adds its own words and no pause of the length it asks for."""
    plain = seconds(await said(espeak, english(espeak, "Hello world.")))
    tagged = seconds(await said(espeak, english(espeak, "Hello <break time='30s'/> world.")))

    assert plain + 1 < tagged < 8


@pytest.mark.parametrize("text", ["...", "!!!", "—", "« »", "\x01\x02"])
async def test_punctuation_alone_is_nothing(espeak: EspeakSynthesizer, text: str) -> None:
    """A text without a letter, digit or symbol is not read out as the names of its signs."""
    assert await said(espeak, english(espeak, text)) == []


@pytest.mark.parametrize("speed", [0.1, 4.5, -1.0, math.nan])
async def test_a_speed_out_of_range_is_refused(espeak: EspeakSynthesizer, speed: float) -> None:
    """Only a quarter to four times the normal speed can be asked for."""
    with pytest.raises(ProviderError, match="out of range") as refused:
        await said(espeak, english(espeak, "Hello.", speed))
    assert refused.value.category is FailureCategory.BAD_REQUEST


async def test_a_name_that_is_nearly_right(espeak: EspeakSynthesizer) -> None:
    """A slip in a voice's name is answered with the names next to it."""
    with pytest.raises(UnknownVoice, match=r"'uk\+f9' for 'uk'; did you mean uk\+f"):
        await said(espeak, Utterance("Так.", "uk", "uk+f9"))


async def test_every_base_voice_is_the_librarys(espeak: EspeakSynthesizer) -> None:
    """What the list of voices says is there is there, at the model's own name and version."""
    for language, (first, *_) in BASE_VOICES.items():
        speech = await said(espeak, Utterance(MESSAGES[language], language, first))
        assert speech[0].model == espeak.model
    assert espeak.model.startswith("espeak-ng 1.5")
    assert espeak.ready


async def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is neither the library nor the program, starting says how to get one."""
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    monkeypatch.setenv("PATH", "")
    espeak = EspeakSynthesizer(SystemClock())

    with pytest.raises(Unavailable, match=r"not installed: pip install 'segue\[speech\]'"):
        await espeak.start()

    assert not espeak.ready
    with pytest.raises(Unavailable, match="not started"):
        await said(espeak, english(espeak, "Hello."))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the espeak-ng program is not installed")
async def test_without_the_library_the_program_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the program is installed it is used, and Chinese is offered only if it really has it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    espeak = EspeakSynthesizer(SystemClock())
    await espeak.start()

    assert espeak.ready
    assert seconds(await said(espeak, Utterance("Добрий вечір.", "uk", "uk"))) > 0.5
    if not any("zh" in info.languages for info in espeak.voices()):
        with pytest.raises(UnknownVoice, match=r"lacks the Chinese dictionary; pip install 'segue\[speech\]'"):
            await said(espeak, Utterance("你好", "zh", "cmn"))
    await espeak.close()
    assert not espeak.ready


@pytest.mark.parametrize("text", ["Ab, cd. " * 100, "абвгд " * 100, "今天天气。" * 100, "x" * 1000, "y", ""])
def test_pieces_are_the_text(text: str) -> None:
    """Pieces concatenate to the text, none is too long, and none ends inside a word that has an end in reach."""
    cut = list(pieces(text, 50))

    assert "".join(cut) == text
    assert all(0 < len(piece) <= 50 for piece in cut)
    assert all(
        not (before[-1].isalnum() and after[0].isalnum()) for before, after in pairwise(cut) if " " in before + after
    )


def test_a_scripted_voice_is_its_own_tone() -> None:
    """Two voices of the scripted synthesizer can be told apart by their audio."""
    voices = tuple(VoiceInfo(name, "scripted", ("en",)) for name in ("low", "high"))
    synthesizer = ScriptedSynthesizer(SystemClock(), offered=voices)

    low, high = [
        asyncio.run(said(synthesizer, Utterance("Hello.", "en", info.name)))[0].pcm for info in synthesizer.voices()
    ]
    assert low != high
