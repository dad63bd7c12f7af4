"""A process that asks a store of limits as often as it can: several of them share one store.

    python -m tests.faults.hammer redis|postgres ADDRESS REQUESTS

It says `ready`, begins when it is told a line, and ends with what it was told, as JSON.
"""

import asyncio
import json
import sys

from segue.clock import SystemClock
from segue.console.ports import LimitStore
from segue.console.ratelimit import Policy
from segue.stores.limits import MemoryLimitStore
from segue.stores.redis.limits import RedisLimitStore
from segue.stores.redis.line import Line
from segue.stores.sql.limits import SqlLimitStore
from segue.stores.sql.postgres import Postgres

POLICY = Policy("operator", 100 / 60, 100)
"""A hundred a minute."""
SCOPE = "operator:o"


async def hammer(store: LimitStore, requests: int) -> dict[str, float]:
    """So many requests at once, each of a chat of its own and of the same operator; and when, in Unix seconds."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    own = Policy("chat", 1.0, 8)
    began = SystemClock().wall()
    told = await asyncio.gather(*(store.take([(f"chat:{n}", own), (SCOPE, POLICY)]) for n in range(requests)))
    allowed = sum(each.allowed for each in told)
    return {"began": began, "ended": SystemClock().wall(), "allowed": allowed, "refused": len(told) - allowed}


async def main(kind: str, address: str, requests: int) -> None:
    """Open the store, use it, and say what came of it."""
    clock = SystemClock()
    part: Line | Postgres
    if kind == "redis":
        part = Line(address, clock, prefix="", timeout_s=5.0, retry_s=1.0)
        store: LimitStore = RedisLimitStore(part, MemoryLimitStore(clock))
    else:
        part = Postgres(address)
        store = SqlLimitStore(part, clock)
    await part.start()
    told = await hammer(store, requests)
    if isinstance(store, RedisLimitStore):
        told["alone"] = store.decided_alone
    await part.close()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
