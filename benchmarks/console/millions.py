"""A database with as many entries, messages and chats as are asked for, built quickly and with the indexes it has."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path

from benchmarks.console.plain import make, statement
from benchmarks.console.plan import Tell
from segue.console.audit import REFUSED, Draft, Entry, linked
from segue.console.chats import Chat, Message

CHUNK = 10_000
BEGAN_US = 1_700_000_000_000_000
STEP_US = 1_000_000
CHAT = f"main.{0:032x}"
"""The chat with all the messages."""
OPERATORS = 50
SELDOM = 1000
"""One entry in so many is by `SOMEBODY`, and was refused."""
SOMEBODY = "seldom"
Place = tuple[int, str]


def id_of(number: int, kind: str) -> str:
    """32 hexadecimal digits that look drawn, and are always the same for the same number."""
    return hashlib.md5(f"{kind} {number}".encode(), usedforsecurity=False).hexdigest()


def at_us(number: int) -> int:
    """The moment of a row; the first has the number 0."""
    return BEGAN_US + number * STEP_US


def entries(count: int, last: Entry | None = None) -> Iterator[Entry]:
    """Entries that follow one another, as chats leave them."""
    start = last.seq if last is not None else 0
    for number in range(start, start + count):
        seldom = number % SELDOM == 0
        chat = f"main.{id_of(number % 5000, 'chat')}"
        draft = Draft(
            at_us(number),
            SOMEBODY if seldom else f"operator-{number % OPERATORS}",
            "key:0123456789ab",
            ("message.send", "reply.write")[number % 2],
            f"chat/{chat}",
            status=REFUSED if seldom else "ok",
            after=hashlib.sha256(str(number).encode()).hexdigest(),
            request=f"{number:016x}",
            node="main",
            chat=chat,
            duration_ms=number % 50,
            facts={"run": f"main.{number:032x}", "message": f"{number:032x}", "attempt": 1},
        )
        last = linked(draft, last)
        yield last


def message(number: int) -> Message:
    """A message of the long chat."""
    role = ("user", "assistant")[number % 2]
    text = f"Which trains leave for Lviv after six, and from which platform? That was question {number}."
    own = id_of(number, "message")
    return Message(own, CHAT, at_us(number), role, text, f"main.{id_of(number // 2, 'run')}", "operator-0")


def chat(number: int) -> Chat:
    """A chat of the long list; the long chat is the first of them."""
    own = CHAT if number == 0 else f"main.{id_of(number, 'list')}"
    return Chat(own, at_us(number), f"Chat {number}", f"operator-{number % OPERATORS}")


async def build(path: Path, rows: int, limit_s: float, tell: Tell, *, audit_only: bool = False) -> int:
    """Make a file with so many rows in each list, or with those that are there when the time is over; how many.

    Nothing is synced while it is built: a file that is half done is of no use to anybody.
    """
    await make(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma synchronous=off")
    tables = ["audit"] if audit_only else ["audit", "messages", "chats"]
    found = "select name, sql from sqlite_master where type = 'index' and sql is not null"
    indexes = [each for each in connection.execute(found).fetchall() if each[0].startswith(tuple(tables))]
    try:
        connection.execute("begin")
        for name, _ in indexes:
            connection.execute(f"drop index {name}")
        done = _fill(connection, rows, time.monotonic() + limit_s, tell, audit_only=audit_only)
        for position, (name, sql) in enumerate(indexes):
            tell(f"index {name}", position, len(indexes))
            connection.execute(sql)
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)").close()
    finally:
        connection.close()
    return done


def _fill(connection: sqlite3.Connection, rows: int, until: float, tell: Tell, *, audit_only: bool) -> int:
    last: Entry | None = None
    done = 0
    while done < rows and (done == 0 or time.monotonic() < until):
        count = min(CHUNK, rows - done)
        linked_entries = list(entries(count, last))
        last = linked_entries[-1]
        _insert(connection, "audit", Entry, linked_entries)
        if not audit_only:
            _insert(connection, "messages", Message, [message(number) for number in range(done, done + count)])
            _insert(connection, "chats", Chat, [chat(number) for number in range(done, done + count)])
        done += count
        tell("building rows", done, rows)
    return done


def _insert(connection: sqlite3.Connection, table: str, kind: type, values: Sequence[Entry | Message | Chat]) -> None:
    names = [each.name for each in fields(kind)]
    connection.executemany(statement(table, names), map(attrgetter(*names), values))
