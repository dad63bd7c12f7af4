"""What every store of the audit promises: one chain without gaps, whoever writes it, read from either end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from segue.console.audit import GENESIS, OK, REFUSED, Draft, Entry, Filter, rehashed
from segue.console.ports import AuditStore
from segue.errors import Unavailable
from segue.stores.console import MemoryAuditStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.postgres import Postgres
from tests.postgres import Cluster

AT_US = 1_700_000_000_000_000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a file of its own."""
    database = Database(tmp_path / "segue.db")
    await database.start()
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> AuditStore:
    """Each store in turn."""
    if request.param == "memory":
        return MemoryAuditStore()
    return SqlAuditStore(request.getfixturevalue("database" if request.param == "sqlite" else request.param))


def draft(number: int, **changes: object) -> Draft:
    """What somebody did, a second after what they did before."""
    plain = Draft(
        AT_US + number * 1_000_000, "ada", "key:1a2b3c4d5e6f", "message.send", f"chat/main.{number}", request="r1"
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def assert_linked(entries: list[Entry], prev_hash: str = GENESIS) -> None:
    """The entries are a chain: numbers without gaps, each with the hash of the one before and of itself."""
    for number, entry in enumerate(entries, entries[0].seq):
        assert (entry.seq, entry.prev_hash) == (number, prev_hash)
        assert entry.hash == rehashed(entry)
        prev_hash = entry.hash


async def test_entries_are_linked_and_come_back_as_they_were(store: AuditStore) -> None:
    """Everything a draft says is in its entry, facts as the JSON that was hashed."""
    assert await store.last() is None
    full = draft(1, status=REFUSED, code="forbidden", before="a" * 64, after="b" * 64, node="main", chat="main.7")
    await store.append(draft(0), replace(full, duration_ms=12, facts={"stage": "zwölf", "share_bp": 500}))
    await store.append(draft(2))
    entries = await store.read(after=0, limit=10)
    assert_linked(entries)
    second = entries[1]
    assert (second.actor, second.action, second.target) == ("ada", "message.send", "chat/main.1")
    assert (second.status, second.code, second.duration_ms) == (REFUSED, "forbidden", 12)
    assert (second.before, second.after, second.node, second.chat) == ("a" * 64, "b" * 64, "main", "main.7")
    assert second.facts == '{"share_bp":500,"stage":"zwölf"}'
    assert await store.last() == entries[2]
    assert await store.read(after=1, limit=1) == [second]


async def test_a_clock_that_goes_back_is_held(store: AuditStore) -> None:
    """Moments never go back along the chain, so that pages by time and pages by number are the same pages."""
    await store.append(draft(5))
    await store.append(draft(1), draft(6))
    entries = await store.read(after=0, limit=10)
    assert [entry.at_us - AT_US for entry in entries] == [5_000_000, 5_000_000, 6_000_000]
    assert_linked(entries)


async def test_pages_are_newest_first_and_go_on_behind_a_place(store: AuditStore) -> None:
    """A page that begins behind the last entry of another neither repeats one nor leaves one out."""
    await store.append(*(draft(number // 3) for number in range(10)))
    seen: list[int] = []
    place: tuple[int, int] | None = None
    while page := await store.page(Filter(), before=place, limit=3):
        seen += [entry.seq for entry in page]
        place = (page[-1].at_us, page[-1].seq)
    assert seen == list(range(10, 0, -1))


FILTERS = [
    (Filter(actor="eve"), [4]),
    (Filter(action="key.revoke"), [2]),
    (Filter(target="chat/main.2"), [3]),
    (Filter(status=REFUSED), [5]),
    (Filter(node="west"), [6]),
    (Filter(chat="main.9"), [7]),
    (Filter(since_us=AT_US + 2_000_000, until_us=AT_US + 4_000_000), [4, 3]),
    (Filter(actor="ada", status=OK, until_us=AT_US + 2_000_000), [2, 1]),
    (Filter(actor="ada", action="key.create"), []),
]
"""Which of seven entries a filter finds."""


async def test_filters_combine(store: AuditStore) -> None:
    """Every field that is given must be the same, the end of the time not included."""
    changes: list[dict[str, object]] = [{} for _ in range(7)]
    changes[1], changes[3], changes[4] = {"action": "key.revoke"}, {"actor": "eve"}, {"status": REFUSED}
    changes[5], changes[6] = {"node": "west"}, {"chat": "main.9"}
    await store.append(*(draft(number, **change) for number, change in enumerate(changes)))
    for wanted, found in FILTERS:
        assert [entry.seq for entry in await store.page(wanted, before=None, limit=10)] == found, wanted


async def test_pruning_takes_the_oldest_and_leaves_the_newest(store: AuditStore) -> None:
    """What is left still hangs together, the entry of the pruning is its newest, and counting tells what is old."""
    await store.append(*(draft(number) for number in range(6)))
    assert await store.count(before_us=AT_US + 3_000_000) == 3
    assert await store.prune(to_seq=3, limit=2, entry=None) == 2
    assert await store.prune(to_seq=3, limit=2, entry=draft(7, action="audit.prune")) == 1
    left = await store.read(after=0, limit=10)
    assert [entry.seq for entry in left] == [4, 5, 6, 7]
    assert left[-1].action == "audit.prune"
    assert_linked(left, left[0].prev_hash)
    assert await store.prune(to_seq=100, limit=100, entry=None) == 3
    assert await store.prune(to_seq=100, limit=100, entry=None) == 0
    await store.append(draft(8))
    assert [entry.seq for entry in await store.read(after=0, limit=10)] == [7, 8]
    await store.vacuum()
    assert [entry.seq for entry in await store.read(after=0, limit=10)] == [7, 8]


async def test_many_at_once_make_one_chain(store: AuditStore) -> None:
    """Whoever writes at the same moment is put behind one another."""
    await asyncio.gather(*(store.append(draft(number), draft(number)) for number in range(40)))
    entries = await store.read(after=0, limit=100)
    assert len(entries) == 80
    assert_linked(entries)


async def test_two_servers_write_one_chain(postgres_cluster: Cluster) -> None:
    """Servers that share a database take turns: the chain has neither gaps nor forks."""
    address = postgres_cluster.database()
    servers = Postgres(address), Postgres(address)
    await asyncio.gather(*(server.start() for server in servers))
    stores = [SqlAuditStore(server) for server in servers]
    await asyncio.gather(*(stores[number % 2].append(draft(number)) for number in range(60)))
    entries = await stores[0].read(after=0, limit=100)
    assert len(entries) == 60
    assert_linked(entries)
    await asyncio.gather(*(server.close() for server in servers))


async def test_room_goes_back_to_the_disk(database: Database) -> None:
    """After pruning, vacuuming makes the file smaller, and writing goes on."""
    store = SqlAuditStore(database)
    await store.append(*(draft(number, facts={"text": "x" * 500}) for number in range(2000)))
    await store.prune(to_seq=1990, limit=5000, entry=None)
    await store.vacuum()
    assert database.path.stat().st_size < 400_000
    await store.append(draft(3000))
    assert database.health().ready


async def test_what_cannot_be_written_is_told(database: Database) -> None:
    """Without the table an entry is refused, and so is everything that was to be written with it."""
    await database.writer.submit(lambda connection: connection.execute(text("drop table audit")))
    with pytest.raises(Unavailable, match="cannot be written"):
        await SqlAuditStore(database).append(draft(0))
