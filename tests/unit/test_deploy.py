"""What Segue is deployed with: its files can be read, and agree with the server and with the runbooks."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from segue.configuration import ServerSettings
from segue.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DRAIN_S = ServerSettings().drain_s
PROBES = {"/api/health", "/api/ready"}


def documents(name: str) -> list[Any]:
    """The documents of a YAML file."""
    return list(YAML(typ="safe").load_all((DEPLOY / name).read_text(encoding="utf-8")))


def variables(texts: Any) -> set[str]:
    """The variables of Segue in some texts."""
    return {name for text in texts for name in re.findall(r"\bSEGUE_[A-Z0-9_]+\b", text)}


def test_every_variable_is_a_setting() -> None:
    """No file sets a variable that Segue would refuse to start with."""
    for name in sorted(variables(path.read_text(encoding="utf-8") for path in DEPLOY.iterdir() if path.is_file())):
        model: Any = Settings
        for part in name.removeprefix("SEGUE_").lower().split("__"):
            assert part in model.model_fields, name
            model = model.model_fields[part].annotation


def test_the_unit_is_one() -> None:
    """Nothing is wrong for systemd with the unit but that Segue is not installed here, and it gives replies time."""
    text = (DEPLOY / "segue.service").read_text(encoding="utf-8")
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > DRAIN_S
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    found = subprocess.run(
        ["systemd-analyze", "verify", str(DEPLOY / "segue.service")], capture_output=True, text=True, check=False
    )
    wrong = [line for line in found.stderr.splitlines() if line and "segue is not executable" not in line]
    assert not wrong


def test_compose_gives_replies_time_and_pins_its_image() -> None:
    """Compose waits longer than the server drains, asks the right door, and has no image of Segue without a name."""
    (compose,) = documents("compose.yaml")
    segue = compose["services"]["segue"]
    assert int(segue["stop_grace_period"].removesuffix("s")) > DRAIN_S
    assert segue["image"].startswith("${VOICE_IMAGE:?"), "no default: an image is always said"
    assert "/api/ready" in " ".join(segue["healthcheck"]["test"])
    assert set(compose["volumes"]) >= {volume.split(":")[0] for volume in segue["volumes"]}
    told = (DEPLOY / "variables.example").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    assert used == set(re.findall(r"^([A-Z_]+)=", told, re.MULTILINE))


def test_the_cluster_drains_probes_and_keeps_one() -> None:
    """Each part selects the same pods; they are probed at doors that there are, drained, and never all gone at once."""
    parts = {part["kind"]: part for part in documents("kubernetes.yaml")}
    assert set(parts) == {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget"}
    spec = parts["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == parts["Service"]["spec"]["selector"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["minAvailable"] < spec["replicas"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    pause_s = int(re.search(r"sleep\((\d+)\)", " ".join(container["lifecycle"]["preStop"]["exec"]["command"]))[1])
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S + pause_s
    assert {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")} == PROBES
    assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", container["image"])
    Settings.model_validate(YAML(typ="safe").load(parts["ConfigMap"]["data"]["segue.yaml"]))


def test_the_image_runs_as_nobody_and_stops_gently() -> None:
    """The Dockerfile copies only what is there, installs by hashes, has no rights, and is stopped with SIGTERM."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", text, re.MULTILINE)
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split()), line
