"""A plan before anybody starts it: what is wrong with it, and what it asks of time and listeners."""

from dataclasses import asdict
from typing import Any

from segue.delivery.plan import Plan
from segue.delivery.planfile import PlanError
from segue.delivery.power import Expectation, listeners, unreachable
from segue.delivery.stages import dwell_s, share_bp
from segue.delivery.terms import Terms, settle


def faulty(error: PlanError) -> dict[str, Any]:
    """What is wrong with a plan that cannot be read, as JSON values: `line` (None for an object), `where`, `reason`."""
    return {"problems": [asdict(problem) for problem in error.problems]}


def preview(plan: Plan, turns_per_s: float | None = None) -> dict[str, Any]:
    """A plan that can be read: its stages and what its gates come to, as JSON values; spans are seconds.

    With the turns per second that the listeners of the cohorts begin, also what each gate is expected to take in each
    stage, and as problems the stages that cannot be proved with so few.
    """
    terms = settle(plan)
    expected = listeners(plan, terms, turns_per_s) if turns_per_s is not None else []
    sentences = unreachable(plan, turns_per_s) if turns_per_s is not None else []
    problems = [_problem(sentence) for sentence in sentences]
    return {
        "ok": not problems,
        "name": plan.name,
        "problems": problems,
        "turns_per_s": turns_per_s,
        "stages": [_stage(plan, number, expected) for number in range(len(plan.stages) + 1)],
        "terms": _terms(plan, terms),
    }


def _problem(sentence: str) -> dict[str, Any]:
    """A sentence that begins with the place it is about."""
    where, _, reason = sentence.partition(": ")
    return {"line": None, "where": where, "reason": reason}


def _stage(plan: Plan, number: int, expected: list[Expectation]) -> dict[str, Any]:
    """A stage, with what its gates take; `likely_s` is how long it lasts if the candidate uses half of each limit."""
    stage = plan.stages[number] if number < len(plan.stages) else None
    own = [each for each in expected if stage is not None and each.stage == stage.name]
    dwell, proving = dwell_s(plan, number), stage is not None and stage.certify
    spans = [each.likely_s for each in own] if proving else []
    lasts = None if None in spans else max([dwell, *(span for span in spans if span is not None)])
    return {
        "name": plan.stage_name(number),
        "share_bp": share_bp(plan, number),
        "dwell_s": dwell,
        "approval": stage is not None and stage.approval,
        "certify": proving,
        "likely_s": lasts if own else None,
        "gates": [{name: value for name, value in asdict(each).items() if name != "stage"} for each in own],
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
