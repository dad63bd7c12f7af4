"""Every format, streamed and whole: what was spoken comes back, promptly, and nothing is lost at the end."""

import gc
import io
import itertools
import shutil
import subprocess
import sys
import wave
import weakref
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.errors import UnsupportedFormat
from segue.voice.audio import POSTROLL_MS, SAMPLE_RATE, samples, silence
from segue.voice.containers import mp3
from segue.voice.encoding import FORMATS, RATES, encode_whole, encoder, media_type

READERS = {"wav": "wav", "mp3": "mp3", "opus": "ogg", "flac": "flac", "aac": "aac"}
LENGTHS = [240, 7200, 7201, 11_530, 240_000]
"""10 ms, 0.3 s, one sample more, a length to which LAME adds a frame that nobody needs, and 10 s, at 24 kHz."""

PRIMING = 1024
"""Samples of silence before AAC in ADTS, which has no place to declare them."""


def speech(count: int, seed: int = 1) -> bytes:
    """Band-limited noise whose level rises and falls: no two stretches alike, so an offset cannot hide."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.standard_normal(count + 24), np.hanning(24), "valid")[:count]
    swell = 0.6 + 0.4 * np.sin(np.arange(count) / 2500)
    return np.rint(2500 * noise * swell).clip(-32_000, 32_000).astype("<i2").tobytes()


def streamed(name: str, pcm: bytes, sizes: list[int], rate: int = SAMPLE_RATE) -> bytes:
    """The stream that results from feeding pieces of these sizes, over and over."""
    machine, out, place, turns = encoder(name, rate), b"", 0, itertools.cycle(sizes)
    while place < len(pcm):
        size = next(turns)
        out += machine.feed(pcm[place : place + size])
        place += size
    out += machine.finish()
    machine.close()
    return out


def decoded(name: str, data: bytes, rate: int = SAMPLE_RATE) -> np.ndarray:
    """The samples that FFmpeg's libraries read from it, at the rate that was spoken."""
    if name == "pcm16":
        return samples(data)
    parts = []
    with av.open(io.BytesIO(data), format=READERS[name]) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        for frame in container.decode(audio=0):
            frame.pts = None
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        if parts:
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate([np.zeros(0, dtype=np.int16), *parts])


def offset(spoken: bytes, heard: np.ndarray) -> int:
    """By how many samples what is heard comes late, from their cross-correlation."""
    said = samples(spoken).astype(float)
    size = len(said) + len(heard)
    correlation = np.fft.irfft(np.fft.rfft(heard.astype(float), size) * np.conj(np.fft.rfft(said, size)), size)
    late = int(np.argmax(correlation))
    return late if late < size // 2 else late - size


def surplus(name: str, *, whole: bool, rate: int = SAMPLE_RATE) -> range:
    """How many samples more than were spoken a format may decode to.

    A streamed MP3 ends on a whole frame; AAC does too, and has a frame before it. All else is exact.
    """
    if name == "aac":
        return range(PRIMING, PRIMING + 1024)
    if name == "mp3" and not whole:
        return range(mp3.frame_samples(rate))
    return range(1)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "whole"])
def test_what_was_spoken_comes_back(name: str, count: int, whole: bool) -> None:
    """As many samples decode as were spoken, in their place, but for what `surplus` grants the format."""
    pcm = speech(count)
    data = encode_whole(pcm, name) if whole else streamed(name, pcm, [960, 961, 1, 333])
    heard = decoded(name, data)
    assert len(heard) - count in surplus(name, whole=whole)
    late = PRIMING if name == "aac" else 0
    assert offset(pcm, heard) == late
    # The end is there too: the last 10 ms are as loud as they were spoken, give or take the codec.
    end, said = heard[late + count - 240 : late + count].astype(float), samples(pcm)[-240:].astype(float)
    assert np.std(end) == pytest.approx(np.std(said), rel=0.35)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("count", [1024, 5000, 24_001, 48_640])
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "whole"])
def test_a_spoken_sentence_keeps_its_length(name: str, count: int, whole: bool) -> None:
    """Speech, which ends in the silence the shaper leaves, decodes to as many samples as spoken, within a frame."""
    pcm = speech(count) + silence(POSTROLL_MS)
    data = encode_whole(pcm, name) if whole else streamed(name, pcm, [960])
    heard = decoded(name, data)

    frame = {"aac": 1024, "mp3": 576, "opus": 480}.get(name, 0)
    assert abs(len(heard) - len(pcm) // 2) <= frame


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", RATES)
def test_every_rate(name: str, rate: int) -> None:
    """Each format keeps its promise at each rate."""
    pcm = speech(20_001)
    heard = decoded(name, streamed(name, pcm, [1000], rate), rate)
    assert len(heard) - 20_001 in surplus(name, whole=False, rate=rate)


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=10)
@given(count=st.integers(48, 2500), sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=6))
def test_cuts_do_not_matter(name: str, count: int, sizes: list[int]) -> None:
    """However the stream is cut, between the bytes of a sample too, it decodes to what was spoken."""
    pcm = speech(count)
    assert len(decoded(name, streamed(name, pcm, sizes))) - count in surplus(name, whole=False)


@pytest.mark.parametrize("name", FORMATS)
def test_an_odd_last_byte_is_left_out(name: str) -> None:
    """Half a sample at the end spoils nothing before it."""
    pcm = speech(3001)
    odd, even = streamed(name, pcm + b"\x7f", [501]), streamed(name, pcm, [501])
    assert np.array_equal(decoded(name, odd), decoded(name, even))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pcm16"])
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "whole"])
def test_nothing_spoken_is_a_valid_file(name: str, whole: bool) -> None:
    """No samples at all make a file that opens, of at most one frame and what the codec puts before it."""
    data = encode_whole(b"", name) if whole else streamed(name, b"", [1])
    assert data
    assert len(decoded(name, data)) <= (PRIMING + 1024 if name == "aac" else 576)


@pytest.mark.parametrize(
    ("name", "most_ms"), [("pcm16", 20), ("wav", 20), ("mp3", 60), ("opus", 40), ("flac", 40), ("aac", 100)]
)
def test_first_sound_is_prompt(name: str, most_ms: int) -> None:
    """The first decodable audio leaves after so many milliseconds of speech."""
    machine, out, pcm = encoder(name), b"", speech(24_000)
    for fed_ms in range(20, 500, 20):
        out += machine.feed(pcm[48 * (fed_ms - 20) : 48 * fed_ms])
        try:
            if len(out) > 150 and len(decoded(name, out)):
                break
        except av.FFmpegError:
            continue
    machine.close()
    assert fed_ms <= most_ms


@pytest.mark.parametrize("name", FORMATS)
def test_one_opening(name: str) -> None:
    """The signature of a container stands at its beginning and nowhere else."""
    sign = {"wav": b"WAVE", "mp3": b"Info", "opus": b"OpusHead", "flac": b"fLaC"}.get(name)
    if sign is not None:
        assert streamed(name, speech(24_000), [960]).count(sign) == 1


def test_wav_sizes() -> None:
    """A streamed WAV says that its length is unknown; a whole one is read by a strict reader to the last sample."""
    assert streamed("wav", speech(100), [960])[4:8] == streamed("wav", speech(100), [960])[40:44] == b"\xff" * 4
    with wave.open(io.BytesIO(encode_whole(speech(100), "wav"))) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels(), file.getsampwidth()) == (100, 24_000, 1, 2)
        assert file.readframes(200) == speech(100)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
@pytest.mark.parametrize("name", ["wav", "mp3", "opus", "flac"])
def test_another_reader_agrees(name: str, tmp_path: Path) -> None:
    """The program ffmpeg, of another age than the libraries here, reads the same number of samples from a file."""
    path = tmp_path / f"speech.{name}"
    path.write_bytes(encode_whole(speech(7201), name))
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ar", str(SAMPLE_RATE), "-"]
    result = subprocess.run(command, capture_output=True, check=True)
    assert result.stderr == b""
    assert len(result.stdout) // 2 == 7201


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("fed", [0, 5000])
def test_a_listener_may_leave(name: str, fed: int) -> None:
    """An encoder that is closed early lets go at once, twice closed is closed, and it keeps nothing alive."""
    machine = encoder(name)
    machine.feed(speech(fed))
    gone = weakref.ref(machine)
    machine.close()
    machine.close()
    del machine
    gc.collect()
    assert gone() is None


def test_media_types() -> None:
    """Each format has its own type, raw PCM says its rate in it, and the short name means the same."""
    assert len({media_type(name) for name in FORMATS}) == len(FORMATS)
    assert media_type("PCM") == media_type("pcm16") == "audio/pcm;rate=24000;channels=1"


@pytest.mark.parametrize(("name", "rate"), [("m4b", 24_000), ("", 24_000), ("mp3", 22_050)])
def test_unknown_is_refused(name: str, rate: int) -> None:
    """A format or rate that cannot be made is refused before anything is encoded."""
    with pytest.raises(UnsupportedFormat):
        encoder(name, rate)
    with pytest.raises(UnsupportedFormat):
        encode_whole(b"", name, rate)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].extra])
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "whole"])
def test_a_missing_extra_is_named(name: str, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says which one to install, at once; the other formats work on."""
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UnsupportedFormat, match=r"segue\[codecs\]"):
        encoder(name, whole=whole)
    assert encode_whole(speech(100), "mp3")


@pytest.mark.parametrize("name", FORMATS)
def test_whole_encoder(name: str) -> None:
    """The same shape as a stream, for answers that are sent in one piece: nothing, then the finished file."""
    machine = encoder(name, whole=True)
    assert machine.feed(speech(3000)[:4001]) + machine.feed(speech(3000)[4001:]) == b""
    assert len(decoded(name, machine.finish())) == len(decoded(name, encode_whole(speech(3000), name)))


def test_mp3_tag_is_sealed() -> None:
    """The opening tag closes with the checksum that readers of LAME's tag compute: CRC-16 of "123456789" is BB3D."""
    assert mp3.crc16(b"123456789") == 0xBB3D
    frame = encode_whole(speech(100), "mp3")[: mp3.frame_bytes(SAMPLE_RATE)]
    place = frame.index(b"LAME") + 34
    assert int.from_bytes(frame[place : place + 2], "big") == mp3.crc16(frame[:place])
