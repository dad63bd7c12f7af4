"""What happened between two readings of `/metrics`: never what was counted since the start. Pure.

A counter that fell, or is gone, tells that the process started anew, as its start time does: then everything is counted
from zero, and what the old process counted after the earlier reading is lost, which is said. Where the start time shows
that another process answered, which was there all the time, nothing can be said of the window at all.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, sqrt

from segue.operations.watching.scrape import Scrape, Series

SKEW_S = 2.0
"""The clocks of a process's start and of an answer's date may disagree so much."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted between two moments, in Unix seconds."""

    began_s: float
    ended_s: float
    counted: Mapping[Series, float]
    restarts: int = 0
    """Times the server started anew: what the old process counted last is missing."""
    stranger: bool = False
    """Whether several servers answer under one address, so that their figures cannot be told apart."""

    @property
    def long_s(self) -> float:
        """How long it is."""
        return self.ended_s - self.began_s

    def total(self, name: str, **wanted: str) -> float:
        """The sum over the samples of a name that have these labels."""
        return sum(value for _, value in self.each(name, **wanted))

    def each(self, name: str, **wanted: str) -> Iterator[tuple[dict[str, str], float]]:
        """The samples of a name that have these labels."""
        for (found, labels), value in self.counted.items():
            if found == name:
                said = dict(labels)
                if wanted.items() <= said.items():
                    yield said, value

    def by(self, name: str, label: str, **wanted: str) -> dict[str, float]:
        """The sums of a name, for each value of a label that anything was counted under."""
        sums: dict[str, float] = {}
        for said, value in self.each(name, **wanted):
            if value:
                sums[said.get(label, "")] = sums.get(said.get(label, ""), 0.0) + value
        return dict(sorted(sums.items()))

    def histogram(self, name: str, **wanted: str) -> "Histogram":
        """The histograms of a name that have these labels, as one."""
        reached: dict[float, float] = {}
        for said, value in self.each(f"{name}_bucket", **wanted):
            edge = float(said["le"])
            reached[edge] = reached.get(edge, 0.0) + value
        edges = tuple(sorted(reached))
        below = (0.0, *(reached[edge] for edge in edges))
        counts = tuple(round(after - before) for before, after in pairwise(below))
        return Histogram(edges, counts, self.total(f"{name}_sum", **wanted))


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile read from buckets: the true one lies between the edges `low` and `high` (None beyond the last one)."""

    value: float
    low: float
    high: float | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values fell into each bucket; an edge belongs to the bucket below it. In seconds."""

    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    sum_s: float = field(default=0.0)

    @property
    def n(self) -> int:
        """How many values."""
        return sum(self.counts)

    @property
    def mean_s(self) -> float | None:
        """Their mean; None without values."""
        return self.sum_s / self.n if self.n else None

    @property
    def mean_error_s(self) -> float | None:
        """Its standard error, from the middles of the buckets; None for less than two values."""
        mean_s, n = self.mean_s, self.n
        if mean_s is None or n < 2:
            return None
        squares = sum(
            count * ((low + (high if high < inf else low)) / 2.0 - mean_s) ** 2 for low, high, count in self._buckets()
        )
        return sqrt(squares / (n - 1) / n)

    def quantile(self, part: float) -> Quantile | None:
        """The value that a part of them do not exceed, evenly spread within its bucket; None without values."""
        rank, seen = part * self.n, 0
        for low, high, count in self._buckets():
            if count and seen + count >= rank:
                if high == inf:
                    return Quantile(low, low, None)
                return Quantile(low + (high - low) * max(0.0, rank - seen) / count, low, high)
            seen += count
        return None

    def over(self, limit_s: float) -> tuple[int, int]:
        """How many are over a limit: surely, and at most. Both are the same where the limit is an edge."""
        at = bisect_left(self.edges, limit_s)
        at_most = sum(self.counts[at:])
        if at < len(self.edges) and self.edges[at] == limit_s:
            at_most = sum(self.counts[at + 1 :])
        return sum(self.counts[at + 1 :]), at_most

    def _buckets(self) -> Iterator[tuple[float, float, int]]:
        return zip((0.0, *self.edges), self.edges, self.counts, strict=False)


def between(before: Scrape, after: Scrape) -> Window:
    """What was counted from one reading to a later one."""
    earlier, later = dict(before.growing()), dict(after.growing())
    fell = any(later.get(series, -1.0) < value for series, value in earlier.items() if value > 0)
    renewed, stranger = False, False
    if before.started_s is not None and after.started_s is not None and before.started_s != after.started_s:
        stranger = after.started_s < (before.server_s or before.at_s) - SKEW_S
        renewed = not stranger
    anew = renewed or fell
    counted = {series: value - (0.0 if anew else earlier.get(series, 0.0)) for series, value in later.items()}
    return Window(before.at_s, after.at_s, counted, int(anew), stranger)


def summed(windows: Iterable[Window]) -> Window:
    """Windows that follow one another, as one.

    Raises:
        ValueError: there are none.
    """
    those = tuple(windows)
    if not those:
        raise ValueError("no windows")
    counted: dict[Series, float] = {}
    for window in those:
        for series, value in window.counted.items():
            counted[series] = counted.get(series, 0.0) + value
    restarts = sum(window.restarts for window in those)
    stranger = any(window.stranger for window in those)
    return Window(those[0].began_s, those[-1].ended_s, counted, restarts, stranger)
