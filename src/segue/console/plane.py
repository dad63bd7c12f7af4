"""The operators' plane as its doors see it."""

from dataclasses import dataclass

from segue.console.actions import Actions
from segue.console.keyring import Keyring
from segue.console.paging import Cursors
from segue.console.ports import AuditStore, KeyStore
from segue.console.presence import Presence
from segue.console.sessions import Seal
from segue.vendors.console import AccessSettings, ChatSettings


@dataclass(frozen=True, slots=True)
class ConsolePlane:
    """Everything a door needs to serve operators."""

    actions: Actions
    audit: AuditStore
    keys: KeyStore
    keyring: Keyring
    seal: Seal
    access: AccessSettings
    chat_settings: ChatSettings
    cursors: Cursors
    nodes: Presence
