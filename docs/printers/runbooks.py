"""Prints the page about runbooks from their JSON Schema and from those that ship."""

from collections.abc import Iterator

from docs.printers.markdown import NONE, page, table
from docs.printers.schemas import Schema, default, kind
from segue.operations.runbook.actions import OPAQUE, RECORDED
from segue.operations.runbook.book import BUILT_IN
from segue.operations.runbook.reading import SHIPPED, read_runbook, runbook_schema

_OPENING = """
A runbook is a YAML file (YAML 1.2) with the steps of a rollback. `segue runbook check FILE` tells what is wrong in it,
with the line; `segue runbook schema` prints the JSON Schema that this page is made from. How one is run, and what to do
when it stops, is in [Roll back a deployment](../how-to/roll-back-a-deployment.md).

A text may hold `${name}`, a parameter of the runbook, or one that every runbook has: BUILT_IN. It is put in
place before anything is done, stays one argument whatever it holds, and must not begin with a dash.
"""
_ACTIONS = """
What `do` may be and what `undo` may list; `verify` may list `http` and `command`. *Looks* says whether the action
itself can tell that it was done; of the others only what verifies it can. *Recorded* means that no such engine was
there when it was tested: its command lines are compared with written ones.
"""
_VALUES = {
    "do": "an action",
    "verify": "list of actions",
    "undo": "`before`, `nothing` or list of actions",
    "steps": "list of steps",
    "parameters": "object of parameters",
}


def runbooks_page(note: str) -> str:
    """Every key of a runbook, every kind of action, and the runbooks that ship."""
    schema = runbook_schema()
    parts = schema["$defs"]
    return page(
        "# Runbooks",
        note,
        _OPENING.replace("BUILT_IN", " and ".join(f"`{name}`" for name in BUILT_IN)),
        "## Keys",
        table(["key", "value", "default", "what it is"], _keys(schema, schema)),
        "### A parameter",
        table(["key", "value", "default", "what it is"], _keys(parts["Parameter"], schema)),
        "### A step",
        table(["key", "value", "default", "what it is"], _keys(parts["Step"], schema)),
        "## Actions",
        _ACTIONS,
        table(["kind", "what it does", "keys", "looks", "engine"], _actions(schema)),
        "## Those that ship",
        table(["runbook", "level", "what it does", "steps", "engines"], _shipped()),
    )


def _keys(part: Schema, document: Schema) -> Iterator[list[str]]:
    needed = part.get("required", ())
    for name, entry in part["properties"].items():
        value = _VALUES.get(name) or kind(entry, document)
        without = "needed" if name in needed else default(entry)
        yield [f"`{name}`", value, without, entry.get("description", NONE)]


def _actions(document: Schema) -> Iterator[list[str]]:
    for part in document["$defs"].values():
        name = part.get("properties", {}).get("kind", {}).get("const")
        if name is None:
            continue
        needed = part.get("required", ())
        keys = [f"`{key}`" if key in needed else f"`{key}`?" for key in part["properties"] if key != "kind"]
        looks = "no" if name in OPAQUE else "yes"
        yield [f"`{name}`", part["description"], ", ".join(keys), looks, "recorded" if name in RECORDED else "run"]


def _shipped() -> Iterator[list[str]]:
    for path in sorted(SHIPPED.glob("*.yaml")):
        book = read_runbook(path.read_text(encoding="utf-8"), path.name)
        steps = ", ".join(f"{step.name} (`{step.do.kind}`)" for step in book.steps)
        engines = "recorded, not run" if book.recorded else "run"
        yield [
            f"[`{book.name}`](../../src/segue/operations/runbooks/{path.name})",
            book.level.value,
            book.about,
            steps,
            engines,
        ]
