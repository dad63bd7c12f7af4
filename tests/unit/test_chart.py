"""The Helm chart: what it renders is what Segue runs with, and what would not go well is refused with a sentence.

What needs the program is left out where it is not installed; `SEGUE_HELM` names one that is not in the path.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from ipaddress import ip_address
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel, SecretStr
from ruamel.yaml import YAML

from segue import __version__
from segue.configuration import ServerSettings
from segue.errors import ConfigurationError
from segue.settings import KEY_VARIABLE, Settings, load
from segue.stores.audit_key import audit_key

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "chart"
CASES = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").glob("*-values.yaml"))
SEVERAL = {
    "replicas": 3,
    "persistence": {"enabled": False},
    "secrets": {"database": {"name": "segue"}, "signing": {"name": "segue"}},
}
# Taken out of the environment: no setting has this name, and Segue refuses variables that it does not know.
HELM = (
    os.environ.pop("SEGUE_HELM", None) or shutil.which("helm") or shutil.which("helm", path=Path(sys.executable).parent)
)
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not in the path, and SEGUE_HELM does not name one")


def read(path: Path) -> Any:
    """The one document of a YAML file."""
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def helm(*arguments: str, values: Mapping[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the program; `values` come last, and as JSON, which is YAML."""
    given = ["--values", "-"] if values is not None else []
    return subprocess.run(
        [str(HELM), *arguments, *given],
        input=json.dumps(values) if values is not None else None,
        capture_output=True,
        text=True,
        check=False,
    )


def template(case: str, values: Mapping[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
    """Render a case of the chart's own, with some values changed."""
    return helm("template", "segue", str(CHART), "--values", str(CHART / f"ci/{case}-values.yaml"), values=values)


def parts(case: str, values: Mapping[str, Any] | None = None) -> dict[tuple[str, str], Any]:
    """What is rendered, by kind and name."""
    done = template(case, values)
    assert done.returncode == 0, done.stderr
    found = [part for part in YAML(typ="safe").load_all(done.stdout) if part is not None]
    named = {(part["kind"], part["metadata"]["name"]): part for part in found}
    assert len(named) == len(found)
    return named


@cache
def rendered(case: str) -> dict[tuple[str, str], Any]:
    """What is rendered of a case as it is; not to be changed."""
    return parts(case)


def pods(found: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """The templates of pods, by the component they are."""
    templates = [part["spec"]["template"] for (kind, _), part in found.items() if kind == "Deployment"]
    templates += [
        part["spec"]["jobTemplate"]["spec"]["template"] for (kind, _), part in found.items() if kind == "CronJob"
    ]
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each for each in templates}


def keys(plain: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every dotted name in some values."""
    for name, value in plain.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{name}.")


def options(command: str) -> set[str]:
    """The options of a command, as the printed reference has them; one that there is not has none."""
    text = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    section = re.search(rf"^##+ segue {command}$(.*?)^##", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\* `(--.+?)`", section[1] if section else "", re.MULTILINE)
    return set(re.findall(r"--[\w-]+", " ".join(rows)))


def secrets(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """The path of each setting that is a secret; of a table of others `*` stands for the name."""
    for name, field in model.model_fields.items():
        for kind, deeper in shapes(field.annotation):
            if kind is SecretStr:
                yield (name, *deeper)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from ((name, *deeper, *rest) for rest in secrets(kind))


def shapes(annotation: Any, deeper: tuple[str, ...] = ()) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The plain kinds in an annotation, and whether they lie in a table."""
    arguments = [each for each in get_args(annotation) if each is not Ellipsis]
    if not arguments:
        yield annotation, deeper
    table = getattr(annotation, "__origin__", None) in (dict, Mapping)
    for each in arguments:
        yield from shapes(each, (*deeper, "*") if table else deeper)


def test_the_chart_is_of_this_version() -> None:
    """The chart and what it deploys have the version of the package, under the form that Helm 3 reads."""
    chart = read(CHART / "Chart.yaml")
    assert chart["apiVersion"] == "v2"
    assert chart["name"] == "segue"
    assert chart["type"] == "application"
    assert chart["version"] == chart["appVersion"] == __version__


def schema() -> Any:
    """The schema of the values."""
    return json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def test_the_values_are_what_the_schema_says() -> None:
    """The schema is one, takes the values that ship, and knows the settings there are, and no others."""
    jsonschema.Draft7Validator.check_schema(schema())
    jsonschema.Draft7Validator(schema()).validate(read(CHART / "values.yaml"))
    assert set(schema()["properties"]) - {"global"} == set(read(CHART / "values.yaml"))
    assert schema()["properties"]["config"]["propertyNames"]["enum"] == list(Settings.model_fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replica": 2},
        {"replicas": "2"},
        {"image": {"digest": "latest"}},
        {"image": {"tags": "1"}},
        {"config": {"server": ServerSettings().model_dump(), "voize": {}}},
        {"config": {"server": {"host": "::", "port": 8002}}},
        {"secrets": {"database": {"value": "postgresql://segue:word@host/segue"}}},
        {"secrets": {"variables": [{"variable": "OPENAI_API_KEY", "value": "sk"}]}},
        {"variables": {"SEGUE_SECRET": "0" * 32}},
        {"variables": {"FLAG": True}},
        {"canary": {"key": {"secret": "canary"}}},
        {"backup": {"bucket": "/srv/backups"}},
        {"backup": {"schedule": "nightly"}},
    ],
    ids=str,
)
def test_a_value_that_is_mistyped_is_refused(wrong: dict[str, Any]) -> None:
    """A name that the chart does not know, a value of another kind, and a secret in the values are refused."""
    assert not jsonschema.Draft7Validator(schema()).is_valid(wrong)


def test_every_value_is_explained() -> None:
    """Above each value stands what it is; what a pod is given needs no word of its own for each of its figures."""
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    silent = [
        line
        for before, line in pairwise(lines)
        if re.match(r" *\w+: \S", line) and not re.match(r" *(cpu|memory):", line)
        if not before.lstrip().startswith("#")
    ]
    assert not silent


def test_variables_of_the_chart_are_settings() -> None:
    """No template sets a variable of Segue's that it would refuse to start with."""
    texts = [path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir()]
    named = set(re.findall(r"\(list \"(SEGUE_\w+)\"|name: (SEGUE_\w+)", "\n".join(texts)))
    found = {name for pair in named for name in pair if name}
    assert found == {"SEGUE_DATA", "SEGUE_DATABASE", "SEGUE_SECRET", "SEGUE_AUDIT__KEY", KEY_VARIABLE}
    for name in found - {KEY_VARIABLE}:
        top, _, rest = name.removeprefix("SEGUE_").lower().partition("__")
        assert top in Settings.model_fields
        assert not rest or rest in type(Settings.model_fields[top].default).model_fields


def test_why_service_links_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Kubernetes puts into pods beside a Service named segue would keep Segue from starting."""
    monkeypatch.setenv("SEGUE_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ConfigurationError, match="SEGUE_SERVICE_HOST"):
        load()


def test_why_volumes_are_opened_once(tmp_path: Path) -> None:
    """Where the group may read a key, as Kubernetes lets it unless told otherwise, Segue does not start again."""
    audit_key(tmp_path / "data")
    for file in (tmp_path / "data").iterdir():
        file.chmod(file.stat().st_mode | 0o660)
    with pytest.raises(ConfigurationError, match="can be read by others"):
        audit_key(tmp_path / "data")


def test_every_secret_is_found() -> None:
    """The walk through the settings that others rely on comes to secrets at the top, in a section and in a table."""
    assert {("database",), ("storage", "s3", "secret_key"), ("providers", "named", "*", "key")} <= set(
        secrets(Settings)
    )


@needs_helm
@pytest.mark.parametrize("case", ["", *CASES])
def test_lint_finds_nothing(case: str) -> None:
    """Helm itself finds nothing wrong, neither with the values that ship nor with any case."""
    values = ["--values", str(CHART / f"ci/{case}-values.yaml")] if case else []
    done = helm("lint", "--strict", str(CHART), *values)
    assert done.returncode == 0, done.stdout
    assert not re.search(r"\[(WARNING|ERROR)\]", done.stdout)


@needs_helm
@pytest.mark.parametrize("case", CASES)
def test_what_is_rendered_is_a_configuration(case: str, tmp_path: Path) -> None:
    """Segue reads its rendered file, and finds there what was said: whole numbers, fractions, lists, addresses."""
    said = read(CHART / f"ci/{case}-values.yaml").get("config", {})
    (text,) = [part["data"]["segue.yaml"] for (kind, _), part in rendered(case).items() if kind == "ConfigMap"]
    file = tmp_path / "segue.yaml"
    file.write_text(text, encoding="utf-8")
    settings = load(file)
    assert not ip_address(settings.server.host).is_loopback
    found = YAML(typ="safe").load(text)
    for name in keys(said):
        there, wanted = found, said
        for part in name.split("."):
            there, wanted = there[part], wanted[part]
        assert isinstance(wanted, dict) or there == wanted, name
    assert settings.server.drain_s == found["server"]["drain_s"]


@needs_helm
@pytest.mark.parametrize("case", CASES)
def test_pods_have_no_rights(case: str) -> None:
    """Each pod of each case runs as nobody, on a root it cannot write, without a token and without service links."""
    assert pods(rendered(case))
    for pod in pods(rendered(case)).values():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["fsGroupChangePolicy"] == "OnRootMismatch"
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        containers = spec["containers"] + spec.get("initContainers", [])
        for container in containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", container["image"])
        mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}


@needs_helm
@pytest.mark.parametrize("case", CASES)
def test_commands_can_be_typed(case: str) -> None:
    """What a container runs has the options that its command has, and so have the commands that the chart tells."""
    lines = [pod["spec"]["containers"][0]["args"] for pod in pods(rendered(case)).values()]
    notes = (CHART / "templates/NOTES.txt").read_text(encoding="utf-8")
    lines += [line.split() for line in re.findall(r"-- segue (.+)$", notes, re.MULTILINE)]
    assert len(lines) >= 3
    for line in lines:
        words = list(takewhile(lambda word: not word.startswith("--"), line))
        given = {word.partition("=")[0] for word in line if word.startswith("--")}
        assert given <= options(" ".join(words)), line


@needs_helm
def test_listeners_are_sent_to_servers_alone() -> None:
    """The Service finds the server's pods and none of the jobs', and jobs ask at the Service's own address."""
    found = rendered("everything")
    service = found["Service", "segue"]["spec"]
    (port,) = service["ports"]
    chosen = [
        component
        for component, pod in pods(found).items()
        if service["selector"].items() <= pod["metadata"]["labels"].items()
    ]
    assert chosen == ["server"]
    assert set(pods(found)) == {"server", "canary", "backup"}
    for component in ("canary", "backup"):
        assert f"--url=http://segue:{port['port']}" in pods(found)[component]["spec"]["containers"][0]["args"]


@needs_helm
def test_every_claim_is_there() -> None:
    """Each volume that is claimed is one that the chart makes or that the values name, and it is kept on removal."""
    found = rendered("everything")
    claimed = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods(found).values()
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    made = {name for kind, name in found if kind == "PersistentVolumeClaim"}
    assert claimed == made | {"models"}
    for name in made:
        annotations = found["PersistentVolumeClaim", name]["metadata"]["annotations"]
        assert annotations == {"helm.sh/resource-policy": "keep"}
    assert found["Deployment", "segue"]["spec"]["strategy"] == {"type": "Recreate"}


@needs_helm
def test_a_changed_configuration_rolls_the_pods() -> None:
    """The pods' template differs when a setting does, and does not when only the Service is changed."""
    before = pods(rendered("one-server"))["server"]
    assert pods(parts("one-server", {"config": {"log": {"level": "debug"}}}))["server"] != before
    assert pods(parts("one-server", {"service": {"port": 80}}))["server"] == before


@needs_helm
def test_a_budget_is_for_several() -> None:
    """One server has no budget of disruptions, several keep what is said."""
    assert not [kind for kind, _ in rendered("everything") if kind == "PodDisruptionBudget"]
    found = parts("one-server", {**SEVERAL, "disruptionBudget": {"minAvailable": 2}})
    assert found["PodDisruptionBudget", "segue"]["spec"]["minAvailable"] == 2


@needs_helm
def test_secrets_are_named_and_never_said() -> None:
    """A variable that is secret comes from the Secret and the key that the values name."""
    (container,) = pods(rendered("everything"))["server"]["spec"]["containers"]
    found = {each["name"]: each.get("valueFrom", {}).get("secretKeyRef") for each in container["env"]}
    assert found["SEGUE_SECRET"] == {"name": "segue", "key": "signing"}
    assert found["OPENAI_API_KEY"] == {"name": "vendors", "key": "openai"}
    assert "SEGUE_DATABASE" not in found, "no Secret is named"


@needs_helm
def test_one_key_signs_heads_for_all() -> None:
    """The private key of the audit is put where only the server can read it, before the server starts."""
    spec = pods(rendered("everything"))["server"]["spec"]
    (container,), (before,) = spec["containers"], spec["initContainers"]
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "audit-key"]
    assert volume["secret"] == {"secretName": "segue", "items": [{"key": "audit", "path": "audit.pem"}]}
    *_, mode, source, target = before["command"]
    assert mode == "0600"
    assert source == "/run/segue/audit.pem"
    assert {"name": "SEGUE_AUDIT__KEY", "value": target} in container["env"]
    assert "initContainers" not in pods(rendered("two-servers"))["server"]["spec"]


@needs_helm
def test_the_manifest_is_what_is_rendered() -> None:
    """The plain manifest is the chart's, rendered for two servers, under its own comment."""
    manifest = (ROOT / "deploy/kubernetes.yaml").read_text(encoding="utf-8")
    done = template("two-servers")
    assert manifest.endswith(done.stdout), "make it anew as its first lines say"
    assert all(line.startswith("#") for line in manifest.removesuffix(done.stdout).splitlines())


@needs_helm
def test_values_in_the_guide_are_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guide says to write is rendered, and Segue starts with the configuration that comes out."""
    guide = (ROOT / "docs/how-to/deploy-on-kubernetes.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(shown) > 4
    file = tmp_path / "segue.yaml"
    for text in shown:
        found = parts("one-server", YAML(typ="safe").load(text))
        file.write_text(found["ConfigMap", "segue"]["data"]["segue.yaml"], encoding="utf-8")
        (container,) = pods(found)["server"]["spec"]["containers"]
        with monkeypatch.context() as pod:
            for variable in container["env"]:
                pod.setenv(variable["name"], variable.get("value", "what a Secret holds, of thirty-two characters"))
            assert not ip_address(load(file).server.host).is_loopback


@needs_helm
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"image": {"repository": ""}}, "image.repository is empty"),
        ({"image": {"digest": "", "tag": "1"}}, "image.digest is empty"),
        ({"image": {"digest": "", "allowTag": True}}, "image.tag is empty"),
        ({"replicas": 2}, "replicas is 2, but SQLite serves one server only"),
        (SEVERAL | {"secrets": {"database": {"name": "segue"}}}, "replicas is 3, and each would sign with a secret"),
        (SEVERAL | {"persistence": {"enabled": True}}, "replicas is 3, but the data folder is each server's own"),
        (SEVERAL | {"disruptionBudget": {"minAvailable": 3}}, "disruptionBudget.minAvailable is 3 of 3 replicas"),
        ({"terminationGracePeriodSeconds": 25}, "make it larger than 25, which is preStopSeconds (5)"),
        ({"config": {"server": {"drain_s": 54.9}}, "terminationGracePeriodSeconds": 59}, "make it larger than 59.9"),
        ({"config": {"data": "/srv"}}, "config.data is the chart's own"),
        ({"ingress": {"enabled": True}}, "ingress.host is empty"),
        ({"ingress": {"enabled": True, "host": "a.example"}}, "Segue would refuse browsers"),
        ({"canary": {"enabled": True}}, "canary.key.name is empty"),
        ({"backup": {"enabled": True}}, "backup.key.name is empty"),
        (SEVERAL | {"backup": {"enabled": True, "key": {"name": "backup"}}}, "replicas is 3 and any of them answers"),
    ],
    ids=str,
)
def test_what_would_not_go_well_is_refused(values: dict[str, Any], sentence: str) -> None:
    """Values that Kubernetes would take and Segue would suffer from are refused, and the sentence says why."""
    done = template("one-server", values)
    assert done.returncode != 0
    assert sentence in done.stderr


@needs_helm
def test_a_tag_is_taken_where_it_is_allowed() -> None:
    """An image without a digest is rendered by its tag when somebody says that this may be."""
    found = parts("one-server", {"image": {"digest": "", "tag": "trial", "allowTag": True}})
    assert pods(found)["server"]["spec"]["containers"][0]["image"] == "registry.example.org/segue:trial"


@needs_helm
def test_hosts_by_which_browsers_may_come_are_taken() -> None:
    """An ingress is rendered when Segue knows its name, by either setting."""
    host = {"ingress": {"enabled": True, "host": "voice.example.org"}}
    for known in (
        {"access": {"hosts": ["voice.example.org"]}},
        {"delivery": {"public_url": "https://voice.example.org:444"}},
    ):
        assert ("Ingress", "segue") in parts("one-server", {**host, "config": known})


@needs_helm
@pytest.mark.parametrize("path", sorted(set(secrets(Settings))), ids=".".join)
def test_no_secret_comes_into_the_configuration(path: tuple[str, ...]) -> None:
    """Every setting that is a secret is refused in the values, by its name."""
    said: Any = "hidden"
    for part in reversed(path):
        said = {"cloud" if part == "*" else part: said}
    done = template("one-server", {"config": said})
    assert done.returncode != 0
    assert f"config.{'.'.join(path).replace('*', 'cloud')}: a ConfigMap is no place for a secret" in done.stderr
    assert "hidden" not in done.stdout + done.stderr
