"""What Kokoro's adapter promises beyond what all vendors' do: the real library speaks, with a model that hums."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from segue.clock import SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable, UnknownVoice
from segue.providers.kokoro import KokoroSynthesizer
from segue.vendors import local as vendor
from segue.voice.ports import Speech, Utterance
from tests.vendors import kokoro

Make = Callable[..., KokoroSynthesizer]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes synthesizers of files, the stand's own where none are given, and closes them."""
    made: list[KokoroSynthesizer] = []

    def build(model: Path | None = None, voices: Path | None = None) -> KokoroSynthesizer:
        graph, styles = kokoro.files()
        settings = vendor.KokoroSynthesizer(vendor="kokoro", model=model or graph, voices=voices or styles)
        made.append(KokoroSynthesizer("near", settings, SystemClock()))
        return made[-1]

    yield build
    for synthesizer in made:
        await synthesizer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    """Wait for something that another process does; fail when it does not."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.002)


async def said(synthesizer: KokoroSynthesizer, text: str, voice: str = "af_heart", speed: float = 1.0) -> list[Speech]:
    """All pieces of a text."""
    return [piece async for piece in synthesizer.speak(Utterance(text, "en", voice, speed))]


def hertz(speech: list[Speech]) -> float:
    """The pitch of what hums."""
    wave = np.frombuffer(b"".join(piece.pcm for piece in speech), dtype="<i2").astype(np.float64)
    return float(np.argmax(np.abs(np.fft.rfft(wave))) * speech[0].rate / wave.size)


def pid(synthesizer: KokoroSynthesizer) -> int | None:
    """The process of the only worker."""
    return synthesizer.health().workers[0].pid


def worked_s(process: int) -> float:
    """Seconds of a processor that a process has used, as Linux counts them: to see it work without waiting for luck."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_english_voices_are_offered(make: Make) -> None:
    """The English voices of the file are offered, with the gender that their names tell; others are not."""
    synthesizer = make()
    assert synthesizer.voices() == ()
    await synthesizer.start()

    assert {voice.name: voice.gender for voice in synthesizer.voices()} == {
        "af_heart": "female",
        "am_adam": "male",
        "bf_emma": "female",
        "bm_george": "male",
    }
    with pytest.raises(UnknownVoice, match="near has no voice for 'zh': it speaks en"):
        await anext(synthesizer.speak(Utterance("你好。", "zh", "zf_xiaobei")))
    with pytest.raises(UnknownVoice, match="no English voice 'af_hart'; did you mean af_heart"):
        await said(synthesizer, "Hello.", "af_hart")


async def test_each_voice_has_its_style_and_accent(make: Make) -> None:
    """The model is given the style of the voice, and the phonemes of the accent that its name tells."""
    synthesizer = make()
    await synthesizer.start()
    voices = [voice.name for voice in synthesizer.voices()]
    speech = {voice: await said(synthesizer, "Park the car near the harbour bar.", voice) for voice in voices}

    assert [hertz(pieces) / kokoro.HERTZ for pieces in speech.values()] == pytest.approx([1, 2, 3, 4], rel=0.02)
    assert {(piece.rate, piece.model, piece.provider) for pieces in speech.values() for piece in pieces} == {
        (24_000, "kokoro-hum", "near")
    }
    american, british = (sum(len(piece.pcm) for piece in speech[voice]) for voice in ("af_heart", "bf_emma"))
    assert american > british, "most r are not heard in British English"


async def test_it_says_which_version_and_where(make: Make) -> None:
    """The vendor, the model's file, the library's version and the folder are told; the version once it has started."""
    synthesizer = make()
    assert (synthesizer.about.version, synthesizer.ready) == ("", False)
    await synthesizer.start()

    assert (synthesizer.about.vendor, synthesizer.about.model) == ("kokoro", "kokoro-hum")
    assert synthesizer.about.place == str(kokoro.files()[0].parent)
    assert synthesizer.about.version[0].isdigit()
    assert synthesizer.ready


async def test_a_long_text_comes_in_pieces(make: Make) -> None:
    """What is longer than the model takes at once is spoken in several pieces, and nothing of it is lost."""
    synthesizer = make()
    await synthesizer.start()
    sentence = "The quick brown fox jumps over the lazy dog, again and again. "
    once, often = await said(synthesizer, sentence), await said(synthesizer, sentence * 20)

    def length(speech: list[Speech]) -> int:
        return sum(len(piece.pcm) for piece in speech)

    assert len(once) == 1
    assert len(often) > 1
    assert length(often) == pytest.approx(20 * length(once), rel=0.05)


async def test_a_speed_out_of_range_is_refused(make: Make) -> None:
    """Speeds that the library refuses are refused before it is asked."""
    synthesizer = make()
    await synthesizer.start()
    for speed in (0.4, 2.5):
        with pytest.raises(ProviderError, match=r"near speaks at speeds from 0\.5 to 2") as refused:
            await said(synthesizer, "Hello.", speed=speed)
        assert refused.value.category is FailureCategory.UNSUPPORTED


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much a process has worked")
async def test_leaving_stops_the_model_in_the_middle(make: Make, tmp_path: Path) -> None:
    """Whoever leaves while the model works on a sentence frees the worker at once, and it is not killed for that."""
    synthesizer = make(kokoro.model(tmp_path / "slow.onnx", effort=100_000))
    await synthesizer.start()
    before = pid(synthesizer)
    assert before is not None
    idle_s = worked_s(before)
    speech = asyncio.create_task(said(synthesizer, "This would take a minute or more."))
    await until(lambda: worked_s(before) > idle_s + 0.5)

    speech.cancel()
    await asyncio.gather(speech, return_exceptions=True)
    await until(lambda: not synthesizer.health().workers[0].busy)

    assert pid(synthesizer) == before
    assert synthesizer.health().workers[0].restarts == 0


async def test_the_next_sentence_is_whole(make: Make, tmp_path: Path) -> None:
    """What was stopped before does not stop what comes after it."""
    synthesizer = make(kokoro.model(tmp_path / "slow.onnx", effort=200))
    await synthesizer.start()
    whole = await said(synthesizer, "Here I am again.")
    for _ in range(3):
        speech = asyncio.create_task(said(synthesizer, "Here I am."))
        await until(lambda: synthesizer.health().workers[0].busy)
        speech.cancel()
        await asyncio.gather(speech, return_exceptions=True)
        assert await said(synthesizer, "Here I am again.") == whole
    assert synthesizer.health().workers[0].restarts == 0


async def test_a_crash_costs_one_sentence(make: Make, tmp_path: Path) -> None:
    """When the process dies its listener is told, and the next process speaks."""
    synthesizer = make(kokoro.model(tmp_path / "slow.onnx", effort=200))
    await synthesizer.start()
    before = pid(synthesizer)
    assert before is not None
    speech = asyncio.create_task(said(synthesizer, "Hello there. " * 300))
    await until(lambda: synthesizer.health().workers[0].busy)
    os.kill(before, signal.SIGKILL)

    with pytest.raises(ProviderError, match=r"near worker ended \(signal 9, SIGKILL\)") as told:
        await speech
    assert (told.value.category, told.value.provider) == (FailureCategory.SERVER, "near")
    assert await said(synthesizer, "Once again.")
    assert pid(synthesizer) != before


async def test_nothing_is_left_in_the_temporary_folder(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies of eSpeak NG are gone as soon as the library has started, and ONNX Runtime notes nothing to report."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    synthesizer = make()
    await synthesizer.start()

    assert await said(synthesizer, "Hello.")
    assert await said(synthesizer, "Hello.", "bf_emma")
    assert list(folder.iterdir()) == []


async def test_files_that_are_not_there_are_named(make: Make, tmp_path: Path) -> None:
    """Starting names what is missing; no process is started, and nobody speaks."""
    synthesizer = make(tmp_path / "model.onnx", tmp_path / "voices.bin")

    with pytest.raises(Unavailable, match=r"no file .*/model\.onnx and no file .*/voices\.bin"):
        await synthesizer.start()
    assert pid(synthesizer) is None
    with pytest.raises(Unavailable, match="near is not started"):
        await said(synthesizer, "Hello.")


def _no_graph(folder: Path) -> tuple[Path, Path]:
    model = folder / "model.onnx"
    model.write_bytes(b"no graph")
    return model, kokoro.files()[1]


def _no_voices(folder: Path) -> tuple[Path, Path]:
    voices = folder / "voices.bin"
    voices.write_bytes(b"no voices")
    return kokoro.files()[0], voices


def _one_voice(folder: Path) -> tuple[Path, Path]:
    voices = folder / "voices.npy"
    np.save(voices, np.zeros((510, 1, 256), np.float32))
    return kokoro.files()[0], voices


def _foreign(folder: Path) -> tuple[Path, Path]:
    return kokoro.files()[0], kokoro.styles(folder / "voices.bin", ("zf_xiaobei", "jm_kumo", "ef"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_no_graph, r"cannot be loaded from .*model\.onnx"),
        (_no_voices, r"cannot be loaded from .*voices\.bin"),
        (_one_voice, r"cannot be loaded from .*voices\.npy"),
        (_foreign, r"voices\.bin has no English voice"),
    ],
)
async def test_a_file_that_cannot_be_used_is_named(
    make: Make, tmp_path: Path, spoil: Callable[[Path], tuple[Path, Path]], reason: str
) -> None:
    """A file that is not what it should be stops the start, with the reason; no process is left."""
    synthesizer = make(*spoil(tmp_path))

    with pytest.raises(Unavailable, match=reason):
        await synthesizer.start()
    assert pid(synthesizer) is None
    assert not synthesizer.ready


async def test_what_cannot_be_pronounced_is_refused(make: Make) -> None:
    """A text of which no phoneme is left is told as such, and the worker goes on."""
    synthesizer = make()
    await synthesizer.start()
    with pytest.raises(ProviderError, match="Kokoro cannot say this") as refused:
        await said(synthesizer, "ʻ")

    assert refused.value.category is FailureCategory.UNSUPPORTED
    assert await said(synthesizer, "But this it can.")
    assert synthesizer.health().workers[0].restarts == 0


async def test_what_to_install_is_said(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, starting says which one it is."""
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    synthesizer = make()

    with pytest.raises(Unavailable, match=r"near needs Kokoro, which is not installed: pip install 'segue\[kokoro\]'"):
        await synthesizer.start()
