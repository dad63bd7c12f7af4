"""Which tables a database has, and how it comes to have those of this version: in one transaction, or not at all.

Alembic carries a database forward; it is loaded only when there is something to carry. There is no way back but a
backup. A database that was written before there were revisions has a table `schema` instead, with the version 1 or 2.
"""

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, inspect, select, text

from segue.errors import ConfigurationError
from segue.stores.sql.tables import metadata

REVISIONS = ("0001", "0002", "0003")
"""From the oldest to the newest."""
old = Table("schema", MetaData(), Column("version", Integer, nullable=False))
"""The table that told the version before there were revisions."""
OLD_VERSIONS = (1, 2)

marks = MetaData()
mark = Table("alembic_version", marks, Column("version_num", String(32), primary_key=True))
"""Alembic's own table, for a new database that never needed Alembic."""


@dataclass(frozen=True, slots=True)
class Step:
    """A revision that is still to come, and what it does in one sentence."""

    revision: str
    sentence: str


def prepare(connection: Connection, place: str, *, by_command: bool = False) -> None:
    """See to it that the tables are those of this version, in the caller's transaction. `place` names the database.

    A database of an older Segue keeps everything it holds.

    Raises:
        ConfigurationError: it is of a newer Segue, or of something else; or it must be brought up to date, and
            `by_command` leaves that to `segue migrate`.
    """
    found = revision(connection, place)
    if found == REVISIONS[-1]:
        return
    if by_command:
        raise ConfigurationError(
            f"{place} is not up to date: its tables are of revision {found or 'none'}, this Segue needs"
            f" {REVISIONS[-1]}. Run `segue migrate`; `segue migrate --plan` shows what it would do."
        )
    migrate(connection, place)


def check(connection: Connection, place: str) -> None:
    """Refuse tables that this version cannot read.

    Raises:
        ConfigurationError: the database is of a newer Segue, or of something else.
    """
    revision(connection, place)


def revision(connection: Connection, place: str) -> str:
    """The revision of the tables; empty where there are none, or only those from before there were revisions.

    Raises:
        ConfigurationError: the database is of a newer Segue, or of something else.
    """
    names = set(inspect(connection).get_table_names())
    if mark.name in names:
        found = connection.execute(select(mark.c.version_num)).scalar()
        if found not in REVISIONS:
            raise _newer(place, f"revision {found}", f"revision {REVISIONS[-1]}")
        return str(found)
    if old.name in names:
        version = connection.execute(select(old.c.version)).scalar()
        if version not in OLD_VERSIONS:
            raise _newer(place, f"version {version}", f"version {OLD_VERSIONS[-1]}")
    elif names:
        raise ConfigurationError(
            f"{place} is a database, but not Segue's: it holds {', '.join(sorted(names)[:5])}. Name another file."
        )
    return ""


def pending(connection: Connection, place: str) -> tuple[list[Step], str]:
    """What is still to come, in order, and the SQL of it; nothing is changed.

    Raises:
        ConfigurationError: the database is of a newer Segue, or of something else.
    """
    found = revision(connection, place)
    if found == REVISIONS[-1]:
        return [], ""
    from segue.stores.sql import carrying  # noqa: PLC0415 (Alembic takes a moment to load)

    steps, statements = carrying.to_come(connection, found)
    return [Step(*step) for step in steps], statements


def migrate(connection: Connection, place: str) -> str:
    """Bring the tables up to date, in the caller's transaction; the revision they were of.

    Raises:
        ConfigurationError: the database is of a newer Segue, or of something else.
    """
    found = revision(connection, place)
    if not found and not inspect(connection).get_table_names():
        marks.create_all(connection)
        metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(mark).values(version_num=REVISIONS[-1]))
    elif found != REVISIONS[-1]:
        from segue.stores.sql import carrying  # noqa: PLC0415 (Alembic takes a moment, and most starts do not need it)

        if connection.dialect.name == "postgresql":
            from segue.stores.sql.patience import unhurried  # noqa: PLC0415 - only who uses Postgres has its driver

            connection.execute(text("set local statement_timeout = 0"))  # a large table may take its time
            with unhurried(connection):
                carrying.carry(connection)
        else:
            carrying.carry(connection)
    return found


def _newer(place: str, found: str, known: str) -> ConfigurationError:
    return ConfigurationError(
        f"{place} was written by a newer Segue: its tables are of {found}, this one knows up to {known}."
        " Start the newer Segue, or name another file."
    )
