"""Routes by themselves, without the door before them: whoever asks is let in as one operator."""

from starlette.requests import HTTPConnection

from segue.clock import Clock
from segue.console.actions import Actions
from segue.console.operator import Operator, Scope
from segue.stores.console import MemoryAuditStore
from segue.web.access import Access


class Known:
    """A doorkeeper who takes everybody for the same operator."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def operator(self, request: HTTPConnection) -> Operator:
        """See `Doorkeeper`."""
        del request
        return self._operator


def access(name: str = "olha", *scopes: Scope) -> Access:
    """A door for an operator of this name with these scopes; with all of them where none are given."""
    return Access(Known(Operator(name, frozenset(scopes or (Scope.ADMIN,)), "key:000000000000")))


def actions(clock: Clock, audit: MemoryAuditStore | None = None) -> Actions:
    """The way all deeds go, with an audit in memory."""
    return Actions(audit or MemoryAuditStore(), clock, "main")
