"""Who can read what Segue keeps on disk: its own user, and whoever that one lets."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.cli.local import NAME, listening
from segue.console.heads import Head
from segue.stores.audit_key import audit_key
from segue.stores.heads import FileHeads
from segue.stores.secret import signing_secret
from segue.stores.sql.engine import Database
from segue.stores.switch import FileSwitchStore
from segue.voice.switch import SwitchState, Turning


@pytest.fixture(autouse=True)
def liberal() -> Iterator[None]:
    """A process that would let everybody read its files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def rights(folder: Path) -> dict[str, str]:
    """The rights of what is in a folder, by name, as they are written for `chmod`."""
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in folder.iterdir()}


async def rights_of(database: Database) -> dict[str, str]:
    """The rights of the files of a database, while it is open and was written to."""
    await database.start()
    try:
        await database.writer.submit(lambda connection: connection.exec_driver_sql("create table more (one)").close())
        return rights(database.path.parent)
    finally:
        await database.close()


async def test_a_new_database_is_only_for_its_user(tmp_path: Path) -> None:
    """The file, what SQLite puts beside it while it is open, and its new folder."""
    found = await rights_of(Database(tmp_path / "data" / "segue.db"))
    assert found == dict.fromkeys(("segue.db", "segue.db-wal", "segue.db-shm", "segue.db.lock"), "600")
    assert rights(tmp_path) == {"data": "700"}


async def test_an_old_database_is_closed_to_everybody_else(tmp_path: Path) -> None:
    """What everybody could read they cannot any more; what a group may do, and the folder, are left as they are."""
    folder = tmp_path / "data"
    os.mkdir(folder)
    os.close(os.open(folder / "segue.db", os.O_CREAT, 0o644))
    found = await rights_of(Database(folder / "segue.db"))
    assert (found["segue.db"], found["segue.db-wal"], rights(tmp_path)) == ("640", "640", {"data": "755"})


def test_the_socket_is_only_for_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the mask of the process is; that is left alone, as other threads make files and folders meanwhile."""
    os.umask(0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "umask", lambda _: pytest.fail("The mask is of the whole process."))
        with listening(tmp_path):
            assert rights(tmp_path) == {NAME: "600"}


def test_a_server_that_was_killed_while_it_made_its_socket_is_in_nobodys_way(tmp_path: Path) -> None:
    """Where every server has the same process id, as in containers, the next one finds what that one left half done."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / f"{NAME}.{os.getpid()}"))
    with listening(tmp_path) as listener:
        assert listener is not None
    assert rights(tmp_path) == {}


async def test_whatever_is_kept_first_makes_a_private_folder(tmp_path: Path) -> None:
    """The secret, the audit's key, its heads and the kill switch: each may be the first in a new data folder."""
    signing_secret(tmp_path / "secret")
    audit_key(tmp_path / "key", tmp_path / "elsewhere" / "audit.pem")
    await FileHeads(tmp_path / "heads" / "heads.jsonl").write(Head(1, "0" * 64, 1, "main", "0" * 16, ""))
    state = SwitchState(enabled=True, since=1.0, reason="", by="anna")
    await FileSwitchStore(tmp_path / "switch").save(Turning(state, at=1.0, via="key:0"))
    assert rights(tmp_path) == dict.fromkeys(("secret", "key", "elsewhere", "heads", "switch"), "700")
    kept = {**rights(tmp_path / "secret"), **rights(tmp_path / "heads"), **rights(tmp_path / "switch")}
    assert kept == dict.fromkeys(("secret.key", "heads.jsonl", "switch.json"), "600")
