"""What every store of turns promises, and what the database adds: durability, and honesty about a sick file."""

import asyncio
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import IntegrityError

from segue.errors import ConfigurationError, Unavailable
from segue.records import AttemptOutcome, Mark, Outcome, PlaybackReport, SynthesisAttempt, TurnRecord, Underflow
from segue.stores.memory import MemoryTurnStore
from segue.stores.sql import tables
from segue.stores.sql.engine import Database
from segue.stores.sql.turns import PAGE, SqlTurnStore, _newest, _span
from segue.stores.sql.writer import Job, Writer
from segue.voice.ports import TurnFilter

Store = MemoryTurnStore | SqlTurnStore


def record(number: int, **changes: object) -> TurnRecord:
    """A turn that used every field; `number` tells it from others and is its moment of arrival."""
    turn = TurnRecord(
        turn=f"turn-{number:05}",
        kind="chat",
        at=1_700_000_000.0 + number,
        listener="listener-1",
        chat=None,
        variant="baseline",
        profile="fast",
        character=None,
        language="uk",
        model="scripted",
        voice="uk",
        format="pcm16",
        outcome=Outcome.FAILED,
        marks={Mark.REQUEST.value: 0.0, Mark.FIRST_TOKEN.value: 12.25, Mark.FIRST_SENT.value: 1 / 3},
        sentences=2,
        characters=41,
        audio_ms=2312.5,
        attempts=(
            SynthesisAttempt(0, "espeak", "1.52", "uk", AttemptOutcome.FAILED, 20, category="timeout", total_ms=900.0),
            SynthesisAttempt(0, "scripted", "1", "uk", AttemptOutcome.COMPLETED, 20, first_byte_ms=0.125),
        ),
        underflow=Underflow(events=1, ms=80.5),
        error="provider_failed",
        reason="The chain gave out.",
    )
    return replace(turn, **changes)  # type: ignore[arg-type]


def report(number: int, **changes: object) -> PlaybackReport:
    """What the listener of turn `number` measured."""
    heard = PlaybackReport(f"turn-{number:05}", 140.5, 2.25, 1, 45.0, user_agent="Firefox", received_at=1_700_000_100.0)
    return replace(heard, **changes)  # type: ignore[arg-type]


async def turns_of(store: Store, **choice: object) -> list[str]:
    """The names of the turns that a reading brings."""
    return [found.turn async for found in store.read(**choice)]  # type: ignore[arg-type]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a folder that does not exist yet."""
    database = Database(tmp_path / "data" / "segue.db")
    await database.start()
    yield database
    await database.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store in turn."""
    if request.param == "memory":
        return MemoryTurnStore()
    name = "database" if request.param == "sqlite" else request.param
    return SqlTurnStore(request.getfixturevalue(name))


class TestEveryStore:
    """The rules of the port."""

    async def test_a_record_comes_back_as_it_was(self, store: Store) -> None:
        """Every field survives, numbers to the last bit, and absent stays absent."""
        store.append(record(1))
        store.append(record(2, listener=None, outcome=Outcome.COMPLETED, error=None, reason=None, attempts=()))

        assert await store.find("turn-00001") == record(1)
        assert await store.find("turn-00002") == record(
            2, listener=None, outcome=Outcome.COMPLETED, error=None, reason=None, attempts=()
        )

    async def test_an_unknown_turn_is_none(self, store: Store) -> None:
        """Asking for what is not there is no error."""
        assert await store.find("turn-00001") is None
        assert await turns_of(store) == []

    async def test_order_is_that_of_keeping(self, store: Store) -> None:
        """A turn that arrived earlier but ended later comes later, over more than one page."""
        numbers = [5, 3, 9, *range(100, 100 + 2 * PAGE), 1]
        for number in numbers:
            store.append(record(number))

        assert await turns_of(store) == [f"turn-{number:05}" for number in numbers]

    async def test_since_and_limit(self, store: Store) -> None:
        """`since` includes its own moment and looks at the arrival; `limit` takes the oldest of what is left."""
        for number in (5, 3, 9, 4, 7):
            store.append(record(number))
        since = record(5).at

        assert await turns_of(store, since=since) == ["turn-00005", "turn-00009", "turn-00007"]
        assert await turns_of(store, since=since, limit=2) == ["turn-00005", "turn-00009"]
        assert await turns_of(store, limit=1) == ["turn-00005"]
        assert await turns_of(store, limit=0) == []
        assert await turns_of(store, since=record(10).at) == []

    async def test_since_reaches_over_pages_without_a_match(self, store: Store) -> None:
        """A page in which nothing is recent enough does not end the reading."""
        store.append(record(9000))
        for number in range(PAGE * 2):
            store.append(record(number))
        store.append(record(9001))

        assert await turns_of(store, since=record(9000).at) == ["turn-09000", "turn-09001"]

    async def test_a_page_is_newest_first(self, store: Store) -> None:
        """Turns come by their moment, and by their name where that is the same, with the reports they have."""
        for number in (5, 3, 9):
            store.append(record(number))
        store.append(record(4, at=record(9).at))
        await store.report(report(3))

        assert [each.turn for each in await store.page(TurnFilter(), limit=3)] == [
            "turn-00009",
            "turn-00004",
            "turn-00005",
        ]
        assert await store.page(TurnFilter(), before=(record(5).at, "turn-00005"), limit=9) == [
            record(3, playback=report(3))
        ]
        assert await store.page(TurnFilter(), before=(record(3).at, "turn-00003"), limit=9) == []

    async def test_what_is_wanted_of_a_page_is_wanted_together(self, store: Store) -> None:
        """Every field that is given must be the same; pages go on within what is wanted."""
        for number in range(12):
            store.append(
                record(
                    number,
                    at=1.5,
                    listener="olena" if number % 2 else None,
                    variant="candidate" if number % 3 else "baseline",
                    kind="tts" if number == 7 else "chat",
                    outcome=Outcome.COMPLETED if number == 5 else Outcome.FAILED,
                )
            )

        async def those(before: tuple[float, str] | None = None, **wanted: str) -> list[int]:
            return [int(each.turn[5:]) for each in await store.page(TurnFilter(**wanted), before=before, limit=3)]

        assert await those(listener="olena") == [11, 9, 7]
        assert await those((1.5, "turn-00007"), listener="olena") == [5, 3, 1]
        assert await those(listener="olena", variant="candidate") == [11, 7, 5]
        assert await those(listener="olena", variant="candidate", kind="tts") == [7]
        assert await those(outcome="completed") == [5]
        assert await those(listener="nobody") == []

    async def test_a_turn_is_kept_once(self, store: Store) -> None:
        """A record appended again under the same name changes nothing, not even its place."""
        store.append(record(1))
        store.append(record(2))
        store.append(record(1, voice="another"))
        await store.flush()

        assert await turns_of(store) == ["turn-00001", "turn-00002"]
        found = await store.find("turn-00001")
        assert found is not None
        assert found.voice == "uk"

    async def test_the_first_report_wins(self, store: Store) -> None:
        """A second report is answered with False and leaves the first one standing."""
        store.append(record(1))

        assert await store.report(report(1)) is True
        assert await store.report(report(1, played_s=99.0)) is False
        assert await store.find("turn-00001") == record(1, playback=report(1))

    async def test_a_hundred_reports_at_once_have_one_winner(self, store: Store) -> None:
        """Of reports that race, exactly one is kept, and it is the one that was told so."""
        store.append(record(1))

        answers = await asyncio.gather(*(store.report(report(1, played_s=float(n))) for n in range(100)))

        found = await store.find("turn-00001")
        assert answers.count(True) == 1
        assert found is not None
        assert found.playback == report(1, played_s=float(answers.index(True)))

    async def test_a_report_may_come_before_its_record(self, store: Store) -> None:
        """The report waits, unseen, and is there when the record comes."""
        assert await store.report(report(1)) is True
        assert await store.find("turn-00001") is None
        assert await turns_of(store) == []

        store.append(record(1))

        assert [found async for found in store.read()] == [record(1, playback=report(1))]

    async def test_a_record_may_bring_its_report(self, store: Store) -> None:
        """A record with a playback, as an import has it, counts as record and report; the first report still wins."""
        store.append(record(1, playback=report(1)))
        await store.report(report(2))
        store.append(record(2, playback=report(2, played_s=99.0)))

        assert await store.report(report(1, played_s=99.0)) is False
        assert [found async for found in store.read()] == [
            record(1, playback=report(1)),
            record(2, playback=report(2)),
        ]

    async def test_thousands_of_appends(self, store: Store) -> None:
        """Three thousand records appended in one go are all there after a flush, each once."""
        for number in range(3000):
            store.append(record(number, attempts=()))
        await store.flush()

        assert await turns_of(store) == [f"turn-{number:05}" for number in range(3000)]

    async def test_reading_while_writing(self, store: Store) -> None:
        """Readings that run beside appends bring what was there when they began, whole and in order."""
        for number in range(PAGE + 10):
            store.append(record(number))
        before = [f"turn-{number:05}" for number in range(PAGE + 10)]
        ahead = PAGE + 10

        async def look() -> list[str]:
            nonlocal ahead
            seen = []
            async for found in store.read():
                seen.append(found.turn)
                if len(seen) % 50 == 0:
                    store.append(record(ahead))
                    ahead += 1
                    await asyncio.sleep(0)
            return seen

        for seen in await asyncio.gather(*(look() for _ in range(5))):
            assert seen[: len(before)] == before
            assert seen == sorted(set(seen))
        assert len(await turns_of(store)) == ahead

    async def test_a_reading_ends(self, store: Store) -> None:
        """A reading brings what was kept when it began, however fast others append: it cannot be kept going."""
        store.append(record(0))
        seen = []
        async for found in store.read():
            seen.append(found.turn)
            store.append(record(len(seen)))
            await store.flush()
        assert seen == ["turn-00000"]

        for number in range(2, PAGE + 1):
            store.append(record(number))
        async with aclosing(store.read()) as reading:  # type: ignore[type-var]
            first = await anext(reading)
            store.append(record(9999))
            await store.flush()
            rest = [found.turn async for found in reading]
        assert len([first, *rest]) == PAGE + 1
        assert "turn-09999" not in rest

    async def test_a_reading_can_be_left_early(self, store: Store) -> None:
        """A reader that goes away after one record leaves nothing open: the next one and a write go through."""
        for number in range(PAGE * 2):
            store.append(record(number))
        async with aclosing(store.read()) as reading:  # type: ignore[type-var]
            assert (await anext(reading)).turn == "turn-00000"

        assert await store.report(report(1)) is True
        assert len(await turns_of(store)) == PAGE * 2


class TestMemory:
    """What the store without a disk adds."""

    async def test_it_forgets_the_oldest(self) -> None:
        """Beyond its capacity it forgets the oldest turn with its report, and waits for no more orphans than that."""
        store = MemoryTurnStore(capacity=2)
        for number in (1, 2, 3):
            store.append(record(number))
            await store.report(report(number))
        for number in range(10, 20):
            await store.report(report(number))

        assert await turns_of(store) == ["turn-00002", "turn-00003"]
        assert await store.report(report(1)) is True, "the forgotten turn's report was kept for good"
        assert len(store._reports) == 2

    def test_a_capacity_of_nothing_is_refused(self) -> None:
        """A store that can keep nothing is a mistake, said at once."""
        with pytest.raises(ValueError, match="at least 1"):
            MemoryTurnStore(capacity=0)


ACKNOWLEDGE = """
import asyncio, sys
from pathlib import Path
from segue.stores.sql.engine import Database
from segue.stores.sql.turns import SqlTurnStore
from tests.contracts.test_turn_stores import record, report

async def main():
    database = Database(Path(sys.argv[1]))
    await database.start()
    store = SqlTurnStore(database)
    for number in range(1_000_000):
        store.append(record(number))
        await store.flush()
        await store.report(report(number))
        print(number, flush=True)

asyncio.run(main())
"""


class TestDurability:
    """What was acknowledged is there, whatever becomes of the process."""

    @pytest.mark.parametrize("acknowledged", [1, 150])
    def test_kill_9(self, tmp_path: Path, acknowledged: int) -> None:
        """A process that is killed in mid-write leaves every acknowledged record and report, and a sound file."""
        path = tmp_path / "segue.db"

        async def until_killed() -> int:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", ACKNOWLEDGE, str(path), stdout=asyncio.subprocess.PIPE
            )
            assert child.stdout is not None
            last = -1
            while last < acknowledged - 1:
                last = int(await child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            for line in (await child.stdout.read()).splitlines():
                last = int(line)
            assert await child.wait() == -signal.SIGKILL
            return last

        async def look() -> list[TurnRecord]:
            database = Database(path)
            await database.start()
            found = [kept async for kept in SqlTurnStore(database).read()]
            await database.close()
            return found

        promised = asyncio.run(until_killed())
        found = asyncio.run(look())

        assert promised >= acknowledged - 1
        assert found[: promised + 1] == [record(n, playback=report(n)) for n in range(promised + 1)]
        assert len(found) <= promised + 2, "more than the one write that was on its way"
        with sqlite3.connect(path) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        connection.close()

    async def test_close_loses_nothing(self, tmp_path: Path) -> None:
        """What was appended just before the end is written, the log is folded in, and the file can be opened again."""
        database = Database(tmp_path / "segue.db")
        await database.start()
        store = SqlTurnStore(database)
        for number in range(3000):
            store.append(record(number))
        await database.close()
        await database.close()

        assert sorted(os.listdir(tmp_path)) == ["segue.db", "segue.db.lock"]
        again = Database(tmp_path / "segue.db")
        await again.start()
        assert len(await turns_of(SqlTurnStore(again))) == 3000
        await again.close()

    async def test_after_the_end(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A closed database refuses reports and readings with a word, and counts records as lost."""
        database = Database(tmp_path / "segue.db")
        await database.start()
        store = SqlTurnStore(database)
        await database.close()

        with pytest.raises(Unavailable, match="closing"):
            await store.report(report(1))
        with pytest.raises(Unavailable, match="closed"):
            await store.find("turn-00001")
        store.append(record(1))
        assert database.health().lost == 1
        assert "writes were lost" in caplog.text

    async def test_commits_are_synced(self, database: Database) -> None:
        """The connection that writes runs in WAL mode and syncs every commit; the others cannot write at all."""

        def pragmas(connection: Connection) -> dict[str, object]:
            return {
                name: connection.exec_driver_sql(f"pragma {name}").scalar()
                for name in ("journal_mode", "synchronous", "query_only")
            }

        assert await database.writer.submit(pragmas) == {"journal_mode": "wal", "synchronous": 2, "query_only": 0}
        assert (await database.read(pragmas))["query_only"] == 1
        with pytest.raises(Unavailable, match="readonly"):
            await database.read(lambda c: c.execute(insert(tables.routing).values(version=7, routing={})))


class TestSickFiles:
    """A file that cannot be written keeps nobody from speaking; it is told, counted, and forgotten once it is well."""

    async def test_a_full_disk(self, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        """Records are lost and counted, a report is refused with a word; once there is room, writing goes on."""
        store = SqlTurnStore(database)
        store.append(record(1))
        # SQLite's own page limit gives the very error of a full disk; it lasts as long as the connection.
        pages = await database.writer.submit(lambda c: c.exec_driver_sql("pragma page_count").scalar_one())
        await database.writer.submit(lambda c: c.exec_driver_sql(f"pragma max_page_count = {pages}"))

        with pytest.raises(Unavailable, match=r"disk is full.*Free some space"):
            await database.writer.submit(partial(_fill, number=1))
        assert database.health().failure is not None
        assert not database.health().ready

        await database.writer.submit(partial(_fill, number=2))
        assert await store.report(report(1)) is True
        assert database.health().ready
        assert "cannot be written" in caplog.text
        assert "can be written again" in caplog.text
        assert await turns_of(store) == ["turn-00001"]

    async def test_what_is_lost_is_counted(self, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        """A flush tells what was lost since the last one; the log tells of a hundred losses in a few lines."""
        store = SqlTurnStore(database)
        await database.writer.submit(lambda c: c.exec_driver_sql("drop table turns"))
        for number in range(100):
            store.append(record(number))

        with pytest.raises(Unavailable, match=r"100 writes were lost.*no such table"):
            await store.flush()
        await store.flush()

        assert database.health().lost == 100
        assert 1 <= caplog.text.count("writes were lost") <= 8
        assert "listener-1" not in caplog.text

    async def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        """A damaged file does not keep Segue from starting; moved away, it is replaced without a restart."""
        path = tmp_path / "segue.db"
        path.write_bytes(b"\x00not a database" * 1000)
        database = Database(path)
        await database.start()
        store = SqlTurnStore(database)
        store.append(record(1))

        failure = database.health().failure
        assert failure is not None
        assert str(path) in failure
        assert "Move the file away" in failure
        with pytest.raises(Unavailable, match="not a database"):
            await store.find("turn-00001")
        with pytest.raises(Unavailable, match="1 writes were lost"):
            await store.flush()

        path.rename(tmp_path / "damaged")
        store.append(record(2))

        assert await turns_of(store) == ["turn-00002"]
        assert database.health().ready
        await database.close()

    async def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        """Where a file stands in the place of the folder, reason and remedy are told, and it heals by itself."""
        (tmp_path / "data").write_text("in the way")
        database = Database(tmp_path / "data" / "segue.db")
        await database.start()
        store = SqlTurnStore(database)

        with pytest.raises(Unavailable, match="Name a folder that can be made"):
            await store.report(report(1))
        (tmp_path / "data").unlink()

        assert await store.report(report(1)) is True
        await database.close()

    async def test_a_locked_file_is_waited_for(self, database: Database) -> None:
        """A write waits for a backup that holds the file, and then goes through."""
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("begin immediate")
        writing = asyncio.create_task(SqlTurnStore(database).report(report(1)))
        await _until(lambda: not database.health().queued)
        assert not writing.done()
        other.execute("commit")
        other.close()

        assert await writing is True

    async def test_times_are_looked_up_in_their_index(self, database: Database) -> None:
        """Where a reading begins is answered from the index of times, so that the last hour is not all of the file."""

        def plan(connection: Connection) -> str:
            asked: list[tuple[str, tuple[object, ...]]] = []

            @event.listens_for(connection, "before_cursor_execute")
            def note(_: object, __: object, statement: str, parameters: tuple[object, ...], *___: object) -> None:
                asked.append((statement, parameters))

            _span(connection, since=5.0)
            statement, parameters = asked[0]
            return str(connection.exec_driver_sql(f"explain query plan {statement}", parameters).all())

        assert "COVERING INDEX turns_at_turn" in await database.read(plan)

    async def test_a_page_is_found_and_not_sorted(self, database: Database) -> None:
        """A page is read from the index it is sorted by, from its place on: what lies before costs nothing."""

        def plan(connection: Connection) -> str:
            asked: list[tuple[str, tuple[object, ...]]] = []

            @event.listens_for(connection, "before_cursor_execute")
            def note(_: object, __: object, statement: str, parameters: tuple[object, ...], *___: object) -> None:
                asked.append((statement, parameters))

            _newest(connection, wanted=TurnFilter(variant="v"), before=(5.0, "turn-00005"), limit=9)
            statement, parameters = asked[0]
            return str(connection.exec_driver_sql(f"explain query plan {statement}", parameters).all())

        found = await database.read(plan)
        assert "SEARCH turns USING INDEX turns_at_turn ((at,turn)<(?,?))" in found
        assert "TEMP B-TREE" not in found

    async def test_one_record_beyond_understanding(self, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        """A record with an unknown field is left out of a reading and said to be broken when asked for by name."""
        store = SqlTurnStore(database)
        for number in (1, 2, 3):
            store.append(record(number))
        await database.writer.submit(
            lambda c: c.execute(text("update turns set record = '{\"x\": 1}' where turn = 'turn-00002'"))
        )

        assert await turns_of(store) == ["turn-00001", "turn-00003"]
        assert [each.turn for each in await store.page(TurnFilter(), limit=2)] == ["turn-00003", "turn-00001"]
        assert "turn was left out" in caplog.text
        with pytest.raises(Unavailable, match="turn-00002"):
            await store.find("turn-00002")


class TestForeignFiles:
    """A file that belongs to somebody else is refused before anything is written to it."""

    async def test_a_newer_segue(self, tmp_path: Path) -> None:
        """Tables of a greater version are refused with a word on what to do, and left as they are."""
        path = tmp_path / "segue.db"
        database = Database(path)
        await database.start()
        await database.writer.submit(lambda c: c.exec_driver_sql("update alembic_version set version_num = '0099'"))
        await database.close()
        before = path.read_bytes()

        for newer in (Database(path), Database(path, read_only=True)):
            with pytest.raises(ConfigurationError, match="written by a newer Segue"):
                await newer.start()
            await newer.close()
        assert path.read_bytes() == before

    async def test_another_program(self, tmp_path: Path) -> None:
        """A database with other tables is not made into one of Segue's."""
        path = tmp_path / "music.db"
        with sqlite3.connect(path) as connection:
            connection.execute("create table albums (name text)")
        connection.close()

        database = Database(path)
        with pytest.raises(ConfigurationError, match=r"not one of Segue's|holds albums"):
            await database.start()
        await database.close()

    async def test_a_second_server(self, database: Database) -> None:
        """While one Segue writes a file, a second one is refused; when the first is gone, it may."""
        second = Database(database.path)
        with pytest.raises(ConfigurationError, match="in use by another Segue"):
            await second.start()
        await second.close()
        await database.close()

        third = Database(database.path)
        await third.start()
        await third.close()

    async def test_looking_into_a_living_file(self, database: Database) -> None:
        """A read-only look sees what the server wrote, writes nothing, and needs the file to be there."""
        store = SqlTurnStore(database)
        store.append(record(1))
        await store.flush()
        looking = Database(database.path, read_only=True)
        await looking.start()

        assert await turns_of(SqlTurnStore(looking)) == ["turn-00001"]
        with pytest.raises(Unavailable):
            await SqlTurnStore(looking).report(report(1))
        await looking.close()

        missing = Database(database.path.with_name("none.db"), read_only=True)
        with pytest.raises(ConfigurationError, match="unable to open"):
            await missing.start()
        await missing.close()
        assert not database.path.with_name("none.db").exists()


class TestWriter:
    """The one thread that writes."""

    async def test_a_batch_with_one_bad_job(self, database: Database) -> None:
        """Only the job that fails fails; those that share its transaction are kept."""
        jobs: list[Job[object]] = [
            partial(_keep, turn="a"),
            partial(_keep, turn="a"),
            partial(_keep, turn="b"),
            _divide,
        ]
        with _held(database.writer):
            running = [asyncio.ensure_future(database.writer.submit(job)) for job in jobs]
            await asyncio.sleep(0)
        results = await asyncio.gather(*running, return_exceptions=True)

        assert [type(result) for result in results] == [str, IntegrityError, str, ZeroDivisionError]
        kept = await database.read(lambda c: list(c.execute(select(tables.playbacks.c.turn)).scalars()))
        assert kept == ["a", "b"]
        assert database.health().ready, "a job's own mistake was taken for a sick database"

    async def test_submitters_wait_for_a_place(self, tmp_path: Path) -> None:
        """With the queue full, a submitter waits without holding up the event loop, and all get through in order."""
        database = Database(tmp_path / "segue.db", capacity=2)
        await database.start()
        with _held(database.writer):
            running = [asyncio.ensure_future(database.writer.submit(partial(_keep, turn=f"{n:02}"))) for n in range(20)]
            for _ in range(50):
                await asyncio.sleep(0)
            queued = database.health().queued
        assert queued <= 2
        assert await asyncio.gather(*running) == [f"{n:02}" for n in range(20)]
        await database.close()

    async def test_posts_beyond_the_capacity_are_lost(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A post never waits: what finds no place is refused, counted, and told without a flood of lines."""
        database = Database(tmp_path / "segue.db", capacity=5)
        await database.start()
        with _held(database.writer):
            answers = [database.writer.post(partial(_keep, turn=str(n))) for n in range(105)]
        await database.writer.settled()

        assert answers == [True] * 4 + [False] * 101, "the post that keeps the writer busy has one of the five places"
        assert database.health().lost == 101
        assert caplog.text.count("writes were lost") == 7, "not at 1, 2, 4, 8, 16, 32 and 64"
        assert database.writer.post(partial(_keep, turn="later")) is True
        await database.close()

    async def test_a_cancelled_caller_takes_its_job_back(self, database: Database) -> None:
        """A job whose caller was cancelled before it began is not run, and its place is free again."""
        with _held(database.writer):
            waiting = asyncio.ensure_future(database.writer.submit(partial(_keep, turn="cancelled")))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await database.writer.submit(partial(_keep, turn="kept"))

        assert await database.read(lambda c: list(c.execute(select(tables.playbacks.c.turn)).scalars())) == ["kept"]
        assert database.writer._places._value == 10_000

    async def test_closing_while_others_wait(self, tmp_path: Path) -> None:
        """A writer that closes finishes what has a place and refuses who still waits for one; nobody hangs."""
        database = Database(tmp_path / "segue.db", capacity=1)
        await database.start()
        with _held(database.writer):
            running = [asyncio.ensure_future(database.writer.submit(partial(_keep, turn=str(n)))) for n in range(3)]
            await asyncio.sleep(0)
            closing = asyncio.ensure_future(database.close())
            await _until(lambda: database.writer._closing)
        results = await asyncio.gather(*running, return_exceptions=True)
        await closing

        assert results[0] == "0"
        assert [type(result) for result in results[1:]] == [Unavailable, Unavailable]

    async def test_a_loop_that_ended(self, database: Database, caplog: pytest.LogCaptureFixture) -> None:
        """A caller whose event loop is gone does not stop the writer."""
        caplog.set_level(logging.DEBUG)
        with _held(database.writer):
            other = asyncio.new_event_loop()
            entry = other.create_task(database.writer.submit(partial(_keep, turn="gone")))
            await asyncio.get_running_loop().run_in_executor(None, _turn_once_and_close, other, entry)
        assert await database.writer.submit(partial(_keep, turn="here")) == "here"
        assert "nobody waits" in caplog.text

    def test_a_writer_without_room_is_refused(self) -> None:
        """A capacity or batch of nothing is a mistake, said at once."""
        with pytest.raises(ValueError, match="at least 1"):
            Writer(_never, capacity=0)


class _held:  # noqa: N801 - reads as a verb
    """Keeps the writer busy with one posted job for as long as the block lasts."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._begun = threading.Event()
        self._go = threading.Event()

    def __enter__(self) -> None:
        assert self._writer.post(self._hold)
        assert self._begun.wait(30)

    def __exit__(self, *_: object) -> None:
        self._go.set()

    def _hold(self, _: Connection) -> None:
        self._begun.set()
        assert self._go.wait(30)


async def _until(condition: Callable[[], bool]) -> None:
    """Let others run until a thread has come to some point."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


def _keep(connection: Connection, *, turn: str) -> str:
    connection.execute(insert(tables.playbacks).values(turn=turn, at=0.0, report={}))
    return turn


def _fill(connection: Connection, *, number: int) -> None:
    connection.execute(insert(tables.playbacks).values(turn=f"big-{number}", at=0.0, report={"text": "x" * 100_000}))


def _divide(_: Connection) -> float:
    return 1 / 0


def _never() -> Connection:
    raise AssertionError("nobody asked for a connection")


def _turn_once_and_close(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[object]") -> None:
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
