"""Turns that fail: the fast tier, which is judged turn by turn, beside rules that look at minutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.gates.ours import BEGAN, counted, written
from benchmarks.gates.rules import argo, flagger
from benchmarks.gates.rules.windows import NEVER, Seen
from benchmarks.gates.worlds import ALLOWED, Numbers, Seed
from segue.delivery.book import Book, Terms, entered, folded, opened, settle
from segue.delivery.evidence import Block, Look
from segue.delivery.gate import judge
from segue.delivery.plan import Fast, Plan, RateGate
from segue.delivery.verdict import Judgement

GATE = "success"
USUAL = 0.01
"""How many turns fail where nothing is wrong."""
BURSTS, IN_BURST = 0.03, 0.15
"""How many minutes are bad ones for both arms, and how many turns fail in them."""
BEFORE_MIN, AFTER_MIN = 60, 60
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened in one run, cut at every failure of the candidate and at the end of every minute.

    `at_s` are the cuts; the other four are what each arm did between the cut before and this one.
    """

    at_s: Numbers
    minute_ends: Numbers
    """Whether a cut is the end of a minute (otherwise it is a failure of the candidate)."""
    candidate: Numbers
    candidate_failed: Numbers
    baseline: Numbers
    baseline_failed: Numbers


@dataclass(frozen=True, slots=True)
class Ended:
    """When a run was rolled back, by seconds from the beginning; None if never."""

    at_s: float | None = None
    how: str = ""


def failing(
    seed: Seed,
    runs: int,
    *,
    candidate_per_s: float,
    baseline_per_s: float,
    share: float,
    alpha: float = 0.04,
    bursts: bool = False,
) -> Result:
    """Let `share` of the candidate's turns fail from minute 60 on, and nothing else be wrong before.

    Returns:
        By rule: `seconds` from the beginning of the failures until the rollback (negative: it came before them), the
        candidate's `requests` and `failed` ones in that time.
    """
    gate = RateGate(kind="failure", at_most=ALLOWED, fast=Fast(at_most=0.10))
    plan = written({GATE: gate}, alpha=alpha)
    terms = settle(plan)
    found: Result = {name: _empty() for name in ("ours", "flagger", "argo")}
    found["ours"]["how"] = []
    for _ in range(runs):
        happening = _happening(seed, candidate_per_s, baseline_per_s, share, bursts=bursts)
        ended = watched(plan, terms, happening)
        _add(found["ours"], happening, ended.at_s)
        found["ours"]["how"].append(ended.how)
        for name, minute in _polled(happening).items():
            _add(found[name], happening, None if minute == NEVER else 60.0 * minute)
    return found


def _happening(seed: Seed, candidate_per_s: float, baseline_per_s: float, share: float, *, bursts: bool) -> Happening:
    minutes = BEFORE_MIN + AFTER_MIN
    usual = np.where(seed.random(minutes) < BURSTS, IN_BURST, USUAL) if bursts else np.full(minutes, USUAL)
    wrong = np.where(np.arange(minutes) < BEFORE_MIN, usual, max(share, USUAL)) if share else usual
    failures = seed.poisson(60.0 * candidate_per_s * wrong)
    at = np.concatenate(
        [np.repeat(np.arange(minutes), failures) + seed.random(failures.sum()), np.arange(1, minutes + 1)]
    )
    ends = np.concatenate([np.zeros(failures.sum()), np.ones(minutes)])
    order = np.argsort(at, kind="stable")
    at, ends = at[order], ends[order]
    gap_s = 60.0 * np.diff(at, prepend=0.0)
    minute = np.minimum(np.ceil(at).astype(int) - 1, minutes - 1)
    failed = 1.0 - ends
    return Happening(
        60.0 * at,
        ends,
        seed.poisson(candidate_per_s * (1.0 - wrong[minute]) * gap_s) + failed,
        failed,
        *_beside(seed, baseline_per_s * gap_s, usual[minute]),
    )


def _beside(seed: Seed, expected: Numbers, usual: Numbers) -> tuple[Numbers, Numbers]:
    failed = seed.poisson(expected * usual).astype(np.float64)
    return seed.poisson(expected * (1.0 - usual)) + failed, failed


def watched(plan: Plan, terms: Terms, happening: Happening) -> Ended:
    """One run by Segue's gates: looked at after every failure of the candidate, and at the end of every minute."""
    book = entered(plan, terms, opened(plan, terms), 0)
    cuts = zip(
        happening.at_s.tolist(),
        happening.minute_ends.tolist(),
        happening.candidate.astype(int).tolist(),
        happening.candidate_failed.astype(int).tolist(),
        happening.baseline.astype(int).tolist(),
        happening.baseline_failed.astype(int).tolist(),
        strict=True,
    )
    so_far, minute = (0, 0, 0, 0), 0
    for at_s, ends, *counts in cuts:
        so_far = (so_far[0] + counts[0], so_far[1] + counts[1], so_far[2] + counts[2], so_far[3] + counts[3])
        if ends:
            for series in (GATE, f"{GATE}/fast"):
                book = folded(plan, terms, book, _block(series, minute, so_far))
            so_far, minute = (0, 0, 0, 0), minute + 1
            judgement = _look(plan, terms, book, at_s, {})
        else:
            judgement = _look(plan, terms, book, at_s, {f"{GATE}/fast": _block(f"{GATE}/fast", minute, so_far)})
        if judgement.breaches:
            return Ended(at_s, judgement.breaches[0].how)
    return Ended()


def _block(series: str, minute: int, counts: tuple[int, int, int, int]) -> Block:
    began = BEGAN + 60.0 * minute
    return Block(0, series, minute, began, began + 60.0, counted(*counts[:2]), counted(*counts[2:]))


def _look(plan: Plan, terms: Terms, book: Book, at_s: float, minutes: Mapping[str, Block]) -> Judgement:
    now = BEGAN + at_s
    look = Look(at=now, minutes=minutes, candidate_at=now, baseline_at=now, degradation="ok")
    return judge(plan, terms, book, look, stage=0, now=now, stage_since=BEGAN, share_bp=500)


def _polled(happening: Happening) -> dict[str, float]:
    ends = np.flatnonzero(happening.minute_ends)
    trials, failed = (
        np.diff(np.cumsum(one)[ends], prepend=0.0).astype(np.int64)[None, :]
        for one in (happening.candidate, happening.candidate_failed)
    )
    seen = Seen(trials, [failed], [ALLOWED])
    return {"flagger": float(flagger.rolled_back(seen)[0]), "argo": float(argo.rolled_back(seen)[0])}


def _empty() -> Result:
    return {"minutes": [], "seconds": [], "requests": [], "failed": []}


def _add(found: Result, happening: Happening, at_s: float | None) -> None:
    since_s = 60.0 * BEFORE_MIN
    span = (happening.at_s > since_s) & (happening.at_s <= (float("inf") if at_s is None else at_s))
    found["minutes"].append(None if at_s is None else at_s / 60.0)
    found["seconds"].append(None if at_s is None else round(at_s - since_s, 2))
    found["requests"].append(int(happening.candidate[span].sum()))
    found["failed"].append(int(happening.candidate_failed[span].sum()))
