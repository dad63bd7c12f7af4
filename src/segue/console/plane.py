"""The operators' plane as its doors see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from segue.console.actions import Actions
from segue.console.keeper import Keeper
from segue.console.keyring import Keyring
from segue.console.paging import Cursors
from segue.console.ports import AuditStore, KeyStore, LimitStore
from segue.console.presence import Presence
from segue.console.pruning import Pruner
from segue.console.responding import Responding
from segue.console.sessions import Seal
from segue.console.verifying import Verifying
from segue.vendors.console import AccessSettings, AuditSettings


@dataclass(frozen=True, slots=True)
class ConsolePlane:
    """Everything a door needs to serve operators."""

    actions: Actions
    audit: AuditStore
    keys: KeyStore
    keyring: Keyring
    seal: Seal
    access: AccessSettings
    cursors: Cursors
    nodes: Presence
    limits: LimitStore
    degraded: Callable[[], Mapping[str, str]]
    """What works only in part, though requests are served: a name and a sentence each."""
    keeper: Keeper
    pruner: Pruner
    verifying: Verifying
    retention: AuditSettings
    incidents: Responding
