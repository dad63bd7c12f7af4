"""Open-loop load: turns are asked for at planned moments, whether or not earlier ones have been answered.

A closed loop asks for the next turn when the last one is over, so a server that stalls is asked less while it stalls,
and the slow answers that listeners would have had are never measured.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.taking import Row, Taking
from benchmarks.wire import Wire, connect

SETTLE_S = 20.0
"""How long turns may take to end after the last one was asked for; later ones count as `unfinished`."""


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Moments at which turns arrive, in seconds from the beginning: `rate` a second on average, independent."""
    chance, moments, now = random.Random(seed), [], 0.0
    while (now := now + chance.expovariate(rate)) < seconds:
        moments.append(now)
    return moments


def steady(listeners: int, period_s: float, rounds: int) -> list[float]:
    """Moments at which `listeners` ask in turn, evenly spread, each again after `period_s`: that many always listen."""
    return [(turn * listeners + seat) * period_s / listeners for turn in range(rounds) for seat in range(listeners)]


def in_flight(rows: Sequence[Row], begin_s: float, end_s: float) -> float:
    """Turns in flight on average between two moments: the seconds that turns overlap with them, over their length."""
    if end_s <= begin_s:
        return 0.0
    overlaps = (min(end_s, row.at_s + row.total_ms / 1000.0) - max(begin_s, row.at_s) for row in rows)
    return sum(overlap for overlap in overlaps if overlap > 0) / (end_s - begin_s)


class Pool:
    """Kept connections of one kind; the most recently used is taken first, so that idle ones may be let go."""

    def __init__(self, host: str, port: int, kind: str) -> None:
        self.kind = kind
        self._host = host
        self._port = port
        self._idle: list[Wire] = []

    async def warm(self, count: int) -> None:
        """Have that many fresh connections open; those from before may be about to be closed by the server."""
        self.close()
        self._idle = [await connect(self._host, self._port, self.kind) for _ in range(count)]

    async def take(self, body: dict[str, Any], taking: Taking) -> None:
        """Take a turn on a kept connection, or on a fresh one where all are busy: that one is not warm."""
        wire = self._kept()
        taking.warm = wire is not None
        if wire is None:
            wire = await connect(self._host, self._port, self.kind)
        await wire.take(body, taking)
        if wire.usable:
            self._idle.append(wire)

    def _kept(self) -> Wire | None:
        while self._idle:
            wire = self._idle.pop()
            if wire.usable:
                return wire
        return None

    def close(self) -> None:
        """Close what is idle."""
        for wire in self._idle:
            wire.close()
        self._idle.clear()


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one run brought: a row for each turn, and the client's own processor time."""

    rows: tuple[Row, ...]
    client_cpu_s: float

    def after(self, ramp_s: float) -> "Run":
        """The run without the turns that began while it was still filling up."""
        return Run(tuple(row for row in self.rows if row.at_s >= ramp_s), self.client_cpu_s)

    @property
    def done(self) -> list[Row]:
        """The turns that ended well."""
        return [row for row in self.rows if row.outcome == "done"]

    @property
    def outcomes(self) -> dict[str, int]:
        """How many turns ended how."""
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[row.outcome] = counts.get(row.outcome, 0) + 1
        return counts


Take = Callable[[Taking], Awaitable[None]]


async def drive(take: Take, moments: Sequence[float], *, pcm: bool = True) -> Run:
    """Begin a turn at each moment (seconds from now, ascending) and wait for all of them.

    A turn that raises OSError is `unconnected`, one that raises ImportError `not installed`.
    """
    rows: list[Row] = []
    begun_s, cpu_s = time.perf_counter(), time.process_time()

    async def one(taking: Taking) -> None:
        taking.sent_s = taking.due_s
        try:
            await take(taking)
        except OSError:
            taking.outcome = "unconnected"
        except ImportError:
            taking.outcome = "not installed"
        except asyncio.CancelledError:
            taking.outcome = "unfinished"
        rows.append(taking.row(time.perf_counter(), begun_s))

    async with asyncio.TaskGroup() as group:
        tasks = []
        for number, moment in enumerate(moments):
            due_s = begun_s + moment
            if (wait_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            tasks.append(group.create_task(one(Taking(due_s, number, pcm=pcm))))
        _, late = await asyncio.wait(tasks, timeout=SETTLE_S) if tasks else (set(), set())
        for task in late:
            task.cancel()
    return Run(tuple(sorted(rows, key=lambda row: row.at_s)), time.process_time() - cpu_s)
