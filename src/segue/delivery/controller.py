"""The spine of the delivery plane: read → close → judge and decide → save → publish, again and again.

    cells ──▶ blocks, look ──▶ step(rollout, …) ──▶ Change ──▶ store (compare-and-set) ──▶ table of this process
                                  ▲
    an operator's command ────────┘

Every server runs one. A lease says which of them looks after the rollouts, which only saves work: the store refuses
all but the first of two that write the same version, and the other one reads again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from segue.clock import Clock
from segue.delivery.ahead import Ahead
from segue.delivery.apply import CONTROLLER
from segue.delivery.evidence import LISTENERS, Look
from segue.delivery.lease import Lease
from segue.delivery.observer import Observer, Sight
from segue.delivery.past import Past
from segue.delivery.plan import Plan
from segue.delivery.ports import Conflict, RolloutStore, UnknownRollout, Watcher
from segue.delivery.replica import Replica, name_of
from segue.delivery.rollout import Change, Command, Decision, Rollout, Verb
from segue.delivery.seen import Seen, Sightings, judgement_of
from segue.delivery.starting import Starting
from segue.delivery.step import step
from segue.errors import Unavailable
from segue.routing import RoutingTable
from segue.vendors.delivery import DeliverySettings

log = structlog.get_logger("segue.delivery")

TRIES = 20
"""So often a command is tried again when somebody else was quicker; each time another change has been made."""
MANY_BLOCKS = 200
"""So many blocks at once, after a long silence, are folded in a thread of their own."""
AT_ONCE = " It holds on this server at once, and is written as soon as the database can be written again."


@dataclass(slots=True)
class Counts:
    """What a controller has done since it was made."""

    ticks: int = 0
    failed: int = 0
    conflicts: int = 0


class Controller:
    """Looks after rollouts, and obeys operators. `chance` gives a fresh hexadecimal word each time."""

    def __init__(
        self,
        store: RolloutStore,
        replica: Replica,
        watcher: Watcher,
        past: Past,
        clock: Clock,
        settings: DeliverySettings,
        chance: Callable[[], str],
    ) -> None:
        self.store = store
        self.replica = replica
        self.lease = Lease(store, replica.name, clock, settings.lease_s)
        self.counts = Counts()
        self.ticked_at: float | None = None
        """Unix seconds of the latest look that ended well."""
        self._observer = Observer(store, watcher, settings.grace_s)
        self._watcher = watcher
        self._past = past
        self._clock = clock
        self._settings = settings
        self._chance = chance
        self._began_at = clock.wall()
        self._ahead = Ahead(replica)
        self._sightings = Sightings()

    async def tick(self, name: str) -> Decision | None:
        """Look at a rollout once, and write what follows; the decision if there is one.

        Raises:
            Unavailable: the store cannot be read or written. Harm that was found holds on this server all the same.
        """
        try:
            return await self._look(name)
        except Unavailable:
            await self._look_alone(name)
            raise

    async def _look(self, name: str) -> Decision | None:
        with suppress(Unavailable):  # what could not be written is looked at all the same
            await self.replica.flush()
        rollout = await self.store.load(name)
        if rollout is None or not rollout.phase.live:
            return None
        change, sight = await self._stepped(rollout, await self.store.table())
        try:
            await self._keep(change, sight)
        except Conflict as conflict:
            self.counts.conflicts += 1
            log.info("another server was quicker", rollout=rollout.key, reason=conflict.message)
            return None
        except Unavailable:
            self._ahead.hold_harm(change, self._chance())
            raise
        if change.blocks:
            closed = {series: end for series, end in change.rollout.closed.items() if series != LISTENERS}
            await self.store.forget_cells(rollout.key, rollout.stage, before_block=closed)
        return None if change.idle else change.decision

    async def _look_alone(self, name: str) -> None:
        """While the store is gone: roll back here if what this server counted by itself is proof of harm."""
        rollout, now = self.replica.rollout, self._clock.wall()
        if rollout is None or rollout.name != name:
            return
        self.replica.tally.sweep(now)
        sight = await self._observer.see_alone(rollout, now, self.replica.tally.cells())
        self._ahead.hold_harm(self._step(rollout, self.replica.published.table, sight, now), self._chance())

    async def command(self, name: str, command: Command) -> Decision:
        """Obey an operator, or refuse with the reason; a command of the same id takes effect once.

        A roll back holds on this server at once even where the store cannot be written.

        Raises:
            UnknownRollout: there is none of this name.
            Conflict: others were quicker again and again.
            Unavailable: the store cannot be read or written.
        """
        command = replace(command, id=command.id or self._chance())
        try:
            if command.verb is not Verb.RETRY:
                return await self._obey(name, command)
            before = await self.store.load(name)
            if before is None:
                raise UnknownRollout(f"There is no rollout {name!r}.")
            return await self.start(before.plan, command)
        except Unavailable as error:
            if command.verb is not Verb.ROLL_BACK:
                raise
            return self._obey_here(name, command, error)

    async def start(self, plan: Plan, command: Command) -> Decision:
        """Begin a new attempt at a plan, or refuse with the reason.

        Raises:
            Conflict: others were quicker again and again.
            Unavailable: the store cannot be read or written.
        """
        command = replace(command, id=command.id or self._chance())
        starting = Starting(plan, command, self.store, self._past, self._watcher, self._clock, self._chance)
        for _ in range(TRIES):
            if await self._kept(change := await starting.change()):
                return _answer(change)
        raise Conflict(f"{plan.name} could not be started: others were quicker {TRIES} times. Try again.")

    def seen(self, name: str) -> Seen | None:
        """How a rollout stood when this server last looked at it; None if it never did."""
        return self._sightings.of(name)

    async def status(self, name: str) -> Seen | None:
        """How a rollout stands, whoever looks after it: as of the latest look, or of one taken for the purpose.

        Raises:
            Unavailable: the store cannot be read.
        """
        now, seen = self._clock.wall(), self._sightings.of(name)
        if seen is not None and seen.rollout.phase.live and now - seen.at <= 2 * self._settings.tick_s:
            return seen
        rollout = await self.store.load(name)
        if rollout is None:
            return None
        sight = Sight((), Look(at=now), {})
        if rollout.phase.live:
            sight = await self._observer.see(rollout, now, self.replica.tally.cells())
        return self._sightings.note(rollout, judgement_of(rollout, sight.look), sight)

    @property
    def leads(self) -> bool:
        """Whether this server looks after the rollouts, as far as it knows."""
        return self.lease.held

    @property
    def stalled(self) -> bool:
        """Whether a rollout is live, and for three intervals nobody here has looked at it although it is ours."""
        if self.replica.rollout is None or not self.leads:
            return False
        since = max(self.ticked_at or 0.0, self._began_at, self.replica.rollout.started_at)
        return self._clock.wall() - since > 3 * self._settings.tick_s

    async def look_after(self) -> None:
        """Whatever is to be done now: what is owed to the store, and a look at the rollout that is live.

        Raises:
            Unavailable: the store cannot be read or written.
        """
        for key, command in list(self._ahead.owed.items()):
            await self._repay(key, command)
        exposure = self.replica.published.table.exposure
        if exposure is None:
            return
        name = name_of(exposure.rollout)
        try:
            if not await self.lease.take():
                return
        except Unavailable:
            await self._look_alone(name)
            raise
        await self.tick(name)
        self.ticked_at = self._clock.wall()
        self.counts.ticks += 1

    async def _stepped(
        self, rollout: Rollout, table: RoutingTable, command: Command | None = None
    ) -> tuple[Change, Sight]:
        """What follows from what there is to see now, and from a command; and what there was to see."""
        now = self._clock.wall()
        if rollout.phase.live:
            sight = await self._observer.see(rollout, now, self.replica.tally.cells())
        else:
            sight = Sight((), Look(at=now), {})
        if len(sight.blocks) > MANY_BLOCKS:
            change = await asyncio.to_thread(self._step, rollout, table, sight, now, command)
        else:
            change = self._step(rollout, table, sight, now, command)
        return (change if change.idle else replace(change, look=sight.look)), sight

    def _step(
        self, rollout: Rollout, table: RoutingTable, sight: Sight, now: float, command: Command | None = None
    ) -> Change:
        return step(
            rollout, table, now=now, blocks=sight.blocks, look=sight.look, command=command, chance=self._chance()
        )

    async def _keep(self, change: Change, sight: Sight | None = None) -> None:
        """Write a change, if there is anything to write, let it hold here at once, and show it."""
        if not change.idle:
            await self.store.save(change)
            self.replica.follow(change.rollout, change.table, judged=sight.own if sight is not None else ())
        if not change.rollout.phase.live:
            self._sightings.forget(change.rollout.name)
        elif change.judgement is not None and sight is not None:
            self._sightings.note(change.rollout, change.judgement, sight)

    async def _obey(self, name: str, command: Command) -> Decision:
        for _ in range(TRIES):
            rollout = await self.store.load(name)
            if rollout is None:
                raise UnknownRollout(f"There is no rollout {name!r}.")
            change, sight = await self._stepped(rollout, await self.store.table(), command)
            if await self._kept(change, sight) and not change.unheard:
                return _answer(change)
        raise Conflict(f"{name} could not be told to {command.verb}: others were quicker {TRIES} times. Try again.")

    async def _kept(self, change: Change, sight: Sight | None = None) -> bool:
        """Whether a change was written; somebody else may have been quicker."""
        try:
            await self._keep(change, sight)
        except Conflict:
            self.counts.conflicts += 1
            return False
        return True

    async def _repay(self, key: str, command: Command) -> None:
        """Write a roll back that holds here already: as the gates find it again, or else as the command it was.

        Where somebody else has ended that attempt meanwhile, there is nothing to write.
        """
        name = name_of(key)
        if command.actor == CONTROLLER and await self._goes_on(key):
            await self.tick(name)
        if await self._goes_on(key):
            await self._obey(name, command)
        self._ahead.written(key)

    async def _goes_on(self, key: str) -> bool:
        rollout = await self.store.load(name_of(key))
        return rollout is not None and rollout.key == key and rollout.phase.live

    def _obey_here(self, name: str, command: Command, error: Unavailable) -> Decision:
        """Roll back on this server although the store cannot be written, and owe it to the store."""
        rollout, table = self.replica.rollout, self.replica.published.table
        if rollout is None or rollout.name != name:
            raise error
        now = self._clock.wall()
        change = step(rollout, table, now=now, look=Look(at=now), command=command, chance=self._chance())
        self._ahead.hold(change, command)
        decision = _answer(change)
        return replace(decision, reason=decision.reason + AT_ONCE)


def _answer(change: Change) -> Decision:
    if change.decision is None:
        raise RuntimeError("a command was neither obeyed nor refused")
    return change.decision
