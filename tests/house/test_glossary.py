"""One word for one thing: the glossary says where each word lives, and which other words are not used for it."""

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache

from segue.delivery.rollout import Phase
from segue.delivery.verdict import Word
from segue.records import Mark, Outcome
from segue.routing import Arm
from segue.voice.frames import Audio, Degraded, Done, Failure, Meta, Text
from tests.house.source import ROOT, modules, texts

GLOSSARY = "docs/reference/glossary.md"


@dataclass(frozen=True)
class Term:
    """A row of the glossary."""

    word: str
    meaning: str
    place: str
    others: tuple[str, ...]


@cache
def terms() -> tuple[Term, ...]:
    """The rows of all its tables."""
    text = (ROOT / GLOSSARY).read_text(encoding="utf-8")
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] not in {"word", "---"}:
            others = tuple(word.strip() for word in cells[3].split(",") if word.strip())
            found.append(Term(cells[0], cells[1], cells[2].strip("`"), others))
    return tuple(found)


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, a thing in one, a field of a class, or one of its annotated fields."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            if not hasattr(thing, name) and name not in getattr(thing, "__annotations__", {}):
                return False
            thing = getattr(thing, name, None)
        return True
    return False


@cache
def prose() -> dict[str, str]:
    """What people read: documents, the page's English texts, and the docstrings of the code."""
    found = {
        name: text
        for name, text in texts().items()
        if (name.endswith(".md") and name != GLOSSARY) or name == "src/segue/web/page/texts/en.js"
    }
    for module in modules():
        found[module.path] = "\n".join(
            node.value.value
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
    return found


def test_each_word_lives_where_the_glossary_says() -> None:
    """The place in the code that a row names exists."""
    assert len(terms()) > 30
    assert not [term.place for term in terms() if not exists(term.place)]


def test_a_place_that_is_not_there_is_noticed() -> None:
    """The look into the code does not find what is not there."""
    assert not exists("segue.records.Nothing")
    assert not exists("segue.nowhere.Nothing")
    assert not exists("segue.records.TurnRecord.nothing")


def test_no_other_word_is_used() -> None:
    """Words that something is not called by are used nowhere, in whatever letter case."""
    words = {other.lower(): term.word for term in terms() for other in term.others}
    either = "|".join(re.escape(other) for other in sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w`])({either})s?(?![\w`])", re.IGNORECASE)
    assert not [
        f"{name}: {found[1]!r} is {words[found[1].lower()]!r} here"
        for name, text in prose().items()
        for found in pattern.finditer(text)
    ]


def test_words_are_there_once() -> None:
    """No word has two rows, and none is another's forbidden word."""
    words = [term.word.lower() for term in terms()]
    assert len(words) == len(set(words))
    assert not set(words) & {other.lower() for term in terms() for other in term.others}


def test_values_that_leave_the_house_are_explained() -> None:
    """The marks, the outcomes, the events, and the words of rollouts have their names in the glossary."""
    meanings = " ".join(term.meaning for term in terms())
    names = [mark.value for mark in Mark] + [outcome.value for outcome in Outcome]
    names += [kind.event for kind in (Meta, Text, Audio, Degraded, Failure, Done)]
    names += [word.value for words in (Arm, Phase, Word) for word in words]
    assert not [name for name in names if f"`{name}`" not in meanings]
