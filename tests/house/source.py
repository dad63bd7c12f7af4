"""The project's own source, parsed once, for the rules of the house to look at."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "segue"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file of Python: where it is (relative to the project), its dotted name, its text and its tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def is_worker(self) -> bool:
        """Whether this runs as a process of its own, with its own clock and environment."""
        return self.name.endswith("_worker")

    def at(self, node: ast.AST) -> str:
        """Where a node is, as editors understand it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def origins(self) -> dict[str, str]:
        """Each name that an import binds, at whatever level, and the dotted name that it stands for."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.split(".")[0]
                    found[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    def mentions(self) -> Iterator[tuple[ast.AST, str]]:
        """Every use of an imported name, called or merely passed on, with the dotted name that it stands for."""
        origins = self.origins()
        inner: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
                dotted = _dotted(node, inner)
                first, _, rest = dotted.partition(".")
                if first in origins:
                    yield node, origins[first] + (f".{rest}" if rest else "")


def _dotted(node: ast.expr, inner: set[int]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
        inner.add(id(node))
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def parse(text: str, path: str = "src/segue/example.py") -> Module:
    """A module from its text."""
    parts = Path(path).with_suffix("").parts
    name = ".".join(part for part in parts[parts[0] == "src" :] if part != "__init__")
    return Module(path, name, text, ast.parse(text, path))


@cache
def modules(folder: str = "src/segue") -> tuple[Module, ...]:
    """Every Python file under a folder of the project."""
    files = sorted((ROOT / folder).rglob("*.py"))
    return tuple(parse(file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))) for file in files)


@cache
def texts() -> dict[str, str]:
    """Every text file that belongs to the project: what git keeps, or would keep if it were added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = {}
    for name in listed.stdout.decode().split("\0"):
        file = ROOT / name
        if name and file.is_file():
            raw = file.read_bytes()
            if b"\0" not in raw:
                found[name] = raw.decode("utf-8")
    return found
