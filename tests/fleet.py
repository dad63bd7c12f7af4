"""Servers that share one store, with listeners whom the published table draws. Only the voices are missing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from segue.clock import ManualClock
from segue.delivery.controller import Controller
from segue.delivery.past import Past
from segue.delivery.ports import RolloutStore
from segue.delivery.published import Published
from segue.delivery.replica import Replica
from segue.delivery.rollout import Decision
from segue.delivery.tally import Tally
from segue.records import TurnRecord
from segue.routing import Arm
from segue.vendors.delivery import DeliverySettings
from segue.voice.assignment import assign
from tests.evidence import Chance, Quiet
from tests.records import turn


class Server:
    """One server: a controller of its own, and turns that it takes."""

    def __init__(
        self, store: RolloutStore, clock: ManualClock, name: str = "one", past: Sequence[TurnRecord] = ()
    ) -> None:
        settings = DeliverySettings()
        self.clock = clock
        self.watcher = Quiet()
        replica = Replica(store, Published(), Tally(name, late_s=settings.grace_s / 2), clock)
        before = Past(lambda since, limit: _those(past, since, limit))
        self.controller = Controller(store, replica, self.watcher, before, clock, settings, Chance(name))

    @property
    def replica(self) -> Replica:
        """What this server does whoever looks after the rollouts."""
        return self.controller.replica

    def take(self, listener: str, *, ttfa_ms: float = 900.0, slow_ms: float | None = None, **changes: Any) -> str:
        """One turn of a listener, over in an instant of this clock; the arm it was counted on.

        `slow_ms` is the time to first audio where the candidate speaks.
        """
        drawn = assign(listener, self.replica.published.current())
        candidate = drawn.arm == Arm.CANDIDATE
        record = turn(
            slow_ms if slow_ms is not None and candidate else ttfa_ms,
            turn=f"{abs(hash((listener, self.clock.now()))):032x}",
            at=self.clock.wall(),
            listener=listener,
            session=listener,
            variant=drawn.variant.name,
            rollout=drawn.rollout,
            stage=drawn.stage,
            arm=drawn.arm,
            assigned=drawn.reason.value,
            **changes,
        )
        self.replica.tally.over(record)
        return drawn.arm


async def minutes(
    server: Server,
    length_min: float,
    *,
    every_s: float = 5.0,
    turns: int = 4,
    ttfa_ms: float = 900.0,
    slow_ms: float | None = None,
    also: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Let time pass, with so many turns of new listeners at each look; `also` is done after each."""
    for _ in range(round(length_min * 60.0 / every_s)):
        for number in range(turns):
            server.take(f"{server.replica.name}-{server.clock.now()}-{number}", ttfa_ms=ttfa_ms, slow_ms=slow_ms)
        await server.clock.advance(every_s)
        await server.replica.refresh()
        await server.controller.look_after()
        if also is not None:
            await also()


async def told(store: RolloutStore, name: str = "night") -> list[str]:
    """The decisions of the latest attempt, each in a few words."""
    return [few(decision) for decision in await store.decisions(name)]


def few(decision: Decision) -> str:
    """A decision in its kind, code and stage."""
    return f"{decision.kind.value} {decision.code} {decision.stage_name}"


async def _those(past: Sequence[TurnRecord], since: float, limit: int) -> AsyncIterator[TurnRecord]:
    for record in [each for each in past if each.at >= since][:limit]:
        yield record
