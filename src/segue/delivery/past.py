"""What the baseline did before a rollout, read from the records: enough to know its weather, and never too much."""

import asyncio
from collections.abc import AsyncIterator, Callable

import structlog

from segue.delivery.backtest import history_of
from segue.delivery.plan import Plan
from segue.delivery.terms import Terms, settle
from segue.errors import Unavailable
from segue.records import TurnRecord

log = structlog.get_logger("segue.delivery")

HOUR_S = 3600.0
SPANS_S = (HOUR_S, 6 * HOUR_S, 24 * HOUR_S, 72 * HOUR_S)
"""How far back it is looked, further and further as long as there are few turns."""
TURNS = 20_000
"""More turns than this are not read: they are some ten megabytes, and enough."""

Records = Callable[[float, int], AsyncIterator[TurnRecord]]
"""Gives the records of turns that arrived since a Unix second, the oldest first, and so many at most."""


class Past:
    """Settles the terms of a plan on the records of its baseline. Long work is done in a thread of its own."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def settled(self, plan: Plan, now: float, memory_bytes: int, baseline: str = "") -> Terms:
        """What the gates of a plan come to at this Unix second; `baseline` is the variant that speaks until now.

        Where the records cannot be read the terms are those of a server without a past.
        """
        try:
            turns = await self._latest(now)
        except Unavailable as error:
            log.warning("past not read", plan=plan.name, reason=error.message)
            turns = []
        names = {plan.baseline.name, baseline}
        own = [record for record in turns if record.variant in names]
        return await asyncio.to_thread(_settle, plan, own, memory_bytes)

    async def _latest(self, now: float) -> list[TurnRecord]:
        """The turns of the longest span that has no more than can be read; of the shortest, its oldest turns."""
        turns: list[TurnRecord] = []
        for span_s in SPANS_S:
            found = [record async for record in self._records(now - span_s, TURNS)]
            if len(found) >= TURNS:
                return turns or found
            turns = found
        return turns


def _settle(plan: Plan, turns: list[TurnRecord], memory_bytes: int) -> Terms:
    history = history_of(turns) if turns else None
    return settle(plan, history, memory_bytes=memory_bytes)
