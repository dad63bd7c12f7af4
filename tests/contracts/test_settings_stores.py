"""What every store of live settings promises: versions without gaps, one for each number, each with its entry."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

from segue.console.audit import digest
from segue.console.ports import AuditStore
from segue.errors import ConfigurationError, Unavailable
from segue.stores.console import MemoryAuditStore
from segue.stores.settings import MemorySettingsStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.settings import SqlSettingsStore
from segue.voice.live import Change, LiveSettings, Outdated, Version
from segue.voice.versions import SettingsStore

OFF = LiveSettings({"edge": "its key is renewed"}, {"model": "offline"})


def change(number: int, value: LiveSettings = OFF, restored: int | None = None) -> Change:
    """A version of this number, made by one operator."""
    version = Version(number, 1_000_000 * number, "ada", f"because of {number}", value)
    return Change(version, "key:1a2b3c4d5e6f", "r1", restored=restored, forced=restored is not None)


class Stores(NamedTuple):
    """A store of live settings, and the audit beside it."""

    settings: SettingsStore
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
        return Stores(MemorySettingsStore(audit.write, "west"), audit)
    database = request.getfixturevalue("database" if request.param == "sqlite" else request.param)
    return Stores(SqlSettingsStore(database, "west"), SqlAuditStore(database))


async def test_every_version_can_be_read_again(stores: Stores) -> None:
    """The newest is told, each is found by its number, and a page goes on before a number, newest first."""
    kept = stores.settings
    assert (await kept.newest(), await kept.find(1), list(await kept.page(before=None, limit=9))) == (None, None, [])
    made = [change(number) for number in (1, 2, 3)]
    for each in made:
        await kept.save(each)
    assert await kept.newest() == made[2].version
    assert await kept.find(2) == made[1].version
    assert await kept.find(4) is None
    assert list(await kept.page(before=None, limit=2)) == [made[2].version, made[1].version]
    assert list(await kept.page(before=2, limit=2)) == [made[0].version]


async def test_each_version_has_its_entry(stores: Stores) -> None:
    """Who made it and how, what it was before and after, and whether it is an earlier one again."""
    await stores.settings.save(change(1))
    await stores.settings.save(change(2, LiveSettings(), restored=0))
    first, second = await stores.audit.read(after=0, limit=9)
    assert (first.action, first.target, first.actor, first.via) == ("settings.set", "settings", "ada", change(1).via)
    assert (first.at_us, first.request, first.node, first.facts) == (1_000_000, "r1", "west", '{"version":1}')
    assert (first.before, first.after) == ("", digest(OFF.as_dict()))
    assert (second.action, second.facts) == ("settings.restore", '{"forced":"yes","restored":0,"version":2}')
    assert (second.before, second.after) == (first.after, digest(LiveSettings().as_dict()))
    assert "renewed" not in f"{first}{second}"


async def test_whoever_comes_late_changes_nothing(stores: Stores) -> None:
    """A number that is taken, or leaves a gap, is refused with the version that is the newest; no entry is written."""
    await stores.settings.save(change(1))
    for number in (1, 3):
        with pytest.raises(Outdated, match=r"version 1 by now \(ada: because of 1\)") as refused:
            await stores.settings.save(change(number, LiveSettings()))
        assert refused.value.current["version"] == 1
    newest = await stores.settings.newest()
    assert newest is not None
    assert newest.value == OFF
    assert len(await stores.audit.read(after=0, limit=9)) == 1


async def test_without_its_entry_there_is_no_version(database: Database) -> None:
    """Where the audit cannot be written the version is not kept either."""
    store = SqlSettingsStore(database)
    await database.writer.submit(lambda connection: connection.execute(text("drop table audit")))
    with pytest.raises(Unavailable):
        await store.save(change(1))
    assert await store.newest() is None


async def test_what_cannot_be_understood_is_named(database: Database) -> None:
    """Nobody knows what was switched off then: the sentence names the row, and the way out."""
    row = "insert into settings values (1, 1, 'ada', 'why', '{\"off\": 7}')"
    await database.writer.submit(lambda connection: connection.execute(text(row)))
    with pytest.raises(ConfigurationError, match=r"Version 1 of the live settings .* delete that row"):
        await SqlSettingsStore(database).newest()
