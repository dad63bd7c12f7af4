"""Durable sends: how many a second and how soon, beside SQLite alone in the same minutes, on the same disk and core."""

import os
import time
from pathlib import Path
from typing import Any

from benchmarks.console import plain
from benchmarks.console.plan import Plan, Tell, Wrong
from benchmarks.console.server import serving
from benchmarks.console.ways import Plain, Served200, Served202, Stored, Way, kept, rounds
from benchmarks.report import figures
from segue.settings import load
from segue.stores.sql.engine import Database
from segue.wiring.proof import Proof

SERVED, WHOLE, STORED, ALONE, APART = "served", "whole", "stored", "alone", "apart"
SYNCS = 200


async def sends(plan: Plan, folder: Path, tell: Tell) -> dict[str, Any]:
    """Let every way have its turn with each number of workers, in another order each round.

    Raises:
        Wrong: something that was accepted is not there afterwards, or the audit is not sound.
    """
    disk = synced(folder)
    alone, apart, own = folder / "alone.db", folder / "apart.db", Database(folder / "own.db")
    for path in (alone, apart):
        await plain.make(path)
    await own.start()
    with serving(folder / "served") as served:
        ways: dict[str, Way] = {
            SERVED: Served202(served),
            WHOLE: Served200(served),
            STORED: Stored(own),
            ALONE: Plain(alone, shared=True),
            APART: Plain(apart, shared=False),
        }
        try:
            found = await rounds(plan, ways, tell)
            counted = _counted(ways, {"served": served.data / "segue.db", "own": own.path, ALONE: alone, APART: apart})
        finally:
            for way in ways.values():
                if isinstance(way, Plain):
                    way.close()
            await own.close()
    return {
        "sync_us": disk,
        "workers": list(plan.workers),
        "ways": found,
        "ratios": ratios(found),
        "kept": {**counted, "audit": await _audit(folder / "served" / "data")},
    }


def ratios(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """By number of workers, how many times as many messages Segue takes as SQLite alone, round by round."""
    compared = {
        "stored_to_alone": (STORED, ALONE),
        "stored_to_apart": (STORED, APART),
        "served_to_alone": (SERVED, ALONE),
        "served_to_apart": (SERVED, APART),
    }
    return {
        name: {
            count: [
                round(own / other, 3)
                for own, other in zip(found[mine][count]["per_s"], found[theirs][count]["per_s"], strict=True)
            ]
            for count in found[mine]
        }
        for name, (mine, theirs) in compared.items()
    }


def _counted(ways: dict[str, Way], paths: dict[str, Path]) -> dict[str, dict[str, int]]:
    """What was accepted, and what is there.

    Raises:
        Wrong: they differ.
    """
    sent = {
        "served": ways[SERVED].sent + ways[WHOLE].sent,
        "own": ways[STORED].sent,
        ALONE: ways[ALONE].sent,
        APART: ways[APART].sent,
    }
    counted = {name: {"accepted": sent[name], "kept": kept(path)} for name, path in paths.items()}
    if wrong := {name: each for name, each in counted.items() if each["accepted"] != each["kept"]}:
        raise Wrong(f"accepted and kept differ: {wrong}")
    return counted


async def _audit(data: Path) -> dict[str, Any]:
    """What a verification of the server's audit says, now that it has ended.

    Raises:
        Wrong: the audit is not sound.
    """
    verdict = await Proof(load(data=data)).of_database(lambda _checked, _whole: None)
    if not verdict.proven:
        raise Wrong(f"the audit is not proven: {verdict}")
    return {"proven": verdict.proven, "checked": verdict.checked, "heads": verdict.heads}


def synced(folder: Path) -> dict[str, float]:
    """How long the disk takes to sync 4 KiB that were appended to a file, in microseconds."""
    path, piece, took = folder / "synced", bytes(4096), []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(piece)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e6)
    path.unlink()
    return figures(took)
