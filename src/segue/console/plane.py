"""The operators' plane as its doors see it."""

from dataclasses import dataclass

from segue.console.actions import Actions
from segue.console.ports import AuditStore, KeyStore


@dataclass(frozen=True, slots=True)
class ConsolePlane:
    """Everything a door needs to serve operators."""

    actions: Actions
    audit: AuditStore
    keys: KeyStore
