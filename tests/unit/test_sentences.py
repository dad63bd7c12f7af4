import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.sentences import wrong
from benchmarks.splitters import Growing
from segue.voice.sentences import FIRST_CLAUSE, LONGEST, SentenceAssembler
from tests.corpus.boundaries import LANGUAGES, Text, cuts, parse, read, show, solid

ALPHABET = "aB яЇ好1. !?…。！？\n\t\"'«»“”()[]`*-—,，:;)😀‍️🇺🇦́$№"


def pieces(text: str, language: str, *, step: int = 1, first_clause: bool = False) -> list[str]:
    """The pieces of a text given in tokens of so many characters."""
    assembler = SentenceAssembler(language, first_clause)
    found = []
    for index in range(0, len(text), step):
        found += assembler.push(text[index : index + step])
    return found + assembler.flush()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_of_the_corpus_is_torn(language: str) -> None:
    """In at least 200 texts of each language no cut falls where no sentence ends."""
    texts = read(language)
    torn = [
        show(text, place)
        for text in texts
        for place in cuts(pieces(text.text, language))
        if place not in text.required | text.allowed
    ]

    assert len(texts) >= 200
    assert torn == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_few_sentences_of_the_corpus_come_late(language: str) -> None:
    """A sentence that is not cut off costs time, not sound: fewer than one in twenty, and never a wrong word."""
    texts = read(language)
    required = sum(len(text.required) for text in texts)
    missed = sum(len(text.required - set(cuts(pieces(text.text, language)))) for text in texts)

    assert missed <= required * 0.05


UNCERTAIN = re.compile(r"[\"'”’»]$|\b[^\W\d]{1,5}\.\)?$|\.\w+\.$")
"""Ends behind which a reader has to see the next word: an abbreviation, a quotation that someone may have said."""


def characters_until(text: Text, place: int) -> int:
    """How many characters a reader has seen when the sentence that ends at a place is complete."""
    seen = 0
    for index, character in enumerate(text.text, 1):
        seen += not character.isspace()
        if seen == place:
            return index
    return len(text.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_sentence_comes_at_once(language: str) -> None:
    """The first sentence is out when its terminator, a space and one more character have come.

    Behind an abbreviation or a quotation nobody can tell before the next word is whole; those are let off.
    """
    late, prompt = [], 0
    for text in read(language):
        assembler = SentenceAssembler(language, first_clause=False)
        for consumed, character in enumerate(text.text, 1):
            if found := assembler.push(character):
                place = solid(found[0])
                if place in text.required:
                    spaces = len(text.text[characters_until(text, place) :]) - len(
                        text.text[characters_until(text, place) :].lstrip()
                    )
                    over = consumed - characters_until(text, place) - max(0, spaces - 1)
                    prompt += over <= 2
                    known_later = UNCERTAIN.search(text.text[: characters_until(text, place)])
                    late += [show(text, place)] if over > 2 and not known_later else []
                break

    assert prompt > 50
    assert len(late) <= prompt * 0.01, late


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", [2, 3, 7, 10_000])
def test_the_corpus_is_cut_the_same_however_it_comes(language: str, step: int) -> None:
    """The result never depends on how the tokens were cut, and no character is lost."""
    for text in read(language):
        for first_clause in (False, True):
            one = pieces(text.text, language, first_clause=first_clause)
            assert pieces(text.text, language, step=step, first_clause=first_clause) == one
            assert "".join(one) == text.text


@given(
    text=st.text(st.sampled_from(ALPHABET), max_size=400),
    marks=st.lists(st.integers(0, 400), max_size=60),
    language=st.sampled_from(LANGUAGES),
    first_clause=st.booleans(),
)
@example(text="a. :) B", marks=[4], language="en", first_clause=False)
@example(text="Done.[3] B", marks=[6], language="en", first_clause=False)
@example(text="x" * 299 + "好", marks=[], language="zh", first_clause=True)
def test_any_text_is_cut_the_same_however_it_comes(
    text: str, marks: list[int], language: str, first_clause: bool
) -> None:
    """Border invariance and completeness for text of any kind, cut anywhere."""
    borders = sorted({0, len(text), *(mark for mark in marks if mark < len(text))})
    assembler = SentenceAssembler(language, first_clause)
    found = []
    for begin, end in itertools.pairwise(borders):
        found += assembler.push(text[begin:end])
    found += assembler.flush()

    assert found == pieces(text, language, first_clause=first_clause)
    assert "".join(found) == text


FRAGMENTS = (
    "I It I'm З'єднати С. J.R. U.S. Mr. Fig. А II No. 5 9th грн. р. 1991 г. т. д. млн. p.m. etc. ок. Anna said The Step"
    " well, and so, it is, over there, Will may You're п'ять Пан-отець А-а ## 1. 2. : ; ? ! ... … ?! .) !\" “ ” « » —"
    " - ** * :) :-) ;) [3] ( ) ``` ~~~ \n \n\n 🎉 ❤️ 👨‍👩‍👧 好 他 说： 。 ！” ，然后 3.14 1,250 a.b.co http://a.b/?q=!x"
).split(" ")


@given(
    words=st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.sampled_from(["", " ", " ", "  ", "\n"])), max_size=40),
    step=st.integers(2, 12),
    language=st.sampled_from(LANGUAGES),
    first_clause=st.booleans(),
)
@example(words=[("С.", " "), ("З'єднати", "")], step=3, language="uk", first_clause=False)
@example(words=[("Anna", " "), ("said", ""), ("...", " "), ("It", " ")], step=9, language="en", first_clause=False)
@example(words=[("?", ""), (":-)", " "), ("p.m.", "\n")], step=7, language="uk", first_clause=False)
@example(words=[(".)", " "), ("1991", ""), ("[3]", "")], step=7, language="en", first_clause=False)
def test_words_that_rules_look_at_are_cut_the_same_however_they_come(
    words: list[tuple[str, str]], step: int, language: str, first_clause: bool
) -> None:
    """Border invariance for text made of what the rules know: abbreviations, initials, marks, labels, emoticons."""
    text = "".join(itertools.chain.from_iterable(words))
    one = pieces(text, language, first_clause=first_clause)

    assert pieces(text, language, step=step, first_clause=first_clause) == one
    assert pieces(text, language, step=10_000, first_clause=first_clause) == one
    assert "".join(one) == text


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Well, that depends on what you want, so tell me. Yes.", "Well, that depends on what you want, "),
        ("I think we should leave right now, I really do.", "I think we should leave right now, "),
        ("Here is what you need to know first: the shop is closed.", "Here is what you need to know first: "),
        ("In the year 2019, 1,250 people came. Then they left.", "In the year 2019, 1,250 people came. "),
        ("Він приїхав до міста пізно ввечері, коли всі вже спали. Так.", "Він приїхав до міста пізно ввечері, "),
        ("今天的天气非常好我们一起去公园吧，然后再去吃饭。", "今天的天气非常好我们一起去公园吧，"),
        ("Yes, sir. Come in.", "Yes, sir. "),
        (
            "That depends on what you really want, doesn't it? Yes.",
            "That depends on what you really want, doesn't it? ",
        ),
        (
            "We have fresh green apples, pears and plums today. Yes.",
            "We have fresh green apples, pears and plums today. ",
        ),
        (
            "We sell apples from the farm, pears, plums and figs. Yes.",
            "We sell apples from the farm, pears, plums and figs. ",
        ),
        ("Good afternoon and welcome back, Anna. Hi.", "Good afternoon and welcome back, Anna. "),
        (
            "It is in the old town at Baker Street, London, near the bridge. Yes.",
            "It is in the old town at Baker Street, London, near the bridge. ",
        ),
        (
            "He looked up and said “no, that is not what I want, go away” to me. Yes.",
            "He looked up and said “no, that is not what I want, go away” to me. ",
        ),
        (
            "The price in the shop (no matter which one, as they say) is high. Yes.",
            "The price in the shop (no matter which one, as they say) is high. ",
        ),
        (
            "Склад розташований у Києві, вул. Хрещатик, буд. 22. Так.",
            "Склад розташований у Києві, вул. Хрещатик, буд. 22. ",
        ),
    ],
)
def test_the_first_piece_may_end_at_a_clause(text: str, first: str) -> None:
    """The first piece may end at a comma if it is long enough, but not in a number, list, quotation or address."""
    language = "zh" if "今" in text else "uk" if "Він" in text or "Києв" in text else "en"
    found = pieces(text, language, first_clause=True)

    assert found[0] == first
    assert len(found[0]) >= FIRST_CLAUSE or "," not in found[0].rstrip(" ,") or found[0].rstrip()[-1] in ".。，"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("It is done.", True),
        ("It is done. ", True),
        ("Is it?", True),
        ("«Готово!»", True),
        ("好的。", True),
        ("He lives on St.", False),
        ("Ціна 5 грн.", False),
        ("1.", False),
        ("It is", False),
        ("She said (and smiled.", False),
        ("```\nprint(1).", False),
        ("", False),
        ("Wait...", True),
    ],
)
def test_what_waits_is_released_only_at_an_end(text: str, complete: bool) -> None:
    """When a model pauses, a finished sentence is spoken; a half one, or an abbreviation, waits."""
    assembler = SentenceAssembler("uk" if "грн" in text or "«" in text else "en")
    assert assembler.push(text) == []

    assert assembler.pending_complete() is complete
    assert assembler.release() == ([text] if complete else [])
    assert assembler.flush() == ([] if complete or not text else [text])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_piece_is_never_endless(language: str) -> None:
    """Without any terminator a piece ends at a clause or between words; wide characters count twice."""
    word = "слово " if language in {"uk", "ru"} else "文字" if language == "zh" else "word "
    found = pieces(word * 400, language, step=5)

    assert len(found) > 3
    width = 2 if language == "zh" else 1
    assert all(len(piece) * width <= LONGEST for piece in found)
    if language != "zh":
        assert all(piece.endswith(" ") for piece in found)


def test_a_break_never_tears_a_character() -> None:
    """An emoji made of several characters, or a letter with its accent, stays whole where a long piece is broken."""
    family, flag, letter = "👨‍👩‍👧‍👦", "🇺🇦", "é́"
    for unit in (family, flag, letter):
        for piece in pieces(unit * 300, "en")[:-1]:
            assert len(piece) % len(unit) == 0, unit


def test_the_benchmark_counts_wrong_cuts_alike_for_everyone() -> None:
    """A cut is wrong where nothing is marked; a matter of taste is not, nor a first piece that ends at a comma."""
    text = parse("Well, that is it, I think.¦ Dr. Lee came.‖ Good.")

    assert wrong(text, ["Well, that is it,", " I think.", " Dr. Lee came.", " Good."]) == []
    assert wrong(text, ["Well, that is it, I think.", " Dr.", " Lee came. Good."]) == [
        solid("Well, that is it, I think. Dr.")
    ]
    assert wrong(text, ["Well, that is", " it, I think.", " Dr. Lee came. Good."]) == [solid("Well, that is")]


def test_a_tool_for_whole_texts_is_believed_when_enough_follows() -> None:
    """What is segmented again with every token loses no character, and waits for as much as it is told to."""
    for behind, first_at in ((0, 4), (3, 6)):
        growing = Growing(lambda text: [part for part in re.split(r"(?<=\.) ?(?=.)", text) if part], behind)
        out = [growing.push(character) for character in "No. Yes. End"]

        assert next(index for index, pieces in enumerate(out, 1) if pieces) == first_at
        assert "".join(itertools.chain(*out, growing.flush())) == "No. Yes. End"


def test_code_is_not_torn() -> None:
    """Inside a fence no sentence ends; behind it the text goes on as before."""
    text = "Here it is:\n```python\nprint('Hi. There!')\nx = 1\n```\nThat is all. Bye."

    assert pieces(text, "en") == [
        "Here it is:\n",
        "```python\nprint('Hi. There!')\nx = 1\n```\n",
        "That is all. ",
        "Bye.",
    ]
