"""The goals of what the gates cost."""

from benchmarks.gates.costs import costs
from benchmarks.gates.goals import Goal, Results
from benchmarks.gates.running import Cell
from benchmarks.gates.summary import Claim, percent

_COSTS = Cell("G12/costs", costs, part=0.02)
_US: dict[str, tuple[str, float | None]] = {
    "bet": ("a bet on a block", 2.0),
    "label": ("a label factor (one ratio of four)", 0.35),
    "fold": ("folding a block into the book", None),
    "judge": ("a look at one gate", None),
}
"""What is timed, and the goal in microseconds."""


def _g12(results: Results) -> list[Claim]:
    of = results[_COSTS.name]["ours"]
    claims = [
        Claim("G12", f"µs for {what}", of["us"][name][0], limit_us, "us", runs=len(of["us"][name]))
        for name, (what, limit_us) in _US.items()
    ]
    most = max(of["bytes"])
    return [
        *claims,
        Claim("G12", "bytes of state of a gate", most, 256.0, "B", note=f"the whole book {of['book_bytes'][0]}"),
        Claim("G12", "logs replayed to the same bits", percent(of["same"]), 100.0, "%", True, runs=len(of["same"])),
    ]


GOALS: tuple[Goal, ...] = (Goal("G12", "What it costs", (_COSTS,), _g12),)
