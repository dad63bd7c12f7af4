"""Uploads of every kind a browser, a phone or a careless program sends."""

import contextlib
import io
import struct
import sys

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.errors import BadAudio, TooLarge, UnsupportedFormat
from segue.voice.audio import loudness_dbfs, samples
from segue.voice.containers import wav
from segue.voice.decoding import decode, sniff
from segue.voice.encoding import encode_whole
from tests.unit.test_audio import tone

RATE = 16_000
PCM = tone(500, RATE)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A RIFF file of these chunks, padded as the format demands."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def form(kind: int = 1, bits: int = 16, channels: int = 1, rate: int = RATE) -> tuple[bytes, bytes]:
    """A `fmt ` chunk."""
    frame = bits // 8 * channels
    return b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)


def stored(wave: np.ndarray, kind: int, bits: int) -> bytes:
    """Samples between -1 and 1 as a WAV stores them."""
    if kind == 3:
        return wave.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (np.rint(wave * 127) + 128).astype(np.uint8).tobytes()
    full = np.rint(wave * (2 ** (bits - 1) - 1)).astype("<i8")
    return full.view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


def recorded(container: str, codec: str, pcm: bytes = PCM, layout: str = "mono", rate: int = 48_000) -> bytes:
    """What a recorder makes of 16 kHz PCM; webm as browsers stream it, without a duration."""
    file = io.BytesIO()
    options = {"live": "1", "cluster_time_limit": "250"} if container == "webm" else {}
    with av.open(file, "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm)
        frame.sample_rate, frame.pts = RATE, 0
        resampler = av.AudioResampler(format="s16", layout=layout, rate=rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            out.mux(stream.encode(piece))
    return file.getvalue()


class TestWav:
    @pytest.mark.parametrize(("kind", "bits"), sorted(wav.READABLE))
    @pytest.mark.parametrize("channels", [1, 2, 5])
    def test_every_kind_of_sample(self, kind: int, bits: int, channels: int) -> None:
        """Integers of 8 to 32 bits and floats, of one or more channels, all become the same sound."""
        wave = np.repeat(samples(PCM)[:, None] / 32_768, channels, axis=1)
        got = decode(riff(form(kind, bits, channels), (b"data", stored(wave, kind, bits))))
        assert np.abs(samples(got).astype(int) - samples(PCM)).max() <= (300 if bits == 8 else 2)

    def test_channels_are_mixed(self) -> None:
        """Each channel counts alike: one silent channel of two halves the level."""
        wave = np.stack([samples(PCM) / 32_768, np.zeros(len(PCM) // 2)], axis=1)
        got = decode(riff(form(channels=2), (b"data", stored(wave, 1, 16))))
        assert loudness_dbfs(got) == pytest.approx(loudness_dbfs(PCM) - 6.02, abs=0.05)

    def test_extensible(self) -> None:
        """The extensible header names the kind of sample further back."""
        plain = form(0xFFFE, 32)[1]
        more = struct.pack("<HHIH", 22, 32, 4, 3) + bytes.fromhex("000000001000800000aa00389b71")
        got = decode(riff((b"fmt ", plain + more), (b"data", stored(samples(PCM) / 32_768, 3, 32))))
        assert np.abs(samples(got).astype(int) - samples(PCM)).max() <= 1

    def test_chunks_in_any_order(self) -> None:
        """Chunks before, between and after, of odd length and unknown name, are never played."""
        junk = (b"LIST", b"INFOabc")
        assert decode(riff(junk, form(), (b"C2PA", b"x" * 99), (b"data", PCM), junk)) == PCM
        assert decode(riff((b"data", PCM), junk, form())) == PCM

    @pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, len(PCM) + 1])
    def test_unknown_sizes(self, size: int) -> None:
        """A size that was never filled in, says "unknown" or points past the end means "until the end"."""
        whole = riff(form(), (b"data", PCM))
        place = whole.index(b"data") + 4
        assert decode(whole[:place] + struct.pack("<I", size) + whole[place + 4 :]) == PCM

    def test_empty_data_with_a_list_behind_it(self) -> None:
        """A data chunk that really is empty does not swallow what follows."""
        with pytest.raises(BadAudio, match="no sound"):
            decode(riff(form(), (b"data", b""), (b"LIST", b"INFOabcd")))

    @settings(deadline=None, max_examples=80)
    @given(keep=st.integers(1, 44 + len(PCM)))
    def test_any_part_gives_what_is_there(self, keep: int) -> None:
        """A truncated file gives every whole sample in it, or an error that says what is missing; never another."""
        data = riff(form(), (b"data", PCM))[:keep]
        try:
            assert decode(data) == PCM[: (keep - 44) // 2 * 2]
        except BadAudio:
            assert keep < 46

    @settings(deadline=None, max_examples=200)
    @given(noise=st.binary(max_size=200))
    def test_noise_behind_the_name(self, noise: bytes) -> None:
        """Whatever follows the signature ends in sound or in an error of ours."""
        with contextlib.suppress(BadAudio, TooLarge):
            assert decode(b"RIFF\0\0\0\0WAVE" + noise)

    @pytest.mark.parametrize("bad", [form(channels=0), form(rate=0), form(bits=12), form(kind=0x55), form(bits=0)])
    def test_impossible_formats(self, bad: tuple[bytes, bytes]) -> None:
        """A header that makes no sense is refused with what it says."""
        with pytest.raises(BadAudio, match="WAV"):
            decode(riff(bad, (b"data", PCM)))

    def test_not_a_number(self) -> None:
        """Floats that are no numbers, or beyond full scale, do no harm."""
        wave = np.array([np.nan, np.inf, -np.inf, 3.0, 0.5], dtype="<f4")
        got = samples(decode(riff(form(3, 32), (b"data", wave.tobytes()))))
        assert got.tolist() == [0, 32_767, -32_768, 32_767, 16_384]

    def test_telephone_wav(self) -> None:
        """Mu-law inside WAV is read too, by the extra."""
        got = decode(recorded("wav", "pcm_mulaw", rate=8000))
        assert len(got) // 2 == pytest.approx(8000, abs=20)

    def test_rate_is_changed_once(self) -> None:
        """Half a second at any rate is half a second at the rate asked for, at the same level."""
        got = decode(encode_whole(tone(500, 48_000), "wav", 48_000))
        assert len(got) == len(PCM)
        assert loudness_dbfs(got) == pytest.approx(loudness_dbfs(PCM), abs=0.1)


class TestRaw:
    def test_byte_order_follows_the_type(self) -> None:
        """`audio/pcm` is little-endian and `audio/L16` big-endian."""
        swapped = samples(PCM).astype(">i2").tobytes()
        assert decode(PCM, content_type="audio/pcm; rate=16000") == PCM
        assert decode(swapped, content_type="audio/L16;rate=16000;channels=1") == PCM

    def test_usual_rate_and_odd_end(self) -> None:
        """Without a rate 24 kHz is meant; half a sample at the end is left out."""
        assert len(decode(tone(500, 24_000) + b"\1", content_type="audio/pcm")) == len(PCM)

    def test_a_container_wins_over_its_type(self) -> None:
        """A WAV sent as raw PCM is not played with its header."""
        assert decode(riff(form(), (b"data", PCM)), content_type="audio/pcm;rate=16000") == PCM

    @pytest.mark.parametrize("parameter", ["rate=fast", "rate=0", "rate=99999999", "channels=0", "channels=1000"])
    def test_senseless_parameters(self, parameter: str) -> None:
        """A rate or channels that cannot be are refused."""
        with pytest.raises(BadAudio, match="content type"):
            decode(PCM, content_type=f"audio/pcm;{parameter}")


KINDS = [
    ("webm", "libopus", "mono", 48_000),
    ("webm", "libopus", "stereo", 48_000),
    ("ogg", "libopus", "mono", 48_000),
    ("mp3", "libmp3lame", "mono", 44_100),
    ("mp4", "aac", "stereo", 44_100),
    ("flac", "flac", "mono", 22_050),
    ("adts", "aac", "mono", 16_000),
]

SIGNS = [
    b"\x1aE\xdf\xa3",
    b"OggS",
    b"fLaC",
    b"ID3",
    b"\0\0\0\x18ftypmp42",
    b"\xff\xfb\x90\x64",
    b"\xff\xf1P\x80",
]


class TestContainers:
    @pytest.mark.parametrize(("container", "codec", "layout", "rate"), KINDS)
    def test_every_container(self, container: str, codec: str, layout: str, rate: int) -> None:
        """Each gives half a second at the level recorded, mono, at the rate asked for."""
        got = decode(recorded(container, codec, layout=layout, rate=rate), content_type="application/octet-stream")
        assert len(got) // 2 == pytest.approx(8000, abs=2100 if codec == "aac" else 400)
        # The recorder here spreads the power of one channel over two: each is 3 dB softer, and so is their mean.
        expected = loudness_dbfs(PCM) - (3.01 if layout == "stereo" else 0)
        assert loudness_dbfs(got[4000:12_000]) == pytest.approx(expected, abs=0.7)

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[0] != "mp4"])
    def test_half_a_file_is_half_the_audio(self, kind: tuple[str, str, str, int]) -> None:
        """An upload that breaks off gives what had arrived."""
        container, codec, layout, rate = kind
        data = recorded(container, codec, tone(4000, RATE), layout, rate)
        assert 0.35 < len(decode(data[: len(data) // 2])) / 2 / (4 * RATE) < 0.65

    def test_a_hole_costs_only_itself(self) -> None:
        """A stretch of garbage in the middle does not end the recording."""
        data = bytearray(recorded("mp3", "libmp3lame", tone(4000, RATE), rate=44_100))
        middle = len(data) // 2
        data[middle : middle + 400] = bytes(400)
        assert len(decode(bytes(data))) / 2 > 3.5 * RATE

    def test_a_movie_without_sound(self) -> None:
        """A container without an audio track says so."""
        file = io.BytesIO()
        with av.open(file, "w", format="webm") as out:
            stream = out.add_stream("libvpx", rate=10)
            stream.width = stream.height = 16
            out.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
            out.mux(stream.encode(None))
        with pytest.raises(BadAudio, match="audio track"):
            decode(file.getvalue())

    @settings(deadline=None, max_examples=60)
    @given(
        sign=st.sampled_from(
            [b"\x1aE\xdf\xa3", b"OggS", b"fLaC", b"ID3", b"\0\0\0\x18ftypmp42", b"\xff\xfb\x90\x64", b"\xff\xf1P\x80"]
        ),
        noise=st.binary(max_size=400),
    )
    def test_noise_behind_any_sign(self, sign: bytes, noise: bytes) -> None:
        """Whatever follows a signature ends in sound or in an error of ours."""
        with contextlib.suppress(BadAudio, TooLarge):
            assert decode(sign + noise)

    def test_missing_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the extra the error names it, and WAV and raw PCM are read as before."""
        data = recorded("webm", "libopus")
        monkeypatch.setitem(sys.modules, "av", None)
        with pytest.raises(UnsupportedFormat, match=r"segue\[codecs\]"):
            decode(data)
        assert decode(riff(form(), (b"data", PCM))) == PCM


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b"", "empty"),
            (b"<!doctype html><p>Sign in", "HTML"),
            (b'{"error": "quota"}', "JSON"),
            (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "text"),
            ("Просто текст".encode(), "text"),
            (("Довгий текст. " * 90).encode(), "text"),
            (b"\x89PNG\r\n\x1a\n" + bytes(99), "picture"),
            (bytes(range(256)), "256 bytes"),
        ],
    )
    def test_what_was_found_is_said(self, data: bytes, found: str) -> None:
        """What is no audio is named, and what would be accepted is listed; playlists are never followed."""
        with pytest.raises(BadAudio, match=found) as raised:
            decode(data)
        assert "Send WAV" in raised.value.message

    @pytest.mark.parametrize("container", ["raw", "wav", "flac", "ogg"])
    def test_length_is_bounded(self, container: str) -> None:
        """A small upload that unpacks to a long recording is refused; one of just the longest length is not."""
        for seconds, fits in ((2, True), (3, False)):
            pcm = bytes(2 * RATE * seconds)
            data = {
                "raw": lambda pcm=pcm: pcm,
                "wav": lambda pcm=pcm: encode_whole(pcm, "wav", RATE),
                "flac": lambda pcm=pcm: encode_whole(pcm, "flac", RATE),
                "ogg": lambda pcm=pcm: encode_whole(pcm, "opus", RATE),
            }[container]()
            if fits:
                assert len(decode(data, content_type="audio/pcm;rate=16000", max_s=2.1)) == len(pcm)
            else:
                with pytest.raises(TooLarge, match=r"2\.1 s"):
                    decode(data, content_type="audio/pcm;rate=16000", max_s=2.1)

    def test_signs(self) -> None:
        """MPEG audio is told from AAC by its layer, and two set bytes of PCM from either."""
        assert sniff(b"\xff\xfb\x90\x64") == "mp3"
        assert sniff(b"\xff\xf1\x50\x80") == "aac"
        assert sniff(b"\xff\xff\xff\xff") is None
        assert sniff(b"\xff\xfb") is None
