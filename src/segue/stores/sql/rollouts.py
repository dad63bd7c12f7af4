"""Rollouts kept in a database: every change in one transaction, refused if somebody else was quicker."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, tuple_, update

from segue.console.audit import Draft, digest
from segue.delivery.done import done
from segue.delivery.evidence import Block, Cell, Look
from segue.delivery.ports import Conflict
from segue.delivery.rollout import Change, Decision, Notice, Rollout
from segue.errors import Unavailable
from segue.routing import RoutingTable, table_from_dict
from segue.stores.sql import tables
from segue.stores.sql.audit import append
from segue.stores.sql.cells import cells, count, forget
from segue.stores.sql.shared import Sql

CONTROLLER = "controller"
"""Name of the lease on looking after rollouts."""

_ROLLOUT = TypeAdapter(Rollout)
_DECISION = TypeAdapter(Decision)
_BLOCK = TypeAdapter(Block)
_LOOK = TypeAdapter(Look)
_NOTICE = TypeAdapter(Notice)
T = TypeVar("T")


class SqlRolloutStore:
    """Rollouts in a database that others may share. What was saved before is there for whoever looks afterwards.

    Whatever is decided stands in the audit too, in the same transaction; `node` is the name that its entries bear.
    """

    def __init__(self, database: Sql, node: str = "") -> None:
        self._database = database
        self._node = node

    async def load(self, name: str) -> Rollout | None:
        """See `RolloutStore.load`."""
        return await self._database.read(partial(_load, name=name, attempt=None))

    async def attempt(self, name: str, attempt: int) -> Rollout | None:
        """See `RolloutStore.attempt`."""
        return await self._database.read(partial(_load, name=name, attempt=attempt))

    async def latest(self) -> list[Rollout]:
        """See `RolloutStore.latest`."""
        return await self._database.read(_latest)

    async def table(self) -> RoutingTable:
        """See `RolloutStore.table`."""
        return await self._database.read(_table)

    async def save(self, change: Change) -> None:
        """See `RolloutStore.save`."""
        await self._database.writer.submit(partial(_save, change=change, node=self._node))

    async def decisions(
        self, name: str, *, attempt: int | None = None, after: int = 0, limit: int = 1000
    ) -> list[Decision]:
        """See `RolloutStore.decisions`."""
        own = tables.decisions.c
        wanted = select(own.decision).where(own.number > after).order_by(own.number).limit(limit)
        rows = await self._database.read(partial(_of_attempt, wanted=wanted, own=own, name=name, attempt=attempt))
        return [_understood(_DECISION, row.decision) for row in rows]

    async def blocks(self, name: str, attempt: int, *, after: int = 0, limit: int = 10_000) -> list[Block]:
        """See `RolloutStore.blocks`."""
        own = tables.blocks.c
        wanted = select(own.block).where(own.position > after).order_by(own.position).limit(limit)
        rows = await self._database.read(partial(_of_attempt, wanted=wanted, own=own, name=name, attempt=attempt))
        return [_understood(_BLOCK, row.block) for row in rows]

    async def looks(self, name: str, attempt: int, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Look]]:
        """See `RolloutStore.looks`."""
        own = tables.looks.c
        wanted = select(own.version, own.look).where(own.version > after).order_by(own.version).limit(limit)
        rows = await self._database.read(partial(_of_attempt, wanted=wanted, own=own, name=name, attempt=attempt))
        return [(row.version, _understood(_LOOK, row.look)) for row in rows]

    async def count(self, cells: Sequence[Cell]) -> None:
        """See `RolloutStore.count`."""
        if cells:
            await self._database.writer.submit(partial(count, cells=tuple(cells)))

    async def cells(self, rollout: str, stage: int, *, from_block: dict[str, int]) -> list[Cell]:
        """See `RolloutStore.cells`."""
        if not from_block:
            return []
        return await self._database.read(partial(cells, rollout=rollout, stage=stage, from_block=from_block))

    async def forget_cells(self, rollout: str, stage: int, *, before_block: dict[str, int]) -> None:
        """See `RolloutStore.forget_cells`."""
        if before_block:
            job = partial(forget, rollout=rollout, stage=stage, before_block=before_block)
            await self._database.writer.submit(job)

    async def lease(self, holder: str, now: float, seconds: float) -> bool:
        """See `RolloutStore.lease`."""
        return await self._database.writer.submit(partial(_lease, holder=holder, now=now, until=now + seconds))

    async def notices(self, now: float, limit: int = 20) -> list[Notice]:
        """See `RolloutStore.notices`."""
        return await self._database.read(partial(_notices, now=now, limit=limit))

    async def noticed(self, notice: Notice, *, next_at: float | None, error: str = "") -> None:
        """See `RolloutStore.noticed`."""
        tried = replace(notice, attempts=notice.attempts + 1, next_at=notice.next_at if next_at is None else next_at)
        await self._database.writer.submit(partial(_noticed, notice=tried, next_at=next_at, error=error))


def _understood(adapter: TypeAdapter[T], plain: Any) -> T:
    try:
        return adapter.validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unavailable(
            f"What the database keeps of a rollout cannot be understood: {where}: {first['msg']}"
        ) from None


def _load(connection: Connection, *, name: str, attempt: int | None) -> Rollout | None:
    own = tables.rollouts.c
    wanted = select(own.rollout).where(own.name == name).order_by(own.attempt.desc()).limit(1)
    if attempt is not None:
        wanted = wanted.where(own.attempt == attempt)
    row = connection.execute(wanted).first()
    return None if row is None else _understood(_ROLLOUT, row.rollout)


def _latest(connection: Connection) -> list[Rollout]:
    own = tables.rollouts.c
    newest = select(own.name, func.max(own.attempt)).group_by(own.name)
    wanted = select(own.rollout).where(tuple_(own.name, own.attempt).in_(newest)).order_by(own.changed.desc())
    return [_understood(_ROLLOUT, row.rollout) for row in connection.execute(wanted)]


def _table(connection: Connection) -> RoutingTable:
    own = tables.routing.c
    row = connection.execute(select(own.routing).order_by(own.version.desc()).limit(1)).first()
    return RoutingTable() if row is None else table_from_dict(row.routing)


def _of_attempt(
    connection: Connection, *, wanted: Select[Any], own: Any, name: str, attempt: int | None
) -> Sequence[Row[Any]]:
    kept = tables.rollouts.c
    newest = select(func.max(kept.attempt)).where(kept.name == name).scalar_subquery()
    return connection.execute(wanted.where(own.name == name, own.attempt == (attempt or newest))).all()


def _save(connection: Connection, *, change: Change, node: str) -> None:
    entry = _entry(connection, change, node)  # before the rollout is written over
    _save_rollout(connection, change.rollout)
    if entry is not None:
        append(connection, entry)
    if change.table is not None:
        _save_table(connection, change.table)
    place = {"name": change.rollout.name, "attempt": change.rollout.attempt}
    if change.decision is not None:
        _insert(
            connection,
            tables.decisions,
            {
                **place,
                "number": change.decision.number,
                "at": change.decision.at,
                "kind": change.decision.kind.value,
                "decision": _DECISION.dump_python(change.decision, mode="json"),
            },
        )
    if change.look is not None:
        look = _LOOK.dump_python(change.look, mode="json")
        _insert(connection, tables.looks, {**place, "version": change.rollout.version, "look": look})
    if change.blocks:
        own = tables.blocks.c
        of_attempt = and_(own.name == change.rollout.name, own.attempt == change.rollout.attempt)
        last = connection.execute(select(func.max(own.position)).where(of_attempt)).scalar() or 0
        rows = [
            {**place, "position": last + number, "block": _BLOCK.dump_python(block, mode="json")}
            for number, block in enumerate(change.blocks, 1)
        ]
        _insert(connection, tables.blocks, *rows)
    _save_notices(connection, change.notices)


def _entry(connection: Connection, change: Change, node: str) -> Draft | None:
    """The entry of a change, with the hash of the whole rollout before and after; None where nothing was decided."""
    if (what := done(change)) is None:
        return None
    own = tables.rollouts.c
    attempt = select(own.rollout).where(own.name == change.rollout.name, own.attempt == change.rollout.attempt)
    before = connection.execute(attempt).first()
    return Draft(
        **asdict(what),
        before=digest(before.rollout) if before is not None else "",
        after=digest(_ROLLOUT.dump_python(change.rollout, mode="json")),
        node=node,
    )


def _save_rollout(connection: Connection, rollout: Rollout) -> None:
    own = tables.rollouts.c
    of_name = select(own.attempt, own.version, own.stage_since).where(own.name == rollout.name)
    before = connection.execute(of_name.order_by(own.attempt.desc()).limit(1)).first()
    at = (before.attempt, before.version) if before is not None else (0, 0)
    follows = rollout.attempt > at[0] if rollout.version == 1 else (rollout.attempt, rollout.version - 1) == at
    values = {
        "version": rollout.version,
        "changed": (connection.execute(select(func.max(own.changed))).scalar() or 0) + 1,
        "phase": rollout.phase.value,
        "stage_since": rollout.stage_since,
        "rollout": _ROLLOUT.dump_python(rollout, mode="json"),
    }
    if follows and rollout.version == 1:
        _insert(connection, tables.rollouts, {"name": rollout.name, "attempt": rollout.attempt, **values})
        return
    where = and_(own.name == rollout.name, own.attempt == rollout.attempt, own.version == rollout.version - 1)
    if not follows or connection.execute(update(tables.rollouts).where(where).values(values)).rowcount != 1:
        raise Conflict(
            f"{rollout.key} was to be written as version {rollout.version}, but attempt {at[0]} is at version"
            f" {at[1]} by now. Read it again."
        )
    if before is not None and (before.stage_since != rollout.stage_since or not rollout.phase.live):
        connection.execute(delete(tables.cells).where(tables.cells.c.rollout == rollout.key))


def _save_table(connection: Connection, table: RoutingTable) -> None:
    kept = connection.execute(select(func.max(tables.routing.c.version))).scalar() or RoutingTable().version
    if table.version != kept + 1:
        raise Conflict(
            f"The routing table was to be written as version {table.version}, but it is at version {kept} by now."
            " Read it again."
        )
    _insert(connection, tables.routing, {"version": table.version, "routing": table.as_dict()})


def _save_notices(connection: Connection, notices: Iterable[Notice]) -> None:
    own = tables.notices.c
    for notice in notices:
        if connection.execute(select(own.id).where(own.id == notice.id)).first() is None:
            plain = _NOTICE.dump_python(notice, mode="json")
            values = {"id": notice.id, "at": notice.at, "next_at": notice.next_at, "error": "", "notice": plain}
            _insert(connection, tables.notices, values)


def _insert(connection: Connection, table: Any, *rows: dict[str, Any]) -> None:
    connection.execute(insert(table), list(rows))


def _lease(connection: Connection, *, holder: str, now: float, until: float) -> bool:
    own = tables.lease.c
    free = and_(own.name == CONTROLLER, or_(own.holder == holder, own.until <= now))
    if connection.execute(update(tables.lease).where(free).values(holder=holder, until=until)).rowcount == 1:
        return True
    if connection.execute(select(own.name).where(own.name == CONTROLLER)).first() is not None:
        return False
    connection.execute(insert(tables.lease).values(name=CONTROLLER, holder=holder, until=until))
    return True


def _notices(connection: Connection, *, now: float, limit: int) -> list[Notice]:
    own = tables.notices.c
    due = select(own.notice).where(own.next_at.is_not(None), own.next_at <= now)
    rows = connection.execute(due.order_by(own.at, own.id).limit(limit))
    return [_understood(_NOTICE, row.notice) for row in rows]


def _noticed(connection: Connection, *, notice: Notice, next_at: float | None, error: str) -> None:
    values = {"next_at": next_at, "error": error, "notice": _NOTICE.dump_python(notice, mode="json")}
    connection.execute(update(tables.notices).where(tables.notices.c.id == notice.id).values(values))
