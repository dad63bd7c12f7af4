"""How a rollout is told: the sentence on top, the stages, the gates, and what can be commanded."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from segue.delivery.book import opened
from segue.delivery.evidence import Look
from segue.delivery.plan import OnBreach, Plan
from segue.delivery.rollout import Command, Decision, Kind, Phase, Rollout, Verb
from segue.delivery.status import VERBS, Control, Realised, status, title
from segue.delivery.telling import percent, sentence, span
from segue.delivery.terms import settle
from segue.delivery.verdict import Breach, Doubt, Judgement, Verdict, Word
from segue.routing import Variant

NOW = 1_800_000_000.0
PLAN = Plan.model_validate(
    {
        "name": "chirp3",
        "about": "A newer voice.",
        "baseline": {"name": "wavenet"},
        "candidate": {"name": "chirp3", "voice": "Kore"},
        "gates": {
            "ttfa": {"kind": "latency", "over": "6s", "at_most": "5%"},
            "success": {"kind": "failure", "at_most": "5%", "on_breach": "step_back"},
            "mean": {"kind": "mean", "measure": "synthesis", "at_most": "2s"},
            "slower": {"kind": "regression", "of": "ttfa", "tolerate": "20%"},
            "quiet": {"kind": "quiet"},
            "memory": {"kind": "memory"},
        },
        "stages": [
            {"name": "few", "share": "5%", "dwell": "30m"},
            {"name": "half", "share": "50%", "dwell": "2h", "cohort": {"characters": ["fox", "owl"]}},
            {"name": "all", "share": "100%", "dwell": "2h", "approval": True},
        ],
        "bake": {"holdback": "5%", "dwell": "1d"},
    }
)


def rollout(**other: Any) -> Rollout:
    """A rollout that has been in its second stage for 79 minutes."""
    terms = settle(PLAN)
    known = Rollout(
        plan=PLAN,
        attempt=2,
        version=9,
        phase=Phase.RUNNING,
        stage=1,
        stage_since=NOW - 79 * 60,
        started_at=NOW - 7200,
        share_bp=5000,
        terms=terms,
        book=opened(PLAN, terms),
        before=Variant("wavenet"),
    )
    return replace(known, **other)


def decision(kind: Kind, code: str, reason: str, stage: int = 1) -> Decision:
    """A decision of the controller."""
    where = PLAN.stage_name(stage)
    return Decision(3, "chirp3", 2, NOW, kind, code, reason, "controller", stage, where, 5000, Phase.RUNNING, 1, 9)


UNJUDGED = Judgement()


def told(known: Rollout, judgement: Judgement = UNJUDGED, **other: Any) -> dict[str, Any]:
    """The status of a rollout, through JSON and back, as a client gets it."""
    found = status(known, judgement, other.pop("look", Look()), now=NOW, why_not=lambda _: "", **other)
    plain: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return plain


WAITING = Judgement(waiting_for="Waiting for underflow (n = 180 of about 300).")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            {},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. 41 min of 2 h left; "
            "waiting for underflow (n = 180 of about 300).",
        ),
        (
            {"stage_since": NOW - 8000},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. "
            "Waiting for underflow (n = 180 of about 300).",
        ),
        (
            {"stage_since": NOW - 8000, "last": decision(Kind.WAITED, "approval", "Somebody must approve all.")},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. Somebody must approve all.",
        ),
        (
            {"last": decision(Kind.HELD, "stale", "No turn for 12 min.")},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. 41 min of 2 h left; no turn for 12 min.",
        ),
        (
            {"frozen": "Holidays"},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. 41 min of 2 h left; "
            "waiting for underflow (n = 180 of about 300). Frozen: Holidays.",
        ),
        (
            {"phase": Phase.HELD, "why": "Held until somebody resumes it: ttfa was slow."},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. "
            "Held until somebody resumes it: ttfa was slow.",
        ),
        (
            {"phase": Phase.PAUSED, "why": "Lunch"},
            "Stage 2 of 3 (half): 50 % of characters fox, owl hear chirp3. Paused: Lunch.",
        ),
        (
            {"phase": Phase.BAKING, "stage": 3, "share_bp": 9500},
            "Bake: 95 % hear chirp3. 22 h 41 min of 1 d left; waiting for underflow (n = 180 of about 300).",
        ),
        ({"phase": Phase.PROMOTED, "stage": 3, "share_bp": 10_000}, "Promoted: everybody hears chirp3."),
        (
            {"phase": Phase.ROLLED_BACK, "share_bp": 0, "ended_at": NOW, "why": "Rolled back: ttfa breached."},
            "Everybody hears wavenet. Rolled back: ttfa breached.",
        ),
        (
            {"stage": 0, "share_bp": 0, "stage_since": NOW},
            "Stage 1 of 3 (few): nobody hears chirp3. 30 min of 30 min left; "
            "waiting for underflow (n = 180 of about 300).",
        ),
    ],
)
def test_one_sentence_says_how_it_stands(known: dict[str, Any], words: str) -> None:
    """The sentence names the stage, who hears what, the time that is left and the one thing that is waited for."""
    assert sentence(rollout(**known), WAITING, NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (45, "45 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (6060, "1 h 41 min"),
        (3601, "1 h"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    """What follows the second unit is left out, and so is a unit of which there is none."""
    assert span(seconds) == words


def test_shares_are_told_as_percent() -> None:
    """Basis points become a percentage without needless zeros."""
    assert [percent(share) for share in (5000, 25, 10_000, 1)] == ["50 %", "0.25 %", "100 %", "0.01 %"]


def test_each_stage_is_done_current_or_next_and_the_bake_is_one_of_them() -> None:
    """The timeline has every stage of the plan and the bake, each with its share, its dwell and what it asks for."""
    stages = told(rollout())["stages"]

    assert [(stage["name"], stage["state"], stage["share_bp"], stage["dwell_s"]) for stage in stages] == [
        ("few", "done", 500, 1800.0),
        ("half", "current", 5000, 7200.0),
        ("all", "next", 10_000, 7200.0),
        ("bake", "next", 9500, 86_400.0),
    ]
    assert [stage["approval"] for stage in stages] == [False, False, True, False]
    assert stages[1]["cohort"] == {"characters": ["fox", "owl"], "languages": "*", "listeners": "*"}
    assert {stage["state"] for stage in told(rollout(phase=Phase.PROMOTED, stage=3))["stages"]} == {"done"}


def test_time_that_nobody_watched_does_not_count() -> None:
    """The elapsed time leaves it out, and an attempt that has ended stands still."""
    stage = told(rollout(unobserved_s=600.0))["stage"]
    assert (stage["elapsed_s"], stage["left_s"]) == (69 * 60, 51 * 60)

    ended = told(rollout(phase=Phase.ROLLED_BACK, ended_at=NOW - 60 * 60))["stage"]
    assert (ended["elapsed_s"], ended["left_s"]) == (19 * 60, 0)


def test_a_gate_is_told_with_its_unit_whether_it_was_judged_or_not() -> None:
    """A gate without a verdict waits; figures are parts of one or seconds; every number fits into JSON."""
    judged = Verdict(
        "ttfa", Word.PASS, "ttfa: 2 of 180.", 180, 2.0, 0.011, 0.0, 0.03, 0.05, 200, 0.02, math.inf, 200.0, math.inf,
        curve=((NOW - 60, 0.5), (NOW, math.inf)),
    )  # fmt: skip
    gates = {gate["gate"]: gate for gate in told(rollout(), Judgement((judged,), joint={"slo": math.inf}))["gates"]}

    assert {name: gate["unit"] for name, gate in gates.items()} == {
        "ttfa": "share", "success": "share", "mean": "s", "slower": "share", "quiet": "none", "memory": "share",
    }  # fmt: skip
    assert (gates["ttfa"]["word"], gates["ttfa"]["n"], gates["ttfa"]["value"]) == ("pass", 180, 0.011)
    assert gates["ttfa"]["evidence"] == gates["ttfa"]["curve"][1][1] == 1e308
    assert (gates["mean"]["word"], gates["mean"]["limit"], gates["mean"]["value"]) == ("wait", 2.0, None)
    assert gates["success"]["on_breach"] == "step_back"


def test_every_gate_has_a_title_with_its_numbers() -> None:
    """The title says what is asked for, in the units in which it was written."""
    assert [title(gate) for gate in PLAN.gates.values()] == [
        "ttfa over 6 s in at most 5 % of turns",
        "at most 5 % turns that fail",
        "mean synthesis of at most 2 s",
        "ttfa no worse than the baseline, give or take 20 %",
        "the server is at worst in fast mode",
        "memory grows by at most 200 %",
    ]


def test_the_realised_share_is_told_beside_the_one_that_is_set() -> None:
    """It is the candidate's part of the listeners, and unknown without any."""
    assert told(rollout(), realised=Realised(48, 52))["realised"] == {
        "candidate": 48, "baseline": 52, "share_bp": 4800,
    }  # fmt: skip
    assert told(rollout())["realised"]["share_bp"] is None


def test_a_command_that_cannot_be_given_says_why() -> None:
    """Each command is told by the word of the API, with the reason where it is not allowed, and whether force helps."""

    def why_not(command: Command) -> str:
        return "The cool-down is not over." if command.verb is Verb.RETRY and not command.force else ""

    found = status(rollout(), UNJUDGED, Look(), now=NOW, why_not=why_not)["commands"]

    assert list(found) == list(VERBS)
    assert found["retry"] == {"allowed": False, "why": "The cool-down is not over.", "by_force": True}
    assert found["step-back"] == {"allowed": True, "why": "", "by_force": False}


def test_an_approval_is_needed_until_somebody_agreed() -> None:
    """The stage that asks for it is named while it is the next one, and no longer once it is approved or over."""
    assert told(rollout())["approval"] == {"needed": True, "stage": "all"}
    assert told(rollout(approved=("all",)))["approval"] == {"needed": False, "stage": ""}
    assert told(rollout(stage=0))["approval"] == {"needed": False, "stage": ""}
    assert told(rollout(phase=Phase.ROLLED_BACK))["approval"]["needed"] is False


def test_what_a_link_carries_is_never_told() -> None:
    """The nonce of the approval link is in no part of the status."""
    assert "5ec2e7" not in json.dumps(told(rollout(nonce="5ec2e7")))


def test_ages_breaches_doubts_and_the_controller_are_told() -> None:
    """How old the data is, what was proved or doubted, and when anybody last looked after the rollout."""
    judgement = Judgement(
        breaches=(Breach(OnBreach.ROLLBACK, "ttfa", "slow tier", "ttfa: 38 of 97."),),
        doubts=(Doubt("stale", "No turn for 12 min."),),
    )
    found = told(
        rollout(),
        judgement,
        look=Look(candidate_at=NOW - 720),
        control=Control(NOW - 0.5, stalled=False, holder="b"),
        restricted="at most 10 %",
    )

    assert found["ages"] == {"candidate_s": 720.0, "baseline_s": None}
    assert found["breaches"][0] == {
        "action": "rollback", "gate": "ttfa", "how": "slow tier", "reason": "ttfa: 38 of 97.", "character": "",
    }  # fmt: skip
    assert found["doubts"] == [{"code": "stale", "reason": "No turn for 12 min.", "gate": ""}]
    assert found["controller"] == {"ticked_s_ago": 0.5, "stalled": False, "holder": "b"}
    assert (found["restricted"], found["key"], found["attempts"]) == ("at most 10 %", "chirp3/2", 2)
