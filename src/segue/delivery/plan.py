"""The written intent of a rollout: what changes, for whom, in which stages, and what must hold on the way.

A plan is a value; `planfile` reads it from YAML and says on which line it is wrong, `segue plan schema` prints its
JSON Schema. Nothing here knows of a running rollout.
"""

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from segue.delivery.quantity import Duration, Growth, Share
from segue.routing import Cohort, Variant
from segue.section import Section

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Names = Literal["*"] | tuple[Annotated[str, Field(min_length=1, max_length=200)], ...]
BAKE = "bake"
"""Name of the stage after the last one."""


class OnBreach(StrEnum):
    """What becomes of a rollout when a gate is proved broken."""

    ROLLBACK = "rollback"
    STEP_BACK = "step_back"
    DROP_COHORT = "drop_cohort"
    HOLD = "hold"
    WARN = "warn"


class OnWaitLimit(StrEnum):
    """What becomes of a stage in which nothing was proved for too long."""

    HOLD = "hold"
    PROMOTE_WITHOUT_PROOF = "promote_without_proof"
    ROLLBACK = "rollback"


class PlannedVariant(Section):
    """One way of speaking. What is left out stays as configured."""

    name: Name
    model: str = ""
    """The language model that is asked first, by its configured name."""
    synthesizer: str = ""
    """The synthesizer that is asked first, by its configured name."""
    voice: str = ""
    """The voice that speaks where no character and no voice is asked for."""
    streaming: bool = True
    """Whether speech begins with the first sentence; otherwise with the whole reply."""

    def variant(self) -> Variant:
        """The variant as the routing table has it."""
        return Variant(self.name, self.model, self.synthesizer, self.voice, self.streaming)


class Fast(Section):
    """A coarse limit that is judged trial by trial, within seconds instead of blocks. Its breach rolls back."""

    at_most: Share
    """The share of bad turns above which nobody needs to look twice."""


class GatePlan(Section):
    """What every gate has."""

    on_breach: OnBreach = OnBreach.ROLLBACK
    """What happens when it is proved broken: `drop_cohort` takes out the one character that alone breaks it."""
    otherwise: OnBreach = OnBreach.ROLLBACK
    """With `drop_cohort`, what happens when it is not one character's alone; a fast limit then rolls back."""
    weight: Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False)] = 1.0
    """Its part of the error budget, beside the others."""


class LatencyGate(GatePlan):
    """So many turns may be slower than a limit: a p95 of 6 s is `over: 6s, at_most: 5%`."""

    kind: Literal["latency"]
    measure: Literal["ttfa", "first_tts", "first_token", "turn"] = "ttfa"
    over: Annotated[Duration, Field(gt=0)]
    """A turn that takes longer is slow, answered or not."""
    at_most: Share = 0.05
    """The share of slow turns that is allowed."""
    tolerate: Growth = 0.2
    """With a baseline beside it, a rollback also needs proof that the candidate is slower than the baseline by more."""
    fast: Fast | None = None


class RateGate(GatePlan):
    """So many turns may fail, be spoken by another than the first choice, or leave their listener waiting."""

    kind: Literal["failure", "fallback", "underflow"]
    at_most: Share = 0.05
    fast: Fast | None = None


class MeanGate(GatePlan):
    """The mean of a duration may not exceed a limit. Values over `cap` count as `cap`."""

    kind: Literal["mean"]
    measure: Literal["ttfa", "first_tts", "first_token", "turn", "synthesis"] = "synthesis"
    at_most: Duration
    cap: Duration = 10.0
    """The longest that can be waited for; a hung turn counts as this."""

    @model_validator(mode="after")
    def _cap_is_above(self) -> "MeanGate":
        if not 0 < self.at_most < self.cap:
            raise ValueError(f"at_most must lie between 0 and cap ({self.cap:g} s)")
        return self


class RegressionGate(GatePlan):
    """Turns of the candidate may not be slower, or bad more often, than those of the baseline at the same time."""

    kind: Literal["regression"]
    of: Name
    """The latency, failure, fallback or underflow gate whose measure is compared."""
    tolerate: Growth = 0.2
    """How much slower the candidate may be (of a latency gate only)."""
    near: Duration | None = None
    """Where latencies are compared; the baseline's own p95 before the rollout when left out."""


class QuietGate(GatePlan):
    """Nothing may be wrong with the server itself: no emergency of its degradation, and no alert where one is asked."""

    kind: Literal["quiet"]
    on_breach: OnBreach = OnBreach.HOLD
    worst: Literal["ok", "slow", "degraded", "fast"] = "fast"
    """The worst state of degradation that is still quiet; `emergency` never is."""
    alerts: str = ""
    """Address of a Prometheus whose firing alerts are asked for; one that does not answer is no breach, it holds."""
    for_s: Duration = 60.0
    """How long it must last before it is a breach."""


class MemoryGate(GatePlan):
    """The memory of the server may not grow by more than this since the rollout began."""

    kind: Literal["memory"]
    grow_at_most: Growth = 2.0
    for_s: Duration = 60.0
    """How long it must last before it is a breach."""


AnyGate = Annotated[
    LatencyGate | RateGate | MeanGate | RegressionGate | QuietGate | MemoryGate, Field(discriminator="kind")
]
Block = Literal["auto"] | Annotated[Duration, Field(ge=0.5, le=86_400)]


class VerdictPlan(Section):
    """How much proof is asked for, for the whole plan: all gates, all stages, all looks together."""

    alpha: Annotated[Share, Field(ge=1e-6, lt=1)] = 0.02
    """The chance that a candidate which meets every limit is rolled back, however often anyone looks."""
    beta: Annotated[Share, Field(ge=1e-6, lt=1)] = 0.05
    """The chance that a stage passes although its bad share is `pass_tolerance` times the limit."""
    pass_tolerance: Annotated[float, Field(gt=1, le=10)] = 2.0
    block: Block = "auto"
    """The length of time after which a bet is settled; longer where slowness lasts for minutes. `auto` takes it from a
    replay of the baseline's own history, and five minutes where there is none."""
    wait_limit: Annotated[Duration, Field(gt=0)] = 86_400.0
    """How long a stage may go on after its dwell without proof."""
    on_wait_limit: OnWaitLimit = OnWaitLimit.HOLD
    stale_after: Annotated[Duration, Field(gt=0)] = 600.0
    """Without a turn of the candidate for so long, people are told."""


class CohortPlan(Section):
    """To whom the share is applied. `"*"` is everybody, an empty list is nobody; all conditions must hold."""

    characters: Names = "*"
    languages: Names = "*"
    listeners: Names = "*"

    def cohort(self) -> Cohort:
        """The cohort as the routing table has it."""
        return Cohort(*(None if names == "*" else names for names in (self.characters, self.languages, self.listeners)))


class Window(Section):
    """When the share may grow; rolling back is always allowed."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon", "tue", "wed", "thu", "fri", "sat", "sun",
    )  # fmt: skip
    start: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"
    end: Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")] = "24:00"
    """An end before the start is on the next day."""
    zone: str = "UTC"
    """Name of a time zone, such as Europe/Kyiv."""


class Stage(Section):
    """One step: who hears the candidate, for how long at least, and what must be proved before the next."""

    name: Name
    share: Share
    """How much of the cohort hears the candidate."""
    cohort: CohortPlan = CohortPlan()
    dwell: Duration = 1800.0
    """The least time in it; time in which nothing was observed does not count."""
    approval: bool = False
    """Whether somebody must agree before the rollout enters this stage."""
    certify: bool = True
    """Whether every gate must be proved before the rollout leaves it; a stage with a share of 0 proves nothing."""


class Bake(Section):
    """The time after the last stage, in which a part stays on the baseline so that there is something to compare."""

    holdback: Annotated[Share, Field(lt=1)] = 0.05
    dwell: Duration = 86_400.0


Event = Literal[
    "started",
    "advanced",
    "approval",
    "held",
    "stale",
    "stepped_back",
    "dropped",
    "warned",
    "rolled_back",
    "promoted",
    "commanded",
]
EVENTS: tuple[Event, ...] = (
    "started", "advanced", "approval", "held", "stale", "stepped_back", "dropped", "warned", "rolled_back",
    "promoted",
)  # fmt: skip
"""What people are told of where a plan does not say: everything but commands."""


class NotifyPlan(Section):
    """Who is told of what."""

    audience: Name
    """Who it is for, such as `team` or `stakeholders`."""
    on: Annotated[tuple[Event, ...], Field(min_length=1)] = EVENTS
    stages: tuple[Name, ...] | None = None
    """Only what happens in these stages; everything when left out."""
    format: Literal["webhook", "slack"] = "webhook"
    url: str = ""
    url_variable: str = ""
    """Environment variable that holds the address, where it is a secret."""


class Plan(Section):
    """A rollout as it is written down."""

    schema_version: Literal[1] = 1
    name: Name
    version: Annotated[int, Field(ge=1)] = 1
    """Grows with each edition of the plan."""
    about: str = ""
    """What changes and why, for people."""
    changes: Literal["voice", "model", "provider", "streaming"] = "voice"
    baseline: PlannedVariant
    candidate: PlannedVariant
    salt: str = ""
    """What listeners are drawn by; the plan's name when left out. Plans with the same salt pick the same listeners."""
    environment: Annotated[str, Field(pattern=r"^([A-Z][A-Z0-9_]*)?$")] = ""
    """Prefix of environment variables that may restrict the rollout on one machine, such as `CHIRP3`."""
    gates: Annotated[dict[Name, AnyGate], Field(max_length=50)]
    verdict: VerdictPlan = VerdictPlan()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)]
    bake: Bake = Bake()
    windows: tuple[Window, ...] = ()
    """Times in which the share may grow; always when left out."""
    cool_down: Duration = 900.0
    """After a rollback, no new attempt for so long."""
    lock_after: Annotated[int, Field(ge=1)] = 3
    """After so many rollbacks of the same candidate a new attempt must be forced."""
    notify: tuple[NotifyPlan, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> "Plan":
        if self.baseline.name == self.candidate.name:
            raise ValueError("candidate: it has the name of the baseline; give them different names")
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names) or BAKE in names:
            raise ValueError(f"stages: each needs a name of its own, and none may be called {BAKE!r}")
        for name, gate in self.gates.items():
            if gate.otherwise is OnBreach.DROP_COHORT:
                raise ValueError(f"gates.{name}.otherwise: nobody is left to take out; name another action")
            if isinstance(gate, RegressionGate):
                of = self.gates.get(gate.of)
                if not isinstance(of, LatencyGate | RateGate):
                    raise ValueError(f"gates.{name}.of: {gate.of!r} is no latency or rate gate of this plan")
        return self

    @property
    def candidate_digest(self) -> str:
        """What identifies the candidate, whatever the plan around it: 16 hexadecimal digits."""
        return _digest(self.candidate.model_dump_json())

    @property
    def gate_digest(self) -> str:
        """What identifies the gates and the proof asked for: 16 hexadecimal digits."""
        gates = "".join(f"{name}={gate.model_dump_json()}" for name, gate in sorted(self.gates.items()))
        return _digest(gates + self.verdict.model_dump_json())

    @property
    def drawn_by(self) -> str:
        """The salt that is used."""
        return self.salt or self.name

    def stage_name(self, index: int) -> str:
        """The name of a stage; the one after the last is the bake."""
        return self.stages[index].name if index < len(self.stages) else BAKE


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
