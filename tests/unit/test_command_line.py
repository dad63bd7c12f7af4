"""The command line, as a person uses it."""

import importlib
import inspect
import json
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclopts import App

from segue.cli.main import COMMANDS, GROUPS, main
from tests.server import clean_environment


def segue(*arguments: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    environment = clean_environment({"PATH": path} if path is not None else None)
    command = [sys.executable, "-m", "segue.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command to its end in this process: its exit code, and what it printed to either side."""
    for name in [name for name in os.environ if name.startswith("SEGUE_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = 0
        try:
            main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


def test_a_text_becomes_a_file(tmp_path: Path) -> None:
    """`segue say` writes the format that the file's ending names, and tells how long it is."""
    out = tmp_path / "reply.wav"
    done = segue("say", "Доброго ранку! Це коштує 22 грн.", "--language", "uk", "--out", str(out))

    assert done.returncode == 0, done.stderr
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
        seconds = file.getnframes() / file.getframerate()
    assert f"{seconds:.1f} s in uk" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("say", "", "--out", "x.wav"), "empty"),
        (("say", "Hi", "--out", "x.midi"), "end it in .wav"),
        (("say", "Hi", "--language", "fr", "--out", "x.wav"), "speaks en, uk, ru, zh"),
        (("say", "Hi", "--voice", "nobody", "--out", "x.wav"), "no voice 'nobody'"),
        (("say", "Hi", "--speed", "9", "--out", "x.wav"), "between 0.25 and 4"),
        (("say", "Hi", "--out", "/nowhere/x.wav"), "cannot be written"),
        (("serve", "--port", "99999"), "server.port"),
        (("serve", "--config", "/nowhere.yaml"), "/nowhere.yaml cannot be read"),
        (("turns", "export", "--data", "/nowhere"), "/nowhere/segue.db cannot be read"),
        (("turns", "export", "--since", "yesterday"), "write 2026-11-21T10:30"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: tuple[str, ...], says: str, here: Callable[..., tuple[int, str, str]]
) -> None:
    """A mistake that the caller can mend is a sentence on standard error and exit code 1, never a traceback."""
    code, _, told = here(*arguments)

    assert code == 1
    assert told.startswith("segue: ")
    assert says in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("preflight", "--stirct"), "--stirct"), (("canary", "--mode", "never"), "never"), (("preflihgt",), "preflight")],
)
def test_what_is_mistyped_is_no_warning(
    arguments: tuple[str, ...], says: str, here: Callable[..., tuple[int, str, str]]
) -> None:
    """Whoever lets warnings pass, which are exit code 2, does not let pass a command that never ran."""
    code, printed, told = here(*arguments)

    assert (code, printed) == (1, "")
    assert says in told


def test_a_mistake_ends_the_process_so() -> None:
    """A process of its own ends with the same sentence and exit code."""
    done = segue("serve", "--data", "/dev/null")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("segue: ")
    assert "name another folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_player_it_says_what_to_install() -> None:
    """Where nothing can play, the way out is named: a player's package, or a file."""
    done = segue("say", "Hi", path="/nowhere")

    assert done.returncode == 1
    assert "alsa-utils" in done.stderr
    assert "--out" in done.stderr


def test_configuration_and_versions_can_be_asked(tmp_path: Path, here: Callable[..., tuple[int, str, str]]) -> None:
    """`config show` prints what is in force, `schema` what there is, `version` of what it is made."""
    file = tmp_path / "segue.yaml"
    file.write_text("voice:\n  default_language: uk\n")

    assert "default_language: uk" in here("config", "show", "--config", str(file))[1]
    schema = json.loads(here("schema")[1])
    assert {"server", "voice", "providers", "openai", "log", "data"} <= set(schema["properties"])
    assert here("version")[1].startswith("segue ")


def test_a_reader_who_has_enough_breaks_nothing() -> None:
    """`segue schema | head -1` ends quietly."""
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m segue.cli.main schema | head -1"],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )

    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_help_costs_nothing() -> None:
    """Whoever only asks what there is does not wait for what the commands need."""
    heavy = {"fastapi", "numpy", "pydantic", "sqlalchemy"}
    asked = (
        "import sys; from segue.cli.main import app; app(['--help'], result_action='return_none');"
        f" print({heavy} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=clean_environment()
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_each_command_is_listed_once() -> None:
    """Every command stands under one heading, and under no other."""
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    """Commands are listed without being loaded, in the words of their own help."""
    for name, (place, does) in COMMANDS.items():
        module, _, attribute = place.partition(":")
        found = getattr(importlib.import_module(f"segue.cli.{module}"), attribute)
        said = found.help if isinstance(found, App) else inspect.getdoc(found).partition("\n\nParameters\n")[0]

        assert said.split() == does.split(), name
