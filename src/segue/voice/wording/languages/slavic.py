"""What Ukrainian and Russian share: agreement of counted nouns, declension of ordinals, the way dates are built.

The two differ in their tables and in a few habits (a Ukrainian hour is an ordinal, a Russian one a cardinal), which
the subclasses fill in. num2words gives the words below a thousand where it is right; it knows no gender and no case
of ordinals in Ukrainian, writes wrong oblique hundreds there, and in Russian lets the noun's gender leak into
millions ("две миллиона"), so thousands and above, and agreement, are put together here.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from segue.voice.wording.grammar import Case, Gender, Grammar, Noun
from segue.voice.wording.languages.signs import TIMES_OF_DAY
from segue.voice.wording.numerals import Numeral

NOMINAL = (Case.NOMINATIVE, Case.ACCUSATIVE)


def noun_of(gender: Gender, singular: str, plural: str, *, nominal_paucal: bool) -> Noun:
    """A noun from its twelve forms, each six parted by spaces.

    `nominal_paucal`: after 2, 3, 4 the noun stands in the nominative plural (uk); else in the genitive singular (ru).
    """
    ones, many = tuple(singular.split(" ")), tuple(plural.split(" "))
    return Noun(gender, ones, many, many[0] if nominal_paucal else ones[1])


def with_adjective(singular: str, plural: str, noun: Noun, paucal: str) -> Noun:
    """A counted noun with an adjective in front: `singular` and `plural` hold the adjective's six forms each."""
    ones = tuple(f"{a} {n}" for a, n in zip(singular.split(" "), noun.singular, strict=True))
    many = tuple(f"{a} {n}" for a, n in zip(plural.split(" "), noun.plural, strict=True))
    return Noun(noun.gender, ones, many, f"{paucal} {noun.paucal}")


def with_tail(noun: Noun, tail: str) -> Noun:
    """A counted noun with unchanging words behind it: degree + "Celsius", kilometre + "per hour"."""
    return Noun(
        noun.gender,
        tuple(f"{form} {tail}" for form in noun.singular),
        tuple(f"{form} {tail}" for form in noun.plural),
        f"{noun.paucal} {tail}",
    )


class Slavic(Grammar):
    """The part of a `Grammar` that Ukrainian and Russian have in common."""

    comma_is_decimal = True
    groups_as_numbers = True
    zero: tuple[str, ...]
    scales: tuple[tuple[int, Noun], ...]
    endings: Mapping[str, tuple[str, ...]]
    soft_third: Mapping[str, tuple[str, ...]]
    wholes: str
    half_more: tuple[str, str, str]
    decimal_mark: str
    months_genitive: tuple[str, ...]
    months_nominative: tuple[str, ...]
    year_genitive: str
    from_to: tuple[str, str]
    from_by: tuple[str, str]
    compounds: Mapping[int, str]
    ratio_case: Case
    queens: tuple[str, ...]
    queen_endings: tuple[tuple[str, Case], ...]
    king_endings: tuple[tuple[str, Case], ...]
    century_noun: Noun
    century_forms: Mapping[str, Case]
    thousandth: tuple[tuple[int, str], ...]

    @abstractmethod
    def small(self, n: int, gender: Gender, case: Case) -> str:
        """The cardinal of 1 <= n < 1000."""

    @abstractmethod
    def small_ordinal(self, n: int) -> str:
        """The masculine nominative ordinal of 1 <= n < 1000."""

    def cardinal(self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE) -> str:
        """The cardinal of `n`, declined."""
        if n == 0:
            return self.zero[case]
        parts = []
        for power, noun in self.scales:
            if chunk := n // power % 1000:
                parts += [self.small(chunk, noun.gender, case), self.agree(chunk, noun, case)]
        if n % 1000:
            parts.append(self.small(n % 1000, gender, case))
        return " ".join(parts)

    def ordinal(
        self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE, *, plural: bool = False
    ) -> str:
        """The ordinal of `n`: only its last word is declined, "тисяча" stands without "одна" in front."""
        if n == 0:
            return self.decline(self.wholes_zero(), gender, case, plural=plural)
        if n % 1000 == 0:
            return self._round_ordinal(n, gender, case, plural=plural)
        *front, last = self.small_ordinal(n % 1000).split(" ")
        higher = self.cardinal(n // 1000 * 1000).split(" ") if n >= 1000 else []
        if 1000 <= n < 2000:
            higher = higher[1:]
        return " ".join([*higher, *front, self.decline(last, gender, case, plural=plural)])

    def _round_ordinal(self, n: int, gender: Gender, case: Case, *, plural: bool) -> str:
        """Ordinals of whole thousands and above, written as one word: 2000 → двотисячний."""
        for power, stem in self.thousandth:
            if n % power == 0:
                chunk = n // power % 1000
                rest = n // power // 1000 * 1000 * power
                prefix = "" if chunk == 1 else self.compound(chunk)
                word = self.decline(prefix + stem, gender, case, plural=plural)
                return f"{self.cardinal(rest)} {word}" if rest else word
        raise AssertionError("thousandth ends with 1000, which divides every n that comes here")

    @abstractmethod
    def wholes_zero(self) -> str:
        """The masculine nominative ordinal of zero."""

    def decline(self, adjective: str, gender: Gender, case: Case, *, plural: bool = False) -> str:
        """An adjective or ordinal, given in the masculine nominative, in another form (inanimate accusative)."""
        if adjective in self.soft_third:
            table, stem = self.soft_third[adjective], ""
        else:
            table, stem = self.endings[adjective[-2:]], adjective[:-2]
        form = table[3 if plural else gender].split(" ")[case]
        return stem + form

    def agree(self, n: int, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
        """The form of the noun behind the whole number `n`."""
        if n >= 1000 and n % 1000 == 0:
            return noun.plural[Case.GENITIVE]
        single = n % 10 == 1 and n % 100 != 11
        if single:
            return noun.singular[case]
        if case not in NOMINAL:
            return noun.plural[case]
        if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14:
            return noun.paucal
        return noun.plural[Case.GENITIVE]

    def count(self, number: Numeral, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
        """The number and its noun in agreement; one and a half has a word of its own."""
        if number.is_whole:
            words = f"{self.cardinal(number.whole, noun.gender, case)} {self.agree(number.whole, noun, case)}"
        elif number.whole == 1 and number.fraction.rstrip("0") == "5":
            words = self.one_and_a_half(noun, case)
        else:
            words = f"{self.decimal(number, case)} {noun.singular[Case.GENITIVE]}"
        return self.signed(words, number)

    def one_and_a_half(self, noun: Noun, case: Case) -> str:
        """Ukrainian does not decline it, Russian does; both keep a feminine form."""
        masculine, feminine, oblique = self.half_more
        if case in NOMINAL or not oblique:
            return f"{feminine if noun.gender is Gender.FEMININE else masculine} {noun.singular[Case.GENITIVE]}"
        return f"{oblique} {noun.plural[case]}"

    def decimal(self, number: Numeral, case: Case = Case.NOMINATIVE) -> str:
        """Up to three places by name (п'ять десятих), more of them digit by digit behind the mark."""
        places = len(number.fraction)
        if places > 3:
            return f"{self.cardinal(number.whole)} {self.decimal_mark} {self.digits(number.fraction)}"
        whole = self.cardinal(number.whole, Gender.FEMININE, case)
        part = int(number.fraction)
        return " ".join(
            (
                whole,
                self._part(self.wholes, number.whole, case),
                self.cardinal(part, Gender.FEMININE, case),
                self._part(self.ordinal(10**places), part, case),
            )
        )

    def _part(self, adjective: str, n: int, case: Case) -> str:
        """`ціла` behind one, `цілих` behind the others."""
        if n % 10 == 1 and n % 100 != 11:
            return self.decline(adjective, Gender.FEMININE, case)
        return self.decline(adjective, Gender.FEMININE, Case.GENITIVE if case in NOMINAL else case, plural=True)

    def fraction(self, top: int, bottom: int, case: Case = Case.NOMINATIVE) -> str:
        """одна друга, три четвертих."""
        return f"{self.cardinal(top, Gender.FEMININE, case)} {self._part(self.ordinal(bottom), top, case)}"

    def date(self, day: int, month: int, year: int | None, case: Case) -> str:
        """The day is a neuter ordinal in the asked case; month and year follow in the genitive."""
        if day:
            parts = [self.ordinal(day, Gender.NEUTER, case), self.months_genitive[month - 1]]
        else:
            parts = [self.months_nominative[month - 1]]
        if year is not None:
            parts += [self.year(year, Case.GENITIVE), self.year_genitive]
        return " ".join(parts)

    def days(self, first: int, last: int, month: int, year: int | None) -> str:
        """From the genitive to the accusative, which is how both languages count days through."""
        low = self.ordinal(first, Gender.NEUTER, Case.GENITIVE)
        return f"{self.from_by[0]} {low} {self.from_by[1]} {self.date(last, month, year, Case.ACCUSATIVE)}"

    def year(self, n: int, case: Case = Case.NOMINATIVE) -> str:
        """The masculine ordinal."""
        return self.ordinal(n, Gender.MASCULINE, case)

    def span(self, low: str, high: str, *, closed: bool) -> str:
        """від … до … with genitives, a dash between other forms."""
        return f"{self.from_to[0]} {low} {self.from_to[1]} {high}" if closed else f"{low} — {high}"

    def compound(self, n: int) -> str:
        """The first part of a compound adjective: 24 → двадцятичотири-, as in двадцятичотиригодинний."""
        if n in self.compounds:
            return self.compounds[n]
        if n % 10 and n > 20:
            return self.compound(n // 10 * 10) + self.compound(n % 10)
        if n % 100 and n > 100:
            return self.compound(n // 100 * 100) + self.compound(n % 100)
        return self.cardinal(n, Gender.MASCULINE, Case.GENITIVE).replace(" ", "")

    def spoken_minutes(self, minute: int, case: Case = Case.NOMINATIVE) -> str:
        """Minutes behind an hour: 05 → нуль п'ять."""
        words = self.cardinal(minute, Gender.MASCULINE, case)
        return f"{self.zero[case]} {words}" if minute < 10 else words

    def per(self, unit: Noun, key: str, *, money: bool) -> str:
        """на годину, за кілограм: the accusative singular."""
        signs = self.words.signs
        timed = key in TIMES_OF_DAY
        preposition = signs["per_money" if money else "per_time" if timed else "per_other"]
        return f"{preposition} {unit.singular[Case.ACCUSATIVE]}"

    def score(self, first: int, second: int, *, ratio: bool) -> str:
        """три один; один до тисячі."""
        if not ratio:
            return f"{self.cardinal(first)} {self.cardinal(second)}"
        case = self.ratio_case
        return f"{self.cardinal(first)} {self.words.signs['to']} {self.cardinal(second, Gender.MASCULINE, case)}"

    def out_of(self, top: Numeral, bottom: Numeral) -> str:
        """вісім із десяти."""
        return f"{self.plain(top)} {self.words.signs['of']} {self.plain(bottom, Gender.MASCULINE, Case.GENITIVE)}"

    def reign(self, name: str, n: int) -> str:
        """The name's ending tells gender and case: Людовик чотирнадцятий, Людовика чотирнадцятого, Єлизавета друга."""
        gender, case = self.reign_form(name)
        return self.ordinal(n, gender, case)

    def reign_form(self, name: str) -> tuple[Gender, Case]:
        """Gender and case of a monarch's name."""
        stem = next((stem for stem in self.queens if name.startswith(stem)), "")
        endings = self.queen_endings if stem else self.king_endings
        gender = Gender.FEMININE if stem else Gender.MASCULINE
        found = next((case for ending, case in endings if name.endswith(ending)), Case.NOMINATIVE)
        return gender, found

    def century(self, ends: Sequence[int], noun: str, before: str, case: Case | None) -> str:
        """The form of the noun decides the case; one that may be nominative or genitive is nominative only up front."""
        first = self.century_forms.get(noun.lower())
        century = self.century_noun
        if noun.endswith("."):
            case = case if case is not None else (Case.GENITIVE if before else Case.NOMINATIVE)
            spoken = (century.plural if len(ends) > 1 else century.singular)[case]
        else:
            spoken = noun
            case = first if first is not None else case
            if case is None:
                case = Case.GENITIVE if before else Case.NOMINATIVE
        words = [self.ordinal(n, century.gender, case) for n in ends]
        return f"{' — '.join(words)} {spoken}"
