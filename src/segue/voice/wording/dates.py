"""Dates, years and times of day in words: 21.11.2026, November 21, 2026-11-21T10:30, 17:05, 5 pm, у 2026 році."""

import re

from segue.voice.wording.grammar import Case, Gender
from segue.voice.wording.lexicon import Lexicon, either, ends_sentence

_ISO = re.compile(
    r"(?<![\w.-])(\d{4})[-/](\d{2})[-/](\d{2})"
    r"(?:(?:T|[ ])(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?![\w-]|[.:]\d)"
)
# `in 1500 cities` counts; `in 1999 was` does not. From 1900 on the year is the likelier reading anyway.
_COUNTED_PLURAL = r"(?!(?:was|is|as|its|this|has|does|plus|versus|thus|us)\b)[a-z]{3,30}s\b"
_HALF_DAY = r"(?:[ ]?([ap])\.?[ ]?m\b(\.?))"
_CLOCK = re.compile(
    r"(?<![\w:.,])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:]|\.\d)"
    rf"(?:(?:[ ]?[–—-][ ]?)([01]?\d|2[0-4]):([0-5]\d)(?![\d:]))?{_HALF_DAY}?",
    re.IGNORECASE,
)
_HOUR = re.compile(rf"(?<![\w:.,])(1[0-2]|0?[1-9])(?:[ ]?[–—-][ ]?(1[0-2]|0?[1-9]))?{_HALF_DAY}", re.IGNORECASE)
# `У 1991 р. Україна …`: a year right at the start of a sentence does not end it.
_OPENING = re.compile(r"(?:\A|[.!?]\s)\s?(?:\w{1,3}\s)?\Z")


# `о 9:00, 13:00 та 17:00`: the preposition governs the whole list.
_IN_A_LIST = re.compile(r"(?<!\w)об?[ ](?:\d{1,2}:\d{2}(?:,|[ ](?:та|і|й|або|чи))[ ]){1,8}\Z", re.IGNORECASE)
_FROM_HOUR = re.compile(r"(\d[ ]?[ap]\.?m\.?)[ ]?[–—-][ ]?(?=\d)", re.IGNORECASE)


class Dates:
    """The calendar and clock passes of one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._grammar = lexicon.grammar
        words = lexicon.words
        year = rf"(?:[ ]?({words.year_nouns})(?![^\W\d_]))?"
        separators = r"(?:\.|/|-)"
        self._numeric = re.compile(
            rf"(?<![\w.,/-])(\d{{1,2}})({separators})(\d{{1,2}})\2(\d{{4}}|\d{{2}})(?![\w/-]|\.\d){year}"
        )
        month = lexicon.month_pattern
        self._day_month = re.compile(
            r"(?<![\w.,:/-])(\d{1,2})(?:-?(?:st|nd|rd|th|го|е|ше|те|ге|ме|є))?"
            r"(?:[ ]?[–—-][ ]?(\d{1,2})(?:st|nd|rd|th|го|е|те)?)?"
            rf"(?:[ ]of)?[ ]({month})(?:,?[ ](\d{{4}})(?![\w-]|[.,:]\d))?{year}"
        )
        self._month_day = re.compile(
            rf"(?<!\w)({month})\.?[ ](\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d)"
            r"(?:[ ]?[–—-][ ]?(\d{1,2})(?:st|nd|rd|th)?(?!\w))?"
            r"(?:,?[ ](\d{4})(?![\w-]|[.,:]\d))?"
        )
        before = either([*words.places, *words.prepositions, "по"])
        units = rf"{lexicon.unit_pattern}|{lexicon.magnitude_pattern}|{lexicon.currency_pattern}"
        self._day_dot_month = re.compile(
            rf"(?<!\w)((?:{before})[ ])(\d{{1,2}})\.(0[1-9]|1[0-2])(?![\w%]|[.,]\d|[ ]?(?:{units}))", re.IGNORECASE
        )
        self._first_day = re.compile(
            rf"(?<![\w.,:/-])(\d{{1,2}})(?=[ ](?:по|до|і|й|та|и|або|или)[ ]\d{{1,2}}[ ](?:{month}))"
        )
        self._month_year = re.compile(rf"(?<!\w)({month})\.?,?[ ](\d{{4}})(?![\w-]|[.,:]\d){year}")
        self._year = re.compile(
            r"(?<![\w.,:/-])(\d{3,4}|\d{1,2}(?=[ ]?[рг]\.[ ](?:до[ ])?наш))(?:[ ]?[–—-][ ]?(\d{4}|\d{2}))?"
            rf"(?:-?(?:й|го|му|м|ом|х|е))?[ ]?({words.year_nouns})(?![^\W\d_])"
        )
        self._named_year = re.compile(
            rf"(?<!\w)({words.year_words})[ ]([12]\d{{3}})(?:[ ]?[–—-][ ]?([12]\d{{3}}|\d{{2}}))?"
            rf"(?![\w%°$€£-]|[.,:]\d|[ ]?{lexicon.unit_pattern}|[ ]{_COUNTED_PLURAL})",
            re.IGNORECASE,
        )
        self._scores = re.compile(rf"(?<!\w)(?:{words.score_words})(?!\w)[^.!?]{{0,40}}\Z", re.IGNORECASE)
        self._dotted = re.compile(
            rf"(?<!\w)(?P<lead>(?:{words.clock_words})[ ])([01]?\d|2[0-3])\.([0-5]\d)"
            rf"(?![\w%]|[.,]\d|[ ]?(?:{lexicon.unit_pattern}|{lexicon.magnitude_pattern}|{lexicon.currency_pattern}))",
            re.IGNORECASE,
        )
        self._named = re.compile(rf"(?<!\w)(?:{words.date_is_named})(?!\w)[ ,:—–-]{{0,3}}\Z|[:—–][ ]\Z", re.IGNORECASE)

    def speak(self, text: str) -> str:
        """The text with its dates and times in words."""
        text = _ISO.sub(self._iso, text)
        text = self._numeric.sub(self._by_numbers, text)
        if self._grammar.comma_is_decimal:
            text = self._day_dot_month.sub(self._short_date, text)
        if self._grammar.month_first:
            text = self._month_day.sub(self._month_then_day, text)
        text = self._first_day.sub(self._first_of_two, text)
        text = self._day_month.sub(self._day_then_month, text)
        text = self._month_year.sub(self._month_of_year, text)
        text = self._year.sub(self._year_with_noun, text)
        text = self._named_year.sub(self._year_after_word, text)
        if self._grammar.month_first:
            text = _FROM_HOUR.sub(r"\1 to ", text)
        text = _CLOCK.sub(self._clock, text)
        text = self._dotted.sub(self._dotted_clock, text)
        return _HOUR.sub(self._half_day_hour, text) if self._grammar.month_first else text

    def _iso(self, match: re.Match[str]) -> str:
        year, month, day = (int(match.group(i)) for i in (1, 2, 3))
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return match.group()
        words = self._grammar.date(day, month, year, self._case(match))
        if match.group(4):
            second = int(match.group(6)) if match.group(6) and int(match.group(6)) else None
            words += ", " + self._grammar.clock(int(match.group(4)), int(match.group(5)), second, Case.NOMINATIVE)
        return words

    def _by_numbers(self, match: re.Match[str]) -> str:
        first, mark, second, year = int(match.group(1)), match.group(2), int(match.group(3)), int(match.group(4))
        if len(match.group(4)) == 2:
            if len(match.group(1)) + len(match.group(3)) < 4 or mark == "-":
                return match.group()
            year += 2000 if year < 70 else 1900
        month_first = self._grammar.month_first and mark == "/" and first <= 12
        day, month = (second, first) if month_first else (first, second)
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return match.group()
        return self._grammar.date(day, month, year, self._case(match)) + self._stop(match, 5)

    def _short_date(self, match: re.Match[str]) -> str:
        """`до 31.12`: with a comma for decimals, two digits behind a full stop and a preposition are a month."""
        day, month = int(match.group(2)), int(match.group(3))
        before = match.group(1).strip().lower()
        if not 1 <= day <= 31 or before in ("о", "об", "в", "у"):
            return match.group()
        case = Case.ACCUSATIVE if before in ("по", "на") else self._governed(before, Case.GENITIVE)
        return match.group(1) + self._grammar.date(day, month, None, case)

    def _day_then_month(self, match: re.Match[str]) -> str:
        day, month = int(match.group(1)), self._lexicon.words.months[match.group(3)]
        year = int(match.group(4)) if match.group(4) else None
        if not 1 <= day <= 31:
            return match.group()
        tail = self._stop(match, 5) if year else (f" {match.group(5)}" if match.group(5) else "")
        last = int(match.group(2)) if match.group(2) else 0
        if day < last <= 31:
            return self._grammar.days(day, last, month, year) + tail
        if "of " in match.group():
            spoken = f"{self._grammar.ordinal(day)} of {self._grammar.date(0, month, None, Case.NOMINATIVE)}"
            return spoken + (f", {self._grammar.year(year)}" if year else "")
        return self._grammar.date(day, month, year, self._case(match)) + tail

    def _first_of_two(self, match: re.Match[str]) -> str:
        """The first day of `з 21 по 23 листопада`, whose month stands behind the second."""
        return self._grammar.ordinal(int(match.group(1)), Gender.NEUTER, self._case(match))

    def _month_then_day(self, match: re.Match[str]) -> str:
        month, day = self._lexicon.words.months[match.group(1)], int(match.group(2))
        year = int(match.group(4)) if match.group(4) else None
        if not 1 <= day <= 31:
            return match.group()
        last = int(match.group(3)) if match.group(3) else 0
        if day < last <= 31:
            return self._grammar.days(day, last, month, year)
        return self._grammar.date(day, month, year, Case.NOMINATIVE)

    def _month_of_year(self, match: re.Match[str]) -> str:
        spoken = self._grammar.date(0, self._lexicon.words.months[match.group(1)], int(match.group(2)), Case.NOMINATIVE)
        if not match.group(3) and not self._grammar.comma_is_decimal:
            return spoken
        return f"{match.group(1)} {spoken.split(' ', 1)[1]}{self._stop(match, 3)}"

    def _year_with_noun(self, match: re.Match[str]) -> str:
        first, last, noun = int(match.group(1)), match.group(2), match.group(3)
        readings = self._lexicon.forms.get(noun.lower(), ())
        if noun.endswith("."):
            return self._abbreviated_year(match, first, last)
        ones = [form for form in readings if not form.plural]
        if last:
            case = readings[0].case if readings else Case.NOMINATIVE
            return f"{self._years(first, last, case)} {noun}"
        looks_like_count = first < 1000 and first % 10 in (1, 2, 3, 4)
        if not ones or ((ones[0].case is Case.NOMINATIVE or looks_like_count) and first < 1000):
            return match.group()
        asked = self._lexicon.words.places.get(self._lexicon.word_before(match.string, match.start()))
        case = next((form.case for form in ones if form.case is asked), ones[0].case)
        return f"{self._grammar.year(first, case)} {noun}"

    def _abbreviated_year(self, match: re.Match[str], first: int, last: str | None) -> str:
        """р., рр., г., гг.: the noun takes the case of its preposition, the genitive without one."""
        case = self._lexicon.words.places.get(self._lexicon.word_before(match.string, match.start()), Case.GENITIVE)
        noun = self._lexicon.words.units["year"]
        stop = self._stop(match, 3)
        if last:
            return f"{self._years(first, last, case)} {noun.plural[case]}{stop}"
        return f"{self._grammar.year(first, case)} {noun.singular[case]}{stop}"

    def _years(self, first: int, last: str, case: Case) -> str:
        end = int(last) if len(last) == 4 else first // 100 * 100 + int(last)
        return self._grammar.span(self._grammar.year(first, case), self._grammar.year(end, case), closed=False)

    def _year_after_word(self, match: re.Match[str]) -> str:
        first = int(match.group(2))
        words = self._grammar.year(first)
        if match.group(3):
            words = self._years(first, match.group(3), Case.NOMINATIVE)
        return f"{match.group(1)} {words}"

    def _clock(self, match: re.Match[str]) -> str:
        if self._scores.search(match.string[max(0, match.start() - 60) : match.start()]):
            return match.group()
        hour, minute = int(match.group(1)), int(match.group(2))
        second = int(match.group(3)) if match.group(3) else None
        case = self._clock_case(match)
        if match.group(4):
            ends = (hour, minute), (int(match.group(4)), int(match.group(5)))
            closed = case is Case.NOMINATIVE
            low, high = (self._grammar.clock(h, m, None, Case.GENITIVE if closed else case) for h, m in ends)
            words = self._grammar.span(low, high, closed=closed)
        else:
            on_the_hour = match.group(6) and not minute
            words = self._grammar.cardinal(hour) if on_the_hour else self._grammar.clock(hour, minute, second, case)
        return words + self._half_day(match, 6)

    def _clock_case(self, match: re.Match[str]) -> Case:
        if _IN_A_LIST.search(match.string[max(0, match.start() - 60) : match.start()]):
            return Case.LOCATIVE
        return self._governed(self._lexicon.word_before(match.string, match.start()), Case.NOMINATIVE)

    def _governed(self, before: str, default: Case) -> Case:
        """The case after a preposition; `о 10:30` is a place in time, `з` means a beginning here."""
        words = self._lexicon.words
        if before in ("о", "об"):
            return Case.LOCATIVE
        if words.places.get(before) is Case.GENITIVE:
            return Case.GENITIVE
        return words.prepositions.get(before, default)

    def _dotted_clock(self, match: re.Match[str]) -> str:
        hour, minute = int(match.group(2)), int(match.group(3))
        case = self._governed(match.group("lead").strip().lower(), Case.NOMINATIVE)
        return match.group("lead") + self._grammar.clock(hour, minute, None, case)

    def _half_day_hour(self, match: re.Match[str]) -> str:
        words = self._grammar.cardinal(int(match.group(1)))
        if match.group(2):
            words = self._grammar.span(words, self._grammar.cardinal(int(match.group(2))), closed=True)
        return words + self._half_day(match, 3)

    @staticmethod
    def _half_day(match: re.Match[str], group: int) -> str:
        """AM or PM; a full stop of `p.m.` that ends the sentence stays."""
        if not match.group(group):
            return ""
        ends = match.group(group + 1) and ends_sentence(match.string, match.end())
        return f" {match.group(group).upper()}M" + ("." if ends else "")

    @staticmethod
    def _stop(match: re.Match[str], group: int) -> str:
        """The full stop of `р.` where it also ended the sentence."""
        written = match.group(group) or ""
        opening = _OPENING.search(match.string[max(0, match.start() - 24) : match.start()])
        if opening and match.string[match.end() : match.end() + 4].strip(" "):
            return ""
        return "." if written.endswith(".") and ends_sentence(match.string, match.end()) else ""

    def _case(self, match: re.Match[str]) -> Case:
        """A date answers "when" in the genitive; after a preposition, or where it is named, in another case."""
        text, at = match.string, match.start()
        before = self._lexicon.word_before(text, at)
        if before == "по":
            return Case.ACCUSATIVE
        if before in self._lexicon.words.prepositions:
            return self._governed(before, Case.GENITIVE)
        after = text[match.end() : match.end() + 3].strip()
        alone = at < 24 and not text[:at].strip() and (not after.strip(".!?") or after[:1] in "—–-")
        return Case.NOMINATIVE if alone or self._named.search(text[max(0, at - 24) : at]) else Case.GENITIVE
