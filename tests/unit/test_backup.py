"""Backups of a real SQLite file and a real folder of objects: under load, cut short, damaged, on a full disk."""

import asyncio
import resource
import shutil
import sys
import tarfile
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest

from segue.clock import SystemClock
from segue.console.actions import Actions
from segue.console.audit import Draft
from segue.errors import ConfigurationError, InvalidRequest, SegueError, Unavailable
from segue.operations.copying.backup import Maker, Wanted
from segue.operations.copying.backups import Backups
from segue.operations.copying.manifest import MANIFEST
from segue.operations.copying.packing import packed, unpacked
from segue.operations.copying.restore import Looked, verify
from segue.operations.copying.shelf import Shelf
from segue.operations.report import Level
from segue.settings import Settings, load
from segue.stores.objects import Objects
from segue.stores.sql.audit import SqlAuditStore
from segue.stores.sql.engine import Database
from segue.wiring.backup import Kept, alone, maker, restorer, trust_of

SOUND = b"RIFF" + b"sound" * 500
VOICE = "files/default/1a2b.wav"


def draft(number: int) -> Draft:
    """An entry of the audit."""
    return Draft(at_us=number, actor="olha", via="key", action="key.create", target=f"key/{number}")


def quiet(what: str, done: int, whole: int) -> None:
    """Nobody is told."""


@dataclass
class House:
    """A data folder that is written to, and what makes backups of it."""

    settings: Settings
    database: Database
    audit: SqlAuditStore
    objects: Objects
    maker: Maker
    shelf: Shelf

    async def backup(self, wanted: Wanted | None = None, tell: Callable[[str, int, int], None] = quiet) -> Path:
        """Make a backup; where it lies."""
        made = await self.maker.make(self.shelf, self.maker.name(), wanted or Wanted(), tell)
        return self.shelf.folder / made.name

    def look(self, folder: Path) -> Looked:
        """Look into a backup with the keys of the data folder."""
        return verify(folder, Kept(), trust_of((), self.settings.data))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A data folder with some entries, a key and a voice file."""
    settings = load(None, data=tmp_path / "data")
    database = Database(settings.data / "segue.db")
    await database.start()
    objects = Objects(settings.storage, settings.data, SystemClock())
    audit = SqlAuditStore(database)
    await audit.append(*map(draft, range(1, 4)))
    await objects.put(VOICE, SOUND)
    (settings.data / "secret.key").write_bytes(b"s" * 32)
    making = maker(settings, SystemClock(), objects)
    yield House(settings, database, audit, objects, making, Shelf(tmp_path / "backups"))
    await database.close()


def failed(looked: Looked) -> list[str]:
    """The checks that did not hold."""
    return [check.name for check in looked.checks if check.level is Level.FAIL]


async def test_a_backup_under_load_is_of_one_moment(house: House) -> None:
    """Every entry acknowledged before it was begun is in it, those it has are a whole chain, and writing goes on."""
    stop = asyncio.Event()
    acknowledged = 3

    async def write() -> None:
        nonlocal acknowledged
        while not stop.is_set():
            await house.audit.append(draft(acknowledged + 1), draft(acknowledged + 2))  # two, or neither
            acknowledged += 2

    writing = asyncio.create_task(write())
    while acknowledged < 40:
        await asyncio.sleep(0)
    before = acknowledged
    folder = await house.backup()
    after = acknowledged
    stop.set()
    await writing
    looked = house.look(folder)
    rows = looked.manifest.tables["audit"]
    assert looked.sound, looked.checks
    assert before <= rows <= acknowledged
    assert rows % 2 == 1, "a transaction was torn"
    assert after > before, "nobody could write meanwhile"
    assert looked.manifest.head is not None
    assert looked.manifest.head.seq == rows


async def test_any_flipped_bit_is_found(house: House, tmp_path: Path) -> None:
    """Whichever file of a backup is changed, cut, removed or added, it is told and cannot be restored."""
    folder = await house.backup()
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert {"database/segue.db", "data/secret.key", "data/audit.key", f"objects/{VOICE}", MANIFEST} <= set(
        map(str, paths)
    )
    for path in paths:
        copy = shutil.copytree(folder, tmp_path / "copy")
        content = bytearray((copy / path).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / path).unlink()
        (copy / path).write_bytes(content)
        try:
            assert failed(house.look(copy)), path
        except InvalidRequest:
            assert str(path) == MANIFEST
        shutil.rmtree(copy)
    (folder / "data" / "new").write_bytes(b"new")
    assert failed(house.look(folder)) == ["backup.files"]


async def test_one_that_is_killed_leaves_no_backup(house: House) -> None:
    """A process that dies in the middle leaves nothing that is taken for a backup, and the next one clears it away."""
    await house.backup()
    before = list(house.shelf.backups())
    await house.database.close()
    program = (
        "import asyncio, sys; from pathlib import Path; from segue.operations.copying.backup import Wanted\n"
        "from segue.operations.copying.shelf import Shelf; from segue.settings import load\n"
        "from segue.wiring.backup import alone\n"
        "def tell(what, done, whole):\n"
        "    if what == 'objects': print(what, flush=True); sys.stdin.read()\n"
        "with alone(load(None, data=Path(sys.argv[1]))) as maker:\n"
        "    asyncio.run(maker.make(Shelf(Path(sys.argv[2])), maker.name(), Wanted(), tell))\n"
    )
    command = [sys.executable, "-c", program, str(house.settings.data), str(house.shelf.folder)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"objects\n"
    with pytest.raises(ConfigurationError, match="in use"), alone(house.settings):
        pass
    process.kill()
    await process.communicate()
    assert list(house.shelf.folder.glob(".partial-*"))
    assert list(house.shelf.backups()) == before
    with alone(house.settings) as making:
        await making.make(house.shelf, making.name(), Wanted(), quiet)
    assert not list(house.shelf.folder.glob(".partial-*"))
    assert len(list(house.shelf.backups())) == 2


async def test_a_full_disk_leaves_what_was_there(house: House) -> None:
    """Where there is no room the backup fails in one sentence, and earlier ones are as they were."""
    folder = await house.backup()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))
    try:
        with pytest.raises(Unavailable, match=r"cannot be (copied|written)"):
            await house.backup()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in house.shelf.folder.iterdir()] == [folder.name]
    assert house.look(folder).sound


async def test_one_that_is_cancelled_goes_away(house: House) -> None:
    """Whoever does not want it any more stops it, and nothing of it stays."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    making = asyncio.create_task(house.backup(tell=lambda *_: loop.call_soon_threadsafe(begun.set) and None))
    await begun.wait()
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert list(house.shelf.folder.iterdir()) == []


async def test_an_object_that_did_not_change_is_shared(house: House) -> None:
    """The next backup links what the last one has, unless its copy went bad; then it is fetched anew."""
    first = await house.backup()
    second = await house.backup()
    place = Path("objects") / VOICE
    assert (first / place).samefile(second / place)
    (second / place).unlink()
    (second / place).write_bytes(b"x" * len(SOUND))
    third = await house.backup()
    assert (third / place).read_bytes() == SOUND


async def test_only_so_many_are_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay whole though they share files with those that go; one that cannot be removed is told by name."""
    folders = [await house.backup() for _ in range(4)]
    names = [folder.name for folder in folders]
    assert house.shelf.beyond(None, names[3]) == []
    assert house.shelf.beyond(4, names[3]) == []
    assert house.shelf.beyond(1, names[0]) == names[:0:-1], "the clock was set back: what was just made stays"
    assert house.shelf.beyond(2, names[3]) == names[1::-1]
    assert house.shelf.remove(names[1::-1]) == ""
    assert house.shelf.names() == names[:1:-1]
    assert not list(house.shelf.folder.glob(".partial-*"))
    for folder in folders[2:]:
        assert failed(house.look(folder)) == []

    def stuck(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", stuck)
    trouble = house.shelf.remove(house.shelf.beyond(1, names[3]))
    assert (names[2] in trouble, "Operation not permitted" in trouble) == (True, True)
    assert house.shelf.names() == names[3:], "what is half gone is no backup any more"


async def test_secrets_stay_out_where_they_are_not_wanted(house: House) -> None:
    """Without keys neither secret is in it; what is in it only its owner can read."""
    folder = await house.backup(Wanted(keys=False))
    names = {path.name for path in folder.rglob("*")}
    assert not names & {"audit.key", "secret.key"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*") if path.is_file())
    with_keys = await house.backup()
    assert all((with_keys / "data" / name).stat().st_mode & 0o077 == 0 for name in ("audit.key", "secret.key"))


async def test_an_archive_is_the_backup(house: House, tmp_path: Path) -> None:
    """A backup goes through an archive unchanged; half an archive is none, and nothing of it stays."""
    folder = await house.backup()
    pieces = list(packed(folder))
    assert house.look(unpacked(pieces, tmp_path / "there")).sound
    for cut in (len(pieces) // 2, 1, 0):
        with pytest.raises(InvalidRequest):
            unpacked(pieces[:cut], tmp_path / "half")
        assert list((tmp_path / "half").iterdir()) == []


async def test_the_configuration_is_told_without_what_opens_doors(house: House) -> None:
    """Neither a secret nor a password in an address lies in a backup: who reads its configuration cannot come in."""
    storage = {
        "s3": {"endpoint": "https://me:hidden@store.test/?token=hidden", "access_key": "a", "secret_key": "hidden"}
    }
    settings = load(None, data=house.settings.data, storage=storage)
    making = maker(settings, SystemClock(), house.objects)
    made = await making.make(house.shelf, making.name(), Wanted(keys=False), quiet)
    told = (house.shelf.folder / made.name / "configuration.json").read_text()
    assert "store.test" in told
    assert "hidden" not in told


class Watched(Shelf):
    """A shelf that tells in which threads it was looked through."""

    looked: ClassVar[list[int]] = []

    def names(self) -> list[str]:
        """See `Shelf.names`."""
        self.looked.append(threading.get_ident())
        return super().names()


async def test_a_list_of_backups_holds_nobody_up(house: House) -> None:
    """Beside the loop, and each manifest once: listeners hear nothing of an operator who asks again and again."""
    first, second = await house.backup(), await house.backup()
    actions = Actions(house.audit, SystemClock(), "main")
    backups = Backups(house.maker, Watched(house.shelf.folder), actions, house.audit)
    told = await backups.all()
    assert [item["name"] for item in told] == [second.name, first.name]
    (first / MANIFEST).write_text("it is not read again")
    assert await backups.all() == told
    shutil.rmtree(second)
    assert await backups.all() == told[1:]
    assert threading.get_ident() not in Watched.looked


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_an_archive_of_anything_but_files_is_refused(kind: bytes, tmp_path: Path) -> None:
    """A link, even one that stays inside, a pipe, and a file that claims more than it brings are not unpacked."""
    whole = BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("20260102-030405-000006/a"))
        entry = tarfile.TarInfo("20260102-030405-000006/b")
        entry.type, entry.linkname = kind, "20260102-030405-000006/a" if kind == tarfile.LNKTYPE else "a"
        archive.addfile(entry)
    with pytest.raises(InvalidRequest, match="is no plain file"):
        unpacked([whole.getvalue()], tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


async def test_a_restored_folder_has_everything(house: House, tmp_path: Path) -> None:
    """Rows, audit, objects and keys are there again; what was there before is set aside, and never written over."""
    folder = await house.backup()
    looked = house.look(folder)
    settings = load(None, data=tmp_path / "new")
    with restorer(settings, folder, looked, replace=False) as putting:
        checks = await putting.restore(settings.data, quiet)
    assert {check.level for check in checks} == {Level.PASS}
    database = Database(settings.data / "segue.db")
    await database.start()
    last = await SqlAuditStore(database).last()
    with pytest.raises(ConfigurationError, match="in use"), restorer(settings, folder, looked, replace=True):
        pass
    await database.close()
    assert last is not None
    assert last.seq == 3
    assert (settings.data / "audio" / VOICE).read_bytes() == SOUND
    assert (settings.data / "secret.key").read_bytes() == b"s" * 32
    with restorer(settings, folder, looked, replace=False) as putting, pytest.raises(ConfigurationError, match="empty"):
        await putting.restore(settings.data, quiet)
    (settings.data / "mine").write_text("mine", encoding="utf-8")
    with restorer(settings, folder, looked, replace=True) as putting:
        await putting.restore(settings.data, quiet)
    assert putting.aside is not None
    assert (putting.aside / "mine").exists()
    assert not (settings.data / "mine").exists()


def test_a_folder_without_a_database_is_told(tmp_path: Path) -> None:
    """There is nothing to copy where nothing is kept, and no folder is no backup."""
    with pytest.raises(SegueError, match="nothing to copy"), alone(load(None, data=tmp_path)):
        pass
    with pytest.raises(InvalidRequest, match="is no backup"):
        verify(tmp_path, Kept(), None)
