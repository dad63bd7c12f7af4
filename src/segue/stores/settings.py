"""The versions of the live settings in memory, for a server that may forget; and a copy of the newest in a file."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from segue.console.audit import Draft, digest
from segue.errors import Unavailable
from segue.voice.live import Change, Outdated, Version, understood

log = structlog.get_logger("segue.settings")

NAME = "live.json"


class MemorySettingsStore:
    """See `SettingsStore`. `audited` takes the entry of each version; `node` is the name in entries."""

    def __init__(self, audited: Callable[[Draft], None], node: str = "") -> None:
        self._audited = audited
        self._node = node
        self._versions: list[Version] = []

    async def newest(self) -> Version | None:
        """See `SettingsStore.newest`."""
        return self._versions[-1] if self._versions else None

    async def find(self, number: int) -> Version | None:
        """See `SettingsStore.find`."""
        return self._versions[number - 1] if 1 <= number <= len(self._versions) else None

    async def page(self, *, before: int | None, limit: int) -> Sequence[Version]:
        """See `SettingsStore.page`."""
        return [each for each in reversed(self._versions) if before is None or each.number < before][:limit]

    async def save(self, change: Change) -> None:
        """See `SettingsStore.save`."""
        newest = self._versions[-1] if self._versions else Version()
        if change.version.number != newest.number + 1:
            raise Outdated(newest)
        before = digest(newest.value.as_dict()) if newest.number else ""
        after = digest(change.version.value.as_dict())
        self._audited(Draft(**change.entry(), before=before, after=after, node=self._node))
        self._versions.append(change.version)


class FileCopy:
    """See `Copy`: `live.json` in a folder, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    async def load(self) -> Version | None:
        """See `Copy.load`. What cannot be understood is as good as nothing, and the log says so."""
        return await asyncio.to_thread(self._load)

    async def save(self, version: Version) -> None:
        """See `Copy.save`. A crash leaves the old or the new one."""
        try:
            await asyncio.to_thread(self._save, version)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}.") from error

    def _load(self) -> Version | None:
        try:
            plain = json.loads(self._path.read_text(encoding="utf-8"))
            number, at_us = int(plain["version"]), int(plain["at_us"])
            return Version(number, at_us, str(plain["by"]), str(plain["reason"]), understood(plain["live"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("the copy of the live settings cannot be read", path=str(self._path), reason=str(error))
            return None

    def _save(self, version: Version) -> None:
        plain = {
            "version": version.number,
            "at_us": version.at_us,
            "by": version.actor,
            "reason": version.reason,
            "live": version.value.as_dict(),
        }
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(made, "w", encoding="utf-8") as file:
            json.dump(plain, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
