"""Ordinals: 21st, 3-го, 90-х, the 1990s, XIX століття, розділ IV, and compounds such as 5-поверховий."""

import re

from segue.voice.wording.grammar import Case, Gender
from segue.voice.wording.lexicon import Lexicon, ends_sentence

_LATIN = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(st|nd|rd|th)(?!\w)", re.IGNORECASE)
_FROM_ORDINAL = re.compile(r"(\d(?:st|nd|rd|th))[ ]?[–—-][ ]?(?=\d{1,9}(?:st|nd|rd|th))", re.IGNORECASE)
_DECADE = re.compile(r"(?<![\w.,$€£])['’]?(\d{0,2}\d0)['’]?s(?!\w)")
_SUFFIXED = re.compile(r"(?<![\w.,:/])(\d{1,12})(?:[ ]?[–—-][ ]?(\d{1,12}))?-([а-яіїєґё'’]{1,24})(?![\w])")
_PERCENTS = re.compile(r"(?<![\w.,])(\d{1,3})[ ]?%[ ]?-([а-яіїєґ]{1,4})(?!\w)")
_ROMAN_FIRST = re.compile(r"(?<!\w)([IVXІХ]{1,5})[ ]([^\W\d_]{2,30})(?!\w)")
_ROMAN_LETTERS = "IVXLCDMІХСМ"
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_TO_LATIN = str.maketrans("ІХСМ", "IXCM")
_VALID_ROMAN = re.compile(r"M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})\Z")


def roman(written: str) -> int:
    """The value of a Roman numeral, in Latin or look-alike Cyrillic letters; 0 if it is none."""
    letters = written.translate(_TO_LATIN)
    if not letters or not _VALID_ROMAN.match(letters):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in letters]
    return sum(-v if v < following else v for v, following in zip(values, [*values[1:], 0], strict=True))


class Ordinals:
    """The ordinal passes of one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._grammar = lexicon.grammar
        words = lexicon.words
        letters = rf"[{_ROMAN_LETTERS}]{{1,9}}"
        self._century = re.compile(
            rf"(?<!\w)({letters}|\d{{1,2}}(?=[ ](?:{words.century_words})(?![ ]?л)))"
            rf"(?:[ ]?[–—-][ ]?({letters}|\d{{1,2}}))?(?:-?(?:го|й|му|м|те|е|th|st|nd|rd))?"
            rf"[ ]({words.century_words})(?![^\W\d_])"
        )
        self._after_noun = re.compile(
            rf"(?<!\w)({words.roman_nouns})[ ]([{_ROMAN_LETTERS}]{{1,9}})(?!\w)", re.IGNORECASE
        )
        self._reign = re.compile(rf"(?<!\w)({words.reign_names})[ ]([IVX]{{1,6}})(?!\w)")

    def speak(self, text: str) -> str:
        """The text with its ordinals in words."""
        if self._grammar.month_first:
            text = _FROM_ORDINAL.sub(r"\1 to ", text)
            text = _LATIN.sub(self._latin, text)
            text = _DECADE.sub(lambda match: self._grammar.decade(int(match.group(1))), text)
        text = self._century.sub(self._of_century, text)
        text = self._after_noun.sub(self._numbered_noun, text)
        text = self._reign.sub(self._monarch, text)
        if self._grammar.groups_as_numbers:
            text = _PERCENTS.sub(self._percents, text)
            text = _SUFFIXED.sub(self._with_suffix, text)
            text = _ROMAN_FIRST.sub(self._before_noun, text)
        return text

    def _percents(self, match: re.Match[str]) -> str:
        return self._grammar.percents(int(match.group(1)), match.group(2)) or match.group()

    def _before_noun(self, match: re.Match[str]) -> str:
        """`II тур`, `ІІ світова`: an ordinal in the form of the singular noun or adjective behind it."""
        value, word = roman(match.group(1)), match.group(2)
        form = next((form for form in self._lexicon.forms.get(word.lower(), ()) if not form.plural), None)
        if form and value and match.group(1) != "І":
            return f"{self._grammar.ordinal(value, form.noun.gender, form.case)} {word}"
        feminine = self._grammar.feminine_adjective(word) if value and len(match.group(1)) > 1 else None
        if feminine is None:
            return match.group()
        return f"{self._grammar.ordinal(value, Gender.FEMININE, feminine)} {word}"

    def _latin(self, match: re.Match[str]) -> str:
        return self._grammar.ordinal(int(match.group(1).replace(",", "")))

    def _with_suffix(self, match: re.Match[str]) -> str:
        ends = [int(match.group(i)) for i in (1, 2) if match.group(i)]
        following = re.match(r"[ ]([^\W\d_]+)", match.string[match.end() : match.end() + 40])
        before = self._lexicon.word_before(match.string, match.start())
        if match.string[max(0, match.start() - 8) : match.start()].endswith("пів на "):
            before = "пів"
        readings = self._lexicon.forms.get(following.group(1).lower(), ()) if following else ()
        wanted = [(form.noun.gender, form.case, form.plural) for form in readings]
        if following and not wanted and before in ("у", "в", "на") and following.group(1).endswith("і"):
            wanted = [(Gender.FEMININE, Case.LOCATIVE, False)]
        spoken = [self._grammar.suffixed(n, match.group(3), wanted, before) for n in ends]
        if all(spoken):
            return " — ".join(spoken)
        return match.group().replace("-", " ")

    def _of_century(self, match: re.Match[str]) -> str:
        ends = [self._value(match.group(i)) for i in (1, 2) if match.group(i)]
        if not all(ends):
            return match.group()
        before = self._lexicon.word_before(match.string, match.start())
        stop = "." if match.group(3).endswith(".") and ends_sentence(match.string, match.end()) else ""
        return self._grammar.century(ends, match.group(3), before, self._lexicon.words.places.get(before)) + stop

    @staticmethod
    def _value(written: str) -> int:
        return int(written) if written.isdecimal() else roman(written)

    def _numbered_noun(self, match: re.Match[str]) -> str:
        noun, value = match.group(1), roman(match.group(2).upper() if match.group(2).isupper() else "")
        if not value:
            return match.group()
        readings = self._lexicon.forms.get(noun.lower(), ())
        if readings:
            return f"{noun} {self._grammar.ordinal(value, readings[0].noun.gender, readings[0].case)}"
        return f"{noun} {self._grammar.cardinal(value)}"

    def _monarch(self, match: re.Match[str]) -> str:
        value = roman(match.group(2))
        return f"{match.group(1)} {self._grammar.reign(match.group(1), value)}" if value else match.group()
