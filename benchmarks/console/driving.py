"""Closed loops: so many workers, each of which begins again as soon as it is done, for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.report import figures, percentile


@dataclass(slots=True)
class Window:
    """What was done in a while."""

    ms: list[float] = field(default_factory=list)
    """How long each took."""
    took_s: float = 0.0
    """From the first beginning to the last end."""
    cpu_s: float = 0.0
    """Processor time of whoever did the work, until all that it began was done."""
    settled_s: float = 0.0
    """From the first beginning until all that was begun was done; `took_s` where nothing goes on behind it."""
    pending: int = 0
    """What was still going on behind it when the last was answered."""

    @property
    def per_s(self) -> float:
        """How many a second."""
        return len(self.ms) / self.took_s if self.took_s else 0.0


async def loops(workers: int, window_s: float, one: Callable[[int], Awaitable[None]]) -> Window:
    """Let workers, numbered from 0, do one after another on this event loop."""
    window = Window()
    began_s = time.perf_counter()

    async def work(worker: int) -> None:
        while (start_s := time.perf_counter()) - began_s < window_s:
            await one(worker)
            window.ms.append((time.perf_counter() - start_s) * 1000.0)

    async with asyncio.TaskGroup() as group:
        for worker in range(workers):
            group.create_task(work(worker))
    window.took_s = window.settled_s = time.perf_counter() - began_s
    return window


def threads(workers: int, window_s: float, one: Callable[[int], None]) -> Window:
    """The same with a thread for each worker."""
    window = Window()
    began_s = time.perf_counter()

    def work(worker: int) -> None:
        while (start_s := time.perf_counter()) - began_s < window_s:
            one(worker)
            window.ms.append((time.perf_counter() - start_s) * 1000.0)

    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(work, worker) for worker in range(workers)]:
            future.result()
    window.took_s = window.settled_s = time.perf_counter() - began_s
    return window


def summary(windows: Sequence[Window]) -> dict[str, object]:
    """Windows of the same kind together: the rate of each, all times as percentiles, and what one cost."""
    together = [ms for window in windows for ms in window.ms]
    done = len(together)
    return {
        "per_s": [round(window.per_s, 1) for window in windows],
        "settled_per_s": [round(len(window.ms) / window.settled_s, 1) for window in windows],
        "pending": [window.pending for window in windows],
        "cpu_ms_each": round(sum(window.cpu_s for window in windows) * 1000.0 / done, 4) if done else None,
        "ms": figures(together),
        "ms_by_percent": by_percent(together),
    }


def by_percent(values: Sequence[float]) -> list[float]:
    """The hundred percentiles, from the first to the last."""
    ordered = sorted(values)
    return [round(percentile(ordered, share), 4) for share in range(1, 101)] if ordered else []
