"""One step of a rollout: what it changes in the rollout and the routing table, what it writes, and what it does not."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from segue.delivery.evidence import MILLION, Block, Counts, Look
from segue.delivery.plan import OnBreach, Plan
from segue.delivery.rollout import Change, Command, Decision, Kind, Phase, Rollout, Verb
from segue.delivery.step import act, begin, fold, step
from segue.delivery.terms import series_of, settle
from segue.delivery.verdict import Judgement
from segue.routing import Cohort, Exposure, RoutingTable, Variant
from tests.underway import CERTIFIED, HOUR, MINUTE, NOW, SEEN, WAITING, doubted, harmed, plan, rollout, table

START = Command(Verb.START, "olha", "Chirp 3 is here")
DONE = NOW + 31 * MINUTE
CHANCE = "f00d"


def begun(of: Plan | None = None, before: Rollout | None = None, **options: Any) -> Change:
    """A first attempt, or what else the options make of it."""
    of = of or plan()
    given: dict[str, Any] = {"table": table(), "now": NOW, "command": START, "attempt": 1, "memory_bytes": 7, **options}
    return begin(of, terms=settle(of), before=before, chance="abc", **given)


def acted(of: Rollout, judgement: Judgement = WAITING, **options: Any) -> Change:
    """What follows from a judgement."""
    given: dict[str, Any] = {"table": running(of), "now": DONE, "look": SEEN, "chance": CHANCE, **options}
    return act(of, judgement=judgement, **given)


def running(of: Rollout) -> RoutingTable:
    """The routing table while this rollout is live."""
    return RoutingTable(5, of.plan.baseline.variant(), exposure(of))


def exposure(of: Rollout, **changes: Any) -> Exposure:
    """Who hears the candidate, as this rollout has it."""
    return replace(
        Exposure(of.key, of.stage, of.plan.candidate.variant(), of.share_bp, salt="chirp3", since=of.stage_since),
        **changes,
    )


def decided(change: Change) -> Decision:
    """The decision of a change that has one."""
    assert change.decision is not None
    return change.decision


def told(change: Change) -> tuple[Kind, str]:
    """Kind and code of what was decided."""
    return decided(change).kind, decided(change).code


# Beginning


def test_the_first_share_applies_at_once() -> None:
    """Starting writes the rollout, one decision and the routing table; the plan's baseline replaces the default one."""
    change = begun()
    of = change.rollout

    assert (of.key, of.version, of.phase, of.stage, of.share_bp, of.stage_since) == (
        "chirp3/1", 1, Phase.RUNNING, 0, 500, NOW,
    )  # fmt: skip
    assert (of.before, of.nonce, of.memory_bytes) == (Variant("baseline"), "abc", 7)
    assert change.table == RoutingTable(3, of.plan.baseline.variant(), exposure(of))
    assert decided(change).reason == "Started with few (5 %) by olha: Chirp 3 is here."
    assert (decided(change).number, decided(change).token, decided(change).actor) == (1, 1, "olha")
    assert not change.idle


def ended(phase: Phase = Phase.ROLLED_BACK, **changes: Any) -> Rollout:
    """An attempt that has ended."""
    return rollout(phase=phase, ended_at=NOW - 100, **{"rollbacks": int(phase is Phase.ROLLED_BACK), **changes})


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"other": "night/4"}, "other"),
        ({"table": RoutingTable(3, exposure=Exposure("night/4", 0, Variant("x"), 1))}, "other"),
        ({"before": rollout()}, "running"),
        ({"before": rollout(phase=Phase.PAUSED)}, "running"),
        ({"before": ended()}, "cool_down"),
        ({"before": ended(rollbacks=3), "now": NOW + 9 * HOUR}, "locked"),
        ({"table": RoutingTable(3, Variant("hd", voice="another"))}, "baseline"),
        ({"command": Command(Verb.RETRY)}, "never_started"),
        ({"before": ended(Phase.PROMOTED), "command": Command(Verb.RETRY)}, "promoted"),
    ],
)
def test_a_start_that_is_refused_changes_nothing(options: dict[str, Any], code: str) -> None:
    """Beside another rollout, within the cool-down, locked, or over another baseline nothing is started."""
    change = begun(**options)

    assert told(change) == (Kind.REFUSED, code)
    assert decided(change).number == 0
    assert change.idle
    assert (change.table, change.notices, change.blocks) == (None, (), ())


def test_variants_that_are_not_there_are_not_compared() -> None:
    """What the server does not have would be spoken by others, and judged by them; by force it may be compared."""
    lacking = ["Variant 'hd': there is no synthesizer 'chirp' here."]
    change = begun(lacking=lacking)
    assert change.idle
    assert told(change) == (Kind.REFUSED, "variant")
    assert decided(change).reason.startswith(lacking[0])
    assert decided(begun(lacking=lacking, command=replace(START, force=True))).kind is Kind.STARTED


def test_force_starts_within_the_cool_down_and_what_is_locked() -> None:
    """Force does away with waiting and with another baseline, never with another rollout that is live."""
    forced = replace(START, force=True)

    assert told(begun(before=ended(rollbacks=3), command=forced))[0] is Kind.STARTED
    assert "by force" in decided(begun(before=ended(), command=forced)).reason
    for options in ({"other": "night/4"}, {"before": rollout()}):
        assert told(begun(command=forced, **options))[0] is Kind.REFUSED
    over = begun(command=forced, table=RoutingTable(3, Variant("hd", voice="another")))
    assert over.table is not None
    assert over.table.baseline == plan().baseline.variant()


def test_a_retry_is_a_new_attempt_with_nothing_proved() -> None:
    """A new attempt knows how often this candidate was rolled back, and nothing else of the one before."""
    before = ended(rollbacks=2, dropped=("pip",), told=("warn/ttfa",), frozen="x", decisions=40)
    change = begun(before=before, command=Command(Verb.RETRY, "olha"), attempt=2, now=NOW + HOUR)
    of = change.rollout

    assert told(change) == (Kind.RETRIED, "command")
    assert (of.attempt, of.version, of.rollbacks, of.decisions) == (2, 1, 2, 1)
    assert (of.dropped, of.told, of.frozen, of.closed) == ((), (), "", {})
    assert of.book == begun().rollout.book
    other = plan(candidate={"name": "hd", "voice": "another"})
    assert begun(other, before=before, now=NOW + HOUR).rollout.rollbacks == 0


def test_the_same_start_twice_is_one_start() -> None:
    """A start that is repeated with its id has the same answer, and nothing is written."""
    first = begun(command=replace(START, id="s1"))
    again = begun(command=replace(START, id="s1"), before=first.rollout, now=NOW + 5)

    assert again.decision == first.decision
    assert again.idle
    assert again.table is None
    assert told(begun(command=replace(START, id="s2"), before=first.rollout)) == (Kind.REFUSED, "running")


def test_a_plan_may_start_from_what_was_promoted() -> None:
    """The next plan's baseline is what the last one promoted."""
    promoted = ended(Phase.PROMOTED)
    hd = promoted.plan.candidate
    following = plan(name="next", baseline=hd.model_dump(), candidate={"name": "next"})
    change = begun(following, table=RoutingTable(9, hd.variant()))

    assert told(change)[0] is Kind.STARTED
    assert change.rollout.before == hd.variant()


# Going on


def test_an_advance_starts_a_stage_anew() -> None:
    """What belongs to a stage ends with it: counted blocks, approval, link, and what was told."""
    of = rollout(
        approved=("half",),
        closed={"ttfa": 9},
        unobserved_s=30.0,
        told=("warn/ttfa",),
        said="waited/dwell/",
        nonce="old",
    )
    change = acted(of, CERTIFIED)
    after = change.rollout

    assert told(change) == (Kind.ADVANCED, "certified")
    assert (after.stage, after.share_bp, after.stage_since, after.version) == (1, 5000, DONE, of.version + 1)
    assert (after.closed, after.unobserved_s, after.told, after.said, after.approved, after.nonce) == (
        {}, 0.0, (), "", (), CHANCE,
    )  # fmt: skip
    assert change.table == RoutingTable(6, of.plan.baseline.variant(), exposure(after))
    assert after.last == change.decision


def test_from_the_last_stage_to_the_end() -> None:
    """The bake keeps a holdback; promoted, the candidate is the baseline and nothing is exposed beside it."""
    of = rollout(stage=2)
    bake = acted(of, CERTIFIED)
    assert (bake.rollout.phase, bake.rollout.share_bp, bake.rollout.stage_name) == (Phase.BAKING, 9500, "bake")
    assert bake.table is not None
    assert bake.table.exposure == exposure(bake.rollout)

    end = acted(bake.rollout, now=DONE + HOUR)
    assert told(end) == (Kind.PROMOTED, "baked")
    assert (end.rollout.phase, end.rollout.share_bp, end.rollout.ended_at) == (Phase.PROMOTED, 10_000, DONE + HOUR)
    assert end.table == RoutingTable(6, of.plan.candidate.variant(), None)


def test_waiting_is_told_once() -> None:
    """A wait is decided when it begins and when its reason changes, not at every look."""
    first = acted(rollout())
    assert told(first) == (Kind.WAITED, "certification")
    assert first.table is None

    again = acted(first.rollout, now=DONE + 1)
    assert (again.decision, again.idle) == (None, True)
    assert again.rollout == first.rollout
    other = acted(first.rollout, Judgement(waiting_for="ttfa needs more."), now=DONE + 1)
    assert other.idle
    assert told(acted(first.rollout, CERTIFIED, now=DONE + 2)) == (Kind.WAITED, "approval")


def test_doubt_is_told_once_and_ends_by_itself() -> None:
    """A doubt about the evidence holds the share without a person; it is told when it is new."""
    held = acted(rollout(), doubted("common_cause", "ttfa"))
    assert told(held) == (Kind.HELD, "common_cause")
    assert (held.rollout.phase, held.rollout.why, held.table) == (
        Phase.RUNNING, "Something is wrong: common_cause.", None,
    )  # fmt: skip
    assert acted(held.rollout, doubted("common_cause", "ttfa")).idle
    assert not acted(held.rollout, doubted("common_cause", "failures")).idle

    over = acted(held.rollout)
    assert told(over) == (Kind.WAITED, "certification")
    assert over.rollout.why == ""
    assert told(acted(over.rollout, doubted("common_cause", "ttfa"))) == (Kind.HELD, "common_cause")


# Harm


def test_a_roll_back_gives_everybody_the_baseline() -> None:
    """The candidate is heard by nobody, everybody hears the plan's baseline, and the attempt has ended."""
    of = rollout(stage=1, approved=("all",), frozen="A holiday.")
    change = acted(of, harmed())
    after = change.rollout

    assert told(change) == (Kind.ROLLED_BACK, "breach")
    assert (after.phase, after.share_bp, after.ended_at, after.rollbacks) == (Phase.ROLLED_BACK, 0, DONE, 1)
    assert (after.approved, after.nonce) == ((), "")
    assert change.table == RoutingTable(6, of.plan.baseline.variant(), None)
    assert decided(change).share_bp == 0


@pytest.mark.parametrize("judgement", [CERTIFIED, WAITING, harmed(), doubted("stale")])
@pytest.mark.parametrize("phase", [Phase.PROMOTED, Phase.ROLLED_BACK])
def test_an_end_stays_an_end(phase: Phase, judgement: Judgement) -> None:
    """Whatever the gates would say, an ended attempt does not move by itself."""
    of = ended(phase, told=("hold/ttfa",))
    assert acted(of, judgement, table=RoutingTable(5)) == Change(of, judgement=judgement, idle=True)
    assert step(of, RoutingTable(5), now=DONE, look=SEEN, blocks=[block()]).idle


def test_a_step_back_holds_until_somebody_resumes() -> None:
    """It is held at the smaller share with fresh evidence; resumed, it needs the proof and the approval again."""
    of = rollout(stage=1, stage_since=NOW, closed={"ttfa": 4})
    back = acted(of, harmed(OnBreach.STEP_BACK))
    after = back.rollout

    assert told(back) == (Kind.STEPPED_BACK, "breach")
    assert (after.phase, after.stage, after.share_bp, after.rising_barred) == (Phase.HELD, 0, 500, True)
    assert (after.closed, after.stage_since, after.code) == ({}, DONE, "breach")
    assert after.why == decided(back).reason
    assert acted(after, CERTIFIED, now=DONE + 9 * HOUR).idle
    refused = acted(after, CERTIFIED, command=Command(Verb.PROMOTE))
    assert told(refused) == (Kind.REFUSED, "breach")

    resumed = acted(after, command=Command(Verb.RESUME, "olha"), now=DONE + HOUR)
    assert (resumed.rollout.phase, resumed.rollout.rising_barred, resumed.rollout.why) == (Phase.RUNNING, False, "")
    assert told(acted(resumed.rollout, CERTIFIED, now=DONE + HOUR)) == (Kind.WAITED, "approval")


def test_a_breach_that_holds_is_accepted_by_resuming() -> None:
    """Resumed, the same breach does not hold again while it lasts; when it is over and comes again, it does."""
    hold = harmed(OnBreach.HOLD)
    held = acted(rollout(), hold)
    assert told(held) == (Kind.HELD, "breach")
    assert (held.rollout.phase, held.rollout.rising_barred, held.table) == (Phase.HELD, True, None)
    assert acted(held.rollout, hold).idle

    resumed = acted(held.rollout, hold, command=Command(Verb.RESUME))
    assert told(resumed) == (Kind.RESUMED, "command")
    waits = acted(resumed.rollout, hold)
    assert told(waits) == (Kind.WAITED, "certification")
    over = acted(waits.rollout)
    assert over.rollout.told == ()
    assert told(acted(over.rollout, hold)) == (Kind.HELD, "breach")


def test_a_warning_is_given_once_in_a_stage() -> None:
    """A breach that only warns is told once for its gate and stage, and stops nothing."""
    warned = acted(rollout(), harmed(OnBreach.WARN))
    assert told(warned) == (Kind.WARNED, "breach")
    assert (warned.rollout.phase, warned.rollout.rising_barred, warned.table) == (Phase.RUNNING, False, None)
    assert told(acted(warned.rollout, harmed(OnBreach.WARN))) == (Kind.WAITED, "certification")
    over = acted(warned.rollout)
    assert told(acted(over.rollout, replace(harmed(OnBreach.WARN), certified=True))) == (Kind.WAITED, "approval")

    further = acted(replace(over.rollout, approved=("half",)), CERTIFIED)
    assert told(acted(further.rollout, harmed(OnBreach.WARN))) == (Kind.WARNED, "breach")


def test_a_dropped_character_hears_the_baseline_again() -> None:
    """The character is taken out of the exposure at once, and the rollout goes on without it."""
    dropped = acted(rollout(), harmed(OnBreach.DROP_COHORT, character="pip"))

    assert told(dropped) == (Kind.DROPPED, "breach")
    assert (dropped.rollout.phase, dropped.rollout.dropped) == (Phase.RUNNING, ("pip",))
    assert dropped.table is not None
    assert dropped.table.exposure == exposure(rollout(), dropped=("pip",))
    further = acted(replace(dropped.rollout, approved=("half",)), CERTIFIED)
    assert further.table is not None
    assert further.table.exposure is not None
    assert further.table.exposure.dropped == ("pip",)


def test_a_wait_that_held_is_given_its_limit_again() -> None:
    """A stage held for want of proof, resumed, waits for proof as long as before."""
    late = NOW + 3 * HOUR
    held = acted(rollout(), now=late)
    assert (told(held), held.rollout.rising_barred) == ((Kind.HELD, "wait_limit"), False)

    resumed = acted(held.rollout, command=Command(Verb.RESUME), now=late + HOUR)
    assert told(acted(resumed.rollout, now=late + 2 * HOUR)) == (Kind.WAITED, "certification")
    assert told(acted(resumed.rollout, now=late + 3 * HOUR)) == (Kind.HELD, "wait_limit")


# Commands


def test_harm_goes_before_a_command() -> None:
    """A command that arrives with harm is not heard; the change says so, and the command can be given again."""
    for verb in (Verb.PAUSE, Verb.FREEZE, Verb.PROMOTE, Verb.RESUME, Verb.STEP_BACK):
        change = acted(rollout(stage=1), harmed(), command=Command(verb, "olha", id="c1", force=True))
        assert told(change) == (Kind.ROLLED_BACK, "breach")
        assert decided(change).actor == "controller"
        assert change.unheard
        assert change.rollout.commands == ()


def test_a_roll_back_is_the_same_with_harm_or_without() -> None:
    """The command to roll back is obeyed as such, breach or not, frozen or not, in every live phase."""
    for of in (rollout(), rollout(stage=3), rollout(phase=Phase.HELD), rollout(phase=Phase.PAUSED, frozen="x")):
        for judgement in (WAITING, harmed()):
            change = acted(of, judgement, command=Command(Verb.ROLL_BACK, "olha", "It sounds hollow"))
            assert told(change) == (Kind.ROLLED_BACK, "command")
            assert decided(change).reason == "Rolled back by olha: It sounds hollow."
            assert (change.rollout.phase, change.unheard) == (Phase.ROLLED_BACK, False)
            assert change.table == RoutingTable(6, of.plan.baseline.variant(), None)


def test_the_same_command_twice_has_one_effect() -> None:
    """A command is known by its id: repeated, it has the same answer, whatever has happened in the meantime."""
    command = Command(Verb.PROMOTE, "olha", id="c1")
    first = acted(rollout(), command=command)
    assert first.rollout.stage == 1

    again = acted(first.rollout, command=command, now=DONE + HOUR)
    assert (again.decision, again.idle, again.rollout) == (first.decision, True, first.rollout)
    rolled_back = acted(first.rollout, harmed())
    assert acted(rolled_back.rollout, command=command).decision == first.decision
    unnamed = acted(first.rollout, command=replace(command, id=""))
    assert unnamed.rollout.stage == 2


def test_answers_are_remembered_for_a_while() -> None:
    """The latest answers are kept, and no more than a few, so that a rollout stays small."""
    of = rollout()
    for index in range(20):
        of = acted(of, command=Command(Verb.FREEZE if index % 2 == 0 else Verb.THAW, id=f"c{index}")).rollout
    assert of.commands == tuple(f"c{index}" for index in range(12, 20))


def test_what_is_so_already_is_told_and_not_written() -> None:
    """Pausing what is paused is no refusal and no second decision."""
    paused = acted(rollout(), command=Command(Verb.PAUSE, "olha")).rollout
    again = acted(paused, command=Command(Verb.PAUSE, "oleh"))

    assert told(again) == (Kind.PAUSED, "already")
    assert (again.idle, again.rollout, decided(again).number) == (True, paused, 0)


def test_pause_and_resume_return_to_where_it_was() -> None:
    """A pause keeps the stage and its share, and a resumed bake goes on baking."""
    for of, phase in ((rollout(stage=1), Phase.RUNNING), (rollout(stage=3), Phase.BAKING)):
        paused = acted(of, command=Command(Verb.PAUSE, "olha"))
        assert (paused.rollout.phase, paused.rollout.why, paused.table) == (Phase.PAUSED, "Paused by olha.", None)
        assert acted(paused.rollout, CERTIFIED, now=DONE + 99 * HOUR).idle
        resumed = acted(paused.rollout, command=Command(Verb.RESUME))
        assert (resumed.rollout.phase, resumed.rollout.stage_since) == (phase, of.stage_since)


def test_a_pause_of_what_is_held_forgets_nothing() -> None:
    """What was held by a breach and then paused still does not rise without a person."""
    held = acted(rollout(stage=1), harmed(OnBreach.STEP_BACK)).rollout
    paused = acted(held, command=Command(Verb.PAUSE)).rollout
    assert told(acted(paused, command=Command(Verb.PROMOTE))) == (Kind.REFUSED, "breach")
    assert acted(paused, command=Command(Verb.PROMOTE, force=True)).rollout.stage == 1


def test_a_freeze_lets_nothing_advance_and_everything_fall() -> None:
    """Frozen, no stage begins until it is thawed; harm still rolls back."""
    frozen = acted(rollout(approved=("half",)), CERTIFIED, command=Command(Verb.FREEZE, "olha", "A holiday"))
    assert (frozen.rollout.frozen, frozen.rollout.phase) == ("A holiday", Phase.RUNNING)
    assert acted(frozen.rollout, CERTIFIED).idle
    assert told(acted(frozen.rollout, harmed())) == (Kind.ROLLED_BACK, "breach")
    promoted = acted(frozen.rollout, CERTIFIED, command=Command(Verb.PROMOTE, force=True))
    assert (promoted.rollout.stage, promoted.rollout.frozen) == (1, "A holiday")

    thawed = acted(frozen.rollout, CERTIFIED, command=Command(Verb.THAW)).rollout
    assert told(acted(thawed, CERTIFIED)) == (Kind.ADVANCED, "certified")


def test_an_approval_is_used_once_and_expires_with_its_stage() -> None:
    """A link works once; an approval is gone when the rollout has left the stage in which it was given."""
    asked = acted(rollout(nonce="abc"), CERTIFIED)
    assert told(asked) == (Kind.WAITED, "approval")
    link = Command(Verb.APPROVE, "olha", nonce="abc", id="a1")
    approved = acted(asked.rollout, CERTIFIED, command=link)
    assert told(approved) == (Kind.APPROVED, "command")
    assert (approved.rollout.approved, approved.rollout.nonce) == (("half",), CHANCE)
    assert told(acted(approved.rollout, CERTIFIED, command=replace(link, id="a2"))) == (Kind.REFUSED, "link")

    half = acted(approved.rollout, CERTIFIED).rollout
    assert (half.stage, half.approved) == (1, ())
    back = acted(half, harmed(OnBreach.STEP_BACK)).rollout
    again = acted(back, command=Command(Verb.RESUME)).rollout
    assert told(acted(again, CERTIFIED, now=DONE + HOUR)) == (Kind.WAITED, "approval")


def test_promoting_is_an_agreement_and_full_is_the_end() -> None:
    """Who promotes agrees to the next stage; in full, the candidate is the baseline at once."""
    promoted = acted(rollout(), command=Command(Verb.PROMOTE, "olha"))
    assert (told(promoted), promoted.rollout.stage) == ((Kind.ADVANCED, "without_proof"), 1)
    full = acted(rollout(), CERTIFIED, command=Command(Verb.PROMOTE, "olha", full=True))
    assert (told(full), full.rollout.phase) == ((Kind.PROMOTED, "certified"), Phase.PROMOTED)
    assert full.table == RoutingTable(6, rollout().plan.candidate.variant(), None)


def test_a_commanded_step_back_goes_on_from_there() -> None:
    """Whoever steps back begins an earlier stage anew; nothing is barred that was not."""
    for of in (rollout(stage=2), rollout(stage=3)):
        change = acted(of, command=Command(Verb.STEP_BACK, "olha", stage="few"))
        after = change.rollout
        assert (after.stage, after.phase, after.share_bp, after.rising_barred) == (0, Phase.RUNNING, 500, False)
        assert after.stage_since == DONE
    held = acted(rollout(stage=2), harmed(OnBreach.STEP_BACK)).rollout
    lower = acted(held, command=Command(Verb.STEP_BACK)).rollout
    assert (lower.stage, lower.phase, lower.rising_barred, lower.why) == (0, Phase.HELD, True, held.why)


def test_a_promoted_one_goes_back_with_one_command() -> None:
    """What was promoted is rolled back like anything else: the plan's baseline is heard again."""
    of = ended(Phase.PROMOTED, stage=3, share_bp=10_000)
    change = acted(of, command=Command(Verb.ROLL_BACK, "olha"), table=RoutingTable(9, of.plan.candidate.variant()))

    assert told(change) == (Kind.ROLLED_BACK, "command")
    assert (change.rollout.phase, change.rollout.share_bp, change.rollout.ended_at) == (Phase.ROLLED_BACK, 0, DONE)
    assert change.table == RoutingTable(10, of.plan.baseline.variant(), None)


@pytest.mark.parametrize("verb", [Verb.START, Verb.RETRY])
def test_a_live_one_cannot_begin(verb: Verb) -> None:
    """What is live can be neither started nor tried again."""
    assert told(acted(rollout(), command=Command(verb))) == (Kind.REFUSED, "running")


# What is written


def block(number: int = 0, *, stage: int = 0, series: str = "ttfa", bad: int = 0) -> Block:
    """A block of five minutes with twenty turns of each arm, one session each."""
    since = NOW + 300.0 * number
    candidate = Counts(20, bad * MILLION, 20, bad * MILLION)
    return Block(stage, series, number, since, since + 300.0, candidate, Counts(20, 0, 20, 0))


def test_blocks_are_folded_once_and_in_order() -> None:
    """A block that was folded, comes too early or is of another stage changes nothing."""
    of = rollout()
    after, taken = fold(of, [block(0), block(1), block(0), block(3), block(0, stage=1), block(0, series="failures")])

    assert [(each.series, each.block) for each in taken] == [("ttfa", 0), ("ttfa", 1), ("failures", 0)]
    assert after.closed == {"ttfa": 2, "failures": 1}
    assert after.book != of.book
    assert fold(after, [block(0), block(1)]) == (after, ())


def test_a_step_without_news_is_idle() -> None:
    """Evidence is written without a decision; nothing new is not written at all, and the version stays."""
    of, routed = rollout(said="waited/dwell/"), running(rollout())
    first = step(of, routed, now=NOW + 301, look=SEEN, blocks=[block(0)])
    assert (first.decision, first.idle, first.rollout.version) == (None, False, of.version + 1)
    assert first.blocks == (block(0),)
    assert first.look == SEEN

    again = step(first.rollout, routed, now=NOW + 302, look=SEEN, blocks=[block(0)])
    assert (again.decision, again.idle, again.blocks) == (None, True, ())
    assert again.rollout == first.rollout


def test_a_refused_command_writes_no_evidence_either() -> None:
    """What is refused leaves the rollout as it was read; the blocks are folded at the next look."""
    of = rollout()
    change = step(of, running(of), now=NOW + 301, look=SEEN, blocks=[block(0)], command=Command(Verb.RESUME, "olha"))
    assert told(change) == (Kind.RESUMED, "already")
    assert (change.rollout, change.blocks, change.idle) == (of, (), True)


def test_bad_blocks_roll_back() -> None:
    """Blocks in which most turns were slow are proof enough, whatever was commanded beside them."""
    of = rollout(frozen="A holiday.")
    bad = [block(number, series=series, bad=18) for number in range(8) for series in ("ttfa", "ttfa/relative")]
    change = step(of, running(of), now=NOW + 2401, look=SEEN, blocks=bad, command=Command(Verb.PAUSE))

    assert told(change) == (Kind.ROLLED_BACK, "breach")
    assert (change.unheard, change.blocks) == (True, tuple(bad))
    assert change.table == RoutingTable(6, of.plan.baseline.variant(), None)
    numbers = decided(change).numbers
    assert numbers["gates"]["ttfa"]["word"] == "breach"
    assert numbers["gates"]["ttfa"]["n"] == 160
    assert numbers["look"]["degradation"] == "unknown"


def test_time_that_nobody_observed_is_kept() -> None:
    """What the look says of unobserved time is remembered in the rollout, and never becomes less within a stage."""
    of = rollout(said="waited/dwell/")
    first = step(of, running(of), now=NOW + 301, look=Look(unobserved_s=120.0)).rollout
    assert first.unobserved_s == 120.0
    assert step(first, running(of), now=NOW + 302, look=SEEN).rollout.unobserved_s == 120.0


def test_every_series_can_be_folded() -> None:
    """Every series that is counted has a place in the book."""
    of = rollout()
    names = {series.name for series in series_of(of.terms)}
    assert len(names) > 2
    after, taken = fold(of, [block(0, series=name) for name in sorted(names)])
    assert {each.series for each in taken} == set(after.closed) == names


@pytest.mark.parametrize(
    "change",
    [
        begun(),
        begun(plan(notify=[{"audience": "team", "url": "http://127.0.0.1:9/"}], windows=[{"days": ["mon"]}])),
        acted(rollout(), harmed(OnBreach.STEP_BACK)),
        acted(rollout(), command=Command(Verb.APPROVE, id="x")),
        acted(rollout(), harmed()),
    ],
)
def test_everything_survives_json(change: Change) -> None:
    """Rollout and decision are the same after they were written and read."""
    for shape, value in ((Rollout, change.rollout), (Decision, change.decision), (RoutingTable, change.table)):
        if value is not None:
            adapter: TypeAdapter[Any] = TypeAdapter(shape)
            assert adapter.validate_json(adapter.dump_json(value)) == value


def test_people_are_told_in_the_same_change() -> None:
    """The messages are written with the decision that they tell of, and for nothing else."""
    of = rollout(plan(notify=[{"audience": "team", "url": "http://127.0.0.1:9/"}]))
    assert [notice.event for notice in acted(of, harmed()).notices] == ["rolled_back"]
    assert acted(of).notices == ()
    asked = acted(of, CERTIFIED)
    assert [notice.event for notice in asked.notices] == ["approval"]
    assert acted(asked.rollout, CERTIFIED).notices == ()


def test_the_exposure_is_the_plans() -> None:
    """Cohort, salt and environment come from the plan; the bake keeps the last stage's cohort."""
    stages = [{"name": "few", "share": "5%", "cohort": {"characters": ["pip"], "languages": ["uk"]}}]
    of = plan(stages=stages, salt="pepper", environment="CHIRP3")
    change = begun(of)
    assert change.table is not None
    assert change.table.exposure is not None
    cohort = Cohort(("pip",), ("uk",), None)
    assert (change.table.exposure.cohort, change.table.exposure.salt) == (cohort, "pepper")
    assert change.table.exposure.environment == "CHIRP3"
    bake = acted(replace(change.rollout), CERTIFIED)
    assert bake.table is not None
    assert bake.table.exposure is not None
    assert (bake.table.exposure.cohort, bake.table.exposure.share_bp) == (cohort, 9500)
