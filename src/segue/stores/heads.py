"""Where signed heads of the audit go: a file, files in a folder, the log, or a storage of objects."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import structlog

from segue.console.heads import Found, Head, as_dict, as_line, found_in
from segue.errors import Unavailable

log = structlog.get_logger("segue.audit")

FILE = "audit-heads.jsonl"
"""Name of the file in the data folder."""
PREFIX = "audit-heads"
"""Begins the names of objects."""
AT_ONCE = 16
"""Objects that are read at the same time."""


class FileHeads:
    """One head a line, appended and synced. With `folder` it reads every `*.jsonl` of its folder."""

    def __init__(self, path: Path, *, folder: bool = False) -> None:
        self._path = path
        self._folder = folder
        self.name = f"the folder {path.parent}" if folder else f"the file {path}"

    async def write(self, head: Head) -> None:
        """See `HeadPlace.write`."""
        try:
            await asyncio.to_thread(_append, self._path, as_line(head))
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}.") from error

    async def read(self) -> Found:
        """See `HeadPlace.read`. A file that was never written holds none."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> Found:
        files = sorted(self._path.parent.glob("*.jsonl")) if self._folder else [self._path]
        return heads_in(file for file in files if file.exists())


class LogHeads:
    """Lines of the log, for whoever gathers them where nobody can change them."""

    name = "the log"

    async def write(self, head: Head) -> None:
        """See `HeadPlace.write`: the log must be JSON (`log.format`) to be read again."""
        log.info("audit head", head=as_dict(head))

    async def read(self) -> Found:
        """A server does not read its own log."""
        raise Unavailable("Heads go to the log, which is not read here: give its file to `segue audit verify --head`.")


class MemoryHeads:
    """Heads that are forgotten with the process: no proof against anybody, but the same way to go."""

    name = "the memory of this process"

    def __init__(self) -> None:
        self._heads: list[Head] = []

    async def write(self, head: Head) -> None:
        """See `HeadPlace.write`."""
        self._heads.append(head)

    async def read(self) -> Found:
        """See `HeadPlace.read`."""
        return Found(tuple(self._heads))


class Bucket(Protocol):
    """A storage of objects, as far as heads need it."""

    name: str

    async def put(self, key: str, data: bytes, *, media_type: str = ..., replace: bool = ...) -> bool:
        """Write an object; without `replace` one that is there stays."""

    async def get(self, key: str) -> bytes | None:
        """Read an object."""

    def list(self, prefix: str) -> AsyncIterator["Named"]:
        """Every object below a prefix."""


class Named(Protocol):
    """An object in a listing."""

    @property
    def key(self) -> str:
        """Its name."""


class ObjectHeads:
    """One head an object, which is never replaced: a bucket that locks objects keeps them from everybody."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.name = bucket.name

    async def write(self, head: Head) -> None:
        """See `HeadPlace.write`."""
        key = f"{PREFIX}/{head.key}/{head.seq:020d}-{head.at_us}.json"
        await self._bucket.put(key, as_line(head).encode(), media_type="application/json")

    async def read(self) -> Found:
        """See `HeadPlace.read`."""
        keys = sorted([entry.key async for entry in self._bucket.list(PREFIX)])
        lines: list[str] = []
        for start in range(0, len(keys), AT_ONCE):
            found = await asyncio.gather(*(self._bucket.get(key) for key in keys[start : start + AT_ONCE]))
            lines += [content.decode("utf-8", "replace") for content in found if content is not None]
        return found_in(lines)


def heads_in(files: Iterable[Path]) -> Found:
    """The heads in files: lines of heads, or of a log.

    Raises:
        Unavailable: a file cannot be read.
    """
    return found_in(_lines(files))


def _lines(files: Iterable[Path]) -> Iterator[str]:
    for path in files:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from file
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror}.") from error


def _append(path: Path, line: str) -> None:
    """Add a line and sync it; one that a crash tore is ended first, so that it takes nothing along."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        data = (("\n" if torn else "") + line + "\n").encode()
        if os.write(handle, data) != len(data):
            raise OSError(28, "No space left on device")
        os.fsync(handle)
    finally:
        os.close(handle)
    if size == 0:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a new file's name as durable as its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
