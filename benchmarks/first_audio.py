"""How soon a reply is heard, what the gateway adds to that, for how many listeners it keeps up, and what failures cost.

    python -m benchmarks.first_audio            about nine minutes; keeps its figures under benchmarks/results
    python -m benchmarks.first_audio --quick    under a minute, for a first look; keeps nothing unless told to

A real Segue process is pinned to one core and asked over real sockets by a client on the others. The language model
and the speech are scripted: they cost next to nothing and behave the same each time, so what is measured is Segue. The
audio cache is off, because the same sentences are asked for again and again.
"""

import argparse
import gc
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import chain, faults, hedge, scenes
from benchmarks.early import early
from benchmarks.gateway import cores
from benchmarks.plot import draw
from benchmarks.report import keep, machine, now, versions
from benchmarks.tables import show

RESULTS = Path(__file__).parent / "results"
FULL = scenes.Plan(
    in_flight=50,
    repeats=3,
    overhead_s=10.0,
    compared_s=3.0,
    steps=(50, 100, 150, 200, 300),
    rounds=2,
    turns=16,
    carriers_s=3.0,
    pairs=5000,
    paused=300,
    alternated=1500,
    hedged=800,
)
QUICK = scenes.Plan(
    in_flight=50,
    repeats=1,
    overhead_s=3.0,
    compared_s=1.0,
    steps=(100,),
    rounds=1,
    turns=2,
    carriers_s=0.0,
    pairs=500,
    paused=20,
    alternated=100,
    hedged=60,
)
SCENES = {
    "overhead": scenes.overhead,
    "listeners": scenes.listeners,
    "early": early,
    "faults": faults.faults,
    "carriers": scenes.carriers,
    "chain": chain.chain,
    "hedge": hedge.hedge,
}
GOALS = {"overhead_p50_ms": 3.0, "overhead_p99_ms": 10.0, "listeners_per_core": 100, "chain_first_item_p50_ms": 1.0}
KEPT = {
    "first_audio": ("overhead", "listeners", "early", "carriers"),
    "fallback": ("chain", "hedge", "faults"),
}
"""What a full run keeps in which file."""


async def measure(plan: scenes.Plan, chosen: list[str], results: dict[str, Any], console: Console) -> dict[str, Any]:
    """Run the chosen scenes one after another, and put them into the results."""
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(chosen))
        for name in chosen:
            results[name] = await SCENES[name](plan, lambda what: progress.update(task, description=what))
            progress.advance(task)
        progress.update(task, description="done")
    results["load_average_after"] = [round(value, 2) for value in os.getloadavg()]
    return results


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute, for a first look")
    parser.add_argument("--only", choices=SCENES, action="append", help="one scene; may be repeated")
    parser.add_argument("--out", type=Path, help="where to keep the figures (JSON, and the plot beside it)")
    given = parser.parse_args()
    chosen = given.only or [name for name in SCENES if not given.quick or name in ("overhead", "listeners")]
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    results: dict[str, Any] = {
        "what": "benchmarks.first_audio",
        "at": now(),
        "machine": machine(),
        "versions": versions(),
        "goals": GOALS,
    }
    gateway, load = cores()
    results["machine"]["gateway_on"], results["machine"]["load_on"] = sorted(gateway), sorted(load)
    os.sched_setaffinity(0, load)
    # The client must not stop to collect garbage while it listens; it lives for minutes, and leaves little.
    gc.freeze()
    gc.disable()
    uvloop.run(measure(QUICK if given.quick else FULL, chosen, results, console))
    show(results, console)
    if given.out is not None:
        kept(results, given.out, console)
    elif not given.quick and not given.only:
        for name, scenes_of in KEPT.items():
            others = SCENES.keys() - set(scenes_of)
            mine = {key: value for key, value in results.items() if key not in others}
            kept(mine, RESULTS / f"{name}.json", console)


def kept(results: dict[str, Any], path: Path, console: Console) -> None:
    """Keep results, and where the packages of the benchmarks are there, their plot beside them."""
    keep(results, path)
    if find_spec("matplotlib") is not None:
        draw(results, path.with_suffix(".svg"))
        console.print(f"Kept in {path}, and drawn.")
    else:
        console.print(f"Kept in {path}; there is no plot, because matplotlib is not installed.")


if __name__ == "__main__":
    main()
