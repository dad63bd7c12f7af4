# ruff: noqa: ARG002 - the interface carries case and gender, which Chinese has not
"""How Chinese speaks numbers, dates and times."""

import re
from functools import lru_cache

from segue.voice.wording.grammar import Case, Currency, Gender, Grammar, Nearby, Noun
from segue.voice.wording.languages.zh.words import PARTS, UNITS, WORDS
from segue.voice.wording.numerals import Numeral

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
_HAN = "\u3400-\u9fff"
_JOIN = re.compile(rf"(?<=[{_HAN}])(?=[A-Za-z0-9$€£¥]|[+−-][0-9])|(?<=[A-Za-z0-9%])(?=[{_HAN}])")
_YEAR = re.compile(r"(?<![\d.])(\d{4})(?:[ ]?[-–—~至到][ ]?(\d{4}))?[ ]?(?=年)")
_MEASURES = "个只位条张本次件台天年斤块名种家座辆杯小岁项倍篇首句段层间份盒瓶双对群批周"
_TWO = re.compile(rf"(?<![\d.,:/-])(?<!第)(?<!第[ ])2[ ]?(?=[{_MEASURES}])")
_MONTH_DAY = re.compile(
    r"(?<!\d)(\d{1,2})[ ]?月[ ]?(?:(\d{1,2})[ ]?(?:[日号]?[ ]?[-–—~至到][ ]?(\d{1,2}))?[ ]?([日号]))?"
)
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_TILDE = re.compile(r"(?<=\d)[ ]?[~～][ ]?(?=\d)")
_COUNTED = frozenset(noun.singular[0] for noun in UNITS.values()) - {"度", "元"}


@lru_cache(maxsize=16384)
def _group(n: int) -> str:
    """1 <= n < 10000, without the leading 一 of 十."""
    words, gap = "", False
    for place in (3, 2, 1, 0):
        digit = n // 10**place % 10
        if not digit:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[digit] + _PLACES[place]
        gap = False
    return words


class Chinese(Grammar):
    """Chinese: years are read digit by digit, percents and fractions name the whole first."""

    words = WORDS

    def prepare(self, text: str) -> str:
        """Years, dates and 两 in their own way; a space between Chinese and the rest, where the passes look for it."""
        text = _TILDE.sub("–", text)
        text = _MOBILE.sub(lambda match: self.digits(match.group()), text)
        text = _YEAR.sub(self._years, text)
        text = _MONTH_DAY.sub(self._month_day, text)
        text = _TWO.sub("两", text)
        return _JOIN.sub(" ", text)

    def _years(self, match: re.Match[str]) -> str:
        return "到".join(self.year(int(group)) for group in match.groups() if group)

    def _month_day(self, match: re.Match[str]) -> str:
        month = self.cardinal(int(match.group(1))) + "月"
        if not match.group(2):
            return month
        days = "到".join(self.cardinal(int(day)) for day in match.group(2, 3) if day)
        return month + days + match.group(4)

    def cardinal(self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE) -> str:
        """The cardinal of `n`: 两 in front of 千, 万 and 亿, 零 over gaps."""
        if n < 20:
            return _DIGITS[n] if n < 10 else "十" + (_DIGITS[n - 10] if n > 10 else "")
        words = ""
        for place in (3, 2, 1, 0):
            chunk = n // 10000**place % 10000
            if not chunk:
                continue
            if words and (chunk < 1000 or n // 10000 ** (place + 1) % 10000 == 0):
                words += "零"
            spoken = "两" if chunk == 2 and place else _group(chunk)
            words += spoken + _GROUPS[place]
        words = words.replace("二千", "两千")
        return words.removeprefix("一") if words.startswith("一十") else words

    def ordinal(
        self, n: int, gender: Gender = Gender.MASCULINE, case: Case = Case.NOMINATIVE, *, plural: bool = False
    ) -> str:
        """第三."""
        return f"第{self.cardinal(n)}"

    def digits(self, written: str) -> str:
        """Without spaces between."""
        return "".join(_DIGITS[int(digit)] for digit in written if digit in "0123456789")

    def decimal(self, number: Numeral, case: Case = Case.NOMINATIVE) -> str:
        """三点一四."""
        return f"{self.cardinal(number.whole)}点{self.digits(number.fraction)}"

    def signed(self, words: str, number: Numeral) -> str:
        """负 in front."""
        return f"负{words}" if number.negative else words

    def count(self, number: Numeral, noun: Noun, case: Case = Case.NOMINATIVE) -> str:
        """五公里, 百分之五, 两小时, 零下五摄氏度."""
        if noun in PARTS:
            return f"{'负' if number.negative else ''}{PARTS[noun]}{self._bare(number)}"
        word = noun.singular[0]
        cold = number.negative and "氏度" in word
        bare = "两" if number == Numeral(2) and word in _COUNTED else self._bare(number)
        return f"{'零下' if cold else '负' if number.negative else ''}{bare}{word}"

    def _bare(self, number: Numeral) -> str:
        return self.decimal(number) if number.fraction else self.cardinal(number.whole)

    def money(self, number: Numeral, currency: Currency, case: Case = Case.NOMINATIVE) -> str:
        """Three point five dollars; zeros at the end are not read."""
        short = Numeral(number.whole, number.fraction.rstrip("0"), number.negative)
        return self.count(short, currency.unit)

    def scaled(self, number: Numeral, magnitude: int, noun: Noun | None, case: Case = Case.NOMINATIVE) -> str:
        """一百五十万美元: the scale is multiplied out where it comes out whole."""
        digits = int(f"{number.whole}{number.fraction}") * magnitude
        whole, rest = divmod(digits, 10 ** len(number.fraction))
        tail = noun.singular[0] if noun else ""
        if rest or whole >= 10**15:
            return f"{self._bare(number)}{self.words.magnitude_nouns[magnitude].singular[0]}{tail}"
        return f"{'负' if number.negative else ''}{self.cardinal(whole)}{tail}"

    def date(self, day: int, month: int, year: int | None, case: Case) -> str:
        """二零二六年十一月二十一日."""
        front = f"{self.year(year)}年" if year is not None else ""
        return f"{front}{self.cardinal(month)}月" + (f"{self.cardinal(day)}日" if day else "")

    def days(self, first: int, last: int, month: int, year: int | None) -> str:
        """十一月二十一日到二十三日."""
        return f"{self.date(first, month, year, Case.NOMINATIVE)}到{self.cardinal(last)}日"

    def clock(self, hour: int, minute: int, second: int | None, case: Case) -> str:
        """十点三十分, 十七点零五分, 十点."""
        words = f"{'两' if hour == 2 else self.cardinal(hour)}点"
        if minute or second is not None:
            words += f"{'零' if 0 < minute < 10 else ''}{self.cardinal(minute)}分"
        return words + (f"{self.cardinal(second)}秒" if second is not None else "")

    def fraction(self, top: int, bottom: int, case: Case = Case.NOMINATIVE) -> str:
        """四分之三."""
        return f"{self.cardinal(bottom)}分之{self.cardinal(top)}"

    def mixed_fraction(self, whole: int, top: int, bottom: int) -> str:
        """二又二分之一."""
        return f"{self.cardinal(whole)}又{self.fraction(top, bottom)}"

    def out_of(self, top: Numeral, bottom: Numeral) -> str:
        """十分之八."""
        return f"{self._bare(bottom)}分之{self._bare(top)}"

    def span(self, low: str, high: str, *, closed: bool) -> str:
        """五到十; what names the whole (百分之) is said once more."""
        part = next((name for name in PARTS.values() if high.startswith(name)), "")
        return f"{part}{low}到{high}"

    def year(self, n: int, case: Case = Case.NOMINATIVE) -> str:
        """Digit by digit."""
        return self.digits(str(n))

    def per(self, unit: Noun, key: str, *, money: bool) -> str:
        """每小时."""
        return f"每{unit.singular[0]}"

    def per_word(self, written: str, readings: object, *, money: bool) -> str:
        """每 and the word."""
        return f"每{written}"

    def score(self, first: int, second: int, *, ratio: bool) -> str:
        """三比一."""
        return f"{self.cardinal(first)}比{self.cardinal(second)}"

    def before_words(self, number: Numeral, nearby: Nearby) -> str:
        """A plain number; Chinese has no agreement."""
        return self.plain(number)


CHINESE = Chinese()
