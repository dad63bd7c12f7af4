"""How a Ukrainian or Russian number agrees with the words around it when no unit says what is counted.

A known noun decides by its form: `5 хвилин` is a count, `на 5 поверсі` an ordinal, `у 3 містах` a locative. Of an
unknown word the ending is asked, as far as it is reliable. Where nothing is certain the nominative is said: a wrong
case is worse than a plain one, and silence is worse than both.
"""

from collections.abc import Sequence

from segue.voice.wording.grammar import Case, Form, Gender, Nearby
from segue.voice.wording.languages.slavic import NOMINAL, Slavic
from segue.voice.wording.numerals import Numeral

_OBLIQUE_ENDINGS = (
    (("ами", "ями"), Case.INSTRUMENTAL),
    (("ах", "ях"), Case.LOCATIVE),
    (("ам", "ям"), Case.DATIVE),
)
# They end like plural nouns and are none.
_NOT_OBLIQUE = frozenset(
    "там нам вам сам дам прям грам шлях дах страх жах мах птах сами мами тами нами вами крах монах размах взмах "
    "тамтам реклам программ храм хлам килограмм".split()
)
_NOT_NOUNS = frozenset(
    "і й та а але або чи що як не це то в у на з із зі до від по за о об при для про без через и но или что как с со "
    "из от к ко во же бы ли под над між это".split()
)


def is_single(n: int) -> bool:
    """1, 21, 101 …, but not 11."""
    return n % 10 == 1 and n % 100 != 11


def is_few(n: int) -> bool:
    """2, 3, 4, 22 …, but not 12, 13, 14."""
    return 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14


class Agreeing(Slavic):
    """Adds to `Slavic` what depends on neighbouring words."""

    cardinal_suffixes: tuple[str, ...]
    adjective_endings: tuple[str, ...]
    hour_prepositions: tuple[str, ...]
    day_parts: tuple[str, ...]
    percent_adjective: str
    numbered_nouns: tuple[str, ...]

    def before_words(self, number: Numeral, nearby: Nearby) -> str:
        """The number in the gender and case of the noun behind it."""
        if number.fraction and not number.is_whole:
            return self.signed(self._fractional(number, nearby), number)
        if number.fraction:
            return self.plain(number)
        n = number.whole
        if hour := self._hour(n, nearby):
            return hour
        readings = nearby.readings or (nearby.later_readings if self._adjective(nearby.word) else ())
        words = self._with_noun(n, readings, nearby) if readings else ""
        return self.signed(words or self._with_stranger(n, nearby), number)

    def _hour(self, n: int, nearby: Nearby) -> str:
        """`о 7 ранку`, `до 8 вечора`, `об 11`: where hours are ordinals, an hour without its noun is one too."""
        of_day = nearby.word.lower() in self.day_parts
        at = nearby.before in self.hour_prepositions and not nearby.readings
        if not 1 <= n <= 24 or not (of_day or at):
            return ""
        case = Case.LOCATIVE if at else nearby.case if nearby.case is not None else Case.NOMINATIVE
        return self.ordinal(n, Gender.FEMININE, case)

    def percents(self, n: int, suffix: str) -> str:
        """`100%-й` → стовідсотковий: the form of the adjective that ends so."""
        adjective = self.compound(n) + self.percent_adjective
        for gender, case, plural in self._usual(1, ""):
            words = self.decline(adjective, gender, case, plural=plural)
            if words.endswith((suffix, suffix.removeprefix("н"))):
                return words
        return ""

    def _fractional(self, number: Numeral, nearby: Nearby) -> str:
        if number.whole == 1 and number.fraction.rstrip("0") == "5" and nearby.word:
            if nearby.case not in (None, *NOMINAL) and self.half_more[2]:
                return self.half_more[2]
            genders = [form.noun.gender for form in nearby.readings] or [self.gender_of(nearby.word, few=True)]
            return self.half_more[genders[0] is Gender.FEMININE]
        return self.decimal(number, nearby.case if nearby.case is Case.GENITIVE else Case.NOMINATIVE)

    def _with_noun(self, n: int, readings: Sequence[Form], nearby: Nearby) -> str:
        """With a known noun: a count if some reading of its form fits the number, an ordinal if it is singular."""
        fitting = [form for form in readings if self._fits(n, form)]
        numbered = next((f for f in fitting if f.case is Case.LOCATIVE and not f.plural), None)
        if numbered and nearby.word.lower().startswith(self.numbered_nouns):
            return self.ordinal(n, numbered.noun.gender, Case.LOCATIVE)
        if fitting:
            form = next((f for f in fitting if f.case is nearby.case), fitting[0])
            case = form.case
            if form.plural and case is Case.GENITIVE and not (is_few(n) or is_single(n)):
                case = Case.GENITIVE if nearby.case is Case.GENITIVE else Case.NOMINATIVE
            if self._is_paucal(n, form):
                case = Case.NOMINATIVE
            return self.cardinal(n, form.noun.gender, case)
        singular = [form for form in readings if not form.plural]
        if singular and n > 0 and not nearby.later_readings:
            form = next((f for f in singular if f.case is nearby.case), singular[0])
            return self.ordinal(n, form.noun.gender, form.case)
        return ""

    def lower_end(self, low: Numeral, high: Numeral, nearby: Nearby) -> str:
        """`1–2 години`: the noun belongs to the upper end; the lower one takes its gender and case."""
        if low.fraction or high.fraction:
            return self.plain(low)
        gender = Gender.MASCULINE
        case: Case = Case.GENITIVE if nearby.case is Case.GENITIVE else Case.NOMINATIVE
        if form := next((form for form in nearby.readings if self._fits(high.whole, form)), None):
            gender = form.noun.gender
            if not self._is_paucal(high.whole, form) and form.case is not Case.GENITIVE:
                case = form.case
        elif nearby.word and is_few(high.whole):
            gender = self.gender_of(nearby.word.lower(), few=True)
        return self.plain(low, gender, case)

    def _is_paucal(self, n: int, form: Form) -> bool:
        return (
            is_few(n) and (form.noun.singular if not form.plural else form.noun.plural)[form.case] == form.noun.paucal
        )

    def _fits(self, n: int, form: Form) -> bool:
        """Whether the noun's form is one that may follow the cardinal `n`."""
        if n >= 1000 and n % 1000 == 0:
            return form.plural and form.case not in NOMINAL
        if is_single(n):
            return not form.plural
        if is_few(n):
            if self._is_paucal(n, form):
                return True
            return form.plural and form.case not in NOMINAL
        return form.plural and form.case not in NOMINAL

    def _with_stranger(self, n: int, nearby: Nearby) -> str:
        """With an unknown word, by its ending; alone, by the preposition."""
        word = nearby.word.lower()
        if word in _NOT_NOUNS:
            word = ""
        if word and not is_single(n) and len(word) > 3 and word not in _NOT_OBLIQUE and n > 1:
            for endings, case in _OBLIQUE_ENDINGS:
                if word.endswith(endings):
                    return self.cardinal(n, Gender.MASCULINE, case)
        gender = Gender.MASCULINE
        if word and (is_single(n) or n % 10 == 2):
            noun = nearby.following.lower() if self._adjective(word) and nearby.following else word
            gender = self.gender_of(word if is_single(n) else noun, few=not is_single(n))
        if nearby.case is Case.GENITIVE:
            return self.cardinal(n, gender, Case.GENITIVE)
        accusative = is_single(n) and gender is Gender.FEMININE and word.endswith(("у", "ю"))
        return self.cardinal(n, gender, Case.ACCUSATIVE if accusative else Case.NOMINATIVE)

    def _adjective(self, word: str) -> bool:
        return word.endswith(self.adjective_endings)

    def gender_of(self, word: str, *, few: bool) -> Gender:
        """The likely gender of an unknown word behind one (singular) or, with `few`, behind two to four."""
        if few:
            return Gender.FEMININE if self.feminine_after_two(word) else Gender.MASCULINE
        if word.endswith(("а", "я", "у", "ю", "ої")):
            return Gender.FEMININE
        return Gender.NEUTER if word.endswith(("о", "е")) else Gender.MASCULINE

    def feminine_after_two(self, word: str) -> bool:
        """Whether an unknown word in the form behind two is feminine."""
        raise NotImplementedError

    def reads_as_year(self, n: int, nearby: Nearby) -> bool:
        """`з 2015 до 2020`: a bare number of our time behind a preposition, with no noun that it could count."""
        beginnings = nearby.case in (Case.GENITIVE, Case.DATIVE) or nearby.before in ("у", "в")
        return (
            (1100 if nearby.before == "в" else 1900) <= n <= 2099
            and beginnings
            and (not nearby.word or nearby.word.lower() in _NOT_NOUNS)
        )

    def closes(self, high: Numeral, nearby: Nearby) -> bool:
        """A noun in the genitive plural allows від … до …; `2–3 книги` does not."""
        if nearby.readings:
            return any(form.plural and form.case is Case.GENITIVE for form in nearby.readings)
        if nearby.word and nearby.word.lower() not in _NOT_NOUNS:
            return not is_few(high.whole) and not is_single(high.whole)
        return True

    def per_word(self, written: str, readings: Sequence[Form], *, money: bool) -> str:
        """A known noun in the nominative goes into the accusative; a stranger is only set apart."""
        nominative = next((f for f in readings if f.case is Case.NOMINATIVE and not f.plural), None)
        if nominative is None:
            return f", {written}"
        preposition = self.words.signs["per_money" if money else "per_time"]
        return f" {preposition} {nominative.noun.singular[Case.ACCUSATIVE]}"

    def suffixed(self, n: int, suffix: str, wanted: Sequence[tuple[Gender, Case, bool]], before: str) -> str:
        """`3-го` by trying which form ends so: first what the noun behind asks for, then the usual order."""
        for gender, case, plural in wanted:
            if not plural and (words := self.ordinal(n, gender, case)).endswith(suffix):
                return words
        if suffix in self.cardinal_suffixes and (suffix not in ("х", "м", "и") or 2 <= n % 100 <= 4):
            for case in (Case.GENITIVE, Case.DATIVE, Case.INSTRUMENTAL, Case.NOMINATIVE):
                words = self.cardinal(n, Gender.MASCULINE, case)
                if words.endswith(suffix):
                    return words
        if len(suffix) > 3:
            return self.compound(n) + suffix if n <= 1000 else ""
        tries = [*wanted, *self._usual(n, before)]
        for gender, case, plural in tries:
            words = self.ordinal(n, gender, case, plural=plural)
            if words.endswith(suffix):
                return words
        return ""

    @staticmethod
    def _usual(n: int, before: str) -> list[tuple[Gender, Case, bool]]:
        """Every form of an ordinal, the likeliest first: round numbers are decades, hours stand behind `о`."""
        genders = (Gender.MASCULINE, Gender.FEMININE, Gender.NEUTER)
        order = (Case.NOMINATIVE, Case.GENITIVE, Case.DATIVE, Case.ACCUSATIVE, Case.LOCATIVE, Case.INSTRUMENTAL)
        if before in ("у", "в", "на", "во"):
            order = (Case.NOMINATIVE, Case.LOCATIVE, Case.ACCUSATIVE, Case.GENITIVE, Case.DATIVE, Case.INSTRUMENTAL)
        ones = [(gender, case, False) for case in order for gender in genders]
        many = [(Gender.MASCULINE, case, True) for case in order]
        if before in ("о", "об"):
            ones.insert(0, (Gender.FEMININE, Case.LOCATIVE, False))
        if before == "пів":
            ones.insert(0, (Gender.FEMININE, Case.ACCUSATIVE, False))
        return [*many, *ones] if n >= 10 and n % 10 == 0 else [*ones, *many]
