"""How a run of a runbook went, and how long one takes, by journals."""

from collections.abc import Iterable, Mapping

from segue.operations.report import Check, Figure, Level
from segue.operations.runbook.book import Runbook
from segue.operations.runbook.journal import Course, usual_ms

DEFAULTS: Mapping[str, str] = {"configuration": "configuration-live", "code": "code-git"}
"""The runbook of a level where none is named. Which engine a whole system runs on is for people to say."""


def judged(runbook: Runbook, course: Course, run: str) -> tuple[Check, ...]:
    """How each step of a run went, and the run as a whole."""
    checks = []
    for step in runbook.steps:
        name = f"step.{step.name}"
        took = course.took_ms.get(step.name)
        figures: dict[str, Figure] = {} if took is None else {"took_ms": round(took, 1)}
        if step.name == course.failed:
            hint = f"Mend it, then go on: segue rollback --resume {run}"
            if course.outcome:
                hint = "What was done was taken back; mend it, and begin a new run."
            checks.append(Check(name, Level.FAIL, course.reason, figures, hint))
        elif step.name in course.undone:
            checks.append(Check(name, Level.WARN, "It was taken back.", figures))
        elif step.name in course.done:
            said = "It was done" if took is None else f"It was done in {took / 1000.0:.2f} s"
            checks.append(Check(name, Level.PASS, f"{said}, and holds.", figures))
        else:
            checks.append(Check(name, Level.NO_DATA, "It was not reached."))
    outcome = course.outcome or "not at its end"
    level = Level.PASS if outcome == "done" else Level.FAIL
    return (*checks, Check("run.outcome", level, f"The run {run} is {outcome}."))


def estimated_s(runbook: Runbook, past: Iterable[Course]) -> float | None:
    """How long the steps take together, by earlier runs; None where one was never done."""
    runs = list(past)
    took = [usual_ms(runs, step.name) for step in runbook.steps]
    known = [each for each in took if each is not None]
    return sum(known) / 1000.0 if len(known) == len(took) else None
