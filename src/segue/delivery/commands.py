"""What an operator may command: which verb in which phase, what it does, and why not where it may not.

There is no second path: a command becomes a ruling like any other, and is carried out by the same code.

              running  baking  held  paused  promoted  rolled_back
    pause        x        x      x     (x)       -          -
    resume      (x)      (x)     x      x        -          -
    approve      a        a      a      a        -          -        a: where the next stage asks for it
    promote      x        x      f      x       (x)         -        f: by force after a breach
    step_back    b        b      b      b        -          -        b: not from the first stage
    roll_back    x        x      x      x        x         (x)
    freeze       x        x      x      x        -          -
    thaw         x        x      x      x        -          -
    retry        -        -      -      -        -          c        c: by force within the cool-down, or when locked

`(x)` is so already: nothing changes, and that is said.
"""

from dataclasses import dataclass

from segue.delivery.approval import asked, awaited, fits
from segue.delivery.decision import Ruling, advance
from segue.delivery.evidence import Look
from segue.delivery.plan import Plan
from segue.delivery.quantity import told_s
from segue.delivery.rollout import Command, Kind, Phase, Rollout, Verb
from segue.delivery.stages import share_bp, told_stage
from segue.delivery.verdict import Judgement
from segue.routing import RoutingTable

ALREADY = "already"
"""Code of an objection that is none: what was commanded is so already."""
_MADE = {
    Verb.START: Kind.STARTED,
    Verb.PAUSE: Kind.PAUSED,
    Verb.RESUME: Kind.RESUMED,
    Verb.APPROVE: Kind.APPROVED,
    Verb.PROMOTE: Kind.PROMOTED,
    Verb.STEP_BACK: Kind.STEPPED_BACK,
    Verb.ROLL_BACK: Kind.ROLLED_BACK,
    Verb.FREEZE: Kind.FROZEN,
    Verb.THAW: Kind.THAWED,
    Verb.RETRY: Kind.RETRIED,
}
_SIMPLE = {
    Verb.PAUSE: "Paused",
    Verb.RESUME: "Resumed",
    Verb.ROLL_BACK: "Rolled back",
    Verb.FREEZE: "Frozen",
    Verb.THAW: "Thawed",
}


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a command is not obeyed."""

    code: str
    reason: str
    """A sentence that says what to do instead."""


def allowed(rollout: Rollout, verb: Verb, now: float) -> str:
    """Why a verb can have no effect as things stand, in a sentence; empty when it can. `now` is in Unix seconds."""
    found = objection(rollout, Command(verb), now=now)
    return found.reason if found else ""


def objection(
    rollout: Rollout, command: Command, *, now: float, look: Look | None = None, table: RoutingTable | None = None
) -> Objection | None:
    """Why a rollout cannot obey a command as things stand; None when it can.

    What was seen (`look`) and the routing table are asked where they are given.
    """
    if command.verb is Verb.RETRY:
        return retry_objection(rollout, rollout.plan, now=now, force=command.force)
    if command.verb is Verb.START:
        return _running(rollout)
    if not rollout.phase.live:
        return _ended(rollout, command.verb, table)
    idle = _idle(rollout).get(command.verb)
    if idle is not None:
        return Objection(ALREADY, idle)
    return {Verb.APPROVE: _approving, Verb.PROMOTE: _promoting, Verb.STEP_BACK: _stepping_back}.get(
        command.verb, _nothing
    )(rollout, command, look)


def retry_objection(before: Rollout, plan: Plan, *, now: float, force: bool, again: bool = True) -> Objection | None:
    """Why there may be no new attempt after this one; `again` asks for the same plan again, after a roll back.

    Only a candidate that was rolled back is kept waiting, and only without `force`.
    """
    if before.phase.live:
        return _running(before)
    if before.phase is Phase.PROMOTED:
        reason = f"Attempt {before.attempt} was promoted; roll it back first, or start a plan with another baseline."
        return Objection("promoted", reason) if again else None
    if force:
        return None
    same = before.plan.candidate_digest == plan.candidate_digest
    if same and before.rollbacks >= plan.lock_after:
        reason = f"This candidate was rolled back {before.rollbacks} times and is locked; change it, or use force."
        return Objection("locked", reason)
    left_s = (before.ended_at or 0.0) + before.plan.cool_down - now
    if left_s > 0:
        reason = (
            f"Attempt {before.attempt} was rolled back; the cool-down of {told_s(before.plan.cool_down)}"
            f" has {told_s(left_s)} left. Wait, or use force."
        )
        return Objection("cool_down", reason)
    return None


def _idle(rollout: Rollout) -> dict[Verb, str]:
    """Verbs that would leave a live rollout as it is, and why."""
    found = {}
    if rollout.phase is Phase.PAUSED:
        found[Verb.PAUSE] = "It is paused already; nothing changed."
    if rollout.phase in (Phase.RUNNING, Phase.BAKING):
        found[Verb.RESUME] = f"It is {rollout.phase} already; what the gates hold goes on by itself."
    if rollout.frozen:
        found[Verb.FREEZE] = "It is frozen already; nothing changed."
    else:
        found[Verb.THAW] = "It is not frozen; nothing changed."
    return found


def _nothing(rollout: Rollout, command: Command, look: Look | None) -> Objection | None:
    del rollout, command, look
    return None


def _running(rollout: Rollout) -> Objection | None:
    if not rollout.phase.live:
        return None
    reason = f"Attempt {rollout.attempt} is {rollout.phase}; roll it back or promote it first."
    return Objection("running", reason)


def _ended(rollout: Rollout, verb: Verb, table: RoutingTable | None) -> Objection | None:
    if (verb, rollout.phase) in ((Verb.PROMOTE, Phase.PROMOTED), (Verb.ROLL_BACK, Phase.ROLLED_BACK)):
        return Objection(ALREADY, f"It is {_said(rollout.phase)} already; nothing changed.")
    if verb is not Verb.ROLL_BACK:
        return Objection("ended", f"Attempt {rollout.attempt} has ended: it was {_said(rollout.phase)}.")
    if table is not None and table.exposure is not None:
        return Objection("running", f"{table.exposure.rollout} runs on top of it; roll that back first.")
    if table is not None and table.baseline != rollout.plan.candidate.variant():
        reason = (
            f"The baseline is {table.baseline.name} by now, not {rollout.plan.candidate.name}; roll that back first."
        )
        return Objection("baseline", reason)
    return None


def _said(phase: Phase) -> str:
    return phase.replace("_", " ")


def _approving(rollout: Rollout, command: Command, look: Look | None) -> Objection | None:
    del look
    if command.nonce and not fits(rollout, command.nonce):
        return Objection("link", "This link was used already, or the rollout has moved on since; ask for a new one.")
    stage = asked(rollout)
    if stage is None:
        return Objection("approval", "The next stage asks for no approval.")
    name = rollout.plan.stages[stage].name
    if command.stage not in ("", name):
        return Objection("approval", f"Only the next stage, {name}, can be approved now, not {command.stage}.")
    return Objection(ALREADY, f"{name} is approved already; nothing changed.") if awaited(rollout) is None else None


def _promoting(rollout: Rollout, command: Command, look: Look | None) -> Objection | None:
    if command.force:
        return None
    if rollout.rising_barred:
        return Objection("breach", f"A gate was breached; resume it, or promote with force. {rollout.why}".rstrip())
    if rollout.frozen:
        return Objection("frozen", f"It is frozen; thaw it, or promote with force. {rollout.frozen}".rstrip())
    if look is not None and not look.enabled:
        return Objection("kill_switch", "Spoken replies are switched off; switch them on, or promote with force.")
    return None


def _stepping_back(rollout: Rollout, command: Command, look: Look | None) -> Objection | None:
    del look
    names = [stage.name for stage in rollout.plan.stages[: rollout.stage]]
    if not names:
        return Objection("first_stage", "It is in its first stage; roll it back instead.")
    if command.stage and command.stage not in names:
        return Objection("stage", f"{command.stage} is no earlier stage; there are {', '.join(names)}.")
    target = names.index(command.stage) if command.stage else len(names) - 1
    if rollout.rising_barred and not command.force and share_bp(rollout.plan, target) > rollout.share_bp:
        reason = f"A gate was breached, and the share of {names[target]} is larger; name another, or use force."
        return Objection("breach", reason)
    return None


def refused(command: Command, found: Objection) -> Ruling:
    """The ruling on a command that has no effect; one that is so already is no refusal."""
    return Ruling(_MADE[command.verb] if found.code == ALREADY else Kind.REFUSED, found.code, found.reason)


def obey(rollout: Rollout, command: Command, judgement: Judgement) -> Ruling:
    """The ruling that carries out a command to which there is no objection.

    Raises:
        ValueError: the command begins an attempt; `begin` does that.
    """
    plan, verb, by = rollout.plan, command.verb, _by(command)
    if verb in _SIMPLE:
        return Ruling(_MADE[verb], "command", f"{_SIMPLE[verb]} {by}")
    if verb is Verb.APPROVE:
        return Ruling(Kind.APPROVED, "command", f"{told_stage(plan, rollout.stage + 1)} was approved {by}")
    if verb is Verb.PROMOTE:
        code = "certified" if judgement.certified else "without_proof"
        proof = "every gate is proved" if judgement.certified else "not every gate is proved"
        forced = ", by force" if command.force else ""
        return advance(rollout, code, f"{by.removesuffix('.')} ({proof}{forced})", full=command.full)
    if verb is Verb.STEP_BACK:
        names = [stage.name for stage in plan.stages]
        target = names.index(command.stage) if command.stage else rollout.stage - 1
        phase = Phase.RUNNING if rollout.phase is Phase.BAKING else rollout.phase
        reason = f"Stepped back to {told_stage(plan, target)} {by}"
        return Ruling(Kind.STEPPED_BACK, "command", reason, stage=target, phase=phase)
    raise ValueError(f"{verb} begins an attempt")


def _by(command: Command) -> str:
    """Who and why, as the end of a sentence."""
    return f"by {command.actor}" + (f": {command.reason.strip().rstrip('.')}." if command.reason.strip() else ".")
