"""How Ukrainian speaks numbers, dates and times."""

from functools import lru_cache

from num2words import num2words

from segue.voice.wording.grammar import Case, Gender
from segue.voice.wording.languages.agreement import Agreeing
from segue.voice.wording.languages.slavic import NOMINAL
from segue.voice.wording.languages.uk.nouns import CENTURY, MAGNITUDE_NOUNS, UNITS
from segue.voice.wording.languages.uk.words import WORDS
from segue.voice.wording.numerals import Numeral

# one to four: genitive, dative, instrumental, locative
_ONES = {
    1: ("одного", "одному", "одним", "одному"),
    2: ("двох", "двом", "двома", "двох"),
    3: ("трьох", "трьом", "трьома", "трьох"),
    4: ("чотирьох", "чотирьом", "чотирма", "чотирьох"),
}
_ONE_FEMININE = ("одна", "однієї", "одній", "одну", "однією", "одній")
_STEMS = {5: "п'ят", 6: "шест", 7: "сем", 8: "восьм", 9: "дев'ят"}
_INSTRUMENTAL = {5: "п'ятьма", 6: "шістьма", 7: "сьома", 8: "вісьма", 9: "дев'ятьма"}
_TENS = {40: "сорока", 90: "дев'яноста", 100: "ста"}
# the last part of 200 … 900: genitive, dative, instrumental, locative
_HUNDREDS = ("сот", "стам", "стами", "стах")
_OBLIQUE = {Case.GENITIVE: 0, Case.DATIVE: 1, Case.INSTRUMENTAL: 2, Case.LOCATIVE: 3}
_THIRD = {
    "третій": (
        "третій третього третьому третій третім третьому",
        "третя третьої третій третю третьою третій",
        "третє третього третьому третє третім третьому",
        "треті третіх третім треті третіми третіх",
    )
}


_ENDINGS = {
    "ий": (
        "ий ого ому ий им ому",
        "а ої ій у ою ій",
        "е ого ому е им ому",
        "і их им і ими их",
    )
}
_COMPOUNDS = {1: "одно", 2: "дво", 3: "три", 4: "чотири", 90: "дев'яносто", 100: "сто", 1000: "тисячо"}
_CENTURY_FORMS = {
    "століттю": Case.DATIVE, "столітті": Case.LOCATIVE, "століттям": Case.INSTRUMENTAL,
    "століть": Case.GENITIVE, "століттях": Case.LOCATIVE,
    "тисячолітті": Case.LOCATIVE, "сторіччі": Case.LOCATIVE, "сторіч": Case.GENITIVE,
}  # fmt: skip


@lru_cache(maxsize=2048)
def _nominative(n: int) -> str:
    return str(num2words(n, lang="uk"))


@lru_cache(maxsize=2048)
def _ordinal(n: int) -> str:
    return str(num2words(n, lang="uk", to="ordinal"))


def _oblique(n: int, case: Case) -> str:
    """One element (1..19, tens, hundreds) in an oblique case; num2words writes `двохста` for `двохсот`."""
    place = _OBLIQUE[case]
    if n in _ONES:
        return _ONES[n][place]
    if n in _TENS:
        return _TENS[n]
    if n >= 200:
        return _oblique(n // 100, case) + _HUNDREDS[place]
    if n in _STEMS:
        return _INSTRUMENTAL[n] if case is Case.INSTRUMENTAL else _STEMS[n] + "и"
    stem = _nominative(n).removesuffix("ь")
    return stem + ("ьма" if case is Case.INSTRUMENTAL else "и")


class Ukrainian(Agreeing):
    """Ukrainian: the hour is an ordinal (о десятій тридцять), 2 to 4 take the nominative plural."""

    words = WORDS
    zero = ("нуль", "нуля", "нулю", "нуль", "нулем", "нулі")
    scales = tuple(sorted(MAGNITUDE_NOUNS.items(), reverse=True))
    endings = _ENDINGS
    soft_third = _THIRD
    wholes = "цілий"
    half_more = ("півтора", "півтори", "")
    decimal_mark = "кома"
    months_nominative = tuple("січень лютий березень квітень травень червень липень серпень вересень жовтень "
                              "листопад грудень".split())  # fmt: skip
    months_genitive = tuple("січня лютого березня квітня травня червня липня серпня вересня жовтня "
                            "листопада грудня".split())  # fmt: skip
    year_genitive = "року"
    from_to = ("від", "до")
    from_by = ("з", "по")
    compounds = _COMPOUNDS
    thousandth = ((10**12, "трильйонний"), (10**9, "мільярдний"), (10**6, "мільйонний"), (10**3, "тисячний"))
    ratio_case = Case.GENITIVE
    queens = ("Катерин", "Єлизавет", "Марі", "Анн", "Вікторі", "Ізабелл")
    queen_endings = (("и", Case.GENITIVE), ("ії", Case.GENITIVE), ("і", Case.DATIVE), ("у", Case.ACCUSATIVE),
                     ("ю", Case.ACCUSATIVE), ("ою", Case.INSTRUMENTAL))  # fmt: skip
    king_endings = (("ом", Case.INSTRUMENTAL), ("єм", Case.INSTRUMENTAL), ("а", Case.GENITIVE), ("я", Case.GENITIVE),
                    ("у", Case.DATIVE), ("ю", Case.DATIVE), ("ові", Case.DATIVE), ("єві", Case.DATIVE))  # fmt: skip
    century_noun = CENTURY
    century_forms = _CENTURY_FORMS
    hour_prepositions = ("о", "об")
    day_parts = ("ранку", "вечора", "ночі", "дня", "пополудні")
    numbered_nouns = ("поверс", "клас", "столітт", "рядку", "сторінц", "розділі")
    percent_adjective = "відсотковий"
    cardinal_suffixes = ("ти", "ми", "ма", "ьох", "ох", "х", "ьом", "ом", "м", "ть", "и", "ома", "ьма")
    adjective_endings = ("их", "і", "ий", "ій", "ого", "ної", "ова", "ева", "ська", "цька", "на", "не", "ове", "ське")

    def wholes_zero(self) -> str:
        """The ordinal of zero."""
        return "нульовий"

    def small(self, n: int, gender: Gender, case: Case) -> str:
        """Below a thousand: num2words in the nominative, own tables elsewhere."""
        if case in NOMINAL:
            words = _nominative(n)
            if n % 100 // 10 != 1 and n % 10 in (1, 2) and gender is not Gender.MASCULINE:
                last = self._nominal_last(n % 10, gender, case)
                words = " ".join([*words.split(" ")[:-1], last])
            return words
        elements = [part for part in (n // 100 * 100, n % 100 // 10 * 10 if n % 100 > 19 else 0) if part]
        if rest := n % 100 if n % 100 < 20 else n % 10:
            elements.append(rest)
        words = " ".join(_oblique(part, case) for part in elements)
        if gender is Gender.FEMININE and elements[-1] == 1:
            words = " ".join([*words.split(" ")[:-1], _ONE_FEMININE[case]])
        return words

    @staticmethod
    def _nominal_last(digit: int, gender: Gender, case: Case) -> str:
        if gender is Gender.NEUTER:
            return "одне" if digit == 1 else "два"
        return _ONE_FEMININE[case] if digit == 1 else "дві"

    def feminine_after_two(self, word: str) -> bool:
        """Only endings that masculine nouns do not share: станції, можливості, лікарки, таблиці."""
        return word.endswith(("ії", "ості", "иці", "ниці", "арки", "ички", "инки", "ашки", "істки", "оби"))

    def feminine_adjective(self, word: str) -> Case | None:
        """By the endings that belong to feminine adjectives: світова, світової, світовій, світову, світовою."""
        endings = (("ова", Case.NOMINATIVE), ("ська", Case.NOMINATIVE), ("ої", Case.GENITIVE), ("ій", Case.LOCATIVE),
                   ("ову", Case.ACCUSATIVE), ("ську", Case.ACCUSATIVE), ("овою", Case.INSTRUMENTAL))  # fmt: skip
        return next((case for ending, case in endings if word.endswith(ending)), None)

    def small_ordinal(self, n: int) -> str:
        """Below a thousand."""
        return _ordinal(n)

    def clock(self, hour: int, minute: int, second: int | None, case: Case) -> str:
        """десята тридцять, десята година, сімнадцята нуль п'ять."""
        if second is not None:
            parts = zip((hour, minute, second), ("hour", "minute", "second"), strict=True)
            case = case if case is Case.ACCUSATIVE else Case.NOMINATIVE
            return " ".join(self.count(Numeral(n), UNITS[unit], case) for n, unit in parts)
        words = self.ordinal(hour, Gender.FEMININE, case)
        return f"{words} {self.spoken_minutes(minute)}" if minute else f"{words} {UNITS['hour'].singular[case]}"


UKRAINIAN = Ukrainian()
