"""What a change of a rollout did, as it is told to whoever asks later who did what."""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.delivery.apply import CONTROLLER
from segue.delivery.rollout import Change, Kind

ACTIONS: Mapping[Kind, str] = {
    Kind.STARTED: "rollout.start",
    Kind.RETRIED: "rollout.retry",
    Kind.ADVANCED: "rollout.advance",
    Kind.APPROVED: "rollout.approve",
    Kind.PROMOTED: "rollout.promote",
    Kind.HELD: "rollout.hold",
    Kind.PAUSED: "rollout.pause",
    Kind.RESUMED: "rollout.resume",
    Kind.FROZEN: "rollout.freeze",
    Kind.THAWED: "rollout.thaw",
    Kind.STEPPED_BACK: "rollout.step_back",
    Kind.DROPPED: "rollout.drop",
    Kind.WARNED: "rollout.warn",
    Kind.ROLLED_BACK: "rollout.roll_back",
}
"""By what was decided, the word for doing it. A rollout that waits, or refuses, does nothing."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to a rollout, and who did it. Plain values."""

    at_us: int
    actor: str
    via: str
    action: str
    target: str
    """`rollout/` and the key of the attempt."""
    request: str
    """Id of the command."""
    facts: Mapping[str, str | int]


def done(change: Change) -> Done | None:
    """What a change does; None where nothing was decided that changes anything."""
    decision = change.decision
    if decision is None or decision.kind not in ACTIONS:
        return None
    return Done(
        at_us=round(decision.at * 1e6),
        actor=decision.actor,
        via=CONTROLLER if decision.actor == CONTROLLER else change.via,
        action=ACTIONS[decision.kind],
        target=f"rollout/{change.rollout.key}",
        request=decision.command,
        facts={
            "decision": decision.number,
            "code": decision.code,
            "stage": decision.stage_name,
            "share_bp": decision.share_bp,
        },
    )
