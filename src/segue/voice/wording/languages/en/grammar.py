# ruff: noqa: ARG002 - the interface carries case and gender, which English has not
"""How English speaks numbers, dates and times."""

from collections.abc import Sequence
from functools import lru_cache

from num2words import num2words

from segue.voice.wording.grammar import Case, Currency, Gender, Grammar, Nearby, Noun
from segue.voice.wording.languages.en.words import MAGNITUDE_NOUNS, MONTH_NAMES, WORDS
from segue.voice.wording.numerals import Numeral

_DENOMINATORS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_SCALES = tuple((power, noun.singular[0]) for power, noun in sorted(MAGNITUDE_NOUNS.items(), reverse=True))
# Words that may follow a year; any other lower-case plural behind four digits is being counted.
_AFTER_YEAR = frozenset("was is as its this has does plus versus us thus perhaps".split())


@lru_cache(maxsize=2048)
def _small(n: int) -> str:
    """Below a thousand, without commas, which would be pauses."""
    return str(num2words(n, lang="en"))


@lru_cache(maxsize=4096)
def _year(n: int) -> str:
    return str(num2words(n, lang="en", to="year")).replace("oh-", "oh ").replace(",", "")


class English(Grammar):
    """English: no cases; the month stands before the day in `11/21/2026`."""

    words = WORDS
    month_first = True
    money_join = "and "

    def cardinal(self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE) -> str:
        """The cardinal of `n`."""
        if n < 1000:
            return _small(n)
        parts = [f"{_small(chunk)} {name}" for power, name in _SCALES if (chunk := n // power % 1000)]
        rest = n % 1000
        if rest:
            parts.append(f"and {_small(rest)}" if rest < 100 else _small(rest))
        return " ".join(parts)

    def ordinal(
        self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE, *, plural: bool = False
    ) -> str:
        """The ordinal of `n`."""
        if n < 1000:
            return str(num2words(n, lang="en", to="ordinal"))
        rest = n % 1000
        if not rest:
            return self.cardinal(n) + "th"
        front = self.cardinal(n - rest)
        return f"{front} {'and ' if rest < 100 else ''}{self.ordinal(rest)}"

    def decimal(self, number: Numeral, case: Case = Case.NOMINATIVE) -> str:
        """Three point one four."""
        return f"{self.cardinal(number.whole)} point {self.digits(number.fraction)}"

    def count(self, number: Numeral, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
        """One takes the singular, all else the plural."""
        one = number.whole == 1 and not number.fraction
        return f"{self.plain(number)} {noun.singular[0] if one else noun.plural[0]}"

    def scaled(self, number: Numeral, magnitude: int, noun: Noun | None, case: Case = Case.NOMINATIVE) -> str:
        """Three million dollars: a magnitude has no plural."""
        words = f"{self.plain(number)} {self.words.magnitude_nouns[magnitude].singular[0]}"
        return f"{words} {noun.plural[0]}" if noun else words

    def date(self, day: int, month: int, year: int | None, case: Case) -> str:
        """November twenty-first, twenty twenty-six."""
        words = MONTH_NAMES[month - 1] + (f" {self.ordinal(day)}" if day else "")
        if year is None:
            return words
        return f"{words}{',' if day else ''} {self.year(year)}"

    def days(self, first: int, last: int, month: int, year: int | None) -> str:
        """November twenty-first to twenty-third."""
        words = f"{MONTH_NAMES[month - 1]} {self.ordinal(first)} to {self.ordinal(last)}"
        return f"{words}, {self.year(year)}" if year is not None else words

    def clock(self, hour: int, minute: int, second: int | None, case: Case) -> str:
        """Ten thirty, ten oh five, ten o'clock, fifteen hundred, midnight."""
        words = self._hours_and_minutes(hour, minute)
        if second is None:
            return words
        seconds = f"{self.cardinal(second)} second{'' if second == 1 else 's'}"
        return f"{words} and {seconds}"

    def _hours_and_minutes(self, hour: int, minute: int) -> str:
        if not minute:
            if hour in (0, 24):
                return "midnight"
            return f"{self.cardinal(hour)} o'clock" if hour <= 12 else f"{self.cardinal(hour)} hundred"
        return f"{self.cardinal(hour)} {'oh ' if minute < 10 else ''}{self.cardinal(minute)}"

    def fraction(self, top: int, bottom: int, case: Case = Case.NOMINATIVE) -> str:
        """One half, three quarters, two thirds."""
        singular, plural = _DENOMINATORS.get(bottom, (self.ordinal(bottom), self.ordinal(bottom) + "s"))
        return f"{self.cardinal(top)} {singular if top == 1 else plural}"

    def mixed_fraction(self, whole: int, top: int, bottom: int) -> str:
        """Two and a half, three and three quarters."""
        part = f"a {_DENOMINATORS[bottom][0]}" if top == 1 and bottom in _DENOMINATORS else self.fraction(top, bottom)
        return f"{self.cardinal(whole)} and {part}"

    def span(self, low: str, high: str, *, closed: bool) -> str:
        """Five to ten."""
        return f"{low} to {high}"

    def year(self, n: int, case: Case = Case.NOMINATIVE) -> str:
        """Twenty twenty-six, nineteen oh five, two thousand and five."""
        return _year(n) if n < 10000 else self.cardinal(n)

    def reads_as_year(self, n: int, nearby: Nearby) -> bool:
        """A bare number of our time, unless a plural noun behind it shows that it counts."""
        word = nearby.word
        counts = word.islower() and word.endswith("s") and word not in _AFTER_YEAR
        return 1900 <= n <= 2099 and not counts and word not in ("people", "men", "women", "children")

    def decade(self, n: int) -> str:
        """Nineteen nineties, the two thousands, the nineties."""
        century, tens = divmod(n, 100)
        if not tens:
            return f"{self.cardinal(n)}s" if n % 1000 == 0 else f"{self.cardinal(century)} hundreds"
        name = self.cardinal(tens)
        name = "tens" if tens == 10 else name.removesuffix("y") + "ies"
        return f"{self.cardinal(century)} {name}" if century else name

    def century(self, ends: Sequence[int], noun: str, before: str, case: Case | None) -> str:
        """Nineteenth century, eighteenth to nineteenth centuries."""
        return f"{' to '.join(self.ordinal(n) for n in ends)} {noun}"

    def reign(self, name: str, n: int) -> str:
        """Louis the fourteenth."""
        return f"the {self.ordinal(n)}"

    def per(self, unit: Noun, key: str, *, money: bool) -> str:
        """Per hour."""
        return f"per {unit.singular[0]}"

    def score(self, first: int, second: int, *, ratio: bool) -> str:
        """Three to one."""
        return f"{self.cardinal(first)} to {self.cardinal(second)}"

    def out_of(self, top: Numeral, bottom: Numeral) -> str:
        """Eight out of ten."""
        return f"{self.plain(top)} out of {self.plain(bottom)}"

    def money(self, number: Numeral, currency: Currency, case: Case = Case.NOMINATIVE) -> str:
        """`$3.5` without a second place is still fifty cents."""
        if len(number.fraction) == 1 and currency.hundredth is not None:
            number = Numeral(number.whole, number.fraction + "0", number.negative)
        return super().money(number, currency, case)


ENGLISH = English()
