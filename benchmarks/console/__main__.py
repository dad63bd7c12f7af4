"""Sends that are durable, pages of long lists, and the proof of the audit: how many, how soon, beside SQLite alone.

    python -m benchmarks.console                 about four minutes; keeps its figures under benchmarks/results
    python -m benchmarks.console --only sends    one part; may be repeated; --keep puts it into what is kept
    python -m benchmarks.console --small         little of everything, for a first look; keeps nothing

A real Segue process is pinned to one core and asked over real sockets by a client on the others. The language model is
scripted and answers at once, so what is measured is Segue, its database and the disk.
"""

import argparse
import gc
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.console.figures import draw
from benchmarks.console.pages import pages
from benchmarks.console.plan import SMALL, Plan, Tell
from benchmarks.console.postgres import postgres
from benchmarks.console.proving import proving
from benchmarks.console.sends import sends
from benchmarks.console.showing import show
from benchmarks.gateway import cores
from benchmarks.report import keep, machine, now, versions

RESULTS = Path(__file__).resolve().parents[1] / "results" / "console.json"
PLOTS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system without a disk, if this machine has one
IN_MEMORY = "sends_in_memory"
"""The sends on a file system that has no disk to wait for: what is left is the processor's part."""
Scene = Callable[[Plan, Path, Tell], Awaitable[dict[str, Any]]]


SCENES: dict[str, Scene] = {
    "sends": sends,
    IN_MEMORY: sends,
    "postgres": postgres,
    "pages": pages,
    "verification": proving,
}


async def measure(plan: Plan, chosen: list[str], folder: Path | None, console: Console) -> dict[str, Any]:
    """Run the chosen scenes one after another; their results by name, with how busy the machine was meanwhile."""
    results: dict[str, Any] = {}
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        for name in chosen:
            task = progress.add_task(name)
            with tempfile.TemporaryDirectory(prefix="segue-bench-", dir=MEMORY if name == IN_MEMORY else folder) as own:
                before, commit = os.getloadavg()[0], versions()["commit"]  # the source may change while it runs
                results[name] = await SCENES[name](plan, Path(own), _teller(progress, task))
            loads = [round(value, 2) for value in (before, os.getloadavg()[0])]
            results[name] |= {"at": now(), "commit": commit, "load_average": loads}
            progress.remove_task(task)
    return results


def _teller(progress: Progress, task: TaskID) -> Tell:
    return lambda what, done, of: progress.update(task, description=what, completed=done, total=of)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SCENES, action="append", help="one part; may be repeated")
    parser.add_argument("--small", action="store_true", help="little of everything, keeps nothing unless told to")
    parser.add_argument("--keep", action="store_true", help="put the parts of --only in the place of the kept ones")
    parser.add_argument("--folder", type=Path, help="where the databases are made; the usual place for such files")
    parser.add_argument("--out", type=Path, help="where to keep the figures (JSON, and the plots beside it)")
    given = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    plan = SMALL if given.small else Plan()
    chosen = [name for name in given.only or SCENES if name != IN_MEMORY or MEMORY.is_dir()]
    before, measured, began = machine(), versions(), time.monotonic()
    gateway, load = cores()
    before["server_on"], before["load_on"] = sorted(gateway), sorted(load)
    os.sched_setaffinity(0, load)
    gc.freeze()
    scenes = uvloop.run(measure(plan, chosen, given.folder, console))
    results = {
        "what": "benchmarks.console",
        "at": now(),
        "machine": before,
        "versions": {**measured, "sqlite": sqlite3.sqlite_version},
        "took_s": round(time.monotonic() - began),
        "plan": asdict(plan),
        **scenes,
    }
    show(results, console)
    if given.only and given.keep and not given.small:
        results = {**json.loads(RESULTS.read_text(encoding="utf-8")), **scenes}
    if given.out or ((given.keep or not given.only) and not given.small):
        kept(results, given.out or RESULTS, console)


def kept(results: dict[str, Any], path: Path, console: Console) -> None:
    """Keep results, and where the packages of the benchmarks are there, their plots."""
    keep(results, path)
    if find_spec("matplotlib") is not None:
        draw(results, PLOTS if path == RESULTS else path.parent)
        console.print(f"Kept in {path}, and drawn.")
    else:
        console.print(f"Kept in {path}; there are no plots, because matplotlib is not installed.")


if __name__ == "__main__":
    main()
