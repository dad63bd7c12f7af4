"""What the stores need of a database, whichever it is."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from segue.stores.sql.writer import Writer, WriterHealth

T = TypeVar("T")


class Sql(Protocol):
    """Something that takes writes through one `writer` and runs queries with `read`."""

    @property
    def writer(self) -> Writer:
        """Takes the writes, many to a transaction."""

    async def start(self) -> None:
        """Make ready to write.

        Raises:
            ConfigurationError: it is of a newer Segue, of another program, or in use by another server.
        """

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in a thread of its own, on one consistent state.

        Raises:
            Unavailable: it cannot be read, or was closed.
        """

    async def vacuum(self) -> None:
        """Give room that is free back to the disk, as far as that goes. Writes wait meanwhile.

        Raises:
            Unavailable: the database cannot be written.
        """

    def health(self) -> WriterHealth:
        """How the writing goes."""

    async def close(self) -> None:
        """Write what is queued and let go of it. Closing twice is harmless."""
