"""The versions of the live settings: the newest is in force, on every server that shares a database, within a second.

A change is made upon the version that was read: whoever was quicker wins, and the other is told. Nothing is changed in
place, so that whatever was in force can be read later, and be in force again.

While the database cannot be read, the last version that is known stays in force, and that is said. A copy of it lies
beside, on this machine, for a start without the database.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from segue.clock import Clock
from segue.errors import InvalidRequest, NotFound, SegueError, Unavailable
from segue.voice.live import Change, LiveSettings, Outdated, There, Version, fitted, objections, stranded

log = structlog.get_logger("segue.settings")

FOLLOW_S = 0.5
"""How often it is asked whether somebody made a newer version."""


class SettingsStore(Protocol):
    """Keeps the versions, from 1 without gaps. Every method may raise `Unavailable`: they cannot be read or written."""

    async def newest(self) -> Version | None:
        """The newest version; None while there is none.

        Raises:
            ConfigurationError: what was kept cannot be understood.
        """

    async def find(self, number: int) -> Version | None:
        """One version; None where there is none of this number."""

    async def page(self, *, before: int | None, limit: int) -> Sequence[Version]:
        """Versions, the newest first: those before a number."""

    async def save(self, change: Change) -> None:
        """Keep the next version in one transaction with its entry in the audit.

        Raises:
            Outdated: its number is not the next one.
        """


class Copy(Protocol):
    """Keeps the version in force on this machine, where it is read only if the versions cannot be."""

    async def load(self) -> Version | None:
        """The version that was in force here last; None where nobody knows."""

    async def save(self, version: Version) -> None:
        """Keep it in place of the one before.

        Raises:
            Unavailable: it could not be written.
        """


class Versions:
    """One for the whole process. `apply` puts live settings in force here; `there` tells which providers there are."""

    def __init__(
        self,
        clock: Clock,
        store: SettingsStore,
        apply: Callable[[LiveSettings], None],
        there: Callable[[], There],
        copy: Copy | None = None,
    ) -> None:
        self._copy = copy
        self._clock = clock
        self._store = store
        self._apply = apply
        self._there = there
        self._changing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self.current = Version()
        """The version in force."""
        self.ignored: tuple[str, ...] = ()
        """What of it is not applied here, a sentence each: it names providers that are not configured."""
        self.trouble = ""
        """Why it is not known whether there is a newer one; empty while it is."""

    async def start(self) -> None:
        """Put the newest version in force, and begin to follow. Without the database it is that of the copy.

        Raises:
            ConfigurationError: what was kept cannot be understood.
        """
        try:
            await self.refresh()
        except Unavailable as error:
            copied = await self._copy.load() if self._copy is not None else None
            if copied is not None:
                self._put_in_force(copied)
            self._lost(error)
        self._following = asyncio.create_task(self._follow(), name="settings")

    async def close(self) -> None:
        """Stop following."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def refresh(self) -> None:
        """Put the newest version in force.

        Raises:
            Unavailable: it cannot be read.
            ConfigurationError: it cannot be understood.
        """
        async with self._changing:
            await self._refresh()

    async def change(
        self, base: int, wanted: LiveSettings, reason: str, *, by: str, via: str = "", request: str = "", force: bool
    ) -> Version:
        """Make a version upon the one that is numbered `base`, in somebody's name; it is in force when this returns.

        Raises:
            InvalidRequest: a name in it is unknown, or a role would be left without a provider; with `force` it may.
            Outdated: there is a newer version than `base`.
            Unavailable: it cannot be written; nothing changed.
        """
        async with self._changing:
            if base != self.current.number:
                await self._refresh()
            if base != self.current.number:
                raise Outdated(self.current)
            for sentence in objections(wanted, self._there()):
                raise InvalidRequest(sentence, param="live")
            forced = self._allowed(wanted, force=force)
            version = Version(base + 1, round(self._clock.wall() * 1e6), by, reason, wanted)
            await self._save(Change(version, via, request, forced=forced))
            return version

    async def restore(
        self, number: int, reason: str, *, by: str, via: str = "", request: str = "", force: bool
    ) -> Version:
        """Make a version with the value of an earlier one; 0 stands for the configuration by itself.

        Raises:
            NotFound: there is none of this number.
            InvalidRequest: a role would be left without a provider; with `force` it may.
            Outdated: somebody made a version at the same moment.
            Unavailable: it cannot be read or written; nothing changed.
        """
        async with self._changing:
            await self._refresh()
            found = await self.find(number)
            forced = self._allowed(found.value, force=force)
            now_us = round(self._clock.wall() * 1e6)
            version = Version(self.current.number + 1, now_us, by, reason, found.value)
            await self._save(Change(version, via, request, restored=number, forced=forced))
            return version

    async def find(self, number: int) -> Version:
        """One version.

        Raises:
            NotFound: there is none of this number.
            Unavailable: it cannot be read.
        """
        found = Version() if number == 0 else await self._store.find(number)
        if found is None:
            newest = self.current.number
            raise NotFound(f"There is no version {number}; the newest is {newest}.", code="unknown_version")
        return found

    async def page(self, before: int | None, limit: int) -> Sequence[Version]:
        """Versions, the newest first: those before a number.

        Raises:
            Unavailable: they cannot be read.
        """
        return await self._store.page(before=before, limit=limit)

    def degraded(self) -> Mapping[str, str]:
        """What works only in part: a name and a sentence each."""
        return {"settings": self.trouble} if self.trouble else {}

    def _allowed(self, wanted: LiveSettings, *, force: bool) -> bool:
        """Whether force was needed."""
        left = stranded(wanted, self._there())
        if left and not force:
            raise InvalidRequest(
                f"Nobody would be left as {' and as '.join(left)}; leave one on, or force it.", param="live"
            )
        return bool(left)

    async def _save(self, change: Change) -> None:
        await self._store.save(change)
        self._put_in_force(change.version)
        await self._note(change.version)

    async def _refresh(self) -> None:
        newest = await self._store.newest() or Version()
        if newest != self.current:
            self._put_in_force(newest)
            await self._note(newest)
        if self.trouble:
            log.info("live settings can be followed again", version=newest.number)
            self.trouble = ""

    async def _note(self, version: Version) -> None:
        """Write the copy; without it all goes on, but a start without the database would not know."""
        if self._copy is not None:
            try:
                await self._copy.save(version)
            except Unavailable as error:
                log.error("the copy of the live settings could not be written", reason=error.message)

    def _put_in_force(self, version: Version) -> None:
        value, self.ignored = fitted(version.value, self._there())
        self._apply(value)
        self.current = version
        log.warning("live settings", version=version.number, by=version.actor, **value.as_dict())
        for sentence in self.ignored:
            log.warning("live settings are applied in part", version=version.number, reason=sentence)

    async def _follow(self) -> None:
        while True:
            await self._clock.sleep(FOLLOW_S)
            try:
                await self.refresh()
            except SegueError as error:
                self._lost(error)

    def _lost(self, error: SegueError) -> None:
        trouble = f"Whether there is a newer version than {self.current.number} is not known: {error.message}"
        if trouble != self.trouble:
            log.error("live settings cannot be followed", reason=error.message)
        self.trouble = trouble
