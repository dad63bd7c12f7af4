# ruff: noqa: ARG002 - the defaults ignore what languages without agreement do not need
"""What a language must know to speak numbers: cases, genders, counted nouns, and the shape of a `Grammar`.

English and Chinese ignore case and gender; Ukrainian and Russian live by them. The passes in `verbalise` ask only
this interface, so that every rule about *where* a number stands is written once.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from segue.voice.wording.numerals import Numeral


class Case(IntEnum):
    """Grammatical case; the value is its place in a noun's tuple of forms."""

    NOMINATIVE = 0
    GENITIVE = 1
    DATIVE = 2
    ACCUSATIVE = 3
    INSTRUMENTAL = 4
    LOCATIVE = 5


class Gender(IntEnum):
    """Grammatical gender; the value is its place in a tuple of forms."""

    MASCULINE = 0
    FEMININE = 1
    NEUTER = 2


@dataclass(frozen=True, slots=True)
class Noun:
    """A counted noun: six singular and six plural forms in the order of `Case`, and the form after 2, 3 and 4."""

    gender: Gender
    singular: tuple[str, ...]
    plural: tuple[str, ...]
    paucal: str

    @classmethod
    def plain(cls, singular: str, plural: str = "") -> "Noun":
        """A noun of a language without cases; `plural` defaults to the singular (kelvin-like words, Chinese)."""
        plural = plural or singular
        return cls(Gender.MASCULINE, (singular,) * 6, (plural,) * 6, plural)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency: its noun and, if it has one in use, the noun of its hundredth part."""

    unit: Noun
    hundredth: Noun | None = None


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A shortened word: how it is written (with its full stop) and what is said.

    `spoken` holds one form, or six parted by `/` in the order of `Case`. It holds `before` and `after` certain
    neighbours only: "A" a capital letter, "9" a digit, "-" anything but a digit, "" anything. `ends`: its full stop
    may also be the end of a sentence.
    """

    written: str
    spoken: str
    before: str = ""
    after: str = ""
    ends: bool = False


@dataclass(frozen=True)
class Words:
    """The word tables of one language.

    `units` and `currencies` are keyed by the names in `languages.signs`, `magnitudes` and `months` by written form.
    `signs` maps names of signs (`dot`, `at`, `slash` …) to words, `operators` maps written operators to words,
    `notices` holds the short phrases spoken in place of what cannot be read (`code`, `yes`, `no`, `done`).
    `prepositions` gives the case a preposition demands of the number behind it, `places` that of a name behind it.
    `own_signs` overrides what a sign stands for here, "" meaning nothing. The `…_words` are alternatives of a regular
    expression: the words that mark what a number behind them means.
    """

    units: Mapping[str, Noun]
    currencies: Mapping[str, Currency]
    magnitudes: Mapping[str, int]
    magnitude_nouns: Mapping[int, Noun]
    months: Mapping[str, int]
    signs: Mapping[str, str]
    operators: Mapping[str, str]
    notices: Mapping[str, str]
    fixed: Mapping[str, str]
    abbreviations: Sequence[Abbreviation]
    prepositions: Mapping[str, Case] = field(default_factory=dict)
    places: Mapping[str, Case] = field(default_factory=dict)
    nouns: Sequence[Noun] = ()
    own_signs: Mapping[str, str] = field(default_factory=dict)
    score_words: str = "score"
    clock_words: str = "at"
    version_words: str = "version"
    century_words: str = "(?!)"
    roman_nouns: str = "(?!)"
    reign_names: str = "(?!)"
    between_words: str = "(?!)"
    out_of_words: str = "(?!)"
    year_nouns: str = "(?!)"
    year_words: str = "(?!)"
    date_is_named: str = "(?!)"


@dataclass(frozen=True, slots=True)
class Form:
    """One reading of a word: this noun, in this case, singular or plural."""

    noun: Noun
    case: Case
    plural: bool


@dataclass(frozen=True, slots=True)
class Nearby:
    """What stands next to a number: the words in front and behind, their readings, and the governing case."""

    before: str = ""
    case: Case | None = None
    word: str = ""
    following: str = ""
    readings: Sequence[Form] = ()
    later_readings: Sequence[Form] = ()


class Grammar(ABC):
    """How one language turns values into words. Pure: equal arguments give equal words."""

    words: Words
    comma_is_decimal = False
    month_first = False
    groups_as_numbers = False
    money_join = ""

    @abstractmethod
    def cardinal(self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE) -> str:
        """The cardinal of `n`, 0 <= n < 10**15."""

    @abstractmethod
    def ordinal(
        self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE, *, plural: bool = False
    ) -> str:
        """The ordinal of `n`, 0 <= n < 10**15."""

    @abstractmethod
    def decimal(self, number: Numeral, case: Case = Case.NOMINATIVE) -> str:
        """A number with a fraction, standing alone."""

    @abstractmethod
    def count(self, number: Numeral, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
        """The number and its noun, in agreement: `2,5` and kilometre → дві цілих п'ять десятих кілометра."""

    @abstractmethod
    def date(self, day: int, month: int, year: int | None, case: Case) -> str:
        """A calendar date; `month` counts from 1, `day` 0 means that only month and year are known."""

    @abstractmethod
    def clock(self, hour: int, minute: int, second: int | None, case: Case) -> str:
        """A time of day, hour 0..24."""

    @abstractmethod
    def fraction(self, top: int, bottom: int, case: Case = Case.NOMINATIVE) -> str:
        """A common fraction: 3/4 → three quarters."""

    @abstractmethod
    def span(self, low: str, high: str, *, closed: bool) -> str:
        """Two ends of a range, already in words. `closed`: they stand in the genitive, as "from … to …" needs."""

    @abstractmethod
    def days(self, first: int, last: int, month: int, year: int | None) -> str:
        """Two days of one month: 21–23 листопада → з двадцять першого по двадцять третє листопада."""

    @abstractmethod
    def year(self, n: int, case: Case = Case.NOMINATIVE) -> str:
        """A year named by its number alone."""

    def plain(self, number: Numeral, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE) -> str:
        """A number without a noun."""
        words = self.decimal(number, case) if number.fraction else self.cardinal(number.whole, gender, case)
        return self.signed(words, number)

    def signed(self, words: str, number: Numeral) -> str:
        """The words with the minus in front where the number has one."""
        return f"{self.words.signs['minus']} {words}" if number.negative else words

    def digits(self, written: str) -> str:
        """Each digit by itself: 007 → zero zero seven. Whatever is not a digit is left out."""
        return " ".join(self.cardinal(int(digit)) for digit in written if digit in "0123456789")

    @cached_property
    def single_digits(self) -> tuple[str, ...]:
        """The ten digits as words."""
        return tuple(self.cardinal(digit) for digit in range(10))

    def prepare(self, text: str) -> str:
        """What only this language writes, brought to the shape the passes know."""
        return text

    def before_words(self, number: Numeral, nearby: Nearby) -> str:
        """A number without a unit, in agreement with the words around it where the language has agreement."""
        return self.plain(number)

    def reads_as_year(self, n: int, nearby: Nearby) -> bool:
        """Whether a bare four-digit number is a year."""
        return False

    def closes(self, high: Numeral, nearby: Nearby) -> bool:
        """Whether a range may be spoken "from … to …" before the noun as it is written."""
        return True

    def lower_end(self, low: Numeral, high: Numeral, nearby: Nearby) -> str:
        """The lower end of a range whose noun agrees with the upper end."""
        return self.plain(low)

    def per_word(self, written: str, readings: Sequence[Form], *, money: bool) -> str:
        """The tail behind a slash that is no unit: per user."""
        return f" {self.words.signs['per']} {written}"

    def mixed_fraction(self, whole: int, top: int, bottom: int) -> str:
        """2 1/2 → two and one half."""
        return f"{self.cardinal(whole)} {self.words.signs['and']} {self.fraction(top, bottom)}"

    def decade(self, n: int) -> str:
        """The 1990s; only languages that write them so are asked."""
        raise NotImplementedError

    def suffixed(self, n: int, suffix: str, wanted: Sequence[tuple[Gender, Case, bool]], before: str) -> str:
        """A number with letters hung on it (3-го, 5-поверховий); "" if they are none of its endings."""
        raise NotImplementedError

    def century(self, ends: Sequence[int], noun: str, before: str, case: Case | None) -> str:
        """One century or a range of them, with the noun as written."""
        return " ".join(("–".join(self.ordinal(n) for n in ends), noun))

    def percents(self, n: int, suffix: str) -> str:
        """An adjective made of a percentage, `100%-й`; "" if the letters are none of its endings."""
        raise NotImplementedError

    def feminine_adjective(self, word: str) -> Case | None:
        """The case of a feminine singular adjective, None if the word is none."""
        raise NotImplementedError

    def reign(self, name: str, n: int) -> str:
        """The number behind a monarch's name."""
        return self.cardinal(n)

    def per(self, unit: Noun, key: str, *, money: bool) -> str:
        """The tail "per hour"."""
        raise NotImplementedError

    def money(self, number: Numeral, currency: Currency, case: Case = Case.NOMINATIVE) -> str:
        """An amount; two decimal places are the currency's hundredths."""
        if len(number.fraction) != 2 or currency.hundredth is None:
            return self.count(number, currency.unit, case)
        cents = int(number.fraction)
        if not cents:
            return self.count(Numeral(number.whole, "", number.negative), currency.unit, case)
        small = self.count(Numeral(cents), currency.hundredth, case)
        if not number.whole:
            return self.signed(small, number)
        return f"{self.count(Numeral(number.whole, '', number.negative), currency.unit, case)} {self.money_join}{small}"

    def scaled(self, number: Numeral, magnitude: int, noun: Noun | None, case: Case = Case.NOMINATIVE) -> str:
        """A number of thousands, millions …, and what they are of."""
        words = self.count(number, self.words.magnitude_nouns[magnitude], case)
        return f"{words} {noun.plural[Case.GENITIVE]}" if noun else words

    def score(self, first: int, second: int, *, ratio: bool) -> str:
        """3:1 as a score, or 1:1000 as a ratio."""
        raise NotImplementedError

    def out_of(self, top: Numeral, bottom: Numeral) -> str:
        """8/10 as a mark: eight out of ten."""
        raise NotImplementedError
