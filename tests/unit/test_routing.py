"""The routing table: the one value that comes down to the voice plane."""

import dataclasses
import json

import pytest

from segue.routing import Cohort, Exposure, Restrictions, RoutingTable, Variant, table_from_dict


def test_the_first_table_is_the_baseline() -> None:
    """With no plan there is one variant, which leaves everything as configured."""
    table = RoutingTable()

    assert table.version == 1
    assert table.baseline == Variant("baseline", model="", synthesizer="", voice="")


def test_a_table_does_not_change() -> None:
    """A turn that has read the table can rely on it; a new decision is a new table."""
    table = RoutingTable()
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.version = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.baseline.voice = "uk"  # type: ignore[misc]

    assert dataclasses.replace(table, version=2) != table


def test_a_table_survives_being_written_down() -> None:
    """As plain JSON values a table is read back as it was, with and without an exposure."""
    exposure = Exposure(
        "chirp3/2",
        1,
        Variant("new", "qwen", "google", "Kore", streaming=False, fallback=False),
        2500,
        Cohort(("pip_boy",), None, ()),
        ("nick",),
        "chirp3",
        "CHIRP3",
        1_700_000_000.5,
        Restrictions(True, 1000, ("pip_boy",), fallback=False),
    )
    for table in (RoutingTable(), RoutingTable(7, Variant("steady"), exposure)):
        assert table_from_dict(json.loads(json.dumps(table.as_dict()))) == table


def test_a_table_of_before_restrictions_is_read() -> None:
    """A table that was kept before exposures could be restricted restricts nothing."""
    plain = RoutingTable(2, Variant("steady"), Exposure("voice/1", 0, Variant("new"), 100)).as_dict()
    del plain["exposure"]["restrictions"]
    read = table_from_dict(plain)

    assert read.exposure is not None
    assert read.exposure.restrictions == Restrictions()


def test_what_a_table_does_not_know_is_refused() -> None:
    """An unknown field is no table of ours."""
    plain = RoutingTable().as_dict()
    with pytest.raises(TypeError, match="colour"):
        table_from_dict({**plain, "baseline": {**plain["baseline"], "colour": "red"}})


@pytest.mark.parametrize(
    ("cohort", "held"),
    [
        (Cohort(), True),
        (Cohort(characters=("a", "b"), languages=("en",), listeners=("x",)), True),
        (Cohort(characters=("b",)), False),
        (Cohort(languages=("uk",)), False),
        (Cohort(listeners=("y",)), False),
        (Cohort(characters=("a",), languages=()), False),
    ],
)
def test_all_conditions_of_a_cohort_must_hold(cohort: Cohort, held: bool) -> None:
    """One condition that does not hold is enough to be outside."""
    assert cohort.holds("x", "a", "en") is held
