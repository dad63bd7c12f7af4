"""Rollbacks by engines that are not here: their command lines are compared, and they answer as recorded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from segue.cli.main import main
from segue.operations.runbook.reading import SHIPPED

OLD = "registry.example.org/segue@sha256:" + "0a" * 32
NEW = "registry.example.org/segue@sha256:" + "0b" * 32

RECORDER = r"""#!/bin/sh
name=$(basename "$0")
printf '%s' "$name" >> "$0.log"; printf ' %s' "$@" >> "$0.log"; printf '\n' >> "$0.log"
state="$0.state"
case "$name $*" in
  "docker compose "*" ps "*) cat "$state" ;;
  "docker compose "*" up "*) test ! -e "$0.broken" || { echo "no such image" >&2; exit 18; }
    printf '%s\n' "$VOICE_IMAGE" > "$state" ;;
  "kubectl "*" get "*) cat "$state" ;;
  "kubectl "*" set image "*) for last; do :; done; printf '%s' "${last#*=}" > "$state" ;;
  "kubectl "*" rollout status "*) echo 'deployment "segue" successfully rolled out' ;;
  "systemctl show --property=ActiveState "*) cut -d ' ' -f 1 "$state" ;;
  "systemctl show --property=InvocationID "*) cut -d ' ' -f 2 "$state" ;;
  "systemctl start "*) test ! -e "$0.broken" || { echo "it failed" >&2; rm "$0.broken"; exit 1; }
    echo "active $$" > "$state" ;;
  "systemctl stop "*) echo "inactive -" > "$state" ;;
esac
"""


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with engines that write down what is said to them, and answer as was recorded."""
    folder = tmp_path / "engines"
    folder.mkdir()
    for name, state in (("docker", NEW), ("kubectl", NEW), ("systemctl", "active 1")):
        (folder / name).write_text(RECORDER)
        (folder / name).chmod(0o755)
        (folder / f"{name}.state").write_text(f"{state}\n")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.fixture
def rollback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs a shipped runbook without what asks a server; its exit code and its report."""

    def run(name: str, *said: str) -> tuple[int, dict[str, Any]]:
        book = YAML(typ="safe").load((SHIPPED / f"{name}.yaml").read_text())
        for step in book["steps"]:
            step.pop("verify", None)
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(book))
        capsys.readouterr()
        options = ("--data", str(tmp_path / "data"), "--json", "--no-record", "--no-validate")
        with pytest.raises(SystemExit) as ended:
            main(["rollback", "--runbook", str(path), *said, *options])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return run


def said(engines: Path, name: str) -> list[str]:
    """What was said to an engine, without what only asks."""
    lines = (engines / f"{name}.log").read_text().splitlines()
    return [line for line in lines if not any(word in line for word in (" ps ", " get ", " show "))]


def test_compose_takes_the_pinned_image(engines: Path, tmp_path: Path, rollback: Any) -> None:
    """The image is written into the variables and handed over; nothing is edited in the file of Compose."""
    (tmp_path / ".env").write_text(f"VOICE_IMAGE={NEW}\nOTHER=1\n")
    where = ("--set", "file=compose.yaml", f"variables={tmp_path / '.env'}")

    code, report = rollback("system-compose", "--to", OLD, *where)

    assert code == 0, report
    assert report["facts"]["recorded"] is True
    assert (tmp_path / ".env").read_text() == f"VOICE_IMAGE={OLD}\nOTHER=1\n"
    assert (engines / "docker.state").read_text().strip() == OLD
    assert said(engines, "docker") == [
        "docker compose --file compose.yaml pull segue",
        "docker compose --file compose.yaml up --detach --no-deps --wait segue",
    ]


def test_compose_that_fails_leaves_the_variables_as_they_were(engines: Path, tmp_path: Path, rollback: Any) -> None:
    """Where the old image does not start, what was written is taken back, and both failures are told."""
    (tmp_path / ".env").write_text(f"VOICE_IMAGE={NEW}\n")
    (engines / "docker.broken").touch()

    code, report = rollback("system-compose", "--to", OLD, "--set", f"variables={tmp_path / '.env'}")

    assert code == 1
    failed = next(check for check in report["checks"] if check["level"] == "fail")
    assert "no such image" in failed["reason"]
    assert report["checks"][-1]["reason"].endswith("is not at its end."), "the image before could not be started either"
    (engines / "docker.broken").unlink()
    with pytest.raises(SystemExit):
        main(["rollback", "--resume", report["facts"]["run"], "--data", str(tmp_path / "data"), "--no-record"])
    assert (tmp_path / ".env").read_text() == f"VOICE_IMAGE={NEW}\n"


def test_a_deployment_is_changed_and_waited_for(engines: Path, rollback: Any) -> None:
    """Kubernetes is given the pinned image, and the deployment is waited for."""
    code, report = rollback("system-kubernetes", "--to", OLD, "--set", "namespace=voice")

    assert code == 0, report
    assert said(engines, "kubectl") == [
        f"kubectl --namespace voice set image deployment/segue segue={OLD}",
        "kubectl --namespace voice rollout status deployment/segue --timeout=900s",
    ]


def test_a_unit_is_stopped_before_and_started_after(engines: Path, tmp_path: Path, rollback: Any) -> None:
    """The file is replaced while the unit rests; where it does not start with it, both are as they were."""
    (tmp_path / "good.yaml").write_text("good")
    (tmp_path / "now.yaml").write_text("bad")
    where = ("--to", str(tmp_path / "good.yaml"), "--set", f"file={tmp_path / 'now.yaml'}")

    code, report = rollback("configuration-file", *where)
    assert code == 0, report
    assert (tmp_path / "now.yaml").read_text() == "good"
    assert said(engines, "systemctl") == ["systemctl stop -- segue.service", "systemctl start -- segue.service"]

    (tmp_path / "now.yaml").write_text("other")
    (engines / "systemctl.log").unlink()
    (engines / "systemctl.broken").touch()
    code, report = rollback("configuration-file", *where)
    assert code == 1
    assert "it failed" in next(check["reason"] for check in report["checks"] if check["name"] == "step.start")
    assert (tmp_path / "now.yaml").read_text() == "other"
    assert [line.split()[1] for line in said(engines, "systemctl")] == ["stop", "start", "stop", "start"]
    assert (engines / "systemctl.state").read_text().startswith("active")


def test_an_engine_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rollback: Any) -> None:
    """Without the engine nothing is begun, and it is said which program is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    code, report = rollback("system-kubernetes", "--to", OLD)
    assert code == 1
    assert report["checks"][0]["reason"] == "kubectl cannot be run: No such file or directory."
