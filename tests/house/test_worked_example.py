"""What the page about the audit shows is what the code does, and the short program in it does what it says."""

import json
import subprocess
import sys
from functools import cache

from segue.console.audit import GENESIS, Entry, canonical, rehashed
from tests.house.source import ROOT


@cache
def blocks() -> dict[str, str]:
    """The blocks of the worked example, by their languages."""
    page = (ROOT / "docs/explanation/audit.md").read_text(encoding="utf-8")
    section = page.partition("### Worked example\n")[2].partition("\n## ")[0]
    pieces = section.split("```")[1::2]
    return {language: text for language, _, text in (piece.partition("\n") for piece in pieces)}


def entries() -> list[Entry]:
    """The entries that are shown."""
    return [Entry(**json.loads(line)) for line in blocks()["json"].splitlines()]


def follow(lines: str) -> subprocess.CompletedProcess[str]:
    """Run the program of the page on an export."""
    return subprocess.run(
        [sys.executable, "-c", blocks()["python"]], input=lines, capture_output=True, text=True, check=False
    )


def test_the_entries_are_a_chain() -> None:
    """The hashes that are shown are those of the fields that are shown, and the second entry follows the first."""
    first, second = entries()
    assert [rehashed(entry) for entry in (first, second)] == [first.hash, second.hash]
    assert (first.prev_hash, second.prev_hash) == (GENESIS, first.hash)


def test_the_bytes_are_those_that_are_hashed() -> None:
    """The canonical bytes that are shown are those of the first entry."""
    plain = {name: getattr(entries()[0], name) for name in Entry.__slots__ if name != "hash"}
    assert blocks()["text"].rstrip("\n").encode() == canonical(plain)


def test_the_program_follows_the_chain_and_finds_a_change() -> None:
    """The program of the page accepts the entries that are shown, and neither one that was changed nor one moved."""
    whole = '{"format":"segue audit 1","at":1.0,"to_seq":2}\n' + blocks()["json"]
    assert follow(whole).stdout == "The chain holds.\n"
    assert "entry 2 was changed" in follow(whole.replace("Віра", "Вера")).stderr
    first, second = blocks()["json"].splitlines()
    assert "entry 1 does not follow" in follow(f"{second}\n{first}\n").stderr
