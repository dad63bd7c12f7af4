"""Rehearsals: how recorded turns come to their arms, and what the command says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from segue.cli.rehearse import rehearse as command
from segue.delivery.drawing import Drawing
from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.delivery.rehearsal import rehearse
from segue.errors import InvalidRequest
from segue.records import TurnRecord
from segue.routing import Arm, Cohort, Exposure, Variant
from tests.records import turn

PLANS = Path(__file__).parents[2] / "plans"
AT = 1_767_603_600.0
EVERYBODY = Cohort()


def plan() -> Plan:
    """The tutorial's plan."""
    return read_plan((PLANS / "tutorial.yaml").read_text(encoding="utf-8"))


def recorded(number: int, variant: str = "american", *, every_s: float = 0.2, **changes: object) -> TurnRecord:
    """A turn of a listener of its own, so many after the first."""
    values = {"turn": f"{number:032x}", "listener": f"listener-{number}", "at": AT + number * every_s, **changes}
    return replace(turn(800.0), variant=variant, **values)  # type: ignore[arg-type]


def exposure(share_bp: int, cohort: Cohort = EVERYBODY, dropped: tuple[str, ...] = (), stage: int = 0) -> Exposure:
    """What the rehearsed rollout shows at the time."""
    return Exposure("tutorial/1", stage, Variant("british", voice="en"), share_bp, cohort, dropped, "tutorial")


def arms(drawing: Drawing, records: list[TurnRecord], shown: Exposure) -> dict[str, int]:
    """How many turns are counted on each side."""
    placed = [found for record in records if (found := drawing.placed(record, shown)) is not None]
    return {arm.value: sum(each.arm == arm for each in placed) for arm in Arm}


def test_turns_of_one_variant_are_drawn_as_live_listeners_are() -> None:
    """Records from before a rollout: both arms are what was recorded, in the plan's share, and that is said."""
    records = [recorded(number) for number in range(4000)]
    drawing = Drawing.of(plan(), records)
    assert arms(drawing, records, exposure(2000)) == {
        "candidate": pytest.approx(800, rel=0.1),
        "baseline": pytest.approx(3200, rel=0.05),
    }
    assert "drawn anew" in drawing.told()
    few, more = (
        {
            record.listener
            for record in records
            if (found := drawing.placed(record, exposure(share))) and found.arm == "candidate"
        }
        for share in (1000, 3000)
    )
    assert few < more


@pytest.mark.parametrize(("share_bp", "wanted"), [(500, 0.05), (5000, 0.5), (8000, 0.8)])
def test_turns_of_both_variants_are_thinned_to_the_share(share_bp: int, wanted: float) -> None:
    """Recorded half and half under another plan: what is too much of an arm is left out, listener by listener."""
    records = [
        recorded(
            number,
            "british" if number % 2 else "american",
            rollout="other/1",
            arm="candidate" if number % 2 else "baseline",
        )
        for number in range(6000)
    ]
    drawing = Drawing.of(plan(), records)
    found = arms(drawing, records, exposure(share_bp))
    assert found["candidate"] / (found["candidate"] + found["baseline"]) == pytest.approx(wanted, abs=0.03)
    assert max(found.values()) == 3000
    assert "thinned out" in drawing.told()


def test_a_share_of_nobody_or_everybody_takes_one_side() -> None:
    """At 0 % only the baseline's turns are counted, at 100 % only the candidate's."""
    records = [recorded(number, "british" if number % 2 else "american", rollout="other/1") for number in range(100)]
    drawing = Drawing.of(plan(), records)
    assert arms(drawing, records, exposure(0)) == {"baseline": 50, "candidate": 0}
    assert arms(drawing, records, exposure(10_000)) == {"baseline": 0, "candidate": 50}


def test_where_only_one_variant_was_heard_there_is_nothing_to_compare() -> None:
    """Turns from before or after a rollout are no baseline for a share; after the candidate's last turn it is over."""
    both = [recorded(number, "british" if number % 2 else "american", rollout="other/1") for number in range(100)]
    later = [recorded(number, "american") for number in range(100, 200)]
    drawing = Drawing.of(plan(), [*both, *later])
    assert arms(drawing, later, exposure(5000)) == {"baseline": 0, "candidate": 0}
    assert arms(drawing, later, exposure(0)) == {"baseline": 100, "candidate": 0}
    assert drawing.last([*both, *later]) == 100
    found = rehearse(plan(), [*both, *later])
    assert found.candidate + found.baseline + found.left_out == 100


def test_own_turns_keep_their_arm_in_their_own_stage() -> None:
    """Turns of this plan's rollout are as they were; in another stage than theirs they are thinned like any other."""
    own = {"rollout": "tutorial/1", "stage": 0, "assigned": "session"}
    records = [
        recorded(number, "american", arm="baseline", **own)
        if number % 5
        else recorded(number, "british", arm="candidate", **own)
        for number in range(1000)
    ]
    drawing = Drawing.of(plan(), records)
    assert arms(drawing, records, exposure(2000)) == {"candidate": 200, "baseline": 800}
    placed = drawing.placed(records[0], exposure(2000))
    assert placed is not None
    assert placed.assigned == "session"
    assert arms(drawing, records, exposure(5000, stage=1)) == {"candidate": 200, "baseline": pytest.approx(200, abs=40)}


def test_who_does_not_belong_is_left_out() -> None:
    """Turns without a listener, outside of the cohort, or of a character that was dropped are not counted."""
    records = [recorded(1, listener=None), recorded(2, character="ghoul"), recorded(3, character="pip_boy")]
    drawing = Drawing.of(plan(), records)
    shown = exposure(5000, Cohort(characters=("pip_boy", "raider")), ("raider",))
    assert [drawing.placed(record, shown) is not None for record in records] == [False, False, True]
    assert drawing.placed(recorded(4, character="raider"), shown) is None


def test_good_turns_are_promoted_and_bad_ones_rolled_back() -> None:
    """Ten minutes of ordinary turns would have been promoted; slow ones in the candidate would not."""
    good = [recorded(number) for number in range(3000)]
    found = rehearse(plan(), good)
    assert found.rollout.phase == "promoted"
    assert found.drawn.startswith("The records do not have both")
    mixed = [
        replace(
            record,
            variant="british" if number % 2 else "american",
            marks={**record.marks, "first_sent": 4000.0 if number % 2 else 800.0},
        )
        for number, record in enumerate(good)
    ]
    found = rehearse(plan(), reversed(mixed))
    assert (found.rollout.phase, found.decisions[-1].gate) == ("rolled_back", "ttfa")
    assert found.candidate < 300


def test_nothing_comes_of_nothing() -> None:
    """Without a turn there is nothing to rehearse with."""
    with pytest.raises(InvalidRequest, match="no turn in these records"):
        rehearse(plan(), [])


def test_the_command_shows_two_plans_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The timeline of each plan, what was counted, and how turns came to their arms."""
    file, other = tmp_path / "turns.ndjson", tmp_path / "other.yaml"
    file.write_text("".join(json.dumps(recorded(number).as_dict()) + "\n" for number in range(600)), encoding="utf-8")
    text = (PLANS / "tutorial.yaml").read_text(encoding="utf-8")
    other.write_text(
        text.replace("name: tutorial", "name: patient").replace("dwell: 30s", "dwell: 5m"), encoding="utf-8"
    )
    assert command(PLANS / "tutorial.yaml", records=file, compare=other) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "tutorial" in told
    assert "patient" in told
    assert "drawn anew" in told
    assert command(PLANS / "tutorial.yaml", records=file, json_=True) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["plan"], first["kind"], first["actor"]) == ("tutorial", "started", "rehearsal")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "Name a plan and --records"),
        ({"file": "plan"}, "Name a plan and --records"),
        ({"file": "plan", "records": "missing"}, "cannot be read"),
        ({"file": "plan", "records": "nonsense"}, "line 1 is no record of a turn"),
        ({"file": "plan", "records": "nonsense", "export": "nonsense"}, "alone"),
        ({"export": "nonsense"}, "Line 1 is not of"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(names: dict[str, str], message: str, tmp_path: Path) -> None:
    """Each mistake is one sentence that says what to name instead, or where the file is wrong."""
    (tmp_path / "nonsense").write_text('{"turn": 1}\n', encoding="utf-8")
    files = {name: PLANS / "tutorial.yaml" if value == "plan" else tmp_path / value for name, value in names.items()}
    plan_file = files.pop("file", None)
    with pytest.raises(InvalidRequest, match=message):
        command(plan_file, **files)  # type: ignore[arg-type]
