"""A rollout with turns that never were: how often a plan promotes, how often it goes back, how soon. Pure.

The rollout is begun, looked at and decided by the code that decides live ones; only what is counted is drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from segue.delivery.course import Course
from segue.delivery.evidence import LISTENERS, MINUTE_S, NOTHING, Block, Counts, Look
from segue.delivery.plan import Plan
from segue.delivery.rollout import Command, Decision, Kind, Phase, Verb
from segue.delivery.stages import dwell_s
from segue.delivery.terms import Terms, series_of
from segue.delivery.traffic import Traffic

SIMULATION = "simulation"
"""Who commands in a simulation."""
BEGINNING = 1_767_603_600.0
"""A Monday in January, 09:00 UTC: windows and approvals have their working hours."""
GRACE_S = 2.0
OFTEN = 0.05
"""The next look comes after this part of the stage's time so far; what is told of an end is as exact as that."""
DOUBT_S = 3600.0
"""A doubt that lasts for so long does not end by itself."""
MEMORY_BYTES = 100_000_000
"""The memory of a server that is well."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one simulated rollout went. Times are seconds from its beginning."""

    phase: Phase
    """`promoted`, `rolled_back`, or `held`: a person would have to look."""
    after_s: float
    stage_name: str
    gate: str
    """The gate that was blamed, where one was."""
    reason: str
    heard: int
    """Turns in which somebody heard the candidate."""
    bad: float
    """Those among them that were bad for the gate that was blamed; 0 where none was."""
    dropped: tuple[str, ...]
    decisions: tuple[Decision, ...]


@dataclass(slots=True)
class _Heard:
    """What was counted of the candidate, by series."""

    counts: dict[str, Counts] = field(default_factory=dict)

    def add(self, blocks: tuple[Block, ...]) -> None:
        for block in blocks:
            self.counts[block.series] = self.counts.get(block.series, NOTHING) + block.candidate

    @property
    def turns(self) -> int:
        """The turns of the candidate; every series is asked of about all of them."""
        return max((counts.n for series, counts in self.counts.items() if series != LISTENERS), default=0)

    def bad(self, gate: str) -> float:
        return self.counts.get(gate, NOTHING).k


def simulate(plan: Plan, terms: Terms, traffic: Traffic) -> Run:
    """One rollout of a plan with drawn traffic, to its end, or to where a person would have to look at it.

    Approvals are given at once. Nothing else goes wrong: the server is well, and somebody is watching all the time.
    """
    course = Course.begun(plan, terms, Command(Verb.START, SIMULATION), BEGINNING)
    heard, now, seen = _Heard(), BEGINNING, (BEGINNING, BEGINNING)
    while course.live and not _stuck(course, now):
        now = _next(course, now)
        blocks = tuple(_closed(course, terms, traffic, now))
        heard.add(blocks)
        last = [now if any(getattr(block, arm).n for block in blocks) else before for arm, before in _arms(seen)]
        seen = (last[0], last[1])
        look = Look(
            at=now, candidate_at=seen[0], baseline_at=seen[1], degradation="ok", memory_bytes=terms.memory_bytes
        )
        course.look(look, blocks)
        course.approve(look, SIMULATION)
    return _ended(course, heard, now - BEGINNING)


def _arms(seen: tuple[float, float]) -> tuple[tuple[str, float], ...]:
    return (("candidate", seen[0]), ("baseline", seen[1]))


def _next(course: Course, now: float) -> float:
    """When to look next: often at first, and when the dwell is over."""
    rollout = course.rollout
    over = rollout.stage_since + dwell_s(rollout.plan, rollout.stage)
    later = now + max(min(rollout.terms.block_s, MINUTE_S), OFTEN * (now - rollout.stage_since))
    return min(later, over) if over > now else later


def _stuck(course: Course, now: float) -> bool:
    """Whether a person has to look: it is held, or has been in doubt for another dwell, or at least `DOUBT_S`."""
    rollout = course.rollout
    if rollout.phase is Phase.HELD:
        return True
    last = rollout.last
    doubtful = rollout.said.startswith(f"{Kind.HELD}/") and last is not None
    return doubtful and last is not None and now - last.at > max(DOUBT_S, dwell_s(rollout.plan, rollout.stage))


def _closed(course: Course, terms: Terms, traffic: Traffic, now: float) -> Iterator[Block]:
    """The blocks that are due, drawn."""
    rollout = course.rollout
    since = rollout.stage_since
    for series in series_of(terms):
        number = rollout.closed.get(series.name, 0)
        while (until := since + (number + 1) * series.block_s) + series.settle_s + GRACE_S <= now:
            candidate, baseline, characters = traffic.counts(
                series,
                stage=rollout.stage,
                share_bp=rollout.share_bp,
                dropped=rollout.dropped,
                seconds=series.block_s,
                elapsed_s=until - BEGINNING,
            )
            yield Block(
                rollout.stage, series.name, number, until - series.block_s, until, candidate, baseline, characters, now
            )
            number += 1


def _ended(course: Course, heard: _Heard, after_s: float) -> Run:
    rollout = course.rollout
    told = [each for each in course.decisions if each.kind not in (Kind.WAITED, Kind.WARNED)]
    last = told[-1] if told else course.decisions[-1]
    gate = last.gate if rollout.phase is not Phase.PROMOTED else ""
    return Run(
        phase=rollout.phase if not rollout.phase.live else Phase.HELD,
        after_s=after_s,
        stage_name=rollout.stage_name,
        gate=gate,
        reason=last.reason,
        heard=heard.turns,
        bad=heard.bad(gate),
        dropped=rollout.dropped,
        decisions=tuple(course.decisions),
    )
