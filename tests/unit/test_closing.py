"""When blocks close, what is in them, and what a look sees beside them."""

from dataclasses import replace

from segue.delivery.closing import close, due, look_of
from segue.delivery.evidence import LISTENERS, MILLION, Cell, Counts, Key, merged
from segue.delivery.rollout import Rollout
from tests.evidence import AT, plan, started

GRACE_S = 2.0


def running(**changes: object) -> Rollout:
    """A rollout with a latency gate of 6 s and a gate of failures, in blocks of a minute."""
    return replace(started(plan()).rollout, **changes)  # type: ignore[arg-type]


def cell(series: str, block: int, n: int, bad: int = 0, *, arm: str = "candidate", **where: object) -> Cell:
    """What a replica has counted: so many trials, so many of them bad, each of a session of its own."""
    place = {"character": "", "replica": "one", "at": 0.0, **where}
    key = Key("night/1", 0, series, block, arm, str(place["character"]))
    return Cell(str(place["replica"]), key, Counts(n, bad * MILLION, n, bad * MILLION), float(str(place["at"])))


class TestDue:
    """Which blocks are closed at a moment."""

    def test_a_block_closes_after_settling_and_grace(self) -> None:
        """A minute of a 6 s gate closes 8 s after its end, one of a yes-or-no gate 2 s after it."""
        assert due(running(), AT + 61.9, GRACE_S) == {}
        assert set(due(running(), AT + 62.0, GRACE_S)) == {"failures", "failures/fast", LISTENERS}
        assert "ttfa" not in due(running(), AT + 67.9, GRACE_S)
        assert due(running(), AT + 68.0, GRACE_S)["ttfa"] == range(1)

    def test_blocks_follow_on_those_that_are_closed(self) -> None:
        """After a long silence every block is closed that is due, without a gap and none twice."""
        rollout = running(closed={"ttfa": 3})
        numbers = due(rollout, AT + 3600.0 + 8.0, GRACE_S)
        assert numbers["ttfa"] == range(3, 60)
        assert numbers["failures"] == range(60)

    def test_nothing_is_due_before_the_stage(self) -> None:
        """A clock that is behind closes nothing."""
        assert due(running(), AT - 5.0, GRACE_S) == {}


class TestClose:
    """What a closed block holds."""

    def test_a_block_holds_both_arms_of_all_replicas(self) -> None:
        """Cells of replicas are added up; empty blocks are closed as well."""
        counts = merged(
            [
                cell("failures", 1, 4, 1),
                cell("failures", 1, 6, 2, replica="two"),
                cell("failures", 1, 9, arm="baseline"),
            ]
        )
        empty, full = [block for block in close(running(), counts, AT + 122.0, GRACE_S) if block.series == "failures"]
        assert (empty.block, empty.candidate, empty.baseline) == (0, Counts(), Counts())
        assert (full.since, full.until, full.closed_at) == (AT + 60.0, AT + 120.0, AT + 122.0)
        assert full.candidate == Counts(10, 3 * MILLION, 10, 3 * MILLION)
        assert full.baseline.n == 9

    def test_characters_stand_beside_the_whole(self) -> None:
        """A block holds the candidate's counts of each character; they are not added to the whole a second time."""
        counts = merged([cell("failures", 0, 5, 2), cell("failures", 0, 2, 2, character="pip")])
        (block,) = [each for each in close(running(), counts, AT + 62.0, GRACE_S) if each.series == "failures"]
        assert block.candidate.n == 5
        assert block.characters == {"pip": Counts(2, 2 * MILLION, 2, 2 * MILLION)}

    def test_time_is_ordered_in_each_series(self) -> None:
        """Blocks of a series come in the order of time, whatever the order of the cells."""
        blocks = close(running(), {}, AT + 600.0, GRACE_S)
        for series in {block.series for block in blocks}:
            numbers = [block.block for block in blocks if block.series == series]
            assert numbers == list(range(len(numbers)))

    def test_nothing_is_closed_twice(self) -> None:
        """With the closed blocks written down, the same moment closes nothing more."""
        blocks = close(running(), {}, AT + 600.0, GRACE_S)
        closed = {block.series: block.block + 1 for block in blocks}
        assert close(running(closed=closed), {}, AT + 600.0, GRACE_S) == ()


class TestLook:
    """What is seen beside the closed blocks."""

    def test_minutes_that_nobody_watched_do_not_count(self) -> None:
        """A minute without a sign from any replica is unobserved; one with an empty cell is not."""
        cells = [cell(LISTENERS, 0, 0, arm="baseline"), cell(LISTENERS, 3, 2)]
        rollout = running(unobserved_s=30.0)
        look = look_of(rollout, cells, merged(cells), AT + 4 * 60.0 + 3.0, GRACE_S)
        assert look.unobserved_s == 30.0 + 2 * 60.0

    def test_a_minute_that_runs_is_no_silence(self) -> None:
        """What is not closed is not judged: a server that starts in mid-minute may still leave its sign."""
        look = look_of(running(), [], {}, AT + 59.0, GRACE_S)
        assert look.unobserved_s == 0.0

    def test_the_open_minutes_of_fast_series_are_shown(self) -> None:
        """What is counted and not closed of a fast series is one block; other series are not shown."""
        cells = [cell("ttfa/fast", 0, 3, 1), cell("ttfa/fast", 1, 5, 5), cell("failures", 1, 4, 4)]
        look = look_of(running(), cells, merged(cells), AT + 65.0, GRACE_S)
        assert set(look.minutes) == {"ttfa/fast"}
        minute = look.minutes["ttfa/fast"]
        assert (minute.block, minute.since, minute.until, minute.candidate.n) == (0, AT, AT + 65.0, 8)

        closing = look_of(running(), cells, merged(cells), AT + 68.0, GRACE_S)
        assert closing.minutes["ttfa/fast"].candidate.n == 5

    def test_the_open_minute_tells_characters_apart(self) -> None:
        """Harm that is seen in mid-minute may be one character's: the trials of each are in the open minute too."""
        cells = [
            cell("failures/fast", 0, 9, 3),
            cell("failures/fast", 0, 3, 3, character="pip"),
            cell("failures/fast", 0, 4, 0, character="kim"),
            cell("failures/fast", 1, 2, 2, character="pip", replica="two"),
            cell("failures/fast", 0, 5, 5, arm="baseline", character="kim"),
        ]
        minute = look_of(running(), cells, merged(cells), AT + 61.0, GRACE_S).minutes["failures/fast"]
        assert {name: (each.n, each.k) for name, each in minute.characters.items()} == {"kim": (4, 0), "pip": (5, 5)}
        assert (minute.candidate.n, minute.baseline.n) == (9, 0)

    def test_the_latest_turns_are_remembered(self) -> None:
        """The latest turn of each arm is that of any replica, or an earlier one that is known from before."""
        cells = [
            cell(LISTENERS, 5, 1, at=AT + 310.0),
            cell(LISTENERS, 5, 1, at=AT + 330.0, replica="two"),
            cell(LISTENERS, 5, 0, arm="baseline"),
        ]
        look = look_of(running(), cells, merged(cells), AT + 340.0, GRACE_S, latest={"baseline": AT + 10.0})
        assert (look.candidate_at, look.baseline_at) == (AT + 330.0, AT + 10.0)
        assert look_of(running(), [], {}, AT, GRACE_S).candidate_at is None

    def test_replicas_of_the_last_minute_are_counted(self) -> None:
        """A replica that left no sign for more than a minute is not there any more."""
        cells = [cell(LISTENERS, 1, 0, replica="gone"), cell(LISTENERS, 4, 0), cell(LISTENERS, 5, 0, replica="two")]
        assert look_of(running(), cells, merged(cells), AT + 310.0, GRACE_S).replicas == 2
