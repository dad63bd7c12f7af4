"""What a shared database adds to the contracts: writers who take turns, and an outage that nobody waits out."""

import asyncio
import signal
from collections.abc import Callable

import pytest
from sqlalchemy.exc import DataError

from segue.console.audit import Draft
from segue.delivery.ports import Conflict
from segue.delivery.rollout import Verb
from segue.errors import ConfigurationError, Unavailable
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.postgres import Postgres
from segue.stores.sql.rollouts import SqlRolloutStore
from segue.stores.sql.turns import SqlTurnStore
from tests.evidence import commanded, started
from tests.postgres import Cluster
from tests.records import turn

LIMIT_S = 20.0


@pytest.mark.parametrize("address", ["", "not an address", "mysql://localhost/segue", "sqlite:///x"])
def test_an_address_of_something_else_is_refused(address: str) -> None:
    """What is no Postgres is told at the start, with how to write one."""
    with pytest.raises(ConfigurationError, match="postgresql://user@host/name"):
        Postgres(address)


async def test_a_password_is_not_told() -> None:
    """The sentence about a database that is not there names it without its password."""
    database = Postgres("postgresql://segue:hush@127.0.0.1:1/segue")
    await database.start()
    failure = database.health().failure or ""
    assert "127.0.0.1:1/segue cannot be written" in failure
    assert "hush" not in failure
    with pytest.raises(Unavailable, match="cannot be read"):
        await SqlRolloutStore(database).latest()
    await database.close()


async def test_two_servers_write_in_turns(postgres_cluster: Cluster) -> None:
    """Of two that write the same version at the same moment one is refused, again and again; no change is lost."""
    address = postgres_cluster.database()
    one, other = Postgres(address), Postgres(address)
    await asyncio.gather(one.start(), other.start())
    stores = SqlRolloutStore(one), SqlRolloutStore(other)
    change = started()
    await stores[0].save(change)
    for number in range(10):
        before = await stores[1].load(change.rollout.name)
        assert before is not None
        change = commanded(before, await stores[1].table(), Verb.THAW if number % 2 else Verb.FREEZE)
        done = await asyncio.gather(*(store.save(change) for store in stores), return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == [Conflict.__name__, "NoneType"]
    latest = await stores[0].load(change.rollout.name)
    assert latest is not None
    assert latest.version == 11
    await asyncio.gather(one.close(), other.close())


async def test_turns_of_several_servers_are_kept_in_one_order(postgres_cluster: Cluster) -> None:
    """A reader of either server sees the turns of both, each once."""
    address = postgres_cluster.database()
    servers = Postgres(address), Postgres(address)
    await asyncio.gather(*(server.start() for server in servers))
    stores = [SqlTurnStore(server) for server in servers]
    for number in range(100):
        stores[number % 2].append(turn(turn=f"{number:032x}", at=1e9 + number))
    await asyncio.gather(*(store.flush() for store in stores))
    for store in stores:
        assert sorted([record.turn async for record in store.read()]) == [f"{number:032x}" for number in range(100)]
    await asyncio.gather(*(server.close() for server in servers))


async def test_an_outage_is_told_and_passes(postgres_cluster: Cluster, postgres: Postgres) -> None:
    """While the database is gone writes are refused with its name; when it is back they succeed, with what was kept."""
    store = SqlRolloutStore(postgres)
    change = started()
    await store.save(change)
    following = commanded(change.rollout, await store.table(), Verb.FREEZE)
    await asyncio.to_thread(postgres_cluster.stop, signal.SIGQUIT)
    try:
        with pytest.raises(Unavailable, match="cannot be written"):
            await store.save(following)
        with pytest.raises(Unavailable, match="cannot be read"):
            await store.latest()
        assert not postgres.health().ready
    finally:
        await asyncio.to_thread(postgres_cluster.start)
    async with asyncio.timeout(LIMIT_S):
        await store.save(following)
    assert postgres.health().ready
    kept = await store.load(change.rollout.name)
    assert kept is not None
    assert kept.version == 2


async def test_an_outage_is_noticed_while_nobody_writes(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that has nothing to write tells by itself that the database is gone, and that it is back."""
    monkeypatch.setattr("segue.stores.sql.postgres.LOOK_S", 0.1)
    database = Postgres(postgres_cluster.database())
    await database.start()
    await asyncio.to_thread(postgres_cluster.stop, signal.SIGQUIT)
    try:
        await until(lambda: not database.health().ready)
        assert "cannot be written" in (database.health().failure or "")
    finally:
        await asyncio.to_thread(postgres_cluster.start)
    await until(lambda: database.health().ready)
    assert (database.health().lost, database.health().queued) == (0, 0)
    await database.close()


async def test_a_value_that_fits_no_table_is_no_outage(postgres: Postgres) -> None:
    """What a database refuses for what it holds fails alone: the database is well, and nobody is told otherwise."""
    store = SqlAuditStore(postgres)
    with pytest.raises(DataError):
        await store.append(Draft(1, "olha", "key", "message.send", "chat/main.\x00"))
    assert postgres.health().ready


async def test_a_frozen_database_keeps_nobody_waiting(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes bytes and answers nothing is given up: whoever waits is told, and it shows; then all goes on."""
    monkeypatch.setattr("segue.stores.sql.postgres.LOOK_S", 0.1)
    monkeypatch.setattr("segue.stores.sql.postgres.CONNECT_S", 2)
    monkeypatch.setattr("segue.stores.sql.postgres.READ_S", 1.0)
    monkeypatch.setattr("segue.stores.sql.patience.ANSWER_S", 0.5)
    database = Postgres(postgres_cluster.database())
    await database.start()
    store = SqlRolloutStore(database)
    change = started()
    await store.save(change)
    following = commanded(change.rollout, await store.table(), Verb.FREEZE)
    with postgres_cluster.frozen():
        async with asyncio.timeout(LIMIT_S):
            read = await asyncio.gather(*(store.latest() for _ in range(40)), return_exceptions=True)
            with pytest.raises(Unavailable, match="cannot be written"):
                await store.save(following)
        assert {type(each) for each in read} == {Unavailable}
        assert not database.health().ready
    await until(lambda: database.health().ready)
    kept = await store.load(change.rollout.name)
    assert kept is not None
    assert kept.version == 1
    await database.close()


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as something holds."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.02)
