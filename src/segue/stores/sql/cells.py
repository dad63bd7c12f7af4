"""Statements about cells: what replicas have counted in blocks that are not closed yet."""

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from segue.delivery.evidence import Cell, Counts, Key
from segue.stores.sql import tables

_PLACE = ("rollout", "stage", "series", "block", "arm", "character")


def count(connection: Connection, *, cells: tuple[Cell, ...]) -> None:
    """Keep cells; each replaces the earlier one of its place."""
    own = tables.cells
    for cell in cells:
        place = {name: getattr(cell.key, name) for name in _PLACE} | {"replica": cell.replica}
        counts = cell.counts
        values = {"n": counts.n, "bad": counts.bad, "votes": counts.votes, "bad_votes": counts.bad_votes, "at": cell.at}
        where = and_(*(own.c[name] == value for name, value in place.items()))
        if connection.execute(update(own).where(where).values(values)).rowcount == 0:
            connection.execute(insert(own).values({**place, **values}))


def cells(connection: Connection, *, rollout: str, stage: int, from_block: dict[str, int]) -> list[Cell]:
    """The cells of a stage, by series from a block on, in the order of their places."""
    own = tables.cells.c
    wanted = or_(*(and_(own.series == series, own.block >= block) for series, block in from_block.items()))
    order = [own[name] for name in (*_PLACE, "replica")]
    rows = connection.execute(
        select(tables.cells).where(own.rollout == rollout, own.stage == stage, wanted).order_by(*order)
    )
    return [
        Cell(
            row.replica,
            Key(row.rollout, row.stage, row.series, row.block, row.arm, row.character),
            Counts(row.n, row.bad, row.votes, row.bad_votes),
            row.at,
        )
        for row in rows
    ]


def forget(connection: Connection, *, rollout: str, stage: int, before_block: dict[str, int]) -> None:
    """Let go of the cells of closed blocks."""
    own = tables.cells.c
    closed = or_(*(and_(own.series == series, own.block < block) for series, block in before_block.items()))
    connection.execute(delete(tables.cells).where(own.rollout == rollout, own.stage == stage, closed))
