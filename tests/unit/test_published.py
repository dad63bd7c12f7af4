"""The table that a process uses."""

from dataclasses import replace

from segue.delivery.published import Published
from segue.errors import ConfigurationError
from segue.routing import Exposure, Restrictions, RoutingTable, Variant, restrict

TABLE = RoutingTable(4, exposure=Exposure("night/1", 0, Variant("night"), 5000))


def test_what_is_published_holds_at_once() -> None:
    """The next turn that asks gets the new table."""
    published = Published()
    assert published.current() == RoutingTable()
    published.publish(TABLE)
    assert published.current() is TABLE
    assert not published.restricted


def test_a_machine_can_only_take_away() -> None:
    """What this machine allows stands in its own table, and the published one stays as it is for others."""
    published = Published(restrict=lambda table: restrict(table, Restrictions(share_bp=100)))
    published.publish(TABLE)
    current = published.current().exposure
    assert current is not None
    assert current.restrictions.share_bp == 100
    assert published.restricted
    assert published.table is TABLE


def test_the_environment_is_asked_once_a_table() -> None:
    """A table that is read again and again costs nothing, and its warnings are told once."""
    asked = []

    def limit(table: RoutingTable) -> RoutingTable:
        asked.append(table.version)
        return table

    published = Published(restrict=limit)
    for table in (TABLE, replace(TABLE), TABLE, replace(TABLE, version=5)):
        published.publish(table)
    assert asked == [1, 4, 5]


def test_what_cannot_be_read_keeps_the_candidate_away() -> None:
    """A restriction that cannot be understood is obeyed as if it forbade everything, and it is said why."""

    def refuse(table: RoutingTable) -> RoutingTable:
        if table.exposure is not None:
            raise ConfigurationError("NIGHT_ENABLED=perhaps says neither on nor off.")
        return table

    published = Published(restrict=refuse)
    published.publish(TABLE)
    assert published.current() == replace(TABLE, exposure=None)
    assert published.refused == "NIGHT_ENABLED=perhaps says neither on nor off."
    published.publish(replace(TABLE, version=5, exposure=None))
    assert published.refused == ""
