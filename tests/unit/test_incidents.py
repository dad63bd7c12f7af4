"""What an incident goes through, who must be told by when, and which id it gets."""

from dataclasses import replace

import pytest

from segue.console import incidents as rules
from segue.console.incidents import Incident, IncidentState, Severity, Step, Task
from segue.errors import InvalidRequest

MINUTE = 60_000_000
OPENED = Incident("INC-20261121-1", 1_795_255_872_000_000, 1, "Speech is late", Severity.HIGH, "olha")
STEPS = (Step(30 * MINUTE, "head"), Step(0, "lead"), Step(15 * MINUTE, "manager"))


def after(minutes: int) -> int:
    """So many minutes after it was opened."""
    return OPENED.at_us + minutes * MINUTE


def test_an_incident_is_read_as_it_was_kept() -> None:
    """What is kept and read again is the same value, with notes and tasks."""
    told = rules.noted(OPENED, after(1), "olha", "Provider off", {"severity": Severity.LOW, "services": ("voice",)})
    over = rules.closed(told, after(2), "olha", "Done", "DNS", [Task("Watch", "ivan", "2026-12-01")])
    assert rules.from_dict(over.as_dict()) == over
    assert over.version == 3


def test_states_follow_each_other() -> None:
    """Open, mitigated, closed; never back, and none twice. A note can always be written."""
    less = rules.mitigated(OPENED, after(5), "olha", "Switched", 1, "settings 3")
    over = rules.closed(less, after(9), "olha", "Done", "DNS", [])
    assert [less.state, over.state] == [IncidentState.MITIGATED, IncidentState.CLOSED]
    assert (less.rollback_level, less.ended_us, over.ended_us) == (1, after(5), after(5))
    for late in (less, over):
        with pytest.raises(InvalidRequest, match="only an open"):
            rules.mitigated(late, after(10), "olha", "again", 0, "")
    with pytest.raises(InvalidRequest, match="closed already"):
        rules.closed(over, after(10), "olha", "again", "DNS", [])
    assert rules.noted(over, after(11), "olha", "Later", {}).state is IncidentState.CLOSED


@pytest.mark.parametrize(("minutes", "due"), [(0, 1), (14, 1), (15, 2), (29, 2), (30, 3), (500, 3)])
def test_more_people_must_be_told_the_longer_it_goes_on(minutes: int, due: int) -> None:
    """Each step is due from its own minute on, in the order of the steps."""
    found = rules.escalated(OPENED, after(minutes), STEPS)
    assert [each.who for each in found] == ["lead", "manager", "head"]
    assert [each.due for each in found] == [True] * due + [False] * (3 - due)


def test_nobody_more_is_told_once_it_is_mitigated() -> None:
    """The clock of the escalation stops when listeners do not suffer any more."""
    less = rules.mitigated(OPENED, after(16), "olha", "Switched", 0, "")
    assert sum(each.due for each in rules.escalated(less, after(500), STEPS)) == 2


def test_ids_count_on_within_a_day() -> None:
    """The next number is one more than the greatest of the same day, whatever was removed."""
    assert rules.numbered(OPENED.at_us, []) == "INC-20261121-1"
    assert rules.numbered(OPENED.at_us, ["INC-20261121-9", "INC-20261121-10", "INC-20261120-40"]) == "INC-20261121-11"


def test_notes_have_an_end() -> None:
    """An incident takes five hundred notes; the next one is refused."""
    full = replace(OPENED, notes=(rules.Note(1, "olha", "x"),) * rules.MOST_NOTES)
    with pytest.raises(InvalidRequest, match="open another"):
        rules.noted(full, after(1), "olha", "more", {})
