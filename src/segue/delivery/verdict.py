"""What the statistics say at one look: a verdict for each gate, and what follows for the whole. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from segue.delivery.plan import OnBreach


class Word(StrEnum):
    """What a gate says. Each is a claim of its own; `wait` is the absence of one."""

    PASS = "pass"  # noqa: S105
    """It is proved that the bad share is below the tolerated one."""
    BREACH = "breach"
    """It is proved that the limit is not met."""
    WAIT = "wait"
    """Neither is proved yet."""
    HOLD = "hold"
    """The limit is not met, but the baseline does not meet it either: not the candidate's doing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate says, why, and with which numbers. Shares are parts of one, evidence is an e-value."""

    gate: str
    word: Word
    reason: str
    """One sentence with its numbers."""
    n: int = 0
    """Trials of the candidate since the stage began."""
    bad: float = 0.0
    """Bad trials among them, or the mean as a part of the cap."""
    value: float | None = None
    """The bad share (or the mean, in seconds) of the candidate since the stage began."""
    low: float | None = None
    high: float | None = None
    """An interval for it that holds at every look (95 %)."""
    limit: float = 0.0
    """The limit, in the unit of `value`."""
    baseline_n: int = 0
    baseline_value: float | None = None
    evidence: float = 0.0
    """How strongly the limit is refuted: an e-value."""
    line: float = 0.0
    """The evidence at which it is a breach by itself."""
    relative: float | None = None
    """How strongly "no worse than the baseline" is refuted; None without a baseline beside it."""
    certainty: float = 0.0
    """How strongly "twice the limit" is refuted; an e-value."""
    certain: float = 20.0
    """The certainty at which it passes."""
    missing: int | None = None
    """About how many more listeners are needed to pass, as things stand; None where it passes or cannot."""
    curve: tuple[tuple[float, float], ...] = ()
    """The evidence over time: Unix seconds and the natural logarithm of the e-value, oldest first, thinned out."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A proof of harm, and what it asks for."""

    action: OnBreach
    gate: str
    """The gate to blame; `joint` where only all together are proof."""
    how: str
    """`slow tier`, `regression`, `fast tier`, `change` (after the last stage), `alone` (one character), or `look` (a
    gate without statistics)."""
    reason: str
    character: str = ""
    """The character that alone breaks it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to leave the share as it is although nothing is proved against the candidate."""

    code: str
    """`common_cause`, `routing` (the arms are not as large as they should be), `no_data`, `stale`, `source`."""
    reason: str
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything the gates say at one look."""

    verdicts: tuple[Verdict, ...] = ()
    breaches: tuple[Breach, ...] = ()
    """Proofs of harm, the most severe first."""
    doubts: tuple[Doubt, ...] = ()
    certified: bool = False
    """Whether every gate is proved for this stage."""
    joint: Mapping[str, float] = field(default_factory=dict)
    """The weighted evidence of all gates (`slo`, `regression`, `fast`), beside the line of each (`slo_line`, …)."""
    waiting_for: str = ""
    """The gate that is furthest from passing, and what it lacks, in one sentence."""
