"""The live settings of a server, put together with what they govern; and what is told of its configuration."""

import asyncio
import importlib.metadata
import platform
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from segue import __version__
from segue.clock import Clock
from segue.console.effective import About, effective, fingerprint
from segue.settings import Settings
from segue.stores.console import MemoryAuditStore
from segue.stores.settings import FileCopy, MemorySettingsStore
from segue.stores.sql.settings import SqlSettingsStore
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.voice.live import LiveSettings, There
from segue.voice.versions import SettingsStore, Versions
from segue.wiring.ensemble import Ensemble

LIBRARIES = (
    "fastapi", "starlette", "uvicorn", "pydantic", "sqlalchemy", "psycopg", "redis", "httpx2", "numpy", "soxr",
    "lameenc", "av", "espeakng-loader", "pocketsphinx", "piper-tts", "kokoro-onnx", "faster-whisper", "edge-tts",
    "google-cloud-texttospeech", "google-cloud-speech", "onnxruntime",
)  # fmt: skip
PACKAGE = Path(__file__).parents[1]
GIT_S = 5.0
"""Git is not waited for any longer."""


@dataclass(slots=True)
class Governing:
    """The live settings of a server as a part that is started and closed, and what it tells of itself."""

    versions: Versions
    about: About
    _clock: Clock

    async def start(self) -> None:
        """Put the newest version in force, and learn of which commit this is.

        Raises:
            ConfigurationError: what was kept of the live settings cannot be understood.
        """
        self.about = replace(self.about, commit=await commit(PACKAGE), started_at=self._clock.wall())
        await self.versions.start()

    async def close(self) -> None:
        """Follow no more."""
        await self.versions.close()

    def watch(self, metrics: Metrics) -> None:
        """Tell the metrics where the readings come from."""
        metrics.watch("settings_version", lambda: float(self.versions.current.number))
        metrics.watch("settings_followed", lambda: float(not self.versions.trouble))


def governing(
    settings: Settings,
    clock: Clock,
    database: Sql | None,
    memory: MemoryAuditStore | None,
    team: Ensemble,
) -> Governing:
    """Live settings for the teams of a server; kept in the database, or in memory with their entries in `memory`."""
    node = settings.console.node
    store: SettingsStore = (
        SqlSettingsStore(database, node)
        if database is not None
        else MemorySettingsStore((memory or MemoryAuditStore()).write, node)
    )

    copy = FileCopy(settings.data) if database is not None else None

    def apply(value: LiveSettings) -> None:
        for role, each in team.roles.items():
            each.roster.govern(value.off, value.first.get(role, ""))
        team.catalogue.arrange(team.speech.roster.ranked())

    def there() -> There:
        return {
            role: {name: target.out is None for name, target in each.roster.chain.targets.items()}
            for role, each in team.roles.items()
        }

    return Governing(Versions(clock, store, apply, there, copy), about(settings, clock.wall()), clock)


def about(settings: Settings, started_at: float) -> About:
    """What a server with these settings tells of itself; its commit is learnt when it starts."""
    plain = effective(settings)
    return About(
        effective=plain,
        digest=fingerprint(plain),
        segue=__version__,
        commit="",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        node=settings.console.node,
        started_at=started_at,
        libraries=_libraries(),
    )


async def commit(package: Path) -> str:
    """The commit of the checkout in which a package lies; empty where it lies in none, or nobody can tell.

    A package that is installed below a checkout of something else is no part of it.
    """
    if not await _git(package, "ls-files", "--error-unmatch", "__init__.py"):
        return ""
    return await _git(package, "rev-parse", "HEAD")


async def _git(folder: Path, *words: str) -> str:
    with suppress(OSError, TimeoutError):
        asked = await asyncio.create_subprocess_exec(
            *("git", "-C", str(folder), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(GIT_S):
                said, _ = await asked.communicate()
        except (TimeoutError, asyncio.CancelledError):
            asked.kill()
            await asked.wait()
            raise
        return said.decode("utf-8", "replace").strip() if asked.returncode == 0 else ""
    return ""


def _libraries() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
