"""What happens when Redis is frozen, killed, emptied, full or slow: nobody waits, and it is back by itself."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import pytest
from redis.asyncio.client import Pipeline

from segue.clock import SystemClock
from segue.console.ratelimit import Policy, Verdict
from segue.stores.limits import MemoryLimitStore
from segue.stores.redis.limits import RedisLimitStore
from segue.stores.redis.line import Line
from tests.redis import RedisServer, program, redis_server

TIMEOUT_S = 0.6
RETRY_S = 0.2
BACK_LIMIT_S = 5.0
POLICY = Policy("operator", 1.0 / 3600.0, 60)
"""Sixty at once, and none becomes free while a test runs."""
REPLICAS = 3

pytestmark = pytest.mark.skipif(
    program() is None, reason="Redis is not installed (Debian: apt-get install redis-server)"
)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of its own."""
    with redis_server("--enable-debug-command", "yes") as made:
        yield made


@pytest.fixture
async def line(server: RedisServer) -> AsyncIterator[Line]:
    """A line to it, in the first of whose databases nothing else is."""
    line = Line(server.address, SystemClock(), prefix="test:", timeout_s=TIMEOUT_S, retry_s=RETRY_S)
    await line.start()
    yield line
    await line.close()


@pytest.fixture
def store(line: Line) -> RedisLimitStore:
    """Counts of one of three servers."""
    return RedisLimitStore(line, MemoryLimitStore(SystemClock()), replicas=REPLICAS)


async def until(condition: Callable[[], bool], limit_s: float = BACK_LIMIT_S) -> None:
    """Wait until something is so, but not longer than that."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


async def taken(store: RedisLimitStore, scope: str, count: int) -> list[Verdict]:
    """So many requests one after the other."""
    return [await store.take([(scope, POLICY)]) for _ in range(count)]


Fault = Callable[[RedisServer], Awaitable[object] | object]


def read_only(server: RedisServer) -> None:
    """Let it follow a server that is not there: it answers what it is asked, but takes no writes."""
    server.tell("REPLICAOF", "127.0.0.1", 1)


def writable(server: RedisServer) -> None:
    """Let it stand for itself again."""
    server.tell("REPLICAOF", "NO", "ONE")


FAULTS: dict[str, tuple[Fault, Fault]] = {
    "frozen": (RedisServer.freeze, RedisServer.thaw),
    "killed": (RedisServer.kill, RedisServer.start),
    "read-only": (read_only, writable),
    "without its replicas": (
        lambda server: server.tell("CONFIG", "SET", "min-replicas-to-write", 1),
        lambda server: server.tell("CONFIG", "SET", "min-replicas-to-write", 0),
    ),
    "full": (
        lambda server: server.tell("CONFIG", "SET", "maxmemory", 1),
        lambda server: server.tell("CONFIG", "SET", "maxmemory", 0),
    ),
    "closed to us": (
        lambda server: server.tell("ACL", "SETUSER", "default", "-eval", "-evalsha", "-set"),
        lambda server: server.tell("ACL", "SETUSER", "default", "+@all"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_redis_that_fails_keeps_nobody_waiting(
    fault: str, server: RedisServer, line: Line, store: RedisLimitStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Each server allows its part alone, one time limit is paid at most, it is told once, and it is back by itself."""
    caplog.set_level(logging.INFO, "segue.stores.redis.line")
    break_it, mend_it = FAULTS[fault]
    assert (await store.take([("operator:before", POLICY)])).standings[0].remaining == 59
    break_it(server)

    began = time.monotonic()
    told = await taken(store, "operator:o", 200)
    assert time.monotonic() - began < TIMEOUT_S + 2.0  # not two hundred time limits
    assert sum(each.allowed for each in told) == POLICY.burst // REPLICAS
    assert store.decided_alone == 200
    await until(lambda: not line.health().ready)
    await until(lambda: line.health().gone_s > 2 * RETRY_S)
    assert str(server.port) in line.health().reason

    mend_it(server)
    await until(lambda: line.health().ready)
    assert line.health().gone_s == 0.0
    alone = store.decided_alone
    assert (await store.take([("operator:after", POLICY)])).standings[0].remaining == 59
    assert store.decided_alone == alone
    assert [record.message for record in caplog.records] == ["redis is gone", "redis is back"]


async def test_a_redis_that_loads_is_not_waited_for(server: RedisServer, line: Line, store: RedisLimitStore) -> None:
    """While Redis reads its file after a start, servers decide alone; then it goes on with what it had counted."""
    await taken(store, "operator:o", 10)
    server.tell("DEBUG", "POPULATE", 200, "filler", 100_000)
    server.tell("SAVE")
    server.kill()
    loads = ("--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
    server.start(*loads, wait=False)
    told = await taken(store, "operator:o", 5)
    assert all(each.allowed for each in told)
    assert store.decided_alone == 5
    await until(lambda: "loading" in line.health().reason.lower())
    await until(lambda: line.health().ready, 20.0)
    assert (await store.take([("operator:o", POLICY)])).standings[0].remaining == 49


async def test_a_redis_that_was_emptied_counts_afresh(server: RedisServer, line: Line, store: RedisLimitStore) -> None:
    """After a flush of keys and scripts the next request is decided by Redis, as the first of a burst."""
    await taken(store, "operator:o", 10)
    server.tell("FLUSHALL")
    server.tell("SCRIPT", "FLUSH")
    assert (await store.take([("operator:o", POLICY)])).standings[0].remaining == 59
    assert (store.decided_alone, line.health().refused) == (0, 0)


async def test_a_slow_redis_is_gone(server: RedisServer, line: Line, store: RedisLimitStore) -> None:
    """Answers that come later than the time limit are none."""
    server.tell("CLIENT", "PAUSE", 1500, "ALL")
    began = time.monotonic()
    await asyncio.gather(*(store.take([("operator:o", POLICY)]) for _ in range(300)))
    assert time.monotonic() - began < TIMEOUT_S + 1.0
    await until(lambda: f"no answer within {TIMEOUT_S * 1000:g} ms" in line.health().reason)
    await until(lambda: line.health().ready)


async def test_a_hitch_is_not_worth_a_word(
    server: RedisServer, line: Line, store: RedisLimitStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that was closed meanwhile costs a request its count in Redis, and nothing is told of it."""
    await taken(store, "operator:o", 1)
    server.tell("CLIENT", "KILL", "TYPE", "normal")
    await taken(store, "operator:o", 1)
    async with asyncio.timeout(BACK_LIMIT_S):
        alone = -1
        while store.decided_alone > alone:
            alone = store.decided_alone
            await asyncio.sleep(0.01)
            await taken(store, "operator:o", 1)
    assert line.health().ready
    assert not caplog.records


async def test_no_fresh_burst_when_redis_goes(server: RedisServer, store: RedisLimitStore) -> None:
    """What this server let through by Redis counts when it goes on alone."""
    assert all(each.allowed for each in await taken(store, "operator:o", 15))
    server.kill()
    told = await taken(store, "operator:o", 20)
    assert sum(each.allowed for each in told) == POLICY.burst // REPLICAS - 15


async def test_a_server_that_starts_without_redis(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """A line to nothing starts all the same, tells it once without the password, and finds Redis when it comes."""
    server.kill()
    address = server.address.replace("redis://", "redis://:open-sesame@")
    line = Line(address, SystemClock(), prefix="test:", timeout_s=TIMEOUT_S, retry_s=RETRY_S)
    store = RedisLimitStore(line, MemoryLimitStore(SystemClock()))
    await line.start()
    try:
        assert not line.health().ready
        assert (await store.take([("operator:o", POLICY)])).allowed
        server.start("--requirepass", "open-sesame", wait=False)
        await until(lambda: line.health().ready)
        await store.take([("operator:o", POLICY)])
        assert store.decided_alone == 1
    finally:
        await line.close()
    assert [record.message for record in caplog.records] == ["redis is gone", "redis is back"]
    assert "sesame" not in repr([vars(record) for record in caplog.records])


async def test_closing_does_not_hang_on_a_lost_cancel(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library answers although it was cancelled, as it may before Python 3.12, closing ends all the same."""
    line = Line(server.address, SystemClock(), prefix="test:", timeout_s=30.0, retry_s=0.01)
    await line.start()
    asked = asyncio.Event()

    async def deaf(pipeline: Pipeline, **_: object) -> list[object]:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return [True] * len(pipeline)

    monkeypatch.setattr(Pipeline, "execute", deaf)
    await asked.wait()
    closing = asyncio.create_task(line.close())
    done, _ = await asyncio.wait({closing}, timeout=20)
    assert done


async def test_a_wrong_password_is_told(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """A Redis that refuses the password is gone; the sentence says so, and does not say the password."""
    server.tell("CONFIG", "SET", "requirepass", "right")
    line = Line(server.address.replace("//", "//:mistaken@"), SystemClock(), prefix="", timeout_s=1.0, retry_s=1.0)
    await line.start()
    reason = line.health().reason
    await line.close()
    assert "password" in reason
    assert "mistaken" not in reason + caplog.text


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*-7\r\n", b"$5\r\nab", b"\xff\xfe\r\n", b""])
async def test_something_else_at_the_address(said: bytes) -> None:
    """What does not speak as a Redis does is told as gone, and nobody waits for it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        line = Line(f"redis://127.0.0.1:{port}", SystemClock(), prefix="", timeout_s=TIMEOUT_S, retry_s=RETRY_S)
        store = RedisLimitStore(line, MemoryLimitStore(SystemClock()))
        await line.start()
        began = time.monotonic()
        told = await taken(store, "operator:o", 61)
        assert time.monotonic() - began < 2.0
        assert [each.allowed for each in told] == [True] * 60 + [False]
        assert str(port) in line.health().reason
        await line.close()


async def test_who_waits_when_the_line_closes_is_refused(
    server: RedisServer, line: Line, store: RedisLimitStore
) -> None:
    """Closing while Redis is frozen lets everybody go at once, and closing twice is harmless."""
    server.freeze()
    waiting = [asyncio.create_task(store.take([("operator:o", POLICY)])) for _ in range(10)]
    for _ in range(100):  # so that they are on their way
        await asyncio.sleep(0)
    began = time.monotonic()
    await line.close()
    told = await asyncio.gather(*waiting)
    assert time.monotonic() - began < TIMEOUT_S / 2
    assert all(each.allowed for each in told)
    await line.close()
