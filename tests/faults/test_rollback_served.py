"""Rollbacks of what a running server decides, and the look at it afterwards: real speech, real settings."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from segue.cli.main import main
from segue.operations.validating.baseline import SLOWER
from tests.faults.test_rollback import killed
from tests.rollouts import started
from tests.server import RunningServer, running

CONFIG: dict[str, Any] = {
    "voice": {"languages": ["en"]},
    "providers": {"models": ["offline"], "synthesizers": ["espeak", "scripted"], "recognizers": ["pocketsphinx"]},
    "delivery": {"tick_s": 0.1, "flush_s": 0.1, "poll_s": 0.1, "grace_s": 1.0},
}

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server with two voices, one of them real, and a real recognizer."""
    with running(CONFIG) as made:
        yield made


@pytest.fixture
def run(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process; its exit code and its report."""

    def command(*said: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*said, "--data", str(server.data), "--json"])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return command


@pytest.fixture
def live(server: RunningServer) -> Iterator[Callable[..., dict[str, Any]]]:
    """Changes the live settings, and says what they are; in the end all is as configured."""

    def settings(**wanted: Any) -> dict[str, Any]:
        with server.client() as client:
            now: dict[str, Any] = client.get("/api/settings").json()
            if wanted:
                body = {"base": now["version"], "live": {"off": {}, "first": {}} | wanted, "reason": "a test"}
                answer = client.put("/api/settings", json=body)
                assert answer.status_code == 200, answer.text
                now = client.get("/api/settings").json()
            return now

    yield settings
    settings(off={})


def checks(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The checks by their names."""
    return {check["name"]: check for check in report["checks"]}


def run_of(server: RunningServer, after: Sequence[str] = ()) -> str:
    """The name of the newest run that is not among these."""
    return max(path.stem for path in (server.data / "runbooks").glob("*.jsonl") if path.stem not in after)


def test_an_earlier_version_comes_back_and_all_is_looked_at(server: RunningServer, run: Run, live: Any) -> None:
    """Within one command the earlier live settings are in force, without a restart, and it is proved by real speech."""
    good = live(first={"synthesizer": "espeak"})
    bad = live(first={"synthesizer": "scripted"}, off={"espeak": "a mistake"})

    code, report = run("rollback", "--level", "configuration", "--to", str(good["version"]), "--runs", "2")

    found = checks(report)
    assert code == report["exit_code"] == 0, report
    assert found["performance.synthesis"]["level"] == "not_measured", "before it another provider spoke"
    assert "Others spoke in the baseline: scripted, and now espeak" in found["performance.synthesis"]["reason"]
    assert found["fallback.synthesis"]["figures"]["chain"] == 2
    assert found["step.settings"]["level"] == found["run.outcome"]["level"] == "pass"
    assert found["provider.synthesizer.espeak"]["level"] == "pass"
    assert found["criteria.recognition_ratio"]["level"] == "pass"
    assert found["recognition.doubts"]["figures"] == {"confirmed": 0, "n": 3}
    now = live()
    assert now["live"] == good["live"]
    assert now["started_at"] == bad["started_at"]
    facts = report["facts"]
    assert (facts["before"]["version"], facts["after"]["version"]) == (bad["version"], now["version"])
    with server.client() as client:
        actions = [entry["action"] for entry in client.get("/api/audit?limit=50").json()["items"]]
        kept = client.get("/api/operations").json()["items"]
    assert {"settings.restore", "operation.record"} <= set(actions)
    assert [each["command"] for each in kept].count("rollback") == 1
    rules = Path(facts["alerts"]).read_text()
    assert rules.count("vector(time()) < ") == 3
    assert facts["run"] in rules


def test_a_version_that_is_not_there_changes_nothing(run: Run, live: Any) -> None:
    """What cannot be gone back to is refused, and it is said where to look."""
    before = live()
    code, report = run("rollback", "--level", "configuration", "--to", "9999", "--no-validate")
    assert code == 1
    assert "there is no version 9999" in checks(report)["step.settings"]["reason"].lower()
    assert live()["version"] == before["version"]


def test_a_provider_is_switched_off_and_taken_back(tmp_path: Path, run: Run, live: Any) -> None:
    """A provider goes off and another goes first; where a later step fails only that is taken back, not more."""
    said = ("--runbook", "provider-off", "--to", "espeak", "--set", "provider=scripted", "--no-validate")
    code, report = run("rollback", *said)
    assert code == 0, report
    now = live()["live"]
    assert (list(now["off"]), now["first"]) == (["scripted"], {"synthesizer": "espeak"})

    live(first={"recognizer": "pocketsphinx"})
    first = {"kind": "provider.first", "role": "synthesizer", "provider": "espeak"}
    asked = {"kind": "http", "path": "/api/voice/switch", "holds": {"enabled": True}}
    steps = [
        {"name": "off", "do": {"kind": "provider.off", "provider": "scripted"}, "undo": "before"},
        {"name": "first", "do": first, "undo": "before"},
        {"name": "silence", "do": {"kind": "switch", "enabled": False}, "undo": "before"},
        {"name": "asked", "do": asked, "timeout_s": 0.3},
    ]
    book = tmp_path / "book.yaml"
    whole = {"name": "book", "level": "configuration", "about": "A test.", "on_failure": "undo", "steps": steps}
    book.write_text(json.dumps(whole))
    code, report = run("rollback", "--runbook", str(book), "--no-validate")
    assert code == 1
    assert "says enabled is False, not True" in checks(report)["step.asked"]["reason"]
    assert live()["live"] == {"off": {}, "first": {"recognizer": "pocketsphinx"}}


@pytest.mark.parametrize(("at", "before"), [(4, False), (5, True)])
def test_a_killed_change_of_the_server_is_gone_on_with(
    at: int, before: bool, server: RunningServer, run: Run, live: Any
) -> None:
    """Killed before or after the server was told, going on leaves one new version, not two and not none."""
    good = live(first={"synthesizer": "espeak"})
    bad = live(first={"synthesizer": "scripted"})
    earlier = [path.stem for path in (server.data / "runbooks").glob("*.jsonl")]
    said = ["rollback", "--level", "configuration", "--to", str(good["version"]), "--no-validate", "--no-record"]

    killed([*said, "--data", str(server.data)], at=at, before=before)
    code, report = run("rollback", "--resume", run_of(server, earlier), "--no-validate")

    assert code == 0, report
    assert live()["live"] == good["live"]
    assert live()["version"] == bad["version"] + 1


def test_a_rollout_is_rolled_back(server: RunningServer, run: Run) -> None:
    """The runbook of rollouts lets everybody hear the baseline again; asked once more there is nothing to do."""
    with started(server, "night"):
        code, report = run("rollback", "--runbook", "rollout", "--to", "night", "--no-validate")
        assert code == 0, report
        with server.client() as client:
            assert client.get("/api/rollouts/night").json()["phase"] == "rolled_back"
        assert run("rollback", "--runbook", "rollout", "--to", "night", "--no-validate")[0] == 0


def test_a_baseline_is_kept_and_compared_with(tmp_path: Path, run: Run) -> None:
    """What was measured is compared with as a ratio: with itself nothing is slower, and what was fast is missed."""
    file = tmp_path / "baseline.json"
    code, report = run("validate", "--measure", str(file), "--runs", "3", "--no-record")
    assert code == 0, report
    assert checks(report)["performance.measured"]["figures"]["n"] == 9

    plain = json.loads(file.read_text())
    file.write_text(json.dumps(plain | {"took_ms": {k: [0.05, 0.051, 0.052] for k in plain["took_ms"]}}))
    report = run("validate", "--baseline", str(file), "--runs", "3", "--no-record")[1]
    slow = checks(report)["performance.synthesis"]
    assert slow["figures"]["low"] > SLOWER
    assert "95th percentile of 9 is their largest" in slow["reason"]


def test_where_nobody_answers_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A deployment that does not answer fails the look at it, and nothing else is claimed of it."""
    with pytest.raises(SystemExit, match="1"):
        main(["validate", "--data", str(tmp_path), "--json", "--no-record"])
    report = json.loads(capsys.readouterr().out)
    assert [check["name"] for check in report["checks"]] == ["service.answers"]
