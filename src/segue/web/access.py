"""Who comes in: a key in the header, a session of the page, or the machine's own socket."""

from typing import Any, Protocol

from fastapi import Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from segue.console.operator import Operator, Scope
from segue.errors import Forbidden


class Doorkeeper(Protocol):
    """Says who a request is from."""

    async def operator(self, request: HTTPConnection) -> Operator:
        """Who this request is from.

        Raises:
            Unauthorized: it carries no key, or none that is good.
            Forbidden: it is a session's, and comes from a page of another origin.
        """


class Access(SecurityBase):
    """What a route depends on. `needs` names the scope, which also stands in the OpenAPI document."""

    def __init__(self, doorkeeper: Doorkeeper, *, listeners_need_key: bool = False) -> None:
        self.model = HTTPBearer(description="A key: `Authorization: Bearer seg_…`, or the session of the page.")
        self.scheme_name = "key"
        self._doorkeeper = doorkeeper
        self._listeners_need_key = listeners_need_key

    async def __call__(self, request: HTTPConnection, scopes: SecurityScopes) -> Operator:
        """The operator of a request who may do all that is asked for here."""
        operator = await self._doorkeeper.operator(request)
        missing = [scope for scope in scopes.scopes if not operator.may(Scope(scope))]
        if missing:
            raise Forbidden(f"This key has not the scope `{missing[0]}`, which this takes.")
        return operator

    def needs(self, *scopes: Scope) -> Any:
        """The dependency of a route that takes these scopes; it gives the `Operator`."""
        return Security(self, scopes=[scope.value for scope in scopes])

    def listeners(self) -> list[Any]:
        """The dependencies of a listeners' door: none where these are open, and then nobody looks at their keys."""
        return [self.needs(Scope.SEND)] if self._listeners_need_key else []
