"""The audit kept in a database: each entry in the transaction of what it tells of, linked to the one before.

Whoever writes has the turn to write (one writer a file, one lock a Postgres), so nobody comes between reading the last
entry and writing the next: the chain has neither gaps nor forks, however many servers write it.
"""

from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, select, tuple_

from segue.console.audit import MOST, Draft, Entry, Filter, linked
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import audit

# SQLite keeps whatever is put there by hand: text is greater than any number.
_NEWEST = select(audit).where(audit.c.seq <= MOST).order_by(audit.c.seq.desc()).limit(1)
_SAME = ("actor", "action", "target", "status", "node", "chat")
"""What a filter compares."""


def append(connection: Connection, *drafts: Draft) -> list[Entry]:
    """Write entries in the caller's transaction, in this order, behind the newest one; the entries."""
    last = _last(connection)
    entries = [last := linked(draft, last) for draft in drafts]
    rows: list[dict[str, Any]] = [{name: getattr(each, name) for name in Entry.__slots__} for each in entries]
    if rows:
        connection.execute(insert(audit), rows)
    return entries


class SqlAuditStore:
    """See `AuditStore`."""

    def __init__(self, database: Sql) -> None:
        self._database = database

    async def append(self, *drafts: Draft) -> None:
        """See `AuditStore.append`; durable when it returns."""
        await self._database.writer.submit(partial(_append, drafts=drafts))

    async def page(self, wanted: Filter, *, before: tuple[int, int] | None, limit: int) -> list[Entry]:
        """See `AuditStore.page`."""
        return await self._database.read(partial(_page, wanted=wanted, before=before, limit=limit))

    async def read(self, *, after: int, limit: int) -> list[Entry]:
        """See `AuditStore.read`."""
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
        return await self._database.read(partial(_entries, query=query))

    async def last(self) -> Entry | None:
        """See `AuditStore.last`."""
        return await self._database.read(_last)

    async def count(self, *, before_us: int) -> int:
        """See `AuditStore.count`."""
        return await self._database.read(partial(_count, before_us=before_us))

    async def prune(self, *, to_seq: int, limit: int, entry: Draft | None) -> int:
        """See `AuditStore.prune`."""
        return await self._database.writer.submit(partial(_prune, to_seq=to_seq, limit=limit, entry=entry))

    async def vacuum(self) -> None:
        """See `AuditStore.vacuum`."""
        await self._database.vacuum()


def _append(connection: Connection, *, drafts: tuple[Draft, ...]) -> None:
    append(connection, *drafts)


def _last(connection: Connection) -> Entry | None:
    row = connection.execute(_NEWEST).first()
    return None if row is None else Entry(**row._mapping)


def _entries(connection: Connection, *, query: Select[Any]) -> list[Entry]:
    return [Entry(**row._mapping) for row in connection.execute(query)]


def _page(connection: Connection, *, wanted: Filter, before: tuple[int, int] | None, limit: int) -> list[Entry]:
    own = audit.c
    # One bound that every other one is in: SQLite searches by a single one, and would walk to the cursor by another.
    ends = [MOST, *([before[0]] if before is not None else []), *([wanted.until_us - 1] if wanted.until_us else [])]
    listed = and_(own.at_us.between(wanted.since_us, min(ends)), own.seq <= MOST)
    query = select(audit).where(listed).order_by(own.at_us.desc(), own.seq.desc()).limit(limit)
    for name in _SAME:
        if value := getattr(wanted, name):
            query = query.where(own[name] == value)
    if before is not None:
        query = query.where(tuple_(own.at_us, own.seq) < before)
    return _entries(connection, query=query)


def _count(connection: Connection, *, before_us: int) -> int:
    older = select(func.count()).select_from(audit).where(audit.c.at_us < before_us)
    return int(connection.execute(older).scalar_one())


def _prune(connection: Connection, *, to_seq: int, limit: int, entry: Draft | None) -> int:
    own = audit.c
    newest = connection.execute(select(func.max(own.seq)).where(own.seq <= MOST)).scalar() or 0
    if entry is not None:
        append(connection, entry)
    oldest = select(own.seq).where(own.seq <= to_seq, own.seq < newest).order_by(own.seq).limit(limit).subquery()
    end = connection.execute(select(func.max(oldest.c.seq))).scalar()
    return 0 if end is None else connection.execute(delete(audit).where(own.seq <= end)).rowcount
