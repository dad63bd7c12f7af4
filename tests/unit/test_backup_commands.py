"""The commands of backups, where no server runs: what they end with, and what they leave behind."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segue.cli import backup, restore
from segue.cli.asking import Where
from segue.cli.reporting import Ending
from segue.settings import load
from segue.stores.audit_key import audit_key
from segue.stores.sql.engine import Database
from segue.wiring.backup import FOLDER

TELL = Ending(json_=True, record=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with an empty database."""

    async def make() -> None:
        database = Database(tmp_path / "data" / "segue.db")
        await database.start()
        await database.close()

    asyncio.run(make())
    audit_key(tmp_path / "data")
    return tmp_path / "data"


def ended(command: Callable[..., None], capsys: pytest.CaptureFixture[str], *words: str, **more: Any) -> dict[str, Any]:
    """Run a command; what it told, which has its exit code."""
    with pytest.raises(SystemExit) as end:
        command(*words, ending=TELL, **more)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == end.value.code
    return told


def test_a_folder_is_copied_verified_and_restored(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command ends with 0, 1 or 2 as its report says, and a folder that is not empty is left alone."""
    monkeypatch.chdir(tmp_path)
    here, there = Where(data=data), Where(data=tmp_path / "there")
    made = ended(backup.backup, capsys, out=str(tmp_path / "copies"), where=here)
    assert [check["name"] for check in made["checks"]] == ["backup.make", "backup.out", "backup.keys"]
    assert made["exit_code"] == 0, made
    again = ended(backup.verify, capsys, str(tmp_path / "copies" / made["facts"]["name"]), where=here)
    assert again["exit_code"] == 0
    name = made["facts"]["name"]
    assert ended(backup.verify, capsys, name, where=here)["exit_code"] == 0
    stranger = ended(backup.verify, capsys, str(data / FOLDER / name), where=there)
    assert (stranger["exit_code"], stranger["counts"]["warn"]) == (2, 1)
    assert ended(restore.restore, capsys, name, where=here, dry_run=True)["exit_code"] == 1
    kept = str(data / FOLDER / name)
    assert ended(restore.restore, capsys, kept, where=there, dry_run=True)["exit_code"] == 2
    assert not there.folder.exists()
    assert ended(restore.restore, capsys, kept, where=there)["exit_code"] == 2
    assert (there.folder / "segue.db").exists()
    refused = ended(restore.restore, capsys, kept, where=there)
    assert (refused["exit_code"], refused["checks"][-1]["name"]) == (1, "restore")
    replaced = ended(restore.restore, capsys, kept, where=there, replace_=True)
    assert replaced["exit_code"] == 0, "its key is known there by now"
    assert len(list(tmp_path.glob("there.before-*"))) == 1


def test_so_many_backups_are_kept(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--keep` the older ones go after the new one is there, and the report says how many."""
    here = Where(data=data)
    first = ended(backup.backup, capsys, keep=2, where=here)
    assert first["checks"][1]["reason"] == "No older backup had to go; 2 are kept."
    names = [first["facts"]["name"], *(ended(backup.backup, capsys, where=here)["facts"]["name"] for _ in range(2))]
    last = ended(backup.backup, capsys, keep=2, where=here)
    assert (last["exit_code"], last["checks"][1]["figures"]) == (0, {"removed": 2})
    assert {path.name for path in (data / FOLDER).iterdir()} == {names[2], last["facts"]["name"]}


def test_what_is_no_backup_is_told(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name, a folder of something else and a file of something else each fail in one sentence."""
    (tmp_path / "file").write_bytes(b"no archive")
    for what in ("20000101-000000-000000", str(tmp_path), str(tmp_path / "file")):
        told = ended(backup.verify, capsys, what, where=Where(data=data))
        assert told["checks"][0]["name"] == "backup.manifest"
        assert told["exit_code"] == 1


def test_an_address_from_the_command_line_stays_secret(tmp_path: Path) -> None:
    """A database that is named with a password is not told by the settings."""
    settings = load(None, data=tmp_path, database="postgresql://segue:hidden@127.0.0.1/segue")
    assert "hidden" not in repr(settings)
    assert "hidden" not in settings.model_dump_json()
