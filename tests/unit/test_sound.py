"""What is measured of a sound, and who is told apart by it: with sounds whose every figure is known.

The limits of `segue.operations.listening.voiceprint` were measured on the 40 embedded voices (eSpeak NG 1.52, 400 takes
of the texts of `segue.operations.listening.phrases` and of 16 others), through the server, in steps of distance:

    one voice, one text                0.15 at most
    one voice, two of our phrases      1.2 at most, 0.8 for nine in ten
    other voice, one text              0.38 at least: one speaker with a British and an American accent
    other speaker, one text            0.61 at least; 1.0 and more for all but the pairs that share their vocal tract
"""

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from segue.operations.listening.phrases import PHRASES, SENTENCES, WORDS, phrase
from segue.operations.listening.sound import LIMITS, Sound, flaws, measure
from segue.operations.listening.voiceprint import SAME_SPEAKER, SAME_TAKE, Voiceprint, distance, from_dict, voiceprint
from segue.operations.report import Level

RATE = 24_000
TEXT = "a text of some forty letters that takes its time to say"
Wave = npt.NDArray[np.float64]


def vowels(pitch_hz: float = 110.0, formant_hz: float = 500.0, seconds: float = 3.0, peak: float = 0.3) -> Wave:
    """A hum with syllables: harmonics of a pitch under one formant, four times a second swelling and dying away."""
    at = np.arange(round(seconds * RATE)) / RATE
    wave = np.zeros(len(at))
    for number in range(1, int(7000 / pitch_hz)):
        gain = 1 / (1 + ((number * pitch_hz - formant_hz) / 200) ** 2) + 0.02
        wave += gain * np.sin(2 * np.pi * number * pitch_hz * at + number)
    syllables = np.sin(np.pi * 4 * at) ** 2
    wave *= syllables
    return np.asarray(wave / np.abs(wave).max() * peak)


def pcm(wave: Wave) -> bytes:
    """A wave as 16-bit PCM."""
    return np.clip(np.rint(wave * 32_767), -32_768, 32_767).astype("<i2").tobytes()


def silence(milliseconds: float) -> Wave:
    """Nothing, for so long."""
    return np.zeros(round(milliseconds * RATE / 1000))


def found(wave: Wave, text: str = TEXT) -> dict[str, Level]:
    """The flaws of a wave by name, and how grave each is."""
    data = pcm(wave)
    mark = voiceprint(data, RATE)
    share = mark.voiced_share if mark is not None else None
    return {flaw.name: flaw.level for flaw in flaws(measure(data, RATE), text, "en", voiced_share=share)}


def test_sound_speech_has_no_flaw() -> None:
    """A voice with syllables that ends softly is as it should be."""
    assert found(vowels()) == {}


@pytest.mark.parametrize(
    ("flaw", "level", "wave"),
    [
        ("silent", Level.FAIL, silence(3000)),
        ("silent", Level.FAIL, vowels(peak=0.002)),
        ("quiet", Level.FAIL, vowels(peak=0.02)),
        ("loud", Level.FAIL, np.sign(vowels()) * 0.99),
        ("clipped", Level.FAIL, np.clip(vowels() * 6, -1, 1)),
        ("offset", Level.FAIL, vowels() + 0.1),
        ("leading", Level.FAIL, np.concatenate((silence(2600), vowels()))),
        ("trailing", Level.WARN, np.concatenate((vowels(), silence(1000)))),
        ("pause", Level.WARN, np.concatenate((vowels(), silence(1000), vowels()))),
        ("short", Level.FAIL, vowels(seconds=1.25)),
        ("long", Level.FAIL, vowels(seconds=33)),
        ("cut", Level.FAIL, np.concatenate((vowels(seconds=2.6), vowels(peak=0.9, seconds=0.125)))),
        ("voiceless", Level.FAIL, np.random.default_rng(1).normal(0, 0.1, 3 * RATE)),
    ],
)
def test_what_is_wrong_is_found(flaw: str, level: Level, wave: Wave) -> None:
    """Each thing that can be wrong with a sound is told by its name, and as grave as it is."""
    assert found(wave).get(flaw) == level


def test_packets_that_did_not_come_are_counted() -> None:
    """Exact silence put into the middle of sound is a dropout; a pause that the voice makes itself is none."""
    wave = vowels()
    for at in (0.36, 1.37, 2.36):
        wave[round(at * RATE) : round((at + 0.02) * RATE)] = 0
    assert measure(pcm(wave), RATE).dropouts == 3
    assert found(wave)["dropouts"] == Level.FAIL
    assert measure(pcm(np.concatenate((vowels(), silence(300), vowels()))), RATE).dropouts == 0


def test_tears_are_found_after_a_conversion() -> None:
    """Another rate fills the silence of a tear with ripples: they are found all the same, and none in speech."""
    whole = vowels(pitch_hz=250.0)
    torn = whole.copy()
    for peak in (0.375, 0.875, 1.375, 2.375):
        torn[round((peak - 0.005) * RATE) : round((peak + 0.005) * RATE)] = 0
    converted = [soxr.resample(each, RATE, 22_050) for each in (whole, torn)]
    assert [measure(pcm(each), 22_050).dropouts for each in converted] == [0, 4]


def test_loudness_leaves_pauses_out() -> None:
    """A sine has the level that it has, whatever silence stands beside it; its offset is no part of it."""
    at = np.arange(RATE) / RATE
    sine = 0.5 * np.sin(2 * np.pi * 440 * at)
    padded = measure(pcm(np.concatenate((silence(500), sine + 0.0, silence(500)))), RATE)
    assert padded.loudness_dbfs == pytest.approx(-9.03, abs=0.1)
    assert (padded.leading_ms, padded.trailing_ms) == (500.0, 500.0)
    assert padded.duration_ms == 2000.0


def test_nothing_is_measured_of_nothing() -> None:
    """Audio without a sample is silent, and has no print."""
    assert isinstance(measure(b"", RATE), Sound)
    assert [flaw.name for flaw in flaws(measure(b"", RATE), TEXT, "en")] == ["silent"]
    assert voiceprint(b"", RATE) is None
    assert voiceprint(bytes(2 * RATE), RATE) is None


@pytest.mark.parametrize("pitch_hz", [80.0, 110.0, 200.0, 320.0])
def test_the_pitch_is_that_of_the_voice(pitch_hz: float) -> None:
    """The fundamental is found within a hundredth, and not its half or its double."""
    mark = voiceprint(pcm(vowels(pitch_hz)), RATE)
    assert mark is not None
    assert mark.pitch_hz == pytest.approx(pitch_hz, rel=0.01)


def test_voices_are_told_apart_and_recognized() -> None:
    """Louder or later, a voice is the same; higher, or with another vocal tract, it is another."""
    marks = [
        voiceprint(pcm(wave), RATE)
        for wave in (
            vowels(),
            np.concatenate((silence(130), vowels(peak=0.15))),
            vowels(pitch_hz=130),
            vowels(formant_hz=900),
        )
    ]
    voice, again, higher, other = (mark for mark in marks if mark is not None)
    assert distance(voice, voice) == 0
    assert distance(voice, again) < SAME_TAKE
    assert distance(voice, higher) > SAME_SPEAKER
    assert distance(voice, other) > SAME_SPEAKER
    assert distance(voice, other) == distance(other, voice)


def test_a_print_survives_being_written_down() -> None:
    """What is read back is, within its rounding, what was written; anything else is no print."""
    mark = voiceprint(pcm(vowels()), RATE)
    assert mark is not None
    again = from_dict(mark.as_dict())
    assert isinstance(again, Voiceprint)
    assert distance(mark, again) < 0.01
    assert from_dict({}) is None
    assert from_dict(mark.as_dict() | {"spectrum_db": [1.0]}) is None


def test_limits_are_in_order() -> None:
    """No failure comes before its warning."""
    for name in ("edge_silence_ms", "inner_silence_ms", "clipped_share", "offset_share", "tail_db", "dropouts"):
        warned, failed = getattr(LIMITS, name)
        assert warned < failed
    for name in ("quiet_dbfs", "hurried_share", "voiced_share"):
        warned, failed = getattr(LIMITS, name)
        assert warned > failed


@pytest.mark.parametrize("language", list(SENTENCES))
def test_phrases_are_new_each_time(language: str) -> None:
    """Different numbers are different sentences, of three words that the language has once."""
    assert len(set(WORDS[language])) == 32
    drawn = [phrase(language, number) for number in range(0, PHRASES, PHRASES // 2000)]
    assert len(set(drawn)) == len(drawn)
    assert phrase(language, 5) == phrase(language, PHRASES + 5)
    assert PHRASES > 2_000_000
