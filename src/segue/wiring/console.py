"""The operators' plane, put together: what keeps the audit and the keys, and the way all deeds go."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from segue.clock import Clock
from segue.console.actions import Actions
from segue.console.keyring import Keyring
from segue.console.paging import Cursors
from segue.console.plane import ConsolePlane
from segue.console.ports import AuditStore, KeyStore
from segue.console.sessions import Seal
from segue.errors import Unavailable
from segue.settings import Settings
from segue.stores.console import MemoryAuditStore, MemoryKeyStore
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.keys import SqlKeyStore
from segue.stores.sql.shared import Sql
from segue.vendors.console import AccessSettings
from segue.wiring.audit import care
from segue.wiring.incidents import responding
from segue.wiring.limits import Limiting, limiting
from segue.wiring.nodes import neighbours

log = structlog.get_logger("segue.wiring")


@dataclass(frozen=True, slots=True)
class Console:
    """The operators' plane of one server."""

    settings: AccessSettings
    plane: ConsolePlane
    memory: MemoryAuditStore | None
    """The audit, where there is no database: stores in memory write their entries with its `write`."""
    limiting: Limiting
    parts: tuple[Any, ...]
    """Started in this order, and closed in the opposite one."""

    async def first_key(self) -> str | None:
        """The key of the first start, made now; None where there are keys already, or none is wanted."""
        if not self.settings.first_key:
            return None
        try:
            return await self.plane.keyring.first()
        except Unavailable as error:
            log.warning("no first key", reason=error.message, hint="make one with `segue keys create` later")
            return None


def console(settings: Settings, clock: Clock, database: Sql | None, secret: bytes) -> Console:
    """Put an operators' plane together; nothing is started yet. Without a database it forgets when the process ends.

    `secret` is what the server signs with.

    Raises:
        ConfigurationError: a node is this one, or has no key or address; or Redis is wanted and cannot be used.
    """
    memory = MemoryAuditStore()
    audit: AuditStore = SqlAuditStore(database) if database is not None else memory
    keys: KeyStore = SqlKeyStore(database) if database is not None else MemoryKeyStore(memory)
    actions = Actions(audit, clock, settings.console.node)
    keyring = Keyring(keys, actions, clock, settings.access, secrets.token_bytes)
    others = neighbours(settings, clock)
    counting = limiting(settings, clock, database)
    looking = care(settings, clock, audit, keep=database is not None)
    plane = ConsolePlane(
        actions=actions,
        audit=audit,
        keys=keys,
        keyring=keyring,
        seal=Seal(secret),
        access=_access(settings),
        cursors=Cursors(secret),
        nodes=others.presence,
        keeper=looking.keeper,
        pruner=looking.pruner,
        verifying=looking.verifying,
        retention=settings.audit,
        limits=counting.limits,
        degraded=counting.degraded,
        incidents=responding(settings, clock, database, memory, actions),
    )
    memory_or_none = memory if database is None else None
    return Console(settings.access, plane, memory_or_none, counting, (*counting.parts, *others.parts))


def _access(settings: Settings) -> AccessSettings:
    """Who may come in; browsers also by the name under which links lead here."""
    public = urlsplit(settings.delivery.public_url).hostname
    hosts = (*settings.access.hosts, *([public] if public else []))
    return settings.access.model_copy(update={"hosts": hosts})
