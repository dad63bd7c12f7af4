"""Delivers the messages that were written with decisions. No decision ever waits for one."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from segue.clock import Clock
from segue.delivery.ports import Notifier, RolloutStore
from segue.delivery.rollout import Notice
from segue.errors import SegueError

log = structlog.get_logger("segue.delivery")

WAITS_S = (20.0, 60.0, 180.0, 540.0)
"""The longest wait before each further try; the real one is drawn evenly from nothing up to it (full jitter), so that
five tries take about seven minutes, and thirteen at most."""


class Outbox:
    """Sends what is due, and tries again what did not arrive; a message may arrive twice, but is not lost silently."""

    def __init__(self, store: RolloutStore, notifier: Notifier, clock: Clock, chance: random.Random) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._chance = chance
        self.delivered = 0
        self.given_up = 0

    async def deliver(self, mine: Callable[[], Awaitable[bool]]) -> None:
        """Send everything that is due, all at once, so that one slow recipient delays no other.

        `mine` says whether it is for this server to do so; it is asked only if something is due.

        Raises:
            Unavailable: the store cannot be read or written; what was sent may be sent again.
        """
        due = await self._store.notices(self._clock.wall())
        if due and await mine():
            await asyncio.gather(*(self._deliver(notice) for notice in due))

    async def _deliver(self, notice: Notice) -> None:
        try:
            await self._notifier.send(notice)
        except SegueError as error:
            await self._failed(notice, error.message)
        except Exception as error:
            log.exception("message failed", audience=notice.audience)
            await self._failed(notice, repr(error))
        else:
            self.delivered += 1
            await self._store.noticed(notice, next_at=None)

    async def _failed(self, notice: Notice, reason: str) -> None:
        told = {"audience": notice.audience, "about": notice.event, "tries": notice.attempts + 1, "reason": reason}
        if notice.attempts < len(WAITS_S):
            wait_s = self._chance.uniform(0.0, WAITS_S[notice.attempts])
            log.warning("message not delivered", again_s=round(wait_s, 1), **told)
            await self._store.noticed(notice, next_at=self._clock.wall() + wait_s, error=reason)
        else:
            self.given_up += 1
            log.error("message given up", **told)
            await self._store.noticed(notice, next_at=None, error=reason)
