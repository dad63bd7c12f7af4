"""SQLite alone: the same rows as a message of Segue, written with the standard library, a transaction for each message.

The tables, their indexes, the log (WAL) and the syncing (`synchronous=full`) are Segue's own. What is left out is what
Segue looks up meanwhile (whether the chat is there, the key is free, the operator has not too many runs under way, what
time the chat's last message has): a claim that is taken fails by its primary key, and that is all.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from benchmarks.console.rows import Sending
from segue.console.audit import Entry, linked
from segue.stores.sql.engine import Database
from segue.stores.sql.tables import audit, claims, messages, runs

BUSY_MS = 60_000
PRAGMAS = ("journal_mode=wal", "synchronous=full", f"busy_timeout={BUSY_MS}")
_AUDIT = [each.name for each in fields(Entry)]
_FIELDS = attrgetter(*_AUDIT)
_LAST = f"select {', '.join(_AUDIT)} from audit order by seq desc limit 1"  # noqa: S608 - names of our own columns


async def make(path: Path) -> None:
    """Make the file with all tables."""
    database = Database(path)
    await database.start()
    await database.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection as Segue's writer has one; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        connection.execute(f"pragma {pragma}").close()
    return connection


def write(connection: sqlite3.Connection, sent: Sending) -> None:
    """Write all of it in a transaction of its own; durable when this returns."""
    connection.execute("begin immediate")
    try:
        row = connection.execute(_LAST).fetchone()
        entry = linked(sent.entry, Entry(*row) if row else None)
        _insert(connection, claims, values(sent.claim))
        _insert(connection, messages, values(sent.message))
        _insert(connection, runs, {**values(sent.run), "state": sent.run.state.value, "asked": json.dumps({})})
        connection.execute(statement(audit.name, _AUDIT), _FIELDS(entry))
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def values(of: Any) -> dict[str, Any]:
    """The fields of a value, by their names."""
    return {name: getattr(of, name) for name in of.__slots__}


def statement(table: str, names: Sequence[str]) -> str:
    """The statement that inserts a row with these columns."""
    return f"insert into {table} ({', '.join(names)}) values ({', '.join('?' * len(names))})"  # noqa: S608 - our own


def _insert(connection: sqlite3.Connection, table: Table, row: Mapping[str, Any]) -> None:
    connection.execute(statement(table.name, list(row)), tuple(row.values()))
