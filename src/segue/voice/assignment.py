"""Which variant a listener gets: a pure function of the listener and the routing table, with its reason."""

from dataclasses import dataclass

from segue.routing import RoutingTable, Variant


@dataclass(frozen=True, slots=True)
class Assignment:
    """The variant of one turn and why it is this one."""

    variant: Variant
    reason: str


def assign(listener: str | None, table: RoutingTable) -> Assignment:
    """Assign a variant. Without a running rollout everybody gets the baseline."""
    if listener is None:
        return Assignment(table.baseline, "no_listener")
    return Assignment(table.baseline, "no_rollout")
