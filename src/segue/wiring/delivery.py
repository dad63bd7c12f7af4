"""The delivery plane, put together: what counts turns, keeps rollouts, looks after them and tells people."""

import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from segue.clock import Clock
from segue.delivery.controller import Controller
from segue.delivery.outbox import Outbox
from segue.delivery.past import Past
from segue.delivery.ports import RolloutStore
from segue.delivery.published import Published
from segue.delivery.replica import Replica
from segue.delivery.rollout import Phase
from segue.delivery.rounds import Rounds
from segue.delivery.tally import Tally
from segue.providers.prometheus import FiringAlerts
from segue.providers.webhook import Webhook
from segue.records import TurnRecord
from segue.routing import BASIS, RoutingTable, restrict
from segue.settings import Settings, restrictions, variable
from segue.stores.console import MemoryAuditStore
from segue.stores.rollouts import MemoryRolloutStore
from segue.stores.sql.rollouts import SqlRolloutStore
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.voice.lookout import Lookout
from segue.voice.planner import Planner
from segue.voice.ports import TurnStore
from segue.voice.switch import Switch
from segue.voice.timeline import Timeline
from segue.wiring.watching import ServerWatcher


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery plane of one server. `parts` are started in this order, and closed in the opposite one."""

    controller: Controller
    published: Published
    tally: Tally
    outbox: Outbox
    parts: tuple[Webhook | FiringAlerts | Rounds, ...]

    def watch(self, timeline: Timeline) -> None:
        """A turn began."""
        heading = timeline.heading
        self.tally.began(
            heading.turn,
            heading.at,
            heading.rollout,
            heading.stage,
            heading.arm,
            heading.character,
            heading.session or heading.listener or heading.turn,
            lambda: {name.removesuffix("_ms"): ms for name, ms in timeline.timings.items()},
        )


def deliver(
    settings: Settings,
    clock: Clock,
    database: Sql | None,
    turns: TurnStore,
    lookout: Lookout,
    switch: Switch,
    planner: Callable[[], Planner],
    memory: MemoryAuditStore | None,
) -> Delivery:
    """Put a delivery plane together; nothing is started yet. Without a database it forgets when the process ends.

    `planner` gives the voice plane's, which is made later; it says what a variant names and the plane does not have.
    `memory` is the audit where there is no database.
    """
    own = settings.delivery
    node = settings.console.node
    store: RolloutStore = MemoryRolloutStore(memory.write if memory is not None else None, node)
    if database is not None:
        store = SqlRolloutStore(database, node)
    published = Published(restrict=_restricted)
    tally = Tally(secrets.token_hex(6), late_s=own.grace_s / 2)
    replica = Replica(store, published, tally, clock)
    alerts = FiringAlerts(clock)
    controller = Controller(
        store,
        replica,
        ServerWatcher(lookout, switch, alerts, planner),
        Past(lambda since, limit: _turns(turns, since, limit)),
        clock,
        own,
        lambda: secrets.token_hex(16),
    )
    webhook = Webhook(clock, variable, own.public_url)
    outbox = Outbox(store, webhook, clock, random.Random(secrets.randbits(64)))  # noqa: S311 - only spreads waits
    return Delivery(controller, published, tally, outbox, (webhook, alerts, Rounds(controller, outbox, clock, own)))


def watch_delivery(metrics: Metrics, delivery: Delivery) -> None:
    """Tell the metrics where the readings of the delivery plane come from."""
    controller, counts = delivery.controller, delivery.controller.counts
    metrics.watch("rollout_share", lambda: _share(delivery.published))
    metrics.watch("rollout_phase", lambda: _phase(controller))
    metrics.watch("rollout_ticks", lambda: float(counts.ticks))
    metrics.watch("rollout_stalled", lambda: float(controller.stalled))
    metrics.watch("rollout_conflicts", lambda: float(counts.conflicts))
    metrics.watch("delivery_failures", lambda: float(counts.failed))
    metrics.watch("abandoned_turns", lambda: {arm: float(number) for arm, number in delivery.tally.abandoned.items()})
    outbox = delivery.outbox
    metrics.watch("messages", lambda: {"delivered": float(outbox.delivered), "given_up": float(outbox.given_up)})


def _restricted(table: RoutingTable) -> RoutingTable:
    """The table within what this machine's environment allows."""
    exposure = table.exposure
    return restrict(table, restrictions(exposure.environment)) if exposure is not None else table


async def _turns(turns: TurnStore, since: float, limit: int) -> AsyncIterator[TurnRecord]:
    async for record in turns.read(since=since, limit=limit):
        yield record


def _share(published: Published) -> dict[str, float]:
    exposure = published.current().exposure
    return {exposure.rollout: exposure.share_bp / BASIS} if exposure is not None else {}


def _phase(controller: Controller) -> Mapping[str, float]:
    rollout = controller.replica.rollout
    return {phase.value: float(rollout is not None and rollout.phase is phase) for phase in Phase}
