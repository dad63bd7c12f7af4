"""Abbreviations said in full: вул. → вулиця, i.e. → that is.

What stands next to an abbreviation decides: `с. 5` is a page, `с. Липове` a village. A full stop that also ended the
sentence stays. A place takes the case its preposition asks for: у м. Львів → у місті Львів.
"""

import re
from collections.abc import Sequence

from segue.voice.wording.grammar import Abbreviation, Case, Words
from segue.voice.wording.lexicon import ends_sentence

_WORD_BEFORE = re.compile(r"([^\W\d_]+)[ ]\Z")
_COUNTED = re.compile(r"\d[ ]?(?:(?:тис|тыс|млн|млрд|трлн)\.?[ ]?)?\Z")


class Expansions:
    """The abbreviations and fixed readings of one language, compiled into one pattern."""

    def __init__(self, words: Words) -> None:
        self._places = words.places
        self._fixed = words.fixed
        self._table: dict[str, list[Abbreviation]] = {}
        for entry in words.abbreviations:
            self._table.setdefault(_key(entry.written), []).append(entry)
        self._pattern = _alternatives([entry.written for entry in words.abbreviations], fold=True)
        self._fixed_pattern = _alternatives(list(words.fixed), fold=False)

    def expand(self, text: str) -> str:
        """The text with its abbreviations and fixed readings in words."""
        text = self._fixed_pattern.sub(lambda match: self._fixed[match.group()], text)
        return self._pattern.sub(self._spoken, text)

    def _spoken(self, match: re.Match[str]) -> str:
        written = match.group()
        for entry in self._table.get(_key(written), ()):
            if _fits(entry, match):
                spoken = self._form(entry, match)
                if written[0].isupper():
                    spoken = spoken[:1].upper() + spoken[1:]
                ends = entry.ends and written.endswith(".") and ends_sentence(match.string, match.end())
                return spoken + ("." if ends else "")
        return written

    def _form(self, entry: Abbreviation, match: re.Match[str]) -> str:
        forms = entry.spoken.split("/")
        if len(forms) == 1:
            return forms[0]
        before = _WORD_BEFORE.search(match.string, max(0, match.start() - 20), match.start())
        return forms[self._places.get(before.group(1).lower(), Case.NOMINATIVE) if before else Case.NOMINATIVE]


def _key(written: str) -> str:
    """Spaces do not tell `т.д.` from `т. д.`; a capital first letter is only the start of a sentence."""
    bare = written.replace(" ", "")
    return bare if len(bare) <= 2 or not bare[1:].islower() else bare.lower()


def _alternatives(written: Sequence[str], *, fold: bool) -> re.Pattern[str]:
    """One pattern for all of them, the longest first, as whole words."""
    if not written:
        return re.compile(r"(?!)")
    parts = []
    for word in sorted(set(written), key=len, reverse=True):
        escaped = re.escape(word).replace(r"\.\ ", r"\.[ ]?").replace(r"\ ", "[ ]")
        first = word[0]
        if fold and first.islower() and len(word.rstrip(".")) > 1:
            escaped = f"[{first}{first.upper()}]{escaped[1:]}"
        parts.append(escaped + ("" if word.endswith(".") else r"(?![\w'’-]|\.\w)"))
    return re.compile(rf"(?<![\w.'’/-])(?:{'|'.join(parts)})")


def _fits(entry: Abbreviation, match: re.Match[str]) -> bool:
    """Whether the neighbours are those the abbreviation asks for."""
    tail = match.string[match.end() : match.end() + 4].lstrip(' «"“№#')
    if entry.before == "9" and not tail[:1].isdecimal():
        return False
    if entry.before == "A" and not tail[:1].isupper():
        return False
    head = match.string[max(0, match.start() - 3) : match.start()].rstrip(" ")
    if entry.after == "9":
        return head[-1:].isdecimal()
    if entry.after == "A":
        before = _WORD_BEFORE.search(match.string, max(0, match.start() - 20), match.start())
        return before is not None and before.group(1).istitle() and len(before.group(1)) > 2
    return entry.after != "-" or not _COUNTED.search(match.string[max(0, match.start() - 12) : match.start()])
