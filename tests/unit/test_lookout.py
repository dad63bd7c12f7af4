"""What of a turn counts, the window it counts in, and the lookout that judges it on a clock."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import ManualClock
from segue.records import AttemptOutcome, Outcome, TurnRecord
from segue.vendors.degradation import DegradationSettings, ProfilesSettings
from segue.voice.degradation import Axis, Figure, Reading, Remedy, State, Word
from segue.voice.lookout import Change, Lookout
from segue.voice.window import Samples, asked_profile, failed, first_tts_ms, ttfa_ms
from tests.records import SPOKEN, WRITTEN, broken, mute, turn

SETTINGS = DegradationSettings()

# --- the window --------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
def test_the_quantile_is_the_nearest_rank(values: list[int]) -> None:
    """The 95th percentile occurred: at least 95 % are not above it, and of no smaller value that can be said."""
    samples = Samples(600.0, 5000)
    for value in values:
        samples.add(0.0, value)
    reading = samples.p95()
    assert reading is not None
    p95, n = reading.value, reading.n
    assert n == len(values)
    assert p95 in values
    assert 100 * sum(value <= p95 for value in values) >= 95 * n
    assert 100 * sum(value < p95 for value in values) < 95 * n


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 9)), min_size=1, max_size=60), st.randoms())
def test_the_order_inside_the_window_does_not_matter(turns: list[tuple[float, int]], chance: Any) -> None:
    """Percentile and share are those of the turns in the window, in whatever order they ended."""
    values = [value for _, value in turns]
    found = []
    for _ in range(2):
        samples = Samples(600.0, 5000)
        for (moment, _), value in zip(sorted(turns), values, strict=True):
            samples.add(moment, float(value))
        found.append((samples.p95(), samples.mean()))
        chance.shuffle(values)
    assert found[0] == found[1]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=150))
def test_the_window_holds_what_is_young_and_new_enough(turns: list[tuple[int, int]]) -> None:
    """After any history the window knows exactly the newest turns that are not older than it is long."""
    samples, kept, now = Samples(100.0, 20), [], 0
    for pause, value in turns:
        now += pause
        samples.add(now, value)
        samples.expire(now)
        kept = [(at, kept_value) for at, kept_value in [*kept, (now, value)][-20:] if now - at <= 100]
        mean, p95 = samples.mean(), samples.p95()
        assert mean is not None
        assert p95 is not None
        assert mean.n == p95.n == len(kept)
        assert mean.value == pytest.approx(sum(kept_value for _, kept_value in kept) / len(kept))
        assert p95.value == sorted(kept_value for _, kept_value in kept)[-(-95 * len(kept) // 100) - 1]


# --- what of a turn counts ---------------------------------------------------------------------------------------

BEGUN = {"request": 0.0, "first_token": 10.0, "first_sentence": 20.0, "done": 50.0}
GIVEN_UP = {"outcome": Outcome.ABANDONED, "attempts": ()}


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (turn(), {Axis.MODEL: False, Axis.SYNTHESIS: False}),
        (turn(kind="speech"), {Axis.SYNTHESIS: False}),
        (turn(attempts=(replace(SPOKEN, outcome=AttemptOutcome.CACHED),)), {Axis.MODEL: False}),
        (broken(), {Axis.MODEL: True}),
        (broken("provider_timeout"), {Axis.MODEL: True}),
        (broken("providers_resting", model_attempts=()), {Axis.MODEL: True}),
        (broken("internal", model_attempts=()), {Axis.MODEL: True}),
        (broken("providers_resting", model_attempts=(WRITTEN,), marks=BEGUN), {Axis.SYNTHESIS: True}),
        # A model that broke off, and none left to go on: sentences were spoken, and yet it is the model's doing.
        (broken("providers_resting", marks=BEGUN), {Axis.MODEL: True}),
        (mute(), {Axis.SYNTHESIS: True}),
        (mute(kind="speech", attempts=()), {Axis.SYNTHESIS: True}),
        # A model that breaks off while the next sentence has failed once and is being tried again.
        (
            broken(
                attempts=(
                    replace(SPOKEN, outcome=AttemptOutcome.FAILED),
                    replace(SPOKEN, outcome=AttemptOutcome.CANCELLED),
                ),
                marks=BEGUN,
            ),
            {Axis.MODEL: True},
        ),
        (broken("nothing_heard"), {}),
        (broken("content_refused"), {}),
        (broken("unknown_voice"), {}),
        (broken("overloaded"), {}),
        (turn(outcome=Outcome.CANCELLED), {}),
        (turn(outcome=Outcome.ABANDONED), {}),
    ],
)
def test_failures_count_where_they_happened(record: TurnRecord, told: dict[Axis, bool]) -> None:
    """A failure counts on the axis that caused it; what the listener ended or the caller spoiled counts nowhere."""
    assert failed(record) == told


@pytest.mark.parametrize(
    ("record", "ttfa", "first_tts"),
    [
        (turn(), 900.0, 300.0),
        (turn(kind="speech"), None, 300.0),
        (mute(), None, None),
        (broken(), None, None),
        (turn(outcome=Outcome.CANCELLED), None, None),
        # What was kept is there at once, and says nothing about the synthesizer; the turn's TTFA is what it is.
        (turn(attempts=(replace(SPOKEN, outcome=AttemptOutcome.CACHED),)), 900.0, None),
        # A listener who left in silence waited at least as long as the time to first audio would have been …
        (turn(**GIVEN_UP, marks={"request": 0.0, "done": 9000.0}), 9000.0, None),
        (turn(**GIVEN_UP, marks={"request": 0.0, "first_sentence": 5500.0, "done": 9000.0}), 9000.0, 3500.0),
        # … but one who left before a limit tells nothing about it.
        (turn(**GIVEN_UP, marks={"request": 0.0, "first_sentence": 300.0, "done": 2300.0}), None, None),
        (turn(**GIVEN_UP, marks={"request": 0.0, "done": 5000.0}), None, None),
    ],
)
def test_latencies_are_those_of_turns_that_show_one(
    record: TurnRecord, ttfa: float | None, first_tts: float | None
) -> None:
    """A completed turn shows its latencies; one given up in silence shows how long it was waited for at least."""
    assert (ttfa_ms(record, SETTINGS), first_tts_ms(record, SETTINGS)) == (ttfa, first_tts)


def test_the_profile_asked_for_is_known_of_a_turn_that_got_another() -> None:
    """A turn that was given the fast profile instead of quality asked for quality."""
    assert asked_profile(turn()) == "fast"
    assert asked_profile(turn(profile="quality")) == "quality"
    assert asked_profile(turn(degraded=("fast_profile",))) == "quality"


# --- the lookout -------------------------------------------------------------------------------------------------


class Watch:
    """A lookout on a clock turned by hand, and what it told."""

    def __init__(self, settings: DegradationSettings = SETTINGS, default: str = "fast") -> None:
        self.clock = ManualClock()
        self.changes: list[Change] = []
        self.lookout = Lookout(self.clock, settings, ProfilesSettings(), default, self.changes.append)

    async def turns(self, record: TurnRecord, count: int, every_s: float = 1.0) -> None:
        """So many turns like this one, one after another."""
        for _ in range(count):
            await self.clock.advance(every_s)
            self.lookout.note(record)

    def state(self, axis: Axis = Axis.MODEL) -> State:
        """The state of an axis."""
        return next(told.state for told in self.lookout.report().axes if told.axis is axis)


async def test_the_story_of_a_slow_model() -> None:
    """Unknown, ok, slow, fast, and back: each step with its badge, its remedy, its reason and its time."""
    watch = Watch()
    assert watch.state() is State.UNKNOWN
    assert watch.lookout.report().worst.insufficient == tuple(
        rule for rule in (Figure.TTFA_P95_MS, Figure.FAILED_SHARE, Figure.FAILED_IN_A_ROW)
    )
    await watch.turns(turn(2000.0), 29)
    assert watch.state() is State.UNKNOWN
    await watch.turns(turn(2000.0), 1)
    assert watch.state() is State.OK
    assert watch.lookout.remedy() == Remedy()

    await watch.turns(turn(5500.0), 40)
    told = watch.lookout.report().worst
    assert (told.state, told.badge, told.reason) == (
        State.SLOW,
        "AI SLOW",
        "TTFA p95 5,500 ms over 62 turns: over 5,000 ms for 30 s.",
    )
    assert told.since == watch.changes[-1].at
    assert watch.lookout.remedy() == Remedy(default_profile="fast")

    await watch.turns(turn(9000.0), 40)
    assert watch.state() is State.FAST
    assert watch.lookout.report().worst.badge == "FAST MODE"
    assert watch.lookout.remedy() == Remedy(default_profile="fast", forced_profile="fast")

    await watch.turns(turn(1500.0), 800)
    assert watch.state() is State.FAST
    assert "; held " in watch.lookout.report().worst.following
    await watch.turns(turn(1500.0), 120)
    assert watch.state() is State.OK
    assert [(change.before, change.after, change.word) for change in watch.changes if change.axis is Axis.MODEL] == [
        (State.UNKNOWN, State.OK, Word.LEFT),
        (State.OK, State.SLOW, Word.ENTERED),
        (State.SLOW, State.FAST, Word.ENTERED),
        (State.FAST, State.OK, Word.LEFT),
    ]


async def test_both_axes_are_told_and_the_whole_is_the_worse() -> None:
    """A slow model and a degraded synthesis show both badges; the state of the whole is that of the worse axis."""
    watch = Watch()
    await watch.turns(turn(7000.0, first_tts=4500.0), 61)
    report = watch.lookout.report()
    assert [told.badge for told in report.axes] == ["AI SLOW", "TTS DEGRADED"]
    assert (report.worst.axis, report.worst.state) == (Axis.SYNTHESIS, State.DEGRADED)
    assert report.remedy.rotate_synthesizers
    assert report.remedy.order(("a", "b", "c")) == ("b", "c", "a")
    assert report.remedy.order(("a",)) == ("a",)
    assert Remedy().order(("a", "b")) == ("a", "b")


async def test_an_outage_is_noticed_with_few_turns() -> None:
    """Failures in a row for half a minute are an emergency on their axis, long before thirty turns are in."""
    watch = Watch()
    await watch.turns(mute(), 7, every_s=6.0)
    assert watch.state(Axis.SYNTHESIS) is State.UNKNOWN
    await watch.turns(mute(), 5, every_s=6.0)
    assert watch.state(Axis.SYNTHESIS) is State.EMERGENCY
    assert watch.state(Axis.MODEL) is State.UNKNOWN
    assert watch.lookout.report().worst.reason == "11 turns failed in a row: over 5 for 30 s."


async def test_an_outage_is_not_over_because_nobody_comes() -> None:
    """When no turn arrives any more the failures grow old, and the emergency stays."""
    watch = Watch()
    await watch.turns(broken(), 12, every_s=100.0)
    assert watch.state() is State.EMERGENCY
    for _ in range(200):
        await watch.clock.advance(30.0)
        assert watch.state() is State.EMERGENCY
    await watch.turns(turn(), 310)
    assert watch.state() is State.OK


async def test_interrupted_turns_are_neither_good_nor_bad() -> None:
    """However many listeners interrupt, that changes nothing, and does not count as knowing anything."""
    watch = Watch()
    await watch.turns(turn(outcome=Outcome.CANCELLED), 200)
    assert watch.state() is State.UNKNOWN


async def test_nobody_waiting_for_a_model_is_noticed() -> None:
    """When all listeners leave in silence after ten seconds, the model is slow although no turn completes."""
    watch = Watch()
    gone = turn(outcome=Outcome.ABANDONED, attempts=(), marks={"request": 0.0, "done": 10_000.0})
    await watch.turns(gone, 61)
    assert watch.state() is State.FAST


async def test_the_remedy_does_not_poison_its_figure() -> None:
    """Turns that chose quality, and are given fast now, neither brought the state about nor end it."""
    watch = Watch()
    await watch.turns(turn(20_000.0, profile="quality"), 100)
    assert watch.state() is State.UNKNOWN
    await watch.turns(turn(9000.0), 61)
    assert watch.state() is State.FAST
    for _ in range(700):
        await watch.turns(turn(9000.0), 1, every_s=0.5)
        await watch.turns(turn(500.0, degraded=("fast_profile",)), 5, every_s=0.1)
    assert watch.state() is State.FAST


async def test_a_remedy_that_only_hides_the_trouble_is_kept_longer_each_time() -> None:
    """Where quality is the default and slow, the fast profile heals the figure; the state returns ever more seldom."""
    watch = Watch(default="quality")
    for _ in range(6 * 720):
        cure = watch.lookout.remedy()
        slow = turn(9000.0, profile="quality")
        await watch.turns(turn(900.0, degraded=("fast_profile",)) if cure.forced_profile else slow, 1, every_s=5.0)
    entered = [change.at for change in watch.changes if change.word is Word.ENTERED and change.after is State.FAST]
    gaps = [later - earlier for earlier, later in itertools.pairwise(entered)]
    assert 3 <= len(entered) <= 12
    assert gaps == sorted(gaps)
    assert gaps[-1] > 1.8 * gaps[0]


async def test_the_newest_turns_count_when_there_are_too_many() -> None:
    """The store is bounded: with more turns than are kept, the oldest are forgotten before the window ends."""
    watch = Watch(DegradationSettings(keep_turns=50, min_turns=30))
    await watch.turns(turn(9000.0), 50, every_s=0.01)
    await watch.turns(turn(1000.0), 50, every_s=0.01)
    reading = watch.lookout.report().axes[0].figures[Figure.TTFA_P95_MS]
    assert reading == Reading(1000.0, 50)
