"""Prints what was measured, as far as a terminal shows it."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

WAYS = {
    "served": "Segue over HTTP, 202",
    "whole": "Segue over HTTP, with the reply",
    "stored": "Segue's store",
    "alone": "SQLite, one connection",
    "apart": "SQLite, one each",
}


def show(results: Mapping[str, Any], console: Console) -> None:
    """Print a table for each part that was measured."""
    for name, title in (("sends", "on disk"), ("sends_in_memory", "in memory"), ("postgres", "with Postgres")):
        if "ways" in results.get(name, {}):
            console.print(_sends(results[name], title))
    if "pages" in results:
        console.print(_pages(results["pages"]))
    if "verification" in results:
        kept = results["verification"]
        for way in ("server", "command"):
            console.print(f"Verified by the {way}: {kept[way]['per_s']:,} entries a second.")


def rate(figures: Mapping[str, Any], name: str = "per_s") -> float:
    """The rate in the middle of all rounds."""
    middle: float = median(figures[name])
    return middle


def _sends(sends: Mapping[str, Any], title: str) -> Table:
    table = Table(title=f"Sends {title}: a second | p50 / p99 ms | ms of CPU each", title_justify="left", box=None)
    table.add_column("at once")
    for count in sends["workers"]:
        table.add_column(str(count), justify="right")
    for way, of in sends["ways"].items():
        table.add_row(WAYS[way], *(_cell(of[str(count)]) for count in sends["workers"]))
    return table


def _cell(figures: Mapping[str, Any]) -> str:
    ms = figures["ms"]
    return f"{rate(figures):,.0f} | {ms['p50']:.1f} / {ms['p99']:.1f} | {figures['cpu_ms_each']:.2f}"


def _pages(pages: Mapping[str, Any]) -> Table:
    title = f"A page of 100 of {pages['rows']:,} rows: p50 / p99 ms"
    table = Table(title=title, title_justify="left", box=None)
    for head in ("", *(f"{depth:,}" for depth in pages["depths"])):
        table.add_column(head, justify="right" if head else "left")
    for name, ways in pages["lists"].items():
        for way, of in ways.items():
            cells = [of[str(depth)]["ms"] for depth in pages["depths"]]
            table.add_row(f"{name}, {way}", *(f"{ms['p50']:.1f} / {ms['p99']:.1f}" for ms in cells))
    for name, each in pages["filtered"].items():
        table.add_row(f"audit, {name}", f"{each['ms']['p50']:.1f} / {each['ms']['p99']:.1f}")
    return table
