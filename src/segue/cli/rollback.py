"""`segue rollback`: bring a deployment back to where it was, by a runbook."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.cli.runbook import courses, found, read, shelf
from segue.cli.validate import RUNS, keep, read_baseline
from segue.clock import SystemClock
from segue.console.audit import digest
from segue.errors import InvalidRequest, SegueError
from segue.operations.report import Check, Level, Report
from segue.operations.rollback import rehearsed, stands
from segue.operations.runbook.book import Depth, Runbook, prepared
from segue.operations.runbook.content import written
from segue.operations.runbook.engine import Engine
from segue.operations.runbook.hands import Doers, rest
from segue.operations.runbook.journal import Course, Word
from segue.operations.runbook.keeping import Journal
from segue.operations.runbook.telling import told
from segue.operations.runbook.verdict import DEFAULTS, estimated_s, judged
from segue.operations.validating.after import LASTS_H, after_rules
from segue.operations.validating.validation import Validation


class Then(StrEnum):
    """What is to become of a run of which nobody could tell how a step stands."""

    GO_ON = "go_on"
    DONE = "done"
    REPEAT = "repeat"
    UNDO = "undo"
    ABANDON = "abandon"


@Parameter(name="*")
@dataclass(frozen=True)
class Wanted:
    """Which runbook is to be run, and how."""

    level: Depth | None = None
    """How deep it goes: configuration, code or system."""
    to: str | None = None
    """Where to: the version, commit, folder, environment or image that was good."""
    runbook: str | None = None
    """Name or file of the runbook; that of the level when absent."""
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)] = None
    """Other parameters of the runbook, as name=value."""
    reason: str = ""
    """Why, for those who read the audit later."""


NOTHING = Wanted()


@Parameter(name="*")
@dataclass(frozen=True)
class Manner:
    """How a run goes on, and what follows it."""

    dry_run: bool = False
    """Say what would be done and verified, with the exact command lines; nothing is changed."""
    resume: str | None = None
    """Go on with a run that was interrupted, or that stopped."""
    then: Then = Then.GO_ON
    """What becomes of it: go-on, or after somebody has looked, done, repeat, undo or abandon."""
    baseline: Path | None = None
    """What was measured while all was well; the speed is measured before anything is changed when absent."""
    validate: bool = True
    """Look afterwards whether all is well: health, every provider, real speech both ways, speed."""
    runs: int = RUNS
    """How often each text of the measurement is spoken."""


PLAIN = Manner()


def rollback(*, wanted: Wanted = NOTHING, manner: Manner = PLAIN, where: Where = HERE, ending: Ending = END) -> None:
    """Bring a deployment back to where it was, by a runbook.

    Every step is written down before and after, so that an interrupted run goes on at the right place.
    """
    if manner.then is not Then.GO_ON and manner.resume is None:
        raise InvalidRequest(f"--then {manner.then.value} says what becomes of a run; name it with --resume.")
    if manner.resume is not None:
        _resumed(manner.resume, manner, where, ending)
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    run = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}"
    reason = wanted.reason.strip() or f"rollback {run}"
    runbook = prepared(_chosen(wanted), _said(wanted), run=run, reason=reason)
    if manner.dry_run:
        _rehearsed(runbook, run, where, ending)
    with shelf(where).alone() as lock:
        journal = shelf(where).new(run)
        began_us = round(SystemClock().wall() * 1e6)
        first: dict[str, Any] = {"runbook": runbook.model_dump(mode="json"), "reason": reason, "to": wanted.to or ""}
        journal.write(Word.RUN, **first, place=Server(where).place, stood=stands(Server(where)))
        _measured(journal, manner, where, ending)
        report = _run(runbook, journal, lock, manner, where, ending, began_us)
    finish(report, where, ending)


def _resumed(run: str, manner: Manner, where: Where, ending: Ending) -> NoReturn:
    with shelf(where).alone() as lock:
        journal = shelf(where).journal(run)
        journal.mend()
        first = journal.read()[0]
        runbook = Runbook.model_validate(first.values["runbook"])
        report = _run(runbook, journal, lock, manner, where, ending, round(SystemClock().wall() * 1e6))
    finish(report, where, ending)


def _run(
    runbook: Runbook, journal: Journal, lock: int, manner: Manner, where: Where, ending: Ending, began_us: int
) -> Report:
    """Run a runbook from where its journal is; the report of it."""
    clock, server = SystemClock(), Server(where)
    first = journal.read()[0].values
    with progress("Rollback", total=len(runbook.steps), quiet=ending.json_) as tell:
        engine = Engine(runbook, journal, Doers(server, first["reason"], (lock,)), clock, tell)
        course = _goes_on(engine, journal, manner.then)
    checks = judged(runbook, course, journal.run)
    facts = _facts(runbook, journal.run, first) | {
        "journal": str(journal.path),
        "before": first["stood"],
        "after": stands(server),
        "took_s": round(sum(course.took_ms.values()) / 1000.0, 3),
    }
    if course.outcome == "done":
        checks += _validated(journal, manner, where, ending)
        facts["alerts"] = str(_guarded(journal))
    return _report(server.place, began_us, checks, facts)


def _measured(journal: Journal, manner: Manner, where: Where, ending: Ending) -> None:
    """Keep what is to be compared with afterwards: a file that was named, or how fast it speaks before the change."""
    path = journal.path.with_suffix(".baseline.json")
    if manner.baseline is not None:
        keep(read_baseline(manner.baseline), path)
    elif manner.validate:
        with progress("Speed before", quiet=ending.json_) as tell:
            try:
                keep(Validation(Server(where), SystemClock(), rest, tell).measured(runs=manner.runs), path)
            except SegueError as error:
                journal.write(Word.KEPT, "baseline", missing=error.message)
                return
    else:
        return
    journal.write(Word.KEPT, "baseline", file=str(path))


def _validated(journal: Journal, manner: Manner, where: Where, ending: Ending) -> tuple[Check, ...]:
    """Look whether all is well after a run."""
    if not manner.validate:
        why = "Nobody looked afterwards, as was asked."
        return (Check("validation", Level.NOT_MEASURED, why, hint="Look yourself: segue validate"),)
    path = journal.path.with_suffix(".baseline.json")
    before = read_baseline(path) if path.exists() else None
    with progress("Validation", quiet=ending.json_) as tell:
        return Validation(Server(where), SystemClock(), rest, tell).checks(before, runs=manner.runs)


def _guarded(journal: Journal) -> Path:
    """Write the tightened alerts of the hours after; their file."""
    path = journal.path.with_suffix(".rules.yaml")
    if not path.exists():
        written(path, after_rules(journal.run, round(SystemClock().wall()) + LASTS_H * 3600))
    return path


def _goes_on(engine: Engine, journal: Journal, then: Then) -> Course:
    if journal.course().outcome:
        return journal.course()
    if then is Then.ABANDON:
        journal.write(Word.END, outcome="abandoned")
        return journal.course()
    if then is Then.UNDO:
        return engine.take_back()
    if then is Then.DONE:
        engine.settle()
    return engine.run(again=then is Then.REPEAT)


def _rehearsed(runbook: Runbook, run: str, where: Where, ending: Ending) -> NoReturn:
    """Say what would be done, and end."""
    clock, server = SystemClock(), Server(where)
    began_us = round(clock.wall() * 1e6)
    if not ending.json_:
        for number, step in enumerate(runbook.steps, 1):
            print(f"{number}. {step.name}: {step.about}" if step.about else f"{number}. {step.name}")
            for line in told(step, run=run):
                print(f"   {line}")
    checks = rehearsed(runbook, Doers(server, run), run)
    usual_s = estimated_s(runbook, courses(where).get(runbook.name, ()))
    facts = _facts(runbook, run, {}) | {
        "dry_run": True,
        "usual_s": usual_s,
        "steps": {step.name: list(told(step, run=run)) for step in runbook.steps},
    }
    if not ending.json_:
        takes = (
            "not known, as it was not run here yet" if usual_s is None else f"about {usual_s:.1f} s, by earlier runs"
        )
        print(f"How long it takes: {takes}.")
    finish(_report(server.place, began_us, checks, facts), where, ending)


def _facts(runbook: Runbook, run: str, first: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run": run,
        "runbook": runbook.name,
        "level": runbook.level.value,
        "to": first.get("to", ""),
        "reason": first.get("reason", ""),
        "digest": digest(runbook.model_dump(mode="json")),
        "recorded": runbook.recorded,
    }


def _report(place: str, began_us: int, checks: tuple[Check, ...], facts: dict[str, Any]) -> Report:
    return Report("rollback", place, began_us, round(SystemClock().wall() * 1e6), checks, facts)


def _chosen(wanted: Wanted) -> Runbook:
    """The runbook that is meant.

    Raises:
        InvalidRequest: it is not clear which, or it goes deeper than was said.
    """
    if wanted.runbook is None and wanted.level is None:
        raise InvalidRequest("Say how deep: --level configuration, code or system; or name a runbook with --runbook.")
    name = wanted.runbook or DEFAULTS.get(wanted.level.value if wanted.level else "")
    if name is None:
        raise InvalidRequest(
            "Say on what the system runs with --runbook, such as system-compose; see segue runbook list."
        )
    runbook = read(found(name))
    if wanted.level is not None and runbook.level is not wanted.level:
        raise InvalidRequest(f"{runbook.name} is of the level {runbook.level.value}, not {wanted.level.value}.")
    return runbook


def _said(wanted: Wanted) -> dict[str, str]:
    """The parameters that were said."""
    said = {} if wanted.to is None else {"to": wanted.to}
    for pair in wanted.set_ or ():
        name, parted, value = pair.partition("=")
        if not parted:
            raise InvalidRequest(f"--set {pair}: write it as name=value.")
        said[name] = value
    return said
