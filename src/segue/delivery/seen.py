"""A rollout as it was last looked at: for the doors, which show it and decide nothing."""

from dataclasses import dataclass

from segue.delivery.evidence import Look
from segue.delivery.gate import judge
from segue.delivery.observer import Sight
from segue.delivery.rollout import Rollout
from segue.delivery.verdict import Judgement
from segue.routing import Arm


@dataclass(frozen=True, slots=True)
class Seen:
    """A rollout as it was last looked at, at a Unix second."""

    rollout: Rollout
    judgement: Judgement
    look: Look
    at: float
    candidates: int = 0
    """Listeners of the stage whom the hash gave the candidate, and those to whom it gave the baseline."""
    baselines: int = 0


class Sightings:
    """The latest look at each rollout."""

    def __init__(self) -> None:
        self._latest: dict[str, Seen] = {}

    def of(self, name: str) -> Seen | None:
        """The latest look at a rollout; None if there was none."""
        return self._latest.get(name)

    def forget(self, name: str) -> None:
        """Let go of a rollout that has ended."""
        self._latest.pop(name, None)

    def note(self, rollout: Rollout, judgement: Judgement, sight: Sight) -> Seen:
        """Remember a look, unless a later one was quicker: somebody commanded while this one was taken."""
        known = self._latest.get(rollout.name)
        if known is not None and (known.rollout.attempt, known.rollout.version) > (rollout.attempt, rollout.version):
            return known
        look, listeners = sight.look, sight.listeners
        drawn = (listeners.get(Arm.CANDIDATE, 0), listeners.get(Arm.BASELINE, 0))
        seen = self._latest[rollout.name] = Seen(rollout, judgement, look, look.at, *drawn)
        return seen


def judgement_of(rollout: Rollout, look: Look) -> Judgement:
    """What the gates of a rollout say at a look; of one that has ended, what they said at its end."""
    return judge(
        rollout.plan,
        rollout.terms,
        rollout.book,
        look,
        stage=rollout.stage,
        now=look.at if rollout.ended_at is None else rollout.ended_at,
        stage_since=rollout.stage_since,
        share_bp=rollout.share_bp,
        dropped=rollout.dropped,
    )
