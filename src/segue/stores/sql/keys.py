"""Operators' keys kept in a database, each change in one transaction with its entry in the audit."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from segue.console.audit import Draft
from segue.console.keys import Key, tightened
from segue.console.operator import Scope
from segue.stores.sql.audit import append
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import keys

NOTED_US = 60_000_000
"""The use of a key is noted so often, and no oftener: a note is a write."""


class SqlKeyStore:
    """See `KeyStore`."""

    def __init__(self, database: Sql) -> None:
        self._database = database
        self._noted: dict[str, int] = {}

    async def first(self, key: Key, entry: Draft) -> bool:
        """See `KeyStore.first`."""
        return await self._database.writer.submit(partial(_first, key=key, entry=entry))

    async def save(self, *keys: Key, entry: Draft) -> None:
        """See `KeyStore.save`. What was revoked stays so, and no key lives longer than was written before."""
        await self._database.writer.submit(partial(_save, changed=keys, entry=entry))

    async def load(self, id: str) -> Key | None:  # noqa: A002 - it is what it is called everywhere
        """See `KeyStore.load`."""
        return await self._database.read(partial(_load, name=id))

    async def all(self) -> Sequence[Key]:
        """See `KeyStore.all`."""
        return await self._database.read(_all)

    def used(self, id: str, at_us: int) -> None:  # noqa: A002
        """See `KeyStore.used`; exact to a minute."""
        if at_us - self._noted.get(id, -NOTED_US) >= NOTED_US:
            self._noted[id] = at_us
            self._database.writer.post(partial(_used, name=id, at_us=at_us))


def _first(connection: Connection, *, key: Key, entry: Draft) -> bool:
    if connection.execute(select(func.count()).select_from(keys)).scalar_one():
        return False
    _save(connection, changed=(key,), entry=entry)
    return True


def _save(connection: Connection, *, changed: Sequence[Key], entry: Draft) -> None:
    for key in changed:
        before = _load(connection, name=key.id)
        if before is None:
            connection.execute(insert(keys).values(_values(key)))
        else:
            connection.execute(update(keys).where(keys.c.id == key.id).values(_values(tightened(before, key))))
    append(connection, entry)


def _load(connection: Connection, *, name: str) -> Key | None:
    row = connection.execute(select(keys).where(keys.c.id == name)).first()
    return None if row is None else _key(row)


def _all(connection: Connection) -> list[Key]:
    newest = select(keys).order_by(keys.c.created_us.desc(), keys.c.id.desc())
    return [_key(row) for row in connection.execute(newest)]


def _used(connection: Connection, *, name: str, at_us: int) -> None:
    newer = or_(keys.c.used_us.is_(None), keys.c.used_us < at_us)
    connection.execute(update(keys).where(keys.c.id == name, newer).values(used_us=at_us))


def _values(key: Key) -> dict[str, Any]:
    return asdict(key) | {"scopes": " ".join(sorted(key.scopes))}


def _key(row: Row[Any]) -> Key:
    return Key(**{**row._mapping, "scopes": frozenset(Scope(word) for word in row.scopes.split())})
