"""What is kept by name in a database: the kill switch, and which settings a server last started with."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, insert, select, update

from segue.console.audit import Draft, digest
from segue.errors import ConfigurationError
from segue.stores.sql.audit import append
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import kept
from segue.voice.switch import SwitchState, Turning

SWITCH = "switch"

_STATE = TypeAdapter(SwitchState)


class SqlSwitchStore:
    """The kill switch of all servers that share a database; each turn in one transaction with its entry."""

    def __init__(self, database: Sql, node: str = "") -> None:
        self._database = database
        self._node = node

    async def load(self) -> SwitchState | None:
        """See `SwitchStore.load`."""
        plain = await self._database.read(partial(_load, name=SWITCH))
        try:
            return None if plain is None else _STATE.validate_python(plain)
        except ValidationError as error:
            raise ConfigurationError(
                "What the database keeps of the kill switch cannot be understood; delete the row `switch` of its table"
                " `kept` to start with spoken replies on."
            ) from error

    async def save(self, turning: Turning) -> bool:
        """See `SwitchStore.save`."""
        state = turning.state
        draft = Draft(
            at_us=round(turning.at * 1e6),
            actor=state.by,
            via=turning.via,
            action="switch.turn",
            target="switch",
            request=turning.request,
            node=self._node,
            facts={"switch": "on" if state.enabled else "off"},
        )
        plain = {name: value for name, value in asdict(state).items() if name != "kept"}
        await self._database.writer.submit(partial(_save, name=SWITCH, value=plain, draft=draft))
        return True


class SqlKept:
    """Values that are kept by name, each change of one with its entry."""

    def __init__(self, database: Sql) -> None:
        self._database = database

    async def change(self, name: str, value: Mapping[str, Any], entry: Callable[[Mapping[str, Any]], Draft]) -> bool:
        """Keep a value; whether another one was kept before. Then `entry` makes, of that one, what is written with it.

        Raises:
            Unavailable: it could not be written.
        """
        return await self._database.writer.submit(partial(_change, name=name, value=value, entry=entry))


def _load(connection: Connection, *, name: str) -> Any:
    return connection.execute(select(kept.c.value).where(kept.c.name == name)).scalar()


def _change(
    connection: Connection, *, name: str, value: Mapping[str, Any], entry: Callable[[Mapping[str, Any]], Draft]
) -> bool:
    before = _load(connection, name=name)
    if before != value:
        draft = entry(before or {})
        _write(connection, name, draft.at_us, value)
        if before is not None:
            append(connection, replace(draft, before=digest(before), after=digest(value)))
    return before not in (None, value)


def _save(connection: Connection, *, name: str, value: Mapping[str, Any], draft: Draft) -> None:
    before = _load(connection, name=name)
    _write(connection, name, draft.at_us, value)
    append(connection, replace(draft, before=digest(before) if before is not None else "", after=digest(value)))


def _write(connection: Connection, name: str, at_us: int, value: Mapping[str, Any]) -> None:
    values = {"at_us": at_us, "value": dict(value)}
    if connection.execute(update(kept).where(kept.c.name == name).values(values)).rowcount == 0:
        connection.execute(insert(kept).values(name=name, **values))
