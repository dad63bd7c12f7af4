"""Somebody who can write the database, or the heads, changes the audit that a real server wrote: each way is found.

A server writes entries, signs heads and stops; each test tampers with a copy of its data folder, and verifies it as
`segue audit verify` does. Real pruning is no tampering, also over the API of a server that is killed meanwhile.
"""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from segue.clock import SystemClock
from segue.console.audit import GENESIS, Draft, Entry, canonical, rehashed
from segue.console.chain import Verification
from segue.console.heads import Signer
from segue.console.keeper import Keeper
from segue.console.pruning import Pruner
from segue.console.tampering import Kind
from segue.console.verifying import Verifying
from segue.settings import Settings
from segue.stores.audit_key import audit_key, forgotten_key, trusted_keys
from segue.stores.heads import FILE, FileHeads
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.stores.sql.postgres import Postgres
from segue.stores.sql.shared import Sql
from segue.vendors.console import AuditSettings
from segue.wiring.proof import Proof
from tests.operators import SPEAKING
from tests.postgres import cluster, folder_of_programs
from tests.rollouts import until
from tests.server import PROJECT, RunningServer, clean_environment, running

COLUMNS = [each.name for each in fields(Entry)]
CONFIG: dict[str, Any] = {**SPEAKING, "audit": {"head_entries": 10, "head_s": 3600.0}}
READS = 60
FAR_US = 8 * 10**15
"""A moment some two hundred years ahead."""
PLACE = 30
"""The entry that is tampered with: in the middle, with heads before and after."""

Tampering = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that did some things and was stopped."""
    folder = tmp_path_factory.mktemp("written") / "data"
    with running(CONFIG, data=folder) as server, server.client() as client:
        for heads in (1, 2):
            for number in range(READS // 3 * heads):
                assert client.get("/api/audit", params={"limit": 1, "actor": f"o{number}"}).is_success
            until(partial(_signed, server, heads))
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(written, tmp_path / "data"))


def test_an_untouched_chain_is_proved(folder: Path) -> None:
    """What a real server wrote verifies, up to its very last entry: the last head is signed when it stops."""
    told = verified(folder)
    assert told.proven
    assert not told.warnings
    assert told.heads >= 2  # one while it ran, one at its end
    assert told.head is not None
    assert told.head.seq == told.to_seq == told.checked > READS


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_is_found(folder: Path, column: str) -> None:
    """Whichever column of a row is changed: that row was changed, and nothing else was."""
    change = {"seq": "+ 100000", "at_us": "+ 1", "duration_ms": "+ 1"}.get(column, "|| '0'")
    statement = f'update audit set "{column}" = "{column}" {change} where seq = {PLACE}'  # noqa: S608 - our words
    tamper(folder, lambda it: it.execute(statement))
    assert faults(folder) == [(PLACE, Kind.CHANGED)]


@pytest.mark.parametrize("value", [None, b"\x00", 1.5])
def test_what_a_column_cannot_hold_is_found(folder: Path, value: object) -> None:
    """SQLite lets anything be put in; the verifier says so instead of failing."""
    tamper(folder, lambda it: _loosened(it, value))
    assert faults(folder) == [(PLACE, Kind.CHANGED)]


def test_a_deleted_row_is_found(folder: Path) -> None:
    """A row that is gone is missing, also when the rest is numbered anew."""
    tamper(folder, lambda it: it.execute("delete from audit where seq = ?", (PLACE,)))
    assert faults(folder) == [(PLACE, Kind.MISSING)]
    tamper(folder, lambda it: _renumbered(it, PLACE, -1))
    assert faults(folder)[0] == (PLACE, Kind.MISSING)


def test_an_inserted_row_is_found(folder: Path) -> None:
    """A row that was put in, with a right hash, is told as such."""

    def insert(it: sqlite3.Connection) -> None:
        entries = _entries(it)
        _renumbered(it, PLACE, 1)
        before = entries[PLACE - 2]
        _put(it, _rehashed(replace(before, seq=PLACE, actor="nobody", prev_hash=before.hash)))

    tamper(folder, insert)
    assert faults(folder)[0] == (PLACE, Kind.INSERTED)


@pytest.mark.parametrize("distance", [1, 9])
def test_swapped_rows_are_found(folder: Path, distance: int) -> None:
    """Two rows in each other's place are told as such."""

    def swap(it: sqlite3.Connection) -> None:
        for before, after in ((PLACE, -1), (PLACE + distance, PLACE), (-1, PLACE + distance)):
            it.execute("update audit set seq = ? where seq = ?", (after, before))

    tamper(folder, swap)
    assert faults(folder) == [(PLACE, Kind.SWAPPED)]


def test_a_cut_tail_is_found(folder: Path) -> None:
    """Rows that are gone from the end are missed by the newest head; so is everything, if all are."""
    tamper(folder, lambda it: it.execute("delete from audit where seq > ?", (PLACE,)))
    assert faults(folder) == [(PLACE + 1, Kind.CUT)]
    tamper(folder, lambda it: it.execute("delete from audit"))
    assert faults(folder) == [(1, Kind.CUT)]


@pytest.mark.parametrize("first", [1, PLACE])
def test_a_rewritten_chain_is_found(folder: Path, first: int) -> None:
    """A chain that was written anew with right hashes, from whichever row on, is not the one that was signed."""
    tamper(folder, lambda it: _rewritten(it, first))
    assert {kind for _, kind in faults(folder)} == {Kind.REWRITTEN}


def test_a_cut_beginning_is_found(folder: Path) -> None:
    """Rows that are gone from the beginning were not pruned, if nothing signed says so."""
    tamper(folder, lambda it: it.execute("delete from audit where seq < ?", (PLACE,)))
    assert faults(folder) == [(1, Kind.UNRECORDED)]


def test_a_forged_record_is_found(folder: Path) -> None:
    """Who removes the beginning and writes a record of pruning cannot sign it, in their own name or another's."""
    asyncio.run(_prune(folder, forgotten_key()))
    told = verified(folder)
    assert [(fault.seq, fault.kind) for fault in told.faults] == [(1, Kind.UNRECORDED)]
    assert "not trusted" in told.warnings[0]

    def claim(it: sqlite3.Connection) -> None:
        key = next((folder / "audit-keys").iterdir()).stem
        last = _entries(it)[-1]
        facts = json.loads(last.facts) | {"key": key}
        it.execute("delete from audit where seq = ?", (last.seq,))
        _put(it, _rehashed(replace(last, facts=canonical(facts).decode())))

    tamper(folder, claim)
    assert {Kind.UNRECORDED, Kind.FORGED_PRUNE} <= {kind for _, kind in faults(folder)}


def test_lost_heads_are_no_proof(folder: Path) -> None:
    """Without heads nothing is wrong, but it is said that nothing is proved, and the exit code says it too."""
    (folder / FILE).unlink()
    told = verified(folder)
    assert told.ok
    assert not told.proven
    assert told.warnings == ("No head: nothing that was signed says what this chain must be.",)
    assert command(folder).returncode == 4


def test_forged_heads_are_found(folder: Path) -> None:
    """Heads that were signed by somebody else do not count; ones that were altered are told as forged."""
    tamper(folder, lambda it: _rewritten(it, PLACE))
    heads = folder / FILE
    lines = [json.loads(line) for line in heads.read_text().splitlines()]
    with closing(sqlite3.connect(folder / "segue.db")) as it:
        hashes = {entry.seq: entry.hash for entry in _entries(it)}
    forged = [{**line, "hash": hashes[line["seq"]]} for line in lines]
    heads.write_text("\n".join(map(json.dumps, forged)) + "\n")
    assert {kind for _, kind in faults(folder)} == {Kind.FORGED_HEAD}
    heads.write_text("\n".join(json.dumps({**line, "by": "0" * 16}) for line in forged) + "\n")
    told = verified(folder)
    assert told.ok
    assert not told.proven
    assert "0" * 16 in told.warnings[0]


def test_another_key_of_the_folder_helps_nobody(folder: Path, written: Path) -> None:
    """Who puts a key of their own into the data folder is found by whoever names the right one."""
    key = next((written / "audit-keys").iterdir())
    (folder / FILE).unlink()
    (folder / "audit.key").unlink()
    audit_key(folder)
    tamper(folder, lambda it: _rewritten(it, PLACE))
    told = verified(folder, heads=[written / FILE], keys=[key])
    assert {fault.kind for fault in told.faults} == {Kind.REWRITTEN}


def test_the_command_tells_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    """Exit code 0 for a chain that is proved, 1 with a sentence for one that is not, 3 where there is nothing."""
    sound = command(folder, "--json")
    assert (sound.returncode, json.loads(sound.stdout)["proven"]) == (0, True)
    tamper(folder, lambda it: it.execute("update audit set actor = 'nobody' where seq = ?", (PLACE,)))
    broken = command(folder)
    assert broken.returncode == 1
    assert f"changed: Entry {PLACE} was changed" in broken.stdout
    assert command(tmp_path / "nowhere").returncode == 3


async def test_pruning_with_others_writing_passes(folder: Path) -> None:
    """Two prune at once in small batches, others write, somebody verifies all the while: there is no false alarm."""
    database = Database(folder / "segue.db")
    await database.start()
    try:
        await _prune_and_look(database, folder)
    finally:
        await database.close()
    told = await asyncio.to_thread(verified, folder)
    assert told.proven
    assert told.from_seq is not None
    assert told.from_seq > READS


def test_a_server_prunes_and_is_killed(folder: Path) -> None:
    """Pruning over the API leaves a chain that verifies, twice; one that is killed meanwhile leaves one, too."""
    with running(CONFIG, data=folder, exit_code=-9) as server, server.client() as client:
        for batch in (7, 9):
            answer = client.post("/api/audit/prune", json={"before_days": 0, "batch": batch})
            assert answer.json()["removed"] > 0
            assert client.get("/api/audit/verification").json()["proven"]
            for _ in range(40):
                client.get("/api/audit", params={"limit": 1})
        assert command(folder).returncode == 0  # while it runs
        _kill_while_pruning(server)
    told = verified(folder)
    assert told.ok, told.faults
    assert told.prunes >= 2


async def test_postgres_is_no_exception(tmp_path: Path) -> None:
    """The same on a Postgres: a change of any kind of column is found, and pruning passes."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("Postgres is not installed (Debian: apt-get install postgresql)")
    with cluster(programs) as made:
        address = made.database()
        database = Postgres(address)
        await database.start()
        try:
            await _on_postgres(database, Settings.model_validate({"data": tmp_path, "database": address}))
        finally:
            await database.close()


def silent(done: int, whole: int) -> None:
    """No progress is shown."""
    del done, whole


def verified(folder: Path, heads: Sequence[Path] = (), keys: Sequence[Path] = ()) -> Verification:
    """What the command verifies of a data folder."""
    proof = Proof(Settings.model_validate({"data": folder}), heads, keys)
    return asyncio.run(proof.of_database(silent))


def faults(folder: Path) -> list[tuple[int, Kind]]:
    """The faults in it, without their sentences."""
    return [(fault.seq, fault.kind) for fault in verified(folder).faults]


def command(folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """`segue audit verify`."""
    line = [sys.executable, "-m", "segue.cli.main", "audit", "verify", "--data", str(folder), *more]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=clean_environment(), cwd=PROJECT)


def tamper(folder: Path, how: Tampering) -> None:
    """Do something to the database, behind everybody's back."""
    with closing(sqlite3.connect(folder / "segue.db")) as it, it:
        how(it)


def _signed(server: RunningServer, heads: int) -> bool:
    """Whether so many heads were signed."""
    return server.metric("segue_audit_heads_total") >= heads


def _entries(it: sqlite3.Connection) -> list[Entry]:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    return [Entry(*row) for row in it.execute(f"select {names} from audit order by seq")]  # noqa: S608 - our columns


def _put(it: sqlite3.Connection, *entries: Entry) -> None:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    marks = ", ".join("?" * len(COLUMNS))
    rows = [[getattr(entry, name) for name in COLUMNS] for entry in entries]
    it.executemany(f"insert into audit ({names}) values ({marks})", rows)  # noqa: S608 - our columns


def _loosened(it: sqlite3.Connection, value: object) -> None:
    """Put something into a column whose table no longer says what it may hold."""
    it.execute("create table loose as select * from audit")
    it.execute("drop table audit")
    it.execute("alter table loose rename to audit")
    it.execute("update audit set duration_ms = ? where seq = ?", (value, PLACE))


def _renumbered(it: sqlite3.Connection, first: int, by: int) -> None:
    """Give every row from one on another number; in two steps, since numbers are unique."""
    it.execute("update audit set seq = -seq where seq >= ?", (first,))
    it.execute("update audit set seq = -seq + ? where seq < 0", (by,))


def _rewritten(it: sqlite3.Connection, first: int) -> None:
    """Give every row from one on another actor, and hashes to match."""
    entries = _entries(it)
    new = entries[: first - 1]
    for entry in entries[first - 1 :]:
        prev_hash = new[-1].hash if new else GENESIS
        new.append(_rehashed(replace(entry, actor="nobody", prev_hash=prev_hash)))
    it.execute("delete from audit")
    _put(it, *new)


def _rehashed(entry: Entry) -> Entry:
    return replace(entry, hash=rehashed(entry))


def _draft(number: int) -> Draft:
    return Draft(1_700_000_000_000_000 + number, "Olena", "socket:olena", "chat.open", facts={"number": number})


def _kill_while_pruning(server: RunningServer) -> None:
    line = [sys.executable, "-m", "segue.cli.main", "audit", "prune", "--before-days", "0", "--batch", "1"]
    pruning = subprocess.Popen(
        [*line, "--data", str(server.data)],
        env=clean_environment(),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with closing(sqlite3.connect(server.data / "segue.db")) as it:
        first = it.execute("select min(seq) from audit").fetchone()[0]
        while it.execute("select min(seq) from audit").fetchone()[0] < first + 10 and pruning.poll() is None:
            pass
    server.process.kill()
    assert pruning.wait() != 0  # it was in the middle


async def _prune(folder: Path, signer: Signer) -> None:
    """Prune as a server does that has this key."""
    database = Database(folder / "segue.db")
    await database.start()
    try:
        draft = replace(_draft(1), action="audit.prune")
        await Pruner(SqlAuditStore(database), signer, SystemClock()).prune(draft, 10**18, batch=PLACE)
    finally:
        await database.close()


async def _prune_and_look(database: Database, folder: Path) -> None:
    store, key, clock = SqlAuditStore(database), audit_key(folder), SystemClock()
    verifying = Verifying(store, FileHeads(folder / FILE), lambda: trusted_keys(folder))
    pruned = asyncio.Event()

    async def prune(batch: int) -> None:
        await Pruner(store, key, clock).prune(replace(_draft(0), action="audit.prune"), 10**18, batch=batch)

    async def write() -> None:
        while not pruned.is_set():
            await store.append(replace(_draft(0), at_us=FAR_US))

    async def look() -> int:
        looks = 0
        while not pruned.is_set():
            told = await verifying.verify()
            assert told.ok, told.faults
            looks += 1
        return looks

    others = (asyncio.create_task(write()), asyncio.create_task(look()))
    try:
        await asyncio.gather(prune(3), prune(5))
    finally:
        pruned.set()
        _, looks = await asyncio.gather(*others)
    assert looks >= 2
    keeper = Keeper(store, Pruner(store, key, clock), key, FileHeads(folder / FILE), clock, AuditSettings(), "main")
    assert await keeper.sign() is not None


async def _on_postgres(database: Sql, settings: Settings) -> None:
    store, key = SqlAuditStore(database), audit_key(settings.data)
    proof = Proof(settings)

    async def found() -> list[tuple[int, Kind]]:
        told = await proof.of_database(silent)
        assert told.checked > 0
        return [(fault.seq, fault.kind) for fault in told.faults]

    await store.append(*(_draft(number) for number in range(40)))
    await Pruner(store, key, SystemClock()).prune(replace(_draft(40), action="audit.prune"), 10**18, batch=8)
    await store.append(*(_draft(number) for number in range(40)))
    assert await found() == []
    for change in (b"actor = actor || '0'", b"at_us = at_us + 1", b"facts = '{}'"):
        with psycopg.connect(settings.database.get_secret_value(), autocommit=True) as connection:
            connection.execute(b"create table saved as select * from audit")
            connection.execute(b"update audit set " + change + b" where seq = 60")
            assert await found() == [(60, Kind.CHANGED)]
            connection.execute(b"delete from audit")
            connection.execute(b"insert into audit select * from saved")
            connection.execute(b"drop table saved")
    assert await found() == []
