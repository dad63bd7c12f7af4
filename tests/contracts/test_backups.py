"""Backups of what lies elsewhere: a real Postgres by its own programs, and objects on an S3 server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.clock import SystemClock
from segue.console.audit import Draft
from segue.errors import ConfigurationError, InvalidRequest
from segue.operations.copying.backup import Wanted
from segue.operations.copying.packing import packed
from segue.operations.copying.restore import verify
from segue.operations.copying.shelf import Shelf
from segue.operations.report import Level
from segue.settings import Settings, load
from segue.stores.objects import Objects
from segue.stores.sql import dumping
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.postgres import Postgres
from segue.wiring.archives import fetched, sent
from segue.wiring.backup import Kept, maker, restorer, trust_of
from tests.postgres import Cluster
from tests.vendors.s3 import BUCKET, S3Server, serving_s3


def quiet(what: str, done: int, whole: int) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """One S3 server."""
    with serving_s3() as server:
        yield server


async def backup(settings: Settings, shelf: Path) -> Path:
    """Make a backup; where it lies."""
    making = maker(settings, SystemClock(), Objects(settings.storage, settings.data, SystemClock()))
    made = await making.make(Shelf(shelf), making.name(), Wanted(), quiet)
    return shelf / made.name


async def test_a_postgres_is_dumped_under_load_and_loaded_again(postgres_cluster: Cluster, tmp_path: Path) -> None:
    """Rows and audit are those of the snapshot; what was there before is kept in a schema of its own."""
    address, other = postgres_cluster.database(), postgres_cluster.database()
    settings = load(None, data=tmp_path / "data", database=address)
    database = Postgres(settings.database.get_secret_value())
    await database.start()
    audit, stop = SqlAuditStore(database), asyncio.Event()
    await audit.append(Draft(1, "olha", "key", "key.create"), Draft(2, "olha", "key", "key.revoke"))

    async def write() -> None:
        while not stop.is_set():
            await audit.append(Draft(3, "olha", "key", "key.create"), Draft(4, "olha", "key", "key.revoke"))

    writing = asyncio.create_task(write())
    folder = await backup(settings, tmp_path / "backups")
    with pytest.raises(ConfigurationError, match="in use"):
        await asyncio.to_thread(dumping.load, address, folder / "database" / "segue.dump", "aside")
    stop.set()
    await writing
    await database.close()
    looked = verify(folder, Kept(), trust_of((), settings.data))
    assert looked.sound, looked.checks
    assert looked.manifest.tables["audit"] % 2 == 0
    there = load(None, data=tmp_path / "there", database=other)
    for number in (1, 2):
        with restorer(there, folder, looked, replace=number == 2) as putting:
            checks = await putting.restore(there.data, quiet)
        assert {check.level for check in checks} == {Level.PASS}, checks
    with (
        restorer(there.model_copy(update={"data": tmp_path / "third"}), folder, looked, replace=False) as putting,
        pytest.raises(ConfigurationError, match="not empty"),
    ):
        await putting.restore(tmp_path / "third", quiet)


@pytest.mark.parametrize(
    ("version", "server", "said"),
    [
        ("pg_dump (PostgreSQL) 15.8 (Debian 15.8-0)", 15, ""),
        ("pg_dump (PostgreSQL) 17.1", 15, ""),
        ("pg_dump (PostgreSQL) 14.2", 15, "postgresql-client-15"),
        ("something else", 15, "does not tell"),
    ],
)
def test_a_program_that_is_too_old_is_told(version: str, server: int, said: str) -> None:
    """A dump program may be newer than the server, not older; the sentence says what to install."""
    reason = dumping.mismatch("pg_dump", version, server)
    assert (reason == "") == (said == "")
    assert said in reason


async def test_objects_come_from_a_bucket_and_go_back(s3: S3Server, tmp_path: Path) -> None:
    """Voice files are copied out of one bucket's path and put back into another, where none is put twice."""
    settings = load(None, data=tmp_path / "data").model_copy(update={"storage": s3.settings("before")})
    store = Objects(settings.storage, settings.data, SystemClock())
    await store.put("files/default/1a.wav", b"RIFF" * 100)
    folder = await _kept(settings, tmp_path)
    looked = verify(folder, Kept(), trust_of((), settings.data))
    assert looked.sound, looked.checks
    there = load(None, data=tmp_path / "there").model_copy(update={"storage": s3.settings("after")})
    with restorer(there, folder, looked, replace=False) as putting:
        await putting.restore(there.data, quiet)
    assert await Objects(there.storage, there.data, SystemClock()).get("files/default/1a.wav") == b"RIFF" * 100


async def test_an_archive_lies_in_a_bucket(s3: S3Server, tmp_path: Path) -> None:
    """An archive that was sent to a bucket is the same backup when it is fetched; another name is told."""
    settings = load(None, data=tmp_path / "data").model_copy(update={"storage": s3.settings()})
    folder = await _kept(settings, tmp_path)
    address = await asyncio.to_thread(sent, packed(folder), f"s3://{BUCKET}/copies/", folder.name, settings)
    assert address == f"s3://{BUCKET}/copies/{folder.name}.tar"

    def look() -> bool:
        with fetched(address, settings) as found:
            return verify(found, Kept(), trust_of((), settings.data)).sound

    assert await asyncio.to_thread(look)
    with pytest.raises(InvalidRequest, match="no archive"):
        await asyncio.to_thread(lambda: fetched(f"s3://{BUCKET}/copies/other.tar", settings).__enter__())


async def _kept(settings: Settings, place: Path) -> Path:
    """A backup of a data folder with an empty database."""
    database = Database(settings.data / "segue.db")
    await database.start()
    try:
        return await backup(settings, place / "backups")
    finally:
        await database.close()
