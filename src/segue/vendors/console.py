"""Settings of the operators' plane: who may come in, how often, what is kept of it, and which nodes there are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from segue.section import Count, Seconds, Section

NodeName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]


class AccessSettings(Section):
    """Who may come in. Operators always need a key, from this machine too."""

    environment: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")] = "dev"
    """A word that stands in every key made here, such as `prod`; a key of another environment is refused."""
    listeners: Literal["open", "key"] = "open"
    """Whether those who only talk and listen (`/api/voice`, `/v1`) need a key with the scope `send`."""
    first_key: bool = True
    """Make a key for an administrator at the first start, and print it once on standard output."""
    session_s: Seconds = 43_200.0
    """How long somebody who signed in on the page stays signed in."""
    overlap_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 86_400.0
    """How long a key goes on working after it was rotated, where nothing else is said."""
    hosts: tuple[str, ...] = ()
    """Names under which browsers reach this server, beside those of this machine, every address, and the name in
    `delivery.public_url`; requests of a browser that name another host are refused. `*` lets every name pass."""


class RateSettings(Section):
    """How often something may happen: `per_s` in the long run, `burst` at once."""

    per_s: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    """So many a second in the long run."""
    burst: Annotated[int, Field(gt=0, le=1_000_000)]
    """So many at once after a pause."""

    @model_validator(mode="after")
    def _window_is_bounded(self) -> Self:
        # Moments are counted in doubles in Redis: with a year ahead they stay exact.
        if self.burst / self.per_s > 31_536_000:
            raise ValueError("all of the burst would take more than a year to become free; raise per_s or lower burst")
        return self


class RateLimitSettings(Section):
    """How often messages may be sent."""

    store: Literal["memory", "database", "redis"] = "memory"
    """Where it is counted: in this process, or for all servers together in the database or in Redis."""
    chat: RateSettings = RateSettings(per_s=1.0, burst=8)
    """Messages to one chat."""
    operator: RateSettings = RateSettings(per_s=3.0, burst=20)
    """Messages of one operator, over all chats."""
    operator_runs: Count = 8
    """Replies that one operator may have under way at once."""
    replicas: Count = 1
    """How many servers share Redis: while it is gone, each allows its part of the limits."""


class RedisSettings(Section):
    """A Redis that several Segues share; only used where `rate_limits.store` or `chats.claims` names it."""

    address: SecretStr = SecretStr("")
    """Such as `redis://host:6379/0`."""
    prefix: Annotated[str, Field(pattern=r"^[\w.:-]{1,64}$")] = "segue:"
    """Begins the name of everything that is kept there."""
    timeout_s: Annotated[float, Field(gt=0, le=5.0)] = 0.1
    """How long connecting, or an answer, is waited for; then Segue goes on without it."""
    retry_s: Annotated[float, Field(gt=0, le=5.0)] = 1.0
    """How often a Redis that is gone is tried again."""


class ChatSettings(Section):
    """Chats of operators, and how replies to them are made."""

    claims: Literal["memory", "database", "redis"] = "database"
    """Where an idempotency key is claimed. `database` is exact on any number of servers, also after a crash; `redis`
    asks Redis first and the database all the same; `memory` forgets when the process ends."""
    keep_answers_s: Annotated[float, Field(ge=86_400, allow_inf_nan=False)] = 86_400.0
    """How long the answer to an idempotency key is given again: a day at least."""
    wait_s: Seconds = 120.0
    """A sender who waits for the whole reply is told after this long where to find it instead."""
    lease_s: Annotated[float, Field(ge=1.0, le=600.0)] = 15.0
    """A reply whose server is not heard of for this long is taken over."""
    attempts: Annotated[int, Field(gt=0, le=10)] = 3
    """So often a reply is begun, when servers die over it; then its outcome is told as unknown."""
    max_runs: Count = 64
    """Replies under way on one server; one more is refused with 503 and Retry-After."""
    history_messages: Annotated[int, Field(ge=0, le=200)] = 20
    """How many messages before this one the language model is given."""


class AuditSettings(Section):
    """What is kept of who did what."""

    retention_days: Annotated[float, Field(gt=0, le=36_500)] = 90.0
    """Older entries are pruned."""
    prune_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 86_400.0
    """How often that is done; 0 for never, then `segue audit prune` does it."""
    prune_batch: Annotated[int, Field(gt=0, le=100_000)] = 1000
    """Entries that are removed in one transaction."""
    heads: str = ""
    """Where signed heads of the chain go, as a second place: a folder, `log` for the log, or `storage` for the storage
    of audio; empty for `audit-heads.jsonl` in the data folder. A place that whoever can change the database cannot
    change makes the proof."""
    head_entries: Count = 100
    """A head is signed after so many entries, …"""
    head_s: Seconds = 60.0
    """… or after so long, when there is anything new."""
    key: Path | None = None
    """File with the private key (Ed25519, PEM) that heads are signed with; made in the data folder when not given."""


class NodeSettings(Section):
    """Another Segue, to which chats belong that live there."""

    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    """Its address."""
    key: SecretStr = SecretStr("")
    """A key of that node with the scope `node`."""
    key_variable: Annotated[str, Field(max_length=100)] = ""
    """Environment variable that holds that key."""


class EscalationSettings(Section):
    """Whom an incident reaches."""

    after_minutes: Annotated[float, Field(ge=0, le=10_080, allow_inf_nan=False)]
    """So long after it was opened, unless it is mitigated before."""
    who: Annotated[str, Field(min_length=1, max_length=200)]
    """Who must be told then: a name or a role, for people."""


class ConsoleSettings(Section):
    """The operators' plane."""

    node: NodeName = "main"
    """Name of this node. Servers that share a database have the same name."""
    nodes: Mapping[NodeName, NodeSettings] = {}
    """The other nodes, by name."""
    node_poll_s: Seconds = 15.0
    """How often the other nodes are asked how they are."""
    node_timeout_s: Seconds = 3.0
    """How long another node may take to begin an answer about itself, or to take a connection."""
    escalation: tuple[EscalationSettings, ...] = (
        EscalationSettings(after_minutes=0, who="team lead"),
        EscalationSettings(after_minutes=15, who="technical manager"),
        EscalationSettings(after_minutes=30, who="head of engineering"),
    )
    """Who must be told of an incident, and after how long."""
