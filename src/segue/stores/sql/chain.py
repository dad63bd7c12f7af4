"""The whole chain of the audit, row by row, on one consistent state of the database."""

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from segue.console.audit import Entry
from segue.stores.sql.tables import audit

AT_ONCE = 1000
"""Rows that are held at the same time."""


def chain(connection: Connection) -> Iterator[Entry]:
    """Every entry, in the order of the chain."""
    streaming = connection.execution_options(yield_per=AT_ONCE)
    for row in streaming.execute(select(audit).order_by(audit.c.seq)):
        yield Entry(*row)


def length(connection: Connection) -> int:
    """How many entries there are."""
    return int(connection.execute(select(func.count()).select_from(audit)).scalar_one())
