"""What a runbook would find now, and where the server stands before and after a run."""

from contextlib import suppress
from typing import Any

from segue.errors import SegueError
from segue.operations.ports import Asking
from segue.operations.report import Check, Level
from segue.operations.runbook.book import Runbook
from segue.operations.runbook.engine import Hands
from segue.operations.runbook.standing import is_done, refusal


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


def stands(server: Asking) -> dict[str, Any]:
    """Which version a server is of, and which live settings are in force; empty where it does not say."""
    with suppress(SegueError):
        plain = server.fetch("GET", "/api/settings").plain()
        if isinstance(plain, dict):
            names = ("segue", "commit", "version", "live", "digest", "started_at")
            return {name: plain[name] for name in names if name in plain}
    return {}
