"""The kill switch: whether spoken replies may begin. Turning it off never waits for a restart; running turns finish.

Two hands are on it. The configuration (the variable `VOICE_STREAM_ENABLED`, or the settings) is read at start and can
only restrict: while it says no, nobody can turn speech on. The live switch is turned while the server runs, and is
kept, so that what was turned off stays off after a restart, and that servers which share a database follow each other.

Off holds here at once, whatever becomes of the writing, which is tried again until it is done. On holds once it is
written, and not before. A copy of the latest state lies beside, on this machine, for a start without the database.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from segue.clock import Clock
from segue.errors import InvalidRequest, SegueError, Unavailable, VoiceDisabled
from segue.vendors.degradation import VARIABLE

log = structlog.get_logger("segue.switch")

OFF = f"{VARIABLE} or the settings of this server keep spoken replies off"


FOLLOW_S = 0.5
"""How often it is asked how others turned it, and what could not be written is tried again."""


@dataclass(frozen=True, slots=True)
class SwitchState:
    """How the switch stands. `since` is in Unix seconds; `by` is `start`, `configuration`, or who turned it."""

    enabled: bool
    since: float
    reason: str = ""
    by: str = "start"
    kept: bool = True
    """False while it is not written down: it holds on this server, and others do not know yet."""


@dataclass(frozen=True, slots=True)
class Turning:
    """Somebody turns the switch: how it is to stand, when (Unix seconds), how they came in, and in which request."""

    state: SwitchState
    at: float
    via: str = ""
    request: str = ""


class SwitchStore(Protocol):
    """Keeps how the switch was turned."""

    async def load(self) -> SwitchState | None:
        """How it was turned last, or None if it never was.

        Raises:
            ConfigurationError: what was kept cannot be understood.
            Unavailable: it cannot be read.
        """

    async def save(self, turning: Turning) -> bool:
        """Keep it, whole or not at all; whether it is durable when this returns.

        Raises:
            Unavailable: it could not be written.
        """


class Switch:
    """One for the whole process. `enabled` is what the configuration says; without a store a restart forgets.

    `copy` is a store of this machine alone: it is written after the other, and read where the other cannot be.
    """

    def __init__(
        self, enabled: bool, clock: Clock, store: SwitchStore | None = None, copy: SwitchStore | None = None
    ) -> None:
        self._clock = clock
        self._store = store
        self._copy = copy
        self._turning = asyncio.Lock()
        self._configured: SwitchState | None = None
        if not enabled:
            self._configured = SwitchState(False, clock.wall(), f"{OFF}.", "configuration")
        self._live = SwitchState(True, clock.wall())
        self._newest: Turning | None = None
        self._owed: Turning | None = None
        self._failing = ""
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read how it was turned last, and begin to follow.

        Raises:
            ConfigurationError: what was kept cannot be understood, so nobody knows whether speech was turned off.
        """
        copied = await self._copy.load() if self._copy is not None else None
        kept = None
        try:
            kept = await self._store.load() if self._store is not None else None
            missing = kept is None and self._store is not None
        except Unavailable as error:
            missing = False
            log.error("the switch cannot be read", reason=error.message)
        if copied is not None and not copied.enabled and (missing or not copied.kept):
            self._live = replace(copied, kept=False)
            self._owed = Turning(self._live, copied.since, "start")
        elif kept is not None or copied is not None:
            self._live = kept or copied or self._live
        if not self.state.enabled:
            log.warning("voice is off", by=self.state.by, reason=self.state.reason)
        if self._store is not None:
            self._following = asyncio.create_task(self._follow(), name="switch")

    async def close(self) -> None:
        """Stop following; what is still to be written is written by the next start here."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    @property
    def state(self) -> SwitchState:
        """How it stands: off if either hand turned it off, the configuration's first."""
        return self._configured or self._live

    def check(self) -> None:
        """To be asked before a turn begins.

        Raises:
            VoiceDisabled: spoken replies are switched off.
        """
        state = self.state
        if not state.enabled:
            raise VoiceDisabled(f"Spoken replies are switched off: {state.reason}" if state.reason else "")

    async def turn(
        self, enabled: bool, reason: str = "", *, by: str = "api", via: str = "", request: str = ""
    ) -> SwitchState:
        """Turn the live switch in somebody's name. Off holds at once, also where it cannot be kept; `kept` tells.

        Raises:
            InvalidRequest: it is to be turned on, but the configuration keeps it off.
            Unavailable: it is to be turned on, and that cannot be written; nothing changed.
        """
        if enabled and self._configured is not None:
            raise InvalidRequest(f"{OFF}; change that and restart.", param="enabled")
        now = self._clock.wall()
        since = self._live.since if enabled is self._live.enabled else now
        turning = self._newest = Turning(SwitchState(enabled, since, reason, by, kept=False), now, via, request)
        if not enabled or self._store is None:
            self._live = turning.state
        if self._store is not None:
            self._owed = self._owed if enabled else turning  # also if the caller leaves before it is written
            async with self._turning:
                await (self._on(self._store, turning) if enabled else self._off(self._store))
        log.warning("voice switched", enabled=enabled, reason=reason, by=by, kept=self._live.kept)
        return self.state

    async def refresh(self) -> None:
        """Write what is still to be written, or else stand as the store says: somebody else may have turned it.

        Raises:
            Unavailable: the store cannot be read or written.
        """
        if self._store is None:
            return
        async with self._turning:
            if self._owed is not None:
                await self._pay(self._store)
                return
            newest, kept = self._newest, await self._store.load()
            # Somebody may have turned it here meanwhile, and is waiting to write that.
            if kept is not None and kept != self._live and newest is self._newest:
                self._live = kept
                await self._note(kept)
                log.warning("voice switched elsewhere", enabled=kept.enabled, reason=kept.reason, by=kept.by)

    async def _off(self, store: SwitchStore) -> None:
        """Write down that it is off; what fails is still owed."""
        await self._note(self._live)
        try:
            await self._pay(store)
        except SegueError as error:
            log.error("the switch could not be kept", reason=error.message)

    async def _on(self, store: SwitchStore, turning: Turning) -> None:
        """Write down that it is on, and let it hold, unless somebody has turned it once more meanwhile."""
        await self._pay(store)
        if self._newest is not turning:
            return
        kept = replace(turning.state, kept=await store.save(turning))
        await self._note(kept)
        if self._newest is turning:
            self._live = kept

    async def _pay(self, store: SwitchStore) -> None:
        if self._owed is None:
            return
        turning = self._owed
        kept = replace(turning.state, kept=await store.save(turning))
        self._owed = None if self._owed is turning else self._owed
        await self._note(kept)
        if self._live is turning.state:
            self._live = kept

    async def _note(self, state: SwitchState) -> None:
        """Write the copy; without it all goes on, but a start without the database would not know."""
        if self._copy is not None:
            try:
                await self._copy.save(Turning(state, self._clock.wall()))
            except Unavailable as error:
                log.error("the copy of the switch could not be written", reason=error.message)

    async def _follow(self) -> None:
        while True:
            await self._clock.sleep(FOLLOW_S)
            try:
                await self.refresh()
            except SegueError as error:
                if error.message != self._failing:
                    log.error("the switch cannot be followed", reason=error.message)
                self._failing = error.message
            else:
                self._failing = ""
