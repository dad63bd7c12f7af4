"""How long an answer of Postgres is waited for. One that is frozen takes every byte and answers none of them.

The database's own limits end what takes long there; this one is for a database, or a way to it, that does not even get
to that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection

ANSWER_S = 12.0
"""A little more than the database gives a statement, so that the database's own word comes first."""


class Patient(psycopg.Connection[Any]):
    """A connection that is given up where an answer does not come in time."""

    unhurried = False
    """Whether answers are waited for as long as it takes."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """See psycopg's own.

        Raises:
            psycopg.OperationalError: there was no answer; the connection is of no more use.
        """
        try:
            return super().wait(gen, interval, timeout if timeout is not None or self.unhurried else ANSWER_S)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {ANSWER_S:g} s") from error


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Inside, answers of a Postgres may take as long as they do: a large table takes its time."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, Patient)  # noqa: S101 - every connection to a Postgres is one
    driver.unhurried = True
    try:
        yield
    finally:
        driver.unhurried = False
