"""Many turns, a third of them interrupted and one sentence in twenty failing: nothing may be left behind or grow.

`python -m tests.faults.soak --turns 10000` runs it in full and writes what it saw; a small run is part of the tests.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.progress import Progress
from sqlalchemy import Connection

from segue.errors import FailureCategory
from segue.providers.scripted import Faults, ScriptedSynthesizer
from segue.settings import Settings
from segue.telemetry.logs import configure
from segue.voice.frames import Done, Failure
from segue.voice.plane import VoicePlane
from segue.wiring.house import House, build

PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
AT_ONCE = 8
TEXT = "One sentence comes first. Then another one follows it, number {}. And here is the last of them."


@dataclass
class Sample:
    """What the process holds after so many turns."""

    turns: int
    rss_mb: float
    tasks: int
    handles: int
    threads: int
    children: int


@dataclass
class Seen:
    """The whole run."""

    turns: int = 0
    done: int = 0
    failed: int = 0
    interrupted: int = 0
    faults: int = 0
    samples: list[Sample] = field(default_factory=list)

    def growth(self) -> dict[str, float]:
        """How much more there was at the end than after the warm-up: the last fifth against the second."""
        fifth = max(1, len(self.samples) // 5)
        warm, end = self.samples[fifth : 2 * fifth + 1], self.samples[-fifth:]
        return {
            name: statistics.median(getattr(sample, name) for sample in end)
            - statistics.median(getattr(sample, name) for sample in warm)
            for name in ("rss_mb", "tasks", "handles", "threads", "children")
        }


@dataclass(frozen=True)
class Sometimes(Faults):
    """Faults that strike one call in twenty, of every kind in turn."""

    def strike(self, call: int) -> bool:
        """See `Faults.strike`."""
        return call % 20 == 0


KINDS = (
    Sometimes(error=FailureCategory.SERVER),
    Sometimes(error=FailureCategory.NETWORK),
    Sometimes(cut=True, after=20_000),
    Sometimes(end=True, after=2_000),
    Sometimes(end=True),
)


def _children() -> int:
    """Processes that this one has started and that still are."""
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())


def _sample(turns: int) -> Sample:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return Sample(
        turns,
        round(pages * PAGE_MB, 2),
        len(asyncio.all_tasks()),
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        _children(),
    )


async def _turn(plane: VoicePlane, number: int, seen: Seen, chance: random.Random) -> None:
    """One turn; three in ten are left or interrupted at some frame."""
    leave_after = chance.randrange(1, 14) if chance.random() < 0.3 else None
    ask = plane.ask_chat(text=TEXT.format(number % 50), language="en", listener=f"listener {number % 97}")
    taken = 0
    async with aclosing(plane.turns.turn(ask)) as frames:
        async for frame in frames:
            taken += 1
            seen.done += isinstance(frame, Done)
            seen.failed += isinstance(frame, Failure)
            if leave_after is not None and taken >= leave_after:
                seen.interrupted += not isinstance(frame, Done | Failure)
                return


async def soak(turns: int, every: int, progress: Callable[[int], None] = lambda _: None) -> Seen:
    """Take so many turns, eight at a time, and look at the process after every so many."""
    seen, chance = Seen(), random.Random(3)  # noqa: S311 - the same course each time
    with tempfile.TemporaryDirectory() as folder:
        plain = {
            "data": Path(folder),
            "providers": {"models": ["scripted"], "synthesizers": ["scripted", "espeak"], "recognizers": []},
            "voice": {"languages": ["en"], "voices": {"en": "scripted-en"}, "lead_s": 1000},
        }
        house = build(Settings.model_validate(plain))
        async with house.running() as plane:
            speaking = plane.speech.chain.targets["scripted"].provider
            if not isinstance(speaking, ScriptedSynthesizer):
                raise TypeError("the configuration must name the scripted synthesizer first")
            speaking.ms_per_character = 20.0
            await _open_readers(house)
            for begin in range(0, turns, every):
                for first in range(begin, min(turns, begin + every), AT_ONCE):
                    speaking.faults = KINDS[first // AT_ONCE % len(KINDS)]
                    numbers = range(first, min(turns, begin + every, first + AT_ONCE))
                    await asyncio.gather(*(_turn(plane, number, seen, chance) for number in numbers))
                await plane.records.flush()
                seen.turns = min(turns, begin + every)
                seen.samples.append(_sample(seen.turns))
                progress(seen.turns)
            seen.faults = speaking.counts.failed
    return seen


async def _open_readers(house: House) -> None:
    """Let both readers of the database open it now, and not when they first meet in mid-soak."""
    meeting = threading.Barrier(2)

    def read(connection: Connection) -> None:
        connection.exec_driver_sql("select count(*) from turns")
        meeting.wait(30.0)

    if house.database is not None:
        await asyncio.gather(house.database.read(read), house.database.read(read))


def main() -> None:
    """Run it, print what grew, keep what was seen, and fail if anything grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "soak.json")
    given = parser.parse_args()
    configure("error", "json")
    with Progress() as bar:
        task = bar.add_task("turns", total=given.turns)
        seen = asyncio.run(soak(given.turns, max(50, given.turns // 40), lambda done: bar.update(task, completed=done)))
    growth = seen.growth()
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps({"growth": growth, **asdict(seen)}, indent=1) + "\n", encoding="utf-8")
    print(
        f"{seen.turns} turns: {seen.done} done, {seen.interrupted} interrupted, {seen.failed} failed;"
        f" {seen.faults} faults"
    )
    print(", ".join(f"{name} {value:+g}" for name, value in growth.items()))
    sys.exit(any(growth[name] > 0 for name in ("tasks", "handles", "threads", "children")) or growth["rss_mb"] > 10)


if __name__ == "__main__":
    main()
