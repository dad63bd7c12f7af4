"""How tables come to be those of this version: made at once, or carried forward with all they hold, or refused."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from segue.console.audit import Draft
from segue.errors import ConfigurationError, Unavailable
from segue.stores.sql import carrying, revisions
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.connections import Connections
from segue.stores.sql.engine import Database
from segue.stores.sql.postgres import Postgres
from segue.stores.sql.revisions import REVISIONS
from segue.stores.sql.rollouts import SqlRolloutStore
from segue.stores.sql.tables import metadata
from segue.stores.sql.turns import SqlTurnStore
from tests.evidence import started
from tests.postgres import Cluster
from tests.server import clean_environment

VERSION_1 = (
    "create table schema (version integer not null)",
    "insert into schema values (1)",
    """create table turns (
        seq {serial} not null primary key, turn varchar not null unique, at double precision not null,
        kind varchar not null, listener varchar, variant varchar not null, outcome varchar not null,
        language varchar not null, record json not null
    )""",
    "create index turns_at_turn on turns (at, turn)",
    "create table playbacks (turn varchar not null primary key, at double precision not null, report json not null)",
    "create index playbacks_at_turn on playbacks (at, turn)",
    """insert into turns (turn, at, kind, variant, outcome, language, record) values ('old', 1700000000.0, 'chat',
        'baseline', 'completed', 'en', '{{"turn": "old", "kind": "chat", "at": 1700000000.0, "listener": null,
        "chat": null, "variant": "baseline", "profile": "fast", "character": null, "language": "en",
        "model": "offline", "voice": "en-us", "format": "pcm16", "outcome": "completed",
        "marks": {{"request": 0.0}}}}')""",
)
"""A database as the first version made it, with one turn in it."""

VERSION_2 = (
    *VERSION_1,
    "update schema set version = 2",
    """create table rollouts (
        name varchar not null, attempt integer not null, version integer not null, changed integer not null,
        phase varchar not null, stage_since double precision not null, rollout json not null,
        primary key (name, attempt)
    )""",
    "create index rollouts_changed on rollouts (changed)",
    """create table decisions (
        name varchar not null, attempt integer not null, number integer not null, at double precision not null,
        kind varchar not null, decision json not null, primary key (name, attempt, number)
    )""",
    "create index decisions_at on decisions (at)",
    """create table blocks (
        name varchar not null, attempt integer not null, position integer not null, block json not null,
        primary key (name, attempt, position)
    )""",
    """create table looks (
        name varchar not null, attempt integer not null, version integer not null, look json not null,
        primary key (name, attempt, version)
    )""",
    """create table cells (
        rollout varchar not null, stage integer not null, series varchar not null, block integer not null,
        arm varchar not null, character varchar not null, replica varchar not null, n bigint not null,
        bad bigint not null, votes bigint not null, bad_votes bigint not null, at double precision not null,
        primary key (rollout, stage, series, block, arm, character, replica)
    )""",
    "create table routing (version integer not null primary key, routing json not null)",
    """create table notices (
        id varchar not null primary key, at double precision not null, next_at double precision,
        error varchar not null, notice json not null
    )""",
    "create index notices_next_at on notices (next_at)",
    """create table lease (
        name varchar not null primary key, holder varchar not null, until double precision not null
    )""",
    "insert into lease values ('controller', 'one', 17.5)",
)
"""The same of the second version."""


class Place:
    """An empty database of one kind, and how to open it."""

    def __init__(self, address: str, opened: Callable[..., Connections], *, serial: str) -> None:
        self.engine = create_engine(address, poolclass=NullPool)
        self.opened = opened
        self._serial = serial

    def written(self, statements: tuple[str, ...]) -> None:
        """Fill it as an older Segue did."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement.format(serial=self._serial).replace(":", "\\:")))

    def schema(self) -> dict[str, Any]:
        """Everything about its tables that an inspector sees, but for names that the database gave itself."""
        with self.engine.connect() as connection:
            seen = inspect(connection)
            return {
                name: (
                    {column["name"]: _column(column) for column in seen.get_columns(name)},
                    seen.get_pk_constraint(name)["constrained_columns"],
                    sorted((index["name"] or "", index["column_names"]) for index in seen.get_indexes(name)),
                    sorted(unique["column_names"] for unique in seen.get_unique_constraints(name)),
                )
                for name in sorted(seen.get_table_names())
            }

    def differences(self, wanted: MetaData) -> list[Any]:
        """What Alembic would change to make these tables the wanted ones."""
        with self.engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), wanted))


def _column(column: Any) -> tuple[str, bool, str | None]:
    return str(column["type"]), column["nullable"], column.get("comment")


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Place]]:
    """Makes empty databases of each kind in turn."""
    made: list[Place] = []

    def sqlite_place() -> Place:
        path = tmp_path / f"{len(made)}.db"
        return Place(f"sqlite:///{path}", lambda **how: Database(path, **how), serial="integer")

    def postgres_place() -> Place:
        address = request.getfixturevalue("postgres_cluster").database()
        psycopg_address = address.replace("postgresql:", "postgresql+psycopg:")
        return Place(psycopg_address, lambda **how: Postgres(address, **how), serial="bigserial")

    def one() -> Place:
        made.append(sqlite_place() if request.param == "sqlite" else postgres_place())
        return made[-1]

    yield one
    for place in made:
        place.engine.dispose()


@pytest.fixture
def place(make: Callable[[], Place]) -> Place:
    """An empty database of each kind in turn."""
    return make()


async def test_made_at_once_and_carried_forward_are_the_same(make: Callable[[], Place]) -> None:
    """The tables of a new database and those that all revisions make differ in nothing."""
    made, carried = make(), make()
    database = made.opened()
    await database.start()
    await database.close()
    with carried.engine.begin() as connection:
        carrying.carry(connection)
    assert made.schema() == carried.schema()
    assert len(made.schema()) > 15
    assert made.differences(metadata) == carried.differences(metadata) == []


def test_the_revisions_are_those_of_the_folder(tmp_path: Path) -> None:
    """The list that is read without Alembic names every revision there is, in order."""
    folder = Path(carrying.__file__).parent / "migrations"
    scripts = [script.revision for script in ScriptDirectory(str(folder)).walk_revisions()]
    assert tuple(reversed(scripts)) == REVISIONS


@pytest.mark.parametrize("statements", [VERSION_1, VERSION_2], ids=["first", "second"])
async def test_an_older_database_keeps_everything(place: Place, statements: tuple[str, ...]) -> None:
    """What was in it is there afterwards, what is new works, and the old table of versions is gone."""
    place.written(statements)
    before = place.schema()
    database = place.opened()
    await database.start()
    turns, rollouts, audit = SqlTurnStore(database), SqlRolloutStore(database), SqlAuditStore(database)
    assert [record.turn async for record in turns.read()] == ["old"]
    await rollouts.save(started(actor="ada"))
    assert [entry.actor for entry in await audit.read(after=0, limit=9)] == ["ada"]
    if statements is VERSION_2:
        with place.engine.connect() as connection:
            assert connection.execute(text("select holder, until from lease")).all() == [("one", 17.5)]
    await database.close()
    after = place.schema()
    assert "schema" not in after
    assert {name: _bare(after[name]) for name in before if name != "schema"} == {
        name: _bare(shape) for name, shape in before.items() if name != "schema"
    }
    assert set(after) == {*metadata.tables, revisions.mark.name}


def _bare(shape: Any) -> Any:
    """The shape of a table without the comments, which the statements above leave out."""
    columns, *others = shape
    return ({name: column[:2] for name, column in columns.items()}, *others)


def test_an_up_to_date_database_needs_no_alembic(tmp_path: Path) -> None:
    """A server that starts on a new or a current database does not load what it has no use for."""
    code = (
        "import asyncio, sys; from pathlib import Path; from segue.stores.sql.engine import Database\n"
        "async def run():\n"
        "    for _ in range(2):\n"
        "        database = Database(Path(sys.argv[1])); await database.start(); await database.close()\n"
        "asyncio.run(run()); sys.exit('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "segue.db")]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0


async def test_a_failure_leaves_the_old_tables(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revision that fails half-way is undone whole; the server says so, and carries on when it no longer fails."""
    place.written(VERSION_2)
    with place.engine.begin() as connection:
        connection.execute(text("create table kept (x integer)"))  # in the way of the last table that is made
    before = place.schema()
    database = place.opened()
    await database.start()
    assert "kept" in (database.health().failure or "")
    with pytest.raises(Unavailable, match="kept"):
        await SqlRolloutStore(database).save(started())
    assert place.schema() == before

    with place.engine.begin() as connection:
        connection.execute(text("drop table kept"))
    await SqlRolloutStore(database).save(started())
    assert database.health().ready
    await database.close()


async def test_a_newer_database_is_refused(place: Place) -> None:
    """Tables of a revision that is not known here are left as they are, by those who write and those who read."""
    database = place.opened()
    await database.start()
    await database.writer.submit(lambda c: c.execute(text("update alembic_version set version_num = '0099'")))
    await database.close()
    before = place.schema()
    for how in ({}, {"read_only": True}):
        newer = place.opened(**how)
        with pytest.raises(ConfigurationError, match=r"newer Segue.*revision 0099.*up to revision"):
            await newer.start()
        await newer.close()
    with pytest.raises(ConfigurationError, match="newer Segue"):
        await (last := place.opened()).migrate()
    await last.close()
    assert place.schema() == before


async def test_a_database_of_something_else_is_refused(place: Place) -> None:
    """A database that holds other tables is not written to."""
    place.written(("create table cats (name varchar)",))
    database = place.opened()
    with pytest.raises(ConfigurationError, match="not Segue's: it holds cats"):
        await database.start()
    await database.close()
    assert list(place.schema()) == ["cats"]


async def test_by_command_the_start_is_refused(place: Place) -> None:
    """Where tables are left to the command, a server on older ones names it and changes nothing until it was run."""
    place.written(VERSION_2)
    before = place.schema()
    database = place.opened(by_command=True)
    with pytest.raises(ConfigurationError, match=r"not up to date.*`segue migrate`"):
        await database.start()
    steps, statements = await database.pending()
    assert [step.revision for step in steps] == list(REVISIONS)
    assert all(step.sentence.endswith(".") for step in steps)
    assert "CREATE TABLE audit" in statements
    assert place.schema() == before

    assert await database.migrate() == ("", REVISIONS[-1])
    assert await database.pending() == ([], "")
    assert await database.migrate() == (REVISIONS[-1], REVISIONS[-1])
    await database.start()
    await SqlAuditStore(database).append(Draft(1, "ada", "key:1", "message.send"))
    await database.close()


async def test_servers_that_start_together_migrate_once(postgres_cluster: Cluster) -> None:
    """Of several servers on one older Postgres one carries it forward, and the others find it done."""
    address = postgres_cluster.database()
    place = Place(address.replace("postgresql:", "postgresql+psycopg:"), Postgres, serial="bigserial")
    place.written(VERSION_2)
    servers = [Postgres(address) for _ in range(3)]
    await asyncio.gather(*(server.start() for server in servers))
    assert [server.health().failure for server in servers] == [None] * 3
    await asyncio.gather(*(server.close() for server in servers))
    assert "audit" in place.schema()


class TestTheCommand:
    """`segue migrate`."""

    def run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """The command, on a data folder."""
        command = [sys.executable, "-m", "segue.cli.main", "migrate", *words, "--data", str(folder)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, env=clean_environment({})
        )

    def test_plan_shows_and_command_does(self, tmp_path: Path) -> None:
        """The plan prints sentences and SQL and leaves every byte; the command does it; then there is nothing to do."""
        path = tmp_path / "segue.db"
        with closing(sqlite3.connect(path)) as old, old:
            for statement in VERSION_2:
                old.execute(statement.format(serial="integer"))
        before = path.read_bytes()
        shown = self.run(tmp_path, "--plan")
        assert shown.returncode == 0, shown.stderr
        assert "0002  Make the tables of the operators' plane" in shown.stdout
        assert "CREATE TABLE audit" in shown.stdout
        assert path.read_bytes() == before

        done = self.run(tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"is now at revision {REVISIONS[-1]}" in done.stdout
        with closing(sqlite3.connect(path)) as now:
            assert now.execute("select count(*) from turns").fetchone() == (1,)
            assert now.execute("select count(*) from audit").fetchone() == (0,)
        again = self.run(tmp_path)
        assert again.returncode == 0
        assert "is up to date" in again.stdout

    def test_a_plan_makes_no_file(self, tmp_path: Path) -> None:
        """Where there is no database yet, the plan says so and leaves the folder empty."""
        shown = self.run(tmp_path / "new", "--plan")
        assert shown.returncode == 0
        assert "is not there yet" in shown.stdout
        assert not (tmp_path / "new").exists()

    async def test_a_file_in_use_is_refused(self, tmp_path: Path) -> None:
        """While a server has the file the command refuses, with exit code 1 and what to do."""
        database = Database(tmp_path / "segue.db")
        await database.start()
        refused = await asyncio.to_thread(self.run, tmp_path)
        await database.close()
        assert refused.returncode == 1
        assert "in use by another Segue" in refused.stderr
