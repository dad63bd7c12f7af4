"""What an operation found, and how the whole comes out."""

from itertools import permutations

import pytest

from segue.operations.report import EXIT_CODES, Check, Level, Report, accepted, outcome


def check(level: Level, name: str = "some.check") -> Check:
    """A check that came out so."""
    return Check(name, level, "As it is.")


def test_the_gravest_check_decides() -> None:
    """Failure before missing data, missing data before a warning, whatever the order; unmeasured changes nothing."""
    gravity = [Level.FAIL, Level.NO_DATA, Level.WARN, Level.PASS]
    for gravest in range(len(gravity)):
        for order in permutations(gravity[gravest:]):
            assert outcome([*map(check, order), check(Level.NOT_MEASURED)]) is gravity[gravest]


def test_nothing_measured_is_no_pass() -> None:
    """A report without a check, or with none that could be measured, is one without data, and says so by exit code."""
    for checks in ((), (check(Level.NOT_MEASURED),)):
        report = Report("verify", "here", 0, 1, checks)
        assert report.outcome is Level.NO_DATA
        assert report.exit_code == 3


def test_exit_codes() -> None:
    """0 for what holds, 1 for what does not, 2 for a warning, 3 where there was nothing to judge by."""
    assert [EXIT_CODES[level] for level in (Level.PASS, Level.FAIL, Level.WARN, Level.NO_DATA)] == [0, 1, 2, 3]


def test_a_warning_is_accepted_by_name() -> None:
    """What somebody accepted by name passes and stays visible as accepted; with `strict` any other one fails."""
    checks = (check(Level.WARN, "a"), check(Level.WARN, "b"))
    lenient = accepted(checks, ["a"])
    assert outcome(lenient) is Level.WARN
    assert outcome(accepted(checks, ["a", "b"])) is Level.PASS
    strict = accepted(checks, ["a"], strict=True)
    assert [each.level for each in strict] == [Level.WARN, Level.FAIL]
    assert Report("preflight", "here", 0, 1, strict).as_dict()["checks"][0]["accepted"] is True


@pytest.mark.parametrize("level", [Level.FAIL, Level.NO_DATA])
def test_only_warnings_can_be_accepted(level: Level) -> None:
    """What does not hold, or was not there to be judged, cannot be waved through."""
    assert outcome(accepted([check(level, "a")], ["a"])) is level
