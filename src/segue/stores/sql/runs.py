"""The statements that concern runs: who holds one, what happened in it, and which idempotency key asked for it."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import Enum
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, insert, select, update

from segue.console.chats import Asked, Claim, End, Event, Run, RunState
from segue.stores.sql.tables import claims, run_events, runs

_ASKED = frozenset(Asked.__slots__)

# Statements of every message are built once: building one takes longer than what the database does for it.
_WANTED: BindParameter[str] = bindparam("wanted")
_RUN = select(runs).where(runs.c.id == _WANTED)
_BEGIN = insert(runs)
_CHANGE = update(runs).where(runs.c.id == _WANTED)
_RUNNING = select(func.count()).where(runs.c.operator == _WANTED, runs.c.state == RunState.RUNNING.value)
_HOLDS = select(runs.c.id).where(
    runs.c.id == _WANTED, runs.c.token == bindparam("held"), runs.c.state == RunState.RUNNING.value
)
_CLAIM = select(claims).where(claims.c.scope == _WANTED, claims.c.expires_us > bindparam("now_us"))
_UNCLAIM = delete(claims).where(claims.c.scope == _WANTED)
_PUT_CLAIM = insert(claims)
_ANSWER = update(claims).where(claims.c.run == _WANTED)
_KEEP = insert(run_events)


class Refusal(Enum):
    """Why nothing was sent."""

    NO_CHAT = "no chat"
    TOO_MANY = "too many"


def run_of(connection: Connection, *, id: str) -> Run | None:  # noqa: A002 - it is what it is called everywhere
    """A run."""
    row = connection.execute(_RUN, {"wanted": id}).first()
    return None if row is None else _run(row)


def begin(connection: Connection, run: Run) -> None:
    """Keep a new run."""
    connection.execute(_BEGIN, _values(run))


def begin_again(connection: Connection, run: Run) -> None:
    """Keep the next attempt of a run that failed. Its error is forgotten: whoever follows from the start goes on."""
    connection.execute(_CHANGE, {"wanted": run.id, **_values(run)})
    own = run_events.c
    connection.execute(delete(run_events).where(own.run == run.id, own.kind == "error"))


def running(connection: Connection, operator: str) -> int:
    """How many runs of an operator are under way."""
    return int(connection.execute(_RUNNING, {"wanted": operator}).scalar_one())


def holds(connection: Connection, run: str, token: int) -> bool:
    """Whether this token is the newest of a run that has not ended."""
    return connection.execute(_HOLDS, {"wanted": run, "held": token}).first() is not None


def events(connection: Connection, *, run: str, after: int, limit: int) -> list[Event]:
    """See `ChatStore.events`."""
    own = run_events.c
    query = select(run_events).where(own.run == run, own.seq > after).order_by(own.seq).limit(limit)
    return [Event(row.seq, row.kind, row.data) for row in connection.execute(query)]


def write(connection: Connection, *, run: str, token: int, events: Sequence[Event]) -> bool:
    """See `ChatStore.write`."""
    if not holds(connection, run, token):
        return False
    _keep(connection, run, events)
    return True


def renew(connection: Connection, *, run: str, token: int, until_us: int) -> bool:
    """See `ChatStore.renew`."""
    own = runs.c
    mine = update(runs).where(own.id == run, own.token == token, own.state == RunState.RUNNING.value)
    return connection.execute(mine.values(until_us=until_us)).rowcount == 1


def end(connection: Connection, run: Run, events: Sequence[Event], ended: End) -> None:
    """Keep a run as it ended, its last events, and what its claim is answered with from now on."""
    connection.execute(_CHANGE, {"wanted": run.id, **_values(run)})
    _keep(connection, run.id, events)
    if ended.status is not None:
        connection.execute(_ANSWER, {"wanted": run.id, "status": ended.status, "body": ended.body})


def lapsed(connection: Connection, *, now_us: int, limit: int, besides: Sequence[str]) -> list[Run]:
    """Runs that nobody holds any more but for those named, those first that waited longest."""
    own = runs.c
    wanted = select(runs).where(own.state == RunState.RUNNING.value, own.until_us <= now_us, own.id.not_in(besides))
    return [_run(row) for row in connection.execute(wanted.order_by(own.until_us, own.id).limit(limit))]


def take(
    connection: Connection, *, holder: str, now_us: int, until_us: int, limit: int, besides: Sequence[str]
) -> list[Run]:
    """See `ChatStore.take`."""
    taken = [
        replace(run, holder=holder, until_us=until_us, token=run.token + 1, attempt=run.attempt + 1)
        for run in lapsed(connection, now_us=now_us, limit=limit, besides=besides)
    ]
    for run in taken:
        connection.execute(_CHANGE, {"wanted": run.id, **_values(run)})
    return taken


def claim_of(connection: Connection, *, scope: str, now_us: int) -> Claim | None:
    """See `ChatStore.claim`."""
    row = connection.execute(_CLAIM, {"wanted": scope, "now_us": now_us}).first()
    return None if row is None else Claim(**row._mapping)


def claimed(connection: Connection, claim: Claim) -> Claim | None:
    """The claim that stands where another wants to."""
    return claim_of(connection, scope=claim.scope, now_us=claim.at_us)


def put_claim(connection: Connection, claim: Claim) -> None:
    """Keep a claim in place of one that has expired, or whose run is begun again."""
    connection.execute(_UNCLAIM, {"wanted": claim.scope})
    connection.execute(_PUT_CLAIM, {name: getattr(claim, name) for name in Claim.__slots__})


def forget(connection: Connection, *, now_us: int, limit: int) -> int:
    """See `ChatStore.forget`."""
    own = claims.c
    oldest = select(own.scope).where(own.expires_us <= now_us).order_by(own.expires_us).limit(limit)
    return connection.execute(delete(claims).where(own.scope.in_(oldest.subquery().select()))).rowcount


def _keep(connection: Connection, run: str, events: Sequence[Event]) -> None:
    if events:
        rows = [{"run": run, "seq": each.seq, "kind": each.kind, "data": dict(each.data)} for each in events]
        connection.execute(_KEEP, rows)


def _values(run: Run) -> dict[str, Any]:
    plain = {name: getattr(run, name) for name in Run.__slots__}
    asked = {name: value for name, value in asdict(run.asked).items() if value not in (None, False)}
    return {**plain, "state": run.state.value, "asked": asked}


def _run(row: Row[Any]) -> Run:
    plain = dict(row._mapping)
    # What a newer Segue asked for in another way is left to it.
    asked = Asked(**{name: value for name, value in plain["asked"].items() if name in _ASKED})
    return Run(**{**plain, "state": RunState(plain["state"]), "asked": asked})
