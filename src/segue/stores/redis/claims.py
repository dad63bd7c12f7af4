"""A quicker look at claims on idempotency keys, in Redis. It may forget anything at any time; the database does not."""

import json
from dataclasses import asdict
from typing import Any

from segue.clock import Clock
from segue.console.chats import Claim
from segue.stores.redis.line import Gone, Line

LARGEST = 65_536
"""Bytes of a claim with its answer; what is larger is left to the database."""
RUNNING_S = 30.0
"""How long a claim is kept here whose answer is on its way: its end may be missed, if Redis is gone just then."""

_SHAPE = {
    "scope": str,
    "fingerprint": str,
    "run": str,
    "at_us": int,
    "expires_us": int,
    "status": int | None,
    "body": str | None,
}


class RedisClaimFront:
    """Claims by their scope, each until it expires."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line = line
        self._clock = clock

    async def find(self, scope: str) -> Claim | None:
        """See `ClaimFront.find`. None, too, if Redis is gone or holds something else there."""
        found = await self._ask("GET", self._name(scope))
        claim = None if found is None else _read(found)
        return claim if claim is not None and claim.scope == scope and self._left_ms(claim) > 0 else None

    async def put(self, claim: Claim) -> None:
        """See `ClaimFront.put`. One that is too large takes the place of an earlier one all the same: it is dropped."""
        text = json.dumps(asdict(claim), separators=(",", ":")).encode()
        left_ms = self._left_ms(claim)
        if left_ms <= 0 or len(text) > LARGEST:
            await self.drop(claim.scope)
            return
        if claim.status is None:
            left_ms = min(left_ms, int(RUNNING_S * 1000))
        await self._ask("SET", self._name(claim.scope), text, "PX", left_ms)

    async def drop(self, scope: str) -> None:
        """See `ClaimFront.drop`."""
        await self._ask("DEL", self._name(scope))

    async def _ask(self, *command: Any) -> Any:
        try:
            return await self._line.ask(*command)
        except Gone:
            return None

    def _name(self, scope: str) -> str:
        return f"{self._line.prefix}claim:{scope}"

    def _left_ms(self, claim: Claim) -> int:
        return (claim.expires_us - int(self._clock.wall() * 1_000_000)) // 1000


def _read(text: bytes) -> Claim | None:
    """A claim as it was put; None for anything else."""
    try:
        plain = json.loads(text)
    except ValueError:
        return None
    sound = isinstance(plain, dict) and plain.keys() == _SHAPE.keys()
    if not sound or not all(isinstance(plain[name], shape) for name, shape in _SHAPE.items()):
        return None
    return Claim(**plain)
