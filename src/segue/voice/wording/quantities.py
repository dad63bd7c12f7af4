"""Numbers that count: money, measures, percents, ranges, and plain numbers in front of words.

One pattern finds a number with all that belongs to it; the grammar puts it into words in agreement.
"""

import re

from segue.voice.wording.grammar import Case, Currency, Gender, Nearby, Noun
from segue.voice.wording.lexicon import Lexicon, either
from segue.voice.wording.numerals import NUMBER, Numeral, read

# One letter for a thousand, million …: where it touches the number, the last three only next to a currency.
_LETTERS = {
    "k": 10**3,
    "K": 10**3,
    "к": 10**3,
    "К": 10**3,
    "M": 10**6,
    "m": 10**6,
    "B": 10**9,
    "bn": 10**9,
    "T": 10**12,
}
_ALWAYS_LETTERS = ("k", "K", "M", "к", "К")
_COMMA_LIST = re.compile(r"(?<![\d.,])\d{1,15}(?:,\d{1,15}){2,}(?![\d])")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+\Z")
_LEADING_POINT = re.compile(r"(?<![\w.,)\]])\.(?=\d)")
_TO_OR_BY = re.compile(r"\s(?:до|по)\s\d")
_WITH = frozenset(("з", "із", "зі", "с", "со"))


class Quantities:
    """The pass over counting numbers, for one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._grammar = lexicon.grammar
        currency = lexicon.currency_before
        self._pattern = re.compile(
            rf"(?=[\d−–+{re.escape(lexicon.currency_starts)}-])(?<!\w)(?<!\d[.,:/](?=\d))(?<![^\W\d_]-)"
            r"(?:(?<![^\s(\[«\"“„,;:=–—/])(?P<sign>[-−–+])(?=[\d$€£¥₴₽]))?"
            rf"(?:(?P<front>{currency})[ ]?(?P<inner_sign>[-−])?)?"
            rf"(?P<low>{NUMBER})(?P<low_magnitude>(?:[ ]?{lexicon.magnitude_pattern})?)"
            r"(?:(?:[ ]?[%°]C?|k|K|M|B|bn)(?=[ ]?[–—-][ ]?[$€£₴]?\d))?"
            rf"(?:[ ]?(?:–|—|-|…|\.{{2,3}})[ ]?(?P<high_sign>[+−])?(?:{currency})?(?P<high>{NUMBER}))?"
            rf"(?:(?P<letter>(?:{either(_LETTERS)})(?![\w']))|[ ]?(?P<magnitude>{lexicon.magnitude_pattern}))?"
            rf"(?:[ ]?(?P<back>{lexicon.currency_pattern})|(?P<gap>[ ]?-?)(?P<unit>{lexicon.unit_pattern}))?"
            rf"(?P<many>[ ]?/[ ]?(?=\d{{1,6}}[ ]?{lexicon.unit_pattern}))?"
            rf"(?:[ ]?/[ ]?(?P<per>{lexicon.unit_pattern}|{lexicon.currency_pattern}(?!\d)|[^\W\d_]{{2,20}})"
            r"(?P<power>[²³]?))?"
        )

        self._between = re.compile(
            rf"(?<!\w)({lexicon.words.between_words})[ ](\d{{1,15}})[ ](і|й|та|и)[ ](\d{{1,15}})"
            rf"(?![\w%°]|[.,]\d|[ ]?(?:{lexicon.unit_pattern}|{lexicon.magnitude_pattern}|{lexicon.currency_pattern}))",
            re.IGNORECASE,
        )

    def speak(self, text: str) -> str:
        """The text with its counting numbers in words."""
        text = _LEADING_POINT.sub("0.", text)
        text = self._between.sub(self._both_ends, text)
        text = _COMMA_LIST.sub(self._listed, text)
        return self._pattern.sub(self._spoken, text)

    def _both_ends(self, match: re.Match[str]) -> str:
        """`між 5 і 10`: both numbers stand in the instrumental."""
        low, high = (self._grammar.cardinal(int(n), Gender.MASCULINE, Case.INSTRUMENTAL) for n in match.group(2, 4))
        return f"{match.group(1)} {low} {match.group(3)} {high}"

    @staticmethod
    def _listed(match: re.Match[str]) -> str:
        """`1,2,3` is a list, `1,250,000` a number."""
        written = match.group()
        return written if _THOUSANDS.match(written) else written.replace(",", ", ")

    def _read(self, written: str, *, negative: bool = False) -> Numeral:
        return read(written, comma_is_decimal=self._grammar.comma_is_decimal, negative=negative)

    def _spoken(self, match: re.Match[str]) -> str:
        """One quantity in words, followed by what could not be part of it."""
        letter = match.group("letter") or ""
        money = bool(match.group("front") or match.group("back"))
        too_long = letter in "kKкК" and len(match.group("low")) > 4
        if letter and not money and (letter not in _ALWAYS_LETTERS or too_long):
            return self._without_letter(match)
        currency = self._lexicon.currencies.get(match.group("front") or match.group("back") or "")
        unit = self._lexicon.unit(match.group("unit")) if match.group("unit") else None
        magnitude = _LETTERS.get(letter) or self._magnitude(match)
        nearby = self._nearby(match, unit)
        tail = self._per(match, money=currency is not None) + self._stop(match)
        plus = f"{self._lexicon.words.signs['plus']} " if match.group("sign") == "+" else ""
        if match.group("high"):
            return plus * (nearby.case is not None) + self._range(match, currency, unit, magnitude, nearby) + tail
        negative = bool(match.group("inner_sign") or match.group("sign") in ("-", "−", "–"))
        number = self._read(match.group("low"), negative=negative)
        case = nearby.case if nearby.case is not None else Case.NOMINATIVE
        if magnitude:
            return self._grammar.scaled(number, magnitude, currency.unit if currency else unit, case) + tail
        if currency:
            words = self._grammar.money(number, currency, case)
        elif unit:
            words = self._measure(match, number, unit, case)
        else:
            words = self._uncounted(match, number, nearby)
        return plus + words + tail

    def _uncounted(self, match: re.Match[str], number: Numeral, nearby: Nearby) -> str:
        """A number without a unit: a year of our time, or in agreement with its neighbours."""
        four_digits = match.group("low").isdecimal() and len(match.group("low")) == 4 and not number.negative
        if four_digits and self._grammar.reads_as_year(number.whole, nearby):
            case = nearby.case if nearby.case in (None, Case.GENITIVE, Case.DATIVE) else self._place(nearby)
            return self._grammar.year(number.whole, Case.NOMINATIVE if case is None else case)
        return self._grammar.before_words(number, nearby)

    def _place(self, nearby: Nearby) -> Case | None:
        """A bare year behind в or у is a place in time."""
        return self._lexicon.words.places.get(nearby.before)

    def _without_letter(self, match: re.Match[str]) -> str:
        """A letter that only touches the number (5B, 7T) is read as a letter."""
        number = self._read(match.group("low"), negative=match.group("sign") in ("-", "−"))
        at = match.end("low")
        return f"{self._grammar.plain(number)} {match.string[at : match.end()]}"

    def _magnitude(self, match: re.Match[str]) -> int:
        written = match.group("magnitude") or match.group("low_magnitude").strip()
        return self._lexicon.words.magnitudes.get(written, 0)

    def _nearby(self, match: re.Match[str], unit: Noun | None) -> Nearby:
        """The neighbours; `з 16 ГБ` is "with" before a measure, unless `до` or `по` shows the end of a stretch."""
        nearby = self._lexicon.nearby(match.string, match.start(), match.end())
        with_measure = unit is not None and nearby.before in _WITH and nearby.case is Case.GENITIVE
        if with_measure and not _TO_OR_BY.match(match.string[match.end() : match.end() + 12]):
            return Nearby(nearby.before, Case.INSTRUMENTAL)
        return nearby

    def _measure(self, match: re.Match[str], number: Numeral, unit: Noun, case: Case) -> str:
        """The number and its unit; `5-km` in front of a noun stays singular where nouns have no cases."""
        if "-" in match.group("gap") and not self._grammar.comma_is_decimal:
            return f"{self._grammar.plain(number)} {unit.singular[0]}"
        return self._grammar.count(number, unit, case)

    def _per(self, match: re.Match[str], *, money: bool) -> str:
        """Per hour, на годину; a word that is no unit is kept."""
        written = match.group("per")
        if match.group("many") and match.group("unit"):
            return f" {self._lexicon.words.signs['per_other']} "
        if not written:
            return ""
        if written in self._lexicon.currencies:
            return " " + self._grammar.per(self._lexicon.currencies[written].unit, "", money=True)
        key = self._lexicon.unit_key(written)
        if not key:
            return self._grammar.per_word(written, self._lexicon.forms.get(written.lower(), ()), money=money)
        tail = " " + self._grammar.per(self._lexicon.words.units[key], key, money=money)
        power = match.group("power")
        return f"{tail} {self._lexicon.words.operators[power]}" if power else tail

    def _stop(self, match: re.Match[str]) -> str:
        """The full stop of `грн.` where it also ended the sentence; the space a sign took is given back."""
        if match.group("many"):
            return "" if match.group("unit") else match.group("many")
        last = match.group()[-1]
        behind = match.string[match.end() : match.end() + 3]
        ends = not behind.strip() or (behind[:1].isspace() and behind.lstrip()[:1].isupper())
        stop = "." if last == "." and ends else ""
        return stop + (" " if behind[:1].isalpha() and not stop else "")

    def _range(
        self,
        match: re.Match[str],
        currency: Currency | None,
        unit: Noun | None,
        magnitude: int,
        nearby: Nearby,
    ) -> str:
        """Two numbers with a dash: five to ten kilometres; від п'яти до десяти; дві — три книги."""
        low = self._read(match.group("low"), negative=match.group("sign") in ("-", "−"))
        high = self._read(match.group("high"), negative=match.group("high_sign") == "−")
        noun = currency.unit if currency else unit
        if not noun and not magnitude:
            return self._bare_range(match, low, high, nearby)
        closed = nearby.case is None
        case = Case.GENITIVE if nearby.case is None else nearby.case
        counted = noun if not magnitude else self._lexicon.words.magnitude_nouns[magnitude]
        gender = counted.gender if counted else Gender.MASCULINE
        if magnitude:
            top = self._grammar.scaled(high, magnitude, noun, case)
        else:
            top = self._grammar.count(high, noun, case) if noun else self._grammar.plain(high, gender, case)
        plus = f"{self._lexicon.words.signs['plus']} "
        bottom = plus * (closed and match.group("sign") == "+") + self._grammar.plain(low, gender, case)
        return self._grammar.span(bottom, plus * (match.group("high_sign") == "+") + top, closed=closed)

    def _bare_range(self, match: re.Match[str], low: Numeral, high: Numeral, nearby: Nearby) -> str:
        """A range without a unit: years, scores (3-1), and numbers in front of a noun whose form must fit."""
        plain_hyphen = "-" in match.group()[len(match.group("low")) :]
        if len(match.group("low")) == 4 and low.whole % 100 < high.whole < 100 and 1800 <= low.whole <= 2099:
            high = Numeral(low.whole // 100 * 100 + high.whole)
        if 1000 <= low.whole < high.whole <= 2100 and len(match.group("low")) == 4 and not nearby.word:
            case = nearby.case if nearby.case is not None else Case.NOMINATIVE
            ends = (self._grammar.year(n, case) for n in (low.whole, high.whole))
            return self._grammar.span(*ends, closed=False)
        if low.whole > high.whole and plain_hyphen and not low.fraction and not high.fraction:
            return self._grammar.score(low.whole, high.whole, ratio=False)
        if nearby.case is None and self._grammar.closes(high, nearby):
            ends = (self._grammar.before_words(n, self._genitive(nearby)) for n in (low, high))
            return self._grammar.span(*ends, closed=True)
        return self._grammar.span(
            self._grammar.lower_end(low, high, nearby),
            self._grammar.before_words(high, nearby),
            closed=False,
        )

    @staticmethod
    def _genitive(nearby: Nearby) -> Nearby:
        return Nearby(nearby.before, Case.GENITIVE, nearby.word, nearby.following, nearby.readings)
