"""What operators may command in which phase, and what is said where they may not."""

from dataclasses import replace

import pytest

from segue.delivery.commands import ALREADY, allowed, obey, objection, retry_objection
from segue.delivery.decision import Ruling
from segue.delivery.evidence import Look
from segue.delivery.rollout import Command, Kind, Phase, Rollout, Verb
from segue.delivery.verdict import Judgement
from segue.routing import Exposure, RoutingTable, Variant
from tests.underway import CERTIFIED, HOUR, MINUTE, NOW, SEEN, WAITING, plan, rollout

HELD = {"phase": Phase.HELD, "rising_barred": True, "why": "ttfa breached.", "code": "breach"}
PHASES: dict[str, Rollout] = {
    "running": rollout(stage=1),
    "first": rollout(),
    "baking": rollout(stage=3),
    "held": rollout(stage=1, **HELD),
    "paused": rollout(stage=1, phase=Phase.PAUSED),
    "frozen": rollout(stage=1, frozen="A holiday."),
    "promoted": rollout(stage=3, phase=Phase.PROMOTED, ended_at=NOW),
    "rolled_back": rollout(stage=1, phase=Phase.ROLLED_BACK, ended_at=NOW, rollbacks=1),
}
RULES: dict[Verb, dict[str, str]] = {
    Verb.PAUSE: {"paused": ALREADY, "promoted": "ended", "rolled_back": "ended"},
    Verb.RESUME: {
        **dict.fromkeys(("running", "first", "baking", "frozen"), ALREADY), "promoted": "ended", "rolled_back": "ended",
    },
    Verb.APPROVE: {
        **dict.fromkeys(("running", "baking", "held", "paused", "frozen"), "approval"), "promoted": "ended",
        "rolled_back": "ended",
    },
    Verb.PROMOTE: {"held": "breach", "frozen": "frozen", "promoted": ALREADY, "rolled_back": "ended"},
    Verb.STEP_BACK: {"first": "first_stage", "promoted": "ended", "rolled_back": "ended"},
    Verb.ROLL_BACK: {"rolled_back": ALREADY},
    Verb.FREEZE: {"frozen": ALREADY, "promoted": "ended", "rolled_back": "ended"},
    Verb.THAW: {
        **dict.fromkeys(("running", "first", "baking", "held", "paused"), ALREADY), "promoted": "ended",
        "rolled_back": "ended",
    },
    Verb.RETRY: {
        **dict.fromkeys(("running", "first", "baking", "held", "paused", "frozen"), "running"), "promoted": "promoted",
        "rolled_back": "cool_down",
    },
    Verb.START: dict.fromkeys(("running", "first", "baking", "held", "paused", "frozen"), "running"),
}  # fmt: skip
"""By verb and phase: the code of the objection; none where there is no entry."""


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("verb", Verb)
def test_each_verb_in_each_phase(verb: Verb, phase: str) -> None:
    """Every verb has an answer in every phase: it is obeyed, or there is a code and a sentence that says why not."""
    found = objection(PHASES[phase], Command(verb), now=NOW + MINUTE, look=SEEN)

    assert (found.code if found else "") == RULES[verb].get(phase, "")
    told = allowed(PHASES[phase], verb, NOW + MINUTE)
    assert bool(told) == bool(found)
    assert not told or (told[0].isupper() and told.endswith((".", "!")))


def ruled(of: Rollout, command: Command, judgement: Judgement = CERTIFIED) -> Ruling:
    """What a command leads to, where nothing is against it."""
    assert objection(of, command, now=NOW, look=SEEN) is None
    return obey(of, command, judgement)


def test_a_reason_is_kept_with_its_actor() -> None:
    """The sentence names who commanded and why."""
    found = ruled(rollout(), Command(Verb.PAUSE, "olha", "  The room is full. "))
    assert (found.kind, found.reason) == (Kind.PAUSED, "Paused by olha: The room is full.")
    assert ruled(rollout(), Command(Verb.FREEZE, "olha")).reason == "Frozen by olha."


def test_promote_goes_one_stage_on_and_says_what_is_not_proved() -> None:
    """A person may go on without proof; the decision says whether there was one."""
    proved = ruled(rollout(), Command(Verb.PROMOTE, "olha", "Sounds good"))
    assert (proved.kind, proved.stage, proved.code) == (Kind.ADVANCED, 1, "certified")
    assert proved.reason == "Advanced to half (50 %): by olha: Sounds good (every gate is proved)."

    unproved = ruled(rollout(), Command(Verb.PROMOTE, "olha", force=True), WAITING)
    assert unproved.code == "without_proof"
    assert unproved.reason == "Advanced to half (50 %): by olha (not every gate is proved, by force)."


def test_promote_in_full_skips_the_rest() -> None:
    """With `full` the candidate is the baseline at once, from any stage; from the bake it is so without."""
    assert ruled(rollout(), Command(Verb.PROMOTE, full=True)).kind is Kind.PROMOTED
    assert ruled(rollout(stage=3), Command(Verb.PROMOTE)).kind is Kind.PROMOTED


def test_promote_after_a_breach_needs_force() -> None:
    """What is held by a breach, frozen or switched off advances by force only."""
    for of, look, code in (
        (PHASES["held"], SEEN, "breach"),
        (replace(PHASES["held"], phase=Phase.PAUSED), SEEN, "breach"),
        (PHASES["frozen"], SEEN, "frozen"),
        (PHASES["running"], Look(enabled=False), "kill_switch"),
    ):
        found = objection(of, Command(Verb.PROMOTE), now=NOW, look=look)
        assert found is not None
        assert found.code == code
        assert "force" in found.reason
        assert objection(of, Command(Verb.PROMOTE, force=True), now=NOW, look=look) is None


def test_promote_after_a_wait_needs_no_force() -> None:
    """A stage that is held because nothing was proved in time was not breached; a person may go on."""
    of = rollout(phase=Phase.HELD, code="wait_limit")
    assert ruled(of, Command(Verb.PROMOTE), WAITING).stage == 1


def test_step_back_goes_where_it_is_told() -> None:
    """One stage back, or to a named earlier one; another name is refused with those there are."""
    of = rollout(stage=2)
    assert ruled(of, Command(Verb.STEP_BACK)).stage == 1
    assert ruled(of, Command(Verb.STEP_BACK, stage="few")).stage == 0
    assert ruled(rollout(stage=3), Command(Verb.STEP_BACK)).phase is Phase.RUNNING

    for name in ("all", "nowhere", "bake"):
        found = objection(of, Command(Verb.STEP_BACK, stage=name), now=NOW)
        assert found is not None
        assert (found.code, found.reason) == ("stage", f"{name} is no earlier stage; there are few, half.")


def test_step_back_may_not_raise_the_share_after_a_breach() -> None:
    """An earlier stage may have the larger share; after a breach going there needs force."""
    stages = [{"name": "one", "share": "50%"}, {"name": "three", "share": "25%"}]
    of = rollout(plan(stages=stages), stage=1)
    assert objection(of, Command(Verb.STEP_BACK), now=NOW) is None

    barred = replace(of, rising_barred=True)
    found = objection(barred, Command(Verb.STEP_BACK), now=NOW)
    assert found is not None
    assert found.code == "breach"
    assert objection(barred, Command(Verb.STEP_BACK, force=True), now=NOW) is None


def test_rolling_back_a_promoted_one_needs_it_to_be_the_baseline() -> None:
    """A promoted candidate is rolled back only while it is the baseline and nothing runs on top of it."""
    of, command = PHASES["promoted"], Command(Verb.ROLL_BACK)
    hd = of.plan.candidate.variant()
    later = Exposure("next/1", 0, Variant("next"), 500)

    assert objection(of, command, now=NOW, table=RoutingTable(9, hd)) is None
    for table, code in ((RoutingTable(9, hd, later), "running"), (RoutingTable(9, Variant("other")), "baseline")):
        found = objection(of, command, now=NOW, table=table)
        assert found is not None
        assert found.code == code
        assert "next/1" in found.reason or "other" in found.reason


def test_a_retry_waits_for_the_cool_down() -> None:
    """After a roll back the same or another candidate waits for the cool-down, unless it is forced."""
    of = PHASES["rolled_back"]

    assert allowed(of, Verb.RETRY, NOW + 5 * MINUTE) == (
        "Attempt 1 was rolled back; the cool-down of 15 min has 10 min left. Wait, or use force."
    )
    assert not allowed(of, Verb.RETRY, NOW + 15 * MINUTE)
    assert objection(of, Command(Verb.RETRY, force=True), now=NOW) is None


def test_a_candidate_that_fails_again_and_again_is_locked() -> None:
    """After so many roll backs of the same candidate only force starts it again; a changed one starts."""
    of = rollout(phase=Phase.ROLLED_BACK, ended_at=NOW, rollbacks=3)
    late = NOW + 24 * HOUR

    found = retry_objection(of, of.plan, now=late, force=False)
    assert found is not None
    assert (found.code, "3 times" in found.reason) == ("locked", True)
    assert retry_objection(of, of.plan, now=late, force=True) is None
    other = plan(candidate={"name": "hd", "voice": "another"})
    assert retry_objection(of, other, now=late, force=False, again=False) is None
    renumbered = plan(version=2, about="The same voice under another number.")
    assert retry_objection(of, renumbered, now=late, force=False, again=False) is not None


def test_force_starts_nothing_twice() -> None:
    """Force does not start an attempt beside one that is live, nor after one that was promoted."""
    for phase in ("running", "held", "paused", "baking", "promoted"):
        assert objection(PHASES[phase], Command(Verb.RETRY, force=True), now=NOW) is not None


@pytest.mark.parametrize("verb", [Verb.START, Verb.RETRY])
def test_obeying_begins_nothing(verb: Verb) -> None:
    """An attempt is begun elsewhere, and only there."""
    with pytest.raises(ValueError, match="begins an attempt"):
        obey(rollout(), Command(verb), CERTIFIED)
