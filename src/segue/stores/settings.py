"""The versions of the live settings kept in memory, for a server that may forget when it ends."""

from collections.abc import Callable, Sequence

from segue.console.audit import Draft, digest
from segue.voice.live import Change, Outdated, Version


class MemorySettingsStore:
    """See `SettingsStore`. `audited` takes the entry of each version; `node` is the name in entries."""

    def __init__(self, audited: Callable[[Draft], None], node: str = "") -> None:
        self._audited = audited
        self._node = node
        self._versions: list[Version] = []

    async def newest(self) -> Version | None:
        """See `SettingsStore.newest`."""
        return self._versions[-1] if self._versions else None

    async def find(self, number: int) -> Version | None:
        """See `SettingsStore.find`."""
        return self._versions[number - 1] if 1 <= number <= len(self._versions) else None

    async def page(self, *, before: int | None, limit: int) -> Sequence[Version]:
        """See `SettingsStore.page`."""
        return [each for each in reversed(self._versions) if before is None or each.number < before][:limit]

    async def save(self, change: Change) -> None:
        """See `SettingsStore.save`."""
        newest = self._versions[-1] if self._versions else Version()
        if change.version.number != newest.number + 1:
            raise Outdated(newest)
        before = digest(newest.value.as_dict()) if newest.number else ""
        after = digest(change.version.value.as_dict())
        self._audited(Draft(**change.entry(), before=before, after=after, node=self._node))
        self._versions.append(change.version)
