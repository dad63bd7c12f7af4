"""Make the tables of operations: versions of the live settings, and incidents."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "settings",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False, comment="from 1, without gaps"),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String, nullable=False, comment="name of the operator who made it"),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("value", sa.JSON, nullable=False, comment="the whole of the live settings"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False, comment="when it was opened"),
        sa.Column("version", sa.Integer, nullable=False, comment="a change must name the version it read"),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_index("incidents_at_id", "incidents", ["at_us", "id"])
