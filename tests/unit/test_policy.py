"""What is proposed for the promotion of models, and how it is written into a file with comments."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from segue.clock import ManualClock
from segue.errors import ConfigurationError
from segue.operations.policy import STEP, Proposal, canary, enough, measured, propose, running
from segue.operations.report import Level
from segue.operations.rewriting import difference, read, rewritten, swapped
from segue.records import Outcome, TurnRecord
from segue.settings import Settings
from segue.vendors.degradation import ProfileSettings
from segue.wiring.chains import models
from tests.records import WRITTEN, broken, turn

NOW_S = 1_700_000_000.0
HOUR_S = 3600.0
FILE = """# ours
voice:
    languages: [en, "uk"]   # two
    profiles:
        fast:
            # what we promise
            ttfa_p95_ms: 4000
            models: ['quick', slow]

# who writes
providers:
    models:
      - offline  # built in
"""
QUALIFIED = ("voice", "profiles", "fast", "auto_promote", "qualified")


def written(model: str, ttfa: float = 900.0, count: int = 60) -> list[TurnRecord]:
    """Turns of the fast profile that this model wrote."""
    return [turn(ttfa=ttfa, model=model, model_attempts=(replace(WRITTEN, provider=model),))] * count


def proposed(*records: TurnRecord, names: tuple[str, ...] = ("quick", "slow"), **settings: Any) -> Proposal:
    """What is proposed for the fast profile after these turns."""
    return propose("fast", ProfileSettings(**settings), names, measured(records, "fast"))


def levels(proposal: Proposal) -> dict[str, Level]:
    """How each check came out."""
    return {check.name.removeprefix("policy.fast."): check.level for check in proposal.checks}


@pytest.mark.parametrize(
    ("items", "level"),
    [
        ([], Level.NO_DATA),
        ([{"command": "preflight", "outcome": "pass", "at": NOW_S}], Level.NO_DATA),
        ([{"command": "canary", "outcome": "pass", "at": NOW_S - 25 * HOUR_S}], Level.NO_DATA),
        ([{"command": "canary", "outcome": "pass", "at": NOW_S - HOUR_S}], Level.PASS),
        ([{"command": "canary", "outcome": "warn", "at": NOW_S}], Level.FAIL),
        ([{"command": "canary", "outcome": "fail", "at": NOW_S}], Level.FAIL),
        ([{"command": "canary", "outcome": "no_data", "at": NOW_S}], Level.NO_DATA),
        (
            [
                {"command": "canary", "outcome": "pass", "at": NOW_S - 9},
                {"command": "canary periodic", "outcome": "fail", "at": NOW_S},
            ],
            Level.FAIL,
        ),
    ],
)
def test_nothing_is_decided_without_a_canary_that_passed(items: list[dict[str, Any]], level: Level) -> None:
    """A canary that is missing, old, failed or of another outcome than pass lets nobody qualify."""
    assert canary(items, NOW_S, 24 * HOUR_S).level is level


def test_59_turns_are_needed() -> None:
    """With 58 turns nothing is said of a model, with 59 it can qualify."""
    before, after = proposed(*written("quick", count=58)), proposed(*written("quick", count=59))

    assert (before.changed, before.qualified) == ({}, ())
    assert enough([before]) is not None
    assert after.qualified == ("quick",)
    assert enough([after]) is None


def test_a_model_that_breaks_the_promise_never_qualifies() -> None:
    """However many turns there are, and whatever it was before; turns that never sounded count as slow."""
    slow = proposed(*written("slow", ttfa=5100.0, count=500), auto_promote={"qualified": ("slow",)})
    silent = [
        replace(each, outcome=Outcome.FAILED, marks=broken().marks, model="slow") for each in written("slow", count=10)
    ]
    failing = proposed(*written("slow", count=90), *silent)

    assert (slow.qualified, levels(slow)["slow"]) == ((), Level.WARN)
    assert slow.changed == {"qualified": []}
    assert failing.qualified == ()


def test_a_threshold_moves_by_a_bounded_step() -> None:
    """One update changes it by a fifth at most, in either direction, and never over the promise."""
    quick = written("quick", ttfa=1000.0)
    assert proposed(*quick).ttfa_p95_ms == 4000.0
    assert proposed(*quick, auto_promote={"ttfa_p95_ms": 1000.0}).ttfa_p95_ms == 1200.0
    assert proposed(*written("quick", ttfa=4900.0), auto_promote={"ttfa_p95_ms": 4500.0}).ttfa_p95_ms == 5000.0
    assert proposed(*quick, auto_promote={"ttfa_p95_ms": 1190.0}).changed == {"qualified": ["quick"]}


def test_slow_months_do_not_raise_the_bar_beyond_the_promise() -> None:
    """Updates that follow one another while replies get slower end at the promise, and then nobody qualifies."""
    threshold: float | None = 1000.0
    qualified: tuple[str, ...] = ("quick",)
    for month in range(40):
        records = written("quick", ttfa=900.0 + 250.0 * month)
        found = proposed(*records, auto_promote={"ttfa_p95_ms": threshold, "qualified": qualified})
        assert found.ttfa_p95_ms is not None
        assert found.ttfa_p95_ms <= min(5000.0, (threshold or 0.0) * (1.0 + STEP) + 10.0)
        threshold, qualified = found.ttfa_p95_ms, found.qualified
        ProfileSettings(auto_promote={"ttfa_p95_ms": threshold, "qualified": qualified})

    assert threshold is not None
    assert 4750.0 <= threshold <= 5000.0
    assert qualified == ()


def test_who_has_few_turns_stays_what_it_was() -> None:
    """Too few turns take nobody's qualification, and a slower spell that is not proved takes none either."""
    quick = written("quick", ttfa=1000.0)
    kept = proposed(*quick, auto_promote={"qualified": ("slow",), "ttfa_p95_ms": 1200.0})
    mixed = [*written("quick", 1000.0, 58), *written("quick", 1300.0, 3)]
    spell = proposed(*mixed, auto_promote={"qualified": ("quick",), "ttfa_p95_ms": 1250.0})

    assert kept.qualified == ("quick", "slow")
    assert levels(kept)["slow"] is Level.NOT_MEASURED
    assert spell.qualified == ("quick",)


def test_a_rescued_turn_belongs_to_the_model_that_was_asked_first() -> None:
    """The time that was lost with a model that failed is that model's, whoever wrote in the end."""
    attempts = (replace(WRITTEN, provider="slow"), replace(WRITTEN, provider="quick"))
    found = measured([turn(model="slow", model_attempts=attempts), turn(kind="probe"), turn(profile="quality")], "fast")

    assert set(found) == {"slow"}
    gone = turn(outcome=Outcome.ABANDONED, marks={"request": 0.0})
    assert measured([gone], "fast") == {}


def test_only_the_file_of_the_running_server_is_changed() -> None:
    """A server with other profiles or models, or one that does not tell, refuses the update; the rest may differ."""
    profiles: dict[str, Any] = {"fast": {"ttfa_p95_ms": 5000.0, "models": []}}
    theirs = {"voice": {"profiles": {"fast": {"ttfa_p95_ms": 5000, "models": []}}, "languages": ["en"]}}
    theirs |= {"providers": {"models": ["offline"]}}  # type: ignore[dict-item]

    assert running(theirs, profiles, ("offline",)).level is Level.PASS
    assert running(theirs, profiles, ("other",)).level is Level.FAIL
    differs = running(theirs, {"fast": {"ttfa_p95_ms": 4000.0, "models": []}}, ("offline",))
    assert "profiles.fast.ttfa_p95_ms" in differs.reason
    assert running(None, profiles, ()).level is Level.NO_DATA


@pytest.mark.parametrize(
    "settings",
    [
        {"auto_promote": {"ttfa_p95_ms": 5001.0}},
        {"auto_promote": {"min_turns": 58}},
        {"auto_promote": {"qualified": ["a", "a"]}},
        {"models": ["a"], "auto_promote": {"qualified": ["b"]}},
    ],
)
def test_settings_that_break_the_rules_are_refused(settings: dict[str, Any]) -> None:
    """No threshold over the promise, no claim from fewer than 59 turns, nobody twice, nobody unknown."""
    with pytest.raises(ValidationError):
        ProfileSettings(**settings)


def test_only_who_qualified_is_asked_first() -> None:
    """With `enforce` a model that is not qualified stands behind those that are; without it the order is as written."""
    chain = {"models": ["scripted", "offline"], "auto_promote": {"qualified": ["offline"]}}
    enforced = {**chain, "auto_promote": {"qualified": ["offline"], "enforce": True}}
    for fast, first in ((chain, "scripted"), (enforced, "offline")):
        settings = Settings(voice={"profiles": {"fast": fast}})  # type: ignore[arg-type]
        assert models(settings, ManualClock()).roster.order("fast")[0] == first


def test_a_file_is_changed_where_it_must_be_and_nowhere_else() -> None:
    """Comments, quotes and indents stay; a new key parts no comment from what it is about."""
    after = rewritten(FILE, {QUALIFIED: ["quick"], (*QUALIFIED[:-1], "ttfa_p95_ms"): 3200.0})
    changed = [line for line in difference(FILE, after, "x")[2:] if line[0] in "+-"]

    assert sorted(changed) == [
        "+                qualified: [quick]",
        "+                ttfa_p95_ms: 3200",
        "+            auto_promote:",
    ]
    assert "# what we promise\n            ttfa_p95_ms: 4000\n" in after
    assert "\n\n# who writes\nproviders:" in after
    assert rewritten(after, {QUALIFIED: ["slow"]}) == after.replace("[quick]", "[slow]")


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "log: {level: info}\n", "voice:\n", "voice: {profile: fast}\r\n"]
)
def test_sections_that_are_missing_are_made(text: str) -> None:
    """A file that says nothing of profiles gets just what is set, and keeps its ends of lines."""
    after = rewritten(text, {QUALIFIED: ["quick"]})

    assert Settings(**_read(after)).voice.profiles.fast.auto_promote.qualified == ("quick",)
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in text else 0)


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "voice: 5\n"])
def test_what_is_no_configuration_is_left_alone(text: str) -> None:
    """A list, broken YAML and a value where a section should be are refused."""
    with pytest.raises(ConfigurationError):
        rewritten(text, {QUALIFIED: ["quick"]})


def test_a_file_is_swapped_in_one_step_and_kept(tmp_path: Path) -> None:
    """Each old text is kept under the next number with the same rights; links are followed."""
    file, link = tmp_path / "segue.yaml", tmp_path / "link.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o640)
    link.symlink_to(file)

    assert swapped(link, "a: 1\n", "a: 2\n").name == "segue.yaml.~1~"
    assert swapped(file, "a: 2\n", "a: 3\n").name == "segue.yaml.~2~"
    assert [read(each) for each in sorted(tmp_path.glob("segue.yaml*"))] == ["a: 3\n", "a: 1\n", "a: 2\n"]
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o640}
    assert link.is_symlink()


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Somebody else's change wins: nothing is written, and nothing lies about."""
    file = tmp_path / "segue.yaml"
    file.write_text("a: mine\n")

    with pytest.raises(ConfigurationError, match="meanwhile"):
        swapped(file, "a: 1\n", "a: 2\n")
    assert [each.name for each in tmp_path.iterdir()] == ["segue.yaml"]
    assert read(file) == "a: mine\n"


def _read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found
