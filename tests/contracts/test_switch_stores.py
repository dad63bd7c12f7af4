"""What every store of the kill switch promises: the latest turn is there, and each has its entry in the audit."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from segue.console.audit import Draft, digest
from segue.console.ports import AuditStore
from segue.errors import ConfigurationError, Unavailable
from segue.stores.console import MemoryAuditStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.kept import SqlKept, SqlSwitchStore
from segue.stores.switch import MemorySwitchStore
from segue.voice.switch import SwitchState, SwitchStore, Turning

OFF = Turning(SwitchState(False, 5.0, "a fault", "ada", kept=False), 6.5, "key:1a2b3c4d5e6f", "r1")
ON = Turning(SwitchState(True, 7.0, "", "eve", kept=False), 7.0)


DRAFT = Draft(1, "start", "start", "settings.change")


class Stores(NamedTuple):
    """A store of the switch, and the audit beside it."""

    switch: SwitchStore
    audit: AuditStore


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a file of its own."""
    database = Database(tmp_path / "segue.db")
    await database.start()
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Each store in turn."""
    if request.param == "memory":
        audit = MemoryAuditStore()
        return Stores(MemorySwitchStore(audit.write, "west"), audit)
    database = request.getfixturevalue("database" if request.param == "sqlite" else request.param)
    return Stores(SqlSwitchStore(database, "west"), SqlAuditStore(database))


async def test_the_latest_turn_is_there_and_each_has_its_entry(stores: Stores) -> None:
    """Who turned it, how they came in and in which request; each entry goes on where the one before ended."""
    assert await stores.switch.load() is None
    durable = await stores.switch.save(OFF)
    state = await stores.switch.load()
    assert state == SwitchState(False, 5.0, "a fault", "ada", kept=durable)
    await stores.switch.save(ON)
    state = await stores.switch.load()
    assert state is not None
    assert (state.enabled, state.by) == (True, "eve")

    off, on = await stores.audit.read(after=0, limit=9)
    assert (off.action, off.target, off.actor, off.via) == ("switch.turn", "switch", "ada", "key:1a2b3c4d5e6f")
    assert (off.at_us, off.request, off.node, off.facts) == (6_500_000, "r1", "west", '{"switch":"off"}')
    assert (off.before, off.after) == ("", on.before)
    assert len(on.after) == 64
    assert on.after != on.before
    assert "a fault" not in str(off)


async def test_without_its_entry_it_is_not_turned(database: Database) -> None:
    """Where the audit cannot be written the switch stays as it is kept."""
    store = SqlSwitchStore(database)
    await store.save(ON)
    await database.writer.submit(lambda connection: connection.execute(text("drop table audit")))
    with pytest.raises(Unavailable):
        await store.save(OFF)
    state = await store.load()
    assert state is not None
    assert state.enabled


async def test_what_cannot_be_understood_stops_the_start(database: Database) -> None:
    """Nobody knows whether speech was turned off; the sentence names the row and the way out."""
    await database.writer.submit(
        lambda connection: connection.execute(text("insert into kept values ('switch', 1, '{\"enabled\": 7}')"))
    )
    with pytest.raises(ConfigurationError, match="delete the row `switch`"):
        await SqlSwitchStore(database).load()


async def test_a_change_of_a_value_has_one_entry(database: Database) -> None:
    """The first value, and one that is so already, are no changes; another one is kept with its entry."""
    kept = SqlKept(database)

    def entry(before: Mapping[str, Any]) -> Draft:
        return Draft(1, "start", "start", "settings.change", "settings", facts={"was": before["voice"]})

    for value, changed in (("a", False), ("a", False), ("b", True), ("b", False)):
        assert await kept.change("settings", {"voice": value}, entry if changed else lambda _: DRAFT) is changed
    (only,) = await SqlAuditStore(database).read(after=0, limit=9)
    assert (only.before, only.after, only.facts) == (digest({"voice": "a"}), digest({"voice": "b"}), '{"was":"a"}')
