"""The audit and operators' keys kept in memory: for tests, and for a server that may forget when it ends."""

from collections.abc import Sequence
from dataclasses import replace

from segue.console.audit import Draft, Entry, Filter, linked
from segue.console.keys import Key, tightened

_SAME = ("actor", "action", "target", "status", "node", "chat")


class MemoryAuditStore:
    """See `AuditStore`. `write` is for stores beside it, which change something and write its entry in one breath."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def write(self, *drafts: Draft) -> None:
        """Write entries, in this order, behind the newest one."""
        for draft in drafts:
            self.link(draft)

    def link(self, draft: Draft) -> Entry:
        """Write one entry behind the newest one; the entry."""
        self._entries.append(linked(draft, self._entries[-1] if self._entries else None))
        return self._entries[-1]

    async def append(self, *drafts: Draft) -> None:
        """See `AuditStore.append`."""
        self.write(*drafts)

    async def page(self, wanted: Filter, *, before: tuple[int, int] | None, limit: int) -> list[Entry]:
        """See `AuditStore.page`."""
        found = [
            entry
            for entry in reversed(self._entries)
            if (before is None or (entry.at_us, entry.seq) < before) and _is_wanted(entry, wanted)
        ]
        return found[:limit]

    async def read(self, *, after: int, limit: int) -> list[Entry]:
        """See `AuditStore.read`."""
        return [entry for entry in self._entries if entry.seq > after][:limit]

    async def last(self) -> Entry | None:
        """See `AuditStore.last`."""
        return self._entries[-1] if self._entries else None

    async def count(self, *, before_us: int) -> int:
        """See `AuditStore.count`."""
        return sum(entry.at_us < before_us for entry in self._entries)

    async def prune(self, *, to_seq: int, limit: int, entry: Draft | None) -> int:
        """See `AuditStore.prune`."""
        gone = [each.seq for each in self._entries[:-1] if each.seq <= to_seq][:limit]
        if entry is not None:
            self.write(entry)
        self._entries = [each for each in self._entries if not gone or each.seq > gone[-1]]
        return len(gone)

    async def vacuum(self) -> None:
        """See `AuditStore.vacuum`."""


class MemoryKeyStore:
    """See `KeyStore`. Entries go to the audit beside it."""

    def __init__(self, audit: MemoryAuditStore) -> None:
        self._audit = audit
        self._keys: dict[str, Key] = {}

    async def first(self, key: Key, entry: Draft) -> bool:
        """See `KeyStore.first`."""
        if self._keys:
            return False
        await self.save(key, entry=entry)
        return True

    async def save(self, *keys: Key, entry: Draft) -> None:
        """See `KeyStore.save`. What was revoked stays so, and no key lives longer than was written before."""
        self._audit.write(entry)
        for key in keys:
            before = self._keys.get(key.id)
            self._keys[key.id] = tightened(before, key) if before is not None else key

    async def load(self, id: str) -> Key | None:  # noqa: A002 - it is what it is called everywhere
        """See `KeyStore.load`."""
        return self._keys.get(id)

    async def all(self) -> Sequence[Key]:
        """See `KeyStore.all`."""
        return sorted(self._keys.values(), key=lambda key: (key.created_us, key.id), reverse=True)

    def used(self, id: str, at_us: int) -> None:  # noqa: A002
        """See `KeyStore.used`."""
        if (key := self._keys.get(id)) is not None:
            self._keys[id] = replace(key, used_us=max(at_us, key.used_us or at_us))


def _is_wanted(entry: Entry, wanted: Filter) -> bool:
    same = all(getattr(entry, name) == value for name in _SAME if (value := getattr(wanted, name)))
    return same and wanted.since_us <= entry.at_us and not 0 < wanted.until_us <= entry.at_us
