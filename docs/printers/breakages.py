"""Prints the page of breakages from the table that the tests go through."""

from docs.printers.markdown import page, table
from tests.faults.breakages import BEFORE, HEARD, RUNNING, TABLE, VERIFIED, WATCHED, Breakage

_OPENING = """
What of a broken deployment is found before listeners find it, by which command, and by which check? A test takes a real
server with a vendor that really speaks, a proxy before it and a Prometheus that watches it, breaks it in each of these
{count} ways, looks at it with the command of the table, and mends it again. Each must be found by the check of the
table, and a deployment that is well must give none of the three commands anything to find.

To see it, with what each check says:

    pytest -s tests/faults/test_breakages.py
"""
_PARTS = (
    ("Before a server is started", BEFORE),
    ("On a running server", RUNNING),
    ("What can only be heard", HEARD),
    ("What is not as it should be", VERIFIED),
    ("Who watches", WATCHED),
)


def breakages_page(note: str) -> str:
    """The tables. In the name of a check `*` stands for anything."""
    parts = [
        page(f"## {title}", table(["breakage", "what is done", "found by", "check"], map(_row, rows)))
        for title, rows in _PARTS
    ]
    return page("# Breakages", note, _OPENING.format(count=len(TABLE)), *parts)


def _row(each: Breakage) -> tuple[str, str, str, str]:
    return each.name, each.how, f"`segue {each.command}`", each.check.replace("*", "\\*")
