"""Prints the codes of errors that only some paths answer with, apart from the family they all belong to."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import segue
from segue.console.making import OutcomeUnknown
from segue.console.pruning import Unsound
from segue.delivery.planfile import PlanError
from segue.delivery.ports import Conflict, UnknownRollout
from segue.errors import NotFound, SegueError
from segue.voice.live import Outdated
from segue.web.rollout_bodies import Refused

KINDS: Sequence[type[SegueError]] = (Conflict, OutcomeUnknown, Outdated, PlanError, Refused, UnknownRollout, Unsound)

UNKNOWN: Mapping[str, str] = {
    "unknown_backup": "There is no backup of this name in the data folder.",
    "unknown_chat": "There is no such chat; it may have been removed.",
    "unknown_incident": "There is no such incident.",
    "unknown_key": "There is no key with this id.",
    "unknown_node": "There is no node of this name; or two nodes take each other for a third one.",
    "unknown_run": "There is no such run; its chat may have been removed.",
    "unknown_version": "There is no version of the live settings with this number.",
}
"""What is not there, by the code that says so."""


def code_rows() -> Iterator[list[str]]:
    """Rows of the table: code, status, whether trying again can help, and what it says.

    Raises:
        LookupError: the code says that something is not there, of which nothing is said here.
    """
    if missing := _named() - set(UNKNOWN):
        raise LookupError(f"nothing is said of the code {', '.join(sorted(missing))}")
    rows = [
        (kind.code, kind.status, kind.retryable, (kind.__doc__ or "").partition("\n")[0].rstrip(":")) for kind in KINDS
    ]
    rows += [(code, NotFound.status, NotFound.retryable, words) for code, words in UNKNOWN.items()]
    for code, status, retryable, words in sorted(rows):
        yield [f"`{code}`", str(status), "yes" if retryable else "no", words]


@cache
def _named() -> set[str]:
    """The codes that something is not found with."""
    texts = (path.read_text(encoding="utf-8") for path in Path(segue.__file__).parent.rglob("*.py"))
    return {
        str(word.value.value)
        for text in texts
        if "NotFound(" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == NotFound.__name__
        for word in node.keywords
        if word.arg == "code" and isinstance(word.value, ast.Constant)
    }
