"""What holds on this server and is not written yet: roll backs, as long as the store cannot be written."""

import structlog

from segue.delivery.apply import CONTROLLER
from segue.delivery.replica import Replica
from segue.delivery.rollout import Change, Command, Phase, Verb

log = structlog.get_logger("segue.delivery")


class Ahead:
    """Lets a roll back hold here, and remembers the command with which it is to be written.

    It is remembered in this process alone: who stops it before the store is back must command the roll back again.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self.owed: dict[str, Command] = {}
        """By rollout and attempt (`name/2`), what is still to be written."""

    def hold(self, change: Change, command: Command) -> None:
        """Let the table of a change hold here that could not be written. What was counted is kept: it is the proof."""
        self.owed[change.rollout.key] = command
        self._replica.held = True
        if change.table is not None:
            self._replica.published.publish(change.table)
        reason = change.decision.reason if change.decision is not None else command.reason
        log.error("rolled back here, but not written yet", rollout=change.rollout.key, reason=reason)

    def hold_harm(self, change: Change, chance: str) -> None:
        """Let a roll back that the gates ask for hold here; any other change must wait for the store."""
        rollout, decision = change.rollout, change.decision
        if rollout.phase is Phase.ROLLED_BACK and decision is not None and rollout.key not in self.owed:
            self.hold(change, Command(Verb.ROLL_BACK, CONTROLLER, decision.reason, chance))

    def written(self, key: str) -> None:
        """The store has followed: the attempt `key` has ended there as well."""
        del self.owed[key]
        self._replica.held = bool(self.owed)
        log.warning("roll back written", rollout=key)
