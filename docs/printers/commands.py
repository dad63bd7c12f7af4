"""Prints the page of the command line from the command line itself."""

import re

from docs.printers.markdown import page
from segue.cli.main import app

_OPENING = """
`make setup` puts `segue` into `.venv/bin`, and every command answers `--help`. Exit code 1 is a mistake that can be
mended, told in one sentence on standard error; 2 is a command line that cannot be read; 130 is an interrupt from the
keyboard.

Settings that have no option of their own come from a file or the environment: see [configuration](configuration.md).
"""


def command_page(note: str) -> str:
    """Every command with its options."""
    printed = re.sub(r"\n{3,}", "\n\n", app.generate_docs(heading_level=2))
    _, _, commands = printed.partition("\n### segue ")
    # A usage line also holds the arguments that follow `python` where this page is printed.
    commands = re.sub(r"^(segue[a-z -]*?) -m \S+", r"\1", commands, flags=re.MULTILINE)
    if not commands:
        raise LookupError("the command line prints itself in another shape than this page expects")
    return page("# Command line", note, _OPENING, _one_level_up("### segue " + commands))


def _one_level_up(text: str) -> str:
    """Every heading one level higher."""
    return re.sub(r"^#(#+ )", r"\1", text, flags=re.MULTILINE)
