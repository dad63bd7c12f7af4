"""`segue migrate`: bring the database of an older Segue up to date, or show what that would do."""

import asyncio
from pathlib import Path

from segue.settings import Settings, load
from segue.wiring.database import database_of


def migrate(*, plan: bool = False, data: Path | None = None, config: Path | None = None) -> None:
    """Bring the database of an older Segue up to date.

    It keeps everything it holds; there is no way back but a backup. A file must not be in use by a server. All of it
    is done in one transaction, or nothing.

    Parameters
    ----------
    plan
        Only print what would be done, and the SQL of it; nothing is changed.
    data
        Data folder of the server.
    config
        YAML file with settings; they may name a shared database.
    """
    settings = load(config, data=data)
    asyncio.run(_plan(settings) if plan else _migrate(settings))


async def _plan(settings: Settings) -> None:
    database = database_of(settings, read_only=True)
    try:
        if not database.there:
            print(f"{database.place} is not there yet; it is made with all its tables when a server starts.")
            return
        steps, statements = await database.pending()
        if not steps:
            print(f"{database.place} is up to date.")
            return
        print(f"{database.place}: to come")
        for step in steps:
            print(f"  {step.revision}  {step.sentence}")
        print(f"\n{statements.strip()}")
    finally:
        await database.close()


async def _migrate(settings: Settings) -> None:
    database = database_of(settings)
    try:
        before, after = await database.migrate()
        if before == after:
            print(f"{database.place} is up to date.")
        else:
            print(f"{database.place} is now at revision {after}.")
    finally:
        await database.close()
