"""Incidents kept in memory: for tests, and for a server that may forget when it ends."""

from collections.abc import Callable
from dataclasses import replace

from segue.console.audit import Draft
from segue.console.incidents import Incident, numbered


class MemoryIncidentStore:
    """See `IncidentStore`. `audited` takes the entry of each change."""

    def __init__(self, audited: Callable[[Draft], None]) -> None:
        self._audited = audited
        self._incidents: dict[str, Incident] = {}

    async def open(self, incident: Incident, *, entry: Draft) -> Incident:
        """See `IncidentStore.open`."""
        made = replace(incident, id=numbered(incident.at_us, self._incidents))
        self._audited(replace(entry, target=f"incident/{made.id}"))
        self._incidents[made.id] = made
        return made

    async def save(self, incident: Incident, *, entry: Draft) -> bool:
        """See `IncidentStore.save`."""
        before = self._incidents.get(incident.id)
        if before is None or before.version != incident.version - 1:
            return False
        self._audited(entry)
        self._incidents[incident.id] = incident
        return True

    async def load(self, id: str) -> Incident | None:  # noqa: A002 - it is what it is called everywhere
        """See `IncidentStore.load`."""
        return self._incidents.get(id)

    async def page(self, *, state: str, before: tuple[int, str] | None, limit: int) -> list[Incident]:
        """See `IncidentStore.page`."""
        newest = sorted(self._incidents.values(), key=lambda each: (each.at_us, each.id), reverse=True)
        found = [each for each in newest if (not state or each.state == state)]
        return [each for each in found if before is None or (each.at_us, each.id) < before][:limit]
