"""Watching, auditing and updating by what one real server counted and recorded."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segue.cli.asking import Where
from segue.cli.main import main
from segue.cli.recording import recorded
from segue.clock import SystemClock
from segue.operations.report import Check, Level, Report
from tests.rollouts import started
from tests.server import PROJECT, RunningServer, clean_environment, running

TURNS = 62
FILE = """# a server of the tests
voice:
  languages: [en]
  profiles:
    fast:
      ttfa_p95_ms: 4000  # what is promised
providers: {models: [scripted], synthesizers: [scripted], recognizers: [], scripted: {reply: Hello there.}}
delivery: {tick_s: 0.1, flush_s: 0.1, poll_s: 0.1, grace_s: 1.0}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration file of the server."""
    file = tmp_path_factory.mktemp("configuration") / "segue.yaml"
    file.write_text(FILE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def server(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of that file that nobody has spoken with yet."""
    with running(file, data=tmp_path_factory.mktemp("monitored") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def before(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What its metrics said before the turns; the turns are over when this is there."""
    saved = tmp_path_factory.mktemp("before") / "metrics.txt"
    with server.client() as client:
        saved.write_text(client.get("/metrics").text, encoding="utf-8")
        for number in range(TURNS):
            answer = client.post("/api/voice/chat/stream", json={"text": "Hi", "listener": f"listener-{number}"})
            assert answer.status_code == 200
    return saved


def said(capsys: pytest.CaptureFixture[str], server: RunningServer, *words: str) -> tuple[int, str]:
    """What a command ends with, and what it prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*words, "--data", str(server.data)])
    return int(ended.value.code or 0), capsys.readouterr().out


def told(capsys: pytest.CaptureFixture[str], server: RunningServer, *words: str) -> tuple[int, dict[str, Any]]:
    """The same as JSON."""
    code, text = said(capsys, server, *words, "--json")
    plain: dict[str, Any] = json.loads(text)
    return code, plain


def test_people_are_shown_the_figures(capsys: pytest.CaptureFixture[str], server: RunningServer, before: Path) -> None:
    """Without --json there is a table of the variants above the checks."""
    code, text = said(capsys, server, "monitor", "--against", str(before), "--no-record")

    assert code == 0
    assert "baseline" in text
    assert "success.baseline" in text


def test_a_window_of_a_real_server(capsys: pytest.CaptureFixture[str], server: RunningServer, before: Path) -> None:
    """What was spoken since an earlier reading is judged, with both arms of a rollout; the report is on record."""
    code, window = told(capsys, server, "monitor", "--against", str(before))

    assert (code, window["verdict"]) == (0, "ok")
    (variant,) = window["variants"]
    assert (variant["turns"], variant["success"], variant["ttfa"]["n"]) == (TURNS, 1.0, TURNS)
    assert window["requests"]["n"] == TURNS
    with server.client() as client:
        newest = client.get("/api/operations").json()["items"]
    assert [each["outcome"] for each in newest if each["command"] == "monitor"] == ["pass"]

    with started(server, "monitored"):
        code, window = told(capsys, server, "monitor", "--against", str(before))
    assert (code, window["verdict"]) == (3, "no_data")  # the candidate had no turn yet
    (rollout,) = window["rollouts"]
    assert (rollout["name"], rollout["stage"], rollout["share"]) == ("monitored", "half", 0.5)
    assert {gate["gate"] for gate in rollout["gates"]} == {"ttfa", "success"}

    code, window = told(capsys, server, "monitor", "--against", str(before))
    assert (code, window["verdict"]) == (2, "p1")
    assert "The test is over." in window["checks"][-1]["reason"]


def test_a_server_that_is_not_there_is_no_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is not called a P0, and it is not called well."""
    with pytest.raises(SystemExit) as ended:
        main(["monitor", "--data", str(tmp_path), "--json", "--no-record"])

    window = json.loads(capsys.readouterr().out)
    assert (ended.value.code, window["answering"], window["verdict"]) == (3, False, "no_data")


def test_watching_ends_with_a_word(server: RunningServer) -> None:
    """Every window is a line; Ctrl-C ends it with the exit code of the last one, and no traceback."""
    watch = [sys.executable, "-m", "segue.cli.main", "monitor", "--watch", "--interval", "0.2", "--json", "--no-record"]
    watching = subprocess.Popen(
        [*watch, "--data", str(server.data)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(), cwd=PROJECT,
    )  # fmt: skip
    assert watching.stdout is not None
    windows = [json.loads(watching.stdout.readline()) for _ in range(2)]
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=120)

    assert windows[1]["began"] == pytest.approx(windows[0]["ended"], abs=0.05)
    assert {each["verdict"] for each in windows} == {"no_data"}
    assert (watching.returncode, errors) == (3, "")


def test_the_audit_is_the_same_with_and_without_the_server(
    capsys: pytest.CaptureFixture[str], server: RunningServer, before: Path, tmp_path: Path
) -> None:
    """Turns are read over the door of a server that runs, or from a data folder whose server does not."""
    del before
    page, kept = tmp_path / "audit.html", tmp_path / "kept"
    code, report = told(capsys, server, "latency-audit", "--out", str(page))
    shutil.copytree(server.data, kept, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    with pytest.raises(SystemExit) as ended:
        main(["latency-audit", "--data", str(kept), "--json", "--no-record", "--out", str(tmp_path / "audit.md")])
    alone = json.loads(capsys.readouterr().out)

    assert code == ended.value.code == 0
    assert report["facts"]["all"]["turns"] == TURNS
    assert alone["facts"] == report["facts"]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    limits = {check["name"]: check["figures"].get("limit_ms") for check in report["checks"]}
    assert limits["objective.fast.ttfa_p95_ms"] == 4000.0


def test_the_policy_is_updated_once(
    capsys: pytest.CaptureFixture[str], server: RunningServer, before: Path, file: Path
) -> None:
    """No canary, no proposal; with one a diff, then the file, and no second step until the server has started anew."""
    del before
    update = ("policy", "update", "--config", str(file))
    assert told(capsys, server, *update)[0] == 3

    put_on_record(server)
    code, proposal = told(capsys, server, *update)
    assert (code, file.read_text(encoding="utf-8")) == (2, FILE)
    assert "+        qualified: [scripted]" in proposal["facts"]["difference"]

    code, done = told(capsys, server, *update, "--apply")
    text = file.read_text(encoding="utf-8")
    assert (code, done["facts"]["version"]) == (0, "segue.yaml.~1~")
    assert file.with_name("segue.yaml.~1~").read_text(encoding="utf-8") == FILE
    assert "ttfa_p95_ms: 4000  # what is promised\n" in text
    assert "ttfa_p95_ms: 3200\n" in text
    assert json.loads((server.data / "latency-report.json").read_text(encoding="utf-8"))["all"]["turns"] == TURNS

    code, again = told(capsys, server, *update, "--apply")
    assert (code, file.read_text(encoding="utf-8")) == (1, text)
    assert [check["level"] for check in again["checks"]] == ["pass", "fail"]
    with server.client() as client:
        entries = client.get("/api/audit", params={"target": "operation/policy update"}).json()["items"]
    assert len(entries) == 4


def put_on_record(server: RunningServer) -> None:
    """A canary that passed just now."""
    now_us = round(SystemClock().wall() * 1e6)
    passed = (Check("synthesis", Level.PASS, "Every voice spoke."),)
    recorded(Report("canary", "here", now_us, now_us, passed), Where(server.data), None)
