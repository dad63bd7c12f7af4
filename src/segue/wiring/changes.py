"""What was changed in the settings since this node was last started, as entries of the audit."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog

from segue import __version__
from segue.clock import Clock
from segue.console.audit import Draft, digest
from segue.console.operator import START
from segue.errors import Unavailable
from segue.settings import Settings
from segue.stores.sql.kept import SqlKept
from segue.stores.sql.shared import Sql

log = structlog.get_logger("segue.wiring")

PROVIDERS = "providers"
OWN: Any = {"data": True, "server": {"host", "port"}, PROVIDERS: True}
"""What may differ between servers that share a database, and what is told apart."""


class Changes:
    """Compares the settings with those of the last start, and writes down which parts of them are others now.

    Only digests are kept, and secrets are not in them: a key that was changed for another is none of this.
    """

    def __init__(self, settings: Settings, clock: Clock, database: Sql) -> None:
        self._settings = settings
        self._clock = clock
        self._kept = SqlKept(database)

    async def start(self) -> None:
        """Compare. Where the database cannot be written, the next start does."""
        try:
            await self._compare("settings", self._settings.model_dump(mode="json", exclude=OWN))
            await self._compare(PROVIDERS, self._settings.providers.model_dump(mode="json"))
        except Unavailable as error:
            log.error("it could not be seen whether settings were changed", reason=error.message)

    async def close(self) -> None:
        """Nothing is open."""

    async def _compare(self, name: str, plain: Mapping[str, Any]) -> None:
        now = {part: digest({part: value}) for part, value in plain.items()}
        if await self._kept.change(name, now, partial(self._entry, name, now)):
            log.warning("settings were changed since the last start", which=name)

    def _entry(self, name: str, now: Mapping[str, str], before: Mapping[str, str]) -> Draft:
        changed = sorted(part for part in {*now, *before} if now.get(part) != before.get(part))
        return Draft(
            at_us=round(self._clock.wall() * 1e6),
            actor=START.name,
            via=START.via,
            action=f"{name}.change",
            target=name,
            node=self._settings.console.node,
            facts={"changed": " ".join(changed), "version": __version__},
        )
