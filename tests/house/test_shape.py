"""Small modules, small functions, names that mean something, and a word on everything that others use."""

import ast
import re

import pytest

from tests.house.source import Function, Module, modules, parse

MODULE_LINES = 320
FUNCTION_LINES = 60
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "base", "common", "misc", "tools"}


def undocumented(module: Module, body: list[ast.stmt], prefix: str = "") -> list[str]:
    """The public classes, functions and methods without a docstring; those inside functions are nobody's business."""
    found = []
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            found += undocumented(module, node.body + node.orelse, prefix)
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node) and not _is_overload(node):
            found.append(f"{module.at(node)} {prefix}{node.name}")
        if isinstance(node, ast.ClassDef):
            found += undocumented(module, node.body, f"{node.name}.")
    return found


def _is_overload(node: ast.ClassDef | Function) -> bool:
    return any(ast.unparse(decorator).endswith(("overload", ".setter")) for decorator in node.decorator_list)


def test_modules_are_small() -> None:
    """A module has at most 320 lines: what is longer holds two ideas."""
    long = {module.path: lines for module in modules() if (lines := module.text.count("\n")) > MODULE_LINES}
    assert not long


def test_functions_are_small() -> None:
    """A function has at most 60 lines, its docstring included."""
    long = {
        f"{module.at(function)} {function.name}": lines
        for folder in ("src/segue", "benchmarks", "docs")
        for module in modules(folder)
        for function in module.functions()
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert not long


def test_names_mean_something() -> None:
    """Modules and packages are lower-case words, and none of the words that could name anything."""
    for module in modules():
        for part in module.name.split("."):
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", part), module.path
            assert not EMPTY_NAMES & set(part.split("_")), module.path


def test_everything_public_says_what_it_is() -> None:
    """Every public module, class, function and method has a docstring; empty `__init__` files are excepted."""
    silent = [
        module.path
        for folder in ("src/segue", "benchmarks", "docs")
        for module in modules(folder)
        if module.text and not ast.get_docstring(module.tree)
    ]
    silent += [found for module in modules() for found in undocumented(module, module.tree.body)]
    assert not silent


def test_every_test_states_its_rule() -> None:
    """Every test has a docstring: one sentence that says what holds."""
    silent = [
        f"{module.at(function)} {function.name}"
        for module in modules("tests")
        for function in module.functions()
        if function.name.startswith("test_") and not re.search(r"[.!?]$", (ast.get_docstring(function) or "").strip())
    ]
    assert not silent


def hopes(module: Module) -> list[str]:
    """Sleeps for a length of time that are not part of a loop which asks for a condition again and again."""
    asking = {id(inner) for loop in ast.walk(module.tree) if _asks(loop) for inner in ast.walk(loop)}
    nothing = {
        id(call.func)
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and [ast.unparse(argument) for argument in call.args] == ["0"]
    }
    return [
        module.at(node)
        for node, name in module.mentions()
        if re.fullmatch(r"time\.sleep|asyncio\.sleep", name) and id(node) not in asking | nothing
    ]


def _asks(node: ast.AST) -> bool:
    """Whether this is a loop that ends on a condition."""
    if isinstance(node, ast.While) and not isinstance(node.test, ast.Constant):
        return True
    loop = isinstance(node, ast.For | ast.AsyncFor | ast.While)
    return loop and any(isinstance(inner, ast.Break | ast.Return) for inner in ast.walk(node))


def test_no_test_waits_for_luck() -> None:
    """No test sleeps for a length of time in the hope that something has happened by then."""
    assert not [found for module in modules("tests") for found in hopes(module)]


@pytest.mark.parametrize(
    ("text", "hoping"),
    [
        ("import time\ntime.sleep(1)", True),
        ("from asyncio import sleep\nfor _ in range(3):\n    sleep(0.1)", True),
        ("import time\nwhile True:\n    time.sleep(1)", True),
        ("import time\nwhile not done():\n    time.sleep(0.01)", False),
        ("import time\nfor _ in range(9):\n    if done():\n        break\n    time.sleep(0.01)", False),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0)", False),
    ],
)
def test_asking_again_is_not_hoping(text: str, hoping: bool) -> None:
    """A sleep between two looks at a condition is allowed, and so is giving way; a bare sleep is not."""
    assert bool(hopes(parse(text))) is hoping
