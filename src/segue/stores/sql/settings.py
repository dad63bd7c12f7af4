"""The versions of the live settings kept in a database, for all servers that share it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from segue.console.audit import Draft, digest
from segue.errors import ConfigurationError
from segue.stores.sql.audit import append
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import settings
from segue.voice.live import Change, Outdated, Version, understood

_NEWEST = select(settings).order_by(settings.c.version.desc())


class SqlSettingsStore:
    """See `SettingsStore`. `node` is the name in entries."""

    def __init__(self, database: Sql, node: str = "") -> None:
        self._database = database
        self._node = node

    async def newest(self) -> Version | None:
        """See `SettingsStore.newest`."""
        return await self._database.read(_newest)

    async def find(self, number: int) -> Version | None:
        """See `SettingsStore.find`."""
        found = await self._database.read(partial(_read, query=select(settings).where(settings.c.version == number)))
        return found[0] if found else None

    async def page(self, *, before: int | None, limit: int) -> Sequence[Version]:
        """See `SettingsStore.page`."""
        query = _NEWEST.limit(limit)
        return await self._database.read(
            partial(_read, query=query if before is None else query.where(settings.c.version < before))
        )

    async def save(self, change: Change) -> None:
        """See `SettingsStore.save`; durable when it returns."""
        await self._database.writer.submit(partial(_save, change=change, node=self._node))


def _newest(connection: Connection) -> Version | None:
    found = _read(connection, query=_NEWEST.limit(1))
    return found[0] if found else None


def _read(connection: Connection, *, query: Select[Any]) -> list[Version]:
    return [_version(row) for row in connection.execute(query)]


def _version(row: Row[Any]) -> Version:
    try:
        return Version(row.version, row.at_us, row.actor, row.reason, understood(row.value))
    except ValueError as error:
        raise ConfigurationError(
            f"Version {row.version} of the live settings cannot be understood; delete that row of the table `settings`"
            " to go on with the version before."
        ) from error


def _save(connection: Connection, *, change: Change, node: str) -> None:
    """Whoever writes has the turn to write, so nobody comes between reading the newest and writing the next."""
    newest = _newest(connection) or Version()
    version = change.version
    if version.number != newest.number + 1:
        raise Outdated(newest)
    value = version.value.as_dict()
    row = {"version": version.number, "at_us": version.at_us, "actor": version.actor, "reason": version.reason}
    connection.execute(insert(settings).values(**row, value=value))
    before = digest(newest.value.as_dict()) if newest.number else ""
    append(connection, Draft(**change.entry(), before=before, after=digest(value), node=node))
