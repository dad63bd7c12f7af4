"""Prints the goals: what was measured, against what, and how others did in the same runs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

OTHERS = ("naive", "naive, guarded", "flagger", "flagger, guarded", "argo", "argo, guarded", "kayenta", "kayenta, 1.2")
"""The columns of other rules, of which those are printed that took part."""


def show(results: Mapping[str, Any], console: Console) -> None:
    """Print a table for each goal."""
    for goal in results["goals"]:
        rules = [rule for rule in OTHERS if any(rule in claim["others"] for claim in goal["claims"])]
        table = Table(title=f"{goal['id']}  {goal['title']}", title_justify="left", title_style="bold", box=None)
        for head in ("", "Segue", "goal", "met", *rules, "runs"):
            table.add_column(head, justify="left" if not head else "right", no_wrap=bool(head))
        for claim in goal["claims"]:
            table.add_row(*row(claim, rules))
        console.print(table)
        console.print()
    met = sum(claim["met"] for goal in results["goals"] for claim in goal["claims"])
    console.print(f"{met} of {sum(len(goal['claims']) for goal in results['goals'])} claims are met.")


def row(claim: Mapping[str, Any], rules: Sequence[str]) -> list[str]:
    """The cells of one claim."""
    sign = "≥" if claim["at_least"] else "≤"
    return [
        claim["what"] + (f" ({claim['note']})" if claim["note"] else ""),
        figure(claim["value"]),
        f"{sign} {figure(claim['limit'])} {claim['unit'] if claim['unit'] in '%x' else ''}".strip(),
        "yes" if claim["met"] else "NO",
        *(figure(claim["others"].get(rule, math.nan)) for rule in rules),
        f"{claim['runs']:,}",
    ]


def figure(value: float | None) -> str:
    """A figure as people read it; what never came is a word."""
    if value is None or math.isinf(value):
        return "never"
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
