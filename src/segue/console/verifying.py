"""Verifies the audit of a running server: in pages, beside everything else, one verification at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from segue.console.audit import MOST, Entry
from segue.console.chain import Verification, Verifier
from segue.console.heads import Found, Trust
from segue.console.ports import AuditStore, HeadPlace
from segue.errors import Overloaded, Unavailable

PAGE = 500
"""Entries that are read and hashed before others get their turn."""


class Verifying:
    """Verifies one audit against the heads of one place."""

    def __init__(self, audit: AuditStore, place: HeadPlace, trust: Callable[[], Trust]) -> None:
        self._audit = audit
        self._place = place
        self._trust = trust
        self._running = asyncio.Lock()

    async def verify(self) -> Verification:
        """Read all of the chain. It may be written and pruned meanwhile.

        Raises:
            Overloaded: somebody else's verification is under way.
            Unavailable: the audit cannot be read.
        """
        if self._running.locked():
            raise Overloaded("The audit is being verified for somebody else; try again later.", retry_after_s=5.0)
        async with self._running:
            found, warnings = await self._heads()  # before the entries: each head's entry was there by then
            last = await self._audit.last()
            newest = last.seq if last is not None else 0
            trust = await asyncio.to_thread(self._trust)
            verifier = await asyncio.to_thread(lambda: Verifier(trust, found.heads, newest=newest))
            await self._read(verifier, newest)
            verdict = await asyncio.to_thread(verifier.verdict)
            return replace(verdict, warnings=(*warnings, *verdict.warnings))

    async def _heads(self) -> tuple[Found, list[str]]:
        try:
            found = await self._place.read()
        except Unavailable as error:
            return Found(()), [error.message]
        return found, [unreadable(found, self._place.name)] if found.unreadable else []

    async def _read(self, verifier: Verifier, newest: int) -> None:
        after = 0
        while after < newest and (page := await self._audit.read(after=after, limit=PAGE)):
            page = [entry for entry in page if _is_number(entry.seq)]
            begins = bool(page) and 0 < after < page[0].seq - 1 and await self._begins_with(page[0])
            pruned = begins or (after == 0 and bool(page) and page[0].seq > 1)  # perhaps since `newest` was read
            await asyncio.to_thread(_feed, verifier, page, begins=begins)
            seen = max((entry.seq for entry in page if type(entry.seq) is int), default=after)
            if seen <= after:
                break
            after = seen
            if pruned and (last := await self._audit.last()) is not None:
                newest = last.seq  # the record of what was pruned meanwhile is among the newest entries
        strays = await self._audit.read(after=MOST, limit=PAGE)
        await asyncio.to_thread(_feed, verifier, strays, begins=False)

    async def _begins_with(self, entry: Entry) -> bool:
        """Whether the chain begins with this entry by now: everything before it was pruned while it was read."""
        first = await self._audit.read(after=0, limit=1)
        return bool(first) and first[0].seq == entry.seq


def unreadable(found: Found, name: str) -> str:
    """The warning about lines that hold no head."""
    return f"{found.unreadable} line(s) of {name} hold no head that can be read."


def _is_number(seq: object) -> bool:
    """Whether this is where numbers of entries are, and not put there by hand behind all of them."""
    return isinstance(seq, int | float) and seq <= MOST


def _feed(verifier: Verifier, page: Sequence[Entry], *, begins: bool) -> None:
    for number, entry in enumerate(page):
        verifier.feed(entry, begins=begins and number == 0)
