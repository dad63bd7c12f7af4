"""Rollbacks: what a runbook would do, how a run went, and where the server stands before and after."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from segue.errors import SegueError
from segue.operations.ports import Asking
from segue.operations.report import Check, Figure, Level
from segue.operations.runbook.book import Runbook
from segue.operations.runbook.engine import Hands
from segue.operations.runbook.journal import Course, usual_ms
from segue.operations.runbook.standing import is_done, refusal

DEFAULTS: Mapping[str, str] = {"configuration": "configuration-live", "code": "code-git"}
"""The runbook of a level where none is named. Which engine a whole system runs on is for people to say."""


def rehearsed(runbook: Runbook, hands: Hands, run: str) -> tuple[Check, ...]:
    """What each step would find now. Nothing is changed: engines and the server are only asked."""
    checks = []
    for step in runbook.steps:
        name = f"step.{step.name}"
        try:
            seen = hands.of(step.do).look(step.do, run)
        except SegueError as error:
            checks.append(Check(name, Level.FAIL, error.message, hint="The step could not be begun as things stand."))
            continue
        why_not = refusal(step.do, seen)
        if why_not:
            checks.append(Check(name, Level.FAIL, f"It would be refused: {why_not}."))
        elif is_done(step.do, seen, seen):
            checks.append(Check(name, Level.PASS, "It is so already; nothing would be done."))
        else:
            checks.append(Check(name, Level.PASS, f"It can be done: {step.do.kind}."))
    return tuple(checks)


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


def stands(server: Asking) -> dict[str, Any]:
    """Which version a server is of, and which live settings are in force; empty where it does not say."""
    with suppress(SegueError):
        plain = server.fetch("GET", "/api/settings").plain()
        if isinstance(plain, dict):
            names = ("segue", "commit", "version", "live", "digest", "started_at")
            return {name: plain[name] for name in names if name in plain}
    return {}
