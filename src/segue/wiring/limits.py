"""Where rate limits are counted, and where claims are looked for first: here, in the database, or in Redis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segue.clock import Clock
from segue.console.ports import ClaimFront, LimitStore
from segue.errors import ConfigurationError
from segue.settings import Settings
from segue.stores.chats import MemoryClaims
from segue.stores.limits import MemoryLimitStore
from segue.stores.sql.limits import SqlLimitStore
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Limiting:
    """Where is counted and looked, and what there is to tell of it."""

    limits: LimitStore
    claims: ClaimFront | None
    """A quicker look than the database's; None where the database alone is asked."""
    parts: tuple[Any, ...] = ()
    """What is started with the process."""
    figures: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    """Readings by name."""
    degraded: Callable[[], Mapping[str, str]] = dict
    """What works only in part: a name and a sentence each."""

    def watch(self, metrics: Metrics) -> None:
        """Tell the metrics where the readings come from."""
        for name, figure in self.figures.items():
            metrics.watch(name, figure)


def limiting(settings: Settings, clock: Clock, database: Sql | None) -> Limiting:
    """Put it together by the settings; nothing is started yet. Without a database its counts are kept in memory.

    Raises:
        ConfigurationError: Redis is wanted, but there is no address of it, or its library is not installed.
    """
    here = MemoryLimitStore(clock)
    claims: ClaimFront | None = MemoryClaims(clock) if settings.chats.claims == "memory" else None
    wanted = [
        name
        for name, value in (("rate_limits.store", settings.rate_limits.store), ("chats.claims", settings.chats.claims))
        if value == "redis"
    ]
    if wanted:
        return _with_redis(settings, clock, wanted, here, _limits(settings, clock, database, here), claims)
    return Limiting(_limits(settings, clock, database, here), claims)


def _limits(settings: Settings, clock: Clock, database: Sql | None, here: LimitStore) -> LimitStore:
    """The counts of the settings, where they are not in Redis."""
    if settings.rate_limits.store == "database" and database is not None:
        return SqlLimitStore(database, clock)
    return here


def _with_redis(
    settings: Settings,
    clock: Clock,
    wanted: list[str],
    here: LimitStore,
    limits: LimitStore,
    claims: ClaimFront | None,
) -> Limiting:
    address = settings.redis.address.get_secret_value()
    names = " and ".join(f"{name}: redis" for name in wanted)
    if not address:
        raise ConfigurationError(f"{names}, but there is no address of it; write redis.address: redis://host:6379/0.")
    try:
        from segue.stores.redis.claims import RedisClaimFront  # noqa: PLC0415 - only who uses Redis loads its library
        from segue.stores.redis.limits import RedisLimitStore  # noqa: PLC0415
        from segue.stores.redis.line import Line  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "redis":
            raise
        raise ConfigurationError(f"{names}, but its library is not installed: pip install 'segue[redis]'.") from error
    section = settings.redis
    line = Line(address, clock, prefix=section.prefix, timeout_s=section.timeout_s, retry_s=section.retry_s)
    figures: dict[str, Callable[[], float]] = {"redis_gone_seconds": lambda: line.health().gone_s}
    told = []
    if settings.rate_limits.store == "redis":
        store = RedisLimitStore(line, here, replicas=settings.rate_limits.replicas)
        figures["limited_alone"] = lambda: float(store.decided_alone)
        limits = store
        told.append("this server counts rate limits by itself, each at its part")
    if settings.chats.claims == "redis":
        claims = RedisClaimFront(line, clock)
        told.append("idempotency keys are looked up in the database alone")

    def degraded() -> Mapping[str, str]:
        reason = line.health().reason
        return {"redis": f"{reason} Until it is back, {', and '.join(told)}."} if reason else {}

    return Limiting(limits, claims, (line,), figures, degraded)
