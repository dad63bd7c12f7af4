"""What a replica counts of a rollout: which turns are trials, how bad they are, and in which block."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.delivery.evidence import LISTENERS, MILLION, Cell, Counts, Key, merged
from segue.delivery.rollout import Rollout, Verb
from segue.delivery.tally import Tally
from segue.records import AttemptOutcome, Mark, Outcome, PlaybackReport, TurnRecord, Underflow
from tests.evidence import AT, commanded, counted, heard, plan, started, unheard
from tests.records import SPOKEN

GATES = {
    "ttfa": {"kind": "latency", "over": "6s", "at_most": "5%", "fast": {"at_most": "50%"}},
    "first": {"kind": "latency", "measure": "first_tts", "over": "2s", "at_most": "5%"},
    "token": {"kind": "latency", "measure": "first_token", "over": "3s", "at_most": "5%"},
    "whole": {"kind": "latency", "measure": "turn", "over": "20s", "at_most": "5%"},
    "synthesis": {"kind": "mean", "at_most": "2s", "cap": "10s"},
    "failures": {"kind": "failure", "at_most": "5%", "on_breach": "drop_cohort"},
    "fallbacks": {"kind": "fallback", "at_most": "5%"},
    "gaps": {"kind": "underflow", "at_most": "5%"},
}
FIRST_CLOSED = dict.fromkeys((*GATES, "ttfa/fast", "ttfa/relative", "first/relative", LISTENERS), 1)

KEPT = replace(SPOKEN, outcome=AttemptOutcome.CACHED)
"""A sentence that was kept from before. Such turns are not compared: the larger arm finds more of its own."""


def running(**changes: object) -> Rollout:
    """A rollout that asks every question there is, in blocks of a minute."""
    return replace(started(plan(gates=GATES)).rollout, **changes)  # type: ignore[arg-type]


def tally(rollout: Rollout, replica: str = "one") -> Tally:
    """A tally that follows it."""
    made = Tally(replica)
    made.follow(rollout)
    return made


def of(rollout: Rollout, *records: TurnRecord, until_s: float = 3600.0) -> list[Cell]:
    """What is counted of these turns once everything is settled."""
    made = tally(rollout)
    for record in records:
        made.over(record)
    made.sweep(AT + until_s)
    return made.dirty()


class TestTrials:
    """Which turn is a trial of which series, and whether it is a bad one."""

    @pytest.mark.parametrize(
        ("record", "series", "expected"),
        [
            (heard(running(), 1, ttfa_ms=5999.0), "ttfa", (1, 0)),
            (heard(running(), 1, ttfa_ms=6000.0), "ttfa", (1, 0)),
            (heard(running(), 1, ttfa_ms=6001.0), "ttfa", (1, 1)),
            (heard(running(), 1, ttfa_ms=6001.0), "ttfa/fast", (1, 1)),
            (unheard(running(), 1, Outcome.FAILED, done_ms=50.0), "ttfa", (1, 1)),
            (unheard(running(), 1, Outcome.ABANDONED, done_ms=5900.0), "ttfa", None),
            (unheard(running(), 1, Outcome.CANCELLED, done_ms=6100.0), "ttfa", (1, 1)),
            (unheard(running(), 1, Outcome.COMPLETED, done_ms=50.0), "ttfa", None),
            (unheard(running(), 1, Outcome.COMPLETED, done_ms=6050.0), "ttfa", (1, 1)),
            (heard(running(), 1, ttfa_ms=4000.0), "first", (1, 0)),
            (unheard(running(), 1, Outcome.FAILED, done_ms=50.0), "first", None),
            (heard(running(), 1, marks={"first_token": 3001.0, "done": 9.0}), "token", (1, 1)),
            (heard(running(), 1, kind="speech", marks={"first_sentence": 0.0, "done": 9.0}), "token", None),
            (heard(running(), 1, ttfa_ms=19_500.0), "whole", (1, 1)),
            (heard(running(), 1, outcome=Outcome.ABANDONED), "whole", None),
            (heard(running(), 1, outcome=Outcome.FAILED), "whole", (1, 1)),
            (heard(running(), 1), "failures", (1, 0)),
            (heard(running(), 1, outcome=Outcome.FAILED), "failures", (1, 1)),
            (heard(running(), 1, outcome=Outcome.ABANDONED), "failures", (1, 0)),
            (unheard(running(), 1, Outcome.ABANDONED, done_ms=50.0), "failures", None),
            (heard(running(), 1, first_choice="espeak"), "fallbacks", (1, 0)),
            (heard(running(), 1, first_choice="piper"), "fallbacks", (1, 1)),
            (heard(running(), 1, first_choice="espeak", substituted=True), "fallbacks", (1, 1)),
            (heard(running(), 1, first_choice="piper", outcome=Outcome.CANCELLED), "fallbacks", None),
            (heard(running(), 1, attempts=(replace(SPOKEN, total_ms=2500.0),)), "synthesis", (1, 0.25)),
            (heard(running(), 1, attempts=(replace(SPOKEN, total_ms=60_000.0),)), "synthesis", (1, 1)),
            (heard(running(), 1, attempts=(replace(SPOKEN, outcome=AttemptOutcome.CACHED),)), "synthesis", None),
            (heard(running(), 1, attempts=(KEPT,)), "ttfa", (1, 0)),
            (heard(running(), 1, attempts=(KEPT,)), "ttfa/relative", None),
            (heard(running(), 1, attempts=(SPOKEN, replace(KEPT, seq=1))), "ttfa/relative", (1, 0)),
            (heard(running(), 1, attempts=(KEPT,), ttfa_ms=6001.0), "ttfa/relative", (1, 1)),
            (heard(running(), 1, attempts=(KEPT,), underflow=Underflow(1, 80.0)), "gaps", (1, 1)),
            (heard(running(), 1, underflow=Underflow(1, 80.0)), "gaps", (1, 1)),
            (heard(running(), 1), "gaps", (1, 0)),
            (unheard(running(), 1, Outcome.FAILED, done_ms=50.0), "gaps", None),
        ],
    )
    def test_a_turn_answers_what_it_can(
        self, record: TurnRecord, series: str, expected: tuple[int, float] | None
    ) -> None:
        """Each series asks its own question, and what a turn cannot answer is no trial of it."""
        assert counted(of(running(), record), series) == ({0: expected} if expected else {})

    @pytest.mark.parametrize(
        "changes", [{"arm": ""}, {"rollout": ""}, {"rollout": "night/2"}, {"rollout": "other/1"}], ids=str
    )
    def test_turns_of_nobody_are_left_out(self, changes: Mapping[str, str]) -> None:
        """A turn that is left out of the evidence, or belongs to another rollout or attempt, is not counted."""
        record = heard(running(), 1)
        cells = of(running(), replace(record, **changes))  # type: ignore[arg-type]
        assert [cell.counts for cell in cells] == [Counts()]

    def test_who_leaves_before_the_first_sound_is_seen(self) -> None:
        """A listener who hung up early is no trial of latency, but is counted beside."""
        made = tally(running())
        made.over(unheard(running(), 1, Outcome.ABANDONED, done_ms=900.0))
        made.over(unheard(running(), 2, Outcome.CANCELLED, done_ms=900.0, arm="baseline"))
        made.over(heard(running(), 3, outcome=Outcome.ABANDONED))
        assert made.abandoned == {"candidate": 1, "baseline": 1}

    def test_a_character_is_also_counted_alone(self) -> None:
        """Where one character can be dropped, the candidate's trials are kept for each; the baseline's are not."""
        cells = of(
            running(),
            heard(running(), 1, character="pip", outcome=Outcome.FAILED),
            heard(running(), 2, character="kim"),
            heard(running(), 3, character="pip", arm="baseline"),
            heard(running(), 4),
        )
        assert counted(cells, "failures") == {0: (3, 1)}
        assert counted(cells, "failures", character="pip") == {0: (1, 1)}
        assert counted(cells, "failures", character="kim") == {0: (1, 0)}
        assert counted(cells, "failures", "baseline", "pip") == {}
        assert counted(cells, "fallbacks", character="pip") == {}


class TestWhileATurnRuns:
    """Slow turns are known before they end."""

    def test_a_turn_that_hangs_is_slow_in_time(self) -> None:
        """Once the limit has passed without a sound the turn is slow, and it is not counted again when it ends."""
        rollout = running()
        made = tally(rollout)
        record = heard(rollout, 1, ttfa_ms=30_000.0)
        marks: dict[str, float] = {}
        made.began(record.turn, record.at, rollout.key, 0, "candidate", None, "s", lambda: marks)

        made.sweep(record.at + 5.9)
        assert counted(made.dirty(), "ttfa") == {}
        made.sweep(record.at + 6.0)
        assert counted(made.dirty(), "ttfa") == {0: (1, 1)}
        assert counted(made.dirty(), "failures") == {}
        made.over(record)
        made.sweep(AT + 3600.0)
        assert counted(made.dirty(), "ttfa") == {0: (1, 1)}
        assert counted(made.dirty(), "failures") == {0: (1, 0)}

    def test_what_was_kept_from_before_is_not_compared_while_it_is_played(self) -> None:
        """A turn that is heard soon is compared when it ends, for only then it is known whether it was made anew."""
        rollout = running()
        for attempts, compared in (((KEPT,), {}), ((SPOKEN,), {0: (1, 0)})):
            made = tally(rollout)
            record = heard(rollout, 1, ttfa_ms=500.0, attempts=attempts)
            made.began(record.turn, record.at, rollout.key, 0, "candidate", None, "s", lambda: {"first_sent": 500.0})
            made.sweep(record.at + 1.0)
            assert counted(made.dirty(), "ttfa") == {0: (1, 0)}
            assert counted(made.dirty(), "ttfa/relative") == {}
            made.over(record)
            assert counted(made.dirty(), "ttfa/relative") == compared

    def test_a_turn_that_is_heard_is_settled_while_it_goes_on(self) -> None:
        """The first sound settles the time to it; the rest of the reply may take minutes."""
        rollout = running()
        made = tally(rollout)
        marks = {Mark.FIRST_TOKEN.value: 200.0, Mark.FIRST_SENTENCE.value: 300.0}
        made.began("t", AT + 1, rollout.key, 0, "candidate", None, "s", lambda: marks)
        made.sweep(AT + 1.5)
        assert counted(made.dirty(), "token") == {0: (1, 0)}
        marks |= {Mark.FIRST_AUDIBLE.value: 800.0, Mark.FIRST_SENT.value: 810.0}
        made.sweep(AT + 2.0)
        assert counted(made.dirty(), "ttfa") == {0: (1, 0)}
        assert counted(made.dirty(), "first") == {0: (1, 0)}

    def test_synthesis_is_timed_from_its_sentence(self) -> None:
        """A model that thinks for long makes no synthesizer slow: its time begins with the first sentence."""
        rollout = running()
        made = tally(rollout)
        marks: dict[str, float] = {}
        made.began("t", AT, rollout.key, 0, "candidate", None, "s", lambda: marks)
        made.sweep(AT + 20.0)
        assert counted(made.dirty(), "first") == {}
        marks[Mark.FIRST_SENTENCE.value] = 20_000.0
        made.sweep(AT + 21.9)
        assert counted(made.dirty(), "first") == {}
        made.sweep(AT + 22.0)
        assert counted(made.dirty(), "first") == {0: (1, 1)}


class TestBlocks:
    """In which block a trial is counted."""

    def test_the_block_is_that_of_the_start(self) -> None:
        """A turn that begins in one minute and is answered in the next belongs to the first."""
        cells = of(running(), heard(running(), 1, after_s=59.0, ttfa_ms=4000.0), heard(running(), 2, after_s=60.0))
        assert counted(cells, "ttfa") == {0: (1, 0), 1: (1, 0)}

    def test_what_is_settled_late_counts_where_it_is_settled(self) -> None:
        """A yes or no that comes after the block of its start is closed belongs to the block that is open then."""
        long = {**heard(running(), 1).marks, Mark.DONE.value: 200_000.0}
        cells = of(running(), heard(running(), 1, after_s=30.0, marks=long, outcome=Outcome.FAILED))
        assert counted(cells, "failures") == {3: (1, 1)}
        assert counted(cells, "ttfa") == {0: (1, 0)}

    def test_another_stage_counts_where_it_is_now(self) -> None:
        """A turn that began in an earlier stage and ends in this one counts in the block that is open now."""
        rollout = running(stage=1, stage_since=AT + 600.0)
        record = heard(running(), 1, after_s=590.0, marks={**heard(running(), 1).marks, Mark.DONE.value: 100_000.0})
        cells = of(rollout, record)
        assert counted(cells, "failures") == {1: (1, 0)}
        assert {cell.key.stage for cell in cells} == {1}

    def test_nothing_is_counted_in_a_closed_block(self) -> None:
        """Whatever the clocks say, a block that the rollout has closed gets no more trials."""
        cells = of(running(closed={"ttfa": 5}), heard(running(), 1))
        assert counted(cells, "ttfa") == {5: (1, 0)}
        assert counted(cells, "failures") == {0: (1, 0)}

    def test_a_stage_that_begins_anew_begins_with_nothing(self) -> None:
        """What was counted before a stage was entered again is let go of; so is what belongs to another attempt."""
        made = tally(running())
        made.over(heard(running(), 1))
        made.follow(running(stage_since=AT + 900.0))
        assert made.dirty() == []
        made.over(heard(running(), 2, after_s=901.0))
        made.follow(running(attempt=2))
        assert made.dirty() == []

    def test_closed_blocks_are_let_go_of_once_they_are_kept(self) -> None:
        """Memory holds open blocks, and closed ones only as long as nobody knows whether they are written."""
        made = tally(running())
        made.over(heard(running(), 1))
        made.over(heard(running(), 2, after_s=65.0))
        made.writing += 1
        made.follow(running(closed=FIRST_CLOSED))
        assert counted(made.dirty(), "ttfa") == {0: (1, 0), 1: (1, 0)}
        made.kept(made.dirty())
        made.writing -= 1
        made.follow(running(closed=FIRST_CLOSED))
        made.over(heard(running(), 3, after_s=66.0))
        assert counted(made.dirty(), "ttfa") == {1: (2, 0)}

    def test_what_a_closed_block_lacked_counts_in_the_open_one(self) -> None:
        """Who could not write for a while loses no turn and no vote, and none counts twice."""
        made = tally(running())
        made.over(heard(running(), 1, ttfa_ms=9000.0))
        made.kept(made.dirty())
        made.over(heard(running(), 2, after_s=2.0))
        made.over(heard(running(), 3, after_s=3.0, ttfa_ms=9000.0))
        made.over(heard(running(), 4, after_s=65.0))
        for _ in range(2):
            made.follow(running(closed=FIRST_CLOSED))
            assert counted(made.dirty(), "ttfa") == {1: (3, 1)}
        (cell,) = [cell for cell in made.dirty() if cell.key.series == "ttfa"]
        assert (cell.counts.votes, cell.counts.bad_votes) == (3, MILLION)

    def test_what_was_judged_here_does_not_count_again(self) -> None:
        """A server judges its own cells before they are written: with the block they are settled."""
        made = tally(running())
        made.over(heard(running(), 1))
        made.over(heard(running(), 2, after_s=65.0))
        made.judged(made.cells(), FIRST_CLOSED)
        made.follow(running(closed=FIRST_CLOSED))
        assert counted(made.dirty(), "ttfa") == {1: (1, 0)}

    def test_nobody_follows_a_rollout_that_has_ended(self) -> None:
        """After the end of a rollout nothing is counted and nothing is to be written."""
        change = started()
        assert change.table is not None
        made = tally(change.rollout)
        made.over(heard(change.rollout, 1))
        made.follow(commanded(change.rollout, change.table, Verb.ROLL_BACK).rollout)
        made.over(heard(change.rollout, 2))
        made.sweep(AT + 60.0)
        assert made.dirty() == []


class TestVotes:
    """A session has one vote in a block."""

    def test_a_vote_is_divided_over_the_turns_of_a_session(self) -> None:
        """Three turns of which one is bad are a third of a bad vote, beside another session's whole one."""
        records = [heard(running(), n, session="chatty", ttfa_ms=9000.0 if n == 2 else 900.0) for n in (1, 2, 3)]
        cells = of(running(), *records, heard(running(), 4, ttfa_ms=9000.0))
        (counts,) = [cell.counts for cell in cells if cell.key.series == "ttfa" and cell.key.arm == "candidate"]
        assert counts == Counts(n=4, bad=2 * MILLION, votes=2, bad_votes=round(MILLION / 3) + MILLION)

    @given(st.permutations(range(12)))
    def test_order_does_not_matter(self, order: list[int]) -> None:
        """The same turns give the same cells in whatever order they end."""
        rollout = running()
        records = [
            heard(
                rollout,
                n,
                after_s=n * 9.0,
                session=f"s{n % 3}",
                ttfa_ms=1000.0 * n,
                arm="candidate" if n % 2 else "baseline",
            )
            for n in range(12)
        ]
        assert merged(of(rollout, *[records[n] for n in order])) == merged(of(rollout, *records))

    def test_replicas_merge_by_adding(self) -> None:
        """Two tallies that each saw some of the sessions add up to one that saw them all."""
        rollout, chance = running(), Random(7)  # noqa: S311 - the same turns each time
        records = [
            heard(
                rollout,
                n,
                after_s=chance.uniform(0, 300),
                session=f"s{n % 20}",
                ttfa_ms=chance.lognormvariate(8.3, 0.5),
            )
            for n in range(120)
        ]
        one, other = tally(rollout, "one"), tally(rollout, "other")
        for n, record in enumerate(records):
            (one if n % 20 < 9 else other).over(record)
        for each in (one, other):
            each.sweep(AT + 3600.0)
        assert merged(one.dirty() + other.dirty()) == merged(of(rollout, *records))


class TestListeners:
    """Who came, and that somebody watched."""

    def test_a_listener_is_counted_once_in_a_stage(self) -> None:
        """Listeners whom the hash drew count when they first appear; those that a session keeps do not."""
        cells = of(
            running(),
            heard(running(), 1),
            heard(running(), 2, listener="listener-1"),
            heard(running(), 3, arm="baseline", after_s=61.0),
            heard(running(), 4, assigned="session"),
        )
        assert counted(cells, LISTENERS)[0] == (1, 0)
        assert counted(cells, LISTENERS, "baseline")[1] == (1, 0)
        assert sum(cell.counts.n for cell in cells if cell.key.series == LISTENERS) == 2

    def test_a_cell_knows_its_latest_turn(self) -> None:
        """The latest moment at which a turn of an arm began stands in its cell of the minute."""
        made = tally(running())
        for number, after_s in enumerate((5.0, 40.0, 20.0)):
            made.over(heard(running(), number, after_s=after_s))
        (cell,) = [each for each in made.dirty() if each.key.series == LISTENERS]
        assert cell.at == AT + 40.0

    def test_watching_leaves_a_sign_each_minute(self) -> None:
        """A minute without a turn still has a cell: somebody was there, and nobody came."""
        made = tally(running())
        for now in (AT + 1.0, AT + 30.0, AT + 130.0):
            made.sweep(now)
        assert [(cell.key.series, cell.key.block, cell.counts) for cell in made.dirty()] == [
            (LISTENERS, 0, Counts()),
            (LISTENERS, 2, Counts()),
        ]


class TestPlayback:
    """What the listener's own device says of waiting in mid-reply."""

    def told(self, record: TurnRecord, *, after_s: float, events: int = 1, plausible: bool = True) -> PlaybackReport:
        """A report that came so long after the record's turn was over."""
        ended = record.at + record.marks[Mark.DONE] / 1000.0
        return PlaybackReport(
            record.turn, 900.0, 2.0, events, 80.0 * events, plausible=plausible, received_at=ended + after_s
        )

    def test_a_report_in_time_outweighs_the_virtual_listener(self) -> None:
        """What the device measured counts, whichever of report and record comes first."""
        record = heard(running(), 1)
        for first in (True, False):
            made = tally(running())
            if first:
                made.reported(self.told(record, after_s=1.0))
            made.over(record)
            if not first:
                made.reported(self.told(record, after_s=1.0))
            assert counted(made.dirty(), "gaps") == {0: (1, 1)}

    @pytest.mark.parametrize(("after_s", "plausible"), [(17.1, True), (1.0, False)])
    def test_a_late_or_implausible_report_does_not_count(self, after_s: float, plausible: bool) -> None:
        """Fifteen seconds after everything was played, or without a believable report, the virtual listener counts."""
        record = heard(running(), 1)
        made = tally(running())
        made.over(record)
        made.reported(self.told(record, after_s=after_s, plausible=plausible))
        made.sweep(record.at + 18.8)
        assert counted(made.dirty(), "gaps") == {}
        made.sweep(record.at + 18.9)
        assert counted(made.dirty(), "gaps") == {0: (1, 0)}

    def test_a_record_that_brings_its_report_is_settled_by_it(self) -> None:
        """Read back from the store, a turn counts as it did when it was live."""
        record = heard(running(), 1)
        made = tally(running())
        made.over(replace(record, playback=self.told(record, after_s=2.0)))
        assert counted(made.dirty(), "gaps") == {0: (1, 1)}


def test_what_is_kept_is_not_written_again() -> None:
    """A cell is written when it changed, and again only when it changed once more."""
    made = tally(running())
    made.over(heard(running(), 1))
    first = made.dirty()
    made.over(heard(running(), 2))
    made.kept(first)
    assert counted(made.dirty(), "ttfa") == {0: (2, 0)}
    made.kept(made.dirty())
    assert made.dirty() == []
    assert {cell.key.rollout for cell in first} == {"night/1"}
    assert isinstance(first[0].key, Key)
