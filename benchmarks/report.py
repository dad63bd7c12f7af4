"""Figures from rows, what machine they were taken on, and the file they are kept in."""

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.taking import Row

PERCENTILES = (50, 95, 99)
PACKAGES = ("segue", "uvicorn", "uvloop", "httptools", "fastapi", "starlette", "numpy", "soxr", "livekit-agents")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` percent of the values do not exceed (nearest rank).

    Raises:
        ValueError: there are no values, or the share is not between 0 and 100.
    """
    if not values or not 0 <= share <= 100:
        raise ValueError("a percentile needs values, and a share from 0 to 100")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100.0) - 1)]


def figures(values: Iterable[float]) -> dict[str, float]:
    """`n`, the percentiles, the mean and the largest; only `n` where there is nothing."""
    known = list(values)
    if not known:
        return {"n": 0}
    shares = {f"p{share}": round(percentile(known, share), 3) for share in PERCENTILES}
    return {"n": len(known), **shares, "mean": round(fmean(known), 3), "max": round(max(known), 3)}


def median_of(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each figure's median over repeated runs; `n` is the sum."""
    names = [name for name in runs[0] if all(name in run for run in runs)]
    medians = {name: round(median(run[name] for run in runs), 3) for name in names if name != "n"}
    return {"n": sum(int(run["n"]) for run in runs), **medians}


def differences(values: Iterable[float], direct: Sequence[float]) -> list[float]:
    """What each value has over the median of `direct`: the median is what calling directly costs on a usual day."""
    usual = median(direct)
    return [value - usual for value in values]


def table(rows: Iterable[Row], columns: Sequence[str]) -> dict[str, Any]:
    """Rows as columns' names and lists of values, which takes a fifth of the space of objects."""
    names = [field.name for field in fields(Row)]
    chosen = [names.index(column) for column in columns]
    return {"columns": list(columns), "rows": [[astuple(row)[index] for index in chosen] for row in rows]}


def machine() -> dict[str, Any]:
    """What this was measured on, with how busy it was before."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.partition(":")[2].strip() for line in information.splitlines() if "model name" in line), "")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "priority": _priority(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


def _priority() -> dict[str, int]:
    """How this was favoured over whatever else ran: niceness of the process, and of its scheduling group on Linux."""
    own = {"process": os.nice(0)}
    with suppress(OSError, ValueError, IndexError):
        own["group"] = int(Path("/proc/self/autogroup").read_text(encoding="ascii").split()[-1])
    return own


def versions() -> dict[str, str]:
    """The versions of what takes part, and the commit that was measured."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["commit"] = _commit()
    return found


def _commit() -> str:
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git is there
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def now() -> str:
    """The moment, for people."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def keep(results: Mapping[str, Any], path: Path) -> None:
    """Write the results, readable and yet small: one line for each innermost list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_pretty(results) + "\n", encoding="utf-8")


def _pretty(value: Any, indent: int = 0) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, Mapping | list) or (len(flat) < 100 and "\n" not in flat) or _innermost(value):
        return flat
    inner, outer = "  " * (indent + 1), "  " * indent
    if isinstance(value, Mapping):
        body = ",\n".join(f"{inner}{json.dumps(name)}: {_pretty(item, indent + 1)}" for name, item in value.items())
        return f"{{\n{body}\n{outer}}}"
    return "[\n" + ",\n".join(inner + _pretty(item, indent + 1) for item in value) + f"\n{outer}]"


def _innermost(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, Mapping | list) for item in value)
