"""A copy of a SQLite file while it is written to: by SQLite's own backup, page by page, of one moment.

The connection that reads opens a transaction first and holds it to the end. So it sees one state of the file, that of
one commit, however long the copying takes, and SQLite never begins anew because somebody wrote. The writer never
waits; its log only cannot shrink meanwhile. The reader never commits, so that it never carries the log back.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, func, inspect, select, table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from segue.console.audit import Entry
from segue.errors import Unavailable
from segue.stores.sql import revisions
from segue.stores.sql.engine import BUSY_TIMEOUT_MS
from segue.stores.sql.tables import audit

PAGES = 256
"""Pages of a step; then others have the disk for a moment."""
PAUSE_S = 0.002
SOUND = "ok"
"""What SQLite says of a file in which it finds nothing wrong."""

Tell = Callable[[int, int], None]
"""Told of the pages so far, and of all; what it raises ends the copying."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a database holds: the revision of its tables, their rows, and the newest entry of the audit."""

    revision: str
    tables: Mapping[str, int]
    last: Entry | None


def copy(source: Path, target: Path, tell: Tell) -> None:
    """Copy a file that others may write to; the copy is one file, of the state of one commit.

    Raises:
        Unavailable: it cannot be read, or the copy not be written.
    """
    address = f"file:{quote(str(source))}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(address, uri=True, isolation_level=None)) as reading,
            closing(sqlite3.connect(target, isolation_level=None)) as writing,
        ):
            for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=on"):
                reading.execute(f"pragma {pragma}").close()
            reading.execute("begin").close()
            reading.execute("select count(*) from sqlite_master").close()  # from here on it sees one state
            reading.backup(writing, pages=PAGES, progress=lambda _, left, all_: tell(all_ - left, all_), sleep=PAUSE_S)
            writing.execute("pragma journal_mode=delete").close()
    except sqlite3.Error as error:
        raise Unavailable(f"{source} cannot be copied to {target}: {error}.") from error


def sick(path: Path) -> str:
    """What SQLite finds wrong in a file that nobody writes to; empty where it is sound."""
    try:
        with closing(sqlite3.connect(_still(path), uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("pragma quick_check(3)")]
    except sqlite3.Error as error:
        return str(error)
    return "" if found == [SOUND] else "; ".join(found)


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A connection to a file that nobody writes to; nothing is written beside it either.

    Raises:
        Unavailable: it cannot be read.
    """
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(_still(path), uri=True), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise Unavailable(f"{path} cannot be read: {error.orig}.") from error
    finally:
        engine.dispose()


def look(connection: Connection, place: str) -> Looked:
    """What a database holds. `place` names it.

    Raises:
        ConfigurationError: it is of a newer Segue, or of another program.
    """
    revision = revisions.revision(connection, place)
    names = sorted(inspect(connection).get_table_names())
    rows = select(func.count())
    tables = {name: int(connection.execute(rows.select_from(table(name))).scalar_one()) for name in names}
    newest = select(audit).order_by(audit.c.seq.desc()).limit(1)
    row = connection.execute(newest).first() if audit.name in tables else None
    return Looked(revision, tables, Entry(*row) if row is not None else None)


def _still(path: Path) -> str:
    return f"file:{quote(str(path))}?mode=ro&immutable=1"
