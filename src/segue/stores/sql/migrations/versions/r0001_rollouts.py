"""Make the tables of turns and of rollouts, as far as they are not there."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make what is missing: a database of the first Segue has turns, but no rollouts."""
    _turns()
    _rollouts()
    _evidence()
    _publishing()


def _table(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, if_not_exists=True)


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, list(columns), if_not_exists=True)


def _turns() -> None:
    _table(
        "turns",
        # SQLite numbers rows by itself only under this very type.
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            comment="the order of keeping",
        ),
        sa.Column("turn", sa.String, nullable=False, unique=True),
        sa.Column("at", sa.Double, nullable=False, comment="Unix seconds at which the request arrived"),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("listener", sa.String),
        sa.Column("variant", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("record", sa.JSON, nullable=False, comment="the whole record, without the listener's report"),
    )
    _index("turns_at_turn", "turns", "at", "turn")
    _table(
        "playbacks",
        sa.Column("turn", sa.String, primary_key=True, comment="the primary key is what makes the first report win"),
        sa.Column("at", sa.Double, nullable=False, comment="Unix seconds at which the report was received"),
        sa.Column("report", sa.JSON, nullable=False),
    )
    _index("playbacks_at_turn", "playbacks", "at", "turn")


def _rollouts() -> None:
    _table(
        "rollouts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False, comment="a change must name the version it read"),
        sa.Column("changed", sa.Integer, nullable=False, comment="grows with every change of any rollout"),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("stage_since", sa.Double, nullable=False),
        sa.Column("rollout", sa.JSON, nullable=False),
    )
    _index("rollouts_changed", "rollouts", "changed")
    _table(
        "decisions",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("decision", sa.JSON, nullable=False),
    )
    _index("decisions_at", "decisions", "at")


def _evidence() -> None:
    _table(
        "blocks",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "position",
            sa.Integer,
            primary_key=True,
            autoincrement=False,
            comment="the order in which they were closed",
        ),
        sa.Column("block", sa.JSON, nullable=False),
    )
    _table(
        "looks",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "version", sa.Integer, primary_key=True, autoincrement=False, comment="of the rollout after this look"
        ),
        sa.Column("look", sa.JSON, nullable=False),
    )
    _table(
        "cells",
        sa.Column("rollout", sa.String, primary_key=True, comment="rollout and attempt: name/2"),
        sa.Column("stage", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("series", sa.String, primary_key=True),
        sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("arm", sa.String, primary_key=True),
        sa.Column("character", sa.String, primary_key=True, comment="empty for all together"),
        sa.Column("replica", sa.String, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("n", "bad", "votes", "bad_votes")),
        sa.Column("at", sa.Double, nullable=False),
    )


def _publishing() -> None:
    _table(
        "routing",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("routing", sa.JSON, nullable=False),
    )
    _table(
        "notices",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("next_at", sa.Double, comment="when it is tried next; none once it is delivered or given up"),
        sa.Column("error", sa.String, nullable=False, comment="why the last try failed"),
        sa.Column("notice", sa.JSON, nullable=False),
    )
    _index("notices_next_at", "notices", "next_at")
    _table(
        "lease",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
