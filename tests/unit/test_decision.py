"""What becomes of a rollout at one look: the order of the reasons, and what each leads to."""

from dataclasses import replace
from typing import Any

import pytest

from segue.delivery.decision import Ruling, decide
from segue.delivery.evidence import Look
from segue.delivery.plan import OnBreach, Plan
from segue.delivery.rollout import Kind, Phase, Rollout
from segue.delivery.verdict import Doubt, Judgement
from tests.underway import CERTIFIED, HOUR, MINUTE, NOW, SEEN, WAITING, breach, doubted, harmed, plan, rollout

DONE = NOW + 31 * MINUTE
SHUT = [{"days": ["sun"]}]
"""Windows that are closed on the Monday of these tests."""


def ruling(
    of: Rollout | None = None, judgement: Judgement = CERTIFIED, *, look: Look = SEEN, now: float = DONE
) -> Ruling | None:
    """What is decided; by default at the end of the first stage's dwell, with everything proved."""
    return decide(of or rollout(), judgement, look, now=now)


def decided(*args: Any, **options: Any) -> Ruling:
    """What is decided, where something is."""
    found = ruling(*args, **options)
    assert found is not None
    return found


STATES: dict[str, tuple[Rollout, Look, float]] = {
    "running": (rollout(), SEEN, DONE),
    "baking": (rollout(stage=3), SEEN, DONE),
    "frozen": (rollout(frozen="A holiday."), SEEN, DONE),
    "kill switch": (rollout(), Look(enabled=False), DONE),
    "paused": (rollout(phase=Phase.PAUSED), SEEN, DONE),
    "held": (rollout(phase=Phase.HELD, rising_barred=True), SEEN, DONE),
    "before the dwell": (rollout(), SEEN, NOW + 1),
    "after the wait limit": (rollout(), SEEN, NOW + 9 * HOUR),
    "window closed": (rollout(plan(windows=SHUT)), SEEN, DONE),
    "approval awaited": (rollout(said="waited/approval/"), SEEN, DONE),
    "all of it": (
        rollout(plan(windows=SHUT), frozen="A holiday.", phase=Phase.PAUSED, unobserved_s=HOUR),
        Look(enabled=False),
        NOW,
    ),
}


@pytest.mark.parametrize("doubt", ["", "common_cause", "routing", "no_data", "stale", "source"])
@pytest.mark.parametrize("state", STATES)
def test_nothing_delays_harm(state: str, doubt: str) -> None:
    """A breach rolls back in every live phase, whatever is frozen, paused, closed, awaited or doubted."""
    of, look, now = STATES[state]
    doubts = (Doubt(doubt, "It is doubted."),) if doubt else ()
    judgement = Judgement(breaches=(breach(),), doubts=doubts)

    found = decided(of, judgement, look=look, now=now)

    assert (found.kind, found.code, found.gate) == (Kind.ROLLED_BACK, "breach", "ttfa")
    told = "38 of 97 turns were slower than 6 s (39 %, at most 5 %)."
    assert found.reason == f"Rolled back: ttfa breached at {of.share_bp / 100:g} %: {told}"


ORDER: list[tuple[str, dict[str, Any], Look, Judgement, float]] = [
    ("frozen", {"frozen": "A holiday."}, SEEN, CERTIFIED, DONE),
    ("kill_switch", {}, Look(enabled=False), CERTIFIED, DONE),
    ("barred", {"rising_barred": True}, SEEN, CERTIFIED, DONE),
    ("common_cause", {}, SEEN, doubted("common_cause"), DONE),
    ("dwell", {}, SEEN, CERTIFIED, NOW + 29 * MINUTE),
    ("certification", {}, SEEN, WAITING, DONE),
    ("window", {"windows": SHUT}, SEEN, CERTIFIED, DONE),
    ("approval", {}, SEEN, CERTIFIED, DONE),
]


@pytest.mark.parametrize("later", range(len(ORDER)))
@pytest.mark.parametrize("earlier", range(len(ORDER)))
def test_the_earlier_reason_is_told(earlier: int, later: int) -> None:
    """Of any two reasons not to advance, the one that comes first in the order is told, and nothing advances."""
    if earlier > later:
        return
    changes = {**ORDER[earlier][1], **ORDER[later][1]}
    windows = changes.pop("windows", [])
    look = Look(enabled=ORDER[earlier][2].enabled and ORDER[later][2].enabled)
    certified = ORDER[earlier][3].certified and ORDER[later][3].certified
    doubts = ORDER[earlier][3].doubts or ORDER[later][3].doubts
    judgement = Judgement(certified=certified, doubts=doubts)
    now = min(ORDER[earlier][4], ORDER[later][4])

    found = decided(rollout(plan(windows=windows), **changes), judgement, look=look, now=now)

    assert found.code == ORDER[earlier][0]
    assert found.stays


def test_advances_when_nothing_is_in_the_way() -> None:
    """With its dwell over, everything proved and the next stage approved, it goes to the next stage."""
    found = decided(rollout(approved=("half",)))

    assert (found.kind, found.code, found.stage, found.phase) == (Kind.ADVANCED, "certified", 1, Phase.RUNNING)
    assert found.reason.startswith("Advanced to half (50 %): every gate of few is proved after 31 min")


def test_however_late_one_stage_at_a_time() -> None:
    """After a year without a look it goes to the next stage only, and still asks for the approval."""
    late = NOW + 365 * 24 * HOUR

    assert decided(now=late).code == "approval"
    assert decided(rollout(stage=1), now=late).stage == 2
    assert decided(rollout(stage=1), WAITING, now=late).kind is Kind.HELD


def test_the_last_stage_leads_to_the_bake_and_the_bake_to_promotion() -> None:
    """After all stages a holdback stays for a while; only then is the candidate the baseline."""
    into = decided(rollout(stage=2), now=DONE)
    assert (into.stage, into.phase) == (3, Phase.BAKING)

    bake = rollout(stage=3)
    assert decided(bake, now=NOW + 59 * MINUTE).code == "dwell"
    assert decided(bake, WAITING, now=NOW + 61 * MINUTE).kind is Kind.PROMOTED


def test_into_the_bake_no_window_is_needed() -> None:
    """The share shrinks when a holdback is taken out, so that needs no window; the promotion after it does."""
    of = plan(windows=SHUT)

    assert decided(rollout(of, stage=2)).phase is Phase.BAKING
    assert decided(rollout(of, stage=3), now=NOW + 61 * MINUTE).code == "window"


def test_a_clock_that_goes_back_proves_nothing() -> None:
    """Before the stage's beginning its dwell is not over."""
    assert decided(now=NOW - HOUR).code == "dwell"


def test_time_nobody_observed_is_no_dwell() -> None:
    """What was not observed does not count as dwell, and that is said."""
    found = decided(rollout(unobserved_s=10 * MINUTE), now=DONE)

    assert found.code == "dwell"
    assert found.reason == (
        "The stage few lasts at least 30 min; 9 min of it are left; 10 min that nobody observed do not count."
    )


@pytest.mark.parametrize(
    "stage",
    [
        {"share": "0%"},
        {"share": "5%", "certify": False},
        {"share": "5%", "cohort": {"characters": []}},
        {"share": "5%", "cohort": {"listeners": []}},
    ],
)
def test_where_nothing_can_be_proved_the_dwell_is_enough(stage: dict[str, Any]) -> None:
    """A stage that nobody hears, or that asks for no proof, ends with its dwell."""
    of = plan(stages=[{"name": "few", "dwell": "30m", **stage}, {"name": "half", "share": "50%"}])

    assert decided(rollout(of), WAITING, now=NOW).code == "dwell"
    found = decided(rollout(of), WAITING, now=DONE)
    assert (found.kind, found.code) == (Kind.ADVANCED, "dwell")


LIMITS = [("hold", Kind.HELD, "wait_limit"), ("rollback", Kind.ROLLED_BACK, "wait_limit")]


@pytest.mark.parametrize(("on_wait_limit", "kind", "code"), LIMITS)
def test_after_the_wait_limit(on_wait_limit: str, kind: Kind, code: str) -> None:
    """Without proof for too long after its dwell a stage is held for a person, or rolled back, as the plan has it."""
    of = rollout(plan(verdict={"wait_limit": "2h", "on_wait_limit": on_wait_limit}))

    assert decided(of, WAITING, now=NOW + 2.49 * HOUR).code == "certification"
    found = decided(of, WAITING, now=NOW + 2.5 * HOUR)
    assert (found.kind, found.code) == (kind, code)
    assert "underflow needs about 120 more listeners" in found.reason
    assert not found.bars


def test_promotion_without_proof_is_told_as_such() -> None:
    """A plan may go on without proof; the decision says so, and windows and approvals still count."""
    terms = {"wait_limit": "2h", "on_wait_limit": "promote_without_proof"}
    of = rollout(plan(verdict=terms), approved=("half",))
    late = NOW + 3 * HOUR

    found = decided(of, WAITING, now=late)
    assert (found.kind, found.code) == (Kind.ADVANCED, "without_proof")
    assert "without proof" in found.reason
    assert decided(replace(of, approved=()), WAITING, now=late).code == "approval"
    assert decided(rollout(plan(verdict=terms, windows=SHUT)), WAITING, now=late).code == "window"
    assert decided(of, replace(WAITING, doubts=doubted("stale").doubts), now=late).code == "stale"


def test_the_wait_limit_counts_anew_after_a_resume() -> None:
    """Whoever resumes a stage that waited for too long gives it the whole wait limit again."""
    of = rollout(resumed_at=NOW + 5 * HOUR)

    assert decided(of, WAITING, now=NOW + 6.9 * HOUR).code == "certification"
    assert decided(of, WAITING, now=NOW + 7 * HOUR).kind is Kind.HELD


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.PAUSED])
def test_held_and_paused_wait_for_a_person(phase: Phase) -> None:
    """While it is held or paused nothing is decided but harm."""
    assert ruling(rollout(phase=phase, approved=("half",))) is None


@pytest.mark.parametrize("phase", [Phase.PROMOTED, Phase.ROLLED_BACK])
def test_an_end_is_an_end(phase: Phase) -> None:
    """After its end nothing is decided, whatever the gates say."""
    assert ruling(rollout(phase=phase), harmed()) is None


def test_the_most_severe_breach_decides() -> None:
    """Of several breaches the one with the most severe action decides, whatever their order."""
    actions = [OnBreach.WARN, OnBreach.HOLD, OnBreach.DROP_COHORT, OnBreach.STEP_BACK, OnBreach.ROLLBACK]
    kinds = [Kind.WARNED, Kind.HELD, Kind.DROPPED, Kind.STEPPED_BACK, Kind.ROLLED_BACK]
    breaches = [breach(action, f"gate{index}", "pip" * (index == 2)) for index, action in enumerate(actions)]

    for most, kind in enumerate(kinds):
        some = tuple(breaches[: most + 1])
        for order in (some, some[::-1]):
            assert decided(rollout(stage=1), Judgement(breaches=order)).kind is kind


def test_step_back_goes_to_a_smaller_share() -> None:
    """It goes to the nearest earlier stage with a smaller share, is held there, and may not rise."""
    stages = [
        {"name": "one", "share": "10%"},
        {"name": "more", "share": "50%"},
        {"name": "three", "share": "25%"},
        {"name": "all", "share": "100%"},
    ]
    of = plan(stages=stages)
    step_back = harmed(OnBreach.STEP_BACK)

    for stage, target in ((3, 2), (2, 0), (1, 0), (4, 2)):
        found = decided(rollout(of, stage=stage), step_back)
        assert (found.kind, found.stage, found.phase, found.bars) == (Kind.STEPPED_BACK, target, Phase.HELD, True)
    assert found.reason.startswith("Stepped back to three (25 %): ttfa breached at 95 %: 38 of 97")


def test_step_back_from_the_first_stage_is_a_roll_back() -> None:
    """Where there is no smaller share, stepping back is rolling back."""
    assert decided(rollout(), harmed(OnBreach.STEP_BACK)).kind is Kind.ROLLED_BACK


def of_characters(*characters: str) -> Plan:
    """A plan whose first stage is for these characters."""
    cohort = {"characters": list(characters)}
    return plan(stages=[{"name": "few", "share": "25%", "cohort": cohort}, {"name": "all", "share": "100%"}])


def test_a_character_is_dropped_while_others_are_left() -> None:
    """The character that alone breaks is taken out; when it was the last one, that is a roll back."""
    of = of_characters("pip", "vera")

    first = decided(rollout(of), harmed(OnBreach.DROP_COHORT, character="pip"))
    assert (first.kind, first.character, first.bars) == (Kind.DROPPED, "pip", False)
    last = rollout(of, dropped=("pip",))
    assert decided(last, harmed(OnBreach.DROP_COHORT, character="vera")).kind is Kind.ROLLED_BACK
    everybody = rollout(dropped=("pip",))
    assert decided(everybody, harmed(OnBreach.DROP_COHORT, character="vera")).kind is Kind.DROPPED


def test_a_dropped_character_is_not_dropped_again() -> None:
    """A breach of a character that is out already asks for nothing."""
    found = decided(rollout(dropped=("pip",)), harmed(OnBreach.DROP_COHORT, character="pip"), now=NOW)
    assert found.code == "dwell"


def test_a_breach_that_is_nobodys_alone_rolls_back() -> None:
    """Without a character to blame, dropping is rolling back."""
    assert decided(rollout(), harmed(OnBreach.DROP_COHORT)).kind is Kind.ROLLED_BACK


@pytest.mark.parametrize("action", [OnBreach.WARN, OnBreach.HOLD])
def test_what_was_told_is_not_told_again(action: OnBreach) -> None:
    """A breach that warns or holds is acted on once; another gate's, or a more severe one, still is."""
    of = rollout(told=(f"{action}/ttfa",))

    assert decided(of, harmed(action), now=NOW).code == "dwell"
    assert decided(of, harmed(action, "failures")).gate == "failures"
    assert decided(of, harmed(OnBreach.ROLLBACK)).kind is Kind.ROLLED_BACK


def test_only_a_warning_bars_nothing() -> None:
    """After a hold the share may not rise; after a warning or a dropped character it may."""
    assert decided(rollout(), harmed(OnBreach.HOLD)).bars
    assert not decided(rollout(), harmed(OnBreach.WARN)).bars
    assert not decided(rollout(), harmed(OnBreach.DROP_COHORT, character="pip")).bars


def test_of_several_doubts_the_most_telling_is_told() -> None:
    """Doubts have an order of their own, and do not flap with the order in which they are found."""
    doubts = [Doubt(code, "Something.") for code in ("source", "stale", "routing", "common_cause")]

    for order in (doubts, doubts[::-1]):
        assert decided(rollout(), Judgement(doubts=tuple(order), certified=True)).code == "common_cause"


def test_blame_on_all_gates_together_reads_well() -> None:
    """Where only the joint evidence is proof, the sentence says so."""
    found = decided(rollout(), harmed(gate="joint"))
    assert found.reason.startswith("Rolled back: all gates together breached at 5 %: 38 of 97")
