"""The kill switch in a file of the data folder, written whole or not at all, or in memory."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from segue.console.audit import Draft, digest
from segue.errors import ConfigurationError, Unavailable
from segue.voice.switch import SwitchState, Turning

NAME = "switch.json"


class FileSwitchStore:
    """`switch.json` in a folder, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    async def load(self) -> SwitchState | None:
        """See `SwitchStore.load`."""
        return await asyncio.to_thread(self._load)

    async def save(self, turning: Turning) -> bool:
        """See `SwitchStore.save`. A crash leaves the old or the new state."""
        try:
            await asyncio.to_thread(self._save, turning.state)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}.") from error
        return True

    def _load(self) -> SwitchState | None:
        try:
            plain = json.loads(self._path.read_text(encoding="utf-8"))
            enabled, since, reason, by = (plain[name] for name in ("enabled", "since", "reason", "by"))
            kept = plain.get("kept", True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._unclear() from error
        sound = isinstance(enabled, bool) and isinstance(since, int | float) and not isinstance(since, bool)
        if not sound or not isinstance(reason, str) or not isinstance(by, str) or not isinstance(kept, bool):
            raise self._unclear()
        return SwitchState(enabled, float(since), reason, by, kept)

    def _unclear(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} does not say whether spoken replies are on; delete it to start with them on."
        )

    def _save(self, state: SwitchState) -> None:
        """Write beside the file, flush, put in its place, and flush the folder's entry."""
        plain = asdict(state)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(made, "w", encoding="utf-8") as file:
            json.dump(plain, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class MemorySwitchStore:
    """Kept as long as the process lives. `audited` takes the entry of each turn; `node` is the name in entries."""

    def __init__(self, audited: Callable[[Draft], None], node: str = "") -> None:
        self._audited = audited
        self._node = node
        self._state: SwitchState | None = None

    async def load(self) -> SwitchState | None:
        """See `SwitchStore.load`."""
        return self._state

    async def save(self, turning: Turning) -> bool:
        """See `SwitchStore.save`: it is not durable."""
        state = turning.state
        self._audited(
            Draft(
                at_us=round(turning.at * 1e6),
                actor=state.by,
                via=turning.via,
                action="switch.turn",
                target="switch",
                before=_digest(self._state) if self._state is not None else "",
                after=_digest(state),
                request=turning.request,
                node=self._node,
                facts={"switch": "on" if state.enabled else "off"},
            )
        )
        self._state = state
        return False


def _digest(state: SwitchState) -> str:
    return digest({name: value for name, value in asdict(state).items() if name != "kept"})
