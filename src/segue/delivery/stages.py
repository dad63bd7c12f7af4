"""Questions about the stages of a plan: how much each shows to whom, for how long, and which way is back."""

from segue.delivery.plan import Plan
from segue.delivery.rollout import Rollout
from segue.routing import BASIS, Cohort


def share_bp(plan: Plan, stage: int) -> int:
    """The candidate's share in a stage, in basis points; in the bake all but the holdback."""
    part = plan.stages[stage].share if stage < len(plan.stages) else 1.0 - plan.bake.holdback
    return round(part * BASIS)


def dwell_s(plan: Plan, stage: int) -> float:
    """The least time in a stage, in seconds."""
    return plan.stages[stage].dwell if stage < len(plan.stages) else plan.bake.dwell


def cohort(plan: Plan, stage: int) -> Cohort:
    """To whom the share of a stage is applied; the bake keeps the last stage's cohort."""
    return plan.stages[min(stage, len(plan.stages) - 1)].cohort.cohort()


def told_stage(plan: Plan, stage: int) -> str:
    """A stage for people: `half (50 %)`."""
    return f"{plan.stage_name(stage)} ({share_bp(plan, stage) / 100:g} %)"


def lower_stage(rollout: Rollout) -> int | None:
    """The nearest earlier stage with a smaller share than now; None when there is none."""
    return next(
        (
            stage
            for stage in reversed(range(min(rollout.stage, len(rollout.plan.stages))))
            if share_bp(rollout.plan, stage) < rollout.share_bp
        ),
        None,
    )


def nobody_left(rollout: Rollout, character: str = "") -> bool:
    """Whether the current stage has no listener left once the dropped characters, and this one, are taken out."""
    who = cohort(rollout.plan, rollout.stage)
    if who.languages == () or who.listeners == ():
        return True
    return who.characters is not None and not set(who.characters) - {*rollout.dropped, character}


def needs_proof(rollout: Rollout) -> bool:
    """Whether the gates must be certified before the rollout leaves its stage.

    The bake only waits for harm, and a stage that nobody hears can prove nothing.
    """
    if rollout.stage >= len(rollout.plan.stages):
        return False
    return rollout.plan.stages[rollout.stage].certify and rollout.share_bp > 0 and not nobody_left(rollout)
