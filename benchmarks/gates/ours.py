"""Segue's own gates in a simulated rollout: the very functions that a server calls, fed block by block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gates.drawn import Drawn
from benchmarks.gates.worlds import LIMIT_S
from segue.delivery.book import Book, Terms, entered, folded, opened, series_of
from segue.delivery.evidence import MILLION, NOTHING, Block, Counts, Look, Series
from segue.delivery.gate import judge
from segue.delivery.plan import AnyGate, LatencyGate, Plan, RegressionGate, Stage
from segue.delivery.verdict import Judgement, Word

BEGAN = 1_790_000_000.0
"""Unix seconds at which every simulated rollout begins."""
TTFA = "ttfa"
SLOWER = "slower"


@dataclass(frozen=True, slots=True)
class Ended:
    """What Segue did in one run. Minutes are counted from the beginning of the stage; None is never."""

    breach: int | None = None
    how: str = ""
    hold: int | None = None
    """When it first held after things had become worse, because the baseline did not meet the limit either."""
    certified: int | None = None
    """When the stage could have been left for the first time, its dwell over and everything proved."""
    missing: bool = False
    """Whether at the end a gate waited and said how many more listeners it needs."""
    curve: tuple[float, ...] = ()
    """The evidence of the first gate after each look, if it was asked for."""


def written(
    gates: Mapping[str, AnyGate],
    *,
    dwells_s: Sequence[float] = (7200.0,),
    shares: Sequence[float] = (0.05,),
    block_s: float = 60.0,
    alpha: float = 0.02,
) -> Plan:
    """A plan with these gates and stages."""
    fields: dict[str, Any] = {
        "name": "simulated",
        "baseline": {"name": "before"},
        "candidate": {"name": "after"},
        "gates": {name: gate.model_dump() for name, gate in gates.items()},
        "stages": [
            Stage(name=f"stage-{number}", share=share, dwell=dwell_s).model_dump()
            for number, (share, dwell_s) in enumerate(zip(shares, dwells_s, strict=True), 1)
        ],
        "verdict": {"alpha": alpha, "block": block_s},
    }
    return Plan.model_validate(fields)


def latency(limit_s: float = LIMIT_S) -> dict[str, AnyGate]:
    """The gate that most of the benchmark is about: at most 5 % of turns may wait longer than the limit."""
    return {TTFA: LatencyGate(kind="latency", over=limit_s, at_most=0.05)}


def regression(tolerate: float = 0.2) -> dict[str, AnyGate]:
    """The same, and beside it that the candidate may not be slower than the baseline by more than this."""
    return {**latency(), SLOWER: RegressionGate(kind="regression", of=TTFA, tolerate=tolerate)}


def counted(n: int, bad: int) -> Counts:
    """So many turns, each in a session of its own."""
    return Counts(n, bad * MILLION, n, bad * MILLION) if n else NOTHING


def calm(book: Book) -> bool:
    """Whether no bet has come to anything, so that a look could not say more than that nothing is proved against it.

    Every proof of harm and every hold needs evidence of at least 1/alpha in one of these; such looks are skipped, which
    changes nothing but how long the benchmark takes.
    """
    own = [ledger.bets.total for ledger in book.ledgers.values()]
    beside = [pair.bets.total for pair in book.comparisons.values()]
    quick = [tier.limit.total for tier in book.quick.values()]
    return max([*own, *beside, *quick]) < 1.0


@dataclass(slots=True)
class Watch:
    """One run of a rollout, stage by stage, as the server would go through it."""

    plan: Plan
    terms: Terms
    drawn: Drawn
    run: int
    candidate: list[int] = field(init=False)
    baseline: list[int] = field(init=False)
    bad: dict[str, tuple[list[int], list[int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.candidate, self.baseline = self.drawn.candidate[self.run].tolist(), self.drawn.baseline[self.run].tolist()
        self.bad = {
            name: (candidate[self.run].tolist(), baseline[self.run].tolist())
            for name, (candidate, baseline) in self.drawn.bad.items()
        }

    def blocks(self, minute: int, since: int, stage: int) -> list[Block]:
        """The blocks that end with this minute; minutes are counted from the beginning of the run."""
        found = []
        for series in series_of(self.terms):
            length = round(series.block_s / 60.0)
            if series.name in self.bad and (minute - since) % length == 0:
                found.append(self._block(series, minute, length, since, stage))
        return found

    def _block(self, series: Series, minute: int, length: int, since: int, stage: int) -> Block:
        span, (candidate_bad, baseline_bad) = slice(minute - length, minute), self.bad[series.name]
        return Block(
            stage,
            series.name,
            (minute - since) // length - 1,
            BEGAN + 60.0 * (minute - length),
            BEGAN + 60.0 * minute,
            counted(sum(self.candidate[span]), sum(candidate_bad[span])),
            counted(sum(self.baseline[span]), sum(baseline_bad[span])),
            closed_at=BEGAN + 60.0 * minute,
        )

    def look(self, book: Book, minute: int, since: int, stage: int) -> Judgement:
        """What the gates say at the end of a minute."""
        now = BEGAN + 60.0 * minute
        beside = now if any(self.baseline) else None
        return judge(
            self.plan,
            self.terms,
            book,
            Look(at=now, candidate_at=now, baseline_at=beside, degradation="ok"),
            stage=stage,
            now=now,
            stage_since=BEGAN + 60.0 * since,
            share_bp=round(self.plan.stages[stage].share * 10_000),
        )


def watched(plan: Plan, terms: Terms, drawn: Drawn, run: int, *, since: int = 0, curve: bool = False) -> Ended:
    """One stage of a rollout, to its end or to the first proof of harm; things become worse after minute `since`."""
    watch = Watch(plan, terms, drawn, run)
    book = entered(plan, terms, opened(plan, terms), 0)
    dwell = round(plan.stages[0].dwell / 60.0)
    hold = certified = None
    points: list[float] = []
    judgement = Judgement()
    for minute in range(1, drawn.minutes + 1):
        blocks = watch.blocks(minute, 0, 0)
        for block in blocks:
            book = folded(plan, terms, book, block)
        if not blocks or (minute < min(dwell, drawn.minutes) and not curve and calm(book)):
            continue
        judgement = watch.look(book, minute, 0, 0)
        if curve:
            points.append(judgement.verdicts[0].evidence)
        if judgement.breaches:
            return Ended(minute, judgement.breaches[0].how, hold, certified, curve=tuple(points))
        if hold is None and minute > since and any(doubt.code == "common_cause" for doubt in judgement.doubts):
            hold = minute
        if certified is None and minute >= dwell and judgement.certified:
            certified = minute
    missing = any(
        verdict.word is Word.WAIT and verdict.missing is not None and verdict.missing > 0
        for verdict in judgement.verdicts
    )
    return Ended(None, "", hold, certified, missing, tuple(points))
