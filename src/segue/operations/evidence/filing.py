"""Files of evidence: each is written whole or not at all, never changed, and never removed by Segue.

`evidence/` has those that are in the audit, `evidence/pending/` those that wait for a server to enter them.
"""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from segue.console.audit import canonical
from segue.errors import Unavailable
from segue.operations.evidence.envelope import Envelope
from segue.operations.report import Report

FOLDER = "evidence"
"""In the data folder."""
PENDING = "pending"
"""In the folder of evidence."""


def name_of(report: Report) -> str:
    """What the file of a report is called: when it ended, its command, and how it came out."""
    at = datetime.fromtimestamp(report.ended_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{at}-{report.command.replace(' ', '-')}-{report.outcome.value}.json"


class Filing:
    """A folder of evidence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, name: str, envelope: Envelope, *, pending: bool = False) -> Path:
        """Write a file of evidence, durably; where it is. One of the same name stays as it is, and this one is refused.

        Raises:
            Unavailable: it cannot be written, or is there already.
        """
        folder = self.folder / PENDING if pending else self.folder
        path = folder / name
        try:
            _write(path, canonical(envelope.as_dict()) + b"\n")
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}.") from error
        return path

    def files(self) -> Sequence[Path]:
        """Every file of evidence, the oldest first; those that wait are among them."""
        found = [*self.folder.glob("*.json"), *(self.folder / PENDING).glob("*.json")]
        return sorted(found, key=lambda path: path.name)

    def pending(self) -> Sequence[Path]:
        """Those that wait, the oldest first."""
        return sorted((self.folder / PENDING).glob("*.json"))

    def text(self, file: Path) -> str:
        """What a file holds.

        Raises:
            OSError: it cannot be read.
        """
        return file.read_bytes().decode("utf-8", "replace")

    def settle(self, file: Path, envelope: Envelope) -> None:
        """Put evidence that waited among the others, with its entry; only then it waits no longer.

        Raises:
            OSError: that cannot be done.
        """
        with suppress(FileExistsError):  # a crash came between the two steps
            _write(self.folder / file.name, canonical(envelope.as_dict()) + b"\n")
        file.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Write beside, flush, and put in place under a name that must be free; folders are made for their user alone."""
    for folder in reversed([each for each in path.parents if not each.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    opened = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
