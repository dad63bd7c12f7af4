"""Asks the other nodes again and again how they are. What is sent on to a node does not wait for this."""

import asyncio
import random
from collections.abc import Mapping

import structlog

from segue.clock import Clock
from segue.console.nodes import NodeHealth, NodeState
from segue.console.ports import NodeCaller

log = structlog.get_logger("segue.console")

JITTER = 0.1
"""Part of the interval by which each wait is longer or shorter, so that nodes do not ask each other in step."""


class Presence:
    """How the other nodes are, as this one sees them; `others` gives their addresses, by name."""

    def __init__(
        self,
        own: str,
        others: Mapping[str, str],
        caller: NodeCaller,
        clock: Clock,
        poll_s: float,
        chance: random.Random,
    ) -> None:
        self.own = own
        """Name of this node."""
        self.caller = caller
        self.seen = {name: NodeHealth(name, url) for name, url in others.items()}
        """How each of the others was when it was last asked."""
        self._clock = clock
        self._poll_s = poll_s
        self._chance = chance
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to ask, without waiting for answers."""
        self._tasks = [asyncio.create_task(self._forever(name), name=f"node: {name}") for name in self.seen]

    async def close(self) -> None:
        """Ask no more. Closing twice is harmless."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, name: str) -> NodeHealth:
        """Ask one of the others now."""
        before, now = self.seen[name], await self.caller.health(name)
        self.seen[name] = now
        if now.state is not before.state:
            tell = log.info if now.state is NodeState.READY else log.warning
            tell("node", node=name, before=before.state.value, after=now.state.value, reasons=dict(now.reasons))
        return now

    async def _forever(self, name: str) -> None:
        while True:
            try:
                await self.ask(name)
            except Exception as error:
                log.error("asking a node failed", node=name, exc_info=error)
            await self._clock.sleep(self._poll_s * self._chance.uniform(1 - JITTER, 1 + JITTER))
