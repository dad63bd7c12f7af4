"""How Russian speaks numbers, dates and times."""

from functools import lru_cache

from num2words import num2words

from segue.voice.wording.grammar import Case, Gender
from segue.voice.wording.languages.agreement import Agreeing
from segue.voice.wording.languages.ru.nouns import CENTURY, MAGNITUDE_NOUNS, UNITS
from segue.voice.wording.languages.ru.words import WORDS
from segue.voice.wording.languages.slavic import NOMINAL
from segue.voice.wording.numerals import Numeral

_CASE_NAMES = {
    Case.NOMINATIVE: "n",
    Case.GENITIVE: "g",
    Case.DATIVE: "d",
    Case.ACCUSATIVE: "n",
    Case.INSTRUMENTAL: "i",
    Case.LOCATIVE: "p",
}
_GENDER_NAMES = "mfn"


_ENDINGS = {
    "ый": ("ый ого ому ый ым ом", "ая ой ой ую ой ой", "ое ого ому ое ым ом", "ые ых ым ые ыми ых"),
    "ой": ("ой ого ому ой ым ом", "ая ой ой ую ой ой", "ое ого ому ое ым ом", "ые ых ым ые ыми ых"),
}
_SOFT_THIRD = {
    "третий": (
        "третий третьего третьему третий третьим третьем",
        "третья третьей третьей третью третьей третьей",
        "третье третьего третьему третье третьим третьем",
        "третьи третьих третьим третьи третьими третьих",
    )
}
_COMPOUNDS = {1: "одно", 2: "двух", 3: "трёх", 4: "четырёх", 90: "девяносто", 100: "сто", 1000: "тысяче"}
_CENTURY_FORMS = {
    "век": Case.NOMINATIVE, "века": Case.GENITIVE, "веку": Case.DATIVE,
    "веком": Case.INSTRUMENTAL, "веке": Case.LOCATIVE, "веков": Case.GENITIVE,
    "веках": Case.LOCATIVE, "столетие": Case.NOMINATIVE, "столетия": Case.GENITIVE,
    "столетии": Case.LOCATIVE,
}  # fmt: skip


@lru_cache(maxsize=8192)
def _cardinal(n: int, gender: Gender, case: Case) -> str:
    words = str(num2words(n, lang="ru", case=_CASE_NAMES[case], gender=_GENDER_NAMES[gender]))
    if case is Case.ACCUSATIVE and gender is Gender.FEMININE and words.endswith("одна"):
        words = words.removesuffix("одна") + "одну"
    return words


@lru_cache(maxsize=2048)
def _ordinal(n: int) -> str:
    return str(num2words(n, lang="ru", to="ordinal"))


class Russian(Agreeing):
    """Russian: the hour is a cardinal (десять тридцать), 2 to 4 take the genitive singular."""

    words = WORDS
    zero = ("ноль", "ноля", "нолю", "ноль", "нолём", "ноле")
    scales = tuple(sorted(MAGNITUDE_NOUNS.items(), reverse=True))
    endings = _ENDINGS
    soft_third = _SOFT_THIRD
    wholes = "целый"
    half_more = ("полтора", "полторы", "полутора")
    decimal_mark = "запятая"
    months_nominative = tuple("январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь".split())
    months_genitive = tuple("января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split())
    year_genitive = "года"
    from_to = ("от", "до")
    from_by = ("с", "по")
    compounds = _COMPOUNDS
    thousandth = ((10**12, "триллионный"), (10**9, "миллиардный"), (10**6, "миллионный"), (10**3, "тысячный"))
    ratio_case = Case.DATIVE
    queens = ("Екатерин", "Елизавет", "Мари", "Анн", "Виктори", "Изабелл")
    queen_endings = (("ы", Case.GENITIVE), ("ии", Case.GENITIVE), ("е", Case.DATIVE), ("у", Case.ACCUSATIVE),
                     ("ю", Case.ACCUSATIVE), ("ой", Case.INSTRUMENTAL), ("ей", Case.INSTRUMENTAL))  # fmt: skip
    king_endings = (("ом", Case.INSTRUMENTAL), ("ем", Case.INSTRUMENTAL), ("а", Case.GENITIVE), ("я", Case.GENITIVE),
                    ("у", Case.DATIVE), ("ю", Case.DATIVE), ("е", Case.LOCATIVE))  # fmt: skip
    century_noun = CENTURY
    century_forms = _CENTURY_FORMS
    hour_prepositions = ()
    day_parts = ()
    numbered_nouns = ("этаже", "классе", "веке", "строке", "странице", "разделе", "главе")
    percent_adjective = "процентный"
    cardinal_suffixes = ("ти", "ми", "ю", "ёх", "ех", "х", "ём", "ем", "м", "ть", "и")
    adjective_endings = ("ых", "их", "ые", "ие", "ый", "ий", "ая", "яя", "ое", "ее", "ого", "ому", "ую")

    def wholes_zero(self) -> str:
        """The ordinal of zero."""
        return "нулевой"

    def small(self, n: int, gender: Gender, case: Case) -> str:
        """Below a thousand."""
        return _cardinal(n, gender, case)

    def feminine_adjective(self, word: str) -> Case | None:
        """By the endings that belong to feminine adjectives: мировая, мировой, мировую."""
        endings = (("ая", Case.NOMINATIVE), ("ой", Case.GENITIVE), ("ую", Case.ACCUSATIVE))
        return next((case for ending, case in endings if word.endswith(ending)), None)

    def small_ordinal(self, n: int) -> str:
        """Below a thousand."""
        return _ordinal(n)

    def feminine_after_two(self, word: str) -> bool:
        """Behind two stands the genitive singular: -ы and -и are feminine, -а and -я masculine or neuter."""
        return word.endswith(("ы", "и", "ые", "ие"))

    def clock(self, hour: int, minute: int, second: int | None, case: Case) -> str:
        """десять тридцать, десять часов, семнадцать ноль пять."""
        if second is not None:
            parts = zip((hour, minute, second), (UNITS["hour"], UNITS["minute"], UNITS["second"]), strict=True)
            case = case if case is Case.ACCUSATIVE else Case.NOMINATIVE
            return " ".join(self.count(Numeral(n), unit, case) for n, unit in parts)
        case = Case.NOMINATIVE if case in NOMINAL or case is Case.LOCATIVE else case
        words = self.cardinal(hour, Gender.MASCULINE, case)
        return f"{words} {self.spoken_minutes(minute, case) if minute else self.agree(hour, UNITS['hour'], case)}"


RUSSIAN = Russian()
