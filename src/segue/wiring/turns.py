"""The turns that a data folder has on record, read while its server may run."""

import asyncio
from pathlib import Path

from segue.records import TurnRecord
from segue.settings import Settings, load
from segue.wiring.database import open_records


def turns(data: Path, config: Path | None, since_s: float | None) -> tuple[Settings, list[TurnRecord]]:
    """The settings, and the records from a moment on, oldest first.

    Raises:
        ConfigurationError: the settings cannot be read.
        Unavailable: the database cannot be read.
    """
    settings = load(config, data=data)
    return settings, asyncio.run(_read(settings, since_s))


async def _read(settings: Settings, since_s: float | None) -> list[TurnRecord]:
    database, records = open_records(settings)
    try:
        await database.start()
        return [record async for record in records.read(since=since_s, limit=None)]
    finally:
        await database.close()
