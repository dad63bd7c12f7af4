"""What operators do about incidents: each deed in one transaction with its entry, on the newest state of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from segue.clock import Clock
from segue.console.actions import Actions, Deed
from segue.console.audit import Draft, digest
from segue.console.incidents import Due, Incident, Step, escalated
from segue.console.operator import Operator, Scope
from segue.errors import NotFound, Overloaded

TRIES = 5
"""So often a change is tried anew on what somebody else made of it meanwhile."""


class IncidentStore(Protocol):
    """Keeps incidents. Every method may raise `Unavailable`: what is kept cannot be read or written."""

    async def open(self, incident: Incident, *, entry: Draft) -> Incident:
        """Keep a new incident under the next free id of its day, which the target of the entry is given too."""

    async def save(self, incident: Incident, *, entry: Draft) -> bool:
        """Keep a change; False, and nothing is written, if the version before it is not the newest."""

    async def load(self, id: str) -> Incident | None:  # noqa: A002 - it is what it is called everywhere
        """An incident, or None."""

    async def page(self, *, state: str, before: tuple[int, str] | None, limit: int) -> list[Incident]:
        """The newest incidents, newest first: those before (`at_us`, `id`) in that order; `state` empty for any."""


class Responding:
    """Everything that is done about incidents. `steps` are those of the escalation."""

    def __init__(self, store: IncidentStore, actions: Actions, clock: Clock, steps: Sequence[Step]) -> None:
        self.store = store
        self._actions = actions
        self._clock = clock
        self._steps = tuple(steps)

    def due(self, incident: Incident) -> tuple[Due, ...]:
        """Who must be told of it by now."""
        return escalated(incident, self._now_us(), self._steps)

    async def open(self, by: Operator, incident: Callable[[int], Incident], request: str) -> Incident:
        """Open one; `incident` makes it of the moment, in Unix microseconds.

        Raises:
            Forbidden: they may not.
        """

        async def keep(draft: Draft) -> Incident:
            made = incident(self._now_us())
            facts: dict[str, str | int] = {"severity": made.severity.value}
            return await self.store.open(made, entry=replace(draft, after=digest(made.as_dict()), facts=facts))

        return await self._actions.act(by, Deed("incident.open", "incident", Scope.ROLLOUT_WRITE, request), keep)

    async def change(
        self,
        by: Operator,
        verb: str,
        id: str,  # noqa: A002
        change: Callable[[Incident, int], Incident],
        request: str,
    ) -> Incident:
        """Change one; `change` makes the next state of the newest one, and may refuse.

        Raises:
            Forbidden: they may not.
            NotFound: there is none of this id.
            InvalidRequest: it cannot be done in its state.
            Overloaded: others change it all the time.
        """

        async def keep(draft: Draft) -> Incident:
            for _ in range(TRIES):
                before = await self.find(id)
                after = change(before, self._now_us())
                facts: dict[str, str | int] = {"state": after.state.value, "severity": after.severity.value}
                entry = replace(draft, before=digest(before.as_dict()), after=digest(after.as_dict()), facts=facts)
                if await self.store.save(after, entry=entry):
                    return after
            raise Overloaded(f"Others are changing {id}; try again.")

        return await self._actions.act(
            by, Deed(f"incident.{verb}", f"incident/{id}", Scope.ROLLOUT_WRITE, request), keep
        )

    async def find(self, id: str) -> Incident:  # noqa: A002
        """An incident by its id.

        Raises:
            NotFound: there is none.
        """
        found = await self.store.load(id)
        if found is None:
            raise NotFound(f"There is no incident {id!r:.60}.", code="unknown_incident")
        return found

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)
