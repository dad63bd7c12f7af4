"""The benchmark of the operators' console: what it counts is there, and what it compares is the same."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from benchmarks.console import millions, plain
from benchmarks.console.driving import Window, by_percent, loops, summary, threads
from benchmarks.console.millions import SOMEBODY, build
from benchmarks.console.pages import AUDIT, CHATS, DEPTHS, LIMIT, MESSAGES, lists
from benchmarks.console.plan import Plan
from benchmarks.console.rows import TEXT, chat_of, sending
from benchmarks.console.sends import ratios
from benchmarks.console.ways import Plain, Stored, kept, rounds
from docs.printers.console import RESULTS, console_page
from segue.console.audit import Filter, rehashed
from segue.console.chain import Verifier
from segue.stores.audit_key import TrustedKeys
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.chats import SqlChatStore
from segue.stores.sql.engine import Database

LITTLE = Plan(workers=(1, 4), rounds=2, window_s=0.05, rows=2500, samples=3, page_s=0.05, entries=100)


def quiet(_what: str, _done: int, _of: int) -> None:
    """Somebody who need not be told."""


async def test_every_way_writes_the_same_rows_and_a_chain_that_holds(tmp_path: Path) -> None:
    """Segue's store and SQLite alone keep every message with its run, claim and entry, and both chains verify."""
    alone = tmp_path / "alone.db"
    await plain.make(alone)
    own = Database(tmp_path / "own.db")
    await own.start()
    ways = {"stored": Stored(own), "alone": Plain(alone, shared=True), "apart": Plain(alone, shared=False)}
    found = await rounds(LITTLE, ways, quiet)
    verdicts = [await _verdict(own)]
    await own.close()
    for name in ("alone", "apart"):
        ways[name].close()  # type: ignore[attr-defined]
    other = Database(alone)
    await other.start()
    verdicts.append(await _verdict(other))
    await other.close()

    assert kept(own.path) == ways["stored"].sent > 0
    assert kept(alone) == ways["alone"].sent + ways["apart"].sent > 0
    for path in (own.path, alone):
        assert len(set(_counts(path, "messages", "runs", "claims"))) == 1
        assert _counts(path, "audit where action = 'message.send'") == [kept(path)]
    assert all(verdict.ok and verdict.checked for verdict in verdicts)
    assert {len(each["per_s"]) for of in found.values() for each in of.values()} == {LITTLE.rounds}


async def test_both_write_the_same_values(tmp_path: Path) -> None:
    """The same message leaves the same rows, whichever way it is written; the entry only follows another one."""
    sent = sending("chat-0", 0)
    alone, own = tmp_path / "alone.db", Database(tmp_path / "own.db")
    await plain.make(alone)
    connection = plain.connect(alone)
    plain.write(connection, sent)
    connection.close()
    await own.start()
    store, (chat, opened) = SqlChatStore(own), chat_of(0)
    await store.open(chat, entry=opened)
    other = sending(chat.id, 0)
    await store.send(other.message, other.run, other.claim, entry=other.entry, most_runs=9)
    await own.close()
    for query in (
        "select role, text, operator from messages",
        "select state, attempt, token, holder, asked, reply, code, ended_us, until_us - at_us from runs",
        "select status, body, expires_us - at_us from claims",
        "select actor, via, action, status, node, duration_ms from audit where action = 'message.send'",
    ):
        assert _rows(alone, query) == _rows(own.path, query)
        assert len(_rows(alone, query)) == 1
    assert _rows(alone, "select text from messages") == [(TEXT,)]


async def test_a_key_that_is_taken_is_refused_by_sqlite_alone_too(tmp_path: Path) -> None:
    """The comparison is exact as well: the second message under a claim leaves nothing."""
    path = tmp_path / "alone.db"
    await plain.make(path)
    connection = plain.connect(path)
    sent = sending("chat-0", 0)
    plain.write(connection, sent)
    with pytest.raises(sqlite3.IntegrityError):
        plain.write(connection, sent)
    assert not connection.in_transaction
    connection.close()
    assert _counts(path, "messages", "runs", "claims", "audit") == [1, 1, 1, 1]


async def test_a_cursor_and_an_offset_read_the_same_page(tmp_path: Path) -> None:
    """At each depth both read the same rows, the newest first, and the built file has the indexes it had."""
    path = tmp_path / "rows.db"
    before = tmp_path / "empty.db"
    await plain.make(before)
    assert await build(path, LITTLE.rows, 60.0, quiet) == LITTLE.rows
    indexes = "select name, sql from sqlite_master where type = 'index' order by name"
    assert _rows(path, indexes) == _rows(before, indexes)
    database = Database(path)
    await database.start()
    for each in lists(database, LITTLE.rows).values():
        for depth in (0, 1, *(depth for depth in DEPTHS if 0 < depth < LITTLE.rows)):
            page = list(await each.by_cursor(depth))
            assert page == list(await each.by_offset(depth))
            assert len(page) == LIMIT
            assert page == sorted(page, key=lambda row: row.at_us, reverse=True)
    seldom = await SqlAuditStore(database).page(Filter(actor=SOMEBODY), before=None, limit=LIMIT)
    assert [entry.actor for entry in seldom] == [SOMEBODY] * 3
    assert all(rehashed(entry) == entry.hash for entry in seldom)
    assert (await _verdict(database)).checked == LITTLE.rows
    await database.close()


@pytest.mark.parametrize("name", [AUDIT, MESSAGES, CHATS])
async def test_a_deep_page_takes_no_more_steps_than_the_first(name: str, tmp_path: Path) -> None:
    """SQLite finds the place of a cursor, however deep, where it counts all the rows that an OFFSET leaves out."""
    path, steps = tmp_path / "rows.db", 0
    await build(path, LITTLE.rows, 60.0, quiet)
    database = Database(path, readers=1)
    await database.start()

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    def watch(connection: Connection) -> None:
        connection.connection.driver_connection.set_progress_handler(step, 10)  # type: ignore[union-attr]

    await database.read(watch)
    taken = {}
    for way, depth in (("by_cursor", 0), ("by_cursor", LITTLE.rows - 200), ("by_offset", LITTLE.rows - 200)):
        steps = 0
        await getattr(lists(database, LITTLE.rows)[name], way)(depth)
        taken[way, depth > 0] = steps
    await database.close()
    assert 0 < taken["by_cursor", True] < taken["by_cursor", False] * 1.5
    assert taken["by_offset", True] > taken["by_cursor", True] * 3


async def test_a_file_is_built_no_longer_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over, the file has fewer rows, and says how many."""
    path = tmp_path / "rows.db"
    monkeypatch.setattr(millions, "CHUNK", 200)
    assert await build(path, 3000, 0.0, quiet, audit_only=True) == 200
    assert _counts(path, "audit", "messages") == [200, 0]


async def test_closed_loops_count_what_was_done() -> None:
    """Each worker goes on until the time is over; everything that was done is counted once, and took some time."""
    done: list[int] = []

    async def one(worker: int) -> None:
        done.append(worker)
        await asyncio.sleep(0)

    for way in ("loops", "threads"):
        window = await loops(3, 0.02, one) if way == "loops" else threads(3, 0.02, done.append)
        assert window.per_s == pytest.approx(len(window.ms) / window.took_s)
        assert len(done) == len(window.ms)
        assert set(done) == {0, 1, 2} if way == "loops" else set(done) <= {0, 1, 2}
        assert window.took_s >= 0.02
        done.clear()


async def test_a_send_that_fails_ends_the_measurement() -> None:
    """An error is not counted as a message that was sent."""

    async def fail(_worker: int) -> None:
        raise RuntimeError("500 instead of 202")

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await loops(2, 0.01, fail)


def test_a_summary_keeps_rounds_apart_and_waits_together() -> None:
    """Rates are told round by round; percentiles are those of all rounds; CPU is shared by all messages."""
    one = Window(ms=[1.0, 3.0], took_s=0.5, cpu_s=0.002, settled_s=1.0, pending=1)
    two = Window(ms=[2.0, 100.0], took_s=1.0, cpu_s=0.006, settled_s=1.0)
    told: dict[str, Any] = summary([one, two])
    assert told["per_s"] == [4.0, 2.0]
    assert told["settled_per_s"] == [2.0, 2.0]
    assert told["cpu_ms_each"] == 2.0
    assert (told["ms"]["p50"], told["ms"]["p99"]) == (2.0, 100.0)
    assert by_percent(list(range(1, 101))) == list(range(1, 101))


def test_ratios_are_those_of_each_round() -> None:
    """What is compared was measured in the same round."""
    rates = {"stored": [10.0, 40.0], "served": [5.0, 5.0], "alone": [20.0, 20.0], "apart": [10.0, 80.0]}
    found = ratios({name: {"8": {"per_s": values}} for name, values in rates.items()})
    assert found["stored_to_alone"] == {"8": [0.5, 2.0]}
    assert found["served_to_apart"] == {"8": [0.5, 0.062]}


def test_the_page_is_printed_from_what_is_kept() -> None:
    """The kept results have every part the page tells of, and no row without a figure."""
    text = console_page("note")
    assert RESULTS.exists()
    assert "nan" not in text.lower().split()
    assert text.count("\n## ") == 5


async def _verdict(database: Database) -> Any:
    verifier = Verifier(TrustedKeys([]), [])
    for entry in await SqlAuditStore(database).read(after=0, limit=100_000):
        verifier.feed(entry)
    return verifier.verdict()


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def _counts(path: Path, *tables: str) -> list[int]:
    return [int(_rows(path, f"select count(*) from {table}")[0][0]) for table in tables]  # noqa: S608 - our own
