"""`segue incident report`: what is on record of an incident, gathered from a running server and written down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segue.cli.asking import HERE, Server, Where
from segue.cli.reporting import END, Ending, finish, progress
from segue.clock import SystemClock
from segue.errors import SegueError, Unavailable
from segue.operations import document, postmortem
from segue.operations.postmortem import Record
from segue.operations.report import Check, Level, Report

PATH = "/api/incidents"
PAGE, MOST_TURNS, MOST_ENTRIES = 500, 50_000, 5_000
"""Items of a page; the most that a report reads."""


def report(
    incident: str, *, out: Path | None = None, html: Path | None = None, where: Where = HERE, ending: Ending = END
) -> None:
    """Write the report of an incident, filled from records, decisions and the audit.

    Parameters
    ----------
    incident
        Its id.
    out
        Markdown file to write; `INC-….md` when neither is named.
    html
        HTML file to write.
    """
    clock = SystemClock()
    began_us = round(clock.wall() * 1e6)
    server = Server(where)
    told = server.get(f"{PATH}/{incident}")
    with progress("Reading what is on record", quiet=ending.json_):
        record = _record(server, told, clock.wall())
    title, blocks = postmortem.report(record, clock.wall())
    files = {out or (None if html else Path(f"{incident}.md")): document.markdown, html: document.page}
    texts = {path: write(title, blocks) for path, write in files.items() if path is not None}
    checks = [_written(path, text) for path, text in texts.items()]
    left = next(iter(texts.values())).count("To be filled in by")
    level = Level.WARN if left or record.missing else Level.PASS
    reason = (
        f"Places that are left to be filled in: {left}; kinds of records that could not be read: {len(record.missing)}."
    )
    checks.append(Check("incident.whole", level, reason, {"left": left}, hint="Fill them in by hand." if left else ""))
    facts = {"incident": incident, "turns": record.turns.count, "bad": record.turns.bad}
    finish(
        Report("incident report", incident, began_us, round(clock.wall() * 1e6), tuple(checks), facts), where, ending
    )


def _record(server: Server, incident: dict[str, Any], now: float) -> Record:
    """What is on record of the time of an incident; what cannot be read is said, not left out."""
    since, until = postmortem.span(incident, now)
    missing: list[str] = []

    def read(what: str, path: str, most: int, **query: Any) -> list[dict[str, Any]]:
        try:
            return list(items_of(server, path, most, since=None if what == "turns" else since, **query))
        except SegueError as error:
            missing.append(f"{what}: {error.message}")
            return []

    turns, whole = _turns(server, since, missing)
    until_entries = max(until, float(incident["closed_at"] or until))
    entries = read("audit", "/api/audit", MOST_ENTRIES, until=until_entries)
    operations = [each for each in _single(server, "/api/operations", missing) if each["at"] >= since]
    decisions: list[dict[str, Any]] = []
    for name in incident["rollouts"]:
        found = _single(server, f"/api/rollouts/{name}/decisions?limit={PAGE}", missing)
        decisions += [each for each in found if since <= each["at"] <= until]
    counted = postmortem.counted(turns, since, until, whole=whole)
    return Record(incident, counted, decisions, entries, operations, missing)


def _turns(server: Server, since: float, missing: list[str]) -> tuple[list[dict[str, Any]], bool]:
    """The turns since a moment, the newest first, and whether these are all."""
    found: list[dict[str, Any]] = []
    try:
        for each in items_of(server, "/api/turns", MOST_TURNS):
            if each["at"] < since:
                return found, True
            found.append(each)
    except SegueError as error:
        missing.append(f"turns: {error.message}")
    return found, len(found) < MOST_TURNS


def _single(server: Server, path: str, missing: list[str]) -> list[dict[str, Any]]:
    try:
        return list(server.get(path)["items"])
    except SegueError as error:
        missing.append(f"{path.partition('?')[0]}: {error.message}")
        return []


def items_of(server: Server, path: str, limit: int, **wanted: Any) -> Iterator[dict[str, Any]]:
    """The items of a list, page by page, `limit` at most."""
    cursor: str | None = None
    while limit > 0:
        answer = server.get(path, **wanted, limit=min(limit, PAGE), cursor=cursor)
        yield from answer["items"]
        limit -= len(answer["items"])
        cursor = answer["next"]
        if cursor is None:
            return


def _written(path: Path, text: str) -> Check:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.") from error
    return Check(f"incident.{path.suffix.lstrip('.') or 'file'}", Level.PASS, f"{path}: {len(text):,} characters.")
