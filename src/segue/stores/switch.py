"""The kill switch in a file of the data folder, written whole or not at all: a crash leaves the old or the new one."""

import asyncio
import json
import os
from pathlib import Path

from segue.errors import ConfigurationError, Unavailable
from segue.voice.switch import SwitchState

NAME = "switch.json"


class FileSwitchStore:
    """`switch.json` in a folder, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    async def load(self) -> SwitchState | None:
        """See `SwitchStore.load`."""
        return await asyncio.to_thread(self._load)

    async def save(self, state: SwitchState) -> None:
        """See `SwitchStore.save`."""
        try:
            await asyncio.to_thread(self._save, state)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}.") from error

    def _load(self) -> SwitchState | None:
        try:
            plain = json.loads(self._path.read_text(encoding="utf-8"))
            enabled, since, reason, by = (plain[name] for name in ("enabled", "since", "reason", "by"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._unclear() from error
        sound = isinstance(enabled, bool) and isinstance(since, int | float) and not isinstance(since, bool)
        if not sound or not isinstance(reason, str) or not isinstance(by, str):
            raise self._unclear()
        return SwitchState(enabled, float(since), reason, by)

    def _unclear(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} does not say whether spoken replies are on; delete it to start with them on."
        )

    def _save(self, state: SwitchState) -> None:
        """Write beside the file, flush, put in its place, and flush the folder's entry."""
        plain = {"enabled": state.enabled, "since": state.since, "reason": state.reason, "by": state.by}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(plain, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
