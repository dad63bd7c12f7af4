"""Who gets what: the one value that comes down from the delivery plane to the voice plane.

A turn reads the table once, when it starts. A table is never changed, only replaced by one with a greater `version`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

BASIS = 10_000
"""A whole share, in basis points."""


class Arm(StrEnum):
    """The two sides that a rollout compares."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of speaking: the unit that a plan compares. Empty fields mean "as configured"."""

    name: str
    model: str = ""
    """The language model that is asked first."""
    synthesizer: str = ""
    """The synthesizer that is asked first."""
    voice: str = ""
    """The voice that speaks where no character and no voice is asked for."""
    streaming: bool = True
    """Whether speech begins with the first sentence; otherwise with the whole reply."""
    fallback: bool = True
    """Whether another synthesizer may speak where the variant's own fails."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """To whom a share is applied: all conditions must hold. None means everybody, an empty tuple nobody."""

    characters: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    listeners: tuple[str, ...] | None = None

    def holds(self, listener: str, character: str | None, language: str) -> bool:
        """Whether a turn belongs to the cohort."""
        return (
            (self.characters is None or character in self.characters)
            and (self.languages is None or language in self.languages)
            and (self.listeners is None or listener in self.listeners)
        )


@dataclass(frozen=True, slots=True)
class Exposure:
    """A running rollout as the voice plane needs it: who hears the candidate."""

    rollout: str
    """The rollout and its attempt, as `name/2`."""
    stage: int
    """Which stage of the plan, from 0; the bake counts as one more."""
    candidate: Variant
    share_bp: int
    """How much of the cohort hears the candidate, in basis points."""
    cohort: Cohort = Cohort()
    dropped: tuple[str, ...] = ()
    """Characters that were taken out because they alone broke."""
    salt: str = ""
    environment: str = ""
    """Prefix of the variables that may restrict this exposure on one machine; empty for none."""
    since: float = 0.0
    """Unix seconds at which the stage began."""


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Which variant is the baseline, and who hears the candidate instead."""

    version: int = 1
    baseline: Variant = field(default_factory=lambda: Variant("baseline"))
    exposure: Exposure | None = None

    def as_dict(self) -> dict[str, Any]:
        """The table as plain JSON values."""
        return asdict(self)


def table_from_dict(plain: Mapping[str, Any]) -> RoutingTable:
    """The inverse of `RoutingTable.as_dict`; unknown keys are refused with a TypeError."""
    exposure = plain["exposure"]
    if exposure is not None:
        cohort = {name: None if names is None else tuple(names) for name, names in exposure["cohort"].items()}
        exposure = Exposure(
            **{
                **exposure,
                "candidate": Variant(**exposure["candidate"]),
                "cohort": Cohort(**cohort),
                "dropped": tuple(exposure["dropped"]),
            }
        )
    return RoutingTable(plain["version"], Variant(**plain["baseline"]), exposure)
