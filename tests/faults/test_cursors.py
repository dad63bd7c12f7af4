"""Cursors that nobody gave, or that somebody else was given; and walks through lists that change on the way."""

import base64
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import httpx2
import pytest
from sqlalchemy import Connection, insert

from segue.console.audit import Draft
from segue.console.chats import Chat
from segue.console.paging import ASC, DESC, Cursors
from segue.stores.sql import tables
from segue.stores.sql.chats import SqlChatStore
from segue.stores.sql.engine import Database
from segue.stores.sql.postgres import Postgres
from segue.stores.sql.shared import Sql
from segue.stores.sql.turns import SqlTurnStore
from segue.voice.ports import TurnFilter
from tests.operators import PLAN, SPEAKING
from tests.postgres import Cluster, cluster, folder_of_programs
from tests.records import turn
from tests.server import RunningServer, running

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
AT_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Given:
    """A cursor that somebody was really given, and where."""

    who: str
    path: str
    query: str
    cursor: str


@dataclass
class Desk:
    """A server with a few rows in every list, and the keys of two operators who may read them all."""

    server: RunningServer
    keys: dict[str, str]
    chat: str

    def client(self, who: str) -> httpx2.Client:
        """Somebody's client."""
        return self.server.client(self.keys[who])

    def given(self) -> list[Given]:
        """What both are given for the next page of each list, under each filter and in each direction."""
        messages = f"/api/chats/{self.chat}/messages"
        asked = [
            ("/api/turns", ""),
            ("/api/turns", "&listener=olena"),
            ("/api/turns", "&kind=chat"),
            ("/api/rollouts", ""),
            ("/api/audit", ""),
            ("/api/audit", "&action=chat.open"),
            ("/api/chats", ""),
            (messages, ""),
            (messages, "&order=asc"),
        ]
        found = []
        for who in self.keys:
            with self.client(who) as client:
                for path, query in asked:
                    answer = client.get(f"{path}?limit=1{query}")
                    assert answer.status_code == 200, answer.text
                    assert answer.json()["next"], f"{path} has no second page"
                    found.append(Given(who, path, query, answer.json()["next"]))
        return found


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """A real server. Nothing may go wrong in it."""
    with running({**SPEAKING, "rate_limits": {"chat": {"per_s": 100, "burst": 100}}}) as server:
        with server.client() as client:
            for number in range(2):
                ask = {"text": "Hello", "language": "en", "listener": "olena"}
                assert client.post("/api/voice/chat/stream", json=ask).status_code == 200
                plan = {"plan": {"name": f"plan{number}", **PLAN}}
                assert client.post("/api/rollouts", json=plan).status_code == 201
                assert client.post(f"/api/rollouts/plan{number}/rollback", json={}).status_code == 200
                chat = client.post("/api/chats", json={"title": "night"})
                assert chat.status_code == 201, chat.text
            send = f"/api/chats/{chat.json()['id']}/send"
            sent = client.post(send, json={"text": "Hello", "idempotency_key": "a"})
            assert sent.status_code == 200, sent.text
        keys = {who: server.made(who, "read", "audit:read") for who in ("olena", "ivan")}
        yield Desk(server, keys, chat.json()["id"])
    assert not [line for line in server.log if '"level": "error"' in line]


def spoiled(cursor: str, others: list[Given], chance: random.Random) -> str:
    """Something in place of a cursor, written as it stands in an address."""
    at = chance.randrange(len(cursor))
    letter = chance.choice(LETTERS)
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    kinds = (
        lambda: base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
        lambda: cursor[:at] + letter + cursor[at + 1 :],
        lambda: cursor[:at] + letter + cursor[at:],
        lambda: cursor[:at],
        lambda: cursor[at + 1 :],
        lambda: cursor + "".join(chance.choices(LETTERS, k=chance.randrange(1, 40))),
        lambda: cursor + chance.choice(["=", "==", "\n", " ", ".", "\0", "%00", ","]),
        cursor.swapcase,
        lambda: cursor + cursor,
        lambda: "".join(chance.choices(LETTERS, k=chance.randrange(200))),
        lambda: base64.urlsafe_b64encode(chance.randbytes(chance.randrange(1, 90))).rstrip(b"=").decode(),
        lambda: "".join(chr(chance.randrange(0x20, 0xD800)) for _ in range(chance.randrange(1, 40))),
        lambda: chance.choice(LETTERS) * chance.randrange(1000, 8000),
        lambda: chance.choice(["null", "0", "-1", "{}", "[]", "next", "1; drop table turns", "../..", "' or 1=1 --"]),
        lambda: Cursors(b"a guess").sign("olena", "/api/turns", {}, DESC, (AT_US, "x")),
        lambda: Cursors(b"").sign("olena", "/api/turns", {}, ASC, (AT_US, "x")),
        lambda: chance.choice(others).cursor,
        lambda: chance.choice(others).cursor,
    )
    if chance.random() < 0.05:
        return quote_from_bytes(chance.randbytes(chance.randrange(1, 60)))
    return quote(chance.choice(kinds)(), safe="")


@pytest.mark.slow
def test_no_cursor_but_the_right_one_is_good(desk: Desk, full: bool) -> None:
    """Whatever is sent as a cursor, by whomever, it is an invalid one, and no row is told: never an error of ours."""
    chance = random.Random(20261121)  # noqa: S311 - draws the same every time
    given = desk.given()
    clients = {who: desk.client(who) for who in desk.keys}
    wrong: list[str] = []
    for _ in range(10_000 if full else 1000):
        here = chance.choice(given)
        others = [each for each in given if each.cursor != here.cursor]
        cursor = spoiled(here.cursor, others, chance)
        if cursor == here.cursor:
            continue
        answer = clients[here.who].get(f"{here.path}?limit=500{here.query}&cursor={cursor}")
        told = answer.json()
        if answer.status_code != 400 or told.get("code") != "invalid_cursor" or "items" in told:
            wrong.append(f"{answer.status_code} {here.path}{here.query} {cursor[:200]}: {answer.text[:200]}")
    good = [
        clients[each.who].get(f"{each.path}?limit=1{each.query}&cursor={each.cursor}").json()["items"] for each in given
    ]
    for client in clients.values():
        client.close()

    assert not wrong, "\n".join(wrong[:10])
    assert [len(items) for items in good] == [1] * len(given)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    """A Postgres, where it is installed."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("Postgres is not installed (Debian: apt-get install postgresql)")
    with cluster(programs) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sql]:
    """Each database in turn, empty."""
    kept: Sql
    if request.param == "sqlite":
        kept = Database(tmp_path / "segue.db")
    else:
        kept = Postgres(request.getfixturevalue("postgres").database())
    await kept.start()
    yield kept
    await kept.close()


class Walker:
    """Walks through a list as a caller does, with nothing in hand but cursors."""

    def __init__(self) -> None:
        self._cursors = Cursors(b"a secret")
        self._bound: dict[str, Any] = {
            "principal": "olena",
            "endpoint": "/api/list",
            "wanted": {},
            "direction": DESC,
        }
        self.cursor: str | None = None
        self.seen: list[str] = []

    def place(self) -> tuple[int, str] | None:
        """Where to go on."""
        return self._cursors.read(self.cursor, **self._bound) if self.cursor is not None else None

    def take(self, rows: list[tuple[int, str]], limit: int) -> bool:
        """Take a page that was read one row too far; whether there is another."""
        self.seen += [name for _, name in rows[:limit]]
        self.cursor = self._cursors.sign(**self._bound, place=rows[limit - 1]) if len(rows) > limit else None
        return self.cursor is not None


@pytest.mark.slow
async def test_a_walk_through_chats_that_change(database: Sql, full: bool) -> None:
    """Of chats that were all opened at one moment, each that is there throughout is seen once, whatever comes and goes.

    On the way chats of the same and of other moments are opened, and others are removed, seen ones and unseen ones.
    """
    chance = random.Random(7)  # noqa: S311
    count, limit = (100_000, 500) if full else (10_000, 125)
    names = [f"main.{number:032x}" for number in range(0, 2 * count, 2)]
    chance.shuffle(names)

    def fill(connection: Connection) -> None:
        rows = [{"id": name, "at_us": AT_US, "title": "t", "owner": "olena"} for name in names]
        for at in range(0, count, 10_000):
            connection.execute(insert(tables.chats), rows[at : at + 10_000])

    await database.writer.submit(fill)
    store, walker = SqlChatStore(database), Walker()
    entry = Draft(AT_US, "ivan", "key:1", "chat.open")
    removed, opened, number = set(), set(), 1
    while True:
        rows = [(chat.at_us, chat.id) for chat in await store.chats(before=walker.place(), limit=limit + 1)]
        if not walker.take(rows, limit):
            break
        gone = names[chance.randrange(count)]
        removed |= {gone} if await store.remove(gone, entry=entry) else set()
        for at_us in (AT_US, AT_US + 1, AT_US - 1):
            number += 2 * chance.randrange(1, 2 * count // 400)
            await store.open(Chat(f"main.{number:032x}", at_us, "new", "ivan"), entry=entry)
            opened.add(f"main.{number:032x}")

    assert len(walker.seen) == len(set(walker.seen))
    assert set(names) - removed <= set(walker.seen) <= set(names) | opened
    assert len(removed) > count // limit // 2


@pytest.mark.slow
async def test_a_walk_through_turns_that_arrive(database: Sql, full: bool) -> None:
    """Of turns that arrived at one moment, each is seen once, in order, while others come."""
    count, limit = (100_000, 500) if full else (3000, 100)
    plain = turn(900.0, at=1_700_000_000.1).as_dict()
    columns = {name: plain[name] for name in ("kind", "listener", "variant", "outcome", "language", "at")}

    def fill(connection: Connection) -> None:
        names = [f"{number:032x}" for number in range(0, 2 * count, 2)]
        rows = [{**columns, "turn": name, "record": {**plain, "turn": name}} for name in names]
        for at in range(0, count, 5000):
            connection.execute(insert(tables.turns), rows[at : at + 5000])

    await database.writer.submit(fill)
    store, before, seen, number = SqlTurnStore(database), None, list[str](), 1
    while True:
        page = await store.page(TurnFilter(), before=before, limit=limit)
        seen += [record.turn for record in page]
        if len(page) < limit:
            break
        before = (page[-1].at, page[-1].turn)
        for at in (1_700_000_000.1, 1_699_999_999.0, 1_700_000_001.0):
            store.append(turn(900.0, at=at, turn=f"{number:032x}"))
            number += 2 * 37

    those = [name for name in seen if int(name, 16) % 2 == 0]
    assert those == [f"{number:032x}" for number in range(2 * count - 2, -2, -2)]
    assert len(seen) == len(set(seen))
