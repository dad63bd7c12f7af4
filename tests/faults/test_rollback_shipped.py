"""The runbooks for code that ship, run whole as they are: a real service of ours is restarted by each, and by its undo.

What is served from is a git checkout, a folder or a virtual environment. The service tells its version when it is asked
whether it is ready, and passes everything else on to a server of Segue, which puts the run on record.
"""

import http.client
import json
import socket
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from segue.cli.main import main
from segue.clock import SystemClock
from segue.operations.evidence.envelope import REPORT_TYPE
from segue.operations.runbook.keeping import Shelf
from segue.operations.runbook.reading import SHIPPED
from tests.faults.test_rollback import git
from tests.faults.test_rollback_served import checks
from tests.server import PROJECT, RunningServer, running

GOOD, BAD, LAME = "0.1.0", "0.2.0", "0.0.9"
"""What is gone back to, what is served from at first, and one that starts but is never ready."""

SERVICE = """
import http.client, http.server, json, os, signal, sys

from segue import READY, VERSION

port, upstream, pid = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Door(http.server.BaseHTTPRequestHandler):
    def passed(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, kind, told = (200 if READY else 503), "application/json", json.dumps({"version": VERSION}).encode()
        if self.path != "/api/ready":
            line = http.client.HTTPConnection(upstream, timeout=20)
            kept = {name: self.headers[name] for name in ("authorization", "content-type") if name in self.headers}
            line.request(self.command, self.path, body, kept)
            answer = line.getresponse()
            status, kind, told = answer.status, answer.headers.get("content-type", ""), answer.read()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = passed

    def log_message(self, *said):
        pass


def ended(*said):
    os.unlink(pid)
    os._exit(0)


door = http.server.ThreadingHTTPServer(("127.0.0.1", port), Door)
signal.signal(signal.SIGTERM, ended)
with open(pid + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(pid + ".new", pid)
door.serve_forever()
"""

PROGRAM = """#!/bin/sh
# Stops and starts the service, as an engine does: it returns when that is so, and doing it twice does no harm.
cd "$(dirname "$0")" || exit 1
printf '%s\\n' "${1:-restart} ${2:-}" >> called
until_it() { n=0; until test "$@"; do n=$((n+1)); test $n -lt 400 || exit 1; sleep 0.02; done; }
case "${1:-restart}" in stop | restart) test ! -e pid || { kill "$(cat pid)"; until_it ! -e pid; } ;; esac
case "${1:-restart}" in start | restart)
  test -e pid || { START -B -m segue "$PWD/pid" < /dev/null >> log 2>&1 & }
  until_it -e pid ;;
esac
"""


def package(where: Path, version: str) -> None:
    """The code of the service in one version."""
    (where / "segue").mkdir(parents=True, exist_ok=True)
    (where / "segue/__init__.py").write_text(f"VERSION = {version!r}\nREADY = {version != LAME}\n")
    (where / "segue/__main__.py").write_text(SERVICE)


def environment(where: Path) -> Path:
    """A small virtual environment; its folder of packages."""
    venv.EnvBuilder(symlinks=True).create(where)
    (site,) = where.glob("lib/python*/site-packages")
    return site


@dataclass(frozen=True)
class Deployment:
    """A service that is served from somewhere, and what is said to go back."""

    root: Path
    port: int
    go_back: Callable[[str], tuple[str, ...]]
    """What is said to go back to a version."""
    stands: Callable[[], Any]
    """What is served from, told in a value that changes with it."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def version(self) -> str:
        """Which version the service that runs is of."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        line.request("GET", "/api/ready")
        return str(json.loads(line.getresponse().read())["version"])

    def called(self) -> list[str]:
        """What the program that stops and starts was told, one after another."""
        return [line.strip() for line in (self.root / "called").read_text().splitlines()]


def code_git(root: Path) -> tuple[str, Callable[[str], tuple[str, ...]], Callable[[], Any]]:
    """A checkout with an environment of its own, as `pip install -e` leaves it."""
    checkout, commits = root / "checkout", {}
    checkout.mkdir()
    git(checkout, "init", "--quiet", "--initial-branch", "main")
    (checkout / ".gitignore").write_text(".venv/\n__pycache__/\n")
    for version in (LAME, GOOD, BAD):
        package(checkout / "src", version)
        git(checkout, "add", ".")
        git(checkout, "commit", "--quiet", "--message", version)
        commits[version] = git(checkout, "rev-parse", "HEAD")
    (environment(checkout / ".venv") / "segue.pth").write_text(f"{checkout / 'src'}\n")

    def go_back(version: str) -> tuple[str, ...]:
        said = ("--set", f"repository={checkout}", f"restart={root / 'service'}")
        return ("--level", "code", "--to", commits[version], *said)

    return str(checkout / ".venv/bin/python"), go_back, lambda: git(checkout, "branch", "--show-current")


def code_files(root: Path) -> tuple[str, Callable[[str], tuple[str, ...]], Callable[[], Any]]:
    """A folder of code beside two that were kept."""
    for name, version in (("lame", LAME), ("good", GOOD), ("app", BAD)):
        package(root / name, version)

    def go_back(version: str) -> tuple[str, ...]:
        kept = root / ("lame" if version == LAME else "good")
        said = ("--set", f"folder={root / 'app'}", f"service={root / 'service'}", "unit=voice")
        return ("--runbook", "code-files", "--to", str(kept), *said)

    return f"env PYTHONPATH={root / 'app'} {sys.executable} -S", go_back, (root / "app/segue/__init__.py").read_text


def venvs(root: Path) -> tuple[str, Callable[[str], tuple[str, ...]], Callable[[], Any]]:
    """Three environments, and a link that leads to one of them."""
    for version in (LAME, GOOD, BAD):
        site = environment(root / version)
        package(site, version)
        (site / f"segue-{version}.dist-info").mkdir()
        (site / f"segue-{version}.dist-info/METADATA").write_text(f"Name: segue\nVersion: {version}\n")
    link = root / "venv"
    link.symlink_to(BAD)

    def go_back(version: str) -> tuple[str, ...]:
        said = (f"link={link}", f"version={version}", f"service={root / 'service'}", "unit=voice")
        return ("--runbook", "venv", "--to", version, "--set", *said)

    return str(link / "bin/python"), go_back, lambda: str(link.readlink())


KINDS = {"code-git": code_git, "code-files": code_files, "venv": venvs}
CALLED = {
    "code-git": (["restart"], ["restart", "restart"]),
    "code-files": (["stop voice", "start voice"], ["stop voice", "start voice"] * 2),
    "venv": (["stop voice", "start voice"], ["stop voice", "start voice"] * 2),
}
"""What the program is told by each runbook where all goes well, and where what was done is taken back."""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """The Segue behind the service, which keeps what is put on record."""
    with running({"voice": {"languages": ["en"]}}) as made:
        yield made


@pytest.fixture(params=list(KINDS))
def deployment(request: pytest.FixtureRequest, tmp_path: Path, server: RunningServer) -> Iterator[Deployment]:
    """The service in its bad version, started as it is restarted later."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start, go_back, stands = KINDS[request.param](tmp_path)
    program = tmp_path / "service"
    program.write_text(
        PROGRAM.replace("START -B -m segue", f"{start} -B -m segue {port} {server.url.removeprefix('http://')}")
    )
    program.chmod(0o755)
    made = Deployment(tmp_path, port, go_back, stands)
    subprocess.run([program, "start"], check=True)
    (tmp_path / "called").unlink()
    yield made
    subprocess.run([program, "stop"], check=True)


@pytest.fixture
def rollback(
    deployment: Deployment,
    server: RunningServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs the command in this process against the service; its exit code and its report."""
    monkeypatch.setenv("SEGUE_KEY", server.key)
    where = ("--url", deployment.url, "--data", str(deployment.root / "data"))

    def run(*said: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["rollback", *said, *where, "--json", "--no-validate"])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return run


class HurriedClock(SystemClock):
    """A clock on which two minutes of waiting until something holds are over in one second."""

    def now(self) -> float:
        """See `Clock.now`."""
        return super().now() * 120.0


def on_record(server: RunningServer) -> dict[str, Any]:
    """The newest rollback that the server has on record."""
    with server.client() as client:
        items = client.get("/api/operations").json()["items"]
    found: dict[str, Any] = next(item for item in items if item["command"] == "rollback")
    return found


def test_each_brings_the_good_version_back(
    deployment: Deployment, rollback: Any, server: RunningServer, request: pytest.FixtureRequest
) -> None:
    """As it ships it goes from the first step to the last: the service runs again, in the good version, on record."""
    assert deployment.version() == BAD
    kind = request.node.callspec.params["deployment"]

    code, report = rollback(*deployment.go_back(GOOD), "--reason", f"back by {kind}")

    assert code == 0, report
    assert deployment.version() == GOOD
    assert report["facts"]["runbook"] == kind
    assert report["facts"]["recorded"] is False
    assert deployment.called() == CALLED[kind][0]
    assert {check["level"] for check in report["checks"]} == {"pass", "not_measured"}
    assert on_record(server)["outcome"] == "pass"
    (evidence,) = (deployment.root / "data").rglob("*rollback*.json")
    envelope = json.loads(evidence.read_text())
    assert (envelope["payloadType"], len(envelope["signatures"])) == (REPORT_TYPE, 1)

    with Shelf(deployment.root / "data/runbooks", SystemClock()).alone():
        assert deployment.version() == GOOD, "the service that was started keeps no other run from beginning"


def test_each_is_taken_back_where_it_cannot_be_verified(
    deployment: Deployment,
    rollback: Any,
    server: RunningServer,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A version that starts but never takes listeners is no way back: what was there runs again, and that is told."""
    monkeypatch.setattr("segue.cli.rollback.SystemClock", HurriedClock)
    kind, before = request.node.callspec.params["deployment"], deployment.stands()

    code, report = rollback(*deployment.go_back(LAME))

    found = checks(report)
    (failed,) = [name for name, check in found.items() if check["level"] == "fail" and name != "run.outcome"]
    assert code == 1
    assert failed == ("step.restart" if kind == "code-git" else "step.start")
    assert "/api/ready answered with 503" in found[failed]["reason"]
    assert found["run.outcome"]["reason"].endswith("is undone.")
    assert deployment.stands() == before
    assert deployment.version() == BAD
    assert deployment.called() == CALLED[kind][1]
    assert on_record(server)["outcome"] == "fail"


def test_an_installed_segue_brings_them_along(tmp_path: Path) -> None:
    """The wheel holds every runbook at the place where it is looked for, with the same bytes."""
    building = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(building, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    here = {str(path.relative_to(PROJECT / "src")): path.read_bytes() for path in SHIPPED.glob("*.yaml")}
    with ZipFile(wheel) as packed:
        there = {name: packed.read(name) for name in packed.namelist() if "/runbooks/" in name}
    assert there == here
    assert len(here) >= len(KINDS)
