"""Removes old entries of the audit, in batches, each with its signed record in the same transaction.

Others write between the batches, and a crash between them leaves a chain that verifies. What is to be removed is
verified first, so that nobody's tampering is pruned away with it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from segue.clock import Clock
from segue.console.audit import Draft, Entry
from segue.console.heads import Signer
from segue.console.links import Links
from segue.console.ports import AuditStore
from segue.console.retention import prunable, signed_record
from segue.console.tampering import Fault, hash_of, unnumbered
from segue.errors import SegueError


class Unsound(SegueError):
    """What is to be pruned is not what was written: verify the audit first."""

    status = 409
    code = "audit_unsound"

    def __init__(self, fault: Fault, removed: int) -> None:
        super().__init__(
            f"{fault.sentence} Nothing from there on is pruned, so that this can be looked into: "
            f"verify the audit, and prune with `force` when that is done. {removed} entries before it were removed."
        )


@dataclass(frozen=True, slots=True)
class Pruning:
    """What came of it."""

    removed: int
    to_seq: int | None
    """The last entry that is gone; None if none is."""


class Pruner:
    """Prunes one audit, one pruning at a time; two servers that prune at once only do it twice."""

    def __init__(self, audit: AuditStore, signer: Signer, clock: Clock) -> None:
        self._audit = audit
        self._signer = signer
        self._clock = clock
        self._pruning = asyncio.Lock()

    async def count(self, before_us: int) -> int:
        """How many entries would be removed."""
        last = await self._audit.last()
        older = await self._audit.count(before_us=before_us)
        return older - 1 if last is not None and last.at_us < before_us and older else older

    async def prune(
        self, draft: Draft, before_us: int, *, batch: int, vacuum: bool = False, force: bool = False
    ) -> Pruning:
        """Remove every entry that is older than that, but the newest of all, as it is when this begins.

        `draft` is the entry of who does it: there is one for each batch, and none if nothing is removed.

        Raises:
            Unsound: an entry that is to be removed was tampered with; `force` removes it all the same.
            Unavailable: the audit cannot be read or written; batches that were removed stay removed.
        """
        removed, to_seq = 0, None
        async with self._pruning:
            last = await self._audit.last()
            newest = last.seq if last is not None else 0
            while batch_entries := await self._oldest(before_us, newest, batch, removed, force=force):
                facts = {**draft.facts, **signed_record(batch_entries, self._signer).facts()}
                entry = replace(draft, at_us=round(self._clock.wall() * 1e6), facts=facts)
                to_seq = batch_entries[-1].seq
                removed += await self._audit.prune(to_seq=to_seq, limit=len(batch_entries), entry=entry)
            if vacuum:
                await self._audit.vacuum()
        return Pruning(removed, to_seq)

    async def _oldest(self, before_us: int, newest: int, batch: int, removed: int, *, force: bool) -> list[Entry]:
        """The next batch, all of it sound; empty if there is none."""
        oldest = await self._audit.read(after=0, limit=batch + 1)
        gone = prunable(oldest[:batch], before_us, newest)
        if gone and not force:
            fault = await asyncio.to_thread(_fault, oldest[: len(gone) + 1])
            if fault is not None:
                raise Unsound(fault, removed)
        return gone


def _fault(entries: Sequence[Entry]) -> Fault | None:
    """The first fault in entries that follow each other."""
    links = Links()
    for entry in entries:
        if (odd := unnumbered(entry, links.last + 1)) is not None:
            return odd
        links.feed(entry, hash_of(entry), begins=False)
    return next(iter(sorted(links.faults(), key=lambda fault: fault.seq)), None)
