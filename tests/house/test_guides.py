"""The written documents: what they show exists, what they link to is there, and their commands can be typed."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from docs.printers.audit import MEANINGS
from segue.cli.main import app
from segue.clock import ManualClock
from segue.delivery.planfile import read_plan
from segue.settings import Settings, load
from segue.wiring.providers import provide
from tests.house.source import ROOT, modules, texts

GENERATED = "Printed from the code"
MAKE_TARGET = re.compile(r"^([a-z]+):.*##", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document: where it stands, its language, its text."""

    place: str
    language: str
    text: str


@cache
def documents() -> dict[str, str]:
    """Every document of the project, by its path."""
    return {name: text for name, text in texts().items() if name.endswith(".md")}


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of all documents in one of these languages."""
    found = []
    for name, text in documents().items():
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            place = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
            found.append(Block(place, match[1], match[2]))
    return [block for block in found if block.language in languages]


def commands() -> Iterator[tuple[str, str]]:
    """Every command line in a shell block, continued lines joined, comments left out."""
    for block in blocks("sh"):
        begun = ""
        for line in block.text.replace("\\\n", " ").splitlines():
            if not begun and (not line.strip() or line.startswith("#")):
                continue
            begun += line + "\n"
            if _is_whole(begun):
                yield block.place, begun.strip()
                begun = ""
        assert not begun, f"{block.place}: a quotation is not closed"


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True


def words(command: str) -> list[list[str]]:
    """The simple commands of a line: split at pipes and the like, without assignments and redirections."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    skip = False
    for word in lexer:
        if set(word) <= set("|&;()"):
            found.append([])
        elif set(word) <= set("<>"):
            skip = True
        elif skip:
            skip = False
        elif found[-1] or not re.fullmatch(r"[A-Z_]+=.*", word, re.DOTALL):
            found[-1].append(word)
    return [simple for simple in found if simple]


def heading_anchor(heading: str) -> str:
    """The anchor that a heading gets where the documents are read."""
    plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return plain.replace(" ", "-")


def test_links_lead_somewhere() -> None:
    """Every link to a file of the project leads to one, and every anchor to a heading of it."""
    astray = []
    for name, text in documents().items():
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for match in re.finditer(r"\]\(([^)\s]+)\)", prose):
            target, _, anchor = match[1].partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = (ROOT / name).parent / target if target else ROOT / name
            if not file.exists():
                astray.append(f"{name}: {match[1]}")
            elif anchor and anchor not in anchors(file):
                astray.append(f"{name}: {match[1]}: no such heading")
    assert not astray


def anchors(file: Path) -> set[str]:
    """The anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {heading_anchor(heading) for heading in headings}


def test_every_document_can_be_found() -> None:
    """Every document under docs is linked from its index, from the list of decisions, or from another document."""
    linked = {
        str(((ROOT / name).parent / match[1]).resolve().relative_to(ROOT))
        for name, text in documents().items()
        for match in re.finditer(r"\]\(([^)#\s:]+\.md)", text)
    }
    assert not {name for name in documents() if name.startswith("docs/")} - linked - {"docs/index.md"}


def test_commands_of_segue_can_be_parsed() -> None:
    """Every `segue` command line in a document is one that the command line understands."""
    seen = 0
    for place, command in commands():
        for simple in words(command):
            if Path(simple[0]).name == "segue":
                seen += 1
                _, _, ignored = app.parse_args(simple[1:], print_error=False, exit_on_error=False)
                assert not ignored, place
    assert seen > 10


def test_commands_mention_files_that_exist() -> None:
    """A file of the project that a command names is there; `.venv/bin` holds what the documents take from it."""
    for place, command in commands():
        for word in re.findall(r"(?:examples|docs|src|tests|benchmarks|\.venv/bin)/[\w./-]+", command):
            assert (ROOT / word).exists(), f"{place}: {word}"


def test_targets_of_make_exist() -> None:
    """Every `make` target that a document names is one."""
    targets = set(MAKE_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {
        (name, target)
        for name, text in documents().items()
        for target in re.findall(r"(?:^|`)make ([a-z]+)\b", text, re.MULTILINE)
    }
    assert len(named) > 10
    assert not [(name, target) for name, target in named if target not in targets]


def loaded(block: Block, folder: Path) -> Settings:
    """The configuration that a block shows."""
    file = folder / "shown.yaml"
    file.write_text(block.text, encoding="utf-8")
    return load(file)


def test_yaml_in_documents_is_a_configuration(tmp_path: Path) -> None:
    """A configuration that a document shows is one that loads, also where no key is set."""
    shown = blocks("yaml")
    assert len(shown) > 10
    for block in shown:
        assert loaded(block, tmp_path) != load(), f"{block.place} changes nothing"


def test_plans_in_documents_are_plans() -> None:
    """A whole plan that a document shows can be read."""
    shown = [block for block in blocks("yml") if "stages:" in block.text and "gates:" in block.text]
    assert len(shown) > 1
    for block in shown:
        read_plan(block.text, block.place)


def configurations() -> list[Path]:
    """The examples' configurations: the short ones, and those of whole set-ups."""
    examples = ROOT / "examples"
    return sorted([*examples.glob("config/*.yaml"), *examples.glob("*/segue.yaml")])


@pytest.mark.parametrize("file", configurations(), ids=lambda file: str(file.relative_to(ROOT / "examples")))
def test_example_configurations_load(file: Path) -> None:
    """Every example is a configuration, and changes something."""
    assert load(file) != load()


def test_chains_in_documents_hold_what_is_there(tmp_path: Path) -> None:
    """Every provider in a chain that a document shows is built in or configured beside it, and does what it is for."""
    shown = 0
    for block in blocks("yaml"):
        providers = loaded(block, tmp_path).providers
        for role in ("model", "synthesizer", "recognizer"):
            for name in getattr(providers, f"{role}s"):
                provide(role, name, providers, ManualClock())
                shown += name in providers.named
    assert shown > 10


def test_json_in_requests_is_json() -> None:
    """What a curl command of a document sends is JSON."""
    sent = [
        (place, data)
        for place, command in commands()
        for simple in words(command)
        if simple[0] == "curl"
        for flag, data in pairwise(simple)
        if flag == "-d"
    ]
    assert len(sent) > 5
    for place, data in sent:
        assert isinstance(json.loads(data), dict), place


def test_paths_in_documents_are_served() -> None:
    """Every path of the API that a document names is in the printed reference, or is the WebSocket."""
    printed = (ROOT / "docs/reference/http-api.md").read_text(encoding="utf-8")
    served = set(re.findall(r"^### `[A-Z]+ (\S+)`", printed, re.MULTILINE))
    served |= {"/api/voice/ws", "/api/openapi.json", "/v1", "/api"}
    missing = [
        f"{name}: {path}"
        for name, text in documents().items()
        if GENERATED not in text
        for path in re.findall(r"(?<![\w.}/-])(/(?:api|v1|voice)(?:/[a-z_.]+)*)\b(?!/)", text)
        if path not in served
    ]
    assert not missing


def test_python_in_documents_is_python() -> None:
    """Python that a document shows can be parsed."""
    shown = blocks("python")
    assert shown
    for block in shown:
        ast.parse(block.text + ("    ...\n" if block.text.rstrip().endswith('"""') else ""), block.place)


def test_style_is_shown_by_real_code() -> None:
    """The examples of style in CONTRIBUTING are in the code, word for word."""
    written = [_dedented(module.text) for folder in ("src/segue", "tests") for module in modules(folder)]
    shown = [block for block in blocks("python") if block.place.startswith("CONTRIBUTING.md")]
    assert shown
    for block in shown:
        assert any(_dedented(block.text) in text for text in written), block.place


def _dedented(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


@cache
def check_names() -> set[str]:
    """Every string in the code of operations and alerts: names of checks, which look like settings, are among them."""
    return {
        node.value
        for module in modules()
        if module.name.startswith(("segue.operations.", "segue.telemetry.", "segue.wiring."))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_settings_in_documents_exist() -> None:
    """A dotted setting that a document names in code type is a setting, an action of the audit, or a check."""
    known = set(
        re.findall(r"^\| `([a-z0-9_.]+)` \| `SEGUE_", documents()["docs/reference/configuration.md"], re.MULTILINE)
    )
    sections = {".".join(parts[:end]) for name in known for parts in [name.split(".")] for end in range(1, len(parts))}
    roots = "|".join(sorted({name.partition(".")[0] for name in known if "." in name}))
    assert {"storage", "cache", "files"} <= set(roots.split("|"))
    for name, text in documents().items():
        for setting in re.findall(rf"`((?:{roots})\.[a-z0-9_.]+)(?::[^`]*)?`", text):
            assert setting in known | sections | set(MEANINGS) | check_names(), f"{name}: {setting}"


def test_decisions_are_listed_with_their_status() -> None:
    """Every decision is in the list, under its own title and status, and has the parts a decision has."""
    index = documents()["docs/decisions/index.md"]
    rows = dict(re.findall(r"^\| \d{4} \| \[.*?\]\((.*?)\) \| (\w+) \|$", index, re.MULTILINE))
    titles = dict(re.findall(r"^\| \d{4} \| \[(.*?)\]\((.*?)\)", index, re.MULTILINE))
    pages = {Path(name).name: text for name, text in documents().items() if re.match(r"docs/decisions/\d{4}-", name)}
    assert set(rows) == set(pages)
    for title, name in titles.items():
        number = name[:4]
        assert pages[name].startswith(f"# {number}: {title}\n\nStatus: {rows[name]}\n"), name
        for part in ("Question", "Decision", "Consequences"):
            assert f"\n## {part}\n" in pages[name], f"{name}: {part}"


def test_the_changelog_knows_this_version() -> None:
    """The newest version in the changelog is the package's own."""
    newest = re.search(r"^## \[(.+?)\]", documents()["CHANGELOG.md"], re.MULTILINE)
    (top,) = [module for module in modules() if module.name == "segue"]
    assert newest is not None
    assert f'__version__ = "{newest[1]}"' in top.text
