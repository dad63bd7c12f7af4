"""Every page that is walked through is walked through: each of its commands is executed, and does what it says."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.server import PROJECT
from tests.vendors import edge, google, google_service, openai, openai_wire
from tests.vendors.edge import EdgeScript
from tests.vendors.openai_chat import ModelScript
from tests.vendors.script import Script
from tests.vendors.speaking import speaking
from tests.vendors.street import opened
from tests.walking import AstrayError, legs, missing, walking

PAGES = PROJECT / "docs" / "how-to"


class Rivers(ModelScript):
    """Answers every other time with a sentence that nobody has spoken yet, so that not all comes from the cache."""

    asked = 0

    @property
    def tokens(self) -> tuple[str, ...]:
        """What it writes."""
        self.asked += 1
        return (f"Річка номер {self.asked // 2} ", "найдовша в Україні. ", "Вона тече ", "на південь.")

    @tokens.setter
    def tokens(self, _: tuple[str, ...]) -> None:
        """It says what it says."""


@dataclass(frozen=True)
class Ground:
    """What a page finds where it is walked: variables of the shell, and what is executed instead of what it says."""

    stands: Callable[[], AbstractContextManager[Mapping[str, str]]]
    replaced: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def ollama_and_edge() -> Iterator[Mapping[str, str]]:
    """Our servers in the places of Ollama, with its three models, and of Edge's voices."""
    with opened() as street:
        models = street.open(openai.serving(Rivers()))
        speak = street.open(speaking({"uk-UA-PolinaNeural": "uk+f2", "uk-UA-OstapNeural": "uk+m3"}))
        voices = street.open(edge.serving(EdgeScript(speak=speak)))
        named = "SEGUE_PROVIDERS__NAMED__{}__{}"
        addresses = {named.format(name, "URL"): models for name in ("GEMMA3", "QWEN3_5", "QWEN3_14B")}
        keys = {named.format(name, "KEY"): openai_wire.KEY for name in ("GEMMA3", "QWEN3_5", "QWEN3_14B")}
        yield {**addresses, **keys, named.format("EDGE", "URL"): voices}


@contextmanager
def google_cloud() -> Iterator[Mapping[str, str]]:
    """Our servers in the place of Google's speech."""
    with opened() as street:
        speak = street.open(speaking())
        url = street.open(google.serving(Script(speak=speak)))
        names = ("CHIRP3", "WAVENET", "GOOGLE_STT")
        addresses = {f"SEGUE_PROVIDERS__NAMED__{name}__URL": url for name in names}
        yield addresses | {"GOOGLE_API_KEY": google_service.KEY, "GOOGLE_APPLICATION_CREDENTIALS": ""}


@contextmanager
def checkout() -> Iterator[Mapping[str, str]]:
    """A checkout with an older commit, an environment of its own, and a program that has nothing to restart there."""
    with TemporaryDirectory() as folder:
        python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
        for name, text in (("restart.sh", "#!/bin/sh\n"), (".venv/bin/python", python)):
            program = Path(folder, name)
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        Path(folder, ".gitignore").write_text(".venv\n", encoding="utf-8")
        git = ("git", "-C", folder, "-c", "user.name=olha", "-c", "user.email=olha@example.org")
        commit = ("commit", "--quiet", "--allow-empty", "--message", "A release")
        for said in (("init", "--quiet"), ("add", "."), commit, ("tag", "v1.4.2"), commit):
            subprocess.run([*git, *said], check=True)
        yield {"A_CHECKOUT": folder}


WALKS = {
    "cut-over-voice-streaming.md": Ground(
        ollama_and_edge,
        {
            "--timeout 10m": "--timeout 2s",  # of a stage of half an hour
            "--interval 600": "--interval 1",  # in which nobody talks either
            "http://127.0.0.1:9090": "http://127.0.0.1:9",  # nobody answers here, whatever the machine runs
        },
    ),
    "roll-out-chirp3.md": Ground(google_cloud, {"--interval 3600": "--interval 1"}),
    "release-day.md": Ground(
        checkout,
        {
            "CHECKOUT=/srv/segue-practice": "CHECKOUT=$A_CHECKOUT",
            "--minutes 5": "--minutes 0.1 --accept watch.length watch.answers",  # so short a watch is warned of
        },
    ),
    "follow-a-rollback.md": Ground(
        checkout,
        {
            "CHECKOUT=/srv/segue": "CHECKOUT=$A_CHECKOUT",
            "segue validate --baseline good.json": "segue validate",  # how fast a machine is that is busy with tests
        },
    ),
}
"""The pages, and where each is walked. All that is executed otherwise than it stands there is said here."""


@pytest.mark.parametrize("name", WALKS)
def test_every_command_of_a_walk_through_is_executed(name: str, tmp_path: Path) -> None:
    """Each command of the page ends as the page says, in its order, and prints what the page shows."""
    ground, page = WALKS[name], (PAGES / name).read_text(encoding="utf-8")
    found = legs(page, name)
    stale = [said for said in ground.replaced if said not in page]
    assert not stale, "the page does not say this any more"

    with ground.stands() as variables, walking(tmp_path, variables, ground.replaced) as walk:
        for leg in found:
            walk.go(leg)

    assert len(walk.done) == sum(len(leg.commands) for leg in found) > 10


def test_the_index_lists_every_walk_through() -> None:
    """The pages that the index calls walk-throughs are those that are walked through here."""
    index = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    part = index.partition("**Walk-throughs**")[2].partition("\n**")[0]
    assert sorted(re.findall(r"how-to/([\w.-]+\.md)", part)) == sorted(WALKS)


MADE_UP = """
Say how it went.

```sh
NAME=olha
.venv/bin/segue plan show plans/tutorial.yaml | head -1
# exits with 1: there is no such file
.venv/bin/segue plan check plans/none.yaml
echo "It is 5 past; $NAME said so; segue $(segue version | wc -l)" \\
  && test -d examples
```

```text
It is 7 past; olha …
```
"""


def walked(page: str, folder: Path) -> list[str]:
    """Walk through a made-up page where no vendor is; the commands that were executed."""
    with walking(folder) as walk:
        for leg in legs(page):
            walk.go(leg)
    return [done.command.text.split()[0] for done in walk.done]


def test_a_page_that_is_right_gets_to_its_end(tmp_path: Path) -> None:
    """Variables carry over, expected exit codes hold for one command, and figures may be others than those shown."""
    assert walked(MADE_UP, tmp_path) == ["NAME=olha", ".venv/bin/segue", ".venv/bin/segue", "echo"]


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("plans/tutorial.yaml | head -1", "plans/none.yaml | head -1", "exits with 1, not 0"),
        ("# exits with 1: there is no such file", "", "exits with 1, not 0"),
        ("plans/none.yaml", "plans/tutorial.yaml", "exits with 0, not 1"),
        ("test -d examples", "test -d nowhere", "exits with 1, not 0"),
        ("olha …", "Taras …", "not printed:\nIt is 7 past; Taras …"),
        ("```sh", "```bash", "nobody executes a block of 'bash'"),
        ("&& test -d examples", "&& test -d 'examples", "a quotation is not closed"),
    ],
)
def test_a_broken_page_is_found(said: str, instead: str, told: str, tmp_path: Path) -> None:
    """A command that ends otherwise, prints something else, or would be executed by nobody fails the page."""
    assert said in MADE_UP
    with pytest.raises(AstrayError) as error:
        walked(MADE_UP.replace(said, instead), tmp_path)
    assert told in str(error.value)


def test_what_is_shown_must_have_been_printed_in_its_order() -> None:
    """Words without digits are compared, line after line; what changes from day to day is not."""
    printed = "✓  ttfa.whole   12 of 60 turns\n!  chain.model  one of 2"

    assert not missing(["✓ ttfa.whole 3 of 9 turns", "…", "! chain.model"], printed)
    assert missing(["! chain.model", "✓ ttfa.whole"], printed) == ["✓ ttfa.whole"]
    assert missing(["✗ chain.model"], printed) == ["✗ chain.model"]
