"""Plans in a few words, blocks in a few numbers, and books in a few blocks: for the tests of the gates."""

from collections.abc import Mapping
from typing import Any

from segue.delivery.book import Book, Terms, entered, folded, opened, settle
from segue.delivery.evidence import LISTENERS, MILLION, Block, Counts, Look
from segue.delivery.gate import judge
from segue.delivery.plan import Plan
from segue.delivery.verdict import Judgement, Verdict

TTFA: dict[str, Any] = {"ttfa": {"kind": "latency", "over": "6s"}}
FAILURES: dict[str, Any] = {"failures": {"kind": "failure", "at_most": "5%"}}
QUIET = Look(degradation="ok")


def planned(gates: Mapping[str, Any], *, block: str = "60s", **fields: Any) -> Plan:
    """A plan of three stages (5, 50 and 100 %) with these gates; other fields as they are written in a plan."""
    verdict = {"block": block, **fields.pop("verdict", {})}
    stages = fields.pop(
        "stages",
        [
            {"name": "few", "share": "5%", "dwell": "30m"},
            {"name": "half", "share": "50%", "dwell": "2h"},
            {"name": "all", "share": "100%", "dwell": "2h"},
        ],
    )
    return Plan.model_validate(
        {"name": "tried", "baseline": {"name": "old"}, "candidate": {"name": "new"}, "gates": dict(gates),
         "verdict": verdict, "stages": stages, **fields}
    )  # fmt: skip


def counts(n: int, bad: float = 0.0, votes: int | None = None) -> Counts:
    """So many trials with so much badness, each a session of its own unless the votes are told."""
    voted = n if votes is None else votes
    return Counts(n, round(bad * MILLION), voted, round(bad * MILLION * voted / n) if n else 0)


def block(
    series: str,
    number: int,
    candidate: Counts,
    baseline: Counts | None = None,
    *,
    stage: int = 0,
    characters: Mapping[str, Counts] | None = None,
) -> Block:
    """A closed block of a minute."""
    since = 60.0 * number
    return Block(stage, series, number, since, since + 60.0, candidate, baseline or Counts(), characters or {})


class Trial:
    """A rollout as the gates see it: fold blocks into it, and ask what the gates say."""

    def __init__(self, plan: Plan, terms: Terms | None = None) -> None:
        self.plan = plan
        self.terms = terms or settle(plan)
        self.book: Book = entered(plan, self.terms, opened(plan, self.terms), 0)
        self.numbers: dict[str, int] = {}

    def enter(self, stage: int) -> None:
        """Begin a stage."""
        self.book = entered(self.plan, self.terms, self.book, stage)
        self.numbers = {}

    def fold(
        self,
        candidate: Counts,
        baseline: Counts | None = None,
        *,
        times: int = 1,
        series: str = "",
        characters: Mapping[str, Counts] | None = None,
    ) -> None:
        """Close so many blocks, in one series or in all but that of the listeners."""
        names = [series] if series else [one.name for one in self.terms.series if one.name != LISTENERS]
        for _ in range(times):
            for name in names:
                number = self.numbers.get(name, 0)
                self.numbers[name] = number + 1
                closed = block(name, number, candidate, baseline, stage=self.book.stage, characters=characters)
                self.book = folded(self.plan, self.terms, self.book, closed)

    def judged(
        self, look: Look = QUIET, *, now: float = 0.0, share_bp: int = 500, dropped: tuple[str, ...] = ()
    ) -> Judgement:
        """What the gates say."""
        return judge(
            self.plan, self.terms, self.book, look, stage=self.book.stage, now=now, stage_since=0.0,
            share_bp=share_bp, dropped=dropped,
        )  # fmt: skip

    def verdict(self, name: str = "ttfa") -> Verdict:
        """What one gate says."""
        return next(one for one in self.judged().verdicts if one.gate == name)
