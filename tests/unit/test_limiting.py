"""Where limits are counted and claims looked for, by the settings; and what settings are refused."""

import sys
from typing import Any

import pytest
from pydantic import ValidationError

from segue.clock import ManualClock
from segue.errors import ConfigurationError
from segue.settings import Settings
from segue.stores.chats import MemoryClaims
from segue.stores.limits import MemoryLimitStore
from segue.stores.redis.claims import RedisClaimFront
from segue.stores.redis.limits import RedisLimitStore
from segue.vendors.console import RateSettings
from segue.wiring.limits import Limiting, limiting

ADDRESS = "redis://:open-sesame@127.0.0.1:1/2"


def chosen(**settings: Any) -> Limiting:
    """What the settings choose, without a database."""
    return limiting(Settings(**settings), ManualClock(), None)


def test_by_default_redis_has_no_part_in_it() -> None:
    """One server counts in memory and asks the database alone for claims; nothing is degraded."""
    found = chosen()
    assert isinstance(found.limits, MemoryLimitStore)
    assert (found.claims, found.parts, dict(found.figures), found.degraded()) == (None, (), {}, {})
    assert isinstance(chosen(chats={"claims": "memory"}).claims, MemoryClaims)


def test_redis_where_it_is_wanted() -> None:
    """Limits and claims go to Redis each for itself, over one line, which is started with the server."""
    limits = chosen(rate_limits={"store": "redis"}, redis={"address": ADDRESS})
    assert isinstance(limits.limits, RedisLimitStore)
    assert limits.claims is None
    claims = chosen(chats={"claims": "redis"}, redis={"address": ADDRESS})
    assert isinstance(claims.limits, MemoryLimitStore)
    assert isinstance(claims.claims, RedisClaimFront)
    both = chosen(rate_limits={"store": "redis"}, chats={"claims": "redis"}, redis={"address": ADDRESS})
    assert [len(each.parts) for each in (limits, claims, both)] == [1, 1, 1]
    assert sorted(both.figures) == ["limited_alone", "redis_gone_seconds"]


async def test_what_is_told_of_a_redis_that_is_gone() -> None:
    """The sentence says where it is, and what is done meanwhile; never the password."""
    found = chosen(rate_limits={"store": "redis"}, chats={"claims": "redis"}, redis={"address": ADDRESS})
    (line,) = found.parts
    await line.start()
    sentence = found.degraded()["redis"]
    await line.close()
    assert sentence.startswith("Redis at 127.0.0.1:1/2 cannot be reached: ")
    assert "this server counts rate limits by itself" in sentence
    assert "idempotency keys are looked up in the database alone" in sentence
    assert "sesame" not in sentence


@pytest.mark.parametrize("wanted", [{"rate_limits": {"store": "redis"}}, {"chats": {"claims": "redis"}}])
def test_a_redis_without_an_address(wanted: dict[str, Any]) -> None:
    """Who wants Redis is told what to write."""
    with pytest.raises(
        ConfigurationError, match=r"redis, but there is no address of it; write redis\.address: redis://"
    ):
        chosen(**wanted)


@pytest.mark.parametrize("address", ["http://:open-sesame@h", "open-sesame", "redis://", "redis://:open-sesame@h:port"])
def test_what_is_no_address(address: str) -> None:
    """An address that is none is refused with an example, and without what stood there."""
    with pytest.raises(
        ConfigurationError, match=r"redis\.address: this is no address of a Redis; write redis://"
    ) as told:
        chosen(rate_limits={"store": "redis"}, redis={"address": address})
    assert "sesame" not in str(told.value)


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants Redis without its library is told what to install."""
    for name in [
        name for name in sys.modules if name.split(".")[0] == "redis" or name.startswith("segue.stores.redis.")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'segue\[redis\]'"):
        chosen(rate_limits={"store": "redis"}, redis={"address": ADDRESS})


def test_a_burst_becomes_free_within_a_year() -> None:
    """Figures that would take a count out of what is exact are refused."""
    assert RateSettings(per_s=1 / 3600, burst=8760).burst == 8760
    with pytest.raises(ValidationError, match="more than a year"):
        RateSettings(per_s=1 / 3600, burst=8761)
