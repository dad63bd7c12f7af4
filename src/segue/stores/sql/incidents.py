"""Incidents kept in a database, each change in one transaction with its entry in the audit."""

from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert, select, tuple_, update

from segue.console.audit import Draft
from segue.console.incidents import Incident, from_dict, numbered, prefix
from segue.stores.sql.audit import append
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import incidents


class SqlIncidentStore:
    """See `IncidentStore`."""

    def __init__(self, database: Sql) -> None:
        self._database = database

    async def open(self, incident: Incident, *, entry: Draft) -> Incident:
        """See `IncidentStore.open`."""
        return await self._database.writer.submit(partial(_open, incident=incident, entry=entry))

    async def save(self, incident: Incident, *, entry: Draft) -> bool:
        """See `IncidentStore.save`."""
        return await self._database.writer.submit(partial(_save, incident=incident, entry=entry))

    async def load(self, id: str) -> Incident | None:  # noqa: A002 - it is what it is called everywhere
        """See `IncidentStore.load`."""
        return await self._database.read(partial(_load, name=id))

    async def page(self, *, state: str, before: tuple[int, str] | None, limit: int) -> list[Incident]:
        """See `IncidentStore.page`."""
        return await self._database.read(partial(_page, state=state, before=before, limit=limit))


def _open(connection: Connection, *, incident: Incident, entry: Draft) -> Incident:
    day = select(incidents.c.id).where(incidents.c.id.startswith(prefix(incident.at_us), autoescape=True))
    made = replace(incident, id=numbered(incident.at_us, connection.execute(day).scalars()))
    connection.execute(insert(incidents).values(_values(made)))
    append(connection, replace(entry, target=f"incident/{made.id}"))
    return made


def _save(connection: Connection, *, incident: Incident, entry: Draft) -> bool:
    same = (incidents.c.id == incident.id, incidents.c.version == incident.version - 1)
    if connection.execute(update(incidents).where(*same).values(_values(incident))).rowcount == 0:
        return False
    append(connection, entry)
    return True


def _load(connection: Connection, *, name: str) -> Incident | None:
    plain = connection.execute(select(incidents.c.value).where(incidents.c.id == name)).scalar()
    return from_dict(plain) if plain is not None else None


def _page(connection: Connection, *, state: str, before: tuple[int, str] | None, limit: int) -> list[Incident]:
    query = select(incidents.c.value).order_by(incidents.c.at_us.desc(), incidents.c.id.desc()).limit(limit)
    if state:
        query = query.where(incidents.c.state == state)
    if before is not None:
        query = query.where(tuple_(incidents.c.at_us, incidents.c.id) < tuple_(*before))
    return [from_dict(plain) for plain in connection.execute(query).scalars()]


def _values(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "at_us": incident.at_us,
        "version": incident.version,
        "state": incident.state.value,
        "value": incident.as_dict(),
    }
