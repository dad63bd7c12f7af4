"""What every store of operators' keys promises: a change and its entry together, and nothing that brings a key back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

from segue.console.audit import Draft
from segue.console.keys import Key
from segue.console.operator import Scope
from segue.console.ports import AuditStore, KeyStore
from segue.errors import Unavailable
from segue.stores.console import MemoryAuditStore, MemoryKeyStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.keys import SqlKeyStore

AT_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000
KEY = Key("0123456789ab", "ada", frozenset({Scope.READ, Scope.AUDIT_READ}), "f" * 64, AT_US, "start")
ENTRY = Draft(AT_US, "ada", "key:0123456789ab", "key.create", "key/0123456789ab")


class Stores(NamedTuple):
    """A store of keys, and the audit beside it."""

    keys: KeyStore
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
        return Stores(MemoryKeyStore(audit), audit)
    database = request.getfixturevalue("database" if request.param == "sqlite" else request.param)
    return Stores(SqlKeyStore(database), SqlAuditStore(database))


async def actions(stores: Stores) -> list[str]:
    """What the audit says was done."""
    return [entry.action for entry in await stores.audit.read(after=0, limit=100)]


async def test_a_key_comes_back_as_it_was_saved(stores: Stores) -> None:
    """Everything known of a key is kept, the newest key is first, and one that is not there is None."""
    full = replace(KEY, id="ab" * 6, created_us=AT_US + 1, expires_us=AT_US + 9, replaces=KEY.id)
    await stores.keys.save(KEY, full, entry=ENTRY)
    assert await stores.keys.load(KEY.id) == KEY
    assert list(await stores.keys.all()) == [full, KEY]
    assert await stores.keys.load("none") is None
    assert await actions(stores) == ["key.create"]


async def test_the_first_key_is_made_once(stores: Stores) -> None:
    """Of many that want to make the first key at the same moment one does, and only that one leaves an entry."""
    keys = [replace(KEY, id=f"{number:012x}") for number in range(8)]
    made = await asyncio.gather(*(stores.keys.first(key, ENTRY) for key in keys))
    assert sum(made) == 1
    assert len(await stores.keys.all()) == 1
    assert await actions(stores) == ["key.create"]


async def test_no_key_comes_back(stores: Stores) -> None:
    """Somebody who read a key before it was revoked, or shortened, and writes it afterwards changes neither."""
    await stores.keys.save(replace(KEY, expires_us=AT_US + 100), entry=ENTRY)
    await stores.keys.save(replace(KEY, expires_us=AT_US + 50, revoked_us=AT_US + 7), entry=ENTRY)
    await stores.keys.save(replace(KEY, expires_us=AT_US + 100, revoked_us=None), entry=ENTRY)
    await stores.keys.save(replace(KEY, expires_us=None, revoked_us=AT_US + 9), entry=ENTRY)
    kept = await stores.keys.load(KEY.id)
    assert kept is not None
    assert (kept.expires_us, kept.revoked_us) == (AT_US + 50, AT_US + 7)


async def test_the_latest_use_is_noted(stores: Stores) -> None:
    """A use is noted behind the caller's back, never an earlier one after a later, and a save does not lose it."""
    await stores.keys.save(KEY, entry=ENTRY)
    stores.keys.used(KEY.id, AT_US + 5 * MINUTE_US)
    stores.keys.used(KEY.id, AT_US + 3 * MINUTE_US)
    stores.keys.used("none", AT_US)
    await stores.keys.save(replace(KEY, name="eve"), entry=ENTRY)
    kept = await stores.keys.load(KEY.id)
    assert kept is not None
    assert (kept.name, kept.used_us) == ("eve", AT_US + 5 * MINUTE_US)


async def test_a_use_is_a_write_at_most_once_a_minute(database: Database) -> None:
    """A thousand requests within a minute cost the database one write."""
    store, jobs = SqlKeyStore(database), 0
    await store.save(KEY, entry=ENTRY)
    post = database.writer.post

    def counted(job: object) -> bool:
        nonlocal jobs
        jobs += 1
        return post(job)  # type: ignore[arg-type]

    database.writer.post = counted  # type: ignore[method-assign]
    for number in range(1000):
        store.used(KEY.id, AT_US + number * 1000)
    assert jobs == 1
    store.used(KEY.id, AT_US + MINUTE_US)
    assert jobs == 2


async def test_without_its_entry_no_key_changes(database: Database) -> None:
    """Where the audit cannot be written nothing is changed: neither a new key nor a revocation is kept."""
    store = SqlKeyStore(database)
    await store.save(KEY, entry=ENTRY)
    await database.writer.submit(lambda connection: connection.execute(text("drop table audit")))
    with pytest.raises(Unavailable, match="cannot be written"):
        await store.save(replace(KEY, revoked_us=AT_US), replace(KEY, id="ab" * 6), entry=ENTRY)
    assert list(await store.all()) == [KEY]
