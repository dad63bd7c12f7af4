"""Numbers, dates, money, units, signs and abbreviations into words, in one fixed order of passes.

The order is the meaning: an address is taken before its dots can be decimals, a date before its hyphens can be
ranges, a version before its dots can be fractions, operators before the numbers they stand between are words.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from segue.voice.wording.addresses import Addresses
from segue.voice.wording.dates import Dates
from segue.voice.wording.expansions import Expansions
from segue.voice.wording.grammar import Case, Grammar
from segue.voice.wording.identifiers import Identifiers
from segue.voice.wording.languages.en.grammar import ENGLISH
from segue.voice.wording.languages.ru.grammar import RUSSIAN
from segue.voice.wording.languages.uk.grammar import UKRAINIAN
from segue.voice.wording.languages.zh.grammar import CHINESE
from segue.voice.wording.lexicon import Lexicon, either
from segue.voice.wording.operators import Operators
from segue.voice.wording.ordinals import Ordinals
from segue.voice.wording.quantities import Quantities

GRAMMARS: dict[str, Grammar] = {"en": ENGLISH, "ru": RUSSIAN, "uk": UKRAINIAN, "zh": CHINESE}
_DIGIT = re.compile("[0-9]")
_UNDERSCORE = re.compile(r"_+(?!\d)|(?<!\d)_+")
_AT = re.compile(r"[ ]?@[ ]?(?=\w)|(?<=\s)@(?=\s)")


def _without_underscores(text: str) -> str:
    """`snake_case` is two words; `1_000` is one number."""
    return _UNDERSCORE.sub(" ", text)


class Verbaliser:
    """Turns what is written into what is said, for one language."""

    def __init__(self, grammar: Grammar) -> None:
        lexicon = Lexicon(grammar)
        self._words = grammar.words
        identifiers = Identifiers(lexicon)
        self._addresses = Addresses(grammar.words.signs, identifiers.number)
        self._operators = Operators(lexicon)
        expansions = Expansions(grammar.words)
        # (pass, whether it has nothing to do in a text without digits)
        self._passes: tuple[tuple[Callable[[str], str], bool], ...] = (
            (grammar.prepare, False),
            (self._addresses.speak, False),
            (_without_underscores, False),
            (expansions.expand, False),
            (Dates(lexicon).speak, True),
            (identifiers.speak, True),
            (Ordinals(lexicon).speak, False),
            (self._operators.speak, False),
            (Quantities(lexicon).speak, True),
            (identifiers.mixed, True),
            (self._operators.powers, False),
            (identifiers.last_digits, True),
            (self._orphans, False),
        )
        self._expansions = expansions
        self._alone = {
            **{
                sign: noun.unit.plural[Case.GENITIVE] for sign, noun in lexicon.currencies.items() if not sign.isalpha()
            },
            "%": grammar.words.units["percent"].plural[Case.GENITIVE],
            "°": grammar.words.units["degree"].plural[Case.GENITIVE],
            "‰": grammar.words.units["permille"].plural[Case.GENITIVE],
        }
        self._alone = {sign: word for sign, word in self._alone.items() if len(sign) == 1}
        self._orphan = re.compile(rf"[ ]?({either(self._alone)})(?![A-Za-z_])[ ]?")

    def verbalise(self, text: str) -> str:
        """The text in words. Linear in its length."""
        for step, needs_digits in self._passes:
            if not needs_digits or _DIGIT.search(text):
                text = step(text)
        return text

    def settle(self, text: str) -> str:
        """Addresses and abbreviations that only stand free once the signs around them are gone."""
        return self._expansions.expand(self._addresses.speak(text))

    def _orphans(self, text: str) -> str:
        """Signs that stand without a number: `in %`, `у €`."""
        text = _AT.sub(f" {self._words.signs['at']} ", text)
        return self._orphan.sub(lambda match: f" {self._alone[match.group(1)]} ", text)


@lru_cache(maxsize=len(GRAMMARS))
def verbaliser(language: str) -> Verbaliser:
    """The verbaliser of a language in `GRAMMARS`; built once, for its patterns are large."""
    return Verbaliser(GRAMMARS[language])
