"""Rollouts in which listeners wait: the same draws through Segue's gates and through everybody else's rules."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.gates.drawn import Drawn, Truth, drawn
from benchmarks.gates.ours import TTFA, Ended, latency, regression, watched, written
from benchmarks.gates.preflight import settled
from benchmarks.gates.rules import argo, flagger, kayenta, naive
from benchmarks.gates.rules.windows import NEVER, Seen
from benchmarks.gates.worlds import ALLOWED, Numbers, Seed
from segue.delivery.book import series_of

GUARD = 20
"""Windows with fewer trials pass, in the guarded variants."""
Result = dict[str, Any]


def waiting(
    seed: Seed,
    runs: int,
    *,
    truth: Truth,
    block_s: float = 60.0,
    alpha: float = 0.02,
    compared: bool = False,
    dwell_s: float = 7200.0,
    others: bool = True,
    curves: int = 0,
) -> Result:
    """Run one truth through all rules.

    Args:
        seed: where chance comes from.
        runs: how many rollouts.
        truth: how things are.
        block_s: the length of Segue's blocks; 0 lets each run take it from a replay of a history of its own world.
        alpha: Segue's error budget, of which a single latency gate has half and a regression gate a quarter.
        compared: whether Segue's plan also has a regression gate.
        dwell_s: the length of the stage.
        others: whether the polling rules run as well.
        curves: of how many runs the evidence is kept, look by look.

    Returns:
        By rule, `minutes` until the rollback (None if never), and the candidate's `requests` and `slow` ones by then.
    """
    gates = regression() if compared else latency()
    beside = truth.baseline_per_s > 0.0
    plan = written(gates, dwells_s=(dwell_s,), block_s=block_s or 300.0, alpha=alpha)
    terms = settled(plan, truth, replay=not block_s)
    asked = [series for series in series_of(terms[0]) if beside or series.name == TTFA]
    counts = drawn(seed, truth, asked, runs, p95=beside and others)
    made = [
        watched(plan, terms[run % len(terms)], counts, run, since=truth.since, curve=run < curves)
        for run in range(runs)
    ]
    result: Result = {"ours": {**_heard(counts, _minutes(made)), **_said(made)}}
    if curves:
        result["ours"]["curves"] = [
            [round(math.log10(max(point, 1e-9)), 3) for point in one.curve] for one in made if one.curve
        ]
    if others:
        result |= {name: _heard(counts, minutes) for name, minutes in polled(counts).items()}
    return result


def polled(counts: Drawn) -> dict[str, Numbers]:
    """In which minute each run is rolled back by rules that look at windows."""
    seen = Seen(counts.candidate, [counts.bad[TTFA][0]], [ALLOWED])
    found = {
        "naive": naive.rolled_back(seen),
        "naive, guarded": naive.rolled_back(seen, GUARD),
        "flagger": flagger.rolled_back(seen),
        "flagger, guarded": flagger.rolled_back(seen, every=5, minutes=5, least=GUARD),
        "argo": argo.rolled_back(seen),
        "argo, guarded": argo.rolled_back(seen, least=GUARD),
    }
    if counts.candidate_p95_s is not None and counts.baseline_p95_s is not None:
        found["kayenta"] = _compared(counts.baseline_p95_s, counts.candidate_p95_s, 1.0)
        found["kayenta, 1.2"] = _compared(counts.baseline_p95_s, counts.candidate_p95_s, 1.2)
    return found


def _compared(baseline_s: Numbers, candidate_s: Numbers, allowed_increase: float) -> Numbers:
    """Kayenta every hour, over everything since the beginning."""
    minutes = np.full(len(baseline_s), NEVER)
    for end in range(kayenta.EVERY_MINUTES, baseline_s.shape[1] + 1, kayenta.EVERY_MINUTES):
        for run in np.flatnonzero(np.isinf(minutes)):
            if kayenta.judged(baseline_s[run, :end], candidate_s[run, :end], allowed_increase) == "high":
                minutes[run] = end
    return minutes


def _minutes(made: Sequence[Ended]) -> Numbers:
    return np.array([NEVER if one.breach is None else one.breach for one in made])


def _heard(counts: Drawn, minutes: Numbers) -> Result:
    """When, and what listeners of the candidate had heard by then; also of runs that were never rolled back."""
    last = np.minimum(minutes, counts.minutes).astype(int) - 1
    rows = np.arange(len(minutes))
    requests = np.cumsum(counts.candidate, axis=1)[rows, last]
    slow = np.cumsum(counts.bad[TTFA][0], axis=1)[rows, last]
    told = [None if math.isinf(minute) else int(minute) for minute in minutes]
    return {"minutes": told, "requests": requests.tolist(), "slow": slow.tolist()}


def _said(made: Sequence[Ended]) -> Result:
    fields = [asdict(one) for one in made]
    return {name: [one[name] for one in fields] for name in ("how", "hold", "certified", "missing")}
