"""Whatever is broken on purpose is found by the command that should find it, and a healthy deployment gives nothing."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from segue.cli.asking import Where
from segue.cli.main import main
from segue.cli.recording import recorded
from segue.operations.evidence.envelope import from_text, vouched
from segue.operations.listening.take import kept
from segue.operations.report import Check, Level, accepted, outcome
from segue.stores.audit_key import trusted_keys
from tests.faults.breakages import TABLE
from tests.faults.breaking import LOOKS
from tests.faults.broken import ACCEPTED, Deployment, deployed
from tests.rollouts import until

FOUND = (Level.FAIL, Level.WARN, Level.NO_DATA)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A healthy deployment, which every test leaves as it was."""
    with deployed(Path(tmp_path_factory.mktemp("deployment"))) as it:
        yield it


@pytest.fixture(scope="module")
def healthy(deployment: Deployment) -> tuple[Check, ...]:
    """All that the commands find on it, before anything is broken."""
    report = deployment.listen()
    deployment.kept.update(kept([report.facts]))
    recorded(report, Where(data=deployment.server.data), deployment.folder / "evidence")
    until(lambda: outcome(deployment.watched()) is Level.PASS)
    parts = (report.checks, deployment.verify().checks, deployment.watched(), deployment.preflight())
    return (*(check for part in parts for check in part), *deployment.before())


def test_nothing_is_found_on_a_healthy_deployment(healthy: tuple[Check, ...]) -> None:
    """Every command passes, but for what is known of the machine that the tests run on, which is accepted by name."""
    checks = accepted(healthy, ACCEPTED, strict=True)
    assert [check for check in checks if check.level in FOUND and not check.accepted] == []
    assert outcome(checks) is Level.PASS
    looked_at = {"canary.finished", "server.health", "config.fits", "metrics.moves", "telemetry.rules"}
    assert looked_at <= {check.name for check in checks}


@pytest.mark.usefixtures("healthy")
def test_the_command_tells_by_its_exit_code(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where each warning is accepted by name, which the signed evidence holds; else 2, or 1 where it is strict."""

    def run(*more: str) -> tuple[int, dict[str, Any]]:
        words = ("preflight", "--json", "--data", str(deployment.server.data), "--config", str(deployment.file), *more)
        with pytest.raises(SystemExit) as end:
            main(words)
        return int(end.value.code or 0), json.loads(capsys.readouterr().out)

    assert run("--no-record")[0] == 2
    assert run("--no-record", "--strict")[0] == 1
    code, told = run("--strict", *(word for name in (*ACCEPTED, "nothing.such") for word in ("--accept", name)))
    assert code == 0
    assert {check["name"] for check in told["checks"] if check.get("accepted")} <= set(ACCEPTED)
    assert "nothing.such" in told["facts"]["unused"]
    envelope = from_text(Path(told["evidence"]).read_text(encoding="utf-8"))
    assert envelope is not None
    assert list(vouched(envelope, trusted_keys(deployment.server.data)).values()) == [True]
    assert json.loads(envelope.payload)["facts"]["accepted"] == [*ACCEPTED, "nothing.such"]


@pytest.mark.parametrize("name", LOOKS)
def test_a_breakage_is_found(deployment: Deployment, healthy: tuple[Check, ...], name: str) -> None:
    """The command of the table finds it, by the check of the table, with a reason and something to do about it."""
    breakage = next(each for each in TABLE if each.name == name)
    known = {(check.name, check.reason) for check in healthy}
    new = [check for check in LOOKS[name](deployment) if check.level in FOUND]
    new = [check for check in new if (check.name, check.reason) not in known]
    found = [check for check in new if fnmatchcase(check.name, breakage.check)]
    told = [(check.name, check.level.value, check.reason) for check in new]
    assert found, f"{breakage.command} found only {told}"
    assert all(check.reason and check.hint for check in found)
    print(f"{name:28} {breakage.command:10} {found[0].level.value:7} {found[0].name:28} {found[0].reason}")


def test_every_breakage_of_the_table_is_tried() -> None:
    """What stands in the table is broken and looked at, and what is broken stands in it; there are many."""
    assert {each.name for each in TABLE} == set(LOOKS)
    assert len({each.name for each in TABLE}) == len(TABLE) >= 20
