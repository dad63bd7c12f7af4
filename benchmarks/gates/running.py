"""Runs cells of the benchmark in processes side by side, and goes on where an interrupted run stopped.

A cell is one truth with its rules; it is run in batches with seeds of their own, so that the results do not depend on
how many processes there are, and a longer run begins with the runs of a shorter one. Finished batches are kept under
`build/gates`, in a folder that is named by the source they were computed with.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

Result = dict[str, Any]
"""Figures by name, nested as you like; at the ends are lists with one entry a run."""
SEED = 20_261_121
BATCH = 50
ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / "build" / "gates"


@dataclass(frozen=True, slots=True)
class Cell:
    """A truth and what is tried in it: `scene(seed, runs, **given)`."""

    name: str
    scene: Callable[..., Result]
    given: Mapping[str, Any] = field(default_factory=dict)
    part: float = 1.0
    """How many of the runs that are asked for it takes; more than one where only many runs say something."""

    batch: int = BATCH
    """How many runs are computed in one go."""

    def batches(self, runs: int) -> list[int]:
        """The sizes of its batches."""
        wanted = max(1, round(runs * self.part))
        return [min(self.batch, wanted - done) for done in range(0, wanted, self.batch)]


def run(
    cells: Sequence[Cell],
    runs: int,
    tick: Callable[[str], None],
    *,
    processes: int = 1,
    parts: Path | None = PARTS,
) -> dict[str, Result]:
    """Run every cell, by name; `tick` is told of each finished batch. Without `parts` nothing is kept."""
    folder = parts / _digest() if parts else None
    tasks = [(cell, batch, size) for cell in cells for batch, size in enumerate(cell.batches(runs))]
    made: dict[tuple[str, int], Result] = {}
    for cell, batch, result in _finished(tasks, folder, processes):
        made[cell, batch] = result
        tick(cell)
    return {cell.name: joined([made[cell.name, batch] for batch in range(len(cell.batches(runs)))]) for cell in cells}


def _finished(
    tasks: Sequence[tuple[Cell, int, int]], folder: Path | None, processes: int
) -> Iterable[tuple[str, int, Result]]:
    waiting = []
    for cell, batch, size in tasks:
        kept = _place(folder, cell, batch, size)
        if kept and kept.exists():
            yield cell.name, batch, json.loads(kept.read_text(encoding="utf-8"))
        else:
            waiting.append((cell, batch, size, kept))
    if processes == 1:
        for cell, batch, size, kept in waiting:
            yield cell.name, batch, one(cell, batch, size, kept)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        running = {pool.submit(one, *task): task for task in waiting}
        try:
            for future in as_completed(running):
                cell, batch, _, _ = running[future]
                yield cell.name, batch, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """Whatever ends the benchmark ends its processes too, which would otherwise wait for work for ever."""

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


def one(cell: Cell, batch: int, size: int, kept: Path | None) -> Result:
    """Run one batch, and keep it."""
    seed = np.random.default_rng([SEED, zlib.crc32(cell.name.encode()), batch])
    result = cell.scene(seed, size, **cell.given)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(".tmp")
        half.write_text(json.dumps(result), encoding="utf-8")
        half.replace(kept)
    return result


def joined(results: Sequence[Result]) -> Result:
    """Batches as one: their lists one after another."""
    found: Result = {}
    for name, value in results[0].items():
        parts = [result[name] for result in results]
        found[name] = joined(parts) if isinstance(value, Mapping) else [item for part in parts for item in part]
    return found


def _place(folder: Path | None, cell: Cell, batch: int, size: int) -> Path | None:
    name = f"{cell.name.replace('/', '_').replace(' ', '-')}.{batch}.{size}.json"
    return folder / name if folder else None


def _digest() -> str:
    """What the source of the gates and of the benchmark says, in 12 hexadecimal digits."""
    found = hashlib.blake2b(digest_size=6)
    for place in ("src/segue/delivery", "benchmarks/gates"):
        for file in sorted((ROOT / place).rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()
