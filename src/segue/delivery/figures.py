"""The numbers that are kept with a decision: what the gates said, the joint evidence, and what else was seen."""

import math
from typing import Any

from segue.delivery.evidence import Look
from segue.delivery.rollout import Command
from segue.delivery.verdict import Judgement, Verdict


def figures(judgement: Judgement, look: Look) -> dict[str, Any]:
    """Gate by gate the figures of the verdicts, the joint evidence beside its lines, and the look, as JSON values.

    Shares are parts of one, evidence and certainty are e-values; a figure that is not finite is None.
    """
    return {
        "gates": {verdict.gate: _of_gate(verdict) for verdict in judgement.verdicts},
        "joint": {name: _finite(value) for name, value in judgement.joint.items()},
        "certified": judgement.certified,
        "doubts": [doubt.code for doubt in judgement.doubts],
        "breaches": [{"gate": breach.gate, "how": breach.how} for breach in judgement.breaches],
        "look": {
            "candidate_at": look.candidate_at,
            "baseline_at": look.baseline_at,
            "unobserved_s": look.unobserved_s,
            "degradation": look.degradation,
            "alerts": None if look.alerts is None else list(look.alerts),
            "memory_bytes": look.memory_bytes,
            "enabled": look.enabled,
            "replicas": look.replicas,
        },
    }


def commanded(command: Command | None) -> dict[str, Any]:
    """What was commanded, as JSON values, so that a decision can be repeated; nothing where nobody commanded.

    What an approval link carries is not among them.
    """
    if command is None:
        return {}
    return {
        "command": {
            "verb": command.verb.value,
            "reason": command.reason,
            "force": command.force,
            "full": command.full,
            "stage": command.stage,
        }
    }


def _of_gate(verdict: Verdict) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        name: _finite(getattr(verdict, name))
        for name in (
            "n", "bad", "value", "low", "high", "limit", "baseline_n", "baseline_value", "evidence", "line", "relative",
            "certainty", "certain", "missing",
        )
    }  # fmt: skip
    return {"word": verdict.word.value, **numbers}


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
