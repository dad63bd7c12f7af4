"""A rollout as it stands: the plan, where it is in it, everything proved so far. One value, saved as a whole.

                 ┌──────────── resume ───────────┐
start ──▶ running ──▶ held, paused ──────────────┘        (a hold of the gates' needs nobody to end it)
             │  ▲
             │  └─ advance, stage by stage ─▶ baking ─▶ promoted
             └──── harm, or a command ──────────────▶ rolled_back ── retry ──▶ a new attempt, running
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from segue.delivery.book import Book, Terms
from segue.delivery.evidence import Block, Look
from segue.delivery.plan import Plan
from segue.delivery.verdict import Judgement
from segue.routing import RoutingTable, Variant


class Phase(StrEnum):
    """Where a rollout is. `promoted` and `rolled_back` end an attempt."""

    RUNNING = "running"
    BAKING = "baking"
    """All stages passed; a holdback stays on the baseline for a while."""
    HELD = "held"
    """Something was proved that a person must look at; the share stays where it is."""
    PAUSED = "paused"
    """A person paused it; harm still rolls back."""
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"

    @property
    def live(self) -> bool:
        """Whether the attempt still goes on."""
        return self not in (Phase.PROMOTED, Phase.ROLLED_BACK)


class Verb(StrEnum):
    """What an operator can command."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    PROMOTE = "promote"
    STEP_BACK = "step_back"
    ROLL_BACK = "roll_back"
    FREEZE = "freeze"
    THAW = "thaw"
    RETRY = "retry"


class Kind(StrEnum):
    """What was decided."""

    STARTED = "started"
    WAITED = "waited"
    HELD = "held"
    ADVANCED = "advanced"
    PROMOTED = "promoted"
    STEPPED_BACK = "stepped_back"
    DROPPED = "dropped"
    ROLLED_BACK = "rolled_back"
    WARNED = "warned"
    PAUSED = "paused"
    RESUMED = "resumed"
    APPROVED = "approved"
    FROZEN = "frozen"
    THAWED = "thawed"
    RETRIED = "retried"
    REFUSED = "refused"
    """A command that cannot be obeyed as things stand; nothing changed."""


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator wants. `id` makes it idempotent: the same id takes effect once."""

    verb: Verb
    actor: str = "operator"
    reason: str = ""
    id: str = ""
    force: bool = False
    """Promote although a gate was breached; start within the cool-down, or a locked candidate, or over another
    baseline."""
    full: bool = False
    """Promote through all remaining stages."""
    stage: str = ""
    """Approve: the stage that may be entered. Step back: the stage to go to; one back when empty."""
    nonce: str = ""
    """Approve by link: what the link carries."""
    via: str = ""
    """How whoever commands came in, such as `key:1a2b3c4d5e6f`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, as it is kept for ever."""

    number: int
    """From 1 in each attempt."""
    rollout: str
    attempt: int
    at: float
    """Unix seconds."""
    kind: Kind
    code: str
    """Why, in a word that stays the same: `dwell`, `certified`, `breach`, `common_cause`, `window`, `approval` …"""
    reason: str
    """Why, in one sentence with its numbers."""
    actor: str
    """Who: an operator, or `controller`."""
    stage: int
    stage_name: str
    share_bp: int
    """The candidate's share from now on, in basis points."""
    phase: Phase
    plan_version: int
    token: int
    """The fencing token under which it was written: the rollout's version."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """What it was decided on: gate by gate the figures of the verdicts, the look, the joint evidence."""
    gate: str = ""
    """The gate it is about; empty where it is about none."""
    command: str = ""
    """Id of the command that it answers."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as it stands. `version` is its fencing token: every save must name the one it read."""

    plan: Plan
    attempt: int
    version: int
    phase: Phase
    stage: int
    """Index into the plan's stages; one past the last is the bake."""
    stage_since: float
    started_at: float
    share_bp: int
    terms: Terms
    """What the gates were resolved to when the attempt began."""
    book: Book
    """Everything proved so far."""
    before: Variant
    """The baseline of the routing table before this attempt."""
    dropped: tuple[str, ...] = ()
    frozen: str = ""
    """Why nothing may advance; empty when it may."""
    why: str = ""
    """Why it is held or paused, in one sentence."""
    code: str = ""
    resume_to: Phase = Phase.RUNNING
    """The phase that a pause or hold returns to."""
    approved: tuple[str, ...] = ()
    """Names of the stages that somebody agreed to."""
    nonce: str = ""
    """What an approval link must carry; changes with each use and each stage."""
    rising_barred: bool = False
    """After a breach the share does not rise until a person says so."""
    closed: dict[str, int] = field(default_factory=dict)
    """By series, how many blocks of the current stage are closed: the next one to close has this number."""
    unobserved_s: float = 0.0
    """How much of the current stage nobody watched; it does not count as dwell."""
    ended_at: float | None = None
    decisions: int = 0
    last: Decision | None = None
    answers: tuple[Decision, ...] = ()
    """The latest decisions that answered a command: the same command again has the same answer and no other effect."""
    memory_bytes: int = 0
    """Memory of the server when the attempt began."""
    rollbacks: int = 0
    """How often this candidate was rolled back, this attempt included."""
    said: str = ""
    """What it waits for or is held by, as last decided; a decision is written when that changes."""
    told: tuple[str, ...] = ()
    """Breaches that only warn or hold and were acted on in this stage, as `warn/ttfa`; they are not acted on again."""
    resumed_at: float | None = None
    """When somebody last resumed the current stage; the wait limit counts anew from there."""

    @property
    def commands(self) -> tuple[str, ...]:
        """Ids of the latest commands that took effect."""
        return tuple(decision.command for decision in self.answers)

    @property
    def name(self) -> str:
        """The plan's name."""
        return self.plan.name

    @property
    def key(self) -> str:
        """The rollout and attempt as records and evidence have them: `name/2`."""
        return f"{self.plan.name}/{self.attempt}"

    @property
    def stage_name(self) -> str:
        """The name of the current stage."""
        return self.plan.stage_name(self.stage)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that must reach somebody, kept with the decision it tells of until it is delivered."""

    id: str
    audience: str
    event: str
    format: str
    url: str
    url_variable: str
    body: dict[str, Any]
    at: float
    attempts: int = 0
    next_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """Everything one look or command writes, in one transaction: all of it or nothing."""

    rollout: Rollout
    decision: Decision | None = None
    blocks: tuple[Block, ...] = ()
    table: RoutingTable | None = None
    notices: tuple[Notice, ...] = ()
    look: Look | None = None
    judgement: Judgement | None = None
    """What the gates said; not written."""
    idle: bool = False
    """Nothing is to be written: a command was refused, or repeated, or there is nothing new. The rollout has the
    version that was read."""
    unheard: bool = False
    """A command was given, but harm had to be decided first: give the command again, to what is so now."""
    via: str = ""
    """How whoever commanded it came in; empty where nobody did."""
