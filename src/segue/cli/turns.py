"""`segue turns export`: what was kept of every turn, as NDJSON."""

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TextIO

from cyclopts import App

from segue.errors import InvalidRequest
from segue.settings import Settings, load
from segue.wiring.database import open_records

app = App(name="turns", help="The records of turns.")


@app.command
def export(
    *,
    data: Path | None = None,
    since: str | None = None,
    limit: int | None = None,
    out: Path | None = None,
    config: Path | None = None,
) -> None:
    """Print the records of turns, one JSON object a line, oldest first. The server may be running.

    Parameters
    ----------
    data
        Data folder of the server.
    since
        Only turns from this moment on: ISO 8601 or Unix seconds.
    limit
        At most so many.
    out
        File to write; standard output when absent.
    config
        YAML file with settings.
    """
    settings = load(config, data=data)
    moment = _moment(since)
    if out is None:
        asyncio.run(_export(settings, moment, limit, sys.stdout))
        return
    with out.open("w", encoding="utf-8") as file:
        count = asyncio.run(_export(settings, moment, limit, file))
    print(f"{out}: {count} turns")


async def _export(settings: Settings, since: float | None, limit: int | None, file: TextIO) -> int:
    database, records = open_records(settings)
    count = 0
    try:
        await database.start()
        async for record in records.read(since=since, limit=limit):
            file.write(json.dumps(record.as_dict(), ensure_ascii=False) + "\n")
            count += 1
    finally:
        await database.close()
    return count


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise InvalidRequest(f"--since {text!r}: write 2026-11-21T10:30 or Unix seconds.") from None
