"""Puts what an operation found on record: an entry in the audit of the server, and a signed file beside.

Where no server of this machine answers, the file is signed by the data folder's own key, and waits there until the next
start of the server enters it. Where one elsewhere does not, it is kept unsigned, and says so.
"""

import base64
from pathlib import Path

from segue.cli.asking import Server, Where
from segue.console.audit import canonical
from segue.errors import SegueError
from segue.operations.evidence.envelope import REPORT_TYPE, Envelope, sealed
from segue.operations.evidence.filing import FOLDER, Filing, name_of
from segue.operations.report import Report
from segue.wiring.evidence import signer

PATH = "/api/operations"


def recorded(report: Report, where: Where, folder: Path | None) -> Path:
    """Put a report on record; the file of evidence.

    Raises:
        Unavailable: the file cannot be written.
    """
    payload, name = canonical(report.as_dict()), name_of(report)
    body = {
        "command": report.command,
        "outcome": report.outcome.value,
        "payload": base64.b64encode(payload).decode("ascii"),
    }
    own = Filing(where.folder / FOLDER)
    files = Filing(folder) if folder is not None else own
    server = Server(where)
    try:
        told = server.post(PATH, body)
        signed = Envelope(payload, REPORT_TYPE, {str(told["key"]): str(told["signature"])}, dict(told["audit"]))
    except (SegueError, KeyError, TypeError, ValueError) as error:
        why = error.message if isinstance(error, SegueError) else f"{server.place} does not answer as a Segue does."
        missing = {"missing": why}
        if where.url is not None:
            return files.keep(name, Envelope(payload, REPORT_TYPE, {}, missing))
        envelope = sealed(payload, REPORT_TYPE, signer(where.folder), missing)
        waits = own.keep(name, envelope, pending=True)
        return waits if folder is None else files.keep(name, envelope)
    return files.keep(name, signed)
