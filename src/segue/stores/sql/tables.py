"""The tables, and the version of their shape.

Portable types only: the same statements are meant to run on SQLite and on Postgres. Each table keeps the whole value
as JSON, and as columns no more than what is searched or sorted by.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
)

from segue.errors import ConfigurationError

SCHEMA_VERSION = 1
"""Grows with every change of the tables. A file with a greater one was written by a newer Segue and is refused."""

metadata = MetaData()

schema = Table("schema", metadata, Column("version", Integer, nullable=False))

turns = Table(
    "turns",
    metadata,
    # SQLite numbers rows by itself only under this very type.
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, comment="the order of keeping"),
    Column("turn", String, nullable=False, unique=True),
    Column("at", Double, nullable=False, comment="Unix seconds at which the request arrived"),
    Column("kind", String, nullable=False),
    Column("listener", String),
    Column("variant", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("language", String, nullable=False),
    Column("record", JSON, nullable=False, comment="the whole record, without the listener's report"),
    Index("turns_at_turn", "at", "turn"),
)

playbacks = Table(
    "playbacks",
    metadata,
    # No foreign key: a report may arrive before the turn has left its record.
    Column("turn", String, primary_key=True, comment="the primary key is what makes the first report win"),
    Column("at", Double, nullable=False, comment="Unix seconds at which the report was received"),
    Column("report", JSON, nullable=False),
    Index("playbacks_at_turn", "at", "turn"),
)


def prepare(connection: Connection, place: str) -> None:
    """Make the tables that are missing, inside the caller's transaction. `place` names the database in messages.

    Raises:
        ConfigurationError: the database is of a newer Segue, or of something else.
    """
    names = set(inspect(connection).get_table_names())
    if schema.name in names:
        check(connection, place)
        return
    if names:
        raise ConfigurationError(
            f"{place} is a database, but not Segue's: it holds {', '.join(sorted(names)[:5])}. Name another file."
        )
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(schema).values(version=SCHEMA_VERSION))


def check(connection: Connection, place: str) -> None:
    """Refuse tables that this version cannot read.

    Raises:
        ConfigurationError: the database is of a newer Segue.
    """
    version = connection.execute(select(schema.c.version)).scalar_one()
    if version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"{place} was written by a newer Segue: its tables are of version {version}, this one knows up to "
            f"{SCHEMA_VERSION}. Start the newer Segue, or name another file."
        )
