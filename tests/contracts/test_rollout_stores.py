"""What every store of rollouts promises, and what the database adds: one transaction, and folders of older versions."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from segue.delivery.evidence import Block, Cell, Counts, Key, Look
from segue.delivery.ports import Conflict, RolloutStore
from segue.delivery.rollout import Change, Notice, Verb
from segue.errors import SegueError, Unavailable
from segue.routing import RoutingTable
from segue.stores.rollouts import MemoryRolloutStore
from segue.stores.sql.engine import Database
from segue.stores.sql.revisions import REVISIONS
from segue.stores.sql.rollouts import SqlRolloutStore
from segue.stores.sql.turns import SqlTurnStore
from tests.evidence import AT, commanded, plan, started
from tests.records import turn


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a folder that does not exist yet."""
    database = Database(tmp_path / "data" / "segue.db")
    await database.start()
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> RolloutStore:
    """Each store in turn."""
    if request.param == "memory":
        return MemoryRolloutStore()
    name = "database" if request.param == "sqlite" else request.param
    return SqlRolloutStore(request.getfixturevalue(name))


def block(number: int, series: str = "ttfa") -> Block:
    """A closed minute with something of everything in it."""
    since = AT + 60.0 * number
    one = Counts(3, 1_500_000, 2, 333_333)
    return Block(0, series, number, since, since + 60.0, one, Counts(9), {"pip": one}, since + 68.0)


def notice(name: str, at: float) -> Notice:
    """A message that is due at once."""
    return Notice(name, "team", "started", "webhook", "http://127.0.0.1:9/", "", {"text": "ß"}, at, 0, at)


def cell(
    number: int, n: int, *, series: str = "ttfa", replica: str = "one", stage: int = 0, character: str = ""
) -> Cell:
    """What a replica counted in a block."""
    key = Key("night/1", stage, series, number, "candidate", character)
    return Cell(replica, key, Counts(n, 10, n, 10), AT + number)


async def begun(store: RolloutStore, **changes: Any) -> Change:
    """A rollout that is written."""
    change = started(**changes)
    await store.save(change)
    return change


async def everything(store: RolloutStore) -> Any:
    """All that a store tells of the rollout of these tests."""
    return (
        await store.latest(),
        await store.table(),
        await store.decisions("night"),
        await store.blocks("night", 1),
        await store.looks("night", 1),
        await store.cells("night/1", 0, from_block={"ttfa": 0}),
        await store.notices(AT + 1e6),
    )


def full(change: Change) -> Change:
    """A further change that writes everything a change can: a roll back with blocks, a look and messages."""
    assert change.table is not None
    back = commanded(change.rollout, change.table, Verb.ROLL_BACK, id="back", reason="enough")
    assert back.table is not None
    assert back.decision is not None
    assert back.notices
    look = Look(at=AT + 1, minutes={"ttfa/fast": block(0)}, candidate_at=AT, alerts=None, degradation="slow")
    return replace(back, blocks=(block(0), block(1)), look=look)


class TestEveryStore:
    """The rules of the port."""

    async def test_nothing_is_there_at_first(self, store: RolloutStore) -> None:
        """An empty store has no rollout, and the table of a server on which nothing was ever rolled out."""
        assert await store.load("night") is None
        assert await store.attempt("night", 1) is None
        assert await everything(store) == ([], RoutingTable(), [], [], [], [], [])

    async def test_a_change_comes_back_as_it_was(self, store: RolloutStore) -> None:
        """Every field of the rollout, its table, decisions, blocks, look and messages survives, to the last bit."""
        change = await begun(store)
        back = full(change)
        await store.save(back)

        assert await store.load("night") == back.rollout
        assert await store.table() == back.table
        assert await store.decisions("night") == [change.decision, back.decision]
        assert await store.blocks("night", 1) == list(back.blocks)
        assert await store.looks("night", 1) == [(2, back.look)]
        assert await store.notices(AT + 10.0) == [*change.notices, *back.notices]

    async def test_only_the_next_version_is_written(self, store: RolloutStore) -> None:
        """Who read an older version, or begins an attempt that is there, is refused, and nothing is written."""
        change = await begun(store)
        await store.save(full(change))
        before = await everything(store)
        for late in (full(change), change, replace(full(change), rollout=replace(change.rollout, version=9))):
            with pytest.raises(Conflict, match="Read it again"):
                await store.save(late)
        assert await everything(store) == before

    async def test_only_the_next_table_is_written(self, store: RolloutStore) -> None:
        """A table that somebody else has replaced meanwhile refuses the whole change: the rollout with it."""
        change = await begun(store)
        before = await everything(store)
        for version in (change.rollout.version, 4):
            late = replace(full(change), table=RoutingTable(version))
            with pytest.raises(Conflict, match="routing table"):
                await store.save(late)
        assert await everything(store) == before

    async def test_one_of_many_wins(self, store: RolloutStore) -> None:
        """Of ten that write the same version at the same time exactly one does, and the others are told."""
        change = await begun(store)
        assert change.table is not None
        verbs = [commanded(change.rollout, change.table, Verb.FREEZE, id=f"{n}") for n in range(10)]
        done = await asyncio.gather(*(store.save(each) for each in verbs), return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == ["Conflict"] * 9 + ["NoneType"]
        (_, kept) = await store.decisions("night")
        assert kept == verbs[done.index(None)].decision

    async def test_every_attempt_is_kept(self, store: RolloutStore) -> None:
        """A new attempt leaves the earlier one as it ended; only the latest may change."""
        change = await begun(store)
        back = full(change)
        await store.save(back)
        assert back.table is not None
        again = replace(started().rollout, attempt=2)
        await store.save(Change(again))
        await store.save(replace(Change(replace(again, version=2)), blocks=(block(7),)))

        assert await store.load("night") == replace(again, version=2)
        assert await store.attempt("night", 1) == back.rollout
        assert await store.blocks("night", 1) == list(back.blocks)
        assert await store.blocks("night", 2) == [block(7)]
        assert await store.decisions("night") == []
        assert len(await store.decisions("night", attempt=1)) == 2
        with pytest.raises(Conflict):
            await store.save(Change(replace(back.rollout, version=3)))

    async def test_the_latest_changed_comes_first(self, store: RolloutStore) -> None:
        """The list has every rollout once, as it stands, the one that changed last first."""
        night = await begun(store)
        day = Change(started(plan(name="day")).rollout)
        await store.save(day)
        assert await store.latest() == [day.rollout, night.rollout]
        moved = replace(night.rollout, version=2)
        await store.save(Change(moved))
        assert await store.latest() == [moved, day.rollout]

    async def test_pages_are_cut_and_continued(self, store: RolloutStore) -> None:
        """Decisions, blocks and looks are read on from where the last page ended."""
        change = await begun(store)
        rollout, decision = change.rollout, change.decision
        assert decision is not None
        for version in range(2, 7):
            rollout = replace(rollout, version=version)
            own = replace(decision, number=version)
            await store.save(Change(rollout, own, blocks=(block(version),), look=Look(at=AT + version)))
        assert [each.number for each in await store.decisions("night", after=2, limit=3)] == [3, 4, 5]
        assert [each.block for each in await store.blocks("night", 1, after=1, limit=2)] == [3, 4]
        assert [version for version, _ in await store.looks("night", 1, after=4)] == [5, 6]
        assert await store.decisions("nobody") == []

    async def test_a_cell_replaces_its_own(self, store: RolloutStore) -> None:
        """What a replica counts later replaces what it counted before, and never another's."""
        await store.count([cell(0, 1), cell(0, 5, replica="two"), cell(0, 2, character="pip")])
        await store.count([cell(0, 3), cell(1, 1)])
        await store.count([])
        found = await store.cells("night/1", 0, from_block={"ttfa": 0})
        assert found == [cell(0, 3), cell(0, 5, replica="two"), cell(0, 2, character="pip"), cell(1, 1)]

    async def test_cells_are_read_from_a_block_on(self, store: RolloutStore) -> None:
        """Only the named series are read, each from its own block on, in this stage of this attempt."""
        await store.count([cell(n, 1, series=series) for series in ("a", "b", "c") for n in range(3)])
        await store.count([cell(2, 1, series="a", stage=1)])
        found = await store.cells("night/1", 0, from_block={"a": 2, "b": 1})
        assert found == [cell(2, 1, series="a"), cell(1, 1, series="b"), cell(2, 1, series="b")]
        assert await store.cells("night/2", 0, from_block={"a": 0}) == []
        assert await store.cells("night/1", 0, from_block={}) == []

    async def test_closed_cells_are_forgotten(self, store: RolloutStore) -> None:
        """What is closed is let go of by series; a series that is not named stays."""
        await store.count([cell(n, 1, series=series) for series in ("a", "b") for n in range(3)])
        await store.forget_cells("night/1", 0, before_block={"a": 2})
        await store.forget_cells("night/1", 0, before_block={})
        found = await store.cells("night/1", 0, from_block={"a": 0, "b": 0})
        assert [(each.key.series, each.key.block) for each in found] == [("a", 2), ("b", 0), ("b", 1), ("b", 2)]

    async def test_a_stage_begins_without_cells(self, store: RolloutStore) -> None:
        """When a stage begins anew, or the attempt ends, what was counted before is nobody's evidence any more."""
        rollout = (await begun(store)).rollout
        await store.count([cell(0, 1), cell(3, 1, stage=1)])
        same = replace(rollout, version=2)
        await store.save(Change(same))
        assert await store.cells("night/1", 0, from_block={"ttfa": 0}) == [cell(0, 1)]
        await store.save(Change(replace(same, version=3, stage=1, stage_since=AT + 600.0)))
        assert await store.cells("night/1", 0, from_block={"ttfa": 0}) == []
        assert await store.cells("night/1", 1, from_block={"ttfa": 0}) == []

    async def test_one_holds_the_lease(self, store: RolloutStore) -> None:
        """The holder may renew it, another one has it only when its time is over."""
        assert await store.lease("one", AT, 10.0)
        assert not await store.lease("two", AT + 9.0, 10.0)
        assert await store.lease("one", AT + 9.0, 10.0)
        assert not await store.lease("two", AT + 18.0, 10.0)
        assert await store.lease("two", AT + 19.0, 10.0)
        assert not await store.lease("one", AT + 20.0, 10.0)

    async def test_messages_wait_until_they_are_delivered(self, store: RolloutStore) -> None:
        """A message is due until it is delivered or given up, or tried again later; it counts its tries."""
        change = replace(started(), notices=(notice("b", AT + 5.0), notice("a", AT), notice("c", AT + 9.0)))
        await store.save(change)
        assert [each.id for each in await store.notices(AT + 5.0)] == ["a", "b"]
        assert [each.id for each in await store.notices(AT + 99.0, limit=2)] == ["a", "b"]
        first, second = await store.notices(AT + 5.0)
        await store.noticed(first, next_at=None)
        await store.noticed(second, next_at=AT + 60.0, error="refused")
        assert await store.notices(AT + 8.0) == []
        again, later = await store.notices(AT + 60.0)
        assert (again.id, again.attempts, again.next_at) == ("b", 1, AT + 60.0)
        assert later.id == "c"

    async def test_a_message_is_written_once(self, store: RolloutStore) -> None:
        """A message of the same id does not come back once it was delivered."""
        change = replace(started(), notices=(notice("a", AT),))
        await store.save(change)
        await store.noticed(notice("a", AT), next_at=None)
        await store.save(Change(replace(change.rollout, version=2), notices=(notice("a", AT),)))
        assert await store.notices(AT + 60.0) == []


class TestTheDatabase:
    """What only a database promises."""

    async def test_a_failure_anywhere_leaves_nothing(self, database: Database) -> None:
        """Whichever statement of a change fails, all of the change is undone; without a failure all of it is there."""
        store = SqlRolloutStore(database)
        change = await begun(store)
        await store.count([cell(0, 1)])
        before, place, number, failures = await everything(store), 0, 0, 0

        def fail(_: object, __: object, statement: str, *___: object) -> None:
            nonlocal number
            number = 0 if statement.startswith("BEGIN") else number + 1
            if number == place:  # in every transaction, as what failed is tried again by itself
                raise OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))

        event.listen(database._writing, "before_cursor_execute", fail)
        try:
            for _ in range(100):
                place += 1
                try:
                    await store.save(full(change))
                except SegueError:
                    failures += 1
                    assert await everything(store) == before
                else:
                    break
        finally:
            event.remove(database._writing, "before_cursor_execute", fail)
        assert failures >= 10, "each statement of a change had its failure"
        assert (await store.load("night")) == full(change).rollout
        assert await store.blocks("night", 1) == [block(0), block(1)]

    async def test_what_is_saved_is_there_after_a_restart(self, tmp_path: Path) -> None:
        """Another process finds the rollout, its table, evidence and messages as they were."""
        seen = []
        for _ in range(2):
            database = Database(tmp_path / "segue.db")
            await database.start()
            store = SqlRolloutStore(database)
            if not seen:
                await store.save(full(await begun(store)))
                await store.count([cell(0, 4)])
            seen.append(await everything(store))
            await database.close()
        assert seen[0] == seen[1]

    async def test_a_folder_of_the_first_version_goes_on_working(self, tmp_path: Path) -> None:
        """The file of an older Segue keeps its turns, gets the tables of rollouts, and then its new version."""
        path = tmp_path / "segue.db"
        with sqlite3.connect(path) as old:
            old.executescript(VERSION_1)
        old.close()
        database = Database(path)
        await database.start()
        turns, store = SqlTurnStore(database), SqlRolloutStore(database)
        turns.append(turn(turn="new"))
        change = await begun(store)
        assert await store.load("night") == change.rollout
        assert [record.turn async for record in turns.read()] == ["old", "new"]
        await database.close()
        with sqlite3.connect(path) as now:
            assert now.execute("select version_num from alembic_version").fetchall() == [(REVISIONS[-1],)]
        now.close()

    async def test_what_cannot_be_understood_is_told(self, database: Database) -> None:
        """A rollout that was changed behind Segue's back is unavailable, and the sentence says what is wrong in it."""
        store = SqlRolloutStore(database)
        await begun(store)
        with sqlite3.connect(database.path) as shell:
            shell.execute("update rollouts set rollout = json_set(rollout, '$.phase', 'dancing')")
        shell.close()
        with pytest.raises(Unavailable, match="phase"):
            await store.load("night")


VERSION_1 = """
create table schema (version integer not null);
insert into schema values (1);
create table turns (
    seq integer not null primary key, turn varchar not null unique, at double not null, kind varchar not null,
    listener varchar, variant varchar not null, outcome varchar not null, language varchar not null,
    record json not null
);
create index turns_at_turn on turns (at, turn);
create table playbacks (turn varchar not null primary key, at double not null, report json not null);
create index playbacks_at_turn on playbacks (at, turn);
insert into turns values (1, 'old', 1700000000.0, 'chat', null, 'baseline', 'completed', 'en', '{"turn": "old",
    "kind": "chat", "at": 1700000000.0, "listener": null, "chat": null, "variant": "baseline", "profile": "fast",
    "character": null, "language": "en", "model": "offline", "voice": "en-us", "format": "pcm16",
    "outcome": "completed", "marks": {"request": 0.0}}');
"""
"""A data file as the first version made it, with one turn in it."""
