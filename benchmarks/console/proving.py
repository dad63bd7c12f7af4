"""How many entries of the audit are verified in a second: by a server for somebody who asks, and by the command."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.console.millions import build
from benchmarks.console.plan import Plan, Tell, Wrong
from benchmarks.console.server import serving


async def proving(plan: Plan, folder: Path, tell: Tell) -> dict[str, Any]:
    """Verify the same chain both ways; the server signs a head of it first, so that it is proved and not only sound."""
    data = folder / "proved" / "data"
    data.mkdir(parents=True)
    count = await build(data / "segue.db", plan.entries, plan.build_s, tell, audit_only=True)
    with serving(folder / "proved") as served:
        line = await served.line()
        try:
            tell("verifying, in the server", 0, 2)
            before_s, began = served.gateway.cost().cpu_s, time.perf_counter()
            answer = await line.ask("GET", "/api/audit/verification")
            took_s, cpu_s = time.perf_counter() - began, served.gateway.cost().cpu_s - before_s
        finally:
            line.close()
    verdict = answer.json()
    if answer.status != 200 or not verdict["ok"] or verdict["checked"] < count:
        raise Wrong(f"{answer.status} {answer.body[:500]!r}")
    tell("verifying, by the command", 1, 2)
    return {
        "entries": count,
        "server": _figures(verdict["checked"], took_s, cpu_s),
        "command": _by_command(data),
    }


def _by_command(data: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "segue.cli.main", "audit", "verify", "--data", str(data), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own module
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    verdict = json.loads(done.stdout)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**_figures(verdict["checked"], verdict["took_s"], cpu_s), "proven": verdict["proven"]}


def _figures(checked: int, took_s: float, cpu_s: float) -> dict[str, Any]:
    return {
        "checked": checked,
        "took_s": round(took_s, 3),
        "per_s": round(checked / took_s),
        "cpu_us_each": round(cpu_s * 1e6 / checked, 2),
    }
