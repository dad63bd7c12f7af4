"""The routing table: the one value that comes down to the voice plane."""

import dataclasses

import pytest

from segue.routing import RoutingTable, Variant


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
