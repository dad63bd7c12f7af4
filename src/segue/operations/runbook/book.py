"""A runbook: its parameters and its steps, and how it is filled in for one run."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from segue.errors import InvalidRequest
from segue.operations.runbook.actions import OPAQUE, PLACEHOLDER, RECORDED, Action, Name, Verification, filled
from segue.section import Section

BUILT_IN = ("run", "reason")
"""Parameters that every runbook has: the run's name, and why it is made."""


class Depth(StrEnum):
    """How deep a rollback goes, the mildest first."""

    CONFIGURATION = "configuration"
    CODE = "code"
    SYSTEM = "system"


class Parameter(Section):
    """Something that is said when a runbook is run."""

    about: str
    """What it means, for whoever says it."""
    default: str | None = None
    """What holds where nothing is said; it must be said when absent."""
    pattern: str = ""
    """What it must match from its first to its last character; anything when empty."""


class Step(Section):
    """One step: what is done, how it is looked at, how it is taken back."""

    name: Name
    """Its name in the journal; each has its own."""
    about: str = ""
    """Why it is done, for whoever reads along."""
    do: Action
    """What is done."""
    verify: tuple[Verification, ...] = ()
    """What must hold afterwards, beside what the action shows of itself; asked again until the time is over."""
    undo: Literal["before", "nothing"] | tuple[Action, ...] = "nothing"
    """`before` brings back what was there before, as the journal has it."""
    timeout_s: Annotated[float, Field(gt=0, le=7200)] = 60.0
    """How long each of its programs may take, and how long it is looked at until it holds."""
    repeatable: bool = False
    """Whether a command may simply be run a second time where nobody can tell whether it was."""

    @model_validator(mode="after")
    def _can_be_taken_back(self) -> "Step":
        if self.undo == "before" and self.do.kind in OPAQUE:
            raise ValueError(f"undo: nobody knows what was before a {self.do.kind}; write actions, or leave it out")
        if self.undo == "before" and self.do.kind == "rollout.rollback":
            raise ValueError("undo: a rollout that was rolled back is taken up again by a person; leave it out")
        return self


class Runbook(Section):
    """Steps that bring a deployment back to where it was."""

    name: Name
    """The name by which it is asked for."""
    level: Depth
    """How deep it goes."""
    about: str
    """What it does, in a sentence."""
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Parameter] = Field(default_factory=dict)
    """What is said when it is run; `to` with `--to`, the others with `--set`."""
    on_failure: Literal["stop", "undo"] = "stop"
    """Whether the steps that were done are taken back, the last first, where one fails."""
    steps: tuple[Step, ...]
    """What is done, one after another."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Runbook":
        for name in BUILT_IN:
            if name in self.parameters:
                raise ValueError(f"parameters.{name}: every runbook has this parameter; take another name")
        if not self.steps:
            raise ValueError("steps: a runbook needs at least one step")
        names = [step.name for step in self.steps]
        for index, step in enumerate(self.steps):
            if step.name in names[:index]:
                raise ValueError(f"steps.{index}.name: {step.name!r} is here a second time")
            unknown = sorted(used(step) - set(self.parameters) - set(BUILT_IN))
            if unknown:
                raise ValueError(f"steps.{index}: ${{{unknown[0]}}} is no parameter of this runbook")
        return self

    @property
    def recorded(self) -> bool:
        """Whether an engine is in it that the tests did not run, but compared with recorded command lines."""
        return any(step.do.kind in RECORDED for step in self.steps)


def used(step: Step) -> set[str]:
    """The names of the parameters that a step mentions."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return ""

    filled(step.model_dump(), note)
    return found


def prepared(runbook: Runbook, said: Mapping[str, str], *, run: str, reason: str) -> Runbook:
    """The runbook with its parameters filled in, ready to be run.

    Raises:
        InvalidRequest: a parameter is missing, unknown, or not of its form.
    """
    unknown = sorted(set(said) - set(runbook.parameters))
    if unknown:
        there = ", ".join(runbook.parameters) or "none"
        raise InvalidRequest(f"{runbook.name} has no parameter {unknown[0]!r}; its parameters: {there}.")
    values = {"run": run, "reason": reason}
    for name, parameter in runbook.parameters.items():
        value = said.get(name, parameter.default)
        if value is None:
            raise InvalidRequest(f"{runbook.name} needs {name} ({parameter.about}); say it with {option(name)}.")
        if value.startswith("-") or (parameter.pattern and not re.fullmatch(parameter.pattern, value)):
            wanted = f" It must match {parameter.pattern}" if parameter.pattern else " It must not begin with a dash"
            raise InvalidRequest(f"{value!r} is no {name} ({parameter.about}).{wanted}.")
        values[name] = value
    for name, value in values.items():
        if PLACEHOLDER.search(value):  # the form of a text is looked at only where nothing is to be filled in any more
            raise InvalidRequest(f"{value!r} is no {name}: what is said is taken as it is, so leave ${{…}} out of it.")
    document = runbook.model_dump(mode="json", exclude={"parameters"})
    try:
        return Runbook.model_validate(filled(document, values.__getitem__))
    except ValidationError as error:
        raise InvalidRequest(f"{runbook.name} cannot be run so: {_first(error)}") from None


def option(name: str) -> str:
    """How a parameter is said on the command line."""
    return "--to" if name == "to" else f"--set {name}=…"


def unfilled(document: Any) -> bool:
    """Whether something in it is still to be filled in."""
    if isinstance(document, str):
        return bool(PLACEHOLDER.search(document))
    values: Iterable[Any] = document.values() if isinstance(document, Mapping) else document
    return isinstance(document, Mapping | list | tuple) and any(unfilled(value) for value in values)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg'].removeprefix('Value error, ')}."
