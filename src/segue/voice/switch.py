"""The kill switch: whether spoken replies may begin. Turning it off never waits for a restart; running turns finish.

Two hands are on it. The configuration (the variable `VOICE_STREAM_ENABLED`, or the settings) is read at start and can
only restrict: while it says no, nobody can turn speech on. The live switch is turned while the server runs, and is
kept, so that what was turned off stays off after a restart.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from segue.clock import Clock
from segue.errors import InvalidRequest, SegueError, VoiceDisabled
from segue.vendors.degradation import VARIABLE

log = structlog.get_logger("segue.switch")

OFF = f"{VARIABLE} or the settings of this server keep spoken replies off"


@dataclass(frozen=True, slots=True)
class SwitchState:
    """How the switch stands. `since` is in Unix seconds; `by` is `start`, `configuration` or `api`."""

    enabled: bool
    since: float
    reason: str = ""
    by: str = "start"
    kept: bool = True
    """False when it could not be written down: it holds now, and a restart forgets it."""


class SwitchStore(Protocol):
    """Keeps how the switch was turned."""

    async def load(self) -> SwitchState | None:
        """How it was turned last, or None if it never was.

        Raises:
            ConfigurationError: what was kept cannot be read.
        """

    async def save(self, state: SwitchState) -> None:
        """Keep it, whole or not at all; durable when this returns.

        Raises:
            Unavailable: it could not be written.
        """


class Switch:
    """One for the whole process. `enabled` is what the configuration says; without a store a restart forgets."""

    def __init__(self, enabled: bool, clock: Clock, store: SwitchStore | None = None) -> None:
        self._clock = clock
        self._store = store
        self._turning = asyncio.Lock()
        self._configured: SwitchState | None = None
        if not enabled:
            self._configured = SwitchState(False, clock.wall(), f"{OFF}.", "configuration")
        self._live = SwitchState(True, clock.wall())

    async def start(self) -> None:
        """Read how it was turned last.

        Raises:
            ConfigurationError: what was kept cannot be read, so nobody knows whether speech was turned off.
        """
        kept = await self._store.load() if self._store is not None else None
        if kept is not None:
            self._live = kept
        if not self.state.enabled:
            log.warning("voice is off", by=self.state.by, reason=self.state.reason)

    async def close(self) -> None:
        """Nothing is open between two turns of the switch."""

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

    async def turn(self, enabled: bool, reason: str = "") -> SwitchState:
        """Turn the live switch. It holds at once, also where it cannot be kept; `kept` tells.

        Raises:
            InvalidRequest: it is to be turned on, but the configuration keeps it off.
        """
        if enabled and self._configured is not None:
            raise InvalidRequest(f"{OFF}; change that and restart.", param="enabled")
        since = self._live.since if enabled is self._live.enabled else self._clock.wall()
        self._live = SwitchState(enabled, since, reason, "api", kept=False)
        if self._store is not None:
            async with self._turning:
                await self._keep(self._store)
        log.warning("voice switched", enabled=enabled, reason=reason, kept=self._live.kept)
        return self.state

    async def _keep(self, store: SwitchStore) -> None:
        """Write down how it stands now; somebody may turn it once more meanwhile, and keeps that after us."""
        turned = self._live
        kept = replace(turned, kept=True)
        try:
            await store.save(kept)
        except SegueError as error:
            log.error("the switch could not be kept", reason=error.message)
        else:
            self._live = kept if self._live is turned else self._live
