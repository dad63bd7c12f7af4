"""`segue telemetry`: what is written, what lags behind, and what is said of a Prometheus that has it or has not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from segue.cli.telemetry import export
from segue.errors import ConfigurationError, InvalidRequest
from segue.operations.readiness.telemetry import installed
from segue.operations.readiness.watched import Firing, Loaded, LoadedRule, Target, judged
from segue.operations.report import Level, outcome
from segue.telemetry.alerts import everything
from segue.telemetry.promql import edge
from segue.telemetry.rule import Alert, Group, Links, Recording, labels, stamped
from segue.telemetry.rules import Basis
from tests.house.source import ROOT

WANTED = stamped(everything(Basis()), Links())
PLAN = ROOT / "plans" / "voice-phase2.yaml"


def as_loaded(group: Group) -> tuple[LoadedRule, ...]:
    """A group as a Prometheus has it."""
    return tuple(
        LoadedRule(rule.name, rule.expr, float(rule.for_s), labels(rule))
        if isinstance(rule, Alert)
        else LoadedRule(rule.record, rule.expr, 0.0, rule.labels)
        for rule in group.rules
    )


WELL = Loaded("2.42.0", {group.name: as_loaded(group) for group in WANTED}, (Target("a", True),), ())


def changed(**of_first: Any) -> Mapping[str, tuple[LoadedRule, ...]]:
    """The rules, with one alert changed by hand."""
    first, *rest = WELL.rules["segue-turns"]
    return {**WELL.rules, "segue-turns": (replace(first, **of_first), *rest)}


@pytest.mark.parametrize(
    ("loaded", "name", "level"),
    [
        (replace(WELL, targets=()), "scraped", Level.FAIL),
        (replace(WELL, targets=(Target("a", True), Target("b", False, "refused"))), "scraped", Level.WARN),
        (replace(WELL, targets=(Target("b", False, "refused"),)), "scraped", Level.FAIL),
        (replace(WELL, rules=changed(expr="vector(0)")), "rules", Level.FAIL),
        (replace(WELL, rules=changed(for_s=3600.0)), "rules", Level.FAIL),
        (replace(WELL, rules=changed(error="many-to-many")), "evaluated", Level.FAIL),
        (replace(WELL, firing=(Firing("SegueUnderflow", "ticket", "10% wait."),)), "firing", Level.WARN),
        (replace(WELL, firing=(Firing("SegueOutage", "page", "9 turns failed."),)), "firing", Level.FAIL),
    ],
)
def test_each_fault_is_told_by_its_own_check(loaded: Loaded, name: str, level: Level) -> None:
    """One thing that is wrong is one check that does not hold, with what to do."""
    found = judged(loaded, WANTED)
    assert {check.name: check.level for check in found if check.level is not Level.PASS} == {f"telemetry.{name}": level}
    assert all(check.hint for check in found if check.level is not Level.PASS)


def test_spaces_and_brackets_make_no_difference() -> None:
    """Prometheus writes an expression in its own way; that is no change."""
    first = WELL.rules["segue-turns"][0]
    loaded = replace(WELL, rules=changed(expr=" ".join(first.expr.split()).replace("(", "((").replace(")", "))")))
    assert outcome(judged(loaded, WANTED)) is Level.PASS


def test_missing_groups_and_another_edition_are_told() -> None:
    """Without a group, or with the rules of other settings, the check says which."""
    without = {name: rules for name, rules in WELL.rules.items() if name != "segue-presence"}
    levels = {check.name: check.level for check in judged(replace(WELL, rules=without), WANTED)}
    assert levels["telemetry.groups"] is levels["telemetry.rules"] is Level.FAIL
    nothing = {check.name: check.level for check in judged(replace(WELL, rules={}), WANTED)}
    assert nothing["telemetry.edition"] is Level.FAIL
    other = stamped(everything(Basis(head_s=61.0)), Links())
    assert {check.level for check in judged(WELL, other) if check.name == "telemetry.edition"} == {Level.FAIL}


@dataclass
class Odd:
    """Something that answers, but not as a Prometheus does."""

    place: str = "http://odd"

    def ask(self, path: str, **query: str) -> Any:
        """Something else."""
        return {"path": path, **query}


def test_something_else_is_no_prometheus() -> None:
    """An answer without the shape of Prometheus's is a failure and no traceback."""
    (check,) = installed(Odd(), everything(Basis()), Links())
    assert check.level is Level.FAIL
    assert "http://odd does not answer as a Prometheus does" in check.reason


def test_files_are_written_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was written is in step, until a file is changed or settings are; nothing is written by a comparison."""
    assert export(out=tmp_path / "out", plan=[PLAN], check_=True) == 1
    assert not (tmp_path / "out").exists()
    assert export(out=tmp_path / "out", plan=[PLAN]) == 0
    assert export(out=tmp_path / "out", plan=[PLAN], check_=True) == 0
    rules = tmp_path / "out" / "segue.rules.yaml"
    assert "SegueGateMissed_voice_phase2_ttfa" in rules.read_text(encoding="utf-8")
    capsys.readouterr()

    rules.write_text("groups: []\n", encoding="utf-8")
    assert export(out=tmp_path / "out", plan=[PLAN], check_=True) == 1
    assert str(rules) in capsys.readouterr().err
    assert rules.read_text(encoding="utf-8") == "groups: []\n"


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    """The same plan twice, a folder that cannot be made, and a limit below every edge are refused with a sentence."""
    with pytest.raises(InvalidRequest, match="Two plans are called voice-phase2"):
        export(out=tmp_path, plan=[PLAN, PLAN])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        export(out=tmp_path / "file")
    with pytest.raises(ConfigurationError, match="smallest edge of ttfa"):
        edge("ttfa", 0.5)


def test_recordings_have_one_name_and_labels_each() -> None:
    """No two rules record the same series."""
    rules = [rule for group in WANTED for rule in group.rules if isinstance(rule, Recording)]
    assert len({(rule.record, tuple(rule.labels.items())) for rule in rules}) == len(rules)
