"""Rollbacks for real: a git repository, files, environments; killed in the middle, and gone on with."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from segue.cli.main import main
from segue.errors import Unavailable
from segue.operations.runbook import content
from segue.operations.runbook.keeping import Journal
from segue.operations.runbook.programs import Programs
from tests.rollouts import until

GIT = ("git", "-c", "user.name=Segue", "-c", "user.email=segue@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *said: str) -> str:
    """What git says of a repository."""
    done = subprocess.run([*GIT, "-C", str(folder), *said], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits; the first was good."""
    folder = tmp_path / "service"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for text in ("good", "bad"):
        (folder / "code.txt").write_text(text)
        git(folder, "add", "code.txt")
        git(folder, "commit", "--quiet", "--message", text)
    return folder


@pytest.fixture
def rollback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs the command in this process; its exit code and its report."""

    def run(*said: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["rollback", *said, "--data", str(tmp_path / "data"), "--json", "--no-record", "--no-validate"])
        told = capsys.readouterr()
        return int(ended.value.code or 0), json.loads(told.out) if told.out else {"told": told.err}

    return run


def written(folder: Path, *steps: dict[str, Any], on_failure: str = "stop") -> str:
    """The file of a runbook with these steps."""
    path = folder / "book.yaml"
    book = {"name": "book", "level": "code", "about": "A test.", "on_failure": on_failure, "steps": steps}
    path.write_text(json.dumps(book))
    return str(path)


def levels(report: dict[str, Any]) -> dict[str, str]:
    """How each check came out."""
    return {check["name"]: check["level"] for check in report["checks"]}


def entries(folder: Path) -> list[dict[str, Any]]:
    """The entries of the only journal."""
    (path,) = (folder / "data/runbooks").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def tree(folder: Path) -> str:
    """Everything that is below a folder."""
    return content.digest(folder)


def test_a_commit_comes_back_on_a_branch_of_its_own(repository: Path, tmp_path: Path, rollback: Any) -> None:
    """The good commit is checked out onto a branch of the run; no branch of ours moves, and nothing is lost."""
    good, bad = git(repository, "rev-parse", "main~1"), git(repository, "rev-parse", "main")
    book = written(
        tmp_path, {"name": "code", "do": {"kind": "git.checkout", "repository": str(repository), "commit": good}}
    )

    code, report = rollback("--runbook", book)

    assert code == 0, report
    assert (repository / "code.txt").read_text() == "good"
    assert git(repository, "rev-parse", "HEAD") == good
    assert git(repository, "branch", "--show-current") == f"rollback-{report['facts']['run']}"
    assert git(repository, "rev-parse", "main") == bad


def test_a_changed_checkout_is_refused(repository: Path, tmp_path: Path, rollback: Any) -> None:
    """Nothing that is not committed is thrown away: a dirty checkout is refused, and a commit that is not there."""
    (repository / "code.txt").write_text("somebody's work")
    step = {"name": "code", "do": {"kind": "git.checkout", "repository": str(repository), "commit": "main~1"}}
    step["do"]["commit"] = git(repository, "rev-parse", "main~1")

    code, report = rollback("--runbook", written(tmp_path, step))

    assert code == 1
    assert "changed files" in report["checks"][0]["reason"]
    assert (repository / "code.txt").read_text() == "somebody's work"
    assert rollback("--resume", report["facts"]["run"], "--then", "abandon")[0] == 1

    step["do"]["commit"] = "0" * 40
    code, report = rollback("--runbook", written(tmp_path, step))
    assert code == 1
    assert "has no commit" in report["checks"][0]["reason"]


def test_a_worktree_beside(repository: Path, tmp_path: Path, rollback: Any) -> None:
    """A commit can be taken out beside the checkout, which stays as it is."""
    good, beside = git(repository, "rev-parse", "main~1"), tmp_path / "beside"
    do = {"kind": "git.checkout", "repository": str(repository), "commit": good, "worktree": str(beside)}
    failing = {"name": "fails", "do": {"kind": "command", "argv": ["false"]}, "timeout_s": 0.2}

    assert rollback("--runbook", written(tmp_path, {"name": "code", "do": do}))[0] == 0
    assert (beside / "code.txt").read_text() == "good"
    assert (repository / "code.txt").read_text() == "bad"

    do["worktree"] = str(tmp_path / "other")
    book = written(tmp_path, {"name": "code", "do": do, "undo": "before"}, failing, on_failure="undo")
    assert rollback("--runbook", book)[0] == 1
    assert not (tmp_path / "other").exists()


def kept(tmp_path: Path) -> dict[str, Any]:
    """A step that puts a kept folder and its modes in place of the present one."""
    for name, text in (("kept", "good"), ("there", "bad")):
        folder = tmp_path / name
        (folder / "inner").mkdir(parents=True)
        (folder / "inner/run.sh").write_text(text)
        (folder / "inner/run.sh").chmod(0o750)
        (folder / "link").symlink_to("inner/run.sh")
    do = {"kind": "file.restore", "source": str(tmp_path / "kept"), "target": str(tmp_path / "there")}
    return {"name": "files", "do": do, "undo": "before"}


def test_a_folder_comes_back_with_its_modes(tmp_path: Path, rollback: Any) -> None:
    """What is restored is what was kept, by its digest; what it replaces is kept, and so are modes and links."""
    step = kept(tmp_path)
    was, wanted = tree(tmp_path / "there"), tree(tmp_path / "kept")
    step["do"]["sha256"] = "0" * 64
    code, report = rollback("--runbook", written(tmp_path, step))
    assert code == 1
    assert "it is another one" in report["checks"][0]["reason"]
    assert tree(tmp_path / "there") == was
    rollback("--resume", report["facts"]["run"], "--then", "abandon")

    step["do"]["sha256"] = wanted
    code, report = rollback("--runbook", written(tmp_path, step))
    assert code == 0, report
    assert tree(tmp_path / "there") == wanted
    assert (tmp_path / "there/inner/run.sh").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "there/link").is_symlink()
    assert tree(tmp_path / f"there.before-{report['facts']['run']}") == was


def test_a_failure_takes_back_what_was_done(tmp_path: Path, repository: Path, rollback: Any) -> None:
    """Where the runbook asks for it everything is as before, whatever was done until then, the last first."""
    settings = tmp_path / "service.env"
    settings.write_text("A=1\nVOICE_IMAGE=new\nB=2\n")
    settings.chmod(0o640)
    file = tmp_path / "settings.yaml"
    file.write_text("bad")
    (tmp_path / "settings.good").write_text("good")
    steps = kept(tmp_path)
    was = tree(tmp_path / "there")
    book = written(
        tmp_path,
        steps,
        {"name": "file", "undo": "before", "do": {
            "kind": "file.restore", "source": str(tmp_path / "settings.good"), "target": str(file)}},
        {"name": "variable", "undo": "before", "do": {
            "kind": "variable.set", "file": str(settings), "name": "VOICE_IMAGE", "value": "old"}},
        {"name": "code", "undo": "before", "do": {
            "kind": "git.checkout", "repository": str(repository), "commit": git(repository, "rev-parse", "main~1")}},
        {"name": "told", "do": {"kind": "command", "argv": ["cat", str(settings)], "output": "VOICE_IMAGE=old"}},
        {"name": "fails", "do": {"kind": "command", "argv": ["sh", "-c", "echo broken >&2; exit 3"]}, "timeout_s": 0.2},
        on_failure="undo",
    )  # fmt: skip

    code, report = rollback("--runbook", book)

    assert code == 1
    found = levels(report)
    assert found["step.fails"] == "fail"
    assert found["step.files"] == found["step.variable"] == found["step.code"] == "warn"
    assert "broken" in next(check["reason"] for check in report["checks"] if check["name"] == "step.fails")
    assert settings.read_text() == "A=1\nVOICE_IMAGE=new\nB=2\n"
    assert settings.stat().st_mode & 0o777 == 0o640
    assert file.read_text() == "bad"
    assert tree(tmp_path / "there") == was
    assert git(repository, "branch", "--show-current") == "main"
    assert [entry["step"] for entry in entries(tmp_path) if entry["word"] == "undone"] == [
        "fails",
        "told",
        "code",
        "variable",
        "file",
        "files",
    ]


def test_an_environment_is_swapped_once_it_was_looked_at(tmp_path: Path, rollback: Any) -> None:
    """A link leads to another environment in one step, but only to one that runs and has the wanted versions."""
    for name, version in (("old", "0.9"), ("new", "1.0")):
        venv.EnvBuilder(symlinks=True).create(tmp_path / name)
        (site,) = (tmp_path / name).glob("lib/python*/site-packages")
        (site / f"thing-{version}.dist-info").mkdir()
        (site / f"thing-{version}.dist-info/METADATA").write_text(f"Name: thing\nVersion: {version}\n")
    link = tmp_path / "venv"
    link.symlink_to("new")
    do = {"kind": "venv.swap", "link": str(link), "to": "old", "versions": {"thing": "0.8"}}

    code, report = rollback("--runbook", written(tmp_path, {"name": "environment", "do": do}))
    assert code == 1
    assert "has thing 0.9, not 0.8" in report["checks"][0]["reason"]
    assert link.readlink() == Path("new")
    rollback("--resume", report["facts"]["run"], "--then", "abandon")

    do["versions"] = {"thing": "0.9"}
    code, report = rollback("--runbook", written(tmp_path, {"name": "environment", "do": do}))
    assert code == 0, report
    asked = [str(link / "bin/python"), "-I", "-c", "import importlib.metadata as m; print(m.version('thing'))"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "0.9\n"


def test_a_dry_run_changes_nothing(tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run tells every command and looks at everything, and afterwards every file is as before."""
    good = git(repository, "rev-parse", "main~1")
    steps = [kept(tmp_path), {"name": "code", "do": {
        "kind": "git.checkout", "repository": str(repository), "commit": good},
        "verify": [{"kind": "command", "argv": ["touch", str(tmp_path / "verified")]}]}]  # fmt: skip
    book = written(tmp_path, *steps)
    before = tree(tmp_path)

    with pytest.raises(SystemExit) as ended:
        main(
            [
                "rollback",
                "--runbook",
                book,
                "--dry-run",
                "--no-record",
                "--no-validate",
                "--data",
                str(tmp_path / "data"),
            ]
        )

    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"git -C {repository} switch" in told
    assert f"copy {tmp_path / 'kept'} to {tmp_path / 'there'}" in told
    assert f"verify  touch {tmp_path / 'verified'} ends with 0" in told
    assert tree(tmp_path) == before


# --- killed -----------------------------------------------------------------------------------------------------------


def killed(said: Sequence[str], *, at: int, before: bool, deed: tuple[Any, str] = (Journal, "write")) -> None:
    """Run the command in a process of its own, which is killed at one call of a deed: before it, or after it."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            calls = 0
            do = getattr(*deed)

            def deadly(*given: Any, **named: Any) -> None:
                nonlocal calls
                calls += 1
                if before and calls == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                do(*given, **named)
                if calls == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            setattr(*deed, deadly)
            main(list(said))
        os._exit(99)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"it ended by itself: {status}"
    assert os.WTERMSIG(status) == signal.SIGKILL


POINTS = [(2, True), (2, False), (3, True), (4, True), (5, False), (6, True), (6, False), (7, True), (8, True)]


@pytest.mark.parametrize(("at", "before"), POINTS)
def test_a_killed_run_is_gone_on_with(at: int, before: bool, tmp_path: Path, repository: Path, rollback: Any) -> None:
    """Wherever it is killed, going on ends as if nothing had happened: each step is done, and none twice."""
    good = git(repository, "rev-parse", "main~1")
    counted = tmp_path / "count"
    command = {"name": "restart", "do": {"kind": "command", "argv": ["sh", "-c", f"echo x >> {counted}"]},
               "verify": [{"kind": "command", "argv": ["test", "-f", str(counted)]}]}  # fmt: skip
    code = {"name": "code", "do": {"kind": "git.checkout", "repository": str(repository), "commit": good}}
    book = written(tmp_path, kept(tmp_path), code, command)
    wanted = tree(tmp_path / "kept")
    data = ["--data", str(tmp_path / "data"), "--json", "--no-record", "--no-validate"]

    killed(["rollback", "--runbook", book, *data], at=at, before=before)
    (run,) = [path.stem for path in (tmp_path / "data/runbooks").glob("*.jsonl")]
    with pytest.raises(SystemExit, match="1"):
        main(["rollback", "--runbook", book, *data])  # a new one does not begin beside it
    repeat = ("--then", "repeat") if (at, before) == (6, False) else ()  # begun, and no trace of it: somebody looks
    if repeat:
        code_, report = rollback("--resume", run)
        assert code_ == 1
        assert "Nobody can tell" in report["checks"][2]["reason"]
    ended, report = rollback("--resume", run, *repeat)

    assert ended == 0, report
    assert tree(tmp_path / "there") == wanted
    assert git(repository, "rev-parse", "HEAD") == good
    assert counted.read_text() == "x\n"
    assert [entry["step"] for entry in entries(tmp_path) if entry["word"] == "done"] == ["files", "code", "restart"]
    assert rollback("--resume", run)[0] == 0, "asked once more it only says how it ended"
    assert counted.read_text() == "x\n"


@pytest.mark.parametrize(("deed", "before"), [("copied", False), ("put", True), ("put", False), ("renamed", False)])
def test_a_step_that_was_half_done_is_done(deed: str, before: bool, tmp_path: Path, rollback: Any) -> None:
    """Killed within a step, also while a folder is away between its two renamings, it is seen how things stand."""
    book = written(tmp_path, kept(tmp_path))
    was, wanted = tree(tmp_path / "there"), tree(tmp_path / "kept")
    said = ["rollback", "--runbook", book, "--data", str(tmp_path / "data"), "--json", "--no-record", "--no-validate"]

    killed(said, at=1, before=before, deed=(Path, "rename") if deed == "renamed" else (content, deed))
    assert (tmp_path / "there").exists() is (deed != "renamed")
    (run,) = [path.stem for path in (tmp_path / "data/runbooks").glob("*.jsonl")]
    code, report = rollback("--resume", run)

    assert code == 0, report
    assert tree(tmp_path / "there") == wanted
    assert tree(tmp_path / f"there.before-{run}") == was


@pytest.mark.parametrize("at", [5, 6, 7])
def test_a_killed_way_back_is_gone_on_with(at: int, tmp_path: Path, rollback: Any) -> None:
    """Killed while it takes back what was done, going on takes back the rest."""
    failing = {"name": "fails", "do": {"kind": "command", "argv": ["false"]}, "timeout_s": 0.2}
    book = written(tmp_path, kept(tmp_path), failing, on_failure="undo")
    was = tree(tmp_path / "there")

    killed(
        ["rollback", "--runbook", book, "--data", str(tmp_path / "data"), "--json", "--no-record", "--no-validate"],
        at=at,
        before=False,
    )
    (run,) = [path.stem for path in (tmp_path / "data/runbooks").glob("*.jsonl")]
    code, report = rollback("--resume", run)

    assert code == 1
    assert report["checks"][-1]["reason"] == f"The run {run} is undone."
    assert tree(tmp_path / "there") == was


def test_a_last_line_that_was_cut_is_left_out(tmp_path: Path, rollback: Any) -> None:
    """A line that the machine could not finish counts for nothing, and the next one begins on a line of its own."""
    book = written(tmp_path, kept(tmp_path))
    killed(
        ["rollback", "--runbook", book, "--data", str(tmp_path / "data"), "--json", "--no-record", "--no-validate"],
        at=2,
        before=False,
    )
    (path,) = (tmp_path / "data/runbooks").glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b'{"word": "do')

    assert rollback("--resume", path.stem)[0] == 0
    assert [entry["word"] for entry in entries(tmp_path)] == ["run", "begin", "done", "end"]


def test_two_runs_do_not_go_at_once(tmp_path: Path, rollback: Any) -> None:
    """While one run holds the lock no other begins, also while only a program of a killed run still goes."""
    book = written(tmp_path, kept(tmp_path))
    (tmp_path / "data/runbooks").mkdir(parents=True)
    with (tmp_path / "data/runbooks/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sleeper = subprocess.Popen(["sleep", "60"], pass_fds=[lock.fileno()])
    try:
        with pytest.raises(SystemExit, match="1"):
            main(["rollback", "--runbook", book, "--data", str(tmp_path / "data"), "--no-record", "--no-validate"])
    finally:
        sleeper.kill()
        sleeper.wait()
    assert rollback("--runbook", book)[0] == 0


@pytest.mark.parametrize("line", ["sleep 30 & echo $! > {0}", "setsid sleep 4 & sleep 30 & echo $! > {0}; sleep 30"])
def test_a_time_limit_holds_whatever_a_program_leaves_behind(line: str, tmp_path: Path) -> None:
    """What keeps the output open ends with its time if it is of the group, and is not waited for if it has left it."""
    noted = tmp_path / "process"
    began = time.monotonic()
    with pytest.raises(Unavailable, match="was stopped"):
        Programs().ran(["sh", "-c", line.format(noted)], timeout_s=0.5)
    assert time.monotonic() - began < 3.5
    left = Path("/proc") / noted.read_text().strip() / "stat"
    until(lambda: not left.exists() or left.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_file_that_is_written_anew_stays_what_it_was(tmp_path: Path) -> None:
    """Behind a link it is the file that changes, with its mode and owner; a planted link is not written through."""
    kept, link, other = tmp_path / "kept.env", tmp_path / "service.env", tmp_path / "other"
    kept.write_text("A=1\n")
    kept.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(kept, 1, 2)
    before = kept.stat()
    link.symlink_to(kept.name)
    other.write_text("not yours")
    (tmp_path / f".{kept.name}.{os.getpid()}").symlink_to(other)
    content.written(link, "A=2\n")
    after = kept.stat()
    assert (link.is_symlink(), kept.read_text(), other.read_text()) == (True, "A=2\n", "not yours")
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
