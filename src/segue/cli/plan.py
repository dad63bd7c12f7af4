"""`segue plan`: look through a plan before anybody starts it. No server is needed."""

import json
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from segue.cli.watch import NONE, percent
from segue.delivery.plan import Plan
from segue.delivery.planfile import PlanError, plan_schema, read_plan
from segue.delivery.preview import faulty, preview
from segue.delivery.status import title
from segue.delivery.telling import span
from segue.errors import InvalidRequest

EXPECTING = (
    "Turns are those of the candidate. It passes so soon if it uses half of each limit; a bad one has twice as many "
    "bad turns as must be refuted."
)
app = App(name="plan", help="Plans of rollouts, before they are started.")


@app.command
def check(file: Path, /, *, turns_per_s: float | None = None, json_: bool = False) -> int:
    """Say what is wrong with a plan, or how long each stage will take and how many listeners it needs.

    Parameters
    ----------
    file
        The plan, a YAML file.
    turns_per_s
        Turns per second that all listeners together begin. A stage that cannot be proved with so few is refused.
    json_
        Print it as JSON.
    """
    if turns_per_s is not None and not 0 < turns_per_s < float("inf"):
        raise InvalidRequest(f"--turns-per-s {turns_per_s:g}: write how many turns begin in a second, such as 0.25.")
    try:
        found = preview(read_plan(text(file), str(file)), turns_per_s)
    except PlanError as error:
        if not json_:
            raise
        found = {"ok": False, **faulty(error), "stages": [], "terms": None}
    if json_:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return 0 if found["ok"] else 1
    _tell(found)
    if found["problems"]:
        raise InvalidRequest(
            "\n".join(f"{file}, {problem['where']}: {problem['reason']}" for problem in found["problems"])
        )
    return 0


@app.command
def show(file: Path, /) -> None:
    """Show a plan: its stages, its gates, and how the error budget is split over them.

    Parameters
    ----------
    file
        The plan, a YAML file.
    """
    plan = read_plan(text(file), str(file))
    found = preview(plan)
    console = Console(highlight=False)
    console.print(Text.assemble((plan.name, "bold"), f" · version {plan.version} · changes the {plan.changes}"))
    if plan.about:
        console.print(plan.about)
    console.print(f"{plan.baseline.name} → {plan.candidate.name}", style="cyan")
    console.print()
    console.print(_stages(found["stages"], plan))
    console.print()
    console.print(_gates(plan, found["terms"]))
    console.print()
    console.print(_budget(found["terms"]))


@app.command
def schema() -> None:
    """Print the JSON Schema of a plan file."""
    print(json.dumps(plan_schema(), ensure_ascii=False, indent=2))


def text(file: Path) -> str:
    """What a file holds.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{file} is not UTF-8 text (byte {error.start}).") from error


def _tell(found: dict[str, Any]) -> None:
    """What a plan asks for, stage by stage."""
    console = Console(highlight=False)
    count = len(found["stages"]) - 1
    what = f"{count} stage{'' if count == 1 else 's'}, {len(found['terms']['gates'])} gates that count turns"
    console.print(f"{found['name']}: {what}, blocks of {span(found['terms']['block_s'])}.")
    if found["turns_per_s"] is None:
        console.print("With --turns-per-s it also says how long each stage takes, and how many listeners.", style="dim")
        return
    for stage in found["stages"]:
        lasts = f", lasts about {_about(stage['likely_s'])}" if stage["gates"] else ""
        share = percent(stage["share_bp"])
        head = Text.assemble((stage["name"], "bold"), f"  {share} for at least {span(stage['dwell_s'])}{lasts}")
        console.print(head)
        if stage["gates"]:
            console.print(_expected(stage["gates"], certify=stage["certify"]))
    console.print(EXPECTING, style="dim")


def _expected(gates: list[dict[str, Any]], *, certify: bool) -> Table:
    """What each gate takes in a stage: turns and time to pass, time and bad turns until a bad candidate is stopped."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    for gate in gates:
        if not certify:
            passes = "needs no proof"
        elif gate["likely"] is None or gate["likely_s"] is None:
            passes = "never passes"
        else:
            passes = f"passes: {gate['likely']:,} turns, {span(gate['likely_s'])}"
        stops = "stops nobody"
        if gate["fail_s"] is not None:
            stops = f"stops a bad one: {span(gate['fail_s'])}, {gate['harmed']:,.0f} bad"
        table.add_row(gate["gate"], passes, stops)
    return table


def _about(seconds: float | None) -> str:
    return "never" if seconds is None else span(seconds)


def _stages(stages: list[dict[str, Any]], plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("STAGE", "SHARE", "COHORT", "DWELL", "ASKS FOR"):
        table.add_column(head, justify="right" if head == "SHARE" else "left")
    for number, stage in enumerate(stages):
        asks = ["approval"] if stage["approval"] else []
        asks += ["proof"] if stage["certify"] and stage["share_bp"] else []
        cohort = plan.stages[min(number, len(plan.stages) - 1)].cohort
        who = [
            f"{kind} {', '.join(names) or 'none'}"
            for kind, names in (
                ("characters", cohort.characters),
                ("languages", cohort.languages),
                ("listeners", cohort.listeners),
            )
            if names != "*"
        ]
        told = ", ".join(asks) or "time"
        table.add_row(
            stage["name"], percent(stage["share_bp"]), "; ".join(who) or "everybody", span(stage["dwell_s"]), told
        )
    return table


def _gates(plan: Plan, terms: dict[str, Any]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("GATE", "ASKS", "ON BREACH", "WEIGHT", "BREACH AT"):
        table.add_column(head, justify="right" if head in {"WEIGHT", "BREACH AT"} else "left")
    for name, gate in plan.gates.items():
        term = terms["gates"].get(name)
        told = (f"{term['weight']:.3g}", f"{term['line']:,.4g}") if term else (NONE, NONE)
        table.add_row(name, title(gate), gate.on_breach.value.replace("_", " "), *told)
    return Group(table)


def _budget(terms: dict[str, Any]) -> RenderableType:
    """How the chance of a false rollback is split, and what passing claims."""
    split = terms["alpha_split"]
    parts = [
        f"{split[part] * 100:.3g} % {words}"
        for part, words in (
            ("limits", "for limits"),
            ("regression", "for the comparison with the baseline"),
            ("fast", "turn by turn"),
            ("characters", "for single characters"),
        )
        if split[part]
    ]
    return Text(
        f"A candidate that meets every limit is rolled back with a chance of at most {terms['alpha'] * 100:.3g} %: "
        f"{', '.join(parts)}. A stage passes wrongly with a chance of at most {terms['beta'] * 100:.3g} %. "
        f"Bets are settled every {span(terms['block_s'])} where the baseline has no history."
    )
