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
    update,
)

from segue.errors import ConfigurationError

SCHEMA_VERSION = 2
"""Grows with every change of the tables. A file with a greater one was written by a newer Segue and is refused; one
with a smaller one is brought up to date when it is opened for writing. Version 2 added all that concerns rollouts."""

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

rollouts = Table(
    "rollouts",
    metadata,
    Column("name", String, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False, comment="a change must name the version it read"),
    Column("changed", Integer, nullable=False, comment="grows with every change of any rollout"),
    Column("phase", String, nullable=False),
    Column("stage_since", Double, nullable=False),
    Column("rollout", JSON, nullable=False),
    Index("rollouts_changed", "changed"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("name", String, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("decision", JSON, nullable=False),
    Index("decisions_at", "at"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("name", String, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="the order in which they were closed"),
    Column("block", JSON, nullable=False),
)

looks = Table(
    "looks",
    metadata,
    Column("name", String, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="of the rollout after this look"),
    Column("look", JSON, nullable=False),
)

cells = Table(
    "cells",
    metadata,
    Column("rollout", String, primary_key=True, comment="rollout and attempt: name/2"),
    Column("stage", Integer, primary_key=True, autoincrement=False),
    Column("series", String, primary_key=True),
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("arm", String, primary_key=True),
    Column("character", String, primary_key=True, comment="empty for all together"),
    Column("replica", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ("n", "bad", "votes", "bad_votes")),
    Column("at", Double, nullable=False),
)

routing = Table(
    "routing",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("routing", JSON, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("next_at", Double, comment="when it is tried next; none once it is delivered or given up"),
    Column("error", String, nullable=False, comment="why the last try failed"),
    Column("notice", JSON, nullable=False),
    Index("notices_next_at", "next_at"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Double, nullable=False),
)


def prepare(connection: Connection, place: str) -> None:
    """Make the tables that are missing, inside the caller's transaction. `place` names the database in messages.

    A database of an older Segue keeps everything it holds: tables are only added.

    Raises:
        ConfigurationError: the database is of a newer Segue, or of something else.
    """
    names = set(inspect(connection).get_table_names())
    if schema.name in names:
        check(connection, place)
        metadata.create_all(connection)
        connection.execute(update(schema).where(schema.c.version < SCHEMA_VERSION).values(version=SCHEMA_VERSION))
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
