"""The goals of what the gates cost."""

from benchmarks.gates.costs import costs
from benchmarks.gates.goals import Goal, Results
from benchmarks.gates.running import Cell
from benchmarks.gates.summary import Claim, percent

_COSTS = Cell("G12/costs", costs, part=0.02)
_LIMITS_US = {"bet": 2.0, "label": 0.35, "fold": 2.0}


def _g12(results: Results) -> list[Claim]:
    of = results[_COSTS.name]["ours"]
    told = {"bet": "a bet on a block", "label": "a label factor", "fold": "a block folded into the book"}
    claims = [
        Claim("G12", f"µs for {what}", of["us"][name][0], _LIMITS_US[name], "us", runs=len(of["us"][name]))
        for name, what in told.items()
    ]
    most = max(of["bytes"])
    return [
        *claims,
        Claim("G12", "bytes of state of a gate", most, 256.0, "B", note=f"the whole book {of['book_bytes'][0]}"),
        Claim("G12", "logs replayed to the same bits", percent(of["same"]), 100.0, "%", True, runs=len(of["same"])),
    ]


GOALS: tuple[Goal, ...] = (Goal("G12", "What it costs", (_COSTS,), _g12),)
