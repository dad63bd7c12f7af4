"""What every quicker look at claims promises: it finds what it was told, or nothing; and it never fails."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from segue.clock import ManualClock, SystemClock
from segue.console.chats import Claim
from segue.console.ports import ClaimFront
from segue.stores.chats import MemoryClaims
from segue.stores.redis.claims import LARGEST, RUNNING_S, RedisClaimFront
from segue.stores.redis.line import Line
from tests.redis import RedisServer, program, redis_server

AT_US = 1_700_000_000_000_000
"""When the clock of these tests begins."""
RUNNING = Claim("5c0pe", "f1", "main.00000000000000000000000000000001", AT_US, AT_US + 86_400_000_000)
DONE = replace(RUNNING, status=200, body='{"reply":"Добрий день \\ud83d 你好"}')


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis for this suite, where it is installed."""
    if program() is None:
        pytest.skip("Redis is not installed (Debian: apt-get install redis-server)")
    with redis_server() as made:
        yield made


@pytest.fixture
async def line(server: RedisServer) -> AsyncIterator[Line]:
    """A line to it, once it is empty."""
    server.tell("FLUSHALL")
    line = Line(server.address, SystemClock(), prefix="test:", timeout_s=5.0, retry_s=0.2)
    await line.start()
    yield line
    await line.close()


@pytest.fixture
def clock() -> ManualClock:
    """The clock by which claims expire."""
    return ManualClock()


@pytest.fixture(params=["memory", "redis"])
def front(request: pytest.FixtureRequest, clock: ManualClock) -> ClaimFront:
    """Each of them in turn."""
    if request.param == "memory":
        return MemoryClaims(clock)
    return RedisClaimFront(request.getfixturevalue("line"), clock)


class TestEveryFront:
    """The rules of the port."""

    async def test_what_was_put_is_found(self, front: ClaimFront) -> None:
        """A claim comes back as it was put, whatever its answer holds, and the newest word on it counts."""
        assert await front.find("5c0pe") is None
        for claim in (RUNNING, DONE, replace(DONE, fingerprint="f2")):
            await front.put(claim)
            assert await front.find("5c0pe") == claim
        assert await front.find("another") is None

    async def test_what_was_dropped_is_not_found(self, front: ClaimFront) -> None:
        """A claim whose request had no effect is forgotten; dropping it again is harmless."""
        await front.put(RUNNING)
        for _ in range(2):
            await front.drop("5c0pe")
            assert await front.find("5c0pe") is None

    async def test_what_has_expired_is_not_found(self, front: ClaimFront, clock: ManualClock) -> None:
        """A claim is found until it expires, and not after."""
        await front.put(DONE)
        await clock.advance(86_399.0)
        assert await front.find("5c0pe") == DONE
        await clock.advance(1.0)
        assert await front.find("5c0pe") is None


class TestRedis:
    """What Redis adds."""

    async def test_claims_are_shared(self, line: Line, clock: ManualClock) -> None:
        """What one server puts, another finds."""
        await RedisClaimFront(line, clock).put(DONE)
        assert await RedisClaimFront(line, clock).find("5c0pe") == DONE

    async def test_nothing_is_kept_for_ever(self, line: Line, clock: ManualClock) -> None:
        """A finished claim goes when it expires; one on its way much sooner, for its end may be missed."""
        front = RedisClaimFront(line, clock)
        await front.put(RUNNING)
        assert 0 < await line.ask("PTTL", "test:claim:5c0pe") <= RUNNING_S * 1000
        await front.put(DONE)
        assert 86_000_000 < await line.ask("PTTL", "test:claim:5c0pe") <= 86_400_000
        await front.put(replace(DONE, scope="late", expires_us=AT_US))
        assert await line.ask("EXISTS", "test:claim:late") == 0

    async def test_a_large_answer_is_left_to_the_database(self, line: Line, clock: ManualClock) -> None:
        """An answer that is too large is not kept, and what was known before it is forgotten: it is no longer true."""
        front = RedisClaimFront(line, clock)
        await front.put(RUNNING)
        await front.put(replace(DONE, body="x" * LARGEST))
        assert await front.find("5c0pe") is None
        await front.put(replace(DONE, body="x" * (LARGEST - 400)))
        assert await front.find("5c0pe") is not None

    @pytest.mark.parametrize(
        "value", ["", "{", "[]", "null", '{"scope":"5c0pe"}', '{"scope":1,"fingerprint":"","run":"","at_us":"soon"}']
    )
    async def test_what_is_no_claim_is_not_found(self, value: str, line: Line, clock: ManualClock) -> None:
        """Whatever somebody else may have put there is nothing."""
        await line.ask("SET", "test:claim:5c0pe", value)
        assert await RedisClaimFront(line, clock).find("5c0pe") is None

    async def test_without_redis_nothing_is_found(self, clock: ManualClock) -> None:
        """While Redis is gone nothing is found and nothing fails."""
        with redis_server() as server:
            line = Line(server.address, SystemClock(), prefix="", timeout_s=1.0, retry_s=0.2)
            await line.start()
            front = RedisClaimFront(line, clock)
            await front.put(DONE)
            server.kill()
            assert await front.find("5c0pe") is None
            await front.put(DONE)
            await front.drop("5c0pe")
            await line.close()
