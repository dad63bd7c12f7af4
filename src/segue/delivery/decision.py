"""What becomes of a rollout at one look: the first of these that has something to say, in this order.

    freeze, kill switch    nothing rises, whatever else is so; they bar the steps below, never the next one
    harm                   rolls back, steps back, drops a character, holds or warns
    health of the evidence the share stays as it is until the evidence can be trusted again
    dwell                  the least time in the stage
    proof                  every gate is certified, or the wait limit is over
    windows                the share grows only at agreed times
    approval               somebody agreed
    advance

A decision only names what is to be done; `step` carries it out.
"""

from dataclasses import dataclass

from segue.delivery import windows
from segue.delivery.approval import awaited
from segue.delivery.evidence import Look
from segue.delivery.plan import OnBreach, OnWaitLimit
from segue.delivery.quantity import told_s
from segue.delivery.rollout import Kind, Phase, Rollout
from segue.delivery.stages import dwell_s, lower_stage, needs_proof, nobody_left, share_bp, told_stage
from segue.delivery.verdict import Breach, Doubt, Judgement

DOUBTS = ("common_cause", "routing", "no_data", "stale", "source")
"""Reasons to distrust the evidence, the most telling first."""
_SEVERITY = (Kind.ROLLED_BACK, Kind.STEPPED_BACK, Kind.DROPPED, Kind.HELD, Kind.WARNED)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is to be done with a rollout, and why."""

    kind: Kind
    code: str
    reason: str
    gate: str = ""
    character: str = ""
    """The character that is dropped."""
    stage: int = -1
    """The stage to go to, where it goes to another."""
    phase: Phase | None = None
    """The phase it is in from now on; None where that follows from the kind or stays."""
    bars: bool = False
    """Whether the share may not rise from now on until a person says so."""
    token: str = ""
    """What is noted so that the same breach is not acted on twice, as `warn/ttfa`."""

    @property
    def saying(self) -> str:
        """What makes a wait or a hold the same as the one before."""
        gate = "" if self.kind is Kind.WAITED else self.gate
        return f"{self.kind}/{self.code}/{gate}"

    @property
    def stays(self) -> bool:
        """Whether it leaves everything as it is: a wait, or a hold that ends by itself."""
        return self.kind is Kind.WAITED or (self.kind is Kind.HELD and self.phase is None)


def decide(rollout: Rollout, judgement: Judgement, look: Look, *, now: float) -> Ruling | None:
    """What is to become of a rollout; None where there is nothing to decide because it has ended or waits for a person.

    `now` is in Unix seconds. However late it is called, it goes on by one stage at most.
    """
    if not rollout.phase.live:
        return None
    found = harm(rollout, judgement)
    if found is not None:
        return found
    if rollout.phase in (Phase.HELD, Phase.PAUSED):
        return None
    return (
        _braked(rollout, look)
        or _doubted(judgement)
        or _dwelling(rollout, now)
        or _unproved(rollout, judgement, now)
        or _closed(rollout, now)
        or _unapproved(rollout)
        or advance(rollout, _proof(rollout, judgement), _because(rollout, judgement, now))
    )


def harm(rollout: Rollout, judgement: Judgement) -> Ruling | None:
    """What the most severe breach asks for that was not yet acted on; None when there is none.

    It is the same in every live phase, in the bake too: no freeze, pause, window or missing approval delays it.
    """
    rulings = [ruling for breach in judgement.breaches if (ruling := _on_breach(rollout, breach)) is not None]
    return min(rulings, key=lambda ruling: _SEVERITY.index(ruling.kind)) if rulings else None


def _on_breach(rollout: Rollout, breach: Breach) -> Ruling | None:
    action, reason, token = breach.action, _blamed(rollout, breach), f"{breach.action}/{breach.gate}"
    if token in rollout.told or (action is OnBreach.DROP_COHORT and breach.character in rollout.dropped):
        return None
    if action is OnBreach.WARN:
        return Ruling(Kind.WARNED, "breach", f"Warned: {reason}", breach.gate, token=token)
    if action is OnBreach.HOLD:
        said = f"Held until somebody resumes it: {reason}"
        return Ruling(Kind.HELD, "breach", said, breach.gate, phase=Phase.HELD, bars=True, token=token)
    if action is OnBreach.DROP_COHORT and breach.character and not nobody_left(rollout, breach.character):
        return Ruling(Kind.DROPPED, "breach", f"Took {breach.character} out: {reason}", breach.gate, breach.character)
    if action is OnBreach.STEP_BACK and (lower := lower_stage(rollout)) is not None:
        said = f"Stepped back to {told_stage(rollout.plan, lower)}: {reason}"
        return Ruling(Kind.STEPPED_BACK, "breach", said, breach.gate, stage=lower, phase=Phase.HELD, bars=True)
    return Ruling(Kind.ROLLED_BACK, "breach", f"Rolled back: {reason}", breach.gate)


def _blamed(rollout: Rollout, breach: Breach) -> str:
    """As in: ttfa breached at 5 %: 38 of 97 turns were slower than 6 s (39 %, at most 5 %)."""
    who = "all gates together" if breach.gate == "joint" else breach.gate
    return f"{who} breached at {rollout.share_bp / 100:g} %: {breach.reason.removeprefix(f'{breach.gate}: ')}"


def _braked(rollout: Rollout, look: Look) -> Ruling | None:
    if rollout.frozen:
        return Ruling(Kind.WAITED, "frozen", f"Nothing advances while it is frozen: {rollout.frozen}")
    if not look.enabled:
        reason = "Nothing advances while spoken replies are switched off (kill switch)."
        return Ruling(Kind.WAITED, "kill_switch", reason)
    if rollout.rising_barred:
        return Ruling(Kind.HELD, "barred", "After a breach the share does not rise until somebody resumes or promotes.")
    return None


def _doubted(judgement: Judgement) -> Ruling | None:
    if not judgement.doubts:
        return None
    doubt = min(judgement.doubts, key=_rank)
    return Ruling(Kind.HELD, doubt.code, doubt.reason, doubt.gate)


def _rank(doubt: Doubt) -> tuple[int, str]:
    return (DOUBTS.index(doubt.code) if doubt.code in DOUBTS else len(DOUBTS), doubt.gate)


def _dwelling(rollout: Rollout, now: float) -> Ruling | None:
    least_s, observed_s = dwell_s(rollout.plan, rollout.stage), observed(rollout, now)
    if observed_s >= least_s:
        return None
    unseen = f"; {told_s(rollout.unobserved_s)} that nobody observed do not count" if rollout.unobserved_s else ""
    reason = (
        f"{_here(rollout)} lasts at least {told_s(least_s)}; {told_s(least_s - observed_s)} of it are left{unseen}."
    )
    return Ruling(Kind.WAITED, "dwell", reason)


def observed(rollout: Rollout, now: float) -> float:
    """How long the current stage was observed, in seconds: its dwell."""
    return now - rollout.stage_since - rollout.unobserved_s


def waited(rollout: Rollout, now: float) -> float:
    """How long the current stage has gone on after its dwell, or since it was last resumed, in seconds."""
    over_s = observed(rollout, now) - dwell_s(rollout.plan, rollout.stage)
    return over_s if rollout.resumed_at is None else min(over_s, now - rollout.resumed_at)


def _unproved(rollout: Rollout, judgement: Judgement, now: float) -> Ruling | None:
    if judgement.certified or not needs_proof(rollout):
        return None
    terms, waited_s = rollout.plan.verdict, waited(rollout, now)
    lacking = judgement.waiting_for or "not every gate is proved yet."
    if waited_s < terms.wait_limit:
        return Ruling(Kind.WAITED, "certification", f"{_here(rollout)} is not proved yet: {lacking}")
    late = f"{_here(rollout)} was not proved within {told_s(terms.wait_limit)} after its dwell: {lacking}"
    match terms.on_wait_limit:
        case OnWaitLimit.PROMOTE_WITHOUT_PROOF:
            return None
        case OnWaitLimit.ROLLBACK:
            return Ruling(Kind.ROLLED_BACK, "wait_limit", f"Rolled back: {late}")
        case OnWaitLimit.HOLD:
            return Ruling(Kind.HELD, "wait_limit", f"Held until somebody resumes it: {late}", phase=Phase.HELD)


def _closed(rollout: Rollout, now: float) -> Ruling | None:
    following = rollout.stage + 1
    if following == len(rollout.plan.stages) and share_bp(rollout.plan, following) <= rollout.share_bp:
        return None  # into the bake the share does not grow
    if windows.are_open(rollout.plan.windows, now):
        return None
    return Ruling(Kind.WAITED, "window", f"The share may grow {windows.told_next(rollout.plan.windows, now)}.")


def _unapproved(rollout: Rollout) -> Ruling | None:
    stage = awaited(rollout)
    if stage is None:
        return None
    reason = f"All is ready for {told_stage(rollout.plan, stage)}; somebody must approve it."
    return Ruling(Kind.WAITED, "approval", reason)


def _proof(rollout: Rollout, judgement: Judgement) -> str:
    """The code of an advance: what it rests on."""
    if rollout.phase is Phase.BAKING:
        return "baked"
    if not needs_proof(rollout):
        return "dwell"
    return "certified" if judgement.certified else "without_proof"


def _because(rollout: Rollout, judgement: Judgement, now: float) -> str:
    lasted = told_s(round(max(0.0, observed(rollout, now))))
    match _proof(rollout, judgement):
        case "baked":
            return f"the bake lasted {lasted} and no gate was breached"
        case "dwell":
            return f"its dwell is over after {lasted}; {rollout.stage_name} asks for no proof"
        case "certified":
            most = max((verdict.n for verdict in judgement.verdicts), default=0)
            return f"every gate of {rollout.stage_name} is proved after {lasted} and up to {most} turns"
    limit = told_s(rollout.plan.verdict.wait_limit)
    return f"without proof, as the plan has it: {rollout.stage_name} was not proved within {limit} after its dwell"


def advance(rollout: Rollout, code: str, because: str, *, full: bool = False) -> Ruling:
    """To the next stage, to the bake after the last one, and promoted after that; `full` promotes at once."""
    plan = rollout.plan
    if full or rollout.phase is Phase.BAKING or rollout.stage >= len(plan.stages):
        reason = f"Promoted: {plan.candidate.name} is the baseline for everybody from now on; {because}."
        return Ruling(Kind.PROMOTED, code, reason, phase=Phase.PROMOTED)
    following = rollout.stage + 1
    phase = Phase.BAKING if following == len(plan.stages) else Phase.RUNNING
    reason = f"Advanced to {told_stage(plan, following)}: {because}."
    return Ruling(Kind.ADVANCED, code, reason, stage=following, phase=phase)


def _here(rollout: Rollout) -> str:
    return f"The stage {rollout.stage_name}" if rollout.stage < len(rollout.plan.stages) else "The bake"
