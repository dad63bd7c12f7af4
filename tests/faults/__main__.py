"""Runs every fault scenario before real Segue processes, and keeps what was seen.

    python -m tests.faults              small counts and short limits, as the tests run them
    python -m tests.faults --full       full counts and the shipped limits; about ten minutes
    python -m tests.faults --only cut   only scenarios with this in their name

A full run is written to tests/faults/results/full.json, from which `make docs` prints docs/reference/faults.md.
"""

import argparse
import asyncio
import json
import logging
import platform
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from segue import __version__
from tests.faults import hearing, models, outages, speech
from tests.faults.callers import Callers
from tests.faults.trial import Scenario, run
from tests.faults.wall import FULL, Terms, standing

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Group:
    """Scenarios before one Segue process. `changes` are of its section `voice`; `last` ends its synthesizers."""

    name: str
    scenarios: Sequence[Scenario]
    last: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


def groups(terms: Terms) -> list[Group]:
    """Every scenario there is."""
    return [
        Group("models", models.SCENARIOS),
        Group("synthesizers", speech.SCENARIOS),
        Group("recognizers", hearing.SCENARIOS),
        Group("outages", outages.FLAPS, changes=dict(outages.patient(terms))),
        Group("storms", outages.STORMS, "espeak", dict(outages.trusting())),
    ]


async def play(terms: Terms, only: str, seen: list[dict[str, Any]]) -> None:
    """Run them all, one after the other, and tell of each that fails at once."""
    chosen = [(group, [each for each in group.scenarios if only in each.name]) for group in groups(terms)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("starting", total=sum(len(scenarios) for _, scenarios in chosen))
        for group, scenarios in chosen:
            if not scenarios:
                continue
            async with standing(terms, group.last, **group.changes) as wall:
                callers = Callers(wall.segue.url)
                for scenario in scenarios:
                    bar.update(task, description=f"{group.name}: {scenario.name} {scenario.where}".strip())
                    result = await run(scenario, wall, callers)
                    told = {name: getattr(scenario, name) for name in ("name", "where", "title", "expected")}
                    seen.append({"group": group.name, **told, "passed": not result.wrong, **asdict(result)})
                    for flaw in result.wrong:
                        bar.print(f"FAILED {scenario.name} {scenario.where}: {flaw}", markup=False)
                    bar.advance(task)
                await callers.close()


def main() -> int:
    """Run, keep what was seen, and say whether everything held."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--full", action="store_true", help="full counts, and the limits that Segue is shipped with")
    parser.add_argument("--only", default="", help="only scenarios with this in their name")
    parser.add_argument("--out", type=Path, help="where to write what was seen; a full run goes to results/full.json")
    given = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # callers that hang up are what this is about
    warnings.filterwarnings("ignore", "unread_data", DeprecationWarning)
    terms, seen, began = FULL if given.full else Terms(), list[dict[str, Any]](), time.monotonic()
    asyncio.run(play(terms, given.only, seen))
    passed = sum(scenario["passed"] for scenario in seen)
    out = given.out or (RESULTS / "full.json" if given.full and not given.only else None)
    if out is not None:
        run_of = {"segue": __version__, "python": platform.python_version(), "took_s": round(time.monotonic() - began)}
        out.parent.mkdir(exist_ok=True)
        text = json.dumps({"run": run_of, "terms": asdict(terms), "scenarios": seen}, indent=1, ensure_ascii=False)
        out.write_text(text + "\n", encoding="utf-8")
    print(f"{passed} of {len(seen)} scenarios held, in {sum(each['runs'] for each in seen)} runs")
    return int(passed < len(seen))


if __name__ == "__main__":
    sys.exit(main())
