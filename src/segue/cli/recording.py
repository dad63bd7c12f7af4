"""Puts what an operation found on record: an entry in the audit of the server, and a signed file beside.

Where no server answers the file is kept unsigned, and says so.
"""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

from segue.cli.asking import Server, Where
from segue.console.audit import canonical
from segue.errors import SegueError, Unavailable
from segue.operations.envelope import REPORT_TYPE, Envelope
from segue.operations.report import Report

PATH = "/api/operations"
FOLDER = "evidence"


def recorded(report: Report, where: Where, folder: Path | None) -> Path:
    """Put a report on record; the file of evidence.

    Raises:
        Unavailable: the file cannot be written.
    """
    payload = canonical(report.as_dict())
    body = {
        "command": report.command,
        "outcome": report.outcome.value,
        "payload": base64.b64encode(payload).decode("ascii"),
    }
    try:
        told = Server(where).post(PATH, body)
        envelope = Envelope(payload, REPORT_TYPE, {told["key"]: told["signature"]}, told["audit"])
    except SegueError as error:
        envelope = Envelope(payload, REPORT_TYPE, {}, {"missing": error.message})
    return _kept(envelope, report, folder or where.folder / FOLDER)


def _kept(envelope: Envelope, report: Report, folder: Path) -> Path:
    at = datetime.fromtimestamp(report.ended_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{at}-{report.command.replace(' ', '-')}-{report.outcome.value}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(canonical(envelope.as_dict()) + b"\n")
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}.") from error
    return path
