"""How much is measured: the whole of it, or little for a first look."""

from collections.abc import Callable
from dataclasses import dataclass

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


class Wrong(Exception):
    """What was measured is not what it was meant to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of a run."""

    workers: tuple[int, ...] = (1, 8, 32, 128)
    """How many send at once."""
    rounds: int = 2
    """How often every way has its turn."""
    window_s: float = 1.0
    """How long a turn takes."""
    rows: int = 1_000_000
    """Rows of each list that is paged through."""
    build_s: float = 240.0
    """Those that are not there by then are left out."""
    samples: int = 300
    """Pages of each kind at most, and …"""
    page_s: float = 0.6
    """… how long they may take together; three are read in any case."""
    entries: int = 200_000
    """Entries that are verified."""


SMALL = Plan(workers=(1, 8), rounds=1, window_s=0.4, rows=20_000, samples=50, page_s=0.2, entries=5000)
