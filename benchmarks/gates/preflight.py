"""What a rollout knows of its baseline before it begins: three days of it, and what follows for its gates."""

from functools import cache

import numpy as np

from benchmarks.gates.drawn import Truth
from benchmarks.gates.worlds import factors, longest, median_s
from segue.delivery.backtest import History
from segue.delivery.book import Terms, settle
from segue.delivery.plan import Plan

DAYS = 3
TURNS = 20_000
"""So many turns of those days are known, spread evenly: as many as a server reads before a rollout."""
HISTORIES = 30
"""Terms that take their blocks from a replay are settled on so many different histories."""
_SEED = 2_026


def settled(plan: Plan, truth: Truth, *, replay: bool) -> tuple[Terms, ...]:
    """The plan's terms, after histories of the same world; with `replay` the blocks come from them.

    The baseline's p95 is known either way; without a baseline, the history is that of the candidate as it began.
    """
    if not replay:
        return (settle(plan, history(truth.world, truth.multiple, 0)),)
    plan = plan.model_copy(update={"verdict": plan.verdict.model_copy(update={"block": "auto"})})
    return tuple(settle(plan, history(truth.world, truth.multiple, number)) for number in range(HISTORIES))


@cache
def history(world: str, multiple: float, number: int) -> History:
    """Three days of a baseline with a p95 of so many times the limit."""
    seed = np.random.default_rng([_SEED, number])
    minutes = DAYS * 24 * 60
    medians = factors(seed, world, 1, minutes)[0] * median_s(world, multiple)
    at = np.sort(seed.integers(0, minutes, TURNS))
    took = medians[at] * longest(seed.random(TURNS))
    return History(minutes, {"ttfa": tuple(zip(at.tolist(), took.tolist(), strict=True))})
