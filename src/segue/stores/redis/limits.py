"""Counts against rate limits in Redis: one script decides, by the time of Redis, for all servers."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from segue.console.ports import LimitStore
from segue.console.ratelimit import Policy, Verdict, part, verdict
from segue.stores.redis.line import Gone, Line

SCRIPT = files("segue.stores.redis").joinpath("limits.lua").read_text(encoding="utf-8")
DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""Under which Redis knows the script."""


class RedisLimitStore:
    """Counts where all servers see them. Scopes expire by themselves once all of their burst is free again.

    While Redis is gone, each of the `replicas` allows its part of the limits by itself, and counts it in `alone`. What
    Redis let through was counted there as well, so that a Redis that goes is no fresh burst.
    """

    def __init__(self, line: Line, alone: LimitStore, *, replicas: int = 1) -> None:
        self._line = line
        self._alone = alone
        self._replicas = replicas
        self.decided_alone = 0
        """Requests that were decided without Redis so far."""

    async def take(self, wanted: Sequence[tuple[str, Policy]]) -> Verdict:
        """See `LimitStore.take`. It never fails: without Redis it is decided here."""
        if not wanted:
            return Verdict(True, ())
        try:
            answer = await self._run("take", wanted)
        except Gone:
            self.decided_alone += 1
            return await self._alone.take(self._parts(wanted))
        allowed, now_us, *after = answer
        if allowed:
            await self._alone.take(self._parts(wanted))
        return verdict(bool(allowed), [(policy, us) for (_, policy), us in zip(wanted, after, strict=True)], now_us)

    async def give_back(self, wanted: Sequence[tuple[str, Policy]]) -> None:
        """See `LimitStore.give_back`. What Redis cannot be told becomes free by time."""
        if not wanted:
            return
        await self._alone.give_back(self._parts(wanted))
        try:
            await self._run("undo", wanted)
        except Gone:
            return

    async def _run(self, deed: str, wanted: Sequence[tuple[str, Policy]]) -> list[int]:
        call = arguments(deed, wanted, self._line.prefix)
        try:
            return list(await self._line.ask("EVALSHA", DIGEST, *call))
        except NoScriptError:
            return list(await self._line.ask("EVAL", SCRIPT, *call))

    def _parts(self, wanted: Sequence[tuple[str, Policy]]) -> list[tuple[str, Policy]]:
        return [(scope, part(policy, self._replicas)) for scope, policy in wanted]


def arguments(deed: str, wanted: Sequence[tuple[str, Policy]], prefix: str, *, now_us: int | None = None) -> list[Any]:
    """What the script is called with: the number of keys, the keys, and the rest. Without `now_us` Redis's own time."""
    figures = [figure for _, policy in wanted for figure in (policy.interval_us, policy.window_us)]
    keys = [f"{prefix}limit:{scope}" for scope, _ in wanted]
    return [len(keys), *keys, deed, "" if now_us is None else now_us, *figures]
