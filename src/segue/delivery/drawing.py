"""To which arm a recorded turn is counted when it is played through a plan. Pure.

Turns that were recorded under this plan's name keep their arm, in the same stage. Of turns that were recorded with both
variants at another share, so many are left out that the plan's share remains; always all turns of a listener. Turns
that only one variant ever served are drawn anew, as live listeners are: then both arms are what was recorded, which
shows what the plan would have made of a candidate like that.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from segue.delivery.plan import Plan
from segue.records import TurnRecord
from segue.routing import BASIS, Arm, Exposure, Reason, bucket

THINNED = "/thinned"
"""Added to the salt, so that who is left out has nothing to do with who hears the candidate."""


@dataclass(slots=True)
class Drawing:
    """What the records of a rehearsal have in common: which variants there are, and how many turns of each."""

    plan: Plan
    both: bool = False
    """Whether both variants of the plan are in the records."""
    shares: dict[tuple[str, int], float] = field(default_factory=dict)
    """The candidate's share of the turns of both variants, by rollout and stage."""

    @classmethod
    def of(cls, plan: Plan, records: Iterable[TurnRecord]) -> "Drawing":
        """Count the variants of records."""
        turns: Counter[tuple[str, int, str]] = Counter(
            (record.rollout, record.stage, record.variant) for record in records if record.listener is not None
        )
        names = {variant for _, _, variant in turns}
        candidate, baseline = plan.candidate.name, plan.baseline.name
        shares = {}
        for place in {(rollout, stage) for rollout, stage, _ in turns}:
            ours, theirs = turns[*place, candidate], turns[*place, baseline]
            if ours and theirs:
                shares[place] = ours / (ours + theirs)
        return cls(plan, {candidate, baseline} <= names, shares)

    def last(self, records: Sequence[TurnRecord]) -> int:
        """How many of these records, which are in order, there is something to rehearse with.

        That is up to the last turn of the candidate; all, where it was never heard.
        """
        if not self.both:
            return len(records)
        name = self.plan.candidate.name
        return max(number for number, record in enumerate(records, start=1) if record.variant == name)

    def is_own(self, record: TurnRecord) -> bool:
        """Whether a turn was recorded under this plan's name, and counted."""
        return bool(record.arm) and record.rollout.rpartition("/")[0] == self.plan.name

    def placed(self, record: TurnRecord, exposure: Exposure) -> TurnRecord | None:
        """The turn as the plan's rollout would have recorded it, or None where it would not have counted it."""
        listener = record.listener
        if listener is None or record.character in exposure.dropped:
            return None
        if not exposure.cohort.holds(listener, record.character, record.language):
            return None
        arm = self._arm(record, listener, exposure)
        if arm is None:
            return None
        assigned = record.assigned if self.is_own(record) else Reason.SHARE.value
        return replace(record, rollout=exposure.rollout, stage=exposure.stage, arm=arm.value, assigned=assigned)

    def _arm(self, record: TurnRecord, listener: str, exposure: Exposure) -> Arm | None:
        if not self.both:
            return Arm.CANDIDATE if bucket(exposure.salt, listener) < exposure.share_bp else Arm.BASELINE
        if self.is_own(record) and record.stage == exposure.stage:
            return Arm(record.arm)
        if record.variant not in (self.plan.candidate.name, self.plan.baseline.name):
            return None
        arm = Arm.CANDIDATE if record.variant == self.plan.candidate.name else Arm.BASELINE
        kept = self._kept(arm, self.shares.get((record.rollout, record.stage)), exposure.share_bp / BASIS)
        return arm if bucket(exposure.salt + THINNED, listener) < round(kept * BASIS) else None

    def _kept(self, arm: Arm, recorded: float | None, wanted: float) -> float:
        """Which part of an arm's listeners is counted, so that the arms are as large as the plan wants them.

        Nobody, where the plan wants both and only one variant was recorded: there is nothing to compare with.
        """
        if wanted in (0.0, 1.0):
            return float(wanted == (1.0 if arm is Arm.CANDIDATE else 0.0))
        if recorded is None:
            return 0.0
        odds = wanted / (1.0 - wanted) * (1.0 - recorded) / recorded
        return min(1.0, odds) if arm is Arm.CANDIDATE else min(1.0, 1.0 / odds)

    def told(self) -> str:
        """How turns come to their arms, in one sentence."""
        plan = self.plan
        if not self.both:
            return (
                f"The records do not have both {plan.baseline.name} and {plan.candidate.name}, so listeners were drawn"
                " anew: both arms are what was recorded."
            )
        return (
            f"Turns kept the variant they were recorded with; those recorded at another share than {plan.name} had at"
            " the time were thinned out to it."
        )
