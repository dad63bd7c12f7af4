"""A rollout decided again from what was kept of it: the same looks, blocks and commands give the same decisions. Pure.

`segue rollout export` writes what is read here: one JSON object a line, with its `kind`, and its value under that word.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from pydantic import TypeAdapter, ValidationError

from segue.delivery.course import Course
from segue.delivery.evidence import Block, Look
from segue.delivery.rollout import Command, Decision, Phase, Rollout, Verb
from segue.delivery.step import begin
from segue.errors import InvalidRequest
from segue.routing import RoutingTable

KINDS: dict[str, TypeAdapter[Any]] = {
    "rollout": TypeAdapter(Rollout),
    "decision": TypeAdapter(Decision),
    "look": TypeAdapter(Look),
    "block": TypeAdapter(Block),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A look that changed something: the version that it led to, the blocks it closed, and what was commanded."""

    version: int
    look: Look
    blocks: tuple[Block, ...] = ()
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is kept of an attempt."""

    rollout: Rollout
    """As it stood when it was exported."""
    beginning: Command
    decisions: tuple[Decision, ...]
    moments: tuple[Moment, ...]


def read_export(lines: Iterable[str]) -> Export:
    """What an export holds.

    Raises:
        InvalidRequest: it is none, or a part of it is missing; the message names the line.
    """
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    versions: list[int] = []
    for number, line in enumerate(lines, start=1):
        try:
            plain = json.loads(line)
            kind = plain["kind"]
            if kind in KINDS:
                found[kind].append(KINDS[kind].validate_python(plain[kind]))
            if kind == "look":
                versions.append(int(plain["version"]))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            why = str(error).splitlines()[0]
            raise InvalidRequest(f"Line {number} is not of `segue rollout export` ({why}).") from error
    if len(found["rollout"]) != 1 or not found["decision"]:
        raise InvalidRequest("This is not what `segue rollout export` writes: it has no rollout, or no decisions.")
    decisions = tuple(found["decision"])
    beginning = _command(decisions[0])
    if beginning is None:
        raise InvalidRequest("The first decision does not say what was commanded, so it cannot be repeated.")
    moments = tuple(_moments(versions, found["look"], found["block"], decisions))
    return Export(found["rollout"][0], beginning, decisions, moments)


def replay(export: Export) -> Course:
    """Decide a rollout again, from its beginning.

    Raises:
        InvalidRequest: a look is missing, so that what follows cannot be the same.
    """
    course = begun(export)
    for moment in export.moments:
        if moment.version != course.rollout.version + 1:
            raise InvalidRequest(
                f"The look that led from version {course.rollout.version} to {course.rollout.version + 1} is missing."
            )
        course.look(moment.look, moment.blocks, moment.command)
    return course


def begun(export: Export) -> Course:
    """The attempt at its beginning, under the terms that were settled then."""
    last, first = export.rollout, export.decisions[0]
    table = RoutingTable(1, last.before)
    # An attempt before this one was over, or this one could not have begun.
    earlier = replace(last, attempt=last.attempt - 1, phase=Phase.ROLLED_BACK, ended_at=None, rollbacks=0, answers=())
    change = begin(
        last.plan,
        table,
        now=first.at,
        command=export.beginning,
        attempt=last.attempt,
        terms=last.terms,
        memory_bytes=last.memory_bytes,
        before=earlier if last.attempt > 1 else None,
    )
    course = Course(change.rollout, table)
    course.take(change)
    return course


def _moments(
    versions: list[int], looks: list[Look], blocks: list[Block], decisions: tuple[Decision, ...]
) -> Iterator[Moment]:
    """The looks in order, each with the blocks that it closed and the command that was given at it.

    Blocks come in the order of their closing, so a clock that was set back and shows a time again confuses nothing.
    """
    closed = deque((at, tuple(those)) for at, those in groupby(blocks, key=lambda block: block.closed_at))
    by_version = {decision.token: decision for decision in decisions}
    for version, look in sorted(zip(versions, looks, strict=True), key=lambda each: each[0]):
        decision = by_version.get(version)
        command = _command(decision) if decision is not None and version > 1 else None
        yield Moment(version, look, closed.popleft()[1] if closed and closed[0][0] == look.at else (), command)


def _command(decision: Decision) -> Command | None:
    """The command that a decision answered; None where it answered none."""
    told = decision.numbers.get("command")
    if told is None:
        return None
    return Command(
        Verb(told["verb"]),
        decision.actor,
        told["reason"],
        decision.command,
        force=told["force"],
        full=told["full"],
        stage=told["stage"],
    )
