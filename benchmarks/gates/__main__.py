"""How often gates are wrong, how soon they are right, and what listeners hear until then: ours and everybody else's.

    python -m benchmarks.gates                 every goal, 1000 runs a cell; keeps its figures under benchmarks/results
    python -m benchmarks.gates --only G4       one goal; may be repeated
    python -m benchmarks.gates --small         seconds instead of minutes, for a first look

Rollouts are drawn in worlds of known truth. Segue's verdicts come from the code that a server runs; the rules of others
are written from their documentation. All rules see the same draws. An interrupted run goes on where it stopped.
"""

import argparse
import math
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.gates.compared import GOALS as COMPARED
from benchmarks.gates.expenses import GOALS as EXPENSES
from benchmarks.gates.figures import SHOWN, draw, shown
from benchmarks.gates.goals import GOALS as ALONE
from benchmarks.gates.goals import Goal, Results
from benchmarks.gates.running import PARTS, SEED, run
from benchmarks.gates.showing import show
from benchmarks.report import keep, machine, now, versions

RESULTS = Path(__file__).resolve().parents[1] / "results" / "gates.json"
PLOTS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
GOALS = tuple(sorted((*ALONE, *COMPARED, *EXPENSES), key=lambda goal: int(goal.id[1:])))
RUNS, SMALL = 1000, 20


def told(goals: tuple[Goal, ...], results: Results) -> list[dict[str, Any]]:
    """Every goal with its claims, as they are kept. What is infinite or unknown becomes null."""
    return [
        {
            "id": goal.id,
            "title": goal.title,
            "claims": [
                {
                    "what": claim.what,
                    "value": _finite(claim.value),
                    "limit": claim.limit,
                    "unit": claim.unit,
                    "at_least": claim.at_least,
                    "met": claim.met,
                    "others": {rule: _finite(value) for rule, value in claim.others.items() if not math.isnan(value)},
                    "runs": claim.runs,
                    "note": claim.note,
                }
                for claim in goal.claims(results)
            ],
        }
        for goal in goals
    ]


def _finite(value: float) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None


def measure(
    goals: tuple[Goal, ...], runs: int, console: Console, *, processes: int, parts: Path | None
) -> dict[str, Any]:
    """Run the cells of some goals, and say what they come to."""
    cells = [cell for goal in goals for cell in goal.cells] + [
        cell for goal, cell in SHOWN if goal in {goal.id for goal in goals}
    ]
    columns = (
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"),
    )  # fmt: skip
    before, measured, began = machine(), versions(), time.monotonic()  # the source may change while it runs
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=sum(len(cell.batches(runs)) for cell in cells))
        results = run(
            cells,
            runs,
            lambda name: progress.update(task, advance=1, description=name),
            processes=processes,
            parts=parts,
        )
    return {
        "what": "benchmarks.gates",
        "at": now(),
        "machine": before,
        "versions": measured,
        "took_s": round(time.monotonic() - began),
        "runs": runs,
        "seed": SEED,
        "goals": told(goals, results),
        "shown": shown(results),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, help=f"rollouts in a cell; {RUNS} when left out")
    parser.add_argument(
        "--only", choices=[goal.id for goal in GOALS], action="append", help="one goal; may be repeated"
    )
    parser.add_argument("--small", action="store_true", help=f"{SMALL} rollouts in a cell, keeps nothing")
    parser.add_argument("--processes", type=int, default=2, help="how many processes share the work; 2 when left out")
    parser.add_argument("--out", type=Path, help="where to keep the figures (JSON, and the plot beside it)")
    given = parser.parse_args()
    goals = tuple(goal for goal in GOALS if not given.only or goal.id in given.only)
    runs = given.runs or (SMALL if given.small else RUNS)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    parts = None if given.small else PARTS
    results = measure(goals, runs, console, processes=given.processes, parts=parts)
    show(results, console)
    whole = not given.only and not given.small
    if given.out or whole:
        kept(results, given.out or RESULTS, console)


def kept(results: dict[str, Any], path: Path, console: Console) -> None:
    """Keep results, and where the packages of the benchmarks are there, their plot beside them."""
    keep(results, path)
    if find_spec("matplotlib") is not None:
        draw(results, path.with_suffix(".svg"), PLOTS if path == RESULTS else None)
        console.print(f"Kept in {path}, and drawn.")
    else:
        console.print(f"Kept in {path}; there is no plot, because matplotlib is not installed.")


if __name__ == "__main__":
    main()
