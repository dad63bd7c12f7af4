"""What holds wherever incidents are kept: in memory, in a file, in a Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from segue.console.audit import Draft, Filter
from segue.console.incidents import Incident, Severity
from segue.console.ports import AuditStore
from segue.console.responding import IncidentStore
from segue.stores.console import MemoryAuditStore
from segue.stores.incidents import MemoryIncidentStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.incidents import SqlIncidentStore

DAY_US = 86_400_000_000
ENTRY = Draft(at_us=5, actor="olha", via="key", action="incident.open", target="incident")


@dataclass
class Kept:
    """A store, and the audit beside it."""

    store: IncidentStore
    audit: AuditStore


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty file, open for writing."""
    made = Database(tmp_path / "segue.db")
    await made.start()
    yield made
    await made.close()


@pytest.fixture(params=["memory", "database", "postgres"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """Each store in turn, with nothing in it."""
    if request.param == "memory":
        audit = MemoryAuditStore()
        return Kept(MemoryIncidentStore(audit.write), audit)
    shared = request.getfixturevalue(request.param)
    return Kept(SqlIncidentStore(shared), SqlAuditStore(shared))


def incident(at_us: int = 1) -> Incident:
    """One that was just opened."""
    return Incident("", at_us, 1, "Speech is late", Severity.HIGH, "olha")


async def test_ids_are_given_once(kept: Kept) -> None:
    """Those opened at once get numbers of their own, and each entry names its incident."""
    made = await asyncio.gather(*(kept.store.open(incident(), entry=ENTRY) for _ in range(4)))
    assert sorted(each.id for each in made) == [f"INC-19700101-{number}" for number in (1, 2, 3, 4)]
    entries = await kept.audit.page(Filter(action="incident.open"), before=None, limit=10)
    assert {entry.target for entry in entries} == {f"incident/{each.id}" for each in made}


async def test_of_two_changes_one_wins(kept: Kept) -> None:
    """A change must name the version it read; the other one changes nothing and leaves no entry."""
    made = await kept.store.open(incident(), entry=ENTRY)
    one, two = (replace(made, version=2, cause=cause) for cause in ("DNS", "disk"))
    assert await kept.store.save(one, entry=replace(ENTRY, action="incident.close"))
    assert not await kept.store.save(two, entry=replace(ENTRY, action="incident.close"))
    assert await kept.store.load(made.id) == one
    assert len(await kept.audit.page(Filter(action="incident.close"), before=None, limit=10)) == 1


async def test_what_is_not_there_is_none(kept: Kept) -> None:
    """An unknown id loads nothing, and cannot be changed."""
    assert await kept.store.load("INC-19700101-1") is None
    assert not await kept.store.save(replace(incident(), id="INC-19700101-1", version=2), entry=ENTRY)


async def test_pages_go_from_the_newest_to_the_oldest(kept: Kept) -> None:
    """Every incident is on exactly one page, those of the same moment too; a state may be asked for."""
    made = [await kept.store.open(incident(number // 2 * DAY_US + 1), entry=ENTRY) for number in range(6)]
    found: list[Incident] = []
    while page := await kept.store.page(state="", before=(found[-1].at_us, found[-1].id) if found else None, limit=4):
        found += page
    assert [each.id for each in found] == [each.id for each in reversed(made)]
    assert await kept.store.page(state="closed", before=None, limit=4) == []
    assert len(await kept.store.page(state="open", before=None, limit=10)) == 6
