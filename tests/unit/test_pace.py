"""What is learnt of how fast a voice speaks, and how a cut sentence is told by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.voice.pace import CUT_SHARE, KEPT_SAMPLES, LEAST_LETTERS, LEAST_SAMPLES, VOICES, Paces, letters, longest_ms
from segue.voice.soundness import Flaw

VOICE = ("piper", "amy", "en")
TEXT = "x" * 50


def taught(pace_ms: float = 60.0, times: int = LEAST_SAMPLES, speed: float = 1.0) -> Paces:
    """Paces of a voice that took so long a letter, at this speed, so many times."""
    paces = Paces()
    for _ in range(times):
        paces.learn(VOICE, TEXT, pace_ms * len(TEXT), speed)
    return paces


@pytest.mark.parametrize(("text", "count"), [("Hi, you 2!", 6), ("Привіт — 你好。", 8), ("… 👍", 0), ("", 0)])
def test_letters_and_digits_take_time_to_say(text: str, count: int) -> None:
    """Letters and digits of any script count; spaces, marks and pictures do not."""
    assert letters(text) == count


def test_nothing_is_said_of_a_voice_before_enough_was_heard() -> None:
    """A pace is known from eight sentences on, and says nothing about other voices or languages."""
    assert taught(times=LEAST_SAMPLES - 1).of(VOICE) is None
    paces = taught()
    assert paces.of(VOICE) == pytest.approx(60.0)
    assert paces.of(("piper", "amy", "uk")) is None
    assert paces.of(("kokoro", "amy", "en")) is None


def test_short_sentences_teach_nothing() -> None:
    """A sentence of a few letters is mostly pauses: it neither teaches nor is judged; nor does one without audio."""
    paces = Paces()
    for _ in range(LEAST_SAMPLES * 2):
        paces.learn(VOICE, "x" * (LEAST_LETTERS - 1), 9000.0)
        paces.learn(VOICE, TEXT, 0.0)
        paces.learn(VOICE, TEXT, -1.0)
    assert paces.of(VOICE) is None
    assert taught().brevity(VOICE, "x" * (LEAST_LETTERS - 1), 1.0) is None


def test_one_odd_sentence_changes_little() -> None:
    """The pace is the middle of what was heard: a sentence that took ten times as long does not move it."""
    paces = taught()
    paces.learn(VOICE, TEXT, 600.0 * len(TEXT))
    assert paces.of(VOICE) == pytest.approx(60.0)


def test_a_voice_that_changes_is_followed() -> None:
    """Only the latest sentences count: a voice that has become slower has the new pace after as many as are kept."""
    paces = taught(times=KEPT_SAMPLES)
    for _ in range(KEPT_SAMPLES):
        paces.learn(VOICE, TEXT, 90.0 * len(TEXT))
    assert paces.of(VOICE) == pytest.approx(90.0)


@given(taught_at=st.floats(0.25, 4.0), asked_at=st.floats(0.25, 4.0))
def test_pace_scales_with_speed(taught_at: float, asked_at: float) -> None:
    """What was learnt at one speed is used at any other: twice as fast takes half as long."""
    paces = taught(60.0 / taught_at, speed=taught_at)
    assert paces.of(VOICE, asked_at) == pytest.approx(60.0 / asked_at)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_cut_sentence_is_told_by_the_voices_own_pace(speed: float) -> None:
    """Under six tenths of what the voice needs the audio was cut; the reason has both lengths."""
    paces, due_ms = taught(), 60.0 * len(TEXT) / speed
    assert paces.brevity(VOICE, TEXT, CUT_SHARE * due_ms + 1.0, speed) is None
    finding = paces.brevity(VOICE, TEXT, CUT_SHARE * due_ms - 1.0, speed)
    assert finding is not None
    assert finding.flaw is Flaw.SHORT
    assert f"{CUT_SHARE * due_ms - 1.0:.0f} ms" in finding.reason
    assert f"{due_ms:.0f} ms" in finding.reason


def test_an_unknown_voice_is_given_the_benefit_of_the_doubt() -> None:
    """Without a pace nothing is found too short here."""
    assert taught(times=LEAST_SAMPLES - 1).brevity(VOICE, TEXT, 1.0) is None


def test_memory_is_bounded() -> None:
    """Of very many voices the ones used last are remembered, and one that stays in use is not forgotten."""
    paces = taught()
    for number in range(VOICES + 10):
        paces.learn(("piper", str(number), "en"), TEXT, 3000.0)
        if number % 100 == 0:
            paces.learn(VOICE, TEXT, 3000.0)
    assert paces.of(VOICE) == pytest.approx(60.0)
    assert len(paces._samples) == VOICES


@pytest.mark.parametrize("language", ["en", "uk", "zh", "zh-TW"])
@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
def test_a_slow_voice_is_never_taken_for_an_endless_one(language: str, speed: float) -> None:
    """Three times as long as the slowest reading is allowed at any speed; ten minutes for a short sentence are not."""
    slowest_ms = 400.0 if language.startswith("zh") else 111.0
    assert longest_ms(TEXT, language, speed) > 3 * slowest_ms * len(TEXT) / speed
    assert longest_ms("Hi.", language, speed) < 60_000
    assert longest_ms("", language, speed) == 10_000
