"""The shapes of what is told of rollouts and plans, for the OpenAPI document. They describe; nothing is built of them.

Moments are Unix seconds, spans seconds, shares basis points.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from segue.delivery.evidence import Block
from segue.delivery.rollout import Decision, Phase
from segue.delivery.verdict import Breach, Doubt, Word
from segue.routing import Exposure, Variant
from segue.web.described import Shape
from segue.web.shapes import Page

Share = Annotated[int, Field(ge=0, le=10_000)]
Span = Annotated[float, Field(ge=0)]


class StageShape(Shape):
    """The stage that a rollout is in."""

    index: Annotated[int, Field(ge=0)]
    name: str
    since: float
    elapsed_s: Span
    dwell_s: Span
    left_s: Span


class RolloutShape(Shape):
    """A rollout in short."""

    name: str
    attempt: Annotated[int, Field(ge=1)]
    key: str
    about: str
    changes: str | None
    phase: Phase
    sentence: str
    share_bp: Share
    stage: StageShape
    started_at: float
    ended_at: float | None


class RolloutPage(Page):
    """Rollouts in short."""

    items: list[RolloutShape]


class PlannedShape(Shape):
    """A stage of a plan, as a rollout stands to it."""

    name: str
    share_bp: Share
    dwell_s: Span
    approval: bool
    certify: bool
    state: Literal["done", "current", "next"]
    cohort: dict[str, Any]


class GateShape(Shape):
    """A gate with its latest verdict; its figures are in its `unit`."""

    gate: str
    kind: str
    title: str
    on_breach: str
    unit: Literal["share", "s", "none"]
    word: Word
    reason: str
    value: float | None
    low: float | None
    high: float | None
    limit: float
    n: int
    bad: int
    baseline_n: int
    baseline_value: float | None
    evidence: float
    line: float
    relative: float | None
    certainty: float
    certain: float | None
    missing: float | None
    curve: list[Annotated[list[float], Field(min_length=2, max_length=2)]]


class AllowedShape(Shape):
    """Whether a command can be given now."""

    allowed: bool
    why: str
    by_force: bool


class RealisedShape(Shape):
    """The listeners of the stage, by the arm they were given."""

    candidate: Annotated[int, Field(ge=0)]
    baseline: Annotated[int, Field(ge=0)]
    share_bp: Share | None


class ProofShape(Shape):
    """What identifies a plan, and how much proof it asks for."""

    version: int
    candidate_digest: str
    gate_digest: str
    alpha: float
    beta: float


class ControllerShape(Shape):
    """Who looks after the rollouts."""

    ticked_s_ago: Span | None
    stalled: bool
    holder: str


class AwaitedShape(Shape):
    """Whether somebody must agree before the next stage."""

    needed: bool
    stage: str


class StatusShape(RolloutShape):
    """How a rollout stands."""

    stages: list[PlannedShape]
    holdback_bp: Share
    realised: RealisedShape
    ages: dict[Literal["candidate_s", "baseline_s"], Span | None]
    dropped: list[str]
    frozen: str
    why: str
    code: str
    gates: list[GateShape]
    joint: dict[str, float]
    doubts: list[Doubt]
    breaches: list[Breach]
    waiting_for: str
    commands: dict[str, AllowedShape]
    approval: AwaitedShape
    baseline: Variant
    candidate: Variant
    plan: ProofShape
    attempts: Annotated[int, Field(ge=1)]
    last: Decision | None
    controller: ControllerShape
    restricted: str


class DecidedShape(Shape):
    """What was decided, and how the rollout stands now; null where that cannot be read."""

    decision: Decision
    status: StatusShape | None


class DecisionPage(Shape):
    """Decisions in order."""

    items: list[Decision]
    next: int | None


class BlockPage(Shape):
    """Closed blocks in the order of their closing."""

    items: list[Block]
    next: int | None


class ProblemShape(Shape):
    """Something that is wrong with a plan."""

    line: int | None
    where: str
    reason: str


class PreviewShape(Shape):
    """What is wrong with a plan, and what it asks of time and listeners."""

    ok: bool
    problems: list[ProblemShape]
    stages: list[dict[str, Any]]
    terms: dict[str, Any] | None
    name: str = ""
    turns_per_s: float | None = None


class TableShape(Shape):
    """The routing table as it is in force here."""

    version: int
    baseline: Variant
    exposure: Exposure | None
    restricted: str


class AssignmentShape(Shape):
    """The variant that a turn of a listener would be given now."""

    variant: str
    arm: str
    reason: str
    rollout: str
    stage: int
    bucket: Annotated[int, Field(ge=0, le=9999)] | None
    version: int
