"""Reads the corpora of sentence boundaries, and compares a segmentation with them.

A place is named by how many characters other than white space stand before it, so that it does not matter to which
side of a cut the space goes.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "sentences"
LANGUAGES = ("en", "uk", "ru", "zh")
REQUIRED, ALLOWED = "‖", "¦"


@dataclass(frozen=True)
class Text:
    """One text, the places where a sentence ends, and those where a cut is as right as none.

    `second_hand`: it was written by another hand than the rules, to test them.
    """

    text: str
    required: frozenset[int]
    allowed: frozenset[int]
    second_hand: bool


def solid(text: str) -> int:
    """How many characters other than white space a text has."""
    return len("".join(text.split()))


def read(language: str) -> list[Text]:
    """The corpus of a language."""
    texts, second_hand = [], False
    for line in (FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            second_hand = second_hand or "second hand" in line
        elif line.strip():
            texts.append(parse(line, second_hand=second_hand))
    return texts


def parse(line: str, *, second_hand: bool = False) -> Text:
    """A marked line."""
    plain, required, allowed = "", set(), set()
    for character in line.replace("\\n", "\n"):
        if character == REQUIRED:
            required.add(solid(plain))
        elif character == ALLOWED:
            allowed.add(solid(plain))
        else:
            plain += character
    end = solid(plain)
    return Text(plain, frozenset(required - {end}), frozenset(allowed | {end}), second_hand)


def cuts(pieces: list[str]) -> list[int]:
    """Where a segmentation cuts, the end of the text left out."""
    places, before = [], 0
    for piece in pieces[:-1]:
        before += solid(piece)
        places.append(before)
    return places


def show(text: Text, place: int) -> str:
    """The surroundings of a place, for people."""
    seen = 0
    for index, character in enumerate(text.text):
        if seen == place:
            return f"{text.text[max(0, index - 30) : index]}▮{text.text[index : index + 30]}".replace("\n", "⏎")
        seen += not character.isspace()
    return text.text[-30:] + "▮"
