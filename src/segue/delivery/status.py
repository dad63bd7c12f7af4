"""How a rollout stands, as plain values for the API, the page and the command line. Pure: it only reads and tells."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from segue.delivery.approval import awaited
from segue.delivery.evidence import Look
from segue.delivery.plan import (
    AnyGate,
    LatencyGate,
    MeanGate,
    MemoryGate,
    Plan,
    QuietGate,
    RateGate,
    RegressionGate,
)
from segue.delivery.quantity import told_s, told_share
from segue.delivery.rollout import Command, Decision, Phase, Rollout, Verb
from segue.delivery.stages import dwell_s, share_bp
from segue.delivery.telling import elapsed_s, sentence
from segue.delivery.verdict import Judgement, Verdict, Word
from segue.routing import BASIS

VERBS = {
    "pause": Verb.PAUSE,
    "resume": Verb.RESUME,
    "approve": Verb.APPROVE,
    "promote": Verb.PROMOTE,
    "step-back": Verb.STEP_BACK,
    "rollback": Verb.ROLL_BACK,
    "freeze": Verb.FREEZE,
    "thaw": Verb.THAW,
    "retry": Verb.RETRY,
}
"""What can be commanded of a rollout, by the words of the API and the command line."""

DECISION = TypeAdapter(Decision)
MOST = 1e308
UNITS = {"latency": "share", "failure": "share", "fallback": "share", "underflow": "share", "regression": "share"} | {
    "mean": "s",
    "memory": "share",
    "quiet": "none",
}
"""What the figures of each kind of gate are: parts of one, seconds, or no figures at all."""
RATES = {
    "failure": "turns that fail",
    "fallback": "turns spoken by another than the first choice",
    "underflow": "turns in which the listener's audio ran dry",
}
WORST = {
    "ok": "nothing about the server is degraded",
    "slow": "the server is at worst slow",
    "degraded": "the server is at worst degraded",
    "fast": "the server is at worst in fast mode",
}


@dataclass(frozen=True, slots=True)
class Control:
    """Who looks after the rollouts, and when it last did."""

    ticked_at: float | None = None
    """Unix seconds of the latest look; None before the first."""
    stalled: bool = False
    """Whether the looks have stopped coming."""
    holder: str = ""
    """The replica that looks after them."""


@dataclass(frozen=True, slots=True)
class Realised:
    """The listeners of the current stage, by the arm they were given."""

    candidate: int = 0
    baseline: int = 0

    @property
    def share_bp(self) -> int | None:
        """The candidate's part of them in basis points; None without listeners."""
        listeners = self.candidate + self.baseline
        return round(BASIS * self.candidate / listeners) if listeners else None


def status(
    rollout: Rollout,
    judgement: Judgement,
    look: Look,
    *,
    now: float,
    why_not: Callable[[Command], str],
    control: Control = Control(),
    realised: Realised = Realised(),
    restricted: str = "",
) -> dict[str, Any]:
    """Everything about a rollout, as JSON values.

    Times are Unix seconds, spans seconds, shares basis points; the figures of a gate are in its `unit`. `why_not` says
    of a command why it would be refused now, and nothing where it would not; `restricted` says what the environment of
    this server takes away from the rollout.
    """
    plan, verdicts = rollout.plan, {verdict.gate: verdict for verdict in judgement.verdicts}
    return {
        **_head(rollout, judgement, now),
        "stage": _stage(rollout, now),
        "stages": [_planned(number, rollout) for number in range(len(plan.stages) + 1)],
        "holdback_bp": BASIS - share_bp(plan, len(plan.stages)),
        "realised": {**asdict(realised), "share_bp": realised.share_bp},
        "ages": {"candidate_s": _age(look.candidate_at, now), "baseline_s": _age(look.baseline_at, now)},
        "dropped": list(rollout.dropped),
        "frozen": rollout.frozen,
        "why": rollout.why,
        "code": rollout.code,
        "gates": [_gate(name, gate, verdicts.get(name)) for name, gate in plan.gates.items()],
        "joint": {name: finite(value) for name, value in judgement.joint.items()},
        "doubts": [asdict(doubt) for doubt in judgement.doubts],
        "breaches": [{**asdict(breach), "action": breach.action.value} for breach in judgement.breaches],
        "waiting_for": judgement.waiting_for,
        "commands": {word: _command(verb, why_not) for word, verb in VERBS.items()},
        "approval": approval(rollout),
        "baseline": asdict(plan.baseline.variant()),
        "candidate": asdict(plan.candidate.variant()),
        "plan": _proof(plan),
        "attempts": rollout.attempt,
        "started_at": rollout.started_at,
        "ended_at": rollout.ended_at,
        "last": None if rollout.last is None else DECISION.dump_python(rollout.last, mode="json"),
        "controller": {
            "ticked_s_ago": _age(control.ticked_at, now),
            "stalled": control.stalled,
            "holder": control.holder,
        },
        "restricted": restricted,
    }


def approval(rollout: Rollout) -> dict[str, Any]:
    """Whether somebody must agree before the next stage is entered, and its name; the name is empty where it is not."""
    following = awaited(rollout) if rollout.phase.live else None
    return {
        "needed": following is not None,
        "stage": "" if following is None else rollout.plan.stage_name(following),
    }


def title(gate: AnyGate) -> str:
    """What a gate asks for, in words and numbers: `ttfa over 6 s in at most 5 % of turns`."""
    if isinstance(gate, LatencyGate):
        return f"{gate.measure} over {told_s(gate.over)} in at most {told_share(gate.at_most)} of turns"
    if isinstance(gate, RateGate):
        return f"at most {told_share(gate.at_most)} {RATES[gate.kind]}"
    if isinstance(gate, MeanGate):
        return f"mean {gate.measure} of at most {told_s(gate.at_most)}"
    if isinstance(gate, RegressionGate):
        return f"{gate.of} no worse than the baseline, give or take {told_share(gate.tolerate)}"
    if isinstance(gate, QuietGate):
        return WORST[gate.worst] + (", and no alert fires" if gate.alerts else "")
    return f"memory grows by at most {told_share(gate.grow_at_most)}"


def summary(rollout: Rollout, judgement: Judgement, *, now: float) -> dict[str, Any]:
    """A rollout in a list of them: the beginning of its status."""
    return {
        **_head(rollout, judgement, now),
        "stage": _stage(rollout, now),
        "started_at": rollout.started_at,
        "ended_at": rollout.ended_at,
    }


def _head(rollout: Rollout, judgement: Judgement, now: float) -> dict[str, Any]:
    return {
        "name": rollout.name,
        "attempt": rollout.attempt,
        "key": rollout.key,
        "about": rollout.plan.about,
        "changes": rollout.plan.changes,
        "phase": rollout.phase.value,
        "sentence": sentence(rollout, judgement, now),
        "share_bp": rollout.share_bp,
    }


def _stage(rollout: Rollout, now: float) -> dict[str, Any]:
    dwell, elapsed = dwell_s(rollout.plan, rollout.stage), elapsed_s(rollout, now)
    return {
        "index": rollout.stage,
        "name": rollout.stage_name,
        "since": rollout.stage_since,
        "elapsed_s": round(elapsed, 3),
        "dwell_s": dwell,
        "left_s": round(max(0.0, dwell - elapsed), 3) if rollout.phase.live else 0.0,
    }


def _planned(number: int, rollout: Rollout) -> dict[str, Any]:
    """A stage of the plan, or the bake after the last one."""
    plan = rollout.plan
    stage = plan.stages[number] if number < len(plan.stages) else None
    done = number < rollout.stage or rollout.phase is Phase.PROMOTED
    return {
        "name": plan.stage_name(number),
        "share_bp": share_bp(plan, number),
        "dwell_s": dwell_s(plan, number),
        "approval": stage is not None and stage.approval,
        "certify": stage is not None and stage.certify,
        "state": "done" if done else "current" if number == rollout.stage else "next",
        "cohort": (stage or plan.stages[-1]).cohort.model_dump(mode="json"),
    }


def _gate(name: str, gate: AnyGate, verdict: Verdict | None) -> dict[str, Any]:
    """A gate of the plan with its latest verdict; one that was not looked at yet waits."""
    found = verdict or Verdict(name, Word.WAIT, "Nothing was counted yet.", limit=limit(gate))
    return {
        "gate": name,
        "kind": gate.kind,
        "title": title(gate),
        "on_breach": gate.on_breach.value,
        "unit": UNITS[gate.kind],
        "word": found.word.value,
        "reason": found.reason,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "limit": found.limit,
        "n": found.n,
        "bad": found.bad,
        "baseline_n": found.baseline_n,
        "baseline_value": found.baseline_value,
        "evidence": finite(found.evidence),
        "line": finite(found.line),
        "relative": None if found.relative is None else finite(found.relative),
        "certainty": finite(found.certainty),
        "certain": found.certain,
        "missing": found.missing,
        "curve": [[at, finite(height)] for at, height in found.curve],
    }


def limit(gate: AnyGate) -> float:
    """The limit of a gate in its unit; 0 where its limit is no number of its own."""
    if isinstance(gate, MemoryGate):
        return gate.grow_at_most
    return gate.at_most if isinstance(gate, LatencyGate | RateGate | MeanGate) else 0.0


def finite(value: float) -> float:
    """Evidence as JSON can hold it: what has grown over every number is the greatest there is."""
    return min(max(value, -MOST), MOST)


def _command(verb: Verb, why_not: Callable[[Command], str]) -> dict[str, Any]:
    """Whether a command can be given now, why not, and whether it could be by force."""
    why = why_not(Command(verb))
    return {"allowed": not why, "why": why, "by_force": bool(why) and not why_not(Command(verb, force=True))}


def _proof(plan: Plan) -> dict[str, Any]:
    """What identifies the plan, and how much proof it asks for."""
    return {
        "version": plan.version,
        "candidate_digest": plan.candidate_digest,
        "gate_digest": plan.gate_digest,
        "alpha": plan.verdict.alpha,
        "beta": plan.verdict.beta,
    }


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 3)
