"""A plan before anybody starts it: what is wrong with it, and what it asks of time and listeners. Pure."""

from dataclasses import asdict
from typing import Any

from segue.delivery.plan import Plan
from segue.delivery.planfile import PlanError
from segue.delivery.stages import dwell_s, share_bp
from segue.delivery.terms import Terms, settle


def faulty(error: PlanError) -> dict[str, Any]:
    """What is wrong with a plan that cannot be read, as JSON values: `line` (None for an object), `where`, `reason`."""
    return {"problems": [asdict(problem) for problem in error.problems]}


def preview(plan: Plan, turns_per_s: float | None = None) -> dict[str, Any]:
    """A plan that can be read: its stages and what its gates come to, as JSON values; spans are seconds.

    With the turns per second that all listeners together begin, also what each stage is expected to take, and as
    problems the stages that cannot be proved with so few.
    """
    terms = settle(plan)
    del turns_per_s
    problems: list[dict[str, Any]] = []
    return {
        "ok": not problems,
        "name": plan.name,
        "problems": problems,
        "stages": [_stage(plan, number) for number in range(len(plan.stages) + 1)],
        "terms": _terms(plan, terms),
    }


def _stage(plan: Plan, number: int) -> dict[str, Any]:
    stage = plan.stages[number] if number < len(plan.stages) else None
    return {
        "name": plan.stage_name(number),
        "share_bp": share_bp(plan, number),
        "dwell_s": dwell_s(plan, number),
        "approval": stage is not None and stage.approval,
        "certify": stage is not None and stage.certify,
    }


def _terms(plan: Plan, terms: Terms) -> dict[str, Any]:
    """What the gates come to without a history of the baseline; with one, blocks may be shorter or longer."""
    return {
        "alpha": plan.verdict.alpha,
        "beta": plan.verdict.beta,
        "block_s": terms.block_s,
        "alpha_split": {
            "limits": terms.slo_alpha,
            "regression": terms.regression_alpha,
            "fast": terms.fast_alpha,
            "characters": terms.characters_alpha,
        },
        "gates": {
            name: {
                "limit": term.limit * (term.cap_s or 1.0),
                "tolerated": term.tolerated * (term.cap_s or 1.0),
                "weight": term.weight,
                "line": term.line,
            }
            for name, term in terms.gates.items()
        },
    }
