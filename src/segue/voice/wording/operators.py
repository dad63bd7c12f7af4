"""Signs between and in front of numbers: 2 × 3, a ≤ b, ±5, № 5, 1/2, 3:1, 10×15 см, x²."""

import re

from segue.voice.wording.grammar import Case
from segue.voice.wording.lexicon import Lexicon
from segue.voice.wording.numerals import Numeral, read

_TWO_SIGNS = {
    "<=": "≤",
    ">=": "≥",
    "=<": "≤",
    "!=": "≠",
    "<>": "≠",
    "+-": "±",
    "+/-": "±",
    "==": "=",
    "===": "=",
    "!==": "≠",
    "~=": "≈",
    ":=": "=",
}
_DOUBLE = re.compile(r"[=!]==|\+/-|<=|>=|=<|!=|<>|\+-(?=\d)|==|~=|:=")
_RATIO = re.compile(r"(?<![\w.,:])(\d{1,7})[ ]?:[ ]?(\d{1,9})(?![\w:]|[.,]\d)")
_SPACED_QUOTIENT = re.compile(r"(?<=[\d)])[ ]/[ ](?=[\d(])")
_MINUS = re.compile(r"(?<=[\d)²³])[ ]?−[ ]?(?=[\d(A-Za-z])|(?<![^\W_])(?P<left>[A-Za-z])[ ]?−[ ]?(?=[\w(])")
_HYPHEN_MINUS = re.compile(
    r"(?<![\w.,])(\d{1,15}(?:[.,]\d{1,9})?)( - |-)(\d{1,15}(?:[.,]\d{1,9})?)(?![\w-]|[.,]\d)(?=[ ]?(=)?)"
)
_LETTER_MINUS = re.compile(r"(?<![\w-])(\w{1,2}|[\w²³]{1,3}\)) - (?=[A-Za-z0-9(](?![^\W\d_]))")
_COMPARE = re.compile(r"(?P<left>[\w)²³%])(?P<gap>[ ]?)(?P<sign>[<>])[ ]?(?=(?P<right>[\w(−$€-]))")
_POWER = re.compile(r"\^(?:\(([−-]?\d{1,9}|[A-Za-z])\)|([−-]?\d{1,9}|[A-Za-z]))")
_DIMENSIONS = re.compile(r"(?<=\d)[ ]?[xх×][ ]?(?=\d)")
_TILDE = re.compile(r"(?<=[\d%])[ ]?[~～][ ]?(?=\d)")
_SCIENTIFIC = re.compile(r"(?<![\w.,])(\d{1,9}(?:[.,]\d{1,9})?)[eE]([+-]?\d{1,3})(?!\w)")
_FEET_AND_INCHES = re.compile(r"(?<![\w'’])(\d)['’′][ ]?(\d{1,2})(?:\"|″|'')")
_QUOTE = re.compile(r'(\d)?"')
_SCHOOL_YEAR = re.compile(r"(?<![\w./-])((?:19|20)\d{2})/((?:19|20)?\d{2})(?![\w/-]|[.,]\d)")
_UNARY = re.compile(r"\+(?=[\d$€£])")
_DOT_TIMES = re.compile(r"((?<![^\W\d_])[A-Za-zπ]|[\d)²³])[·⋅](?=[\w(π])")
_MARK_OF = re.compile(r"(?<![\w.,/])(\d{1,3}[.,]\d{1,2})/(\d{1,3})(?![\w/]|[.,]\d)")
_LETTER_QUOTIENT = re.compile(r"(?<![^\W_])([A-Za-z])/(?=[A-Za-z](?![^\W_]))")
_WORDY = re.compile(r"[^\W\d_-]{2,}(?:-[^\W\d_-]+)?")


class _Inches:
    """A double quote behind a digit is inches, unless it closes a quotation that is open."""

    def __init__(self) -> None:
        self._open = False

    def __call__(self, match: re.Match[str]) -> str:
        if match.group(1) and not self._open:
            return match.group(1) + "″"
        self._open = not self._open
        return match.group()


class Operators:
    """The pass over signs, for one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._grammar = lexicon.grammar
        self._signs = lexicon.words.signs
        self._operators = lexicon.words.operators
        number, section = self._signs["number"], self._signs["section"]
        self._scores = re.compile(rf"(?<!\w)(?:{lexicon.words.score_words})(?!\w)[^.!?]{{0,40}}\Z", re.IGNORECASE)
        self._fraction_pattern = re.compile(
            r"(?<![\w.,:/])(?:(\d{1,4})[ ]{1,2})?(\d{1,4})/(\d{1,4})(?![\d/]|[.,:]\d)"
            rf"(?:[ ]?({lexicon.unit_pattern}|{lexicon.currency_pattern}))?(?!\w)"
        )
        self._numbered = re.compile(rf"(?<!\w){number} \Z", re.IGNORECASE)
        self._out_of = re.compile(rf"(?<!\w)(?:{lexicon.words.out_of_words})[ :—–-]{{1,3}}\Z", re.IGNORECASE)
        self._measured = re.compile(rf"[\d.,]{{1,12}}(?:[ ]?[xх×][ ]?[\d.,]{{1,12}})?[ ]?{lexicon.unit_pattern}")
        spoken = "".join(sign for sign in self._operators if len(sign) == 1 and sign not in "<>-^²³/")
        self._any = re.compile(f"[ ]?([{re.escape(spoken)}])[ ]?")
        self._in_front = (
            (re.compile(r"(?:№{1,2}|(?<![\w#])#)[ ]?(?=\d)"), f" {number} "),
            (re.compile(r"№{1,2}"), f" {number} "),
            (re.compile(r"§{1,2}[ ]?"), f" {section} "),
            (re.compile(r"(?<![\w)])[~≈][ ]?(?=[\d$€£₴])"), f"{self._signs['about']} "),
            (re.compile(r"(?<![\w)\]])(?<![\w)\]%][ ])<[ ]?(?=[\d$€£₴₽])"), f"{self._signs['less']} "),
            (re.compile(r"(?<![\w)\]])(?<![\w)\]%][ ])>[ ]?(?=[\d$€£₴₽])"), f"{self._signs['more']} "),
            (_DOT_TIMES, r"\1 × "),
            (re.compile("(?<![α-ωά-ώ])[ ]?π[ ]?(?![α-ωά-ώ])"), f" {self._signs['pi']} "),
            (re.compile(r"[ ]?&+[ ]?"), f" {self._signs['and']} "),
            (re.compile(r"(?<=\w)[ ]?≈[ ]?(?=\d)"), f" {self._operators['≈']} "),
        )

    def speak(self, text: str) -> str:
        """The text with its operators in words; the numbers stay for the pass over quantities."""
        text = _DOUBLE.sub(lambda match: _TWO_SIGNS[match.group()], text)
        for pattern, words in self._in_front:
            text = pattern.sub(words, text)
        text = _TILDE.sub("–", text)
        text = _SCIENTIFIC.sub(r"\1 × 10^\2", text)
        text = _FEET_AND_INCHES.sub("\\1′ \\2″", text)
        text = _QUOTE.sub(_Inches(), text) if '"' in text else text
        text = _SCHOOL_YEAR.sub(self._school_year, text)
        text = _DIMENSIONS.sub(self._dimension, text)
        text = _MARK_OF.sub(self._mark_of, text)
        if "=" in text:
            text = _LETTER_QUOTIENT.sub(rf"\1 {self._operators['÷']} ", text)
        text = self._fraction_pattern.sub(self._fraction, text)
        text = _RATIO.sub(self._ratio, text)
        text = _SPACED_QUOTIENT.sub(f" {self._operators['÷']} ", text)
        text = _HYPHEN_MINUS.sub(self._hyphen, text)
        minus = f" {self._operators['-']} "
        text = _LETTER_MINUS.sub(rf"\1{minus}", text)
        text = _MINUS.sub(lambda match: (match.group("left") or "") + minus, text)
        text = _COMPARE.sub(self._comparison, text)
        text = _POWER.sub(self._power, text)
        return self._any.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        """A sign by its name; a plus in front of a number (+5) stays for the pass over quantities."""
        if match.group(1) == "+" and _UNARY.match(match.string, match.start(1)):
            behind = match.string[max(0, match.start() - 2) : match.start()].rstrip()
            if not behind or not (behind[-1].isalnum() or behind[-1] in ")²³%°"):
                return match.group()
            if match.group().startswith(" ") and behind[-1].isalpha() and not match.group().endswith(" "):
                return match.group()
        return f" {self._operators[match.group(1)]} "

    def _school_year(self, match: re.Match[str]) -> str:
        """`2024/25` names two years."""
        first, last = match.groups()
        end = int(last) if len(last) == 4 else int(first[:2] + last)
        case = self._lexicon.words.places.get(self._lexicon.word_before(match.string, match.start()))
        case = Case.NOMINATIVE if case is None else case
        return self._grammar.span(self._grammar.year(int(first), case), self._grammar.year(end, case), closed=False)

    def powers(self, text: str) -> str:
        """² and ³ that belong to no unit."""
        for sign in "²³":
            text = text.replace(sign, f" {self._operators[sign]} ")
        return text

    def _power(self, match: re.Match[str]) -> str:
        exponent = match.group(1) or match.group(2)
        if exponent in ("2", "3"):
            return "²" if exponent == "2" else "³"
        return " " + self._operators["^"].format(exponent)

    def _dimension(self, match: re.Match[str]) -> str:
        """A letter x, or a sign in front of a measure, stands between sides; else it multiplies."""
        measured = self._measured.match(match.string, match.end())
        by = match.group().strip() != "×" or measured
        return f" {self._signs['by'] if by else self._operators['×']} "

    def _fraction(self, match: re.Match[str]) -> str:
        whole, top, bottom = match.group(1), int(match.group(2)), int(match.group(3))
        sign = match.group(4) or ""
        currency = self._lexicon.currencies.get(sign)
        unit = currency.unit if currency else self._lexicon.unit(sign)
        tail = f" {unit.singular[Case.GENITIVE]}" if unit else ""
        if not bottom or max(top, bottom) > 1000 or (match.group(2) + match.group(3)).startswith("0"):
            slash = self._signs["slash"]
            return f"{match.group(1) or ''} {top} {slash} {bottom} {sign}"
        if not tail and self._numbered.search(match.string[max(0, match.start() - 12) : match.start()]):
            return f"{top} {self._signs['slash']} {bottom}"
        marked = self._out_of.search(match.string[max(0, match.start() - 24) : match.start()])
        if not whole and not tail and (bottom in (10, 100) or top == bottom or marked):
            return self._grammar.out_of(Numeral(top), Numeral(bottom))
        if not whole and not tail and top > bottom:
            return f"{top} {self._signs['over']} {bottom}"
        if whole and top < bottom:
            return self._grammar.mixed_fraction(int(whole), top, bottom) + tail
        front = f"{whole} " if whole else ""
        case = self._lexicon.nearby(match.string, match.start(), match.end()).case
        return front + self._grammar.fraction(top, bottom, case if case is Case.GENITIVE else Case.NOMINATIVE) + tail

    def _mark_of(self, match: re.Match[str]) -> str:
        """`4.7/5` is a mark."""
        mark = read(match.group(1), comma_is_decimal=self._grammar.comma_is_decimal)
        return self._grammar.out_of(mark, Numeral(int(match.group(2))))

    def _ratio(self, match: re.Match[str]) -> str:
        score = self._scores.search(match.string[max(0, match.start() - 60) : match.start()])
        first, second = int(match.group(1)), int(match.group(2))
        if first >= 1000 and 1900 <= second <= 2099:
            return f"{first}, {second}"
        return self._grammar.score(first, second, ratio=not score and max(first, second) > 20)

    def _hyphen(self, match: re.Match[str]) -> str:
        """`5 - 3` and `5-3=2` subtract; `5-10` and `5 - 10 km` are ranges and stay for later."""
        low, high = (float(match.group(i).replace(",", ".")) for i in (1, 3))
        spaced = match.group(2) == " - "
        if match.group(4) or (spaced and low >= high):
            return f"{match.group(1)} {self._operators['-']} {match.group(3)}"
        return match.group()

    def _comparison(self, match: re.Match[str]) -> str:
        """A comparison where a number or a single letter stands beside the sign; a path of menus otherwise."""
        text, at = match.string, match.start("sign")
        before = re.search(r"[^\W\d_]+(?:-[^\W\d_]+)?\Z", text[max(0, at - 30) : at].rstrip(" "))
        behind = re.match(r"[^\W\d_]+(?:-[^\W\d_]+)?", text[match.end() : match.end() + 30])
        wordy = all(side and _WORDY.fullmatch(side.group()) for side in (before, behind))
        if wordy and match.group("sign") == ">":
            return f"{match.group('left')}, "
        return f"{match.group('left')} {self._operators[match.group('sign')]} "
