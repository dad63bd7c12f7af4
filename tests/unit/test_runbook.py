"""Runbooks before they are run: how they are read, filled in, told of and judged."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from segue.cli.runbook import found
from segue.errors import InvalidRequest, NotFound, Unavailable
from segue.operations.ports import Answer
from segue.operations.runbook.actions import (
    ComposeUp,
    GitCheckout,
    KubernetesUndo,
    ProviderOff,
    RolloutRollback,
    SettingsRestore,
    SwitchTurn,
    Systemd,
    VariableSet,
)
from segue.operations.runbook.book import Runbook, prepared, unfilled
from segue.operations.runbook.journal import Entry, Word, course, entries, to_undo, usual_ms
from segue.operations.runbook.lines import doing, taking_back
from segue.operations.runbook.reading import SHIPPED, RunbookError, read_runbook, runbook_schema
from segue.operations.runbook.served import Served
from segue.operations.runbook.standing import Standing, refusal, standing
from segue.operations.runbook.telling import told
from segue.operations.runbook.variables import variable, with_variable

SHIPPED_FILES = sorted(SHIPPED.glob("*.yaml"))
IMAGE = "registry.example.org/segue@sha256:" + "0a" * 32
HEAD = "name: a\nlevel: code\nabout: A test.\nparameters:\n  to: {about: where to}\nsteps:\n"
SAID = {
    "to": "1", "provider": "edge", "restart": "true", "version": "0.1.0", "folder": "service", "settings": "kept.yaml",
    "service": "systemctl",
}  # fmt: skip


def step(do: str, more: str = "") -> str:
    """A runbook with one step."""
    return f"{HEAD}  - name: one\n    do: {{{do}}}\n{more}"


@pytest.mark.parametrize("path", SHIPPED_FILES, ids=lambda path: path.stem)
def test_shipped_runbooks_are_sound(path: Path) -> None:
    """Each can be read, fits the published schema, is named like its file, and is whole once it is filled in."""
    text = path.read_text(encoding="utf-8")
    book = read_runbook(text, path.name)
    jsonschema.validate(json.loads(json.dumps(YAML(typ="safe").load(text))), runbook_schema())
    said = {name: value for name, value in SAID.items() if name in book.parameters}
    said["to"] = IMAGE if book.level.value == "system" and "version" not in book.parameters else said["to"]
    ready = prepared(book, said, run="20260102T030405006", reason="it is worse")

    assert book.name == path.stem
    assert not unfilled(ready.model_dump())
    assert all(line for each in ready.steps for line in told(each, run="20260102T030405006"))
    assert ("recorded, not run" in text) is book.recorded


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (step("kind: wait, seconds: 1", "    tmeout_s: 3\n"),
         "line 9, steps[1].tmeout_s: there is no such key; did you mean timeout_s?"),
        (step("kind: wait, secnds: 1"), "line 8, steps[1].do.secnds: there is no such key"),
        (step("kind: shell, line: rm"), "'shell' is no kind of action"),
        (step("seconds: 1"), "kind is missing"),
        (step("kind: compose.up, file: f, service: s, image: 'segue:latest'"), "is no pinned image"),
        (step("kind: git.checkout, repository: r, commit: --force"), "is no name"),
        (step("kind: wait, seconds: 1", "    undo: before\n"),
         "line 9, steps[1].undo: nobody knows what was before a wait"),
        (step("kind: git.checkout, repository: r, commit: '${too}'"), "${too} is no parameter of this runbook"),
        (step("kind: wait, seconds: 1", "  - name: one\n    do: {kind: wait, seconds: 1}\n"),
         "line 9, steps[2].name: 'one' is here a second time"),
        (HEAD.replace("steps:\n", "steps: []\n"), "a runbook needs at least one step"),
        (step("kind: wait, seconds: 1").replace("  to:", "  run:"), "every runbook has this parameter"),
        ("- a\n", "line 1: a runbook is written as `key: value`"),
        ("a: " + "[" * 20 + "]" * 20, "unfolds too deeply"),
        ("a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n", "into too much"),
        ("a: 1\na: 2\n", "line 2"),
        ("a: [", "f.yaml, line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, says: str) -> None:
    """Whatever is not known or cannot be meant is refused, and it is said where and why."""
    with pytest.raises(RunbookError) as refused:
        read_runbook(text, "f.yaml")
    assert says in refused.value.message
    assert refused.value.message.startswith("f.yaml")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({}, "a needs to (where to); say it with --to."),
        ({"to": "--upload-pack=x"}, "is no to"),
        ({"to": "a b"}, "cannot be run so"),
        ({"to": "x", "other": "y"}, "has no parameter 'other'"),
    ],
)
def test_parameters_are_looked_at_before_anything_is_done(said: dict[str, str], says: str) -> None:
    """A parameter that is missing, unknown, an option in disguise or of another form is refused."""
    book = read_runbook(step("kind: git.checkout, repository: r, commit: '${to}'"))
    with pytest.raises(InvalidRequest, match=says.replace("(", r"\(").replace(")", r"\)")):
        prepared(book, said, run="r1", reason="why")


@pytest.mark.parametrize("said", ["1\nOTHER=2${run}", "${reason}", "x${to}"])
def test_what_is_said_is_not_filled_in_itself(said: str) -> None:
    """A value that looks as if something were still to be filled in cannot get around the form it must have."""
    book = read_runbook(step("kind: variable.set, file: f, name: A, value: '${to}'"))
    with pytest.raises(InvalidRequest, match="is no to: what is said is taken as it is"):
        prepared(book, {"to": said}, run="r1", reason="why")


def test_what_is_filled_in_stays_one_argument() -> None:
    """A value with spaces, quotes and semicolons is one argument: no shell reads it."""
    book = read_runbook(step("kind: command, argv: [echo, 'to ${to}']"))
    (only,) = prepared(book, {"to": "x; rm -rf '/' $(id)"}, run="r1", reason="why").steps
    assert doing(only.do, run="r1", timeout_s=1) == (("echo", "to x; rm -rf '/' $(id)"),)


def checkout(**more: Any) -> GitCheckout:
    """A commit to be checked out."""
    return GitCheckout(kind="git.checkout", repository="service", commit="abc123", **more)


COMPOSE = ComposeUp(kind="compose.up", file="compose.yaml", service="segue", image=IMAGE)
UNDO = KubernetesUndo(kind="kubernetes.undo", deployment="segue", revision="4")
VARIABLE = VariableSet(kind="variable.set", file="f", name="A", value="1")
RESTART = Systemd(kind="systemd", unit="segue.service", verb="restart")


def test_the_way_back_of_an_engine_is_what_it_said_before() -> None:
    """What takes a step back is made of what was seen before it; where nothing was seen there is no way back."""
    assert taking_back(checkout(), {"branch": "main", "head": "f"}, timeout_s=1) == (
        ("git", "-C", "service", "switch", "--no-guess", "main"),
    )
    assert taking_back(checkout(), {"branch": "", "head": "f00"}, timeout_s=1)[0][-2:] == ("--end-of-options", "f00")
    (pull, up) = taking_back(COMPOSE, {"image": "old@sha256:1"}, timeout_s=1)
    assert pull[:3] == up[:3] == ("env", "VOICE_IMAGE=old@sha256:1", "docker")
    assert taking_back(COMPOSE, {"image": ""}, timeout_s=1) == ()
    assert taking_back(UNDO, {"revision": "7"}, timeout_s=9)[0][-1] == "--to-revision=7"


@pytest.mark.parametrize(
    ("action", "before", "now", "stands"),
    [
        (checkout(), {"head": "b", "branch": "main"}, {"head": "a", "wanted": "a", "branch": "r"}, Standing.DONE),
        (checkout(), {"head": "b", "branch": "main"}, {"head": "b", "wanted": "a", "branch": "main"},
         Standing.NOT_DONE),
        (checkout(), {"head": "b", "branch": "main"}, {"head": "c", "wanted": "a", "branch": "x"}, Standing.UNCLEAR),
        (checkout(), {"head": "b", "branch": "main"}, {"head": "", "wanted": "", "branch": ""}, Standing.UNCLEAR),
        (COMPOSE, {"image": "old"}, {"image": IMAGE}, Standing.DONE),
        (COMPOSE, {"image": "old"}, {"image": "old"}, Standing.NOT_DONE),
        (COMPOSE, {"image": "old"}, {"image": ""}, Standing.UNCLEAR),
        (RESTART, {"state": "active", "invocation": "1"}, {"state": "active", "invocation": "2"}, Standing.DONE),
        (RESTART, {"state": "active", "invocation": "1"}, {"state": "active", "invocation": "1"}, Standing.NOT_DONE),
        (RESTART, {"state": "active", "invocation": "1"}, {"state": "failed", "invocation": "2"}, Standing.UNCLEAR),
        (UNDO, {"revision": "7"}, {"revision": "8"}, Standing.DONE),
        (UNDO, {"revision": "7"}, {"revision": ""}, Standing.UNCLEAR),
        (VARIABLE, {"value": "2"}, {"value": "3"}, Standing.UNCLEAR),
    ],
)  # fmt: skip
def test_how_a_step_stands(action: Any, before: Any, now: Any, stands: Standing) -> None:
    """A step is done, or all is as before; whatever else is seen somebody must look at."""
    assert standing(action, before, now) is stands


def test_a_step_that_could_not_be_taken_back_is_refused() -> None:
    """Where an engine does not say what runs, or work would be lost, a step is not begun."""
    assert "which image runs now" in refusal(COMPOSE, {"image": ""})
    assert "2 changed files" in refusal(checkout(), {"wanted": "a", "changed": " M a\n M b"})
    assert refusal(checkout(worktree="w"), {"wanted": "a", "changed": " M a"}) == ""


def written(*told_: tuple[Word, str, dict[str, Any]]) -> str:
    """A journal with these entries."""
    return "".join(Entry(word, at, name, values).line() for at, (word, name, values) in enumerate(told_))


def test_a_journal_says_how_far_a_run_has_come() -> None:
    """From the lines alone it is known what is done, what was begun, and what is to be taken back, the last first."""
    text = written(
        (Word.RUN, "", {}),
        (Word.BEGIN, "a", {"before": {"x": 1}}),
        (Word.DONE, "a", {"took_ms": 20.0}),
        (Word.BEGIN, "b", {"before": {}}),
    )
    now = course(entries(text + '{"word": "done", "st'))
    assert (now.done, now.begun, now.before["a"], now.outcome) == (("a",), "b", {"x": 1}, "")
    assert to_undo(now, ["a", "b", "c"]) == ("b", "a")
    assert usual_ms([now, now], "a") == 20.0
    assert usual_ms([now], "b") is None
    with pytest.raises(ValueError, match="line 2"):
        entries(written((Word.RUN, "", {})) + "nonsense\n")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("A=1\nB=2\n", "A=9\nB=2\n"),
        ("B=2", "B=2\nA=9\n"),
        ("", "A=9\n"),
        ("export A=1\n#A=3\nAA=4\nA=5\n", "export A=9\n#A=3\nAA=4\n"),
    ],
)
def test_one_variable_is_set_and_nothing_else(text: str, after: str) -> None:
    """A variable is set where it stood, or at the end; other lines, comments and longer names stay as they are."""
    assert with_variable(text, "A", "9") == after
    assert variable(after, "A") == "9"
    assert variable(with_variable(after, "A", None), "A") is None


def test_the_schema_is_that_of_the_model() -> None:
    """The published schema refuses what the reader refuses: unknown keys, and kinds that there are not."""
    good = json.loads(json.dumps(YAML(typ="safe").load(step("kind: wait, seconds: 1"))))
    jsonschema.validate(good, runbook_schema())
    for wrong in ({**good, "extra": 1}, {**good, "steps": [{"name": "one", "do": {"kind": "shell"}}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, runbook_schema())
    assert Runbook.model_validate(good).steps[0].timeout_s == 60.0


class Stranger:
    """Answers whatever it is asked with an empty object, as no Segue does. See `Asking`."""

    place = "here"

    def fetch(self, method: str, path: str, **more: Any) -> Answer:
        """See `Asking.fetch`."""
        del method, path, more
        return Answer(200, {}, b"{}", 1.0, 1.0)


@pytest.mark.parametrize(
    "action",
    [
        ProviderOff(kind="provider.off", provider="edge"),
        RolloutRollback(kind="rollout.rollback", rollout="warm"),
        SettingsRestore(kind="settings.restore", version="1"),
        SwitchTurn(kind="switch", enabled=False),
    ],
)
def test_the_answer_of_another_version_is_told(action: Any) -> None:
    """What lacks the values that are asked for ends the step with a sentence, so that the journal has it."""
    with pytest.raises(Unavailable, match="here answers in another form"):
        Served(Stranger(), "why").look(action, "r1")


def test_ones_own_runbooks_go_before_those_that_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever Segue is run, what ships is found; a folder `runbooks` there adds to it, and goes first by name."""
    monkeypatch.chdir(tmp_path)
    assert found("venv") == SHIPPED / "venv.yaml"

    (tmp_path / "runbooks").mkdir()
    for name in ("cache-node", "venv"):
        (tmp_path / f"runbooks/{name}.yaml").touch()

    assert found("cache-node") == found("runbooks/cache-node.yaml")
    assert found("venv") == Path("runbooks/venv.yaml")
    assert found("code-git") == SHIPPED / "code-git.yaml"
    with pytest.raises(NotFound, match="There is no runbook vens; there are cache-node, code-files"):
        found("vens")
