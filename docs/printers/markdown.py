"""Pieces of Markdown that every printed page is made of."""

from collections.abc import Iterable, Sequence

NONE = "–"
"""What stands in a cell that holds nothing."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell is escaped, and a line break becomes a space."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def page(*parts: str) -> str:
    """Parts with an empty line between them; parts that are empty are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
