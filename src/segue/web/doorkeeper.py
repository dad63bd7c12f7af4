"""Says who a request is from: a key in a header, the machine's own socket, or a session of the page.

Nobody is let in for where they seem to come from: neither this machine's own address nor what `X-Forwarded-For` says
counts for anything. Only the socket in the data folder does, because the kernel tells who is at its other end.
"""

import os
import pwd
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from segue.clock import Clock
from segue.console.keyring import Keyring, TurnedAway
from segue.console.keys import Key
from segue.console.operator import Operator, Scope
from segue.console.sessions import Seal, Session
from segue.errors import Forbidden, InvalidRequest
from segue.telemetry.metrics import Metrics
from segue.web.hosts import same_page

ON_BEHALF = "x-segue-operator"
"""Names the operator for whom another node asks; percent-encoded UTF-8."""
PEER = "peer_uid"
"""Where the protocol puts the user at the other end of the machine's own socket."""
_SAFE = {"GET", "HEAD", "OPTIONS"}
_PASSED_ON = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
    "origin",
    "sec-fetch-site",
)
"""What only a proxy or a browser sends: such a request is not from the user who holds the socket."""


class KeyDoorkeeper:
    """See `Doorkeeper` of the doors."""

    def __init__(self, keyring: Keyring, seal: Seal, clock: Clock, metrics: Metrics) -> None:
        self.keyring = keyring
        self.seal = seal
        self._clock = clock
        self._metrics = metrics

    async def operator(self, request: HTTPConnection) -> Operator:
        """See `Doorkeeper.operator`."""
        try:
            return await self._operator(request)
        except TurnedAway as refusal:
            self.count(refusal)
            raise

    def count(self, refusal: TurnedAway) -> None:
        """Count somebody who was turned away."""
        self._metrics.count("unauthorized", reason=refusal.why)

    async def _operator(self, request: HTTPConnection) -> Operator:
        on_behalf = request.headers.get(ON_BEHALF)
        if (text := shown_key(request)) is not None:
            key = await self.keyring.authenticate(text)
            return _by_key(key) if on_behalf is None else _by_node(key, on_behalf)
        if on_behalf is not None:
            raise Forbidden(f"Only a key with the scope `{Scope.NODE}` may name an operator with {ON_BEHALF}.")
        if (local := _local(request)) is not None:
            return local
        if (session := self.session(request)) is not None:
            key = await self.keyring.named(session.key)
            if (request.scope["type"] != "http" or request.scope["method"] not in _SAFE) and not same_page(request):
                raise Forbidden("A session is good only for requests of Segue's own page; programs send a key.")
            return Operator(key.name, key.scopes, f"session:{key.id}")
        why = "session" if self.seal.cookie in request.cookies else "missing"
        raise TurnedAway(why, "Sign in, or send a key as `Authorization: Bearer seg_…`; `segue keys create` makes one.")

    def session(self, request: HTTPConnection) -> Session | None:
        """The session that a request belongs to, if it was begun here and is not over."""
        return self.seal.read(request.cookies.get(self.seal.cookie, ""), round(self._clock.wall() * 1e6))


def shown_key(request: HTTPConnection) -> str | None:
    """The text of the key in the headers; None where there is none.

    Raises:
        TurnedAway: there are several, or it is shown in another way than `Bearer`.
    """
    shown = request.headers.getlist("authorization")
    kind, _, text = shown[0].partition(" ") if shown else ("", "", "")
    if shown and kind.lower() != "bearer":
        raise TurnedAway("malformed", "Send the key as `Authorization: Bearer seg_…`.")
    texts = {*([text.strip()] if shown else []), *(each.strip() for each in request.headers.getlist("x-api-key"))}
    if len(texts) > 1 or len(shown) > 1:
        raise TurnedAway("malformed", "Send one key, once.")
    return texts.pop() if texts else None


def _by_key(key: Key) -> Operator:
    return Operator(key.name, key.scopes, f"key:{key.id}")


def _by_node(key: Key, on_behalf: str) -> Operator:
    """The operator of another node, who was let in there.

    Raises:
        Forbidden: this is not the key of a node.
        InvalidRequest: the name is none.
    """
    if Scope.NODE not in key.scopes:
        raise Forbidden(f"Only a key with the scope `{Scope.NODE}` may name an operator with {ON_BEHALF}.")
    name = unquote(on_behalf).strip()
    if not 0 < len(name) <= 200 or not name.isprintable():
        raise InvalidRequest(f"{ON_BEHALF} is not the name of an operator.")
    return Operator(f"{key.name}/{name}", frozenset({Scope.SEND, Scope.READ}), f"node:{key.id}")


def _local(request: HTTPConnection) -> Operator | None:
    """The user of this machine at the other end of the socket: whoever runs this server, or root; else None."""
    uid = request.scope.get("state", {}).get(PEER)
    if uid is None or uid not in {os.getuid(), 0} or any(name in request.headers for name in _PASSED_ON):
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Operator(name, frozenset({Scope.ADMIN}), f"socket:{name}")
