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
    claims = [claim for goal in results["goals"] for claim in goal["claims"] if claim["limit"] is not None]
    console.print(f"{sum(claim['met'] for claim in claims)} of {len(claims)} goals are met.")


def row(claim: Mapping[str, Any], rules: Sequence[str]) -> list[str]:
    """The cells of one claim."""
    met = {True: "yes", False: "NO", None: ""}
    return [
        claim["what"] + (f" ({claim['note']})" if claim["note"] else ""),
        figure(claim["value"]),
        limit(claim),
        met[claim["met"]],
        *(figure(claim["others"].get(rule, math.nan)) for rule in rules),
        f"{claim['runs']:,}",
    ]


def limit(claim: Mapping[str, Any]) -> str:
    """What a claim is measured against."""
    if claim["limit"] is None:
        return "–"
    unit = f" {claim['unit']}" if claim["unit"] in "%x" else ""
    return f"{'≥' if claim['at_least'] else '≤'} {figure(claim['limit'])}{unit}"


def figure(value: float | None) -> str:
    """A figure as people read it; what never came is a word."""
    if value is None or math.isinf(value):
        return "never"
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
