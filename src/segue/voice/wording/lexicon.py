"""The tables of one language compiled for searching: units, currencies, months, and every form of every noun."""

import re
from collections.abc import Iterable
from functools import cached_property

from segue.voice.wording.grammar import Case, Currency, Form, Grammar, Nearby, Noun
from segue.voice.wording.languages.signs import CURRENCY_SIGNS, UNIT_SIGNS

_LOOK_BACK = 24
_WORD_BEFORE = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)?)[ ]?[«“\"(]?[ ]?\Z")
_WORDS_BEHIND = re.compile(r"[ ]([^\W\d_]+(?:['’-][^\W\d_]+)*)(?:[ ]([^\W\d_]+(?:['’][^\W\d_]+)?))?")
# A single capital or a preposition behind a number is a unit only where no further word follows: `5 В`, `10 с`.
_SHY_UNITS = frozenset("сcВАНКБKBVAKtвmsghlLT")


_SENTENCE_ENDS = re.compile(r"\s*(?:\Z|[\"»”’)\]]*\s+[\"«“„(]?[A-ZА-ЯЄІЇҐЁ])")


def ends_sentence(text: str, at: int) -> bool:
    """Whether the full stop in front of position `at` also ends a sentence: nothing follows, or a capital letter."""
    return _SENTENCE_ENDS.match(text, at) is not None


def either(written: Iterable[str]) -> str:
    """A regular expression for any of the strings, the longest first."""
    return "|".join(re.escape(one) for one in sorted(written, key=len, reverse=True)) or "(?!)"


class Lexicon:
    """What the passes of `verbalise` look up for one language."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.words = grammar.words
        self._unit_keys = {**UNIT_SIGNS, **self.words.own_signs}
        self.units = {sign: self.words.units[key] for sign, key in self._unit_keys.items() if key in self.words.units}
        signs = {**CURRENCY_SIGNS, **self.words.own_signs}
        self.currencies: dict[str, Currency] = {
            sign: self.words.currencies[key] for sign, key in signs.items() if key in self.words.currencies
        }

    @cached_property
    def unit_pattern(self) -> str:
        """Any unit sign, as a whole word; shy ones only where no word follows."""
        han = [sign for sign in self.units if sign >= "\u3400" and sign.isalpha()]
        bold = [sign for sign in self.units if sign not in _SHY_UNITS and sign not in han]
        shy = [sign for sign in self.units if sign in _SHY_UNITS]
        spaced = either(bold).replace(r"кв\.м", r"кв\.[ ]?м").replace(r"куб\.м", r"куб\.[ ]?м")
        spaced = spaced.replace(r"ст\.л", r"ст\.[ ]?л").replace(r"ч\.л", r"ч\.[ ]?л").replace(r"к\.с", r"к\.[ ]?с")
        return rf"(?:(?:{spaced})(?![^\W²³])|(?:{either(shy)})(?![^\W²³]|['’]|[ ][^\W\d_])|(?:{either(han)}))"

    @cached_property
    def currency_pattern(self) -> str:
        """Any currency sign, abbreviation or code behind an amount."""
        han = [sign for sign in self.currencies if sign >= "\u3400" and sign.isalpha()]
        return rf"(?:(?:{either(set(self.currencies) - set(han))})(?![^\W\d_])|(?:{either(han)}))"

    @cached_property
    def currency_before(self) -> str:
        """Currency signs and codes that stand in front of an amount."""
        return rf"(?:{either(sign for sign in self.currencies if not sign.islower() and '.' not in sign)})"

    @cached_property
    def currency_starts(self) -> str:
        """The first characters of `currency_before`, each once."""
        return "".join(sorted({sign[0] for sign in self.currencies if not sign.islower() and "." not in sign}))

    @cached_property
    def magnitude_pattern(self) -> str:
        """thousand, млн …; one-letter magnitudes only where they touch the number."""
        return rf"(?:{either(self.words.magnitudes)})(?![^\W\d_])"

    @cached_property
    def month_pattern(self) -> str:
        """Any form of a month's name."""
        return rf"(?:{either(self.words.months)})(?![^\W\d_])"

    def unit(self, sign: str) -> Noun | None:
        """The noun of a unit sign as it was matched."""
        return self.units.get(sign) or self.units.get(sign.replace(" ", ""))

    def unit_key(self, sign: str) -> str:
        """The name of a unit sign in `languages.signs`, "" if it is none of this language's."""
        key = self._unit_keys.get(sign) or self._unit_keys.get(sign.replace(" ", ""), "")
        return key if key in self.words.units else ""

    @cached_property
    def forms(self) -> dict[str, tuple[Form, ...]]:
        """Every form of every known noun → its readings."""
        found: dict[str, dict[Form, None]] = {}
        for noun in self.words.nouns:
            for case in Case:
                found.setdefault(noun.singular[case].lower(), {})[Form(noun, case, plural=False)] = None
                found.setdefault(noun.plural[case].lower(), {})[Form(noun, case, plural=True)] = None
        return {word: tuple(readings) for word, readings in found.items()}

    def word_before(self, text: str, at: int) -> str:
        """The word in front of position `at`, in lower case; "" if something else stands there."""
        found = _WORD_BEFORE.search(text[max(0, at - _LOOK_BACK) : at])
        return found.group(1).lower() if found else ""

    def nearby(self, text: str, start: int, end: int) -> Nearby:
        """The neighbours of what stands between `start` and `end`."""
        behind = _WORDS_BEHIND.match(text[end : end + 80])
        word, following = (behind.group(1), behind.group(2) or "") if behind else ("", "")
        before = self.word_before(text, start)
        return Nearby(
            before=before,
            case=self.words.prepositions.get(before),
            word=word,
            following=following,
            readings=self.forms.get(word.lower(), ()),
            later_readings=self.forms.get(following.lower(), ()),
        )
