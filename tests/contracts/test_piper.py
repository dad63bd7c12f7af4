"""What Piper's adapter promises beyond what all vendors' do: the real library speaks, with voices that hum."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segue.clock import SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable
from segue.providers.piper import PiperSynthesizer
from segue.vendors import local as vendor
from segue.voice.ports import Speech, Utterance
from tests.vendors import piper

Make = Callable[..., PiperSynthesizer]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes synthesizers of voices given by name, and closes them."""
    made: list[PiperSynthesizer] = []

    def build(voices: dict[str, Path | vendor.PiperVoice], **more: Any) -> PiperSynthesizer:
        known = {
            name: given if isinstance(given, vendor.PiperVoice) else vendor.PiperVoice(path=given, language="en")
            for name, given in voices.items()
        }
        made.append(
            PiperSynthesizer("near", vendor.PiperSynthesizer(vendor="piper", voices=known, **more), SystemClock())
        )
        return made[-1]

    yield build
    for synthesizer in made:
        await synthesizer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; fail after a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


async def said(synthesizer: PiperSynthesizer, text: str, voice: str = "hum", speed: float = 1.0) -> list[Speech]:
    """All pieces of a text."""
    return [piece async for piece in synthesizer.speak(Utterance(text, "en", voice, speed))]


async def rest(speech: AsyncIterator[Speech]) -> list[Speech]:
    """Everything that is still to come."""
    return [piece async for piece in speech]


def hertz(speech: list[Speech]) -> float:
    """The pitch of what hums."""
    wave = np.frombuffer(b"".join(piece.pcm for piece in speech), dtype="<i2").astype(np.float64)
    return float(np.argmax(np.abs(np.fft.rfft(wave))) * speech[0].rate / wave.size)


def pid(synthesizer: PiperSynthesizer) -> int | None:
    """The process of the only worker."""
    return synthesizer.health().workers[0].pid


async def test_each_sentence_is_a_piece(make: Make, tmp_path: Path) -> None:
    """A text comes sentence by sentence, as long as its phonemes, at the file's own rate and under the file's name."""
    synthesizer = make({"hum": piper.voice(tmp_path / "en_GB-hum-high.onnx", rate=24_000)})
    await synthesizer.start()
    speech = await said(synthesizer, "Good morning. How are you today? Fine!")
    short, long = await said(synthesizer, "Yes."), await said(synthesizer, "Yes, we have no bananas.")

    assert len(speech) == 3
    assert {(piece.rate, piece.model, piece.voice, piece.provider) for piece in speech} == {
        (24_000, "en_GB-hum-high", "hum", "near")
    }
    assert hertz(speech) == pytest.approx(piper.HERTZ, rel=0.02)
    assert all(len(piece.pcm) % round(2 * 24_000 * piper.S_PER_PHONEME) == 0 for piece in speech + short)
    assert len(long[0].pcm) > 2 * len(short[0].pcm)


async def test_it_says_which_version_and_where(make: Make, tmp_path: Path) -> None:
    """The vendor, the files, Piper's version and the folder are told; the version once it has started."""
    synthesizer = make({"hum": piper.voice(tmp_path / "en_US-hum-low.onnx")})
    assert (synthesizer.about.version, synthesizer.ready) == ("", False)
    await synthesizer.start()

    assert synthesizer.about.vendor == "piper"
    assert synthesizer.about.model == "en_US-hum-low"
    assert synthesizer.about.place == str(tmp_path)
    assert synthesizer.about.version[0].isdigit()
    assert synthesizer.ready


async def test_a_voice_of_a_file_with_several(make: Make, tmp_path: Path) -> None:
    """Each speaker of a file can be a voice of its own; the first one speaks where none is named."""
    path = piper.voice(tmp_path / "uk_UA-choir-low.onnx", speakers=("lada", "mykyta", "tetiana"))
    voices = {name: vendor.PiperVoice(path=path, language="en", speaker=name) for name in ("lada", "tetiana")}
    synthesizer = make({**voices, "hum": path})
    await synthesizer.start()

    heard = [hertz(await said(synthesizer, "Good evening, ladies.", voice)) for voice in ("hum", "lada", "tetiana")]
    assert heard == [pytest.approx(piper.HERTZ * higher, rel=0.02) for higher in (1, 1, 3)]


async def test_two_brackets_are_no_command(make: Make, tmp_path: Path) -> None:
    """What looks like raw phonemes is read out as text, and a break of the line does not break the sentence."""
    synthesizer = make({"hum": piper.voice(tmp_path / "hum.onnx")})
    await synthesizer.start()

    raw, plain = await said(synthesizer, "Say [[tuː]] now."), await said(synthesizer, "Say two\n  now.")
    assert len(plain) == 1
    assert [len(piece.pcm) for piece in plain] == [len(piece.pcm) for piece in await said(synthesizer, "Say two now.")]
    assert len(raw[0].pcm) > len(plain[0].pcm), "the letters are spelled, not obeyed"
    assert await said(synthesizer, "… — ?!") == []


async def test_a_speed_out_of_range_is_refused(make: Make, tmp_path: Path) -> None:
    """Speeds that make no speech are refused before anything is spoken."""
    synthesizer = make({"hum": piper.voice(tmp_path / "hum.onnx")})
    for speed in (0.1, 8.0):
        with pytest.raises(ProviderError, match=r"near speaks at speeds from 0\.25 to 4") as refused:
            await said(synthesizer, "Hello.", speed=speed)
        assert refused.value.category is FailureCategory.UNSUPPORTED


async def test_files_that_are_not_there_are_named(make: Make, tmp_path: Path) -> None:
    """Starting names every voice whose file, or whose second file, is missing; no process is started."""
    alone = piper.voice(tmp_path / "alone.onnx")
    alone.with_name("alone.onnx.json").unlink()
    synthesizer = make({"one": piper.voice(tmp_path / "one.onnx"), "two": tmp_path / "two.onnx", "three": alone})

    with pytest.raises(Unavailable) as told:
        await synthesizer.start()
    assert f"voice 'two' has no file {tmp_path / 'two.onnx'}" in told.value.message
    assert f"voice 'three' has no file {tmp_path / 'alone.onnx.json'}" in told.value.message
    assert "'one'" not in told.value.message
    assert pid(synthesizer) is None
    with pytest.raises(Unavailable, match="not started"):
        await said(synthesizer, "Hello.", "one")


def change(path: Path, **fields: Any) -> Path:
    """Change fields of the JSON file of a voice."""
    about = path.with_name(path.name + ".json")
    about.write_text(json.dumps({**json.loads(about.read_text()), **fields}))
    return path


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b"no graph"), "cannot be loaded from .*bad.onnx"),
        (lambda path: path.with_name("bad.onnx.json").write_text("{"), "cannot be loaded .*JSONDecodeError"),
        (lambda path: path.with_name("bad.onnx.json").write_text("{}"), "cannot be loaded .*num_symbols"),
        (lambda path: change(path, phoneme_type="pinyin"), "needs pinyin phonemes; only espeak and text"),
    ],
    ids=["graph", "json", "fields", "pinyin"],
)
async def test_a_file_that_cannot_be_used_is_named(
    make: Make, tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    """A file that is not what it should be stops the start, with the voice and the reason; no process is left."""
    path = piper.voice(tmp_path / "bad.onnx")
    spoil(path)
    synthesizer = make({"good": piper.voice(tmp_path / "good.onnx"), "bad": path})

    with pytest.raises(Unavailable, match=f"The near worker cannot start: voice 'bad' {reason}"):
        await synthesizer.start()
    assert pid(synthesizer) is None


async def test_a_speaker_that_is_not_there(make: Make, tmp_path: Path) -> None:
    """A speaker that the file does not have is refused at the start with those that it has."""
    path = piper.voice(tmp_path / "choir.onnx", speakers=("lada", "mykyta"))
    synthesizer = make({"hum": vendor.PiperVoice(path=path, language="en", speaker="tetiana")})

    with pytest.raises(Unavailable, match="voice 'hum' has no speaker 'tetiana'; its file has lada, mykyta"):
        await synthesizer.start()


async def test_leaving_ends_the_work_at_the_next_full_stop(make: Make, tmp_path: Path) -> None:
    """Whoever leaves after the first sentence of many frees the worker; it is the same that speaks next."""
    synthesizer = make({"hum": piper.voice(tmp_path / "slow.onnx", effort=50)})
    await synthesizer.start()
    before = pid(synthesizer)

    async with aclosing(synthesizer.speak(Utterance("One more sentence. " * 1000, "en", "hum"))) as speech:
        await anext(speech)
    async with asyncio.timeout(10):
        assert len(await said(synthesizer, "And now something else.")) == 1

    assert pid(synthesizer) == before
    assert synthesizer.health().workers[0].restarts == 0


async def test_a_crash_costs_one_sentence(make: Make, tmp_path: Path) -> None:
    """When the process dies its listener is told, what was said stays, and the next process speaks."""
    synthesizer = make({"hum": piper.voice(tmp_path / "slow.onnx", effort=50)})
    await synthesizer.start()
    before = pid(synthesizer)
    assert before is not None
    speech = synthesizer.speak(Utterance("One more sentence. " * 1000, "en", "hum"))
    assert (await anext(speech)).pcm
    os.kill(before, signal.SIGKILL)

    with pytest.raises(ProviderError, match=r"near worker ended \(signal 9, SIGKILL\)") as told:
        await rest(speech)
    assert (told.value.category, told.value.provider) == (FailureCategory.SERVER, "near")

    assert await said(synthesizer, "Once again.")
    assert pid(synthesizer) != before


async def test_a_file_that_was_changed_is_not_played_at_the_wrong_pitch(make: Make, tmp_path: Path) -> None:
    """Where a voice has another rate after a restart of one process, it says so instead of speaking too high."""
    path = piper.voice(tmp_path / "hum.onnx")
    synthesizer = make({"hum": path}, workers=2)
    await synthesizer.start()
    change(path, audio={"sample_rate": 16_000})
    second = synthesizer.health().workers[1].pid
    assert second is not None
    os.kill(second, signal.SIGKILL)
    await until(lambda: synthesizer.health().workers[1].restarts and all(w.ready for w in synthesizer.health().workers))

    outcomes = await asyncio.gather(*(said(synthesizer, "Hello there.") for _ in range(2)), return_exceptions=True)
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, ProviderError)]
    assert "file of voice 'hum' was changed" in failed.message


async def test_nobody_is_told_what_is_spoken(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime does not report to its maker: it would keep a note of its session in the temporary folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    synthesizer = make({"hum": piper.voice(tmp_path / "hum.onnx")})
    await synthesizer.start()

    assert await said(synthesizer, "Hello.")
    assert list(folder.iterdir()) == []


async def test_what_to_install_is_said(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the extra, starting says which one it is."""
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    synthesizer = make({"hum": piper.voice(tmp_path / "hum.onnx")})

    with pytest.raises(Unavailable, match=r"near needs Piper, which is not installed: pip install 'segue\[piper\]'"):
        await synthesizer.start()


@pytest.mark.parametrize(("more", "cores", "threads"), [({}, 8, 8), ({"workers": 3}, 8, 2), ({"workers": 4}, 2, 1)])
def test_processes_share_the_cores(more: dict[str, int], cores: int, threads: int) -> None:
    """Processes do not ask for more threads together than there are cores, and a setting has the last word."""
    voices = {"hum": vendor.PiperVoice(path=Path("hum.onnx"), language="en")}
    settings = vendor.PiperSynthesizer(vendor="piper", voices=voices, **more)

    assert settings.threads_each(cores) == threads
    assert settings.model_copy(update={"threads": 5}).threads_each(cores) == 5
