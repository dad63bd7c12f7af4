"""Who must agree before a stage, and the one-time link by which they do.

An approval holds for the next stage only, and only while the rollout stays in the stage in which it was given: it
rests on what could be seen then.
"""

from segue.delivery.rollout import Rollout


def asked(rollout: Rollout) -> int | None:
    """The next stage, where somebody must agree before the rollout enters it; None otherwise."""
    following = rollout.stage + 1
    stages = rollout.plan.stages
    return following if following < len(stages) and stages[following].approval else None


def awaited(rollout: Rollout) -> int | None:
    """The next stage, where somebody must agree to it and nobody has yet; None otherwise."""
    stage = asked(rollout)
    return None if stage is None or rollout.plan.stages[stage].name in rollout.approved else stage


def path(rollout: Rollout) -> str:
    """Where the next stage can be approved, as a path on this server; it holds for one approval in one stage.

    Neither the name of a plan nor a hexadecimal nonce has characters that would have to be escaped.
    """
    return f"/api/rollouts/{rollout.name}/approval?nonce={rollout.nonce}"


def fits(rollout: Rollout, nonce: str) -> bool:
    """Whether a link carries what this rollout's link carries now; a used or an older one does not."""
    return bool(rollout.nonce) and nonce == rollout.nonce
