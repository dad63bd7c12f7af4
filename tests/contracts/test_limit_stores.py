"""What every store of counts promises, and that the script in Redis decides as the rest of Segue does."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from segue.clock import ManualClock, SystemClock
from segue.console.ports import LimitStore
from segue.console.ratelimit import Policy, decide, undo
from segue.stores.limits import MemoryLimitStore
from segue.stores.redis.limits import DIGEST, SCRIPT, RedisLimitStore, arguments
from segue.stores.redis.line import Line
from segue.stores.sql.engine import Database
from segue.stores.sql.limits import SqlLimitStore
from tests.redis import RedisServer, program, redis_server

SLOW = 1.0 / 3600.0
"""A request an hour: none becomes free while a test runs."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis for this suite, where it is installed."""
    if program() is None:
        pytest.skip("Redis is not installed (Debian: apt-get install redis-server)")
    with redis_server() as made:
        yield made


@pytest.fixture
async def line(server: RedisServer) -> AsyncIterator[Line]:
    """A line to it, once it is empty, and to its second database."""
    server.tell("FLUSHALL")
    line = Line(server.address[:-1] + "1", SystemClock(), prefix="test:", timeout_s=5.0, retry_s=0.2)
    await line.start()
    yield line
    await line.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a file."""
    database = Database(tmp_path / "segue.db")
    await database.start()
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def store(request: pytest.FixtureRequest) -> LimitStore:
    """Each store in turn."""
    clock = SystemClock()
    if request.param == "memory":
        return MemoryLimitStore(clock)
    if request.param == "redis":
        return RedisLimitStore(request.getfixturevalue("line"), MemoryLimitStore(clock))
    return SqlLimitStore(request.getfixturevalue("database" if request.param == "sqlite" else "postgres"), clock)


class TestEveryStore:
    """The rules of the port."""

    async def test_a_burst_and_no_more(self, store: LimitStore) -> None:
        """The burst passes at once and the next request does not; another scope is another count."""
        policy = Policy("chat", SLOW, 8)
        told = [await store.take([("chat:a", policy)]) for _ in range(9)]
        assert [each.allowed for each in told] == [True] * 8 + [False]
        assert [each.standings[0].remaining for each in told] == [7, 6, 5, 4, 3, 2, 1, 0, 0]
        assert told[8].violated == policy
        assert 3590 < told[8].retry_after_s <= 3600
        assert (await store.take([("chat:b", policy)])).allowed

    async def test_all_scopes_or_none(self, store: LimitStore) -> None:
        """What one scope refuses is not counted in the others."""
        chat, operator = Policy("chat", SLOW, 2), Policy("operator", SLOW, 5)
        for _ in range(20):
            told = await store.take([("chat:a", chat), ("operator:o", operator)])
        assert (told.allowed, told.violated) == (False, chat)
        assert [each.remaining for each in told.standings] == [0, 3]
        others = [await store.take([(f"chat:{name}", chat), ("operator:o", operator)]) for name in "bcde"]
        assert [each.allowed for each in others] == [True, True, True, False]
        assert others[3].violated == operator

    async def test_giving_back(self, store: LimitStore) -> None:
        """What is given back was never taken, and giving back more gives nobody more than the burst."""
        chat, operator = Policy("chat", SLOW, 2), Policy("operator", SLOW, 3)
        both = [("chat:a", chat), ("operator:o", operator)]
        for _ in range(2):
            await store.take(both)
        await store.give_back(both)
        assert [(await store.take(both)).allowed for _ in range(2)] == [True, False]
        for _ in range(9):
            await store.give_back(both)
        assert [(await store.take([("operator:o", operator)])).allowed for _ in range(4)] == [True] * 3 + [False]

    async def test_what_was_told_to_wait_passes_then(self, store: LimitStore) -> None:
        """After the wait that a refusal told, a request passes."""
        policy = Policy("chat", 20.0, 1)
        await store.take([("chat:a", policy)])
        told = await store.take([("chat:a", policy)])
        while not told.allowed:
            assert 0 < told.retry_after_s <= 0.05
            await asyncio.sleep(told.retry_after_s + 0.001)
            told = await store.take([("chat:a", policy)])

    async def test_a_crowd_gets_the_burst_and_no_more(self, store: LimitStore) -> None:
        """Of two hundred requests at the same moment exactly a hundred pass."""
        policy = Policy("operator", SLOW, 100)
        told = await asyncio.gather(*(store.take([(f"chat:{n}", policy), ("operator:o", policy)]) for n in range(200)))
        assert sum(each.allowed for each in told) == 100

    async def test_without_scopes_all_pass(self, store: LimitStore) -> None:
        """A request that is under no limit passes."""
        assert (await store.take([])).allowed
        await store.give_back([])


class TestMemory:
    """What memory adds: it is bounded."""

    async def test_free_scopes_are_forgotten(self) -> None:
        """A scope whose burst is all free again takes no room, however many there were."""
        clock = ManualClock()
        store = MemoryLimitStore(clock)
        policy = Policy("chat", 1.0, 8)
        for number in range(5000):
            await store.take([(f"chat:{number}", policy)])
        assert len(store) == 5000
        await clock.advance(61.0)
        await store.take([("chat:new", policy)])
        assert len(store) == 1
        await store.give_back([("chat:new", policy)])
        assert len(store) == 0

    async def test_there_is_a_most(self) -> None:
        """With more scopes in use than there is room for, those nearest to being free are forgotten first."""
        store = MemoryLimitStore(ManualClock(), capacity=100)
        policy = Policy("chat", 1.0, 2)
        for _ in range(2):
            await store.take([("chat:busy", policy)])
        for number in range(5000):
            await store.take([(f"chat:{number}", policy)])
        assert len(store) <= 101
        assert not (await store.take([("chat:busy", policy)])).allowed


class TestDatabase:
    """What the database adds."""

    async def test_counts_survive_a_restart(self, tmp_path: Path) -> None:
        """Who has used up the burst has used it up after a restart, too."""
        policy = Policy("chat", SLOW, 1)
        for expected in (True, False):
            database = Database(tmp_path / "segue.db")
            await database.start()
            store = SqlLimitStore(database, SystemClock())
            assert (await store.take([("chat:a", policy)])).allowed is expected
            await database.close()

    async def test_free_scopes_are_removed(self, database: Database) -> None:
        """Rows of scopes that are all free again go, now and then."""
        clock = ManualClock()
        store = SqlLimitStore(database, clock)
        policy = Policy("chat", 1.0, 8)
        await asyncio.gather(*(store.take([(f"chat:{number}", policy)]) for number in range(50)))
        await clock.advance(120.0)
        await store.take([("chat:new", policy)])
        left = await database.read(
            lambda connection: connection.exec_driver_sql("select name from limits").scalars().all()
        )
        assert left == ["chat:new"]


class TestRedis:
    """What Redis adds."""

    async def test_counts_are_shared(self, line: Line) -> None:
        """Two servers count together."""
        one, other = (RedisLimitStore(line, MemoryLimitStore(SystemClock())) for _ in range(2))
        policy = Policy("chat", SLOW, 2)
        told = [await store.take([("chat:a", policy)]) for store in (one, other, one)]
        assert [each.allowed for each in told] == [True, True, False]

    async def test_keys_expire_when_they_are_free(self, line: Line) -> None:
        """A scope is kept no longer than until all of its burst is free, and never without an end."""
        store = RedisLimitStore(line, MemoryLimitStore(SystemClock()))
        await store.take([("chat:a", Policy("chat", 1.0, 8)), ("operator:o", Policy("operator", 0.01, 5))])
        assert 900 < await line.ask("PTTL", "test:limit:chat:a") <= 1000
        assert 99_900 < await line.ask("PTTL", "test:limit:operator:o") <= 100_000
        await store.give_back([("chat:a", Policy("chat", 1.0, 8))])
        assert await line.ask("EXISTS", "test:limit:chat:a") == 0

    async def test_the_script_comes_back_by_itself(self, line: Line) -> None:
        """A Redis that forgot the script, as after a restart, is given it again with the next request."""
        store = RedisLimitStore(line, MemoryLimitStore(SystemClock()))
        policy = Policy("chat", SLOW, 3)
        await store.take([("chat:a", policy)])
        await line.ask("SCRIPT", "FLUSH")
        assert (await store.take([("chat:a", policy)])).standings[0].remaining == 1
        assert await line.ask("SCRIPT", "EXISTS", DIGEST) == [1]
        assert (store.decided_alone, line.health().refused) == (0, 0)

    async def test_numbers_are_exact(self, line: Line) -> None:
        """Moments up to 2^53 microseconds pass through the script to the last one."""
        policy = Policy("chat", 1_000_000.0, 5)
        for now_us in (1_790_000_000_000_001, 2**53 - 11, 999_999_999_999_999):
            await line.ask("FLUSHDB")
            for number in range(1, 6):
                call = arguments("take", [("chat:a", policy)], "test:", now_us=now_us)
                assert await line.ask("EVAL", SCRIPT, *call) == [1, now_us, now_us + number]


EPOCH_US = 1_790_000_000_000_000


class Model:
    """Buckets that leak, in floating point: not how anybody counts here, and so a witness."""

    def __init__(self) -> None:
        self.levels: dict[str, tuple[float, float]] = {}
        """Of each scope: how full it is in requests, and when that was, in seconds."""

    def step(self, deed: str, wanted: list[tuple[str, Policy]], now_s: float) -> tuple[bool, bool]:
        """Whether a request is let through; and whether that was clear, beyond what floating point may blur."""
        levels = {}
        for scope, policy in wanted:
            level, at_s = self.levels.get(scope, (0.0, now_s))
            level -= (now_s - at_s) * 1e6 / policy.interval_us
            levels[scope] = min(float(policy.burst), max(0.0, level))
        room = [policy.burst - levels[scope] - 1.0 for scope, policy in wanted]
        clear = deed == "undo" or min(abs(each) for each in room) > 1e-4
        allowed = deed == "undo" or min(room) >= 0.0
        change = -1.0 if deed == "undo" else 1.0 if allowed else 0.0
        self.levels |= {scope: (max(0.0, level + change), now_s) for scope, level in levels.items()}
        return allowed, clear

    def believe(self, arrivals: dict[str, int], policies: dict[str, Policy], now_us: int) -> None:
        """Go on from what is kept: after a tie, or a clock that was set back, of which a model knows nothing."""
        self.levels = {
            scope: ((us - now_us) / policies[scope].interval_us, (now_us - EPOCH_US) / 1e6)
            for scope, us in arrivals.items()
            if us > now_us
        }


def steps(chance: random.Random, count: int) -> Iterator[tuple[str, list[tuple[str, Policy]], int]]:
    """Requests at random: the deed, its scopes, and the microseconds since the one before; at times, back."""
    policies: dict[str, Policy] = {}
    for number in range(1, count + 1):
        wanted = []
        for kind in chance.sample(("chat", "operator", "node"), chance.randint(1, 3)):
            scope = f"{kind}:{chance.randint(0, 4)}"
            policies.setdefault(
                scope, Policy(kind, chance.choice((0.1, 1 / 3, 1.0, 3.0, 100 / 60, 50.0)), chance.randint(1, 20))
            )
            wanted.append((scope, policies[scope]))
        gap_us = chance.choice((0, 0, 1, chance.randint(0, 1000), chance.randint(0, 2_000_000)))
        if number % 1000 == 0:
            gap_us = -chance.randint(1, 60_000_000)
        yield ("undo" if chance.random() < 0.05 else "take"), wanted, gap_us


@pytest.mark.slow
async def test_script_memory_and_model_agree(server: RedisServer) -> None:
    """In a hundred thousand steps at random the script decides and keeps what memory does, and a model agrees."""
    server.tell("FLUSHALL")
    seed, total, each = 20_260_101, 100_000, 2000
    print("seed", seed)
    now_us = EPOCH_US
    arrivals: dict[str, int] = {}
    policies: dict[str, Policy] = {}
    model = Model()
    counts = Counter[str]()
    drawn = steps(random.Random(seed), total)  # noqa: S311 - the same steps every time
    async with Redis.from_url(server.address, protocol=2) as client:
        await client.script_load(SCRIPT)
        for _ in range(total // each):
            pipeline = client.pipeline(transaction=False)
            expected: list[list[Any]] = []
            for deed, wanted, gap_us in islice(drawn, each):
                now_us += gap_us
                policies |= dict(wanted)
                pipeline.execute_command("EVALSHA", DIGEST, *arguments(deed, wanted, "", now_us=now_us))
                if gap_us < 0:
                    model.believe(arrivals, policies, now_us)
                by_model, clear = model.step(deed, wanted, (now_us - EPOCH_US) / 1e6)
                allowed, after = by_memory(arrivals, deed, wanted, now_us)
                assert not clear or by_model is allowed, (deed, wanted, now_us)
                if not clear:
                    model.believe(arrivals, policies, now_us)
                counts[f"{deed} {allowed} {'clear' if clear else 'tie'}"] += 1
                expected.append([int(allowed), now_us, *(after[scope] for scope, _ in wanted)])
            assert await pipeline.execute() == expected
    print(dict(counts))
    assert min(counts[name] for name in ("take True clear", "take False clear", "undo True clear")) > 2000


def by_memory(
    arrivals: dict[str, int], deed: str, wanted: list[tuple[str, Policy]], now_us: int
) -> tuple[bool, dict[str, int]]:
    """Decide and keep as the stores do: what is free is not kept."""
    if deed == "undo":
        allowed, after = True, undo(arrivals, wanted, now_us)
    else:
        found, after = decide(arrivals, wanted, now_us)
        allowed = found.allowed
    for scope, us in after.items():
        if us > now_us:
            arrivals[scope] = us
        else:
            arrivals.pop(scope, None)
    return allowed, after
