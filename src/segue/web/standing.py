"""What the doors of the rollouts read: how each stands, as the controller of this server sees it."""

from typing import Any

from segue.clock import Clock
from segue.delivery.commands import objection
from segue.delivery.controller import Controller
from segue.delivery.ports import UnknownRollout
from segue.delivery.rollout import Command, Rollout
from segue.delivery.seen import Seen
from segue.delivery.status import Control, Realised, status, summary


class Standing:
    """How the rollouts stand. Every method may raise `Unavailable`: what is kept cannot be read."""

    def __init__(self, controller: Controller, clock: Clock) -> None:
        self._controller = controller
        self._clock = clock

    async def seen(self, name: str) -> Seen:
        """A rollout as it was last looked at.

        Raises:
            UnknownRollout: there is none of this name; the message names those there are.
        """
        seen = await self._controller.status(name)
        if seen is None:
            raise await self.unknown(name)
        return seen

    async def of(self, name: str) -> dict[str, Any]:
        """The status of a rollout.

        Raises:
            UnknownRollout: there is none of this name.
        """
        return self.told(await self.seen(name))

    def told(self, seen: Seen) -> dict[str, Any]:
        """The status of a rollout that was looked at."""
        return status(
            seen.rollout,
            seen.judgement,
            seen.look,
            now=self._clock.wall(),
            why_not=lambda command: self._why_not(seen, command),
            control=self._control(),
            realised=Realised(seen.candidates, seen.baselines),
            restricted=self._restricted(seen.rollout),
        )

    async def started(self, before: tuple[float, str] | None, limit: int) -> list[Rollout]:
        """The latest attempt of every rollout, the one that was started last first: those before (moment, name).

        When an attempt was started does not change, so that pages of this list neither repeat nor skip one.
        """
        found = await self._controller.store.latest()
        those = [each for each in found if before is None or (each.started_at, each.name) < before]
        return sorted(those, key=lambda each: (each.started_at, each.name), reverse=True)[:limit]

    async def short(self, name: str) -> dict[str, Any]:
        """A rollout in short.

        Raises:
            UnknownRollout: there is none of this name.
        """
        seen = await self.seen(name)
        return summary(seen.rollout, seen.judgement, now=self._clock.wall())

    async def attempt(self, name: str, number: int | None) -> Rollout:
        """One attempt of a rollout; the latest one when no number is given.

        Raises:
            UnknownRollout: there is no such rollout, or it has no such attempt.
        """
        store = self._controller.store
        latest = await store.load(name)
        if latest is None:
            raise await self.unknown(name)
        found = latest if number in (None, latest.attempt) else await store.attempt(name, number or 0)
        if found is None:
            raise UnknownRollout(f"{name} has no attempt {number}; its latest is {latest.attempt}.")
        return found

    async def unknown(self, name: str) -> UnknownRollout:
        """The error that says that there is no such rollout, and which there are."""
        names = ", ".join(rollout.name for rollout in await self._controller.store.latest())
        there = f"there is {names}" if names else "there is none yet"
        return UnknownRollout(f"There is no rollout {name!r}; {there}.")

    def _why_not(self, seen: Seen, command: Command) -> str:
        """Why a command would be refused as things stand; nothing where it would not."""
        table = self._controller.replica.published.table
        found = objection(seen.rollout, command, now=self._clock.wall(), look=seen.look, table=table)
        return found.reason if found else ""

    def _control(self) -> Control:
        controller = self._controller
        return Control(
            controller.ticked_at if controller.leads else None,
            controller.stalled,
            controller.replica.name if controller.leads else "",
        )

    def _restricted(self, rollout: Rollout) -> str:
        """What the environment of this server takes away from a rollout; nothing where it is left as it is."""
        published = self._controller.replica.published
        exposure = published.current().exposure
        asked = published.table.exposure
        if asked is None or asked.rollout != rollout.key:
            return ""
        if published.refused:
            return published.refused
        return str(exposure.restrictions) if published.restricted and exposure is not None else ""
