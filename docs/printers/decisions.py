"""Prints the page about decisions from the code that makes them: kinds, codes, phases, and what a verb does when."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from textwrap import dedent
from types import ModuleType

from docs.printers.decision_texts import DECIDED, KINDS, PHASES, REFUSED, VERBS
from docs.printers.markdown import page, table
from segue.delivery import apply, commands, decision, rollout, step
from segue.delivery.commands import ALREADY, Objection, allowed, objection, retry_objection
from segue.delivery.decision import DOUBTS
from segue.delivery.evidence import Look
from segue.delivery.plan import OnBreach
from segue.delivery.planfile import read_plan
from segue.delivery.quantity import told_s
from segue.delivery.rollout import Change, Command, Decision, Kind, Phase, Rollout, Verb
from segue.delivery.terms import settle
from segue.delivery.verdict import Breach, Judgement
from segue.routing import RoutingTable, Variant

PLAN = """\
name: shown
baseline: {name: old}
candidate: {name: new}
gates:
  failures: {kind: failure}
stages:
  - {name: few, share: 5%}
  - {name: half, share: 50%}
  - {name: most, share: 90%, approval: true}
"""

_OPENING = """
A decision is what the controller, or a person, did about a rollout: one value, kept for ever with its number, its
sentence and the numbers behind it. `segue rollout history NAME` prints them, `GET /api/rollouts/{name}/decisions`
answers them as JSON, and a [message](../how-to/approve-and-notify.md) carries one. A program should look at `kind` and
`code`: these words stay, while sentences may change. Why it is decided so is [explained](../explanation/delivery.md).
"""
_FIELDS = """
`numbers` has what it rests on: for each gate the trials, the bad share, the evidence and its line, the same of the
baseline, and what was seen of the server. `token` is the version of the rollout under which it was written: it grows
with each write, and of two controllers that write the same one the store refuses the second.
"""
_ORDER = """
At each look, and at each command, this is gone through from the top; the first line that has something to say decides.
A look goes on by one stage at most, however late it comes.
"""
_CODES = """
A wait or a hold is written down once, when its code changes, and not at each look.
"""
_VERBS = """
Whether a verb can have an effect, by phase; else the code with which it is refused. These are rollouts of three stages,
in the second one, whose next stage asks for approval; `held` is after a breach. `--force` overrides `breach`, `frozen`,
`kill_switch`, `cool_down`, `locked` and, at a start, `baseline` and `variant`.
"""
_AT_START = """
`already` is no refusal. A command with an `id` that was answered before has the same answer, and no second effect. Harm
goes before every command but a roll back: it is acted on first, and the command is then judged by what is so.
"""


def decisions_page(note: str) -> str:
    """Kinds, codes, phases and verbs, and the order in which a decision is made."""
    decided, refused = _decided(), _refusals()
    if set(decided) != set(DECIDED) or refused != set(REFUSED):
        strange = sorted(set(decided) ^ set(DECIDED)) + sorted(refused ^ set(REFUSED))
        raise LookupError(f"codes that the code has and this page has not, or the other way round: {strange}")
    diagram = (rollout.__doc__ or "").split("\n\n", 1)[1].strip("\n")
    order = (decision.__doc__ or "").split("\n\n")[1]
    return page(
        "# Decisions",
        note,
        _OPENING,
        "## What a decision holds",
        table(["field", "what it is"], _fields()),
        _FIELDS,
        "## Kinds",
        table(["kind", "what became of the rollout"], [[f"`{kind}`", KINDS[kind]] for kind in Kind]),
        "## The order",
        _ORDER,
        f"```text\n{dedent(order)}\n```",
        "## Codes",
        _CODES,
        table(["code", "kinds", "why"], [[f"`{code}`", _words(decided[code]), DECIDED[code]] for code in DECIDED]),
        "## Phases",
        f"```text\n{diagram}\n```",
        table(["phase", "where the rollout is"], [[f"`{phase}`", PHASES[phase]] for phase in Phase]),
        "## Verbs",
        table(["verb", "command"], [[f"`{verb}`", f"`segue {VERBS[verb]}`"] for verb in Verb]),
        _VERBS,
        table(["verb", *(f"`{phase}`" for phase in Phase)], _verbs()),
        "## Why a command is refused",
        _AT_START,
        table(["code", "why"], [[f"`{code}`", REFUSED[code]] for code in sorted(REFUSED)]),
    )


def _fields() -> Iterator[list[str]]:
    """The fields of a decision, with what the code says of them."""
    told = {
        "rollout": "The plan's name.",
        "attempt": "Which attempt at it, from 1.",
        "kind": "What was decided: see [kinds](#kinds).",
        "stage": "Number of the stage it is in now, from 0; one past the last is the bake.",
        "stage_name": "Its name.",
        "phase": "The phase it is in now: see [phases](#phases).",
        "plan_version": "The `version` of the plan.",
    }
    tree = ast.parse(inspect.getsource(Decision)).body[0]
    if not isinstance(tree, ast.ClassDef):
        raise LookupError("a decision is no class any more")
    said: dict[str, str] = {}
    name = ""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            said[name] = told.get(name, "")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            said[name] = str(node.value.value)
    for field, words in said.items():
        if not words:
            raise LookupError(f"nothing says what {field} of a decision is")
        yield [f"`{field}`", words]


def _words(kinds: set[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in sorted(kinds))


def _calls(module: ModuleType, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _decided() -> dict[str, set[str]]:
    """The codes of rulings with the kinds they come with, as the code writes them; commands make one kind each."""
    found: dict[str, set[str]] = {code: {Kind.HELD.value} for code in DOUBTS}
    for module in (decision, commands, step, apply):
        for call in _calls(module, "Ruling"):
            kind, code = call.args[0], call.args[1]
            if isinstance(code, ast.Constant):
                kinds = {Kind[kind.attr].value} if isinstance(kind, ast.Attribute) else set()
                found.setdefault(str(code.value), set()).update(kinds)
    for word in ("certified", "without_proof", "dwell"):
        found.setdefault(word, set()).add(Kind.ADVANCED.value)
    for word in ("certified", "without_proof", "baked"):
        found.setdefault(word, set()).add(Kind.PROMOTED.value)
    made = (node.value for node in ast.walk(_function(decision, "_proof")) if isinstance(node, ast.Constant))
    if not {code for code in made if isinstance(code, str) and " " not in code} <= set(found):
        raise LookupError("an advance rests on something that this page does not tell of")
    found["command"] = {
        kind.value for verb, kind in zip(Verb, map(_made, Verb), strict=True) if verb is not Verb.PROMOTE
    }
    return found


def _made(verb: Verb) -> Kind:
    """The kind of decision that a verb leads to, as a command that is so already is answered with it."""
    return commands.refused(Command(verb), Objection(ALREADY, "")).kind


def _function(module: ModuleType, name: str) -> ast.FunctionDef:
    tree = ast.parse(inspect.getsource(module))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


def _refusals() -> set[str]:
    """The codes of all objections."""
    found = set()
    for module in (commands, step):
        for call in _calls(module, "Objection"):
            code = call.args[0]
            found.add(str(code.value) if isinstance(code, ast.Constant) else ALREADY)
    return found


def _verbs() -> Iterator[list[str]]:
    """For each verb and phase, whether it can have an effect; asked of a rollout that is really there."""
    rollouts = [_in(phase) for phase in Phase]
    for verb in Verb:
        row = []
        for each in rollouts:
            now = each.stage_since + 1.0
            found = objection(each, Command(verb), now=now) if allowed(each, verb, now) else None
            if verb is Verb.START:  # a start is judged as an attempt after this one
                found = retry_objection(each, each.plan, now=now, force=False, again=False)
            row.append(f"`{found.code}`" if found is not None else "yes")
        yield [f"`{verb}`", *row]


def _in(phase: Phase) -> Rollout:
    """A rollout in a phase, led there by commands and by a breach."""
    plan = read_plan(PLAN)
    table = RoutingTable(0, Variant("old"), None)
    begun = step.begin(
        plan, table, now=0.0, command=Command(Verb.START), attempt=1, terms=settle(plan), memory_bytes=0, before=None
    )
    held = Judgement(breaches=(Breach(OnBreach.HOLD, "failures", "slow tier", "failures: too many."),))
    ways: Mapping[Phase, tuple[Verb | Judgement, ...]] = {
        Phase.RUNNING: (Verb.PROMOTE,),
        Phase.BAKING: (Verb.PROMOTE,) * 3,
        Phase.HELD: (Verb.PROMOTE, held),
        Phase.PAUSED: (Verb.PROMOTE, Verb.PAUSE),
        Phase.PROMOTED: (Verb.PROMOTE,) * 4,
        Phase.ROLLED_BACK: (Verb.PROMOTE, Verb.ROLL_BACK),
    }
    change = begun
    for number, way in enumerate(ways[phase]):
        change = _led(change, change.table or table, way, float(number))
    if change.rollout.phase is not phase:
        raise LookupError(f"the way to {phase} leads to {change.rollout.phase} ({told_s(change.rollout.stage_since)})")
    return change.rollout


def _led(change: Change, table: RoutingTable, way: Verb | Judgement, now: float) -> Change:
    command = Command(way) if isinstance(way, Verb) else None
    judgement = way if isinstance(way, Judgement) else Judgement()
    return step.act(change.rollout, table, judgement, now=now, look=Look(at=now), command=command)
