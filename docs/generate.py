"""Prints the reference pages from the code, so that they cannot lag behind it.

    python -m docs.generate            write the pages under docs/reference
    python -m docs.generate --check    say which ones are not as the code prints them, and exit with 1

A new page is a function that returns its text, and a line in `PAGES`.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from docs.printers.alerts import alerts_page
from docs.printers.audit import audit_page
from docs.printers.breakages import breakages_page
from docs.printers.codes import code_rows
from docs.printers.commands import command_page
from docs.printers.configuration import configuration_page
from docs.printers.console import console_page
from docs.printers.decisions import decisions_page
from docs.printers.degradation import degradation_page
from docs.printers.endpoints import http_page
from docs.printers.events import events_page
from docs.printers.faults import faults_page
from docs.printers.gates import gates_page
from docs.printers.markdown import table
from docs.printers.plans import plans_page
from docs.printers.runbooks import runbooks_page
from segue import errors
from segue.errors import FailureCategory, SegueError
from segue.measures import MEASURES, Measure, Unit
from segue.records import Mark, Outcome
from segue.telemetry.metrics import MANY, ROUTES
from segue.telemetry.readings import READINGS, Reading

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Printed from the code by `make docs`; change the code, not this page. -->"


def error_page() -> str:
    """Every error, with what a client can rely on: its status, its code, and whether trying again can help."""
    tree = (errors.__doc__ or "").split("\n\n")[1]
    rows = [
        [
            f"`{kind.code}`",
            str(kind.status),
            "yes" if kind.retryable else "no",
            f"`{kind.__name__}`",
            (kind.__doc__ or "").splitlines()[0],
        ]
        for kind in sorted(_family(SegueError), key=lambda kind: (kind.status, kind.code, kind.__name__))
        if kind.__module__ == errors.__name__
    ]
    return "\n\n".join(
        [
            "# Errors",
            NOTE,
            "On `/api` an error is answered as `application/problem+json` with its code in `code`; on `/v1` as the "
            "error object that OpenAI's clients know. Inside a stream it comes as an `error` event with `code`, "
            "`message` and `retryable`. A program should look at the code: it stays, while messages may change.",
            table(["code", "status", "retry", "class", "what it says"], rows),
            "## Codes of some paths",
            "Only where the [page of the API](http-api.md) says so:",
            table(["code", "status", "retry", "what it says"], code_rows()),
            "## The family",
            f"```text\n{tree}\n```",
            "## How a provider failed",
            "The category of a provider's failure is the same word in records, metrics and events:",
            f"{_words(FailureCategory)}.",
        ]
    )


def measure_page() -> str:
    """Every measure and reading, as Prometheus sees them."""
    return "\n\n".join(
        [
            "# Measures",
            NOTE,
            "Served at `/metrics`, as Prometheus text or, where the client accepts it, as OpenMetrics. Inside Segue "
            "times are milliseconds; Prometheus sees seconds.",
            "Only turns that completed or failed appear in the times of a turn, and only if both of its moments came; "
            "`turn` takes completed ones only. A turn that its listener cut short or left tells how patient the "
            "listener was, not how fast the reply: it counts in `turns` by its outcome. Underflow counts for every "
            "turn. What a listener's device reports counts only if it was accepted.",
            f"Label values are bounded: an unknown language or profile becomes `other`, and so does every variant or "
            f"provider after the first {MANY} and every route after the first {ROUTES}. What is absent is `none`.",
            "## Counted and timed",
            table(["metric", "what it is", "better", "labels", "thresholds", "edges"], map(_measure_row, MEASURES)),
            "Each threshold is an edge, so that “how many were slower” has an exact answer. From 0.5 s on, edges are "
            "at most a factor of √1.2 apart: a quantile read by interpolation errs by less than 10 %.",
            "## Read when asked",
            table(["metric", "what it is", "labels"], [*map(_reading_row, READINGS), *OTHERS]),
            "The usual `process_*` figures (memory, processor time, open files) are there as well.",
            "## The moments of a turn",
            f"In the order in which a healthy turn passes them: {_words(Mark)}.",
            f"A turn ends as one of {_words(Outcome)}.",
        ]
    )


OTHERS = (
    ("`segue_build_info`", "Which Segue this is; always 1.", "`version`, `python`"),
    ("`segue_http_requests_total`", "Requests, by how they were answered.", "`method`, `route`, `status`"),
)


def _measure_row(measure: Measure) -> Sequence[str]:
    edges = [_shown(edge, measure) for edge in measure.buckets]
    return (
        f"`{measure.metric}`",
        measure.meaning,
        measure.better.value,
        _words(measure.labels),
        ", ".join(_shown(edge, measure) for edge in measure.thresholds) or "–",
        f"{len(edges)} from {edges[0]} to {edges[-1]}" if edges else "–",
    )


def _reading_row(reading: Reading) -> Sequence[str]:
    return f"`{reading.metric}`", reading.meaning, _words([reading.label] if reading.label else [])


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/explanation/console-measured.md": lambda: console_page(NOTE),
    "docs/explanation/degradation.md": lambda: degradation_page(NOTE),
    "docs/explanation/gates-measured.md": lambda: gates_page(NOTE),
    "docs/reference/alerts.md": lambda: alerts_page(NOTE),
    "docs/reference/audit.md": lambda: audit_page(NOTE),
    "docs/reference/breakages.md": lambda: breakages_page(NOTE),
    "docs/reference/cli.md": lambda: command_page(NOTE),
    "docs/reference/configuration.md": lambda: configuration_page(NOTE),
    "docs/reference/decisions.md": lambda: decisions_page(NOTE),
    "docs/reference/errors.md": error_page,
    "docs/reference/events.md": lambda: events_page(NOTE),
    "docs/reference/faults.md": lambda: faults_page(NOTE),
    "docs/reference/http-api.md": lambda: http_page(NOTE),
    "docs/reference/measures.md": measure_page,
    "docs/reference/plans.md": lambda: plans_page(NOTE),
    "docs/reference/runbooks.md": lambda: runbooks_page(NOTE),
}


def pages() -> dict[str, str]:
    """Every reference page: its path in the project, and its text."""
    return {path: page().strip() + "\n" for path, page in PAGES.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them; the exit code."""
    parser = argparse.ArgumentParser(prog="docs.generate", description="Print the reference pages from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page lags behind")
    check = parser.parse_args(arguments).check
    behind = []
    for path, text in pages().items():
        page = ROOT / path
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        behind.append(path)
        if not check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
    for path in behind:
        sys.stdout.write(f"{path} {'lags behind: run make docs' if check else 'written'}\n")
    return int(check and bool(behind))


def _family(kind: type[SegueError]) -> list[type[SegueError]]:
    return [kind, *(member for child in kind.__subclasses__() for member in _family(child))]


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "–"


def _shown(edge: float, measure: Measure) -> str:
    return f"{edge / 1000:.4g} s" if measure.unit is Unit.MILLISECONDS else f"{edge:g}"


if __name__ == "__main__":
    sys.exit(main())
