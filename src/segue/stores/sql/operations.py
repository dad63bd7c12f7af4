"""The newest operation of each command, kept in a database in one transaction with its entry in the audit."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert, select, update

from segue.console.audit import Draft
from segue.console.operations import Operation, Place, operation_of, target
from segue.stores.sql.audit import append
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import kept

ONCE = "evidence/"
"""Begins the names under which it is kept for good that a file of evidence was entered, and where."""
_EVERY = select(kept.c.name, kept.c.value).where(kept.c.name.like(target("%"))).order_by(kept.c.name)


class SqlOperationStore:
    """See `OperationStore`."""

    def __init__(self, database: Sql) -> None:
        self._database = database

    async def record(self, operation: Operation, draft: Draft, *, once: bool = False) -> Place:
        """See `OperationStore.record`; durable when it returns."""
        return await self._database.writer.submit(partial(_record, operation=operation, draft=draft, once=once))

    async def newest(self) -> Sequence[Operation]:
        """See `OperationStore.newest`."""
        return await self._database.read(_newest)


def _record(connection: Connection, *, operation: Operation, draft: Draft, once: bool) -> Place:
    if once and (known := _value(connection, ONCE + operation.digest)) is not None:
        return Place(**known)
    name = target(operation.command)
    before = _value(connection, name)
    (entry,) = append(connection, replace(draft, before=before["digest"] if before else ""))
    place = Place(entry.seq, entry.hash, entry.node)
    if before is None or before["at_us"] <= operation.at_us:
        _keep(connection, name, operation.at_us, operation.as_dict())
    if once:
        _keep(connection, ONCE + operation.digest, operation.at_us, place.as_dict())
    return place


def _newest(connection: Connection) -> list[Operation]:
    beginning = len(target(""))
    return [operation_of(row.name[beginning:], row.value) for row in connection.execute(_EVERY)]


def _value(connection: Connection, name: str) -> Any:
    return connection.execute(select(kept.c.value).where(kept.c.name == name)).scalar()


def _keep(connection: Connection, name: str, at_us: int, value: dict[str, Any]) -> None:
    values = {"at_us": at_us, "value": value}
    if connection.execute(update(kept).where(kept.c.name == name).values(values)).rowcount == 0:
        connection.execute(insert(kept).values(name=name, **values))
