"""How a rollout looks in a terminal: a sentence, the stages, a table of gates, what was decided last."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

PHASES = {
    "running": "cyan",
    "baking": "cyan",
    "held": "yellow",
    "paused": "yellow",
    "promoted": "green",
    "rolled_back": "red",
}
STATES = {
    "pass": ("✔ pass", "green"),
    "wait": ("… wait", "default"),
    "hold": ("॥ hold", "yellow"),
    "breach": ("✖ breach", "bold red"),
}
MARKS = {"done": ("✔", "green"), "current": ("●", "bold cyan"), "next": ("○", "dim")}
NONE = "–"
EVENTS = 5
"""So many of the latest decisions are shown."""


def block(status: dict[str, Any], decisions: Sequence[dict[str, Any]]) -> RenderableType:
    """A rollout as it stands, with what was decided last (oldest first)."""
    colour = PHASES.get(status["phase"], "default")
    parts: list[RenderableType] = [Text(status["sentence"], style="bold"), _shares(status), Text(), _stages(status)]
    if status["gates"]:
        parts += [Text(), gates(status["gates"])]
    parts += _notices(status)
    if decisions:
        parts += [Text(), *(event(decision) for decision in decisions[-EVENTS:])]
    name = Text.assemble(
        (status["name"], "bold"), f" · attempt {status['attempt']} · ", (_words(status["phase"]), colour)
    )
    return Panel(Group(*parts), title=name, title_align="left", border_style=colour, padding=(1, 2))


def gates(gates: Sequence[dict[str, Any]]) -> Table:
    """The gates: both arms, the limit, the trials, the evidence against its line, and the word."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("GATE", "BASELINE", "CANDIDATE", "LIMIT", "N", "EVIDENCE", "STATE"):
        table.add_column(
            head, justify="right" if head in {"BASELINE", "LIMIT", "N"} else "left", no_wrap=head == "GATE"
        )
    for gate in gates:
        word, colour = STATES.get(gate["word"], (gate["word"], "default"))
        table.add_row(
            gate["gate"],
            figure(gate["baseline_value"], gate["unit"]),
            _candidate(gate),
            figure(gate["limit"] or None, gate["unit"]),
            f"{gate['n']:,}" if gate["unit"] != "none" else NONE,
            evidence(gate),
            Text.assemble((word, colour), (_missing(gate), "dim")),
        )
    return table


def event(decision: dict[str, Any]) -> Text:
    """A decision as a line: when, who, and the sentence with the reason."""
    return Text.assemble((f"{moment(decision['at'])}  ", "dim"), (f"{decision['actor']}  ", "cyan"), decision["reason"])


def line(decision: dict[str, Any]) -> str:
    """The same without colours."""
    return f"{moment(decision['at'])}  {decision['actor']}: {decision['reason']}"


def moment(at: float) -> str:
    """A time of day here, in front of it the day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def figure(value: float | None, unit: str) -> str:
    """A figure in its unit: `4.1 %`, `1.2 s`; a dash for none."""
    if value is None or unit == "none":
        return NONE
    return f"{value * 100:.3g} %" if unit == "share" else f"{value:.3g} s"


def percent(share_bp: int | None) -> str:
    """Basis points as a percentage."""
    return NONE if share_bp is None else f"{share_bp / 100:g} %"


def evidence(gate: dict[str, Any]) -> str:
    """How strong the evidence against a gate is, beside the line at which it is a breach."""
    return f"{amount(gate['evidence'])} of {amount(gate['line'])}" if gate["line"] else NONE


def amount(value: float) -> str:
    """A number as far as anybody reads it: `0.42`, `1,240`, `3e+09`."""
    return f"{value:.3g}" if value < 100 or value >= 1e6 else f"{value:,.0f}"


def _shares(status: dict[str, Any]) -> Text:
    """The share that is set, and the one that came about."""
    realised = status["realised"]
    listeners = realised["candidate"] + realised["baseline"]
    words = f"share {percent(status['share_bp'])}"
    if realised["share_bp"] is not None:
        words += f", realised {percent(realised['share_bp'])} ({realised['candidate']:,} of {listeners:,} listeners)"
    if status["dropped"]:
        words += f", without {', '.join(status['dropped'])}"
    return Text(words, style="dim")


def _stages(status: dict[str, Any]) -> Text:
    parts: list[Any] = []
    for stage in status["stages"]:
        mark, colour = MARKS[stage["state"]]
        parts += [("  ─  ", "dim")] if parts else []
        asked = " (approval)" if stage["approval"] and stage["state"] == "next" else ""
        parts.append((f"{mark} {stage['name']} {percent(stage['share_bp'])}{asked}", colour))
    return Text.assemble(*parts)


def _notices(status: dict[str, Any]) -> list[RenderableType]:
    """Whatever a person should know beside the gates."""
    told = [("red", breach["reason"]) for breach in status["breaches"]]
    told += [("yellow", doubt["reason"]) for doubt in status["doubts"]]
    if status["restricted"]:
        told.append(("yellow", f"On this server: {status['restricted']}"))
    if status["controller"]["stalled"]:
        ago = status["controller"]["ticked_s_ago"]
        told.append(("red", f"Nobody looks after this rollout{'' if ago is None else f' since {ago:.0f} s'}."))
    return [Text(), *(Text(f"! {reason}", style=colour) for colour, reason in told)] if told else []


def _candidate(gate: dict[str, Any]) -> str:
    """The candidate's figure with its interval."""
    value, unit = figure(gate["value"], gate["unit"]), gate["unit"]
    if value == NONE or gate["low"] is None or gate["high"] is None:
        return value
    scale = 100 if unit == "share" else 1
    return f"{value} ({gate['low'] * scale:.3g} to {gate['high'] * scale:.3g})"


def _missing(gate: dict[str, Any]) -> str:
    return f", about {gate['missing']:,} more" if gate["word"] == "wait" and gate["missing"] else ""


def _words(phase: str) -> str:
    return phase.replace("_", " ")
