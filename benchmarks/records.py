"""What a gateway kept of its turns, read from its database while it runs."""

import asyncio
import time

from benchmarks.gateway import Gateway
from segue.records import TurnRecord
from segue.settings import load
from segue.wiring.database import open_records

PATIENCE_S = 10.0


async def records(gateway: Gateway, least: int) -> list[TurnRecord]:
    """Every record of a gateway, the oldest first, once there are at least so many: they are written behind the turns.

    After `PATIENCE_S` those that are there: a turn that never reached the gateway leaves none.
    """
    database, store = open_records(load(data=gateway.data))
    await database.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = [record async for record in store.read()]
            if len(found) >= least or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.1)
    finally:
        await database.close()
