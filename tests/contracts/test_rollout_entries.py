"""What is decided about a rollout stands in the audit, in the transaction of the decision."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

from segue.clock import ManualClock
from segue.console.audit import Draft, Entry
from segue.console.ports import AuditStore
from segue.delivery.done import ACTIONS, done
from segue.delivery.ports import Conflict, RolloutStore
from segue.delivery.rollout import Command, Kind, Phase, Verb
from segue.errors import Unavailable
from segue.stores.console import MemoryAuditStore
from segue.stores.rollouts import MemoryRolloutStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.rollouts import SqlRolloutStore
from segue.stores.sql.shared import Sql
from tests.evidence import AT, commanded, plan, started
from tests.fleet import Server


class Stores(NamedTuple):
    """A store of rollouts, and the audit beside it."""

    rollouts: RolloutStore
    audit: AuditStore

    async def entries(self) -> list[Entry]:
        """All that stands in the audit."""
        return await self.audit.read(after=0, limit=100)


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
        return Stores(MemoryRolloutStore(audit.write, "west"), audit)
    return kept(request.getfixturevalue("database" if request.param == "sqlite" else request.param))


@pytest.fixture(params=["database", "postgres"])
def either(request: pytest.FixtureRequest) -> Sql:
    """Each kind of database in turn."""
    database: Sql = request.getfixturevalue(request.param)
    return database


def kept(database: Sql) -> Stores:
    """The stores of a database."""
    return Stores(SqlRolloutStore(database, "west"), SqlAuditStore(database))


def test_every_decision_but_waiting_and_refusing_has_a_word() -> None:
    """Whatever changes something is told in a word of its own; what has no effect is not."""
    assert set(Kind) - set(ACTIONS) == {Kind.WAITED, Kind.REFUSED}
    assert len(set(ACTIONS.values())) == len(ACTIONS)
    assert done(replace(started(), decision=None)) is None


def test_who_decided_by_itself_came_in_by_no_door() -> None:
    """What the gates decide while somebody commands is the controller's, not that operator's."""
    change = started(actor="ada", via="key:1a2b3c4d5e6f")
    assert change.decision is not None
    what = done(replace(change, decision=replace(change.decision, actor="controller", kind=Kind.ROLLED_BACK)))
    assert what is not None
    assert (what.actor, what.via, what.action) == ("controller", "controller", "rollout.roll_back")


async def test_who_did_what_stands_in_the_audit(stores: Stores) -> None:
    """Each entry names the operator, the way in, the command and the stage, and goes on where the one before ended."""
    begun = started(actor="ada", via="key:1a2b3c4d5e6f", id="c1")
    await stores.rollouts.save(begun)
    table = await stores.rollouts.table()
    await stores.rollouts.save(commanded(begun.rollout, table, Verb.PAUSE, actor="eve", via="socket:eve", id="c2"))
    one, other = await stores.entries()
    assert (one.actor, one.via, one.action, one.target) == (
        "ada",
        "key:1a2b3c4d5e6f",
        "rollout.start",
        "rollout/night/1",
    )
    assert (one.request, one.node, one.at_us, one.status) == ("c1", "west", round(AT * 1e6), "ok")
    assert json.loads(one.facts) == {"code": "command", "decision": 1, "share_bp": 2000, "stage": "few"}
    assert (other.actor, other.via, other.action, other.request) == ("eve", "socket:eve", "rollout.pause", "c2")
    assert one.before == ""
    assert one.after == other.before != other.after
    assert len(other.after) == 64


async def test_waiting_is_no_deed(stores: Stores) -> None:
    """A decision that only says what is waited for is kept with the rollout and leaves no entry."""
    begun = started()
    await stores.rollouts.save(begun)
    change = commanded(begun.rollout, await stores.rollouts.table(), Verb.FREEZE)
    assert change.decision is not None
    await stores.rollouts.save(replace(change, decision=replace(change.decision, kind=Kind.WAITED)))
    assert [entry.action for entry in await stores.entries()] == ["rollout.start"]


async def test_who_comes_too_late_did_nothing(stores: Stores) -> None:
    """A change that is refused because somebody was quicker leaves no entry."""
    begun = started()
    await stores.rollouts.save(begun)
    with pytest.raises(Conflict):
        await stores.rollouts.save(begun)
    assert len(await stores.entries()) == 1


async def test_memory_keeps_nothing_without_its_entry() -> None:
    """What the audit refuses is not saved."""

    def refuse(_: Draft) -> None:
        raise Unavailable("The audit is full.")

    store = MemoryRolloutStore(refuse)
    with pytest.raises(Unavailable):
        await store.save(started())
    assert await store.latest() == []


async def test_without_its_entry_nothing_is_decided(either: Sql) -> None:
    """Where the audit cannot be written the change is refused whole: rollout, table and decision stay as they were."""
    stores = kept(either)
    begun = started()
    await stores.rollouts.save(begun)
    table = await stores.rollouts.table()
    await rename(either, "audit", "away")
    with pytest.raises(Unavailable):
        await stores.rollouts.save(commanded(begun.rollout, table, Verb.PROMOTE, full=True))
    assert await stores.rollouts.load("night") == begun.rollout
    assert await stores.rollouts.table() == table
    assert len(await stores.rollouts.decisions("night")) == 1


async def test_a_roll_back_holds_and_is_written_with_its_entry(database: Database) -> None:
    """While the audit is gone a roll back holds on this server; when it is back, both are written, once."""
    stores = kept(database)
    server = Server(stores.rollouts, ManualClock(wall_s=AT))
    await server.controller.start(plan(), Command(Verb.START, "ada", via="key:1"))
    await rename(database, "audit", "away")
    decision = await server.controller.command("night", Command(Verb.ROLL_BACK, "eve", "enough", via="key:2"))
    assert decision.kind is Kind.ROLLED_BACK
    assert server.replica.published.current().exposure is None
    on_disk = await stores.rollouts.load("night")
    assert on_disk is not None
    assert on_disk.phase is Phase.RUNNING

    await rename(database, "away", "audit")
    for _ in range(2):
        await server.controller.look_after()
    assert [(entry.action, entry.actor, entry.via) for entry in await stores.entries()] == [
        ("rollout.start", "ada", "key:1"),
        ("rollout.roll_back", "eve", "key:2"),
    ]


async def rename(database: Sql, old: str, new: str) -> None:
    """Put a table away, or back."""
    await database.writer.submit(lambda connection: connection.execute(text(f"alter table {old} rename to {new}")))
