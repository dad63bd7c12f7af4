"""`segue validate`: look at a deployment that was brought back, or measure it while all is well."""

import json
from pathlib import Path

from segue.cli.asking import HERE, Server, Where
from segue.cli.plan import text
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import InvalidRequest, Unavailable
from segue.operations.report import Check, Report
from segue.operations.runbook.content import written
from segue.operations.runbook.hands import rest
from segue.operations.validating.baseline import LEAST, Baseline, baseline_of, compared, measured
from segue.operations.validating.validation import Validation

RUNS = 5
"""How often each text is spoken."""
MOST_RUNS = 50


def validate(
    *,
    baseline: Path | None = None,
    measure: Path | None = None,
    runs: int = RUNS,
    language: str | None = None,
    where: Where = HERE,
    ending: Ending = END,
) -> None:
    """Look at a deployment: its health, every provider, real speech both ways, and its speed against a baseline.

    Parameters
    ----------
    baseline
        What was measured while all was well, to compare with.
    measure
        Measure the speed now, and keep it in this file, to be compared with later.
    runs
        How often each of three texts is spoken; with more runs a smaller difference is seen.
    language
        The language that is spoken; that of the baseline, or else the server's default, when absent.
    """
    if not LEAST <= runs <= MOST_RUNS:
        raise InvalidRequest(f"--runs {runs}: speak each text {LEAST} to {MOST_RUNS} times.")
    clock = SystemClock()
    began_us = round(clock.wall() * 1e6)
    before = None if baseline is None else read_baseline(baseline)
    checks: tuple[Check, ...]
    with progress("Validation", quiet=ending.json_) as tell:
        looking = Validation(Server(where), clock, rest, tell)
        if measure is not None:
            found = looking.measured(language, runs=runs)
            keep(found, measure)
            checks = (measured(found, str(measure)), *([compared(before, found)] if before else []))
        else:
            checks = looking.checks(before, runs=runs, language=language)
    facts = {"baseline": str(baseline or ""), "kept": str(measure or ""), "runs": runs}
    report = Report("validate", Server(where).place, began_us, round(clock.wall() * 1e6), checks, facts)
    finish(report, where, ending)


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        InvalidRequest: it cannot be read, or holds none.
    """
    try:
        plain = json.loads(text(path))
    except ValueError:
        plain = None
    return baseline_of(plain, str(path))


def keep(baseline: Baseline, path: Path) -> None:
    """Write a baseline into a file.

    Raises:
        Unavailable: it cannot be written.
    """
    try:
        written(path, json.dumps(baseline.as_dict(), indent=2) + "\n")
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.") from error
