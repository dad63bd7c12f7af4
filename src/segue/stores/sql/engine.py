"""One SQLite file: a single connection that writes, a few that only read, and the lock that keeps a second writer out.

The file is in WAL mode and every commit is synced before it is acknowledged. Readers never wait for the writer. Only
the writer's connection commits, so only that one carries the log back into the file; this matters, because SQLite
before 3.51.3 can lose pages of a file in which several connections do so at the same moment.
"""

import json
import os
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from segue.stores.sql.connections import Connections
from segue.stores.sql.holding import hold

BUSY_TIMEOUT_MS = 10_000
"""How long a connection waits for a lock that a backup or a curious shell holds."""

_WRITER_PRAGMAS = ("journal_mode=wal", "synchronous=full", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=on")
_READER_PRAGMAS = (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=on")

_SPACE = "Free some space on its disk; writing goes on by itself."
_RIGHTS = "Make the file and its folder readable and writable for this user; writing goes on by itself."
_REPLACE = "Move the file away and restore a backup, or let a new one be made; writing goes on by itself."
_ADVICE = (
    ("full", _SPACE),
    ("no space", _SPACE),
    ("readonly", _RIGHTS),
    ("read-only", _RIGHTS),
    ("permission denied", _RIGHTS),
    ("unable to open", _RIGHTS),
    ("not a directory", "Name a folder that can be made; what stands there is a file."),
    ("file exists", "Name a folder that can be made; what stands there is a file."),
    ("not a database", _REPLACE),
    ("malformed", _REPLACE),
    ("locked", "Another program holds the file: end it, or let it finish."),
    ("i/o error", "Look after the disk it is on."),
)
"""What to do, by a sign in the words of SQLite or of the operating system."""


class Database(Connections):
    """One SQLite file, made when it is not there. `writer` takes the writes, `read` runs the queries.

    A file that is sick (unwritable, full, damaged) does not keep Segue from starting; see `Connections`. With
    `read_only` no lock is taken: for looking into a file that a running server writes.
    """

    def __init__(
        self,
        path: Path,
        *,
        readers: int = 2,
        capacity: int = 10_000,
        read_only: bool = False,
        by_command: bool = False,
    ) -> None:
        super().__init__(
            str(path),
            _engine(path, mode="rwc", pragmas=_WRITER_PRAGMAS, begin="BEGIN IMMEDIATE"),
            _engine(path, mode="rw", pragmas=_READER_PRAGMAS, begin="BEGIN", pool_size=readers),
            readers=readers,
            capacity=capacity,
            read_only=read_only,
            by_command=by_command,
        )
        self.path = path
        self._lock: int | None = None

    @property
    def there(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    async def vacuum(self) -> None:
        """Write the file anew without its holes; it takes as much room again meanwhile, and writes wait."""
        await self.writer.submit(_vacuum, bare=True)

    async def close(self) -> None:
        """Write what is queued, fold the log into the file and let go of it. Closing twice is harmless."""
        await super().close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _reach(self) -> None:
        """Hold the lock file; the kernel lets go of it when the process ends, however it ends."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = hold(self.path)
        _hide(self.path)
        self._reading.dispose()  # the file may be another one than before

    def _advice(self, reason: str) -> str:
        return next((advice for sign, advice in _ADVICE if sign in reason), "")


def _hide(path: Path) -> None:
    """Make the file for its owner only, or take from one that is there what everybody may; chats are in it.

    SQLite gives the files that it puts beside this one the same rights.
    """
    with suppress(OSError):  # what cannot be made or changed, SQLite tells better
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with suppress(OSError):
            mode = each.stat().st_mode
            if mode & 0o007:
                each.chmod(mode & 0o770)


def _vacuum(connection: Connection) -> None:
    # Straight to the driver, because SQLAlchemy would begin a transaction.
    driver = connection.connection.driver_connection
    for statement in ("vacuum", "pragma wal_checkpoint(truncate)"):
        driver.execute(statement).close()  # type: ignore[union-attr]


_json = partial(json.dumps, allow_nan=False, separators=(",", ":"))


def _engine(path: Path, *, mode: str, pragmas: tuple[str, ...], begin: str, pool_size: int = 0) -> Engine:
    """An engine over one file; `mode` is SQLite's own word: rwc makes the file, rw does not."""
    address = f"file:{quote(str(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # No isolation level: SQLAlchemy's begin event opens transactions, the driver opens none of its own.
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        try:
            for pragma in pragmas:
                connection.execute(f"pragma {pragma}").close()
        except BaseException:
            connection.close()
            raise
        return connection

    pool: dict[str, Any] = {"poolclass": NullPool}
    if pool_size:
        pool = {"poolclass": QueuePool, "pool_size": pool_size, "max_overflow": 0}
    # Parameters are hidden, because the words of an error end up in logs, and records do not belong there.
    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, json_serializer=_json, **pool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine
