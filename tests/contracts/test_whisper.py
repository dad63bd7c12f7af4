"""What Whisper's adapter promises beyond what all vendors' do: the real libraries listen, with a model of our own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.clock import SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownLanguage
from segue.providers.espeak import EspeakSynthesizer
from segue.providers.whisper import WhisperRecognizer
from segue.vendors import local as vendor
from segue.voice.ports import Recording, Utterance, Word
from tests.vendors import whisper

RATE = 16_000
Make = Callable[..., WhisperRecognizer]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes recognizers, with the stand's model where none is given, and closes them."""
    made: list[WhisperRecognizer] = []

    def build(model: Path | None = None, *, speech_only: bool = False, **more: Any) -> WhisperRecognizer:
        folder = model or whisper.folder()
        settings = vendor.WhisperRecognizer(vendor="whisper", model=folder, speech_only=speech_only, **more)
        made.append(WhisperRecognizer("near", settings, SystemClock()))
        return made[-1]

    yield build
    for recognizer in made:
        await recognizer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; fail after a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


def hum(seconds: float, rate: int = RATE, language: str = "en", **more: Any) -> Recording:
    """A recording of a tone."""
    wave = 8000 * np.sin(2 * np.pi * 200 / rate * np.arange(round(seconds * rate)))
    return Recording(wave.astype("<i2").tobytes(), rate, language, **more)


def pid(recognizer: WhisperRecognizer) -> int | None:
    """The process of the only worker."""
    return recognizer.health().workers[0].pid


def worked_s(process: int) -> float:
    """Seconds of a processor that a process has used, as Linux counts them: to see it work without waiting for luck."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_what_the_model_says_is_told(make: Make) -> None:
    """A transcript has the model's words with their places and its certainty, in the language that was asked for."""
    recognizer = make()
    await recognizer.start()
    for language in ("en", "uk-UA", "ru", "cmn"):
        heard = await recognizer.hear(hum(1.5, language=language))

        assert heard.text == "hello world"
        assert heard.language == {"uk-UA": "uk", "cmn": "zh"}.get(language, language)
        assert (heard.provider, heard.duration_s) == ("near", pytest.approx(1.5))
        assert heard.words == (Word("hello", 0.0, 0.6), Word("world", 0.6, 0.9))
        assert heard.confidence == pytest.approx(1.0, abs=0.01)


async def test_the_whole_of_a_long_recording_is_heard(make: Make) -> None:
    """Each half minute is listened to, and its words have their places in the whole recording."""
    recognizer = make()
    await recognizer.start()
    heard = await recognizer.hear(hum(65))

    assert heard.text == "hello world hello world hello world"
    assert [word.start_s for word in heard.words if word.text == "hello"] == [0.0, 30.0, 60.0]


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
async def test_any_rate_will_do(make: Make, rate: int) -> None:
    """A recording at another rate is as long, and its words are at the same places."""
    recognizer = make()
    await recognizer.start()
    heard = await recognizer.hear(hum(1.5, rate))

    assert heard.duration_s == pytest.approx(1.5, abs=0.001)
    assert heard.words == (Word("hello", 0.0, 0.6), Word("world", 0.6, 0.9))


async def test_phrases_are_a_hint(make: Make) -> None:
    """The model is told the phrases, and what it hears is not bent to them; however many and odd they are."""
    recognizer = make()
    await recognizer.start()
    odd = (*(f"phrase number {number}" for number in range(500)), "half of a letter: \ud83d")

    assert (await recognizer.hear(hum(1.5, phrases=("good morning", "good night")))).text == "welcome world"
    assert (await recognizer.hear(hum(1.5, phrases=odd))).text == "welcome world"
    assert (await recognizer.hear(hum(1.5, phrases=odd[-1:]))).text == "welcome world"


async def test_what_is_expected_is_not_suggested(make: Make) -> None:
    """What should have been said is not told to the model: it would hear it."""
    recognizer = make()
    await recognizer.start()

    assert (await recognizer.hear(hum(1.5, expected="welcome to the machine"))).text == "hello world"


async def test_what_is_no_speech_is_not_heard(make: Make) -> None:
    """Silence and noise are nothing, whatever the model would say to them; speech is heard, where it is."""
    recognizer = make(speech_only=True)
    await recognizer.start()
    noise = np.random.default_rng(1).normal(0, 300, 2 * RATE).astype("<i2").tobytes()
    for pcm in (bytes(3 * RATE), noise, hum(2).pcm):
        heard = await recognizer.hear(Recording(pcm, RATE, "en"))
        assert (heard.text, heard.words, heard.confidence) == ("", (), None)

    espeak = EspeakSynthesizer(SystemClock(), engine="library")
    await espeak.start()
    said = espeak.speak(Utterance("Good evening, dear friends, and welcome to the show.", "en", "en-us"))
    speech = b"".join([piece.pcm async for piece in said])
    await espeak.close()
    heard = await recognizer.hear(Recording(bytes(3 * 22_050 * 2) + speech, 22_050, "en"))
    assert heard.text == "hello world"
    assert heard.words[-1].start_s > 2.5, "after the silence"


@pytest.mark.parametrize("pcm", [b"", b"\x01", bytes(20), bytes(3199), b"\x00\x10" * 1600 + b"\x07"])
async def test_a_moment_is_no_failure(make: Make, pcm: bytes) -> None:
    """A recording too short for a word is no text, and half a sample at its end is no harm."""
    recognizer = make()
    await recognizer.start()
    heard = await recognizer.hear(Recording(pcm, RATE, "en"))

    assert heard.duration_s == pytest.approx(len(pcm) // 2 / RATE)
    assert all(0 <= word.start_s <= word.end_s <= heard.duration_s for word in heard.words)
    assert len(pcm) > 3200 or heard.text == ""


async def test_a_model_that_does_not_stop_is_stopped(make: Make, tmp_path: Path) -> None:
    """A model that says the same again and again fills no more than the windows of the recording."""
    recognizer = make(whisper.model(tmp_path / "talkative", talkative=True))
    await recognizer.start()
    async with asyncio.timeout(30):
        heard = await recognizer.hear(hum(1))

    assert 100 < len(heard.words) < 500
    assert all(word.end_s <= 1 for word in heard.words)


async def test_it_says_which_version_and_where(make: Make) -> None:
    """The vendor, the folder and the library's version are told; the version once it has started."""
    recognizer = make()
    assert (recognizer.about.version, recognizer.ready) == ("", False)
    with pytest.raises(Unavailable, match="not started"):
        await recognizer.hear(hum(1))
    await recognizer.start()

    assert (recognizer.about.vendor, recognizer.about.model) == ("whisper", "whisper-hello")
    assert recognizer.about.place == str(whisper.folder())
    assert recognizer.about.version[0].isdigit()
    assert recognizer.ready


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much a process has worked")
async def test_a_cancelled_hearing_frees_the_process(make: Make, tmp_path: Path) -> None:
    """Whoever stops waiting ends the work at the next window, and the process that did it hears what comes next."""
    recognizer = make(whisper.model(tmp_path / "talkative", talkative=True), stop_s=60)
    await recognizer.start()
    before = pid(recognizer)
    assert before is not None
    idle_s = worked_s(before)
    hearing = asyncio.create_task(recognizer.hear(hum(60)))  # some forty seconds of work
    await until(lambda: worked_s(before) > idle_s + 0.5)

    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    assert hearing.cancelled()
    await until(lambda: not recognizer.health().workers[0].busy)

    assert pid(recognizer) == before
    assert (await recognizer.hear(hum(1))).text.startswith("hello world")


async def test_a_crash_costs_one_recording(make: Make) -> None:
    """When the process dies over a recording its caller is told, and the next recording is heard."""
    recognizer = make()
    await recognizer.start()
    before = pid(recognizer)
    assert before is not None
    hearing = asyncio.create_task(recognizer.hear(hum(600)))
    await until(lambda: recognizer.health().workers[0].busy)
    os.kill(before, signal.SIGKILL)

    with pytest.raises(ProviderError, match=r"near worker ended \(signal 9, SIGKILL\)") as told:
        await hearing
    assert (told.value.category, told.value.provider) == (FailureCategory.SERVER, "near")
    assert (await recognizer.hear(hum(1.5))).text == "hello world"


async def test_nobody_is_told_what_is_heard(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime, which finds the speech, does not report to its maker: it would note that in this folder."""
    folder = str(tmp_path)
    monkeypatch.setenv("TMPDIR", folder)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    recognizer = make(speech_only=True)
    await recognizer.start()

    assert (await recognizer.hear(hum(1.5))).text == ""
    assert os.listdir(folder) == []


async def test_a_folder_that_is_not_there_is_named(make: Make, tmp_path: Path) -> None:
    """Starting names the folder, or the files that it lacks; nothing is looked for elsewhere, no process is started."""
    recognizer = make(tmp_path / "base")
    with pytest.raises(Unavailable, match=f"near cannot hear: there is no folder {tmp_path}/base"):
        await recognizer.start()

    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    with pytest.raises(Unavailable, match=r"folder .*/base has no model\.bin, no tokenizer\.json"):
        await recognizer.start()
    assert pid(recognizer) is None


def _no_model(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"no model")


def _no_tokens(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _no_vocabulary(folder: Path) -> None:
    (folder / "vocabulary.json").unlink()


@pytest.mark.parametrize("spoil", [_no_model, _no_tokens, _no_vocabulary])
async def test_a_model_that_cannot_be_loaded(make: Make, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A file that is not what it should be stops the start, with the folder; no process is left."""
    folder = whisper.model(tmp_path / "broken")
    spoil(folder)
    recognizer = make(folder)

    with pytest.raises(Unavailable, match=r"The near worker cannot start: Whisper cannot be loaded from .*/broken"):
        await recognizer.start()
    assert pid(recognizer) is None


async def test_arithmetic_that_this_machine_lacks(make: Make) -> None:
    """Arithmetic that only graphics cards have is refused at the start, by the library and in its words."""
    recognizer = make(compute_type="float16")

    with pytest.raises(Unavailable, match="float16"):
        await recognizer.start()


async def test_a_large_model_without_its_second_file(make: Make, tmp_path: Path) -> None:
    """A model of 128 bands works with the file that says so, and is refused at the start without it."""
    folder = whisper.model(tmp_path / "large", bands=128)
    recognizer = make(folder)
    await recognizer.start()
    assert (await recognizer.hear(hum(1.5))).text == "hello world"
    await recognizer.close()

    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(Unavailable, match=r"takes 128 bands of sound and is given 80; .*preprocessor_config\.json"):
        await recognizer.start()


async def test_a_model_of_english_alone(make: Make, tmp_path: Path) -> None:
    """A model that knows English alone offers English alone; other languages are refused, and so is a start without."""
    folder = whisper.model(tmp_path / "english", english=True)
    recognizer = make(folder)
    await recognizer.start()

    assert recognizer.languages == ("en",)
    assert (await recognizer.hear(hum(1.5))).text == "hello world"
    with pytest.raises(UnknownLanguage, match="near hears en, not 'uk'"):
        await recognizer.hear(hum(1.5, language="uk"))
    with pytest.raises(Unavailable, match="does not hear uk, ru"):
        await make(folder, languages=("uk", "ru")).start()


async def test_a_language_that_whisper_does_not_know(make: Make) -> None:
    """A language that no model of Whisper knows is refused at the start, by name."""
    with pytest.raises(Unavailable, match="does not hear tlh"):
        await make(languages=("en", "tlh")).start()


async def test_what_to_install_is_said(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, starting says which one it is."""
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)

    with pytest.raises(
        Unavailable, match=r"needs faster-whisper, which is not installed: pip install 'segue\[whisper\]'"
    ):
        await make().start()
