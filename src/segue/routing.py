"""Who gets what: the one value that comes down from the delivery plane to the voice plane.

A turn reads the table once, when it starts.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of speaking: the unit that a plan compares. Empty fields mean "as configured"."""

    name: str
    model: str = ""
    synthesizer: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Which variant is the baseline. `version` grows with every published table."""

    version: int = 1
    baseline: Variant = field(default_factory=lambda: Variant("baseline"))
