"""Counts against rate limits in the database: for all servers that share it, in one transaction each."""

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection, delete, select, text

from segue.clock import Clock
from segue.console.ratelimit import Policy, Verdict, decide, undo
from segue.stores.sql.shared import Sql
from segue.stores.sql.tables import limits

SWEEP_S = 60.0
"""How often scopes that are all free again are removed, …"""
SWEEP = 1000
"""… and how many of them at once."""

_POSTGRES_NOW = text("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")

# The same words for SQLite and Postgres; SQLAlchemy's own would load every driver of Postgres to say them.
_KEEP = text(
    "insert into limits (name, arrival_us) values (:scope, :arrival)"
    " on conflict (name) do update set arrival_us = excluded.arrival_us"
)


class SqlLimitStore:
    """Counts where all servers of a database see them.

    Transactions that write follow one another, so no two requests read the same count. The clock is the database's
    own; with a file, which has one server only, it is the machine's.
    """

    def __init__(self, database: Sql, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._swept_at: float | None = None

    async def take(self, wanted: Sequence[tuple[str, Policy]]) -> Verdict:
        """See `LimitStore.take`.

        Raises:
            Unavailable: the database cannot be written.
        """
        if not wanted:
            return Verdict(True, ())
        wall_us = int(self._clock.wall() * 1_000_000)
        return await self._database.writer.submit(
            partial(_take, wanted=tuple(wanted), wall_us=wall_us, sweep=self._is_time_to_sweep())
        )

    async def give_back(self, wanted: Sequence[tuple[str, Policy]]) -> None:
        """See `LimitStore.give_back`.

        Raises:
            Unavailable: the database cannot be written.
        """
        if wanted:
            wall_us = int(self._clock.wall() * 1_000_000)
            await self._database.writer.submit(partial(_give_back, wanted=tuple(wanted), wall_us=wall_us))

    def _is_time_to_sweep(self) -> bool:
        now = self._clock.now()
        if self._swept_at is not None and now < self._swept_at + SWEEP_S:
            return False
        self._swept_at = now
        return True


def _take(connection: Connection, *, wanted: Sequence[tuple[str, Policy]], wall_us: int, sweep: bool) -> Verdict:
    now_us = _now_us(connection, wall_us)
    before = _read(connection, wanted)
    verdict, after = decide(before, wanted, now_us)
    _keep(connection, {scope: arrival for scope, arrival in after.items() if before.get(scope, now_us) != arrival})
    if sweep:
        free = select(limits.c.name).where(limits.c.arrival_us < now_us).limit(SWEEP)
        connection.execute(delete(limits).where(limits.c.name.in_(free)))
    return verdict


def _give_back(connection: Connection, *, wanted: Sequence[tuple[str, Policy]], wall_us: int) -> None:
    now_us = _now_us(connection, wall_us)
    before = _read(connection, wanted)
    _keep(connection, {scope: us for scope, us in undo(before, wanted, now_us).items() if scope in before})


def _now_us(connection: Connection, wall_us: int) -> int:
    """Now, by the clock that all who share the database share."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(_POSTGRES_NOW).scalar_one())
    return wall_us


def _read(connection: Connection, wanted: Sequence[tuple[str, Policy]]) -> dict[str, int]:
    names = [scope for scope, _ in wanted]
    rows = connection.execute(select(limits.c.name, limits.c.arrival_us).where(limits.c.name.in_(names)))
    return {row.name: row.arrival_us for row in rows}


def _keep(connection: Connection, arrivals: Mapping[str, int]) -> None:
    if not arrivals:
        return
    connection.execute(_KEEP, [{"scope": scope, "arrival": arrival} for scope, arrival in arrivals.items()])
