"""The operators' plane, put together: what keeps the audit and the keys, and the way all deeds go."""

from dataclasses import dataclass

from segue.clock import Clock
from segue.console.actions import Actions
from segue.console.plane import ConsolePlane
from segue.console.ports import AuditStore, KeyStore
from segue.settings import Settings
from segue.stores.console import MemoryAuditStore, MemoryKeyStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.keys import SqlKeyStore
from segue.stores.sql.shared import Sql


@dataclass(frozen=True, slots=True)
class Console:
    """The operators' plane of one server."""

    plane: ConsolePlane
    memory: MemoryAuditStore | None
    """The audit, where there is no database: stores in memory write their entries with its `write`."""


def console(settings: Settings, clock: Clock, database: Sql | None) -> Console:
    """Put an operators' plane together; nothing is started yet. Without a database it forgets when the process ends."""
    memory = MemoryAuditStore()
    audit: AuditStore = SqlAuditStore(database) if database is not None else memory
    keys: KeyStore = SqlKeyStore(database) if database is not None else MemoryKeyStore(memory)
    actions = Actions(audit, clock, settings.console.node)
    plane = ConsolePlane(actions, audit, keys)
    return Console(plane, memory if database is None else None)
