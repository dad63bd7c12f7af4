"""Audio values, the resampler and the shaper, on generated sound."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.voice import audio
from segue.voice.audio import SAMPLE_RATE, Resampler, Shaper, loudness_dbfs, milliseconds, pause_ms, peak, silence


def tone(duration_ms: float, rate: int = SAMPLE_RATE, hz: float = 440.0, level: float = 0.3) -> bytes:
    """A sine of a whole number of samples."""
    t = np.arange(round(duration_ms * rate / 1000)) / rate
    return np.rint(32_767 * level * np.sin(2 * math.pi * hz * t)).astype("<i2").tobytes()


def fed(machine: Resampler | Shaper, pcm: bytes, sizes: list[int]) -> bytes:
    """What comes out when `pcm` is fed in pieces of these sizes, over and over; without the end."""
    out, place, turns = b"", 0, itertools.cycle(sizes)
    while place < len(pcm):
        size = next(turns)
        out += machine.feed(pcm[place : place + size])
        place += size
    return out


def first_sound_ms(pcm: bytes) -> float:
    """Where the first sample stands that is not small."""
    return float(np.flatnonzero(np.abs(audio.samples(pcm).astype(int)) > 1000)[0]) * 1000 / SAMPLE_RATE


SIZES = st.lists(st.integers(1, 3000), min_size=1, max_size=8)


class TestValues:
    def test_duration(self) -> None:
        """A second is 48 000 bytes at 24 kHz, and a half sample has no length."""
        assert milliseconds(bytes(48_000)) == 1000
        assert milliseconds(bytes(48_001)) == 1000
        assert milliseconds(bytes(320), 16_000) == 10
        assert milliseconds(silence(123.0)) == 123.0

    def test_levels(self) -> None:
        """A full-scale sine is at -3 dBFS, silence and nothing are at the floor, an offset does not count."""
        assert loudness_dbfs(tone(1000, level=1.0)) == pytest.approx(-3.01, abs=0.02)
        assert loudness_dbfs(b"") == loudness_dbfs(silence(50)) == audio.FLOOR_DBFS
        offset = (audio.samples(tone(1000, level=0.1)) + 5000).astype("<i2").tobytes()
        assert loudness_dbfs(offset) == pytest.approx(-23.01, abs=0.02)

    def test_peak(self) -> None:
        """The most negative sample is 1.0 of full scale and no arithmetic overflows on it."""
        assert peak(np.array([-32_768, 5], dtype="<i2").tobytes()) == 1.0
        assert peak(b"") == 0.0


class TestResampler:
    @pytest.mark.parametrize("source", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
    @settings(deadline=None, max_examples=15)
    @given(count=st.integers(0, 9000), sizes=SIZES, odd=st.booleans())
    def test_keeps_every_sample(self, source: int, count: int, sizes: list[int], odd: bool) -> None:
        """However the stream is cut, in the middle of a sample too, as many samples come out as the rates demand."""
        machine = Resampler(source)
        out = fed(machine, bytes(2 * count + odd), sizes)
        out += machine.flush()
        assert len(out) % 2 == 0
        assert abs(len(out) // 2 - round(count * SAMPLE_RATE / source)) <= 1

    @pytest.mark.parametrize("level", [0.0005, 0.3, 1.0])
    def test_cuts_do_not_change_the_sound(self, level: float) -> None:
        """The output depends to the bit on what was fed, and not on where it was cut."""
        pcm = tone(300, 22_050, level=level)
        outs = []
        for sizes in ([len(pcm)], [1], [333, 7]):
            machine = Resampler(22_050)
            out = fed(machine, pcm, sizes)
            out += machine.flush()
            outs.append(out)
        assert outs[0] == outs[1] == outs[2]

    def test_full_scale_does_not_wrap_around(self) -> None:
        """What overshoots between the samples is held at full scale; it does not come out on the other side."""
        square = np.repeat(np.array([32_767, -32_768] * 50, dtype="<i2"), 20).tobytes()
        machine = Resampler(22_050)
        out = audio.samples(machine.feed(square) + machine.flush()).astype(int)
        assert (out.max(), out.min()) == (32_767, -32_768)
        assert np.count_nonzero(np.diff(np.sign(out))) == 99

    @pytest.mark.parametrize(("source", "limit_ms"), [(22_050, 5), (16_000, 25), (44_100, 25), (48_000, 25)])
    def test_first_output_is_prompt(self, source: int, limit_ms: int) -> None:
        """The first output comes after at most 5 ms of input from 22 050 Hz and 25 ms from the other usual rates."""
        machine, pcm = Resampler(source), tone(200, source)
        step = 2 * (source // 1000)
        fed_ms = next(k + 1 for k in range(200) if machine.feed(pcm[k * step : (k + 1) * step]))
        assert fed_ms <= limit_ms + 1

    def test_pitch_stays(self) -> None:
        """A tone has the same frequency and level at the new rate."""
        machine = Resampler(22_050)
        out = machine.feed(tone(1000, 22_050, hz=3000))
        out += machine.flush()
        spectrum = np.abs(np.fft.rfft(audio.samples(out).astype(float)))
        assert np.argmax(spectrum) * SAMPLE_RATE / (len(out) // 2) == pytest.approx(3000, abs=2)
        assert loudness_dbfs(out) == pytest.approx(loudness_dbfs(tone(1000, hz=3000)), abs=0.1)


class TestPause:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Добре.", audio.SENTENCE_PAUSE_MS),
            ("«Правда?» ", audio.SENTENCE_PAUSE_MS),
            ("好的。”", audio.SENTENCE_PAUSE_MS),
            ("Wait...", audio.CLAUSE_PAUSE_MS),
            ("Ну…", audio.CLAUSE_PAUSE_MS),
            ("First;", audio.CLAUSE_PAUSE_MS),
            ("однако,", audio.COMMA_PAUSE_MS),
            ("苹果、", audio.COMMA_PAUSE_MS),
            ("cut in the middle", audio.OPEN_PAUSE_MS),
            ("", audio.OPEN_PAUSE_MS),
        ],
    )
    def test_punctuation_decides(self, text: str, expected: float) -> None:
        """The closing punctuation decides, looked for behind quotes and brackets, in every language."""
        assert pause_ms(text) == expected

    def test_no_pause_at_the_end(self) -> None:
        """Nothing waits after the last sentence, and faster speech pauses for less."""
        assert pause_ms("Done.", last=True) == 0
        assert pause_ms("Done.", speed=2.0) == audio.SENTENCE_PAUSE_MS / 2


class TestShaper:
    def test_leading_silence_becomes_a_preroll(self) -> None:
        """Half a second of silence becomes 15 ms, nothing leaves before, and the caller can see when sound begins."""
        shaper = Shaper()
        assert shaper.feed(silence(500)) == b""
        assert not shaper.audible
        out = shaper.feed(tone(200))
        assert shaper.audible
        assert first_sound_ms(out) == pytest.approx(audio.PREROLL_MS, abs=audio.WINDOW_MS)
        assert shaper.trimmed_ms == 500 - audio.PREROLL_MS

    def test_sound_from_the_start_is_untouched(self) -> None:
        """Where nothing is trimmed nothing fades in: the first samples are those of the provider."""
        pcm = tone(200)
        assert Shaper().feed(pcm) == pcm[: len(pcm) - 2 * 240]

    def test_an_offset_is_silence(self) -> None:
        """A constant offset is not heard, so it does not count as the beginning."""
        shaper = Shaper()
        assert shaper.feed(np.full(24_000, 3000, dtype="<i2").tobytes()) == b""
        assert not shaper.audible

    @pytest.mark.parametrize("trailing_ms", [0, 100, 350, 900])
    def test_the_end_is_the_pause_asked_for(self, trailing_ms: int) -> None:
        """Whether the provider adds no silence or a lot, the sentence ends with the pause it was given."""
        shaper = Shaper(350)
        out = shaper.feed(tone(400) + silence(trailing_ms))
        out += shaper.finish()
        assert milliseconds(out) == pytest.approx(750, abs=audio.WINDOW_MS)

    def test_the_last_sentence_ends_soon(self) -> None:
        """Without a pause only the short tail stays that a soft consonant needs."""
        shaper = Shaper()
        out = shaper.feed(tone(400) + silence(700))
        out += shaper.finish()
        assert milliseconds(out) == pytest.approx(400 + audio.POSTROLL_MS, abs=audio.WINDOW_MS)

    def test_inner_silence_stays(self) -> None:
        """A silence inside the sentence keeps its full length, though it was held back for a while."""
        shaper = Shaper(100)
        first = shaper.feed(tone(200) + silence(600))
        assert milliseconds(first) == pytest.approx(300, abs=15)
        out = first + shaper.feed(tone(200))
        out += shaper.finish(0)
        assert milliseconds(out) == pytest.approx(1000, abs=audio.WINDOW_MS)

    def test_endless_silence_is_bounded(self) -> None:
        """A provider that sends silence for ever fills no memory; what it says afterwards is still heard."""
        shaper = Shaper()
        out = shaper.feed(tone(100))
        for _ in range(60):
            out += shaper.feed(silence(1000))
        out += shaper.feed(tone(100))
        out += shaper.finish()
        assert milliseconds(out) <= 200 + audio.HELD_S * 1000 + 100
        assert milliseconds(out) >= 200 + audio.HELD_S * 1000 - 100

    def test_silence_alone_is_nothing(self) -> None:
        """A sentence without one audible window yields no bytes, not even its pause."""
        shaper = Shaper(350)
        assert shaper.feed(silence(2000)) + shaper.finish() == b""

    def test_a_sound_in_the_last_cut_window_is_heard(self) -> None:
        """Sound shorter than a window, at the very end, is not lost."""
        shaper = Shaper()
        out = shaper.feed(silence(100) + tone(3))
        out += shaper.finish()
        assert shaper.audible
        assert peak(out) > 0.05

    def test_edges_do_not_click(self) -> None:
        """Where noise was cut off the first and the last sample are almost silent."""
        rng = np.random.default_rng(3)
        noise = rng.integers(-60, 60, 12_000).astype("<i2").tobytes()
        shaper = Shaper()
        out = shaper.feed(noise + tone(300) + noise)
        out += shaper.finish()
        assert abs(int(audio.samples(out)[0])) <= 1
        assert abs(int(audio.samples(out)[-1])) <= 1

    @settings(deadline=None, max_examples=60)
    @given(
        parts=st.lists(st.tuples(st.booleans(), st.integers(1, 400)), max_size=6),
        sizes=SIZES,
        pause=st.sampled_from([0, 60, 350]),
    )
    def test_cuts_do_not_matter(self, parts: list[tuple[bool, int]], sizes: list[int], pause: int) -> None:
        """The shaped sentence is the same however its audio was cut, inside a sample too."""
        pcm = b"".join(tone(length) if loud else silence(length) for loud, length in parts)
        whole, cut = Shaper(pause), Shaper(pause)
        expected = whole.feed(pcm)
        expected += whole.finish()
        got = fed(cut, pcm, sizes)
        got += cut.finish()
        assert got == expected
        assert cut.trimmed_ms == whole.trimmed_ms

    def test_delay_while_speaking(self) -> None:
        """While it speaks, no more than 15 ms are kept inside."""
        shaper, sent, pcm = Shaper(350), 0, tone(500)
        for place in range(0, len(pcm), 100):
            sent += len(shaper.feed(pcm[place : place + 100]))
            assert milliseconds(bytes(min(len(pcm), place + 100) - sent)) <= 15
