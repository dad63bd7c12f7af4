"""Keeps the audit of one server: signs its head when there is something new, and prunes what is old.

Nobody ever waits for it. What fails is counted, told once, and tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from segue.clock import Clock
from segue.console.audit import Draft
from segue.console.heads import Head, Signer, signed_head
from segue.console.operator import SCHEDULE
from segue.console.ports import AuditStore, HeadPlace
from segue.console.pruning import Pruner
from segue.console.retention import ACTION, cutoff_us
from segue.errors import SegueError
from segue.vendors.console import AuditSettings

log = structlog.get_logger("segue.audit")

LOOK_S = 1.0
"""How often it is seen whether there is anything new to sign."""
FIRST_PRUNE_S = 60.0
"""How long after the start the first pruning is, at most; then every `audit.prune_s`."""
TIDY_S = 60.0
"""How often the rest of the house is tidied."""
CLOSING_S = 5.0
"""How long the last head is waited for."""


class Keeper:
    """Looks after the audit from `start` to `close`. `tidying`: what else removes things that have had their time."""

    def __init__(
        self,
        audit: AuditStore,
        pruner: Pruner,
        signer: Signer,
        place: HeadPlace,
        clock: Clock,
        settings: AuditSettings,
        node: str,
        tidying: Sequence[Callable[[], Awaitable[object]]] = (),
    ) -> None:
        self._audit = audit
        self._pruner = pruner
        self._signer = signer
        self._place = place
        self._clock = clock
        self._settings = settings
        self._node = node
        self._tidying = tuple(tidying)
        self._tasks: list[asyncio.Task[None]] = []
        self._failing: dict[str, str] = {}
        self._signing = asyncio.Lock()
        self._signed_seq = 0
        self._signed_at: float | None = None
        self._waiting_since: float | None = None
        self.newest = 0
        """`seq` of the newest entry, as last seen."""
        self.signed = 0
        """Heads that were signed and written."""
        self.failed = 0
        """Times that a head could not be written, or a pruning could not be done."""

    @property
    def signer(self) -> Signer:
        """The key that this server signs with."""
        return self._signer

    @property
    def head_age_s(self) -> float:
        """For how long there have been entries that no head of this server covers; 0 while there are none."""
        return 0.0 if self._waiting_since is None else self._clock.now() - self._waiting_since

    async def start(self) -> None:
        """Begin."""
        settings = self._settings
        self._tasks = [asyncio.create_task(self._forever("signing heads", self._look, LOOK_S), name="audit: heads")]
        if settings.prune_s:
            first_s = min(FIRST_PRUNE_S, settings.prune_s)
            pruning = self._forever("pruning", self.prune, settings.prune_s, first_s=first_s)
            self._tasks.append(asyncio.create_task(pruning, name="audit: pruning"))
        for number, tidy in enumerate(self._tidying):
            tidying = self._forever(f"tidying {number}", tidy, TIDY_S)
            self._tasks.append(asyncio.create_task(tidying, name=f"audit: tidying {number}"))

    async def close(self) -> None:
        """Stop, and sign what is new. Closing twice is harmless."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await self._once("signing heads", self._last)

    async def sign(self) -> Head | None:
        """Sign a head of the newest entry and write it down; None if the newest is signed.

        Raises:
            Unavailable: the audit cannot be read, or the head not be written.
        """
        async with self._signing:
            last = await self._audit.last()
            if last is None or last.seq == self._signed_seq:
                return None
            head = signed_head(last, round(self._clock.wall() * 1e6), self._node, self._signer)
            await self._place.write(head)
            self._signed_seq, self._signed_at = last.seq, self._clock.now()
            self._waiting_since = None
            self.signed += 1
            return head

    async def prune(self) -> None:
        """Remove what is older than entries are kept, and sign what is left.

        Raises:
            Unsound: what is old was tampered with.
            Unavailable: the audit cannot be read or written.
        """
        now_us = round(self._clock.wall() * 1e6)
        draft = Draft(now_us, SCHEDULE.name, SCHEDULE.via, ACTION, target="audit", node=self._node)
        before_us = cutoff_us(now_us, self._settings.retention_days)
        done = await self._pruner.prune(draft, before_us, batch=self._settings.prune_batch)
        if done.removed:
            log.info("audit pruned", removed=done.removed, to_seq=done.to_seq)
            await self.sign()

    async def _look(self) -> None:
        """Sign a head if enough is new, or something is new for long enough."""
        last = await self._audit.last()
        self.newest = last.seq if last is not None else 0
        if self.newest == self._signed_seq:
            return
        now = self._clock.now()
        if self._waiting_since is None:
            self._waiting_since = now
        due = self._signed_at is None or now - self._signed_at >= self._settings.head_s
        if due or self.newest - self._signed_seq >= self._settings.head_entries:
            await self.sign()

    async def _last(self) -> None:
        async with self._clock.limit(CLOSING_S):
            await self.sign()

    async def _forever(
        self, what: str, do: Callable[[], Awaitable[object]], every_s: float, *, first_s: float | None = None
    ) -> None:
        await self._clock.sleep(every_s if first_s is None else first_s)
        while True:
            await self._once(what, do)
            await self._clock.sleep(every_s)

    async def _once(self, what: str, do: Callable[[], Awaitable[object]]) -> None:
        """Do something; a failure is counted, and told when it is a new one."""
        try:
            await do()
        except Exception as error:
            self.failed += 1
            expected = isinstance(error, SegueError | TimeoutError)
            reason = error.message if isinstance(error, SegueError) else repr(error)
            if self._failing.get(what) != reason:
                self._failing[what] = reason
                log.error("the audit is not looked after", doing=what, reason=reason, exc_info=not expected)
        else:
            if self._failing.pop(what, None) is not None:
                log.warning("the audit is looked after again", doing=what)
