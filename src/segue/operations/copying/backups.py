"""Backups of a running server: one at a time, made beside everything else, and told while it is made."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog

from segue.console.actions import Actions, Deed
from segue.console.audit import Draft, digest
from segue.console.operator import Operator, Scope
from segue.console.ports import AuditStore
from segue.errors import InvalidRequest, SegueError, StillRunning
from segue.operations.copying.backup import Maker, Wanted
from segue.operations.copying.manifest import Manifest
from segue.operations.copying.packing import packed
from segue.operations.copying.shelf import Shelf, opened

log = structlog.get_logger("segue.backup")

RUNNING, DONE, FAILED = "running", "done", "failed"
RETRY_S = "5"


@dataclass(frozen=True, slots=True)
class Job:
    """The newest backup that this server was asked for."""

    name: str
    state: str
    what: str = ""
    """What is being copied."""
    done: int = 0
    whole: int = 0
    reason: str = ""
    """Why it failed; of one that is done, why an older one could not be removed."""
    forgotten: tuple[str, ...] = ()
    """Older backups that were removed."""


class Backups:
    """Makes backups into one folder; a `Part` of the house, closed before the database."""

    def __init__(self, maker: Maker, shelf: Shelf, actions: Actions, audit: AuditStore) -> None:
        self._maker = maker
        self._shelf = shelf
        self._actions = actions
        self._audit = audit
        self._task: asyncio.Task[None] | None = None
        self._known: dict[str, dict[str, Any]] = {}
        self.job: Job | None = None

    async def start(self) -> None:
        """Nothing is made before somebody asks."""

    async def close(self) -> None:
        """Stop making one; what there is of it goes."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def begin(self, by: Operator, *, keys: bool, cache: bool, keep: int | None, request: str) -> Job:
        """Begin to make a backup, in somebody's name; `job` tells how it goes. Its entry is written when it is over.

        Raises:
            StillRunning: one is being made.
        """
        if self._task is not None and not self._task.done():
            raise StillRunning("A backup is being made; ask again when it is done.", headers={"retry-after": RETRY_S})
        name, wanted = self._maker.name(), Wanted(keys, cache, keep)
        facts: dict[str, str | int] = {"keys": int(wanted.keys), "cache": int(wanted.cache)}
        deed = Deed("backup.make", f"backup/{name}", Scope.ADMIN, request=request, facts=facts)
        self.job = Job(name, RUNNING)
        self._task = asyncio.create_task(self._make(by, deed, self.job, wanted), name="backup")
        return self.job

    async def all(self) -> list[dict[str, Any]]:
        """What every backup in the folder says of itself, the newest first; see `Manifest.summary`."""
        return await asyncio.to_thread(self._told)

    def archive(self, name: str) -> AsyncGenerator[bytes, None]:
        """A backup as one archive (tar), piece by piece.

        Raises:
            NotFound: there is none of this name.
        """
        folder, _ = self._shelf.find(name)
        return _pieces(packed(folder))

    def _told(self) -> list[dict[str, Any]]:
        """Each manifest is read once: one of many files is long, and whoever waits for a backup asks often."""
        known, found = self._known, {}
        for name in self._shelf.names():
            with suppress(InvalidRequest):
                found[name] = known.get(name) or opened(self._shelf.folder / name)[0].summary()
        self._known = found
        return list(found.values())

    async def _make(self, by: Operator, deed: Deed, job: Job, wanted: Wanted) -> None:
        def tell(what: str, done: int, whole: int) -> None:
            self.job = replace(job, what=what, done=done, whole=whole)

        done = job

        async def make(draft: Draft) -> Manifest:
            nonlocal done
            made = await self._maker.make(self._shelf, job.name, wanted, tell)
            forgotten = await asyncio.to_thread(self._shelf.beyond, wanted.keep, made.name)
            facts = {**draft.facts, "files": len(made.files), "bytes": made.bytes}
            facts |= {"removed": len(forgotten), "removed_up_to": forgotten[0]} if forgotten else {}
            took_ms = round((made.ended_us - made.at_us) / 1000.0)
            await self._audit.append(replace(draft, after=digest(made.as_dict()), facts=facts, duration_ms=took_ms))
            trouble = await asyncio.to_thread(self._shelf.remove, forgotten)  # what goes is on record before
            done = replace(job, forgotten=tuple(forgotten), reason=trouble)
            return made

        try:
            made = await self._actions.act(by, deed, make)
        except SegueError as error:
            self.job = replace(job, state=FAILED, reason=error.message)
            log.error("no backup was made", reason=error.message)
        except Exception:
            self.job = replace(job, state=FAILED, reason="Something went wrong in Segue; see its log.")
            log.exception("no backup was made")
        else:
            self.job = replace(done, state=DONE, done=len(made.files), whole=len(made.files))
            log.info("backup made", name=made.name, files=len(made.files), bytes=made.bytes, forgotten=done.forgotten)
            if done.reason:
                log.error("an old backup was not removed", reason=done.reason)


async def _pieces(source: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Each piece as it is asked for, read in a thread."""
    while (piece := await asyncio.to_thread(next, source, None)) is not None:
        yield piece
