"""The loops of the delivery plane: asking for the table, writing what was counted, looking after rollouts, messages.

Each goes on whatever happens in it, and none of them waits for another: a webhook that hangs delays no look, and a
look that fails keeps no server from following the table.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from segue.clock import Clock
from segue.delivery.controller import Controller
from segue.delivery.outbox import Outbox
from segue.errors import Unavailable
from segue.vendors.delivery import DeliverySettings

log = structlog.get_logger("segue.delivery")


class Rounds:
    """Keeps the delivery plane of one server going, from `start` to `close`."""

    def __init__(self, controller: Controller, outbox: Outbox, clock: Clock, settings: DeliverySettings) -> None:
        self._controller = controller
        self._outbox = outbox
        self._clock = clock
        self._settings = settings
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: dict[str, str] = {}

    async def start(self) -> None:
        """Use the published table from the first turn on, then keep going."""
        replica, settings = self._controller.replica, self._settings
        await self._once("following", replica.refresh)
        loops: tuple[tuple[str, Callable[[], Awaitable[object]], float], ...] = (
            ("following", replica.refresh, settings.poll_s),
            ("counting", replica.flush, settings.flush_s),
            ("looking after rollouts", self._controller.look_after, settings.tick_s),
            ("messages", self._deliver, settings.tick_s),
        )
        self._tasks = [asyncio.create_task(self._forever(*loop), name=f"delivery: {loop[0]}") for loop in loops]

    async def close(self) -> None:
        """Stop, write what is counted, and let another server look after the rollouts. Closing twice is harmless."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await self._once("counting", self._controller.replica.flush)
            await self._once("looking after rollouts", self._controller.lease.leave)

    async def _deliver(self) -> None:
        """Messages are sent by whoever looks after rollouts; without a rollout by whoever gets hold of the lease."""
        await self._outbox.deliver(self._controller.lease.take)

    async def _forever(self, what: str, do: Callable[[], Awaitable[object]], every_s: float) -> None:
        while True:
            await self._clock.sleep(every_s)
            await self._once(what, do)

    async def _once(self, what: str, do: Callable[[], Awaitable[object]]) -> None:
        """Do something; a failure is counted, and told when it is a new one."""
        try:
            await do()
        except Exception as error:
            self._controller.counts.failed += 1
            expected = isinstance(error, Unavailable)
            reason = error.message if isinstance(error, Unavailable) else repr(error)
            if self._failing.get(what) != reason:
                self._failing[what] = reason
                log.error("delivery failed", doing=what, reason=reason, exc_info=not expected)
        else:
            if self._failing.pop(what, None) is not None:
                log.warning("delivery works again", doing=what)
