"""`segue evidence`: what commands found, as signed files; and whether anybody changed one since."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from segue.cli.asking import HERE, Server, Where
from segue.cli.commanding import printed
from segue.cli.reporting import END, Ending, finish, progress, show
from segue.clock import SystemClock
from segue.console.operations import ACTION
from segue.errors import InvalidRequest, SegueError
from segue.operations.evidence.envelope import Envelope, from_text
from segue.operations.evidence.filing import FOLDER, PENDING, Filing
from segue.operations.evidence.recorded import report_of
from segue.operations.evidence.vouching import Entered, judged
from segue.operations.report import Check, Report
from segue.wiring.evidence import trust

app = App(name="evidence", help="What commands found, as signed files; and whether anybody changed one since.")

Files = Annotated[list[Path] | None, Parameter(consume_multiple=True)]
PAGE = 500
UNBROKEN = 1000
"""Columns of a table in which no file is broken, so that its name can be copied."""


@app.command(name="list")
def list_(*, where: Where = HERE, json_: bool = False) -> None:
    """Every file of evidence in the data folder, the oldest first. Segue never removes one.

    Parameters
    ----------
    json_
        Print them as JSON, one a line.
    """
    items = [_told(file) for file in Filing(where.folder / FOLDER).files()]
    if json_:
        for item in items:
            print(json.dumps(item, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("ENDED (UTC)", "COMMAND", "OUTCOME", "ENTRY", "FILE"):
        table.add_column(heading, no_wrap=True)
    for item in items:
        entry = "waits" if item["waits"] else str(item["entry"] or "–")
        ended = item["ended"].removesuffix("+00:00")
        table.add_row(ended, item["command"], item["outcome"], entry, item["file"])
    Console(highlight=False, soft_wrap=True, width=UNBROKEN).print(table)


@app.command(name="show")
def show_(file: Path, /, *, json_: bool = False) -> None:
    """The report in a file of evidence, as the command told it. Nothing is verified.

    Parameters
    ----------
    file
        The file.
    json_
        Print the report as JSON.
    """
    envelope = _envelope(file)
    if envelope is None:
        raise InvalidRequest(f"{file} is no evidence: there is no envelope in it.")
    report = report_of(envelope.payload)
    if json_:
        printed(report.as_dict())
    else:
        show(report)


@app.command
def verify(*files: Path, key: Files = None, where: Where = HERE, ending: Ending = END) -> None:
    """Whether files of evidence are what was put on record: by their signatures, and by the audit of a running server.

    Exit code 0: they are. 1: one is not, or is signed by nobody who is trusted. 2: one is in no audit yet. 3: there is
    none.

    Parameters
    ----------
    files
        The files; all of the data folder when absent.
    key
        Files of the only public keys that are trusted, instead of those in `audit-keys` of the data folder.
    """
    began_us = round(SystemClock().wall() * 1e6)
    trusted = trust(where.folder, key or ())
    wanted = files or tuple(Filing(where.folder / FOLDER).files())
    audit, checks = _Audit(Server(where)), list[Check]()
    with progress("Verifying evidence", len(wanted), quiet=ending.json_) as tell:
        for number, file in enumerate(wanted, 1):
            envelope = _envelope(file)
            entered = audit.entered(envelope) if envelope is not None else Entered()
            checks += judged(file.stem, envelope, trusted, entered)
            tell(number, len(wanted), file.name)
    place = str(files[0].parent) if files else str(where.folder / FOLDER)
    ended_us = round(SystemClock().wall() * 1e6)
    finish(Report("evidence verify", place, began_us, ended_us, tuple(checks), {"files": len(wanted)}), where, ending)


class _Audit:
    """The entries of a running server's audit, as far as they were asked for."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._why_not = ""

    def entered(self, envelope: Envelope) -> Entered:
        """The entry that evidence names."""
        seq = envelope.audit.get("seq")
        if not isinstance(seq, int) or self._why_not:
            return Entered(why_not=self._why_not)
        try:
            item = self._entry(seq)
            if item is not None:
                return Entered(item)
            first = self._server.get("/api/audit/verification")["from_seq"]
        except SegueError as error:
            self._why_not = error.message
            return Entered(why_not=error.message)
        return Entered(pruned=first is not None and seq < first)

    def _entry(self, seq: int) -> dict[str, Any] | None:
        cursor: str | None = None
        while True:
            page = self._server.get("/api/audit", action=ACTION, limit=PAGE, cursor=cursor)
            for item in page["items"]:
                if item["seq"] <= seq:
                    return item if item["seq"] == seq else None
            if (cursor := page["next"]) is None:
                return None


def _envelope(file: Path) -> Envelope | None:
    try:
        return from_text(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error


def _told(file: Path) -> dict[str, Any]:
    """A line about a file; what is no evidence is told as such."""
    envelope, item = _envelope(file), {"file": str(file), "waits": file.parent.name == PENDING}
    try:
        report = report_of(envelope.payload) if envelope is not None else None
    except InvalidRequest:
        report = None
    if envelope is None or report is None:
        return item | {"ended": "", "command": "no evidence", "outcome": "", "entry": None}
    ended = datetime.fromtimestamp(report.ended_us / 1e6, UTC).isoformat(" ", "seconds")
    entry = envelope.audit.get("seq")
    return item | {"ended": ended, "command": report.command, "outcome": report.outcome.value, "entry": entry}
