"""What the gates cost: time for each step, bytes for each gate, and whether a log replays to the same bits."""

import json
import timeit
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from benchmarks.gates.drawn import Truth, drawn
from benchmarks.gates.ours import BEGAN, TTFA, Watch, latency, written
from benchmarks.gates.worlds import Seed
from segue.delivery.betting import Schedule, above, bet, labels, purse
from segue.delivery.book import Book, Terms, entered, folded, opened, series_of, settle
from segue.delivery.evidence import Block, Look
from segue.delivery.gate import judge
from segue.delivery.plan import Plan
from segue.delivery.verdict import Judgement

Result = dict[str, Any]
_BOOK, _BLOCK, _JUDGEMENT = TypeAdapter(Book), TypeAdapter(Block), TypeAdapter(Judgement)


def costs(seed: Seed, runs: int) -> Result:
    """Time each step (the fastest of five rounds, microseconds), and replay `runs` logs of two hours."""
    plan = written(latency())
    terms = settle(plan)
    truth = Truth("slow1", 2.5, 0.95, baseline_per_s=2.5)
    counts = drawn(seed, truth, series_of(terms), runs)
    same, last = [], opened(plan, terms)
    blocks: list[Block] = []
    for run in range(runs):
        watch = Watch(plan, terms, counts, run)
        blocks = [block for minute in range(1, truth.minutes + 1) for block in watch.blocks(minute, 0, 0)]
        last = _through(plan, terms, blocks)
        log = json.loads(json.dumps([_BLOCK.dump_python(block, mode="json") for block in blocks]))
        again = _through(plan, terms, [_BLOCK.validate_python(block) for block in log])
        same.append(
            _BOOK.dump_json(last) == _BOOK.dump_json(again) and _said(plan, terms, last) == _said(plan, terms, again)
        )
    state = _BOOK.dump_python(last, mode="json") | {"curves": {}}
    block, held, schedule = blocks[0], purse(3), Schedule(3, 120)
    steps: dict[str, Callable[[], object]] = {
        "bet": lambda: bet(held, above(0.04, 0.05), schedule, 1000.0),
        "label": lambda: labels(150.0, 7.0, 150.0, 6.0),
        "fold": lambda: folded(plan, terms, last, block),
        "judge": lambda: judge(plan, terms, last, Look(at=BEGAN), stage=0, now=BEGAN, stage_since=BEGAN, share_bp=500),
    }
    return {
        "ours": {
            "us": {name: [_fastest_us(step, parts=4 if name == "label" else 1)] for name, step in steps.items()},
            "bytes": [len(json.dumps(state["ledgers"][TTFA])), len(json.dumps(state["comparisons"][TTFA]))],
            "book_bytes": [len(json.dumps(state))],
            "same": same,
        }
    }


def _through(plan: Plan, terms: Terms, blocks: list[Block]) -> Book:
    book = entered(plan, terms, opened(plan, terms), 0)
    for block in blocks:
        book = folded(plan, terms, book, block)
    return book


def _said(plan: Plan, terms: Terms, book: Book) -> bytes:
    now = BEGAN + 7200.0
    look = Look(at=now, candidate_at=now, baseline_at=now, degradation="ok")
    return _JUDGEMENT.dump_json(judge(plan, terms, book, look, stage=0, now=now, stage_since=BEGAN, share_bp=500))


def _fastest_us(step: Callable[[], object], parts: int) -> float:
    timer = timeit.Timer(step)
    return round(min(timer.repeat(5, 2000)) / 2000 / parts * 1e6, 3)
