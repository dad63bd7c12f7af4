"""What a full stop means, from the word before it: the end of a sentence, or a part of an abbreviation."""

import re
from dataclasses import dataclass, fields
from enum import Enum, auto

from segue.voice.languages.en import abbreviations as en
from segue.voice.languages.ru import abbreviations as ru
from segue.voice.languages.uk import abbreviations as uk
from segue.voice.languages.zh import abbreviations as zh

LETTERS = r"[^\W\d_぀-ヿ㐀-䶿一-鿿豈-﫿]+"
WORD_BEFORE = re.compile(rf"(?:{LETTERS}(?:['’ʼ-]{LETTERS})*\.\s?)*{LETTERS}(?:['’ʼ-]{LETTERS})*\Z")
NUMBER_BEFORE = re.compile(r"(?:\d|[½¼¾])[\s  ]*\Z|(?:\d|[½¼¾])[\s  ]*(?:тис|тыс|млн|млрд|трлн|кв|куб)\.?\s*\Z")
YEAR_BEFORE = re.compile(r"(?<!\d)(?:1\d{3}|20\d{2})(?:[-–—/](?:\d{2,4}))?[\s  ]*\Z")
EXTRA_TIME = re.compile(r"\d\+\d{1,2}\s*\Z")
"""The minute of a match, after which a player's name follows."""
LIST_MARK = re.compile(r"[\s>*_|•·#(-]*(?:\d{1,3}(?:\.\d{1,3})*[a-zа-яіїє]?|[IVXLCІХ]{1,6}|[^\W\d_]\d{0,2})\Z")
"""The number or letter of a list item, of a section or of a row: `3.`, `3.2.`, `IV.`, `b.`"""
LABEL = re.compile(
    rf"[\s>*_|•·#(-]*({LETTERS})\s+(?:№\s*)?(?:\d{{1,4}}[a-zа-яіїє]?(?:[.-]\d{{1,3}})*|[IVXLCІХ]{{1,6}})\Z"
)
"""A word and a number at the beginning, `Step 2.` or `Стаття 10.`; what follows is its title."""
INLINE_MARK = re.compile(r"[:;|][\s*_]+\d{1,2}\Z")
ITEM = re.compile(r"[\s*_,;]([2-9]|1\d)\Z")
WORDS_OF_ONE_LETTER = frozenset({"я", "Я", "ж", "б"})
"""They are no initials."""
CLAUSE = re.compile('[,;:—–(«"]')
VOWELS = frozenset("aeiouyаеєиіїоуюяёыэ")
LOOK_BACK = 40


class Mark(Enum):
    """What a full stop behind a word means."""

    SENTENCE = auto()
    CONTINUES = auto()
    OPEN = auto()
    INITIAL = auto()
    ENDS = auto()
    NUMBERED = auto()


@dataclass(frozen=True, slots=True)
class Tables:
    """The words of one language, with those of English where a text uses them too."""

    continues: frozenset[str]
    titles: frozenset[str]
    open: frozenset[str]
    ends: frozenset[str]
    units: frozenset[str]
    numbered: frozenset[str]
    starters: frozenset[str]
    said: frozenset[str]
    labels: frozenset[str]
    surnames: frozenset[str]
    leads: frozenset[str]
    joints: frozenset[str]
    places: frozenset[str]


OWN = frozenset({"SAID"})
"""Tables that take nothing from English: elsewhere a dash stands between a quotation and its speaker."""


def _tables(module: object, *, english: bool) -> Tables:
    def words(name: str) -> frozenset[str]:
        own: frozenset[str] = getattr(module, name)
        return own | getattr(en, name) if english and name not in OWN else own

    return Tables(**{field.name: words(field.name.upper()) for field in fields(Tables)})


TABLES = {
    "en": _tables(en, english=False),
    "uk": _tables(uk, english=True),
    "ru": _tables(ru, english=True),
    "zh": _tables(zh, english=False),
}


def tables(language: str) -> Tables:
    """The words of a language; English for one that has none of its own."""
    return TABLES.get(language.lower().replace("_", "-").split("-")[0], TABLES["en"])


def classify(text: str, start: int, at: int, words: Tables) -> Mark:
    """What the full stop at `at` means, from the word before it."""
    if _is_number_of_what_follows(text[start:at], words):
        return Mark.CONTINUES
    found = WORD_BEFORE.search(text, max(start, at - LOOK_BACK), at)
    if found is None:
        return Mark.SENTENCE
    whole = re.sub(r"\s", "", found.group())
    last = whole.rsplit(".", 1)[-1]
    before = text[start : at - len(last)]
    dotted = whole.lower() if "." in whole else ""
    return _of_dotted(dotted, words) or _of_word(last, before, words)


def _is_number_of_what_follows(piece: str, words: Tables) -> bool:
    """Whether a piece ends with the number of a list item, a section or a step, not with a number of its own."""
    if LIST_MARK.match(piece) or INLINE_MARK.search(piece[-LOOK_BACK:]):
        return True
    if label := LABEL.match(piece):
        return label.group(1).lower() in words.labels
    item = ITEM.search(piece)  # `1. open it, 2. press Start`
    return item is not None and re.search(rf"(?:\A|[\s*_,;(]){int(item.group(1)) - 1}\.\s", piece) is not None


def _of_dotted(dotted: str, words: Tables) -> Mark | None:
    """A word written with full stops inside, `U.S` or `т. д`: the longest ending that is known, or initials."""
    pieces = dotted.split(".")
    for count in (4, 3, 2):
        name = ".".join(pieces[-count:])
        if len(pieces) >= count:
            for known, mark in (
                (words.continues, Mark.CONTINUES),
                (words.ends, Mark.ENDS),
                (words.open, Mark.OPEN),
            ):
                if name in known:
                    return mark
    if len(pieces) > 1 and len(pieces[-1]) == len(pieces[-2]) == 1:
        return Mark.INITIAL
    return None


def _of_word(last: str, before: str, words: Tables) -> Mark:
    """A word without full stops inside, from what stands before it."""
    lower, near = last.lower(), before[-LOOK_BACK:]
    measured = lower in words.units and NUMBER_BEFORE.search(near)
    if measured:
        return _of_measure(lower, before, words)
    if lower in words.continues or last in words.titles or (last.isupper() and last.capitalize() in words.titles):
        return Mark.CONTINUES
    if near[-1:].isdigit() and last.isascii() and last.islower():
        return Mark.ENDS  # `9th`, `5kg`
    if _is_unit(last, near) or (len(last) > 1 and near.endswith(".")) or last in WORDS_OF_ONE_LETTER:
        return Mark.SENTENCE
    for known, mark in ((words.ends, Mark.ENDS), (words.open, Mark.OPEN), (words.numbered, Mark.NUMBERED)):
        if lower in known:
            return mark
    return _of_unknown(last, before, words)


def _of_measure(lower: str, before: str, words: Tables) -> Mark:
    """A unit behind a number: it ends a sentence that says something, not an adverbial, a year or a minute of a match.

    English writes more words with a capital than names (`8 oz. Greek yogurt`), so there nobody can be sure.
    """
    near = before[-LOOK_BACK:]
    year = lower in words.open and YEAR_BEFORE.search(near)
    unsure = lower.isascii() or year or EXTRA_TIME.search(near) or _leads_in(near, words)
    return Mark.OPEN if unsure else Mark.ENDS


def _of_unknown(last: str, before: str, words: Tables) -> Mark:
    """A word that no table knows as an abbreviation: it may look like one."""
    lower, alone = last.lower(), not any(map(str.isalnum, before))
    place = last in words.places and before.rstrip().endswith(",")  # `in Boston, Mass.`
    unit = lower in words.units and last.istitle() and last.isascii()  # `Min. order`
    vowelless = last[1:].islower() and len(last) <= 5 and not VOWELS & set(lower) and not alone
    if len(last) == 1:
        return Mark.INITIAL
    return Mark.OPEN if place or unit or vowelless else Mark.SENTENCE


def _is_unit(last: str, near: str) -> bool:
    """Whether a single letter is a unit or a part of a number: `180 °C`, `20 м/с`, `7-А`, `220 В`."""
    before = near.rstrip()[-1:]
    return len(last) == 1 and (before in {"°", "/"} or near[-1:] == "-" or (last.isupper() and before.isdigit()))


def _leads_in(near: str, words: Tables) -> bool:
    """Whether a number and its unit are all of an adverbial before the subject: `Через 5 мин. Анна вышла`."""
    clause = CLAUSE.split(near)[-1]
    if len(clause) == LOOK_BACK:
        return False
    said = [word.lower() for word in clause.split() if word.isalpha()]
    while said and said[0] in words.joints:
        del said[0]
    if not said or len(said) > 3 or said[0] not in words.leads:
        return False
    # `На рахунку 50 грн.` says something, `О 5 год.` does not: a short preposition has only the number behind it.
    return len(said) == 1 or len(said[0]) > 2 or said[1] in words.leads
