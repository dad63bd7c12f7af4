"""The tables. Whoever changes them writes a revision that does the same to the tables that are there (`migrations`).

Portable types only: the same statements are meant to run on SQLite and on Postgres. Each table keeps the whole value
as JSON, and as columns no more than what is searched or sorted by.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

metadata = MetaData()

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

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False, comment="the place in the chain, without gaps"),
    Column("at_us", BigInteger, nullable=False),
    *(
        Column(name, String, nullable=False)
        for name in ("actor", "via", "action", "target", "status", "code", "before", "after", "request", "node", "chat")
    ),
    Column("duration_ms", BigInteger, nullable=False),
    Column("facts", String, nullable=False, comment="canonical JSON, as it was hashed"),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("audit_at_seq", "at_us", "seq"),
    Index("audit_actor", "actor", "at_us", "seq"),
    Index("audit_action", "action", "at_us", "seq"),
    Index("audit_chat", "chat", "at_us", "seq"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("scopes", String, nullable=False, comment="separated by spaces, sorted"),
    Column("hash", String, nullable=False, comment="of the secret"),
    Column("created_us", BigInteger, nullable=False),
    Column("made_by", String, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
    Column("used_us", BigInteger),
    Column("replaces", String, nullable=False),
)

chats = Table(
    "chats",
    metadata,
    Column("id", String, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("title", String, nullable=False),
    Column("owner", String, nullable=False, comment="name of the operator who opened it"),
    Index("chats_at_id", "at_us", "id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("chat", String, nullable=False),
    Column("at_us", BigInteger, nullable=False, comment="grows within a chat"),
    Column("role", String, nullable=False),
    Column("text", String, nullable=False),
    Column("run", String, nullable=False),
    Column("operator", String, nullable=False),
    Index("messages_chat_at_id", "chat", "at_us", "id"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("chat", String, nullable=False),
    Column("message", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("token", BigInteger, nullable=False, comment="only who holds the newest may write"),
    Column("holder", String, nullable=False),
    Column("until_us", BigInteger, nullable=False, comment="end of the lease"),
    Column("asked", JSON, nullable=False, comment="how the reply is wanted; no text"),
    Column("reply", String, nullable=False, comment="id of the message that answers"),
    Column("code", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("ended_us", BigInteger),
    Index("runs_state_until", "state", "until_us"),
    Index("runs_operator_state", "operator", "state"),
    Index("runs_chat", "chat"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("data", JSON, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("scope", String, primary_key=True, comment="hash of operator, route, chat and key"),
    Column("fingerprint", String, nullable=False),
    Column("run", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("status", Integer, comment="of the answer; none while it is on its way"),
    Column("body", String, comment="of the answer, as it was sent"),
    Index("claims_expires", "expires_us"),
    Index("claims_run", "run"),
)

limits = Table(
    "limits",
    metadata,
    Column("name", String, primary_key=True),
    Column("arrival_us", BigInteger, nullable=False, comment="theoretical arrival of the next request"),
    Index("limits_arrival", "arrival_us"),
)

kept = Table(
    "kept",
    metadata,
    Column("name", String, primary_key=True, comment="`switch`, `settings`, `providers`"),
    Column("at_us", BigInteger, nullable=False),
    Column("value", JSON, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False, comment="from 1, without gaps"),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String, nullable=False, comment="name of the operator who made it"),
    Column("reason", String, nullable=False),
    Column("value", JSON, nullable=False, comment="the whole of the live settings"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String, primary_key=True),
    Column("at_us", BigInteger, nullable=False, comment="when it was opened"),
    Column("version", Integer, nullable=False, comment="a change must name the version it read"),
    Column("state", String, nullable=False),
    Column("value", JSON, nullable=False),
    Index("incidents_at_id", "at_us", "id"),
)
