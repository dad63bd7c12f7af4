"""What one replica has counted of a rollout: every turn answers every series once. Pure state that is told the time.

    turn begins ──▶ began ─┐                               ┌─▶ cells that changed, to be kept
    time passes ──▶ sweep ─┼─▶ answers ─▶ block of the turn's start ─┤
    turn is over ─▶ over ──┤        (the open one, if that is closed) └─▶ one vote for each session and block
    device says ─▶ reported┘

What is counted depends on the records and on their own times, not on when the tally is told of them: the same turns
give the same cells whoever counts them, and in whatever order.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from segue.delivery.evidence import LISTENERS, MINUTE_S, NOTHING, Cell, Counts, Key, Series
from segue.delivery.rollout import Rollout
from segue.delivery.terms import series_of
from segue.delivery.trials import Answer, at_the_end, ended_at, of_playback, report_due, while_running
from segue.records import Mark, Outcome, PlaybackReport, TurnRecord
from segue.routing import Arm, Reason

LISTENERS_KEPT = 200_000
"""So many listeners are known apart in a stage; who comes later is not counted among the new ones."""
EARLY_REPORTS = 1000
"""So many reports are kept of turns that are not yet over."""


@dataclass(slots=True)
class _Box:
    """A cell as it grows: with the sessions in it, each of which has one vote that is divided over its turns."""

    n: int = 0
    bad: int = 0
    bad_votes: int = 0
    at: float = 0.0
    dirty: bool = True
    sessions: dict[str, tuple[int, int]] = field(default_factory=dict)
    late_votes: int = 0
    """Votes that were given in a block that was closed without them; whose they were is not known any more."""
    known: Counts = NOTHING
    """What of this is written, or was judged."""

    def add(self, session: str, bad: int) -> None:
        turns, before = self.sessions.get(session, (0, 0))
        self.n += 1
        self.bad += bad
        self.bad_votes += round((before + bad) / (turns + 1)) - (round(before / turns) if turns else 0)
        self.sessions[session] = (turns + 1, before + bad)
        self.dirty = True

    @property
    def counts(self) -> Counts:
        return Counts(self.n, self.bad, len(self.sessions) + self.late_votes, self.bad_votes)

    def take(self, late: "_Box") -> None:
        """Count what was not known of another block when that was closed."""
        counts, known = late.counts, late.known
        self.n += counts.n - known.n
        self.bad += counts.bad - known.bad
        self.late_votes += counts.votes - known.votes
        self.bad_votes += max(0, counts.bad_votes - known.bad_votes)
        self.at = max(self.at, late.at)
        self.dirty = True


@dataclass(slots=True)
class _Running:
    """A turn that is not over, with the series it has answered already."""

    at: float
    stage: int
    arm: str
    character: str
    session: str
    heard: Callable[[], Mapping[str, float]]
    answered: set[str] = field(default_factory=set)


class Tally:
    """The cells of one replica. `replica` tells them from those of others, and of this one before its last start.

    A trial that is settled less than `late_s` after its block is at its end (and `settle_s` after that) still belongs
    to it; a later one belongs to the block that is open when it is settled. Who closes blocks must wait for longer.
    """

    def __init__(self, replica: str, *, late_s: float = 1.0) -> None:
        self.replica = replica
        self.abandoned = {arm.value: 0 for arm in Arm}
        """Turns whose listener was gone before the first sound, by arm: no trials, but worth seeing."""
        self._late_s = late_s
        self._rollout: Rollout | None = None
        self._series: tuple[Series, ...] = ()
        self._boxes: dict[Key, _Box] = {}
        self._running: dict[str, _Running] = {}
        self._unreported: dict[str, tuple[TurnRecord, float]] = {}
        self._early: OrderedDict[str, PlaybackReport] = OrderedDict()
        self._listeners: set[int] = set()
        self.writing = 0
        """How many times cells are being written just now: whether they are is not known until then."""

    def follow(self, rollout: Rollout | None) -> None:
        """Count for this rollout from now on, as it stands; None, or one that has ended, counts for nobody."""
        before, rollout = self._rollout, rollout if rollout is not None and rollout.phase.live else None
        if rollout is None or before is None or before.key != rollout.key:
            self._series = series_of(rollout.terms) if rollout is not None else ()
            self._boxes, self._running, self._unreported = {}, {}, {}
            self._early.clear()
            self._listeners = set()
        elif before.stage_since != rollout.stage_since:
            self._boxes, self._listeners = {}, set()  # what is left belongs to a stage that is over
        self._rollout = rollout
        if rollout is not None:
            self._let_go(rollout)

    def began(
        self,
        turn: str,
        at: float,
        rollout: str,
        stage: int,
        arm: str,
        character: str | None,
        session: str,
        heard: Callable[[], Mapping[str, float]],
    ) -> None:
        """A turn began at this Unix second. `heard` gives its marks so far, in milliseconds since then."""
        if self._rollout is None or rollout != self._rollout.key or not arm:
            return
        self._running[turn] = _Running(at, stage, arm, character or "", session, heard)
        self._seen(self._rollout, arm, at, at)

    def over(self, record: TurnRecord) -> None:
        """A turn is over: it answers what it has not answered yet."""
        running, rollout = self._running.pop(record.turn, None), self._rollout
        if rollout is None or record.rollout != rollout.key or not record.arm:
            return
        who = running or _of_record(record)
        for series in self._series:
            if series.name not in who.answered and series.measure != "underflow":
                self._count(rollout, series, who, at_the_end(series, record.arm, record))
        if record.outcome in (Outcome.CANCELLED, Outcome.ABANDONED) and Mark.FIRST_SENT not in record.marks:
            self.abandoned[record.arm] = self.abandoned.get(record.arm, 0) + 1
        minute = self._seen(rollout, record.arm, record.at, ended_at(record))
        if minute is not None and self._is_new(rollout, record):
            minute.add(str(record.listener), 0)
        if Mark.FIRST_SENT in record.marks and any(series.measure == "underflow" for series in self._series):
            self._await_report(rollout, record)

    def reported(self, report: PlaybackReport) -> None:
        """A listener's device told what it measured."""
        rollout = self._rollout
        if rollout is None or not report.plausible:
            return
        if report.turn in self._unreported:
            record, due = self._unreported[report.turn]
            if report.received_at <= due:
                self._underflow(rollout, record, report)
        else:
            self._early[report.turn] = report
            if len(self._early) > EARLY_REPORTS:
                self._early.popitem(last=False)

    def sweep(self, now: float) -> None:
        """Count what time has settled up to this Unix second, and leave a sign that somebody was watching."""
        rollout = self._rollout
        if rollout is None:
            return
        if now >= rollout.stage_since:
            self._box(_key(rollout, LISTENERS, int((now - rollout.stage_since) // MINUTE_S), Arm.BASELINE))
        timed = [series for series in self._series if series.settle_s > 0]
        for running in list(self._running.values()):
            waiting = [series for series in timed if series.name not in running.answered]
            marks = running.heard() if waiting else {}
            for series in waiting:
                self._count(rollout, series, running, while_running(series, running.arm, running.at, marks, now))
        for record, due in list(self._unreported.values()):
            if now >= due:
                self._underflow(rollout, record, None)

    def cells(self) -> list[Cell]:
        """All cells of blocks that are not closed, whether they are written or not."""
        return [Cell(self.replica, key, box.counts, box.at) for key, box in self._boxes.items()]

    def dirty(self) -> list[Cell]:
        """The cells that changed since they were last `kept`."""
        return [Cell(self.replica, key, box.counts, box.at) for key, box in self._boxes.items() if box.dirty]

    def kept(self, cells: Sequence[Cell]) -> None:
        """These cells are written; those that have changed since stay dirty."""
        for cell in cells:
            box = self._boxes.get(cell.key)
            if box is None:
                continue
            box.known = cell.counts
            if (box.counts, box.at) == (cell.counts, cell.at):
                box.dirty = False

    def judged(self, cells: Sequence[Cell], closed: Mapping[str, int]) -> None:
        """These cells were judged as they are, written or not, as far as they are in closed blocks."""
        for cell in cells:
            box = self._boxes.get(cell.key)
            if box is not None and cell.key.block < closed.get(cell.key.series, 0):
                box.known = cell.counts

    def _let_go(self, rollout: Rollout) -> None:
        """Let go of closed blocks. What nobody knew of when they were closed counts in the block that is open now.

        That is so when this server alone could not write for a while, or could again only after another one.
        """
        for key in [key for key in self._boxes if key.block < rollout.closed.get(key.series, 0)]:
            box = self._boxes[key]
            if box.dirty and self.writing:
                continue
            del self._boxes[key]
            if box.counts.n > box.known.n:
                self._box(replace(key, block=rollout.closed[key.series])).take(box)

    def _await_report(self, rollout: Rollout, record: TurnRecord) -> None:
        report = self._early.pop(record.turn, None) or record.playback
        due = report_due(record)
        self._unreported[record.turn] = (record, due)
        if report is not None and report.plausible and report.received_at <= due:
            self._underflow(rollout, record, report)

    def _underflow(self, rollout: Rollout, record: TurnRecord, report: PlaybackReport | None) -> None:
        del self._unreported[record.turn]
        answer = of_playback(record, report)
        for series in self._series:
            if series.measure == "underflow":
                self._count(rollout, series, _of_record(record), answer)

    def _count(self, rollout: Rollout, series: Series, who: _Running, answer: Answer | None) -> None:
        if answer is None:
            return
        who.answered.add(series.name)
        block = self._block(rollout, series, who, answer.at)
        self._box(_key(rollout, series.name, block, who.arm)).add(who.session, answer.bad)
        if series.by_character and who.character and who.arm == Arm.CANDIDATE:
            self._box(_key(rollout, series.name, block, who.arm, who.character)).add(who.session, answer.bad)

    def _block(self, rollout: Rollout, series: Series, who: _Running, settled: float) -> int:
        """The block of a trial: that of its start, or the one that was open when it was settled."""
        since = rollout.stage_since
        block = _number(who.at - since, series.block_s)
        late = settled >= since + (block + 1) * series.block_s + series.settle_s + self._late_s
        return _number(settled - since, series.block_s) if late or who.stage != rollout.stage else block

    def _seen(self, rollout: Rollout, arm: str, start: float, settled: float) -> _Box | None:
        """Note the moment of an arm's latest turn: the minute in which that is kept; None for an earlier stage."""
        if start < rollout.stage_since:
            return None
        block = _number(start - rollout.stage_since, MINUTE_S)
        if settled >= rollout.stage_since + (block + 1) * MINUTE_S + self._late_s:
            block = _number(settled - rollout.stage_since, MINUTE_S)
        box = self._box(_key(rollout, LISTENERS, block, arm))
        if start > box.at:
            box.at, box.dirty = start, True
        return box

    def _is_new(self, rollout: Rollout, record: TurnRecord) -> bool:
        """Whether this is a listener whom the hash drew, for the first time in this stage."""
        if record.assigned != Reason.SHARE or record.listener is None or record.stage != rollout.stage:
            return False
        known = hash(record.listener)
        if known in self._listeners or len(self._listeners) >= LISTENERS_KEPT:
            return False
        self._listeners.add(known)
        return True

    def _box(self, key: Key) -> _Box:
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = _Box()
        return box


def _of_record(record: TurnRecord) -> _Running:
    session = record.session or record.listener or record.turn
    return _Running(record.at, record.stage, record.arm, record.character or "", session, lambda: record.marks)


def _number(after_s: float, block_s: float) -> int:
    return max(0, int(after_s // block_s))


def _key(rollout: Rollout, series: str, block: int, arm: str, character: str = "") -> Key:
    """Where something is counted; never in a block that is closed by now."""
    return Key(rollout.key, rollout.stage, series, max(block, rollout.closed.get(series, 0)), str(arm), character)
