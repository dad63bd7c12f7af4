"""A folder of backups, and the files in them: hashed as they are read, and synced as they are written."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from segue.console.audit import canonical
from segue.errors import InvalidRequest, NotFound
from segue.operations.copying import manifest as rules
from segue.operations.copying.manifest import MANIFEST, NAME, Manifest, Mark
from segue.operations.evidence.envelope import Envelope, from_text

PARTIAL = ".partial-"
"""Begins the name of what is no backup yet."""
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of backups."""

    folder: Path

    def ready(self, partial: Path) -> None:
        """Make the folder of a backup that is begun, and take away what others have left that were cut short."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.folder.glob(f"{PARTIAL}*"):
            shutil.rmtree(left)
        partial.mkdir(mode=0o700)

    def names(self) -> list[str]:
        """The names of the backups here, the newest first."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(
            (path.name for path in found if NAME.fullmatch(path.name) and (path / MANIFEST).is_file()), reverse=True
        )

    def backups(self) -> Iterator[Manifest]:
        """What the backups here say of themselves, the newest first; nothing is verified."""
        for name in self.names():
            try:
                yield opened(self.folder / name)[0]
            except InvalidRequest:
                continue

    def newest(self) -> tuple[Path, Manifest | None]:
        """The newest backup here, and where it lies."""
        found = next(self.backups(), None)
        return (self.folder / found.name, found) if found is not None else (self.folder, None)

    def beyond(self, keep: int | None, made: str) -> list[str]:
        """The backups that go where so many stay, the newest first; never the one just made, however clocks stand."""
        return [name for name in self.names() if name != made][keep - 1 :] if keep is not None else []

    def remove(self, names: Iterable[str]) -> str:
        """Remove backups; why one could not be, at which it ends. What is cut short on the way is no backup more."""
        for name in names:
            try:
                shutil.rmtree((self.folder / name).rename(self.folder / f"{PARTIAL}{name}"))
            except OSError as error:
                return f"The old backup {name} cannot be removed: {error.strerror}."
        return ""

    def find(self, name: str) -> tuple[Path, Manifest]:
        """A backup by its name.

        Raises:
            NotFound: there is none of this name.
        """
        if NAME.fullmatch(name) and (self.folder / name / MANIFEST).is_file():
            return self.folder / name, opened(self.folder / name)[0]
        raise NotFound(f"There is no backup {name!r:.60}; `segue backup list` shows them all.", code="unknown_backup")


def opened(folder: Path) -> tuple[Manifest, Envelope]:
    """The manifest of a backup, and the envelope that it is signed in; neither is verified.

    Raises:
        InvalidRequest: the folder is no backup, or none that is whole.
    """
    try:
        envelope = from_text((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidRequest(f"{folder} is no backup: there is no {MANIFEST} in it; was it cut short?") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{folder / MANIFEST} cannot be read: {error}.") from error
    found = rules.from_dict(plain(envelope)) if envelope is not None else None
    if envelope is None or found is None:
        raise InvalidRequest(f"{folder / MANIFEST} is not the manifest of a backup; was it changed?")
    return found, envelope


def plain(envelope: Envelope) -> object:
    """What is in an envelope, if it is JSON in canonical form; None if not."""
    try:
        found = json.loads(envelope.payload)
    except ValueError:
        return None
    return found if isinstance(found, dict) and canonical(found) == envelope.payload else None


def marks(folder: Path) -> dict[str, Mark]:
    """Every file in a backup but its manifest, read to its end."""
    return {
        path.relative_to(folder).as_posix(): marked(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def marked(path: Path, copy_to: Path | None = None, *, sync: bool = False) -> Mark:
    """The hash and the size of a file; with `copy_to` of the copy that is made meanwhile, for its owner only."""
    found, size = hashlib.sha256(), 0
    if copy_to is not None:
        copy_to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            path.open("rb") as file,
            os.fdopen(os.open(copy_to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to,
        ):
            while chunk := file.read(CHUNK):
                found.update(chunk)
                size += to.write(chunk)
            to.flush()
            os.fsync(to.fileno())
        return Mark(found.hexdigest(), size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
            size += len(chunk)
        if sync:
            os.fsync(file.fileno())
    return Mark(found.hexdigest(), size)


def written(path: Path, content: bytes) -> Mark:
    """Write a file for its owner only, and sync it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Mark(hashlib.sha256(content).hexdigest(), len(content))


def synced(folder: Path) -> None:
    """Make names as durable as what they name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
