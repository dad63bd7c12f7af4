"""Numbers as words: our cardinals against num2words where it is right, and agreement over all numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from segue.voice.wording.grammar import Case, Gender
from segue.voice.wording.languages.en.grammar import ENGLISH
from segue.voice.wording.languages.ru.grammar import RUSSIAN
from segue.voice.wording.languages.uk.grammar import UKRAINIAN
from segue.voice.wording.languages.zh.grammar import CHINESE
from segue.voice.wording.numerals import Numeral, read

numbers = st.one_of(st.integers(0, 3000), st.integers(0, 10**12 - 1))


@given(n=numbers)
def test_cardinals_agree_with_num2words(n: int) -> None:
    """Masculine nominative cardinals are the library's own, whatever the size."""
    assert UKRAINIAN.cardinal(n) == num2words(n, lang="uk")
    assert RUSSIAN.cardinal(n) == num2words(n, lang="ru")
    assert ENGLISH.cardinal(n) == num2words(n, lang="en").replace(",", "")


@given(n=numbers)
def test_russian_cases_agree_with_num2words(n: int) -> None:
    """The library declines masculine Russian cardinals rightly; so do we."""
    for case, name in ((Case.GENITIVE, "g"), (Case.DATIVE, "d"), (Case.INSTRUMENTAL, "i"), (Case.LOCATIVE, "p")):
        assert RUSSIAN.cardinal(n, Gender.MASCULINE, case) == num2words(n, lang="ru", case=name)


@pytest.mark.parametrize(
    ("n", "case", "words"),
    [
        (200, Case.GENITIVE, "двохсот"),
        (500, Case.GENITIVE, "п'ятисот"),
        (340, Case.GENITIVE, "трьохсот сорока"),
        (300, Case.DATIVE, "трьомстам"),
        (400, Case.INSTRUMENTAL, "чотирмастами"),
        (600, Case.LOCATIVE, "шестистах"),
        (90, Case.INSTRUMENTAL, "дев'яноста"),
        (58, Case.GENITIVE, "п'ятдесяти восьми"),
        (11, Case.INSTRUMENTAL, "одинадцятьма"),
        (2021, Case.GENITIVE, "двох тисяч двадцяти одного"),
        (1_000_000, Case.GENITIVE, "одного мільйона"),
    ],
)
def test_ukrainian_oblique_cardinals(n: int, case: Case, words: str) -> None:
    """Where the library is wrong (двохста, п'ятиста, дев'яностами) the grammar's own tables speak."""
    assert UKRAINIAN.cardinal(n, Gender.MASCULINE, case) == words


@pytest.mark.parametrize(
    ("n", "gender", "case", "plural", "words"),
    [
        (3, Gender.FEMININE, Case.LOCATIVE, False, "третій"),
        (3, Gender.NEUTER, Case.NOMINATIVE, False, "третє"),
        (21, Gender.NEUTER, Case.GENITIVE, False, "двадцять першого"),
        (1990, Gender.MASCULINE, Case.LOCATIVE, True, "тисяча дев'ятсот дев'яностих"),
        (2000, Gender.MASCULINE, Case.LOCATIVE, False, "двотисячному"),
        (0, Gender.FEMININE, Case.LOCATIVE, False, "нульовій"),
        (1_000_000, Gender.MASCULINE, Case.NOMINATIVE, False, "мільйонний"),
    ],
)
def test_ukrainian_ordinals(n: int, gender: Gender, case: Case, plural: bool, words: str) -> None:
    """Only the last word is declined, and a thousand stands without one."""
    assert UKRAINIAN.ordinal(n, gender, case, plural=plural) == words


@given(n=st.integers(0, 10**9))
def test_the_noun_follows_the_last_digits(n: int) -> None:
    """One, few or many depends on the last two digits alone, but for round thousands."""
    hour = UKRAINIAN.words.units["hour"]
    form = UKRAINIAN.agree(n, hour)
    if n % 100 in (11, 12, 13, 14) or n % 10 in (0, 5, 6, 7, 8, 9):
        assert form == "годин"
    else:
        assert form == ("година" if n % 10 == 1 else "години")


@given(n=numbers, gender=st.sampled_from(Gender), case=st.sampled_from(Case), plural=st.booleans())
def test_every_form_of_every_number_exists(n: int, gender: Gender, case: Case, plural: bool) -> None:
    """No number, gender or case is without words, and none of them holds a digit."""
    for grammar in (UKRAINIAN, RUSSIAN, ENGLISH, CHINESE):
        for words in (grammar.cardinal(n, gender, case), grammar.ordinal(n, gender, case, plural=plural)):
            assert words
            assert words.strip() == words
            assert not any(char.isdecimal() for char in words)


@pytest.mark.parametrize(
    ("written", "comma", "value"),
    [
        ("1 250", True, Numeral(1250)),
        ("1.250,00", True, Numeral(1250, "00")),
        ("1,250.50", False, Numeral(1250, "50")),
        ("1,250", False, Numeral(1250)),
        ("1,250", True, Numeral(1, "250")),
        ("10,000", True, Numeral(10000)),
        ("1,250,000", True, Numeral(1250000)),
        ("3.125", False, Numeral(3, "125")),
        ("0,125", False, Numeral(0, "125")),
        ("1_000_000", False, Numeral(1000000)),
        ("1'000", False, Numeral(1000)),
        ("2,5", False, Numeral(2, "5")),
    ],
)
def test_written_numbers_are_read(written: str, comma: bool, value: Numeral) -> None:
    """The mark of the language decides; three zeros are thousands everywhere."""
    assert read(written, comma_is_decimal=comma) == value
