"""`segue simulate`: a plan with turns that never were, many times over."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from numpy.random import default_rng
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from segue.cli.plan import text
from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.delivery.rollout import Decision, Phase
from segue.delivery.simulation import MEMORY_BYTES, Run
from segue.delivery.simulation import simulate as simulated
from segue.delivery.telling import span
from segue.delivery.terms import settle
from segue.delivery.traffic import Traffic, manner
from segue.errors import InvalidRequest

ENDS = {Phase.PROMOTED: "promoted", Phase.ROLLED_BACK: "rolled back", Phase.HELD: "held for a person"}
STYLES = {"promoted": "green", "rolled back": "red", "held for a person": "yellow"}


def simulate(
    file: Path,
    /,
    *,
    turns_per_s: float = 2.0,
    candidate: str = "healthy",
    baseline: str = "healthy",
    runs: int = 100,
    seed: int = 1,
    processes: int = 1,
    json_: bool = False,
) -> None:
    """Run a plan with drawn turns, and tell how often it promotes or rolls back.

    Every decision is made by the code that makes it live. Approvals are given at once.

    Parameters
    ----------
    file
        The plan.
    turns_per_s
        How many turns there are in a second, both variants together.
    candidate
        What the candidate is like: healthy, healthy:90% (of every limit), slow:1.3, failing:5%, falling-back:5%,
        stuttering:5%, broken:CHARACTER, silent, after:2h (healthy until then), or several with commas between them.
    baseline
        The same for the baseline.
    runs
        How many times.
    seed
        The same seed draws the same turns.
    processes
        How many processes share the runs; the result does not depend on it.
    json_
        One JSON object a run instead of a summary.
    """
    plan = read_plan(text(file), str(file))
    if runs < 1 or processes < 1 or not turns_per_s > 0:
        raise InvalidRequest("--runs, --processes and --turns-per-s must be positive.")
    for words in (candidate, baseline):
        manner(words)
    drawn = _drawn(partial(_run, plan, turns_per_s, candidate, baseline), range(seed, seed + runs), processes)
    if json_:
        for run in drawn:
            print(json.dumps(_plain(run), ensure_ascii=False))
        return
    console = Console()
    found = []
    with _progress(console) as progress:
        task = progress.add_task(plan.name, total=runs)
        for run in drawn:
            found.append(run)
            progress.advance(task)
    _summary(console, plan, turns_per_s, candidate, found)


def _run(plan: Plan, turns_per_s: float, candidate: str, baseline: str, seed: int) -> Run:
    traffic = Traffic(plan, turns_per_s, manner(candidate), manner(baseline), default_rng(seed))
    return simulated(plan, settle(plan, memory_bytes=MEMORY_BYTES), traffic)


def _drawn(run: "partial[Run]", seeds: range, processes: int) -> Iterator[Run]:
    """The runs in the order of their seeds."""
    if processes == 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(run, seeds)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _summary(console: Console, plan: Plan, turns_per_s: float, candidate: str, runs: list[Run]) -> None:
    console.print(
        f"[bold]{plan.name}[/bold] with {turns_per_s:g} turns a second, a candidate that is {candidate},"
        f" {len(runs)} times\n"
    )
    table = Table("end", "runs", "after", "9 in 10", "turns", "9 in 10", "by", box=None, padding=(0, 1))
    ends = Counter(ENDS[run.phase] for run in runs)
    for end, count in ends.most_common():
        those = [run for run in runs if ENDS[run.phase] == end]
        gates = Counter(run.gate or run.stage_name for run in those)
        blamed = ", ".join(f"{name} {times}" for name, times in gates.most_common(3)) if end != "promoted" else ""
        table.add_row(
            f"[{STYLES[end]}]{end}[/]",
            f"{count} ({count / len(runs):.0%})",
            span(median(run.after_s for run in those)),
            span(_most([run.after_s for run in those])),
            f"{median(run.heard for run in those):,.0f}",
            f"{_most([run.heard for run in those]):,.0f}",
            blamed,
        )
    console.print(table)
    dropped = Counter(character for run in runs for character in run.dropped)
    if dropped:
        console.print("taken out: " + ", ".join(f"{name} in {count} runs" for name, count in dropped.most_common(5)))
    console.print(
        "[dim]after: the median time from the beginning; turns: of the candidate, until then; 9 in 10: at most this in"
        f" nine of ten runs.[/dim]\n\nThe first of them, after {span(runs[0].after_s)}: {runs[0].reason}"
    )


def _most(values: list[float] | list[int]) -> float:
    """What nine in ten do not exceed."""
    return float(quantiles(values, n=10, method="inclusive")[-1]) if len(values) > 1 else float(values[0])


def _plain(run: Run) -> dict[str, object]:
    return {
        "end": ENDS[run.phase],
        "after_s": run.after_s,
        "stage": run.stage_name,
        "gate": run.gate,
        "reason": run.reason,
        "heard": run.heard,
        "bad": run.bad,
        "dropped": list(run.dropped),
        "decisions": [_decision(decision) for decision in run.decisions],
    }


def _decision(decision: Decision) -> dict[str, object]:
    return {"at": decision.at, "kind": decision.kind.value, "code": decision.code, "reason": decision.reason}
