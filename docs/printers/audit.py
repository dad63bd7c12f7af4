"""Prints the page about the audit from the code that writes and verifies it: actions, fields, faults, metrics."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType

import segue
from docs.printers.markdown import NONE, page, table
from segue.console import audit, retention, tampering
from segue.console.audit import FAILED, GENESIS, OK, REFUSED, REPLAYED
from segue.console.operator import CONTROLLER, SCHEDULE, START
from segue.delivery.done import ACTIONS

MEANINGS: Mapping[str, tuple[str, str]] = {
    "audit.export": ("`audit`", "The whole chain was handed out."),
    "audit.prune": (
        "`audit`",
        "Old entries were removed: one entry for each batch, with its signed record; `forced`: tampered ones too.",
    ),
    "audit.read": ("`audit`", "Entries were looked at; `filters` names what was asked for."),
    "audit.verify": (
        "`audit`",
        "The chain was verified on a running server; `checked` and `faults` say what came of it.",
    ),
    "backup.make": (
        "`backup/<name>`",
        "Everything that is kept was copied; `keys`: with its secrets. `removed`: so many older ones went.",
    ),
    "backup.read": ("`backup/<name>`", "A backup was handed out as an archive."),
    "backup.restore": (
        "`backup/<name>`",
        "A server began in a folder that was restored from this backup; `restored_us` says when.",
    ),
    "chat.open": ("`chat/<id>`", "A chat was opened."),
    "chat.remove": ("`chat/<id>`", "A chat was removed with all that was in it."),
    "incident.close": ("`incident/<id>`", "An incident was closed with its cause."),
    "incident.mitigate": ("`incident/<id>`", "Listeners do not suffer any more from an incident."),
    "incident.note": ("`incident/<id>`", "Something was written down of an incident, or changed."),
    "incident.open": ("`incident/<id>`", "An incident was opened."),
    "key.create": ("`key/<id>`", "A key was made."),
    "key.first": ("`key/<id>`", "The key of the first start was made."),
    "key.revoke": ("`key/<id>`", "A key was taken out of use."),
    "key.rotate": ("`key/<id>`", "A key was replaced; `new` is the id of the one that replaces it."),
    "message.send": ("`chat/<id>`", "A message was sent: `message`, `run`, `attempt`."),
    "operation.record": (
        "`operation/<command>`",
        "What an operator's command found is on record: `outcome` and how many checks came out how; `after` is the"
        " SHA-256 of the report; `late`: a server entered it when it started.",
    ),
    "reply.write": ("`chat/<id>`", "A reply was kept, or failed: `reply`, `run`, `attempt`."),
    "rollout.advance": ("`rollout/<name>/<attempt>`", "The next stage began."),
    "rollout.approve": ("`rollout/<name>/<attempt>`", "Somebody agreed to the next stage."),
    "rollout.drop": ("`rollout/<name>/<attempt>`", "A character was taken out."),
    "rollout.freeze": ("`rollout/<name>/<attempt>`", "Nothing advances any more."),
    "rollout.hold": ("`rollout/<name>/<attempt>`", "Something was proved that a person must look at."),
    "rollout.pause": ("`rollout/<name>/<attempt>`", "It was paused."),
    "rollout.promote": ("`rollout/<name>/<attempt>`", "The candidate became the baseline."),
    "rollout.resume": ("`rollout/<name>/<attempt>`", "It goes on."),
    "rollout.retry": ("`rollout/<name>/<attempt>`", "The next attempt began."),
    "rollout.roll_back": ("`rollout/<name>/<attempt>`", "Everybody hears the baseline again."),
    "rollout.start": ("`rollout/<name>/<attempt>`", "It was started."),
    "rollout.step_back": ("`rollout/<name>/<attempt>`", "It returned to an earlier stage."),
    "rollout.thaw": ("`rollout/<name>/<attempt>`", "It may advance again."),
    "rollout.warn": ("`rollout/<name>/<attempt>`", "A gate is broken that only warns."),
    "session.close": ("`key/<id>`", "Somebody signed out."),
    "session.open": ("`key/<id>`", "Somebody signed in on the page with this key."),
    "settings.change": (
        "`settings`",
        "A server began with other settings; `changed` names the sections, never a value.",
    ),
    "settings.restore": (
        "`settings`",
        "An earlier version of the live settings is in force again: `version` is the new one, `restored` the earlier.",
    ),
    "settings.set": (
        "`settings`",
        "The live settings were changed: `version`; `forced`: a role was left without a provider.",
    ),
    "providers.change": ("`providers`", "The same, of the providers."),
    "switch.turn": ("`switch`", "Spoken replies were switched on or off."),
}
"""Every action: what it is done to, and what it says."""

_OPENING = f"""
Who did what, and how it ended, as [`segue audit list`](cli.md), `GET /api/audit` and the page show it.
What none of it can hide is [explained](../explanation/audit.md); [what to do with it](../how-to/audit-and-retention.md)
is another page.

What happens by itself is done by `{CONTROLLER.name}` (the control loop of the rollouts), `{SCHEDULE.name}` (pruning) or
`{START.name}` (a server that starts). Whoever agrees by a link for approval is `link`.
"""
_STATUSES = {
    OK: "It was done.",
    REPLAYED: "It was done before, and had no second effect.",
    REFUSED: "It was not done, by rule; `code` says by which.",
    FAILED: "It was not done, by a fault; `code` says which.",
}
_HASH = f"""
The hash is the SHA-256 of the canonical JSON of all fields but `hash` itself: UTF-8, names sorted, no spaces, numbers
whole, `facts` as the text of its own canonical JSON. The first entry follows `{GENESIS[:8]}…`, sixty-four zeros. A
[worked example](../explanation/audit.md#worked-example) shows the bytes. In JSON for people `at` is Unix seconds and
`facts` an object; an export has `at_us` and the text, exactly as they are hashed.
"""


def audit_page(note: str) -> str:
    """Every action, outcome and field of an entry, and every fault that verifying can find."""
    _check()
    return page(
        "# Entries of the audit",
        note,
        _OPENING,
        "## Actions",
        table(["action", "done to", "what happened"], [[f"`{name}`", *MEANINGS[name]] for name in sorted(MEANINGS)]),
        "A deed that was refused or failed has the same action; the target of a rollout then names no attempt.",
        "## How it ended",
        table(["status", "what it means"], [[f"`{name}`", meaning] for name, meaning in _STATUSES.items()]),
        "## Fields of an entry",
        table(["field", "kind", "what it is"], _fields()),
        _HASH,
        "## What verifying can find",
        table(["fault", "what happened"], _described(tampering, "Kind")),
        "A fault has its `seq` and one `sentence` besides. The first hundred are told; more are only counted.",
    )


def _fields() -> Iterator[list[str]]:
    said = {name: words for name, _, words in _told(audit, "Draft")}
    for name, kind, words in _told(audit, "Entry"):
        yield [f"`{name}`", kind, words or said.get(name) or _REST.get(name, NONE)]


_REST = {
    "node": "Name of the node.",
    "duration_ms": "How long it took.",
    "prev_hash": "Hash of the entry before.",
    "hash": "Hash of this one.",
}


def _described(module: ModuleType, name: str) -> Iterator[list[str]]:
    for field, _, words in _told(module, name):
        yield [f"`{getattr(getattr(module, name), field).value}`", words]


def _told(module: ModuleType, name: str) -> Iterator[tuple[str, str, str]]:
    """The fields of a class with their kinds and the docstrings behind them, from its source."""
    tree = ast.parse(inspect.getsource(module))
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    for node, after in zip(found.body, [*found.body[1:], ast.Pass()], strict=True):
        if not isinstance(node, ast.AnnAssign | ast.Assign):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        kind = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
        words = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
        yield ast.unparse(target), kind.replace("int", "whole number").replace("str", "text"), str(words)


def _check() -> None:
    """See to it that every action in the code has its meaning here.

    Raises:
        LookupError: one has none.
    """
    unknown = ({retention.ACTION, *ACTIONS.values()} | _written()) - set(MEANINGS)
    if unknown:
        raise LookupError(f"nothing is said of the action {', '.join(sorted(unknown))}")


@cache
def _written() -> set[str]:
    """The actions that stand as they are in the code: what a deed is made with, or a draft."""
    found = set()
    texts = (path.read_text(encoding="utf-8") for path in Path(segue.__file__).parent.rglob("*.py"))
    for text in (text for text in texts if "Deed(" in text or "action=" in text):
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            given = [word.value for word in node.keywords if word.arg == "action"]
            if isinstance(node.func, ast.Name) and node.func.id == "Deed":
                given += node.args[:1]
            found |= {each.value for each in given if isinstance(each, ast.Constant) and "." in str(each.value)}
    return found
