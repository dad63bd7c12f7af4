"""Going on where a provider broke off: nothing is missed, and what a model repeats is dropped."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.voice.resumption import SHORTEST, Overlap, remainder

TEXT = "The quick brown fox jumps over the lazy dog, and the dog sleeps on."
WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=30).map(" ".join)


def letters(text: str) -> int:
    """Letters and digits."""
    return sum(character.isalnum() for character in text)


@given(WORDS, st.floats(0, 20_000), st.floats(20, 200))
def test_no_word_is_missed(text: str, heard_ms: float, ms_per_character: float) -> None:
    """The rest begins with a word that was not surely heard to its end, and reaches to the end of the sentence."""
    rest = remainder(text, "en", heard_ms, ms_per_character)
    assert text.endswith(rest)
    assert rest
    before = text[: len(text) - len(rest)]
    assert before == "" or before.endswith(" ")
    assert letters(before) <= heard_ms / ms_per_character


@given(WORDS, st.floats(0, 20_000))
def test_without_a_pace_the_slowest_one_is_assumed(text: str, heard_ms: float) -> None:
    """A voice that was never measured is taken for a slow one, so that it cannot have said less than is thought."""
    rest = remainder(text, "en", heard_ms)
    assert letters(text) - letters(rest) <= heard_ms / 1000 * 9


@pytest.mark.parametrize(
    ("heard_ms", "rest"),
    [(0, TEXT), (200, TEXT), (400, TEXT[4:]), (1400, TEXT[20:]), (2500, TEXT[35:]), (60_000, "on.")],
)
def test_a_sentence_is_taken_up_at_a_word(heard_ms: float, rest: str) -> None:
    """At 70 ms a letter, of which 85 % is believed."""
    assert remainder(TEXT, "en", heard_ms, 70.0) == rest


def test_chinese_is_taken_up_at_a_character() -> None:
    """Chinese has no spaces to go by; punctuation is never what a sentence is taken up with."""
    assert remainder("今天天气很好，我们去公园吧。", "zh", 1000.0, 200.0) == "很好，我们去公园吧。"
    assert remainder("今天天气很好，我们去公园吧。", "zh", 60_000.0, 200.0) == "吧。"


def fed(spoken: str, reply: str, size: int = 3) -> str:
    """What is new in a reply that comes in tokens."""
    overlap = Overlap(spoken)
    pieces = [overlap.push(reply[at : at + size]) for at in range(0, len(reply), size)]
    return "".join(pieces) + overlap.flush()


SPOKEN = "Kyiv lies on the river Dnipro. It has about three million people. "


@pytest.mark.parametrize("size", [1, 3, 7, 500])
@pytest.mark.parametrize(
    ("reply", "new"),
    [
        (SPOKEN + "Many of them use the metro.", "Many of them use the metro."),
        ("It has about three million people. Many use it.", "Many use it."),
        ("it has about three million people! Many use it.", "Many use it."),
        ("about three million people. Many use it.", "Many use it."),
        ("Many of them use the metro.", "Many of them use the metro."),
        ("Kyiv also has a funicular.", "Kyiv also has a funicular."),
        ("It has a funicular too.", "It has a funicular too."),
        ("people who live there use the metro.", "people who live there use the metro."),
        (SPOKEN, ""),
        ("", ""),
    ],
)
def test_what_is_repeated_is_dropped(reply: str, new: str, size: int) -> None:
    """All of what was said, or its last words, are dropped from the continuation; anything else is kept whole."""
    assert fed(SPOKEN, reply, size) == new


CHINESE = "基辅位于第聂伯河畔。这里有三百万人。"


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("reply", "new"),
    [
        (CHINESE + "很多人坐地铁。", "很多人坐地铁。"),
        ("这里有三百万人。很多人坐地铁。", "很多人坐地铁。"),
        ("三百万人，很多人坐地铁。", "很多人坐地铁。"),
        ("人们坐地铁。", "人们坐地铁。"),
        ("万人空巷。", "万人空巷。"),
    ],
)
def test_a_chinese_sentence_is_a_repetition_although_it_is_short(reply: str, new: str, size: int) -> None:
    """Four characters of Chinese are too many for chance, where four letters are not."""
    assert fed(CHINESE, reply, size) == new


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("reply", ["Kyiv.", "Million!", "people."])
def test_a_short_answer_is_not_lost_because_its_words_were_used_before(reply: str, size: int) -> None:
    """A continuation of a word or two is new, wherever its letters stood in what was said."""
    assert fed(SPOKEN, reply, size) == reply


def test_letters_that_fold_into_two_are_counted_once() -> None:
    """What is dropped is measured in letters as they are written."""
    assert fed("Die Straße ist groß und naß.", "Die Straße ist groß und naß. Ja.") == "Ja."


def test_a_long_reply_that_is_repeated_does_not_hold_up_the_others() -> None:
    """Thirty thousand letters are compared in the time of a few frames, not with every token anew."""
    spoken = " ".join(f"Sentence number {number} says something else." for number in range(900))
    began = time.perf_counter()
    assert fed(spoken, spoken + " The end.", 6) == "The end."
    assert time.perf_counter() - began < 5.0


@given(st.text("ab c.", min_size=0, max_size=60), st.text("ab c.", max_size=60), st.integers(1, 20))
def test_only_repetition_is_ever_dropped(spoken: str, reply: str, size: int) -> None:
    """What is left is the end of the reply, and what is gone is the end of what was said or all of a short rest."""
    new = fed(spoken, reply, size)
    assert reply.endswith(new)
    gone = "".join(character for character in reply[: len(reply) - len(new)] if character.isalnum())
    said = "".join(character for character in spoken if character.isalnum())
    assert gone in said
    if new.strip() and gone:
        assert said.endswith(gone)
        assert len(gone) >= SHORTEST or gone == said
