"""What a rollout knows of its baseline before it begins: its days before, and the block length that follows."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from benchmarks.gates.drawn import Truth
from benchmarks.gates.worlds import ALLOWED, LIMIT_S, factors, longest, median_s
from segue.delivery.backtest import Gate, History, chosen, replayed
from segue.delivery.book import Terms, settle
from segue.delivery.plan import LatencyGate, Plan

DAYS = 3
TURNS = 20_000
"""So many turns, spread over those days, say where latencies are compared."""
HISTORIES = 10
"""Blocks that come from a replay come from so many different histories."""
_SEED = 2_026


def settled(plan: Plan, truth: Truth, *, replay: bool) -> tuple[Terms, ...]:
    """The plan's terms after histories of the same world; with `replay` the length of the blocks comes from them.

    Without a baseline, the history is that of the candidate as it began. A replay sees as many turns a minute as the
    candidate will have: bets on fewer turns are noisier, and hide how long slowness lasts.
    """
    if not replay:
        return (_settled(plan.model_dump_json(), truth.world, truth.multiple),)
    lengths = blocks_s(truth.world, truth.multiple, truth.candidate_per_s, plan.verdict.alpha / 2.0)
    verdicts = [plan.verdict.model_copy(update={"block": block_s}) for block_s in lengths]
    return tuple(settle(plan.model_copy(update={"verdict": verdict})) for verdict in verdicts)


@cache
def _settled(plan: str, world: str, multiple: float) -> Terms:
    return settle(Plan.model_validate_json(plan), history(world, multiple, 0, TURNS))


@cache
def blocks_s(world: str, multiple: float, per_s: float, alpha: float) -> tuple[float, ...]:
    """The lengths of blocks that replays of different histories choose for a latency gate, in seconds."""
    gates: Mapping[str, Gate] = {"ttfa": LatencyGate(kind="latency", over=LIMIT_S, at_most=ALLOWED)}
    turns = round(per_s * DAYS * 86_400)
    return tuple(
        chosen(replayed(gates, history(world, multiple, number, turns), alpha)) or 300.0 for number in range(HISTORIES)
    )


def history(world: str, multiple: float, number: int, turns: int) -> History:
    """Three days of a baseline with a p95 of so many times the limit, of which so many turns are known."""
    seed = np.random.default_rng([_SEED, number])
    minutes = DAYS * 24 * 60
    medians = factors(seed, world, 1, minutes)[0] * median_s(world, multiple)
    at = np.sort(seed.integers(0, minutes, turns))
    took = medians[at] * longest(seed.random(turns))
    return History(minutes, {"ttfa": tuple(zip(at.tolist(), took.tolist(), strict=True))})
