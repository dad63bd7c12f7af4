"""Recorded turns through a plan, on their own time: what it would have decided. Pure.

    records ──▶ arms ──▶ Tally ──▶ blocks ──▶ step ──▶ decisions          all but the first as in a live rollout

A rehearsal repeats decisions, not listeners: what they would have done under another share is in no record.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from segue.delivery.backtest import history_of
from segue.delivery.closing import close, look_of
from segue.delivery.course import Course
from segue.delivery.drawing import Drawing
from segue.delivery.evidence import LISTENERS, Cell, Key, Look, merged
from segue.delivery.plan import Plan
from segue.delivery.replay import Export, Moment, begun
from segue.delivery.rollout import Command, Decision, Rollout, Verb
from segue.delivery.tally import Tally
from segue.delivery.terms import series_of, settle
from segue.delivery.trials import ended_at
from segue.errors import InvalidRequest
from segue.records import TurnRecord
from segue.routing import Arm

REHEARSAL = "rehearsal"
"""Who commands in a rehearsal."""
LOOK_S = 5.0
IDLE_S = 60.0
"""While nothing happens it is looked at this often."""
MEMORY_BYTES = 100_000_000
"""The memory of a server that is well."""
GRACE_S = 2.0
"""How long replicas are given to write down what they counted, as in a live rollout."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a plan would have decided, and on how much."""

    plan: Plan
    decisions: tuple[Decision, ...]
    rollout: Rollout
    """Where it stood when the records ended."""
    since: float
    until: float
    """Unix seconds between which it went."""
    candidate: int
    baseline: int
    """Turns that were counted, by arm."""
    left_out: int
    """Turns that were not counted: outside of the cohort, without a listener, or thinned out."""
    drawn: str
    """How turns came to their arms, in one sentence."""


def rehearse(plan: Plan, records: Iterable[TurnRecord]) -> Rehearsal:
    """Play records through a plan. The server is taken to be well, and approvals are given at once.

    The plan need not be the one under which the turns were recorded, and they may come in any order. Those from before
    this plan's own rollout, where there is one among them, are the baseline's history.

    Raises:
        InvalidRequest: there is no turn to rehearse with.
    """
    ordered = _ordered(records)
    drawing = Drawing.of(plan, ordered)
    first = next((number for number, record in enumerate(ordered) if drawing.is_own(record)), 0)
    past = [record for record in ordered[:first] if not record.rollout]
    terms = settle(plan, history_of(past) if past else None, memory_bytes=MEMORY_BYTES)
    course = Course.begun(plan, terms, Command(Verb.START, REHEARSAL), ordered[first].at)
    return _Rehearsing(course, drawing).play(ordered[first : drawing.last(ordered)], None)


def repeat(export: Export, records: Iterable[TurnRecord]) -> Rehearsal:
    """Count the records of a live rollout again, and decide again whenever it was looked at, on what was seen then.

    Raises:
        InvalidRequest: there is no turn to rehearse with.
    """
    ordered, plan = _ordered(records), export.rollout.plan
    own = [record for record in ordered if record.rollout == export.rollout.key]
    return _Rehearsing(begun(export), Drawing.of(plan, own)).play(own, export.moments)


def _ordered(records: Iterable[TurnRecord]) -> list[TurnRecord]:
    ordered = sorted(records, key=lambda record: (record.at, record.turn))
    if not ordered:
        raise InvalidRequest("There is no turn in these records.")
    return ordered


@dataclass(slots=True)
class _Events:
    """What is still to happen, by its time, and in the order in which it was announced where times are equal."""

    waiting: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    count: int = 0

    def at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self.waiting, (moment, self.count, act))
        self.count += 1

    def until(self, moment: float) -> Iterator[tuple[float, Callable[[], None]]]:
        """What happens before a moment; more may be announced meanwhile."""
        while self.waiting and self.waiting[0][0] < moment:
            at, _, act = heapq.heappop(self.waiting)
            yield at, act


class _Rehearsing:
    """A tally and a course side by side, as a server has them."""

    def __init__(self, course: Course, drawing: Drawing) -> None:
        self.course = course
        self.tally = Tally(REHEARSAL)
        self.tally.follow(course.rollout)
        self.drawing = drawing
        self.start = self.now = course.rollout.started_at
        self.events = _Events()
        self.cells: dict[Key, Cell] = {}
        self.latest: dict[str, float | None] = {}
        self.seen = Look()
        self.counted = {arm.value: 0 for arm in Arm}
        self.left_out = 0

    def play(self, records: Sequence[TurnRecord], moments: Iterable[Moment] | None) -> Rehearsal:
        """All records; `moments` says when to look, and what was seen of the server then."""
        for record in records:
            self.events.at(record.at, partial(self._begin, record))
        end = max((ended_at(record) for record in records), default=self.start) + self._settled_s()
        for moment in moments if moments is not None else self._moments(end):
            if not self.course.live and moments is None:
                break
            for at, act in self.events.until(moment.look.at):
                self.now = at
                act()
            self.now = moment.look.at
            self._look(moment.look, moment.command)
            if moments is None:
                self._agree()
        self.left_out += len(self.events.waiting) if not self.course.live else 0
        return Rehearsal(
            self.course.rollout.plan,
            tuple(self.course.decisions),
            self.course.rollout,
            self.start,
            self.now,
            self.counted[Arm.CANDIDATE.value],
            self.counted[Arm.BASELINE.value],
            self.left_out,
            self.drawing.told(),
        )

    def _moments(self, end: float) -> Iterator[Moment]:
        """When to look: often while there are turns, seldom while there are none."""
        at = self.start
        while at < end:
            busy = self.events.waiting and self.events.waiting[0][0] <= at + IDLE_S
            at += LOOK_S if busy else IDLE_S
            yield Moment(0, Look(at=at, degradation="ok", memory_bytes=MEMORY_BYTES))

    def _settled_s(self) -> float:
        """After so long every turn has its answers and its blocks are closed."""
        series = series_of(self.course.rollout.terms)
        return max(each.settle_s + each.block_s for each in series) + GRACE_S + LOOK_S

    def _begin(self, record: TurnRecord) -> None:
        """A turn begins: it is given its arm, and ends in its own time."""
        exposure = self.course.table.exposure
        placed = self.drawing.placed(record, exposure) if exposure is not None else None
        if placed is None:
            self.left_out += 1
            return
        self.counted[placed.arm] += 1
        session = placed.session or placed.listener or placed.turn
        self.tally.began(
            placed.turn,
            placed.at,
            placed.rollout,
            placed.stage,
            placed.arm,
            placed.character,
            session,
            partial(self._heard, placed),
        )
        self.events.at(ended_at(placed), partial(self.tally.over, placed))

    def _heard(self, record: TurnRecord) -> dict[str, float]:
        """The marks of a turn that have come by now."""
        return {name: ms for name, ms in record.marks.items() if record.at + ms / 1000.0 <= self.now}

    def _look(self, seen: Look, command: Command | None) -> None:
        """Count, close and decide, as a controller does."""
        rollout = self.course.rollout
        if not rollout.phase.live:
            self.course.look(seen, command=command)
            return
        self.tally.sweep(self.now)
        cells = self.tally.dirty()
        self.tally.kept(cells)
        self.cells |= {cell.key: cell for cell in cells}
        for cell in cells:
            if cell.key.series == LISTENERS and cell.at:
                self.latest[cell.key.arm] = max(cell.at, self.latest.get(cell.key.arm) or 0.0)
        counts = merged(self.cells.values())
        blocks = close(rollout, counts, self.now, GRACE_S)
        self.seen = look_of(
            rollout,
            list(self.cells.values()),
            counts,
            self.now,
            GRACE_S,
            latest=self.latest,
            degradation=seen.degradation,
            alerts=seen.alerts,
            memory_bytes=seen.memory_bytes,
            enabled=seen.enabled,
        )
        self.course.look(self.seen, blocks, command)
        self._follow(rollout)

    def _agree(self) -> None:
        """Approve what only an approval is missing for."""
        before = self.course.rollout
        if before.phase.live and self.course.approve(self.seen, REHEARSAL):
            self._follow(before)

    def _follow(self, before: Rollout) -> None:
        """Let go of what is closed, and of a stage that is over."""
        rollout = self.course.rollout
        self.tally.follow(rollout)
        if rollout.stage_since != before.stage_since:
            self.cells, self.latest = {}, {}
        closed = rollout.closed
        if closed != before.closed:
            self.cells = {key: cell for key, cell in self.cells.items() if key.block >= closed.get(key.series, 0)}
