"""Make the tables of the operators' plane, and drop the one that told the version until now."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the tables, and drop the old one where it is."""
    _audit()
    _keys()
    _chats()
    _runs()
    _counts()
    op.drop_table("schema", if_exists=True)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String, nullable=False) for name in names]


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column(
            "seq",
            sa.BigInteger,
            primary_key=True,
            autoincrement=False,
            comment="the place in the chain, without gaps",
        ),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        *_text("actor", "via", "action", "target", "status", "code"),
        *_text("before", "after", "request", "node", "chat"),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.String, nullable=False, comment="canonical JSON, as it was hashed"),
        *_text("prev_hash", "hash"),
    )
    op.create_index("audit_at_seq", "audit", ["at_us", "seq"])
    for name in ("actor", "action", "chat"):
        op.create_index(f"audit_{name}", "audit", [name, "at_us", "seq"])


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("scopes", sa.String, nullable=False, comment="separated by spaces, sorted"),
        sa.Column("hash", sa.String, nullable=False, comment="of the secret"),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("expires_us", "revoked_us", "used_us")),
        sa.Column("replaces", sa.String, nullable=False),
    )


def _chats() -> None:
    op.create_table(
        "chats",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False, comment="name of the operator who opened it"),
    )
    op.create_index("chats_at_id", "chats", ["at_us", "id"])
    op.create_table(
        "messages",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("chat", sa.String, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False, comment="grows within a chat"),
        *_text("role", "text", "run", "operator"),
    )
    op.create_index("messages_chat_at_id", "messages", ["chat", "at_us", "id"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        *_text("chat", "message", "operator"),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False, comment="only who holds the newest may write"),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False, comment="end of the lease"),
        sa.Column("asked", sa.JSON, nullable=False, comment="how the reply is wanted; no text"),
        sa.Column("reply", sa.String, nullable=False, comment="id of the message that answers"),
        *_text("code", "reason"),
        sa.Column("ended_us", sa.BigInteger),
    )
    op.create_index("runs_state_until", "runs", ["state", "until_us"])
    op.create_index("runs_operator_state", "runs", ["operator", "state"])
    op.create_index("runs_chat", "runs", ["chat"])
    op.create_table(
        "run_events",
        sa.Column("run", sa.String, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )


def _counts() -> None:
    op.create_table(
        "claims",
        sa.Column("scope", sa.String, primary_key=True, comment="hash of operator, route, chat and key"),
        *_text("fingerprint", "run"),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer, comment="of the answer; none while it is on its way"),
        sa.Column("body", sa.String, comment="of the answer, as it was sent"),
    )
    op.create_index("claims_expires", "claims", ["expires_us"])
    op.create_index("claims_run", "claims", ["run"])
    op.create_table(
        "limits",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("arrival_us", sa.BigInteger, nullable=False, comment="theoretical arrival of the next request"),
    )
    op.create_index("limits_arrival", "limits", ["arrival_us"])
    op.create_table(
        "kept",
        sa.Column("name", sa.String, primary_key=True, comment="`switch`, `settings`, `providers`"),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
    )
