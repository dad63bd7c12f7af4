"""What is on record: the newest of each command, in every store alike, followed by other servers, bounded."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from segue.clock import ManualClock
from segue.console.audit import Draft, canonical
from segue.console.operations import Operation, Place
from segue.console.operator import Operator, Scope
from segue.errors import Forbidden, InvalidRequest, Unavailable
from segue.operations.evidence.envelope import REPORT_TYPE, sealed
from segue.operations.evidence.filing import PENDING, Filing, name_of
from segue.operations.evidence.recorded import MOST_COMMANDS
from segue.operations.evidence.recording import FOLLOW_S, OperationStore, Recording
from segue.operations.report import Check, Level, Report
from segue.stores.audit_key import TrustedKeys, forgotten_key
from segue.stores.console import MemoryAuditStore
from segue.stores.operations import MemoryOperationStore
from segue.stores.sql.engine import Database
from segue.stores.sql.operations import SqlOperationStore
from tests.doors import actions

KEY = forgotten_key()
OLHA = Operator("olha", frozenset({Scope.ROLLOUT_WRITE}), "key:0123456789ab")


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OperationStore]:
    """A store of each kind."""
    if request.param == "memory":
        yield MemoryOperationStore(MemoryAuditStore().link)
        return
    database = Database(tmp_path / "segue.db")
    await database.start()
    try:
        yield SqlOperationStore(database)
    finally:
        await database.close()


def operation(command: str, at_us: int, digest: str = "a" * 64) -> Operation:
    """What is kept of a report that passed then."""
    return Operation(command, "pass", at_us, "olha", digest, {"pass": 1})


def draft(at_us: int) -> Draft:
    """Its entry."""
    return Draft(at_us, "olha", "key", "operation.record", node="main")


def test_what_waits_is_for_its_user_alone(tmp_path: Path) -> None:
    """Evidence that comes before the first start makes the data folder itself, and nobody else can look into it."""
    report = Report("preflight", "here", 0, 1, (Check("config.fits", Level.PASS, "It fits."),))
    envelope = sealed(canonical(report.as_dict()), REPORT_TYPE, KEY)
    file = Filing(tmp_path / "data" / "evidence").keep(name_of(report), envelope, pending=True)

    made = [file, *list(file.parents)[:3]]
    assert [oct(each.stat().st_mode & 0o777) for each in made] == ["0o600", "0o700", "0o700", "0o700"]


async def test_the_newest_of_each_command_is_kept(store: OperationStore) -> None:
    """A late one does not take the place of a newer one; each has an entry, and the entries follow one another."""
    first = await store.record(operation("canary", 5), draft(5))
    late = await store.record(operation("canary", 3, "b" * 64), draft(6))
    other = await store.record(operation("policy update", 4), draft(7))
    assert [each.seq for each in (first, late, other)] == [1, 2, 3]
    assert [(each.command, each.at_us) for each in await store.newest()] == [("canary", 5), ("policy update", 4)]


async def test_what_is_entered_once_is_entered_once(store: OperationStore) -> None:
    """The second time its entry is told again; without `once` every report has an entry of its own."""
    first = await store.record(operation("canary", 5), draft(5), once=True)
    assert await store.record(operation("canary", 5), draft(9), once=True) == first
    assert (await store.record(operation("canary", 5), draft(9))).seq == first.seq + 1


class Shaky(MemoryOperationStore):
    """A store that cannot be reached as long as it is told so."""

    gone = False

    async def newest(self) -> Sequence[Operation]:
        """See `OperationStore.newest`."""
        if self.gone:
            raise Unavailable("The database is away.")
        return await super().newest()

    async def record(self, operation: Operation, draft: Draft, *, once: bool = False) -> Place:
        """See `OperationStore.record`."""
        if self.gone:
            raise Unavailable("The database is away.")
        return await super().record(operation, draft, once=once)


def report(command: str = "canary", ended_us: int = 2) -> Report:
    """A report that passed."""
    return Report(command, "here", 1, ended_us, (Check("server.health", Level.PASS, "It answered."),))


class Desk:
    """Two servers with one store, on a clock that is turned by hand."""

    def __init__(self, waiting: Filing | None = None) -> None:
        self.clock = ManualClock()
        self.audit = MemoryAuditStore()
        self.store = Shaky(self.audit.link)
        trust = TrustedKeys([KEY.public])
        way = actions(self.clock, self.audit)
        self.one, self.two = (Recording(way, self.store, KEY, trust, self.clock, waiting) for _ in "ab")

    async def record(self, command: str, by: Operator = OLHA) -> None:
        """Somebody puts a report on record, at the first server."""
        await self.one.record(by, command, "pass", canonical(report(command).as_dict()), "request")


async def test_other_servers_follow() -> None:
    """What one put on record the other measures within ten seconds, also after the store was away meanwhile."""
    desk = Desk()
    await desk.two.start()
    await desk.record("canary")
    desk.store.gone = True
    await desk.clock.advance(FOLLOW_S + 0.1)
    assert desk.two.outcomes() == {}
    desk.store.gone = False
    await desk.clock.advance(FOLLOW_S)
    assert desk.two.outcomes() == {"canary": 0.0}
    assert desk.two.ages_s()["canary"] == pytest.approx(2 * FOLLOW_S + 0.1)
    await desk.two.close()
    await desk.two.close()


async def test_there_are_only_so_many_commands() -> None:
    """The name of a command is the value of a label: the hundred and first is refused, and a known one is not."""
    desk = Desk()
    for number in range(MOST_COMMANDS):
        await desk.record(f"c{number}")
    with pytest.raises(InvalidRequest, match="100 commands"):
        await desk.record("other")
    await desk.record("c7")


async def test_who_may_not_leaves_an_entry_of_that() -> None:
    """A reader puts nothing on record, and the audit says that they tried."""
    desk = Desk()
    with pytest.raises(Forbidden):
        await desk.record("canary", Operator("oleh", frozenset({Scope.READ}), "key:0123456789ab"))
    last = await desk.audit.last()
    assert last is not None
    assert (last.actor, last.status, await desk.store.newest()) == ("oleh", "refused", [])


async def test_what_waits_stays_while_the_store_is_away(tmp_path: Path) -> None:
    """A start that cannot write leaves the file where it is; the next one enters it, under its own time."""
    waiting = Filing(tmp_path)
    found = report(ended_us=7)
    file = waiting.keep(name_of(found), sealed(canonical(found.as_dict()), REPORT_TYPE, KEY), pending=True)
    desk = Desk(waiting)
    desk.store.gone = True
    await desk.one.start()
    await desk.one.close()
    assert file.exists()
    desk.store.gone = False
    await desk.two.start()
    await desk.two.close()
    assert [path.parent.name != PENDING for path in waiting.files()] == [True]
    assert [(each.at_us, each.by) for each in await desk.store.newest()] == [(7, "start")]
    with pytest.raises(Unavailable, match="File exists"):
        waiting.keep(file.name, sealed(b"{}", REPORT_TYPE, KEY))
