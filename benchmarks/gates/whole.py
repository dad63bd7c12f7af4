"""Whole rollouts in three stages, of a plan with four gates and without a baseline beside the candidate."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.gates.drawn import Drawn, arm
from benchmarks.gates.ours import TTFA, Watch, calm, latency, written
from benchmarks.gates.rules import argo, flagger, naive
from benchmarks.gates.rules.windows import NEVER, Seen
from benchmarks.gates.worlds import ALLOWED, LIMIT_S, Counts, Numbers, Seed, factors, median_s
from segue.delivery.book import Terms, entered, folded, opened, settle
from segue.delivery.plan import Plan, RateGate

SHARES = (0.05, 0.5, 1.0)
DWELLS_MIN = (30, 120, 120)
RATES = {"failure": 0.02, "fallback": 0.025, "underflow": 0.03}
"""How often turns are bad in other ways; 5 % are allowed of each."""
LATEST_MIN = 720
"""Whatever is not decided after so long is left undecided."""
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rollout: minutes from its beginning, None if never."""

    rolled_back: int | None = None
    promoted: int | None = None
    slow: int = 0
    """Slow turns that listeners of the candidate had by then."""


def whole(seed: Seed, runs: int, *, world: str, per_s: float, block_s: float, multiple: float = 0.85) -> Result:
    """Run whole rollouts of a candidate whose p95 is `multiple` times the limit, with so many turns a second in all.

    Returns:
        By rule, the minutes until the rollback and until the promotion (None if never), and the slow turns by then.
    """
    rates = {name: RateGate(kind=name, at_most=ALLOWED) for name in ("failure", "fallback", "underflow")}
    dwells_s = [60.0 * dwell for dwell in DWELLS_MIN]
    plan = written({**latency(), **rates}, dwells_s=dwells_s, shares=SHARES, block_s=block_s)
    terms = settle(plan)
    medians_s = factors(seed, world, runs, LATEST_MIN) * median_s(world, multiple)
    stages = [_stage(seed, medians_s, per_s * share) for share in SHARES]
    made = [gone_through(plan, terms, stages, run) for run in range(runs)]
    result: Result = {
        "ours": {
            "minutes": [one.rolled_back for one in made],
            "promoted": [one.promoted for one in made],
            "slow": [one.slow for one in made],
        }
    }
    for name, minutes in _polled(stages).items():
        rolled = [None if minute == NEVER else int(minute) for minute in minutes]
        slow = np.cumsum(_in_stages([stage.bad[TTFA][0] for stage in stages]), axis=1)
        last = np.minimum(minutes, sum(DWELLS_MIN)).astype(int) - 1
        result[name] = {
            "minutes": rolled,
            "promoted": [sum(DWELLS_MIN) if minute is None else None for minute in rolled],
            "slow": slow[np.arange(len(last)), last].tolist(),
        }
    return result


def _stage(seed: Seed, medians_s: Numbers, per_s: float) -> Drawn:
    """What happens to the candidate at the rate of one stage, at all times: a rollout may be in it at any of them."""
    one = arm(seed, medians_s, per_s, [LIMIT_S])
    nothing = np.zeros_like(one.trials)
    bad = {TTFA: (one.over[LIMIT_S], nothing)}
    for name, share in RATES.items():
        bad[name] = (seed.binomial(one.trials, share), nothing)
    return Drawn(one.trials, nothing, bad)


def gone_through(plan: Plan, terms: Terms, stages: list[Drawn], run: int) -> Outcome:
    """One rollout by Segue's gates: the next stage begins when the dwell is over and every gate is proved."""
    stage = since = slow = 0
    watch = Watch(plan, terms, stages[0], run)
    book = entered(plan, terms, opened(plan, terms), 0)
    for minute in range(1, LATEST_MIN + 1):
        slow += int(stages[stage].bad[TTFA][0][run, minute - 1])
        blocks = watch.blocks(minute, since, stage)
        for block in blocks:
            book = folded(plan, terms, book, block)
        if not blocks or (minute - since < DWELLS_MIN[stage] and calm(book)):
            continue
        judgement = watch.look(book, minute, since, stage)
        if judgement.breaches:
            return Outcome(rolled_back=minute, slow=slow)
        if judgement.certified and not judgement.doubts and minute - since >= DWELLS_MIN[stage]:
            if stage == len(stages) - 1:
                return Outcome(promoted=minute, slow=slow)
            stage, since = stage + 1, minute
            watch = Watch(plan, terms, stages[stage], run)
            book = entered(plan, terms, book, stage)
    return Outcome(slow=slow)


def _in_stages(by_stage: list[Counts]) -> Counts:
    """What a rollout sees that only waits for its dwells."""
    ends = np.cumsum(DWELLS_MIN)
    spans = [one[:, end - dwell : end] for one, end, dwell in zip(by_stage, ends, DWELLS_MIN, strict=True)]
    return np.concatenate(spans, axis=1)


def _polled(stages: list[Drawn]) -> dict[str, Numbers]:
    names = (TTFA, *RATES)
    seen = Seen(
        _in_stages([stage.candidate for stage in stages]),
        [_in_stages([stage.bad[name][0] for stage in stages]) for name in names],
        [ALLOWED] * len(names),
    )
    return {
        "naive": naive.rolled_back(seen),
        "flagger": flagger.rolled_back(seen),
        "flagger, guarded": flagger.rolled_back(seen, every=5, minutes=5, least=20),
        "argo": argo.rolled_back(seen),
        "argo, guarded": argo.rolled_back(seen, least=20),
    }
