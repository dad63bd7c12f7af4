"""Makes a backup: files of the data folder, then the database, then objects, then the manifest, and only then its name.

The order matters. Heads of the audit are copied before the database, so that none of them names an entry that the copy
has not; objects after it, so that what the copy speaks of is there. All of it goes into a folder that nobody takes for
a backup, which gets its name in one step when everything in it is on the disk.
"""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from segue import __version__
from segue.clock import Clock
from segue.console.audit import Entry, canonical, digest
from segue.console.heads import Signer, signed_head
from segue.errors import Unavailable
from segue.operations.copying.manifest import (
    BACKUP_TYPE,
    CONFIGURATION,
    DATA,
    DATABASES,
    KEYS,
    MANIFEST,
    OBJECTS,
    Manifest,
    Mark,
    named,
)
from segue.operations.copying.shelf import PARTIAL, Shelf, marked, synced, written
from segue.operations.evidence.envelope import sealed
from segue.voice.ports import AudioStore

T = TypeVar("T")

FILES, CACHE = "files", "cache"
"""Where voice files lie in the storage, and sentences that were kept."""
LEFT_OUT = ("segue.db", "segue.sock", "audio", "backups", "restored.json")
"""What of the data folder is not copied as a file; each stands for all names that begin so."""

Tell = Callable[[str, int, int], None]
"""Told what is being copied, how much of it is done, and how much there is."""


class Copied(Protocol):
    """What is known of a copy of a database."""

    @property
    def revision(self) -> str:
        """Of its tables."""

    @property
    def tables(self) -> Mapping[str, int]:
        """Rows by table."""

    @property
    def last(self) -> Entry | None:
        """The newest entry of the audit."""


class Source(Protocol):
    """The database that is to be copied."""

    @property
    def kind(self) -> str:
        """`sqlite` or `postgres`."""

    def copy(self, target: Path, tell: Callable[[int, int], None]) -> Copied:
        """Copy it to a file, as it is at one moment, while others write; what `tell` raises ends it.

        Raises:
            Unavailable: it cannot be read, or the copy not be written.
        """


class Stopped(Exception):
    """Whoever wanted the backup does not want it any more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a backup."""

    keys: bool = True
    """Also the secrets of the data folder."""
    cache: bool = False
    """Also sentences that are kept to be spoken again; without them a restored server only speaks them anew."""
    keep: int | None = None
    """So many backups stay, this one and the newest before it; all of them where nothing is said."""


class Maker:
    """Makes backups of one data folder. `configuration` is told without its secrets."""

    def __init__(
        self,
        source: Source,
        objects: AudioStore,
        data: Path,
        signer: Signer,
        clock: Clock,
        node: str,
        configuration: Mapping[str, Any],
    ) -> None:
        self._source = source
        self._objects = objects
        self._data = data
        self._signer = signer
        self._clock = clock
        self._node = node
        self._configuration = configuration

    def name(self) -> str:
        """The name of a backup that is begun now."""
        return named(round(self._clock.wall() * 1e6))

    async def make(self, shelf: Shelf, name: str, wanted: Wanted, tell: Tell) -> Manifest:
        """Make a backup on a shelf. What is cut short, or fails, leaves none, and those that are there alone.

        Raises:
            Unavailable: something cannot be read, or the backup not be written.
        """
        began_us = round(self._clock.wall() * 1e6)
        stop = threading.Event()

        def told(what: str, done: int, whole: int) -> None:
            if stop.is_set():
                raise Stopped
            tell(what, done, whole)

        async def apart(work: Callable[[], T]) -> T:
            """In a thread; whoever is cancelled waits until the thread has noticed."""
            running = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait({running})
                running.exception()
                raise

        folder = shelf.folder / f"{PARTIAL}{name}"
        try:
            await apart(lambda: shelf.ready(folder))
            files = await apart(lambda: self._files(folder, wanted, told))
            database = folder / DATABASES[self._source.kind]
            copied = await apart(lambda: self._database(database, told))
            files[DATABASES[self._source.kind]] = await apart(lambda: marked(database, sync=True))
            files |= await self._copy_objects(folder, shelf, wanted, apart, told)
            made = self._manifest(name, began_us, copied, wanted, files)
            await apart(lambda: self._finish(shelf, folder, made))
        except OSError as error:
            raise Unavailable(f"The backup cannot be written to {shelf.folder}: {error.strerror}.") from error
        finally:
            with suppress(OSError):
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return made

    def _database(self, target: Path, told: Tell) -> Copied:
        target.parent.mkdir(mode=0o700)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        told("database", 0, 1)
        return self._source.copy(target, lambda done, whole: told("database", done, whole))

    def _files(self, folder: Path, wanted: Wanted, told: Tell) -> dict[str, Mark]:
        plain = canonical(self._configuration)
        found = {CONFIGURATION: written(folder / CONFIGURATION, plain)}
        paths = list(kept_files(self._data, keys=wanted.keys))
        for number, path in enumerate(paths):
            told("files", number, len(paths))
            with suppress(FileNotFoundError):  # gone since it was listed
                place = f"{DATA}/{path.relative_to(self._data).as_posix()}"
                found[place] = marked(path, copy_to=folder / place)
        return found

    async def _copy_objects(
        self, folder: Path, shelf: Shelf, wanted: Wanted, apart: Callable[..., Any], told: Tell
    ) -> dict[str, Mark]:
        """Copy every object; one that the newest backup has, and is still what it was there, is not fetched again."""
        prefixes = [FILES, CACHE] if wanted.cache else [FILES]
        listed = [entry for prefix in prefixes for entry in [each async for each in self._objects.list(prefix)]]
        before, earlier = await apart(shelf.newest)
        found: dict[str, Mark] = {}
        for number, entry in enumerate(listed):
            told("objects", number, len(listed))
            place = f"{OBJECTS}/{entry.key}"
            known = earlier.files.get(place) if earlier is not None else None
            if known is not None and known.bytes == entry.size_bytes:
                mark = await apart(lambda: linked(before / place, folder / place, known))  # noqa: B023 - awaited
                if mark is not None:
                    found[place] = mark
                    continue
            content = await self._objects.get(entry.key)
            if content is not None:
                found[place] = await apart(lambda: written(folder / place, content))  # noqa: B023 - awaited
        return found

    def _manifest(self, name: str, began_us: int, copied: Copied, wanted: Wanted, files: dict[str, Mark]) -> Manifest:
        now_us = round(self._clock.wall() * 1e6)
        last = copied.last
        return Manifest(
            name=name,
            at_us=began_us,
            ended_us=now_us,
            segue=__version__,
            node=self._node,
            kind=self._source.kind,
            revision=copied.revision,
            tables=dict(copied.tables),
            head=signed_head(last, now_us, self._node, self._signer) if last is not None else None,
            configuration=digest(self._configuration),
            keys=wanted.keys,
            cache=wanted.cache,
            files=dict(sorted(files.items())),
        )

    def _finish(self, shelf: Shelf, folder: Path, made: Manifest) -> None:
        """The manifest last, and then the name."""
        for each in [path for path in folder.rglob("*") if path.is_dir()]:
            synced(each)
        written(folder / MANIFEST, canonical(sealed(canonical(made.as_dict()), BACKUP_TYPE, self._signer).as_dict()))
        synced(folder)
        folder.rename(shelf.folder / made.name)
        synced(shelf.folder)


def kept_files(data: Path, *, keys: bool) -> Iterable[Path]:
    """The files of a data folder that are copied as they are: keys, heads, evidence, and whatever else lies there."""
    for path in sorted(data.rglob("*")):
        parts = path.relative_to(data).parts
        left_out = parts[0].startswith(LEFT_OUT) or any(part.startswith(".") for part in parts)
        secret = len(parts) == 1 and parts[0] in KEYS
        if not left_out and not (secret and not keys) and path.is_file() and not path.is_symlink():
            yield path


def linked(source: Path, target: Path, mark: Mark) -> Mark | None:
    """Let a file be in two backups at once; None where it is not what it was, and must be fetched."""
    try:
        if marked(source) != mark:
            return None
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.link(source, target)
    except OSError:
        return None
    return mark
