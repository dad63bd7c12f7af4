"""Carries a ruling out: the rollout after it, the routing table that follows, and the decision as it is kept."""

from dataclasses import replace
from typing import Any

from segue.delivery.book import entered, reopened
from segue.delivery.decision import Ruling
from segue.delivery.rollout import Command, Decision, Kind, Phase, Rollout
from segue.delivery.stages import cohort, share_bp
from segue.routing import BASIS, Exposure, RoutingTable

CONTROLLER = "controller"
"""Who decides what nobody commanded."""
ANSWERS = 8
"""So many answers to commands are remembered."""


def applied(rollout: Rollout, ruling: Ruling, *, now: float, chance: str, frozen: str = "") -> Rollout:
    """The rollout after a ruling, its version and decisions aside.

    `now` is in Unix seconds, `chance` a fresh hexadecimal word for the next approval link, `frozen` why it is frozen.
    """
    if ruling.stays:
        why = ruling.reason if ruling.kind is Kind.HELD else ""
        return replace(rollout, said=ruling.saying, why=why, code=ruling.code)
    if ruling.kind is Kind.ADVANCED:
        return _at(rollout, ruling.stage, ruling.phase or Phase.RUNNING, now, chance)
    if ruling.kind in (Kind.PROMOTED, Kind.ROLLED_BACK):
        return _ended(rollout, ruling.kind, now)
    if ruling.kind in (Kind.STEPPED_BACK, Kind.HELD, Kind.DROPPED, Kind.WARNED):
        return _lessened(rollout, ruling, now, chance)
    return _commanded(rollout, ruling, now, chance, frozen)


def _lessened(rollout: Rollout, ruling: Ruling, now: float, chance: str) -> Rollout:
    plan, terms = rollout.plan, rollout.terms
    if ruling.kind is Kind.STEPPED_BACK:
        fresh = replace(rollout, book=reopened(plan, terms, rollout.book))
        back = _at(fresh, ruling.stage, ruling.phase or Phase.HELD, now, chance)
        return _stopped(back, ruling) if ruling.bars else replace(back, rising_barred=rollout.rising_barred)
    if ruling.kind is Kind.HELD:
        return replace(_stopped(rollout, ruling), phase=Phase.HELD)
    if ruling.kind is Kind.DROPPED:
        book = reopened(plan, terms, rollout.book, character=ruling.character)
        return replace(rollout, dropped=(*rollout.dropped, ruling.character), book=book, said="")
    return replace(rollout, told=(*rollout.told, ruling.token))


def _at(rollout: Rollout, stage: int, phase: Phase, now: float, chance: str) -> Rollout:
    """The rollout at the beginning of a stage: what belonged to the one before it is let go of."""
    plan = rollout.plan
    return replace(
        rollout,
        phase=phase,
        stage=stage,
        stage_since=now,
        share_bp=share_bp(plan, stage),
        book=entered(plan, rollout.terms, rollout.book, stage),
        resume_to=Phase.BAKING if stage >= len(plan.stages) else Phase.RUNNING,
        approved=(),
        nonce=chance,
        rising_barred=False,
        closed={},
        unobserved_s=0.0,
        said="",
        told=(),
        resumed_at=None,
        why=rollout.why if phase in (Phase.HELD, Phase.PAUSED) else "",
        code=rollout.code if phase in (Phase.HELD, Phase.PAUSED) else "",
    )


def _stopped(rollout: Rollout, ruling: Ruling) -> Rollout:
    """The rollout held for a person."""
    told = (*rollout.told, ruling.token) if ruling.token else rollout.told
    return replace(
        rollout,
        why=ruling.reason,
        code=ruling.code,
        said="",
        told=told,
        rising_barred=rollout.rising_barred or ruling.bars,
    )


def _ended(rollout: Rollout, kind: Kind, now: float) -> Rollout:
    promoted = kind is Kind.PROMOTED
    return replace(
        rollout,
        phase=Phase.PROMOTED if promoted else Phase.ROLLED_BACK,
        share_bp=BASIS if promoted else 0,
        ended_at=now,
        rollbacks=rollout.rollbacks + (not promoted),
        approved=(),
        nonce="",
        frozen="",
        rising_barred=not promoted,
        said="",
        why="",
        code="",
    )


def _commanded(rollout: Rollout, ruling: Ruling, now: float, chance: str, frozen: str) -> Rollout:
    if ruling.kind is Kind.PAUSED:
        return replace(rollout, phase=Phase.PAUSED, why=ruling.reason, code=ruling.code, said="")
    if ruling.kind is Kind.RESUMED:
        return replace(
            rollout, phase=rollout.resume_to, rising_barred=False, why="", code="", said="", resumed_at=now
        )  # fmt: skip
    if ruling.kind is Kind.APPROVED:
        name = rollout.plan.stage_name(rollout.stage + 1)
        return replace(rollout, approved=(*rollout.approved, name), nonce=chance)
    if ruling.kind is Kind.FROZEN:
        return replace(rollout, frozen=frozen, said=f"{Kind.WAITED}/frozen/")
    if ruling.kind is Kind.THAWED:
        return replace(rollout, frozen="", said="")
    raise ValueError(f"{ruling.kind} is nothing that can be done with a rollout")


def routed(rollout: Rollout, table: RoutingTable) -> RoutingTable | None:
    """The routing table as the rollout wants it, one version on; None when it is that already."""
    plan, exposure = rollout.plan, None
    if rollout.phase is Phase.PROMOTED:
        baseline = plan.candidate.variant()
    elif rollout.phase is Phase.ROLLED_BACK:
        # Not what was configured before the rollout: that may well be the candidate, first in the configured chain.
        baseline = plan.baseline.variant()
    else:
        baseline = plan.baseline.variant()
        exposure = Exposure(
            rollout.key,
            rollout.stage,
            plan.candidate.variant(),
            rollout.share_bp,
            cohort(plan, rollout.stage),
            rollout.dropped,
            plan.drawn_by,
            plan.environment,
            rollout.stage_since,
        )
    if (baseline, exposure) == (table.baseline, table.exposure):
        return None
    return RoutingTable(table.version + 1, baseline, exposure)


def written(
    rollout: Rollout, ruling: Ruling, *, now: float, numbers: dict[str, Any], command: Command | None = None
) -> Decision:
    """The decision that says what became of a rollout; `rollout` is the one after it, in its new version."""
    return Decision(
        number=rollout.decisions + 1,
        rollout=rollout.name,
        attempt=rollout.attempt,
        at=now,
        kind=ruling.kind,
        code=ruling.code,
        reason=ruling.reason,
        actor=command.actor if command is not None else CONTROLLER,
        stage=rollout.stage,
        stage_name=rollout.stage_name,
        share_bp=rollout.share_bp,
        phase=rollout.phase,
        plan_version=rollout.plan.version,
        token=rollout.version,
        numbers=numbers,
        gate=ruling.gate,
        command=command.id if command is not None else "",
    )


def kept(rollout: Rollout, decision: Decision) -> Rollout:
    """The rollout that remembers its decision, and the answer where it answered a command."""
    answers = rollout.answers
    if decision.command:
        answers = (*answers, decision)[-ANSWERS:]
    return replace(rollout, decisions=decision.number, last=decision, answers=answers)
