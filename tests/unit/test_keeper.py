"""Who looks after the audit: heads are signed when something is new, what is old is pruned, and nothing stops it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segue.clock import ManualClock
from segue.console.audit import Draft, Entry, rehashed
from segue.console.chain import Verification
from segue.console.heads import Found, Head
from segue.console.keeper import Keeper
from segue.console.pruning import Pruner, Unsound
from segue.console.retention import DAY_US
from segue.console.tampering import Kind
from segue.console.verifying import Verifying
from segue.errors import Overloaded, Unavailable
from segue.stores.audit_key import TrustedKeys, forgotten_key
from segue.stores.console import MemoryAuditStore
from segue.stores.heads import FileHeads, LogHeads, MemoryHeads, ObjectHeads, heads_in
from segue.stores.objects import Objects
from segue.vendors.console import AuditSettings
from segue.vendors.objects import StorageSettings

KEY = forgotten_key()


class Shaky(MemoryHeads):
    """A place that fails as long as it is told to, and waits at reading as long as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = False
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def write(self, head: Head) -> None:
        """Fail, or write."""
        if self.failing:
            raise Unavailable("The disk is full.")
        await super().write(head)

    async def read(self) -> Found:
        """Wait, then read."""
        await self.may_read.wait()
        return await super().read()


class Desk:
    """An audit with everything that looks after it, on a clock that is turned by hand."""

    def __init__(self, store: MemoryAuditStore | None = None, **settings: Any) -> None:
        self.clock = ManualClock()
        self.store = store or MemoryAuditStore()
        self.place = Shaky()
        self.pruner = Pruner(self.store, KEY, self.clock)
        self.tidied = 0
        wanted = AuditSettings.model_validate({"head_entries": 10, "head_s": 60, "retention_days": 90, **settings})
        looking = (self.pruner, KEY, self.place, self.clock, wanted, "main", (self._break, self._tidy))
        self.keeper = Keeper(self.store, *looking)
        self.verifying = Verifying(self.store, self.place, lambda: TrustedKeys([KEY.public]))

    async def write(self, count: int, *, days_ago: float = 0.0) -> None:
        """So many entries."""
        at_us = round(self.clock.wall() * 1e6 - days_ago * DAY_US)
        await self.store.append(*(Draft(at_us, "Olena", "socket:olena", "key.create") for _ in range(count)))

    async def heads(self) -> list[int]:
        """The numbers of the entries of which heads were written down."""
        return [head.seq for head in (await self.place.read()).heads]

    async def verified(self) -> Verification:
        """What a verification says."""
        return await self.verifying.verify()

    async def _break(self) -> None:
        raise ValueError("nothing works here")

    async def _tidy(self) -> None:
        self.tidied += 1


async def test_a_head_is_signed_when_there_is_something_new() -> None:
    """At once after the start, then after so many entries or so long, and never twice of one entry."""
    desk = Desk()
    await desk.write(3)
    await desk.keeper.start()
    await desk.clock.advance(2)
    assert await desk.heads() == [3]
    await desk.write(2)
    await desk.clock.advance(50)
    assert await desk.heads() == [3]
    assert desk.keeper.head_age_s >= 49
    await desk.clock.advance(10)
    assert await desk.heads() == [3, 5]
    assert desk.keeper.head_age_s == 0
    await desk.clock.advance(90)
    assert await desk.heads() == [3, 5]
    await desk.write(1)
    await desk.clock.advance(2)
    assert await desk.heads() == [3, 5, 6]
    await desk.write(9)
    await desk.clock.advance(2)
    assert await desk.heads() == [3, 5, 6]
    await desk.write(1)
    await desk.clock.advance(2)
    assert await desk.heads() == [3, 5, 6, 16]
    assert await desk.keeper.sign() is None
    await desk.write(1)
    await desk.keeper.close()
    await desk.keeper.close()
    assert await desk.heads() == [3, 5, 6, 16, 17]
    assert (await desk.verified()).proven


async def test_a_place_that_fails_is_tried_again() -> None:
    """What cannot be written is counted and written later; nothing else stops meanwhile."""
    desk = Desk()
    desk.place.failing = True
    await desk.write(1)
    await desk.keeper.start()
    await desk.clock.advance(5)
    assert desk.keeper.failed >= 4
    assert desk.keeper.newest == 1
    desk.place.failing = False
    await desk.clock.advance(2)
    assert await desk.heads() == [1]
    assert desk.keeper.signed == 1
    await desk.clock.advance(120)
    assert desk.tidied == 2
    await desk.keeper.close()


async def test_old_entries_are_pruned_on_schedule() -> None:
    """Entries that are too old go in batches, each with its record; then a head is signed, and all of it verifies."""
    desk = Desk(prune_batch=4, prune_s=100)
    await desk.write(10, days_ago=91)
    await desk.write(5, days_ago=1)
    await desk.keeper.start()
    await desk.clock.advance(65)
    async with asyncio.timeout(20):
        while (left := await desk.store.read(after=0, limit=100))[0].seq <= 10:
            await desk.clock.advance(0)
    assert [entry.seq for entry in left] == list(range(11, 19))
    assert [(entry.action, entry.actor) for entry in left[-3:]] == [("audit.prune", "schedule")] * 3
    told = await desk.verified()
    assert told.proven
    assert told.prunes == 3
    assert (await desk.heads())[-1] == 18
    await desk.clock.advance(210)
    assert (await desk.store.last()).seq == 18  # type: ignore[union-attr]
    await desk.keeper.close()


async def test_others_write_between_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that are written while it is pruned stay, and the chain verifies whenever somebody looks."""
    monkeypatch.setattr("segue.console.verifying.PAGE", 20)
    desk = Desk()
    await desk.write(200, days_ago=91)
    await desk.keeper.sign()

    async def writing() -> None:
        for _ in range(50):
            await desk.write(1)
            await asyncio.sleep(0)

    async def looking() -> None:
        for _ in range(10):
            assert (await desk.verified()).ok

    another = Pruner(desk.store, KEY, desk.clock)  # of another server
    pruning = (
        each.prune(_draft(desk), _now(desk), batch=7 + 2 * number) for number, each in enumerate((desk.pruner, another))
    )
    done, other, *_ = await asyncio.gather(*pruning, writing(), looking())
    assert done.removed + other.removed >= 199
    await desk.keeper.sign()
    assert (await desk.verified()).proven
    assert (await desk.store.read(after=0, limit=1))[0].seq >= 200


class Disturbed(MemoryAuditStore):
    """A store where something happens before a page is read: the second one, or the `first`."""

    def __init__(self, *, first: bool = False) -> None:
        super().__init__()
        self._first = first
        self.disturb: Callable[[], Awaitable[object]] | None = None

    async def read(self, *, after: int, limit: int) -> list[Entry]:
        """Read, after something happened."""
        if (after or self._first) and self.disturb is not None:
            disturb, self.disturb = self.disturb, None
            await disturb()
        return await super().read(after=after, limit=limit)


async def _aged(store: MemoryAuditStore) -> Desk:
    """A desk with thirty entries to prune, ten to keep, and a head signed over them."""
    desk = Desk(store)
    await desk.write(30, days_ago=91)
    await desk.write(10)
    await desk.keeper.sign()
    return desk


async def test_pruning_past_the_reader_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another server prunes ahead of the reader's place is explained by its record; what is only gone is not."""
    monkeypatch.setattr("segue.console.verifying.PAGE", 5)
    store = Disturbed()
    desk = await _aged(store)
    store.disturb = lambda: desk.pruner.prune(_draft(desk), _now(desk) - DAY_US, batch=12)
    told = await desk.verified()
    assert told.proven
    assert (told.checked, told.prunes) == (5 + 10 + 3, 3)

    async def cut() -> None:
        store._entries = store._entries[-3:]

    store.disturb = cut
    assert [fault.kind for fault in (await desk.verified()).faults] == [Kind.UNRECORDED]


async def test_pruning_before_the_first_page_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pruned after it was asked how long the chain is, and before any of it is read, is no fault either."""
    monkeypatch.setattr("segue.console.verifying.PAGE", 5)
    store = Disturbed(first=True)
    desk = await _aged(store)
    store.disturb = lambda: desk.pruner.prune(_draft(desk), _now(desk) - DAY_US, batch=100)
    told = await desk.verified()
    assert (told.faults, told.proven) == ((), True)
    assert (told.checked, told.prunes) == (10 + 1, 1)


async def test_tampering_is_not_pruned_away() -> None:
    """Where something old was tampered with, pruning stops before it and says so; `force` goes on."""
    desk = Desk()
    await desk.write(20, days_ago=91)
    _tamper(desk.store, 14)
    with pytest.raises(Unsound, match=r"Entry 14 was changed.*12 entries before it were removed") as caught:
        await desk.pruner.prune(_draft(desk), _now(desk), batch=4)
    assert caught.value.status == 409
    assert (await desk.store.read(after=0, limit=1))[0].seq == 13
    done = await desk.pruner.prune(_draft(desk), _now(desk), batch=4, force=True)
    assert (done.removed, done.to_seq) == (8, 20)
    assert (await desk.verified()).ok


async def test_tampering_at_the_end_of_a_batch_is_seen() -> None:
    """The last entry that goes is held against the first one that stays."""
    desk = Desk()
    await desk.write(8, days_ago=91)
    store: Sequence[Entry] = desk.store._entries
    false = replace(store[3], actor="nobody")
    desk.store._entries = [*store[:3], replace(false, hash=rehashed(false)), *store[4:]]
    with pytest.raises(Unsound, match="Entry 4 was changed"):
        await desk.pruner.prune(_draft(desk), _now(desk), batch=4)


async def test_the_count_is_what_pruning_removes() -> None:
    """A dry run counts exactly what goes then; the newest entry never does."""
    desk = Desk()
    assert await desk.pruner.count(_now(desk)) == 0
    await desk.write(5, days_ago=91)
    assert await desk.pruner.count(_now(desk)) == 4
    done = await desk.pruner.prune(_draft(desk), _now(desk), batch=100)
    assert (done.removed, done.to_seq) == (4, 4)
    again = await desk.pruner.prune(_draft(desk), 0, batch=100)
    assert (again.removed, again.to_seq) == (0, None)


async def test_one_verification_at_a_time() -> None:
    """Whoever asks while somebody else's verification is under way is told to come back."""
    desk = Desk()
    await desk.write(3)
    desk.place.may_read.clear()
    first = asyncio.create_task(desk.verified())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await desk.verified()
    desk.place.may_read.set()
    assert (await first).checked == 3
    assert (await desk.verified()).checked == 3


async def test_a_log_cannot_be_read_here() -> None:
    """Where heads go to the log, a server says where to look instead of passing for proved."""
    desk = Desk()
    await desk.write(3)
    told = await Verifying(desk.store, LogHeads(), lambda: TrustedKeys([KEY.public])).verify()
    assert told.ok
    assert not told.proven
    assert "--head" in told.warnings[0]


async def test_a_file_keeps_heads_after_a_crash(tmp_path: Path) -> None:
    """A line that was torn takes nothing along: the next head begins a line of its own."""
    desk = Desk()
    await desk.write(3)
    path = tmp_path / "there" / "heads.jsonl"
    place = FileHeads(path)
    assert (await place.read()).heads == ()
    head = await desk.keeper.sign()
    assert head is not None
    await place.write(head)
    with path.open("a") as file:
        file.write('{"format":"segue audit he')
    await place.write(replace(head, seq=4))
    found = await place.read()
    assert [each.seq for each in found.heads] == [3, 4]
    assert found.unreadable == 1
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_folder_is_shared_by_servers(tmp_path: Path) -> None:
    """Each server writes a file of its own in the folder, and reads those of all."""
    heads = [await _signed(count) for count in (2, 3)]
    places = [FileHeads(tmp_path / f"audit-heads-{name}.jsonl", folder=True) for name in "ab"]
    for place, head in zip(places, heads, strict=True):
        await place.write(head)
    assert [head.seq for head in (await places[0].read()).heads] == [2, 3]
    assert len(heads_in(tmp_path / f"audit-heads-{name}.jsonl" for name in "ab").heads) == 2


async def test_a_storage_keeps_each_head_as_an_object(tmp_path: Path) -> None:
    """Every head is an object of its own, which nothing replaces."""
    bucket = Objects(StorageSettings(kind="folder", folder=tmp_path), tmp_path, ManualClock())
    place = ObjectHeads(bucket)
    assert (await place.read()).heads == ()
    for count in (2, 3):
        await place.write(await _signed(count))
    assert [head.seq for head in (await place.read()).heads] == [2, 3]
    before = (await place.read()).heads
    await place.write(replace(before[1], hash="another"))
    assert (await place.read()).heads == before


async def _signed(count: int) -> Head:
    desk = Desk()
    await desk.write(count)
    head = await desk.keeper.sign()
    assert head is not None
    return head


def _draft(desk: Desk) -> Draft:
    return Draft(_now(desk), "Olena", "socket:olena", "audit.prune")


def _now(desk: Desk) -> int:
    return round(desk.clock.wall() * 1e6)


def _tamper(store: MemoryAuditStore, seq: int) -> None:
    entries: Sequence[Entry] = store._entries
    store._entries = [replace(entry, actor="nobody") if entry.seq == seq else entry for entry in entries]
