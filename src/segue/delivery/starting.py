"""How an attempt begins: what is asked of the store, of the past and of the server before it does."""

from collections.abc import Callable

from segue.clock import Clock
from segue.delivery.past import Past
from segue.delivery.plan import Plan
from segue.delivery.ports import RolloutStore, Watcher
from segue.delivery.rollout import Change, Command
from segue.delivery.step import begin
from segue.delivery.terms import Terms, settle


class Starting:
    """One command to begin an attempt at a plan. Its terms are settled once, however often it is tried."""

    def __init__(
        self,
        plan: Plan,
        command: Command,
        store: RolloutStore,
        past: Past,
        watcher: Watcher,
        clock: Clock,
        chance: Callable[[], str],
    ) -> None:
        self._plan = plan
        self._command = command
        self._store = store
        self._past = past
        self._watcher = watcher
        self._clock = clock
        self._chance = chance
        self._terms: Terms | None = None

    async def change(self) -> Change:
        """The change that begins it, or that refuses to, as things stand now.

        The past is read only for what is not refused anyway.

        Raises:
            Unavailable: the store cannot be read.
        """
        if self._terms is None:
            change = await self._begun(settle(self._plan))
            if change.idle:
                return change
            now, memory_bytes = self._clock.wall(), self._watcher.memory_bytes()
            speaks = (await self._store.table()).baseline.name
            self._terms = await self._past.settled(self._plan, now, memory_bytes, speaks)
        return await self._begun(self._terms)

    async def _begun(self, terms: Terms) -> Change:
        name = self._plan.name
        before, latest = await self._store.load(name), await self._store.latest()
        return begin(
            self._plan,
            await self._store.table(),
            now=self._clock.wall(),
            command=self._command,
            attempt=before.attempt + 1 if before is not None else 1,
            terms=terms,
            memory_bytes=self._watcher.memory_bytes(),
            before=before,
            other=next((each.key for each in latest if each.phase.live and each.name != name), ""),
            lacking=[
                sentence
                for each in (self._plan.baseline, self._plan.candidate)
                for sentence in self._watcher.lacking(each.variant())
            ],
            chance=self._chance(),
        )
