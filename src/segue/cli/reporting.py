"""How every operation ends: its report as a table or as JSON, on record, and told by the exit code."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from segue.cli.asking import HERE, Where
from segue.cli.recording import recorded
from segue.errors import SegueError
from segue.operations.report import Level, Report

SYMBOLS = {
    Level.PASS: "[green]✓[/]",
    Level.WARN: "[yellow]![/]",
    Level.FAIL: "[red]✗[/]",
    Level.NO_DATA: "[magenta]?[/]",
    Level.NOT_MEASURED: "[dim]–[/]",
}


REASON = 36
"""Columns that a reason needs beside the name of its check, with the mark; where there are fewer it stands below."""


@Parameter(name="*")
@dataclass(frozen=True)
class Ending:
    """How the report is told and kept."""

    json_: bool = False
    """Print the report as JSON."""
    evidence: Path | None = None
    """Folder for the signed evidence; `evidence` in the data folder when absent."""
    record: bool = True
    """Leave an entry in the audit and a signed file of evidence."""


END = Ending()


def finish(report: Report, where: Where = HERE, ending: Ending = END) -> NoReturn:
    """Put a report on record, print it, and end the process with its exit code.

    Where it cannot be put on record it is printed all the same; then that is told too, and success becomes 1.
    """
    kept, trouble = None, ""
    try:
        kept = recorded(report, where, ending.evidence) if ending.record else None
    except SegueError as error:
        trouble = error.message
    if ending.json_:
        plain = report.as_dict() | {"exit_code": report.exit_code or int(bool(trouble))}
        print(json.dumps(plain | ({"evidence": str(kept)} if kept else {}), ensure_ascii=False, indent=2))
    else:
        show(report)
        if kept:
            print(f"Evidence: {kept}")
    if trouble:
        print(f"segue: it is not on record: {trouble}", file=sys.stderr)
    sys.exit(report.exit_code or int(bool(trouble)))


def show(report: Report) -> None:
    """Print a report for people: a line for each check, what to do about those that do not hold, and the sum."""
    console = Console(soft_wrap=True, highlight=False)
    beside = max((len(check.name) for check in report.checks), default=0) + REASON <= console.width
    table = Table(box=None, show_header=False, pad_edge=False)
    for number in range(3 if beside else 2):
        table.add_column(no_wrap=beside and number < 2, overflow="fold")
    for check in report.checks:
        said = _said(check.reason, check.hint, accepted=check.accepted)
        table.add_row(SYMBOLS[check.level], *((check.name, said) if beside else (f"{check.name}\n{said}",)))
    console.print(table)
    counts = ", ".join(
        f"{len(found)} {level.value.replace('_', ' ')}" for level in Level if (found := report.of(level))
    )
    took_s = (report.ended_us - report.began_us) / 1e6
    word = report.outcome.value.replace("_", " ").upper()
    console.print(f"{SYMBOLS[report.outcome]} {report.command} {report.target}: {word} ({counts}) in {took_s:.1f} s")


def _said(reason: str, hint: str, *, accepted: bool) -> str:
    said = reason.replace("[", "\\[")
    if accepted:
        said += " [dim](accepted)[/]"
    return said + (f"\n[dim]→ {hint.replace('[', chr(92) + '[')}[/]" if hint else "")


@contextmanager
def progress(what: str, total: int | None = None, *, quiet: bool = False) -> Iterator["Tell"]:
    """A bar on standard error, gone when it is done; what it gives is told of each step. None where nobody looks."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        yield Tell(bar, bar.add_task(what, total=total))


class Tell:
    """Moves a bar on."""

    def __init__(self, bar: Progress, task: object) -> None:
        self._bar = bar
        self._task = task

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """So much of so much is done; `what` is done next."""
        said = {"description": what} if what else {}
        self._bar.update(self._task, completed=done, total=total, **said)  # type: ignore[arg-type]
