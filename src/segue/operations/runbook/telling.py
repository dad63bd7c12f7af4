"""What a runbook will do, in words and exact command lines, for people who read it before it is run."""

import json
import shlex
from collections.abc import Iterator

from segue.operations.runbook.actions import (
    RECORDED,
    Action,
    Command,
    FileRestore,
    Http,
    ProviderFirst,
    ProviderOff,
    ProviderOn,
    RolloutRollback,
    SettingsRestore,
    SwitchTurn,
    VariableSet,
    VenvSwap,
    Wait,
)
from segue.operations.runbook.book import Step
from segue.operations.runbook.lines import doing


def commands(action: Action, *, run: str, timeout_s: float) -> tuple[str, ...]:
    """Exactly what is done, a line each."""
    programs = doing(action, run=run, timeout_s=timeout_s)
    if programs:
        folder = f"(cd {shlex.quote(action.folder)}) " if isinstance(action, Command) and action.folder else ""
        return tuple(folder + shlex.join(argv) for argv in programs)
    return (_by_ourselves(action, run),)


def verifications(step: Step) -> tuple[str, ...]:
    """What must hold after a step."""
    return tuple(
        (
            f"GET {question.path} answers {question.status}"
            + (f" with {json.dumps(question.holds)}" if question.holds else "")
            + (f" within {question.within_ms:g} ms" if question.within_ms else "")
        )
        if isinstance(question, Http)
        else f"{shlex.join(question.argv)} ends with {question.exit_code}"
        + (f" and says {question.output!r}" if question.output else "")
        for question in step.verify
    )


def taken_back(step: Step, *, run: str) -> str:
    """How a step is taken back, where the runbook asks for it."""
    if step.undo == "before":
        return "what was there before is brought back"
    if step.undo == "nothing":
        return "it is not taken back"
    lines = [line for action in step.undo for line in commands(action, run=run, timeout_s=step.timeout_s)]
    return "; ".join(lines) or "it is not taken back"


def told(step: Step, *, run: str) -> Iterator[str]:
    """A step in lines."""
    for line in commands(step.do, run=run, timeout_s=step.timeout_s):
        yield f"do      {line}"
    for line in verifications(step):
        yield f"verify  {line}"
    yield f"undo    {taken_back(step, run=run)}"
    if step.do.kind in RECORDED:
        yield "note    recorded, not run: no such engine was there when this was tested"


def _by_ourselves(action: Action, run: str) -> str:  # noqa: PLR0911 - one return for each kind
    match action:
        case SettingsRestore():
            return f"POST /api/settings/restore, version {action.version}"
        case ProviderOff() | ProviderOn():
            return f"PUT /api/settings, {action.provider} {'off' if action.kind == 'provider.off' else 'on'}"
        case ProviderFirst():
            return f"PUT /api/settings, {action.provider} the first {action.role}"
        case RolloutRollback():
            return f"POST /api/rollouts/{action.rollout}/rollback"
        case SwitchTurn():
            return f"POST /api/voice/switch, spoken replies {'on' if action.enabled else 'off'}"
        case FileRestore():
            return f"copy {action.source} to {action.target}; what is replaced is kept as {action.target}.before-{run}"
        case VariableSet():
            return f"set {action.name} in {action.file}"
        case VenvSwap():
            return f"let {action.link} lead to {action.to}"
        case Http():
            return f"GET {action.path}"
        case Wait():
            return f"wait {action.seconds:g} s"
        case _:
            return action.kind
