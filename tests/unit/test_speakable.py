"""Speakable text: what is written and what is said, line by line, and what holds for every text."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.voice.speakable import SpeakableStream, speakable

CORPUS = Path(__file__).parents[1] / "corpus" / "speakable"
LANGUAGES = ("en", "ru", "uk", "zh")
LEAST_LINES = {"en": 150, "ru": 150, "uk": 150, "zh": 60}
MARKUP = set("*_`#~|<>[]{}\\^@=")


def cases(language: str) -> list[tuple[str, list[str]]]:
    """The written text and the right answers of every line of a corpus."""
    lines = (CORPUS / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" => ") for line in lines if " => " in line]
    return [(written.replace("\\n", "\n"), spoken) for written, *spoken in rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_corpus_is_said_right(language: str) -> None:
    """What a careful native reader would say is what comes out."""
    wrong = [
        (written, said, spoken)
        for written, spoken in cases(language)
        if (said := speakable(written, language)) not in spoken
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_corpus_is_large_enough(language: str) -> None:
    """A corpus that shrank would prove less without anyone noticing."""
    assert len(cases(language)) >= LEAST_LINES[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_unspeakable_is_left(language: str) -> None:
    """No digit, no markup and no emoji leaves, whatever came in."""
    for written, _ in cases(language):
        said = speakable(written, language)
        assert not any(char.isdigit() for char in said), said
        assert not MARKUP & set(said), said
        assert not any(unicodedata.category(char) in ("So", "Co", "Cc", "Cf") for char in said), said


@pytest.mark.parametrize("language", LANGUAGES)
def test_saying_twice_changes_nothing(language: str) -> None:
    """What is already speakable stays as it is."""
    for written, _ in cases(language):
        said = speakable(written, language)
        assert speakable(said, language) == said


PLAIN_WORDS = {
    "en": "the cat sat on warm stones while rain fell over quiet green hills and nobody spoke again",
    "uk": "кіт сидів на теплому камені доки дощ падав понад тихі зелені пагорби і ніхто більше не говорив",
    "ru": "кот сидел на тёплом камне пока дождь падал над тихими зелёными холмами и никто больше не говорил",
}
NOISE = ["*", "**", "_", "`", "~", "|", "<", ">", "[", "]", "(", ")", "#", "-", "—", "!", "?", "…", "\n", "\n\n",
         "1", "2.5", "10:30", "$5", "50%", "😀", "✅", "&", "&amp;", "\u200b", "\u00a0", "+", "=", "/", "\\", "x",
         "№ 3", "1/2", "5–10", "21.11.2026", "http://example.com", "a@b.co", "```", "- ", "> ", "<b>", "</b>",
]  # fmt: skip


@pytest.mark.parametrize("language", PLAIN_WORDS)
@given(data=st.data())
def test_no_word_is_eaten(language: str, data: st.DataObject) -> None:
    """Plain words come out whole and in order, whatever signs stand between them."""
    words = data.draw(st.lists(st.sampled_from(PLAIN_WORDS[language].split()), min_size=1, max_size=12))
    harmless = [sign for sign in NOISE if sign not in ("~", "```", "<", "[")]
    signs = [data.draw(st.sampled_from(["", ",", ".", *harmless])) for _ in words]
    said = speakable(" ".join(f"{word} {sign}" for word, sign in zip(words, signs, strict=True)), language)
    place = 0
    for word in words:
        found = said.casefold().find(word, place)
        assert found >= 0, (word, said)
        place = found + len(word)


anything = st.lists(
    st.one_of(
        st.sampled_from(NOISE),
        st.sampled_from(["слово", "word", "字", "5", "km", "км", "грн", " ", "."]),
        st.text(max_size=4),
    )
).map("".join)


@pytest.mark.parametrize("language", [*LANGUAGES, "de"])
@given(text=anything)
def test_no_text_breaks_it(language: str, text: str) -> None:
    """Any text is spoken without an error, without a digit where numbers are known, and without markup."""
    said = speakable(text, language)
    assert not set("*_`#~|<>[]{}\\^") & set(said)
    if language != "de":
        assert not any(char.isdigit() for char in said), (text, said)


@pytest.mark.parametrize("language", LANGUAGES)
@given(text=anything)
def test_it_is_idempotent(language: str, text: str) -> None:
    """Saying what is already said changes nothing, for any text."""
    said = speakable(text, language)
    assert speakable(said, language) == said


def test_a_stream_remembers_the_fence() -> None:
    """Code that spans sentences is announced once and not read."""
    stream = SpeakableStream("en")
    pieces = ["Look:\n```python\n", "print('a. B')\n", "x = 1\n```\n", "Done."]
    assert [stream.push(piece) for piece in pieces] == ["Look: code example", "", "", "Done."]


def test_a_stream_remembers_reasoning() -> None:
    """Reasoning that spans sentences is not read, and the answer behind it is."""
    stream = SpeakableStream("uk")
    assert [stream.push(piece) for piece in ("<think>Подумаю. ", "Ще раз.</think>Так, ", "5 хв.")] == [
        "",
        "Так,",
        "п'ять хвилин.",
    ]


def test_a_fence_of_prose_is_read() -> None:
    """A fence that says it holds text holds words for the listener."""
    assert speakable("```text\nRoses are red\n```", "en") == "Roses are red"


def test_an_unknown_language_keeps_its_numbers() -> None:
    """Without rules for a language only markup goes; signs and digits reach the engine."""
    assert speakable("**Es kostet** 5 € + [mehr](https://a.b)", "de") == "Es kostet 5 € + mehr"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_in_nothing_out(language: str) -> None:
    """Empty text, blanks and mere decoration say nothing."""
    for text in ("", " \n\t", "---", "***", "😀🎉", "```", "\u200b"):
        assert speakable(text, language) in ("", speakable("```", language))
    assert speakable("😀", language) == ""


@pytest.mark.parametrize(
    "unit", ["[", "*", "|", "<", "`", "_a ", "7", "1 ", "[a](", "<a ", "$", "(", "\n", "~~a", "1,", "~"]
)
def test_long_hostile_text_comes_through(unit: str) -> None:
    """Twenty thousand tempting characters break nothing and leave no markup and no digit."""
    said = speakable((unit * 20_000)[:20_000], "uk")
    assert not MARKUP & set(said)
    assert not any(char.isdecimal() for char in said)
    announced = unit in "`~"
    assert bool(said) is (announced or any(char.isalnum() for char in unit))
