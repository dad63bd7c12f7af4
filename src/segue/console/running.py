"""The runs of this server: begun here or taken over, apart from whoever waits for them.

The store decides who may write: whoever holds the newest token. A run is renewed while it is made; where its server
dies, the lease ends and another server begins the next attempt. Only one attempt can end a run, so a reply is never
kept twice, though a language model may be asked twice.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

import structlog

from segue.clock import Clock
from segue.console.chats import Message, Run
from segue.console.live import Live, State
from segue.console.making import Hand, Maker
from segue.console.ports import ChatStore
from segue.errors import Overloaded, Unavailable
from segue.vendors.console import ChatSettings

log = structlog.get_logger("segue.console")

SWEEP_S = 1.0
"""How often runs are looked for that nobody holds any more."""
KEPT_S = 60.0
"""How long a run that ended is kept in memory, with its sound."""
RUN_BYTES = 16_000_000
"""Sound that is kept of one run: five minutes and a half."""
KEPT_BYTES = 64_000_000
"""Sound that is kept of all runs that ended."""
KEPT_RUNS = 1000
FORGET_S = 60.0
"""How often claims that have expired are removed, …"""
FORGET_CLAIMS = 1000
"""… at most so many in one transaction."""
EVER_US = 2**62


class Runs:
    """The runs of this server; start it with the process and close it before the store."""

    def __init__(self, store: ChatStore, maker: Maker, clock: Clock, settings: ChatSettings, hand: Hand) -> None:
        self._store = store
        self._maker = maker
        self._clock = clock
        self._settings = settings
        self._hand = hand
        self._making: dict[str, tuple[Live, asyncio.Task[None]]] = {}
        self._kept: dict[str, Live] = {}
        self._reserved = 0
        self._idle = asyncio.Event()
        self._sweeper: asyncio.Task[None] | None = None
        self._forget_at = clock.now()
        self.taken = 0
        """Runs that were taken over from others."""

    @property
    def closed(self) -> bool:
        """Whether this server is about to stop: nothing new is begun."""
        return self._maker.closed

    @property
    def under_way(self) -> int:
        """Runs that are being made here, those included that have a place but are not begun yet."""
        return len(self._making) + self._reserved

    async def start(self) -> None:
        """Take over what was left behind, and go on looking for more."""
        with suppress(Unavailable):
            await self._take(EVER_US if self._hand.alone else self._maker.now_us())
        self._sweeper = asyncio.create_task(self._sweep())

    async def drain(self, within_s: float) -> None:
        """Begin nothing new, let runs end for so long, and hand the others over."""
        self._maker.closed = True
        with suppress(TimeoutError):
            async with self._clock.limit(within_s):
                while self._making:
                    self._idle.clear()
                    await self._idle.wait()
        await self._hand_over()

    async def close(self) -> None:
        """End everything that runs here; whoever is next goes on at once."""
        self._maker.closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._hand_over()

    def reserve(self) -> None:
        """Take a place for a run that is about to begin; `release` gives it back, `begin` uses it.

        Raises:
            Overloaded: there is none, or this server is about to stop.
        """
        if self.closed:
            raise Overloaded("This server is about to stop; send again in a moment, with the same idempotency key.")
        if self.under_way >= self._settings.max_runs:
            raise Overloaded(f"{self.under_way} replies are under way here, as many as it makes; send again soon.")
        self._reserved += 1

    def release(self) -> None:
        """Give a place back."""
        self._reserved -= 1

    def lease(self) -> tuple[str, int]:
        """Who holds a run that begins here now, and until when (Unix microseconds)."""
        return self._maker.lease()

    def begin(self, run: Run, message: Message | None = None) -> Live:
        """Make a run that this server holds; it goes on whoever waits for it."""
        live = Live(run, message, self._clock.now() + self._settings.lease_s, RUN_BYTES)
        self._kept.pop(run.id, None)
        task = asyncio.create_task(self._run(live))
        self._making[run.id] = (live, task)
        return live

    def live(self, run: str) -> Live | None:
        """A run that is made here, or ended here a moment ago."""
        found, _ = self._making.get(run, (self._kept.get(run), None))
        return found if found is not None and found.state is not State.LOST else None

    async def _run(self, live: Live) -> None:
        try:
            await self._maker.run(live)
        finally:
            if self._making.get(live.run.id, (None,))[0] is live:
                del self._making[live.run.id]
                if live.state is State.ENDED:
                    self._kept[live.run.id] = live
            self._idle.set()

    async def _sweep(self) -> None:
        """Again and again: take over what nobody holds, and forget what ended long ago."""
        while True:
            await self._clock.sleep(SWEEP_S * (0.75 + 0.5 * self._hand.chance()))
            self._forget()
            try:
                await self._take(self._maker.now_us())
                await self._forget_claims()
            except Unavailable as error:
                log.debug("runs cannot be looked for", reason=error.message)
            except Exception:
                log.exception("runs cannot be looked for")

    async def _take(self, now_us: int) -> None:
        room = 0 if self.closed else self._settings.max_runs - self.under_way
        holder, until_us = self._maker.lease()
        # What is made here is not left behind, though a clock that was set forward makes its lease look over.
        here = tuple(self._making)
        for run in await self._store.take(holder, now_us=now_us, until_us=until_us, limit=room, besides=here):
            log.warning("run taken over", run=run.id, attempt=run.attempt)
            self.taken += 1
            self.begin(run)

    async def _forget_claims(self) -> None:
        """Now and then remove claims that have expired; at once again while there are more."""
        now = self._clock.now()
        if now >= self._forget_at:
            gone = await self._store.forget(now_us=self._maker.now_us(), limit=FORGET_CLAIMS)
            self._forget_at = now if gone == FORGET_CLAIMS else now + FORGET_S

    async def _hand_over(self) -> None:
        """End the runs that are made here, and give up their leases, so that others go on at once."""
        making = list(self._making.values())
        for live, task in making:
            live.over(State.HANDED)
            task.cancel()
        await asyncio.gather(*(task for _, task in making), return_exceptions=True)
        await asyncio.gather(*(self._maker.give_up(live) for live, _ in making))

    def _forget(self) -> None:
        """Let go of what ended long ago, and of the oldest sound where there is too much."""
        now = self._clock.now()
        gone = [id for id, live in self._kept.items() if now - live.ended_at >= KEPT_S]  # noqa: A001
        for id in chain(gone, self._surplus(len(gone))):  # noqa: A001
            del self._kept[id]
        left = sum(live.bytes for live in self._kept.values())
        for live in self._kept.values():
            if left <= KEPT_BYTES:
                break
            left -= live.bytes
            live.forget(0)

    def _surplus(self, gone: int) -> Iterator[str]:
        return iter(list(self._kept)[gone:][: max(0, len(self._kept) - gone - KEPT_RUNS)])
