"""The reference pages are what the code prints, and say everything there is."""

from functools import cache
from pathlib import Path

import pytest

from docs import generate
from docs.printers import audit, codes
from segue.measures import MEASURES
from segue.telemetry.metrics import READINGS
from tests.house.source import ROOT

printed = cache(generate.pages)
"""Every page, printed once."""


def test_pages_are_as_the_code_prints_them() -> None:
    """No reference page lags behind the code; `make docs` writes them."""
    assert [path for path, text in printed().items() if (ROOT / path).read_text(encoding="utf-8") != text] == []


def test_printed_pages_are_the_reference() -> None:
    """Every page that says it is printed has a printer."""
    said = {
        str(page.relative_to(ROOT))
        for page in (ROOT / "docs").rglob("*.md")
        if generate.NOTE in page.read_text(encoding="utf-8")
    }
    assert said == set(printed())


def test_printing_is_repeatable() -> None:
    """The same code prints the same pages."""
    assert printed() == generate.pages()


def test_every_measure_is_documented() -> None:
    """The page of measures has every metric that is exported, once as a heading of a row."""
    page = printed()["docs/reference/measures.md"]
    for metric in [measure.metric for measure in MEASURES] + [reading.metric for reading in READINGS]:
        assert page.count(f"| `{metric}` |") == 1


def test_a_page_that_lags_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or changed page fails the check, writing mends it, and a page that is right is left alone."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "pages", printed)
    assert generate.main(["--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0

    (tmp_path / "docs/reference/errors.md").write_text("old")
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/reference/errors.md lags behind: run make docs\n"


def test_an_action_or_a_code_of_which_nothing_is_said_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the code writes into the audit, or says is not there, must have its words; else nothing is printed."""
    monkeypatch.setattr(audit, "MEANINGS", {name: said for name, said in audit.MEANINGS.items() if name != "chat.open"})
    with pytest.raises(LookupError, match=r"chat\.open"):
        audit.audit_page(generate.NOTE)
    monkeypatch.setattr(codes, "UNKNOWN", {name: said for name, said in codes.UNKNOWN.items() if name != "unknown_run"})
    with pytest.raises(LookupError, match="unknown_run"):
        list(codes.code_rows())
