"""Turns kept in a database: appended behind the caller's back, read in pages."""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, tuple_

from segue.errors import Unavailable
from segue.records import PlaybackReport, TurnRecord, record_from_dict
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import playbacks, turns
from segue.stores.sql.writer import WriterHealth
from segue.voice.ports import TurnFilter

logger = logging.getLogger(__name__)

PAGE = 200
"""Records a query brings at once: the memory a reading needs, and how long it holds a snapshot of the file."""


class SqlTurnStore:
    """Turns in a database that others may share. What was appended before is there for whoever looks afterwards.

    A turn is kept once, whatever is appended under its name later; so is its report.
    """

    def __init__(self, database: Sql) -> None:
        self._database = database
        self._lost = 0

    def append(self, record: TurnRecord) -> None:
        """Keep a record behind the caller's back. A record that finds no place is lost, counted and logged."""
        self._database.writer.post(partial(_keep_record, record=record))

    async def report(self, report: PlaybackReport) -> bool:
        """Keep a listener's report; False if the turn already has one (the first stays). True is durable.

        Raises:
            Unavailable: the report could not be written.
        """
        return await self._database.writer.submit(partial(_keep_report, report=report))

    async def find(self, turn: str) -> TurnRecord | None:
        """One record with its playback report, or None.

        Raises:
            Unavailable: the database, or this record in it, cannot be read.
        """
        await self._database.writer.settled()
        return await self._database.read(partial(_find, turn=turn))

    async def read(self, *, since: float | None = None, limit: int | None = None) -> AsyncIterator[TurnRecord]:
        """The records kept before the reading began, oldest first: the first `limit` that arrived at or after `since`.

        `since` is in Unix seconds and is compared with the arrival of the request (`TurnRecord.at`). No lock and no
        snapshot is held between pages, so a slow reader hinders nobody. A record that cannot be understood is logged
        and left out.

        Raises:
            Unavailable: the database cannot be read.
        """
        await self._database.writer.settled()
        after, last, count = await self._database.read(partial(_span, since=since))
        left = count if limit is None else min(limit, count)
        while left > 0 and after < last:
            page = await self._database.read(partial(_page, after=after, last=last))
            after = page[-1][0] if page else last
            for _, record in page:
                if left > 0 and record is not None and (since is None or record.at >= since):
                    left -= 1
                    yield record

    async def page(
        self, wanted: TurnFilter, *, before: tuple[float, str] | None = None, limit: int
    ) -> list[TurnRecord]:
        """The newest records that are wanted, newest first: those before (`at`, `turn`) in that order.

        A record that cannot be understood is logged and left out; the next one takes its place.

        Raises:
            Unavailable: the database cannot be read.
        """
        await self._database.writer.settled()
        return await self._database.read(partial(_newest, wanted=wanted, before=before, limit=limit))

    async def flush(self) -> None:
        """Return when everything appended before is durable.

        Raises:
            Unavailable: something was lost since the last flush.
        """
        await self._database.writer.settled()
        health = self._database.health()
        lost, self._lost = health.lost - self._lost, health.lost
        if lost:
            raise Unavailable(f"{lost} writes were lost. {health.failure or 'The queue of writes was full.'}")

    def health(self) -> WriterHealth:
        """How the writing goes."""
        return self._database.health()


def _keep_record(connection: Connection, *, record: TurnRecord) -> None:
    if connection.execute(select(turns.c.seq).where(turns.c.turn == record.turn)).first() is None:
        columns = {
            name: getattr(record, name) for name in ("turn", "at", "kind", "listener", "variant", "outcome", "language")
        }
        connection.execute(insert(turns).values(**columns, record=replace(record, playback=None).as_dict()))
    if record.playback is not None:
        _keep_report(connection, report=record.playback)


def _keep_report(connection: Connection, *, report: PlaybackReport) -> bool:
    if connection.execute(select(playbacks.c.turn).where(playbacks.c.turn == report.turn)).first() is not None:
        return False
    connection.execute(insert(playbacks).values(turn=report.turn, at=report.received_at, report=asdict(report)))
    return True


_JOINED = select(turns.c.seq, turns.c.turn, turns.c.record, playbacks.c.report).select_from(
    turns.outerjoin(playbacks, playbacks.c.turn == turns.c.turn)
)


def _find(connection: Connection, *, turn: str) -> TurnRecord | None:
    row = connection.execute(_JOINED.where(turns.c.turn == turn)).first()
    return None if row is None else _joined(row.turn, row.record, row.report)


def _span(connection: Connection, *, since: float | None) -> tuple[int, int, int]:
    """Where the wanted records lie (after the first number, up to the last) and how many they are.

    Asked for all three at once, SQLite answers from the index of times; for the lowest number alone it would walk the
    table from its beginning.
    """
    wanted = select(func.min(turns.c.seq), func.max(turns.c.seq), func.count())
    if since is not None:
        wanted = wanted.where(turns.c.at >= since)
    lowest, highest, count = connection.execute(wanted).one()
    return (lowest - 1, highest, count) if count else (0, 0, 0)


def _newest(
    connection: Connection, *, wanted: TurnFilter, before: tuple[float, str] | None, limit: int
) -> list[TurnRecord]:
    query = _JOINED.add_columns(turns.c.at).order_by(turns.c.at.desc(), turns.c.turn.desc())
    for name, value in asdict(wanted).items():
        if value:
            query = query.where(turns.c[name] == value)
    found: list[TurnRecord] = []
    while (left := limit - len(found)) > 0:
        beyond = query.where(tuple_(turns.c.at, turns.c.turn) < before) if before is not None else query
        rows = connection.execute(beyond.limit(left)).all()
        found += [record for row in rows if (record := _understood(row)) is not None]
        if len(rows) < left:
            break
        before = (rows[-1].at, rows[-1].turn)
    return found


def _understood(row: Row[*tuple[Any, ...]]) -> TurnRecord | None:
    try:
        return _joined(row.turn, row.record, row.report)
    except Unavailable as error:
        logger.error("a turn was left out", extra={"turn": row.turn, "reason": error.message})
        return None


def _page(connection: Connection, *, after: int, last: int) -> list[tuple[int, TurnRecord | None]]:
    # `since` is left to the caller: with it, the database might walk the index of times and sort every page anew.
    wanted = _JOINED.where(turns.c.seq > after, turns.c.seq <= last).order_by(turns.c.seq).limit(PAGE)
    return [(row.seq, _understood(row)) for row in connection.execute(wanted)]


def _joined(turn: str, record: Mapping[str, Any], report: Mapping[str, Any] | None) -> TurnRecord:
    try:
        return record_from_dict({**record, "playback": report})
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"The record of turn {turn} in the database cannot be understood: {error}") from error
