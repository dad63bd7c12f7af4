"""The audio cache: what it keeps, what it believes of what it finds, and that it is never in the way of a reply."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.clock import ManualClock, SystemClock
from segue.errors import Unavailable
from segue.stores.objects import Objects
from segue.vendors.objects import CacheSettings, StorageSettings
from segue.voice.cache import CLOSE_S, REST_S, TROUBLES, AudioCache, CacheCounts
from segue.voice.kept import CacheKey, Kept, Recent, Refusal, joined, packed, refusal, surplus, unpacked
from segue.voice.ports import Speech, Stored

KEY = CacheKey("Доброго ранку.", "espeak", "espeak-ng 1.52", "uk", "uk", speed=1.25, pitch_st=-2.0, epoch=7)
WALL_S = 1_700_000_000.0


def speech(milliseconds: int = 100, **changes: object) -> Speech:
    """What the provider of `KEY` says: a ramp, so that every sample is another."""
    rate = 16_000
    pcm = b"".join((number % 30_000).to_bytes(2, "little") for number in range(rate * milliseconds // 1000))
    return replace(Speech(pcm, rate, KEY.provider, KEY.model, KEY.voice), **changes)  # type: ignore[arg-type]


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, for a minute at most."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


class Shelf:
    """A store that can be told to fail, or to hold every answer back until it is told to go on."""

    def __init__(self) -> None:
        self.name = "the shelf"
        self.objects: dict[str, bytes] = {}
        self.failure: Exception | None = None
        self.held = asyncio.Event()
        self.held.set()
        self.asked = self.listed = 0

    async def get(self, key: str) -> bytes | None:
        """See `AudioStore.get`."""
        await self._answer()
        return self.objects.get(key)

    async def put(
        self, key: str, data: bytes, *, media_type: str = "application/octet-stream", replace: bool = False
    ) -> bool:
        """See `AudioStore.put`."""
        del media_type, replace
        await self._answer()
        return self.objects.setdefault(key, data) is data

    async def delete(self, key: str) -> None:
        """See `AudioStore.delete`."""
        await self._answer()
        self.objects.pop(key, None)

    async def list(self, prefix: str) -> AsyncGenerator[Stored, None]:
        """See `AudioStore.list`."""
        self.listed += 1
        await self._answer()
        for key, data in list(self.objects.items()):
            if key.startswith(prefix + "/"):
                yield Stored(key, len(data), WALL_S)

    async def link(self, key: str, seconds: float) -> str | None:
        """See `AudioStore.link`."""
        del key, seconds
        return None

    async def check(self) -> None:
        """See `AudioStore.check`."""
        await self._answer()

    async def _answer(self) -> None:
        self.asked += 1
        await self.held.wait()
        if self.failure is not None:
            raise self.failure


async def kept_in(shelf: Shelf, clock: ManualClock, key: CacheKey = KEY) -> None:
    """Have a sentence written to the store."""
    cache = AudioCache(shelf, clock, CacheSettings())
    await cache.start()
    cache.keep(key, [speech()])
    await cache.close()
    assert cache.counts.stored == 1


class TestKeys:
    """What makes two sentences the same sound."""

    def test_every_field_counts(self) -> None:
        """A key that differs in any field has another digest: text, provider, model, voice, manner, policy, tenant."""
        others = [
            replace(KEY, text="Доброго ранку!"),
            replace(KEY, provider="piper"),
            replace(KEY, model="espeak-ng 1.53"),
            replace(KEY, voice="uk2"),
            replace(KEY, language="ru"),
            replace(KEY, speed=1.2500001),
            replace(KEY, pitch_st=2.0),
            replace(KEY, epoch=8),
            replace(KEY, version="2"),
            replace(KEY, tenant="other"),
        ]
        assert len({key.digest for key in [KEY, *others]}) == len(others) + 1

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (CacheKey("a:b", "c", "", "", ""), CacheKey("a", "b:c", "", "", "")),
            (CacheKey('a","b', "c", "", "", ""), CacheKey("a", 'b","c', "", "", "")),
            (CacheKey("a", "b", "", "", ""), CacheKey("a", "", "b", "", "")),
            (CacheKey("й", "a", "", "", ""), CacheKey("и\u0306", "a", "", "", "")),
            (CacheKey("\\u0439", "a", "", "", ""), CacheKey("й", "a", "", "", "")),
        ],
    )
    def test_nothing_runs_into_its_neighbour(self, one: CacheKey, other: CacheKey) -> None:
        """Fields that would look the same if they were strung together have different digests."""
        assert one.digest != other.digest

    def test_numbers_have_one_shape(self) -> None:
        """A speed of 1 is a speed of 1.0, and no pitch at all is neither 0.0 nor -0.0."""
        assert CacheKey("a", "b", "", "", "", speed=1, pitch_st=0).digest == CacheKey("a", "b", "", "", "").digest
        assert CacheKey("a", "b", "", "", "", pitch_st=-0.0).digest == CacheKey("a", "b", "", "", "").digest

    def test_the_digest_stays(self) -> None:
        """The digest is the same in every process and every release that writes `cache/v1`."""
        expected = ["default", KEY.text, "espeak", "espeak-ng 1.52", "", "uk", "uk", 1.25, -2.0, 7]
        digest = hashlib.sha256(json.dumps(expected).encode()).hexdigest()
        assert KEY.object_key == f"cache/v1/default/{digest[:2]}/{digest}"

    def test_any_text_has_a_key(self) -> None:
        """A text that is no valid Unicode has a key and a label too."""
        key = replace(KEY, text="\ud800 \0 \n")
        assert isinstance(unpacked(key, packed(key, Kept(speech(), WALL_S))), Kept)

    @pytest.mark.parametrize("tenant", ["", "..", "a/b", "A", "a b", "ä", "a" * 65, "-a", "a\n"])
    def test_tenants_are_names(self, tenant: str) -> None:
        """What is not the name of a tenant makes no key."""
        with pytest.raises(ValueError, match="tenant"):
            replace(KEY, tenant=tenant)


class TestLabels:
    """What is believed of an object."""

    def test_what_was_packed_is_unpacked(self) -> None:
        """A sentence comes back as it was, with its rate, its label and its time; its text is nowhere in the object."""
        kept = Kept(speech(rate=22_050), WALL_S)
        data = packed(KEY, kept)

        assert unpacked(KEY, data) == kept
        assert KEY.text.encode() not in data
        assert json.loads(data.split(b"\n")[0])["audio_ms"] == round(1600 / 22.05, 3)

    @given(st.integers(0, 10**6), st.integers(1, 255))
    def test_no_changed_byte_is_believed(self, place: int, change: int) -> None:
        """An object of which any one byte was changed is not believed."""
        data = bytearray(packed(KEY, Kept(speech(10), WALL_S)))
        data[place % len(data)] ^= change
        assert isinstance(unpacked(KEY, bytes(data)), str)

    @given(st.integers(0, 10**6))
    def test_no_half_object_is_believed(self, length: int) -> None:
        """An object that was cut anywhere is not believed."""
        data = packed(KEY, Kept(speech(10), WALL_S))
        assert isinstance(unpacked(KEY, data[: length % len(data)]), str)

    @given(st.binary(max_size=200))
    def test_no_noise_is_believed(self, data: bytes) -> None:
        """Anything else in the place of an object is not believed, even with a fitting SHA-256 behind it."""
        assert isinstance(unpacked(KEY, data), str)
        assert isinstance(unpacked(KEY, data + hashlib.sha256(data).digest()), str)

    @pytest.mark.parametrize(
        "change",
        [
            {"provider": "google"},
            {"model": "chirp3-hd"},
            {"voice": "ru"},
            {"language": "ru"},
            {"rate": 8000},
            {"rate": True},
            {"rate": "16000"},
            {"audio_ms": 99.0},
            {"epoch": 8},
            {"text_sha256": "0" * 64},
            {"made_at": None},
            {"made_at": float("nan")},
            {"more": 1},
        ],
    )
    def test_a_label_that_contradicts_its_key(self, change: dict[str, object]) -> None:
        """A label that says anything else than its key and its audio do is not believed, however well it is sealed."""
        data = packed(KEY, Kept(speech(), WALL_S))
        line, rest = data[:-32].split(b"\n", 1)
        body = json.dumps(json.loads(line) | change).encode() + b"\n" + rest
        assert isinstance(unpacked(KEY, body + hashlib.sha256(body).digest()), str)

    def test_another_keys_object(self) -> None:
        """The object of one key is not believed under another, not even for another policy or tenant."""
        data = packed(KEY, Kept(speech(), WALL_S))
        for other in (replace(KEY, epoch=8), replace(KEY, tenant="other"), replace(KEY, text="Добраніч.")):
            assert isinstance(unpacked(other, data), str)

    def test_a_label_full_of_brackets(self) -> None:
        """A label too deep to be read is not believed."""
        body = b"[" * 4000 + b"\n\0\0"
        assert isinstance(unpacked(KEY, body + hashlib.sha256(body).digest()), str)


class TestPolicy:
    """What is kept, and for how long."""

    def test_what_may_be_kept(self) -> None:
        """The pieces of a sentence that its key describes may be kept, and become one."""
        pieces = [speech(100), speech(50)]
        assert refusal(KEY, pieces, 500) is None
        assert joined(pieces) == replace(pieces[0], pcm=pieces[0].pcm + pieces[1].pcm)

    @pytest.mark.parametrize(
        ("pieces", "why"),
        [
            ([], Refusal.EMPTY),
            ([speech(pcm=b"")], Refusal.EMPTY),
            ([speech(pcm=b"\0\0\0")], Refusal.EMPTY),
            ([speech(provider="piper")], Refusal.UNLIKE),
            ([speech(model="another")], Refusal.UNLIKE),
            ([speech(voice="ru")], Refusal.UNLIKE),
            ([speech(), speech(provider="piper")], Refusal.UNLIKE),
            ([speech(), speech(rate=8000)], Refusal.UNLIKE),
        ],
    )
    def test_what_may_not_be_kept(self, pieces: list[Speech], why: Refusal) -> None:
        """Nothing, half a sample, and what another provider, model or voice spoke is not kept under this key."""
        assert refusal(KEY, pieces, 500) is why

    def test_long_sentences(self) -> None:
        """A sentence is kept up to the limit of characters, and not beyond."""
        assert refusal(KEY, [speech()], len(KEY.text)) is None
        assert refusal(KEY, [speech()], len(KEY.text) - 1) is Refusal.LONG

    def test_old_audio_goes(self) -> None:
        """What has reached its age goes, whatever room there is."""
        stored = [Stored("a", 1, 100.0), Stored("b", 1, 90.0), Stored("c", 1, 91.0)]
        assert surplus(stored, 100.0, ttl_s=10.0, max_bytes=10) == ("b",)

    def test_the_oldest_goes_first(self) -> None:
        """Of what is too much the oldest goes, and no more than has to."""
        stored = [
            Stored("new", 40, 99.0),
            Stored("old", 40, 97.0),
            Stored("older", 40, 96.0),
            Stored("expired", 9, 1.0),
        ]
        assert surplus(stored, 100.0, ttl_s=50.0, max_bytes=80) == ("expired", "older")
        assert surplus(stored, 100.0, ttl_s=50.0, max_bytes=79) == ("expired", "older", "old")
        assert surplus(stored, 100.0, ttl_s=50.0, max_bytes=120) == ("expired",)
        assert surplus([], 100.0, ttl_s=50.0, max_bytes=0) == ()

    @given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100)), max_size=30), st.integers(0, 500))
    def test_what_stays_fits(self, sizes: list[tuple[int, int]], max_bytes: int) -> None:
        """After a cut everything that stays is young enough and fits, and nothing of it is older than what goes."""
        stored = [Stored(str(number), size, float(at)) for number, (size, at) in enumerate(sizes)]
        gone = set(surplus(stored, 100.0, 60.0, max_bytes))
        stays = [entry for entry in stored if entry.key not in gone]

        assert sum(entry.size_bytes for entry in stays) <= max_bytes
        assert all(entry.modified_s > 40.0 for entry in stays)
        newest_gone = max((entry.modified_s for entry in stored if entry.key in gone), default=0.0)
        assert all(entry.modified_s >= newest_gone for entry in stays)

    def test_recent_sentences_fit(self) -> None:
        """The sentences in memory fit into their size; who was used longest ago is forgotten first."""
        one = Kept(speech(pcm=b"\1\0" * 20), WALL_S)
        recent = Recent(100)
        recent.keep("a", one)
        recent.keep("b", one)
        assert recent.find("a") is one
        recent.keep("c", one)

        assert [recent.find(name) for name in "abc"] == [one, None, one]
        assert recent.size_bytes == 80
        recent.keep("huge", Kept(speech(pcm=b"\1\0" * 60), WALL_S))
        assert recent.find("huge") is None
        assert len(recent) == 2
        recent.keep("a", one)
        assert recent.size_bytes == 80
        recent.clear()
        assert recent.size_bytes == len(recent) == 0

    def test_no_memory_keeps_nothing(self) -> None:
        """With a size of 0 nothing is held in memory."""
        recent = Recent(0)
        recent.keep("a", Kept(speech(), WALL_S))
        assert len(recent) == 0


class TestCache:
    """Finding and keeping."""

    async def test_what_was_kept_is_found(self, tmp_path: Path) -> None:
        """A kept sentence is found whole, at once in the same process and from a folder in the next one."""
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        cache = AudioCache(store, SystemClock(), CacheSettings(lookup_s=5.0))
        await cache.start()
        assert await cache.find(KEY) is None
        cache.keep(KEY, [speech(100), speech(50)])
        assert await cache.find(KEY) == joined([speech(100), speech(50)])
        await cache.close()
        assert cache.counts == CacheCounts(hits=1, misses=1, stored=1)

        later = AudioCache(store, SystemClock(), CacheSettings(lookup_s=5.0))
        assert await later.find(KEY) == joined([speech(100), speech(50)])
        assert await later.find(replace(KEY, epoch=8)) is None
        assert later.counts == CacheCounts(hits=1, misses=1)

    async def test_memory_comes_first(self) -> None:
        """A sentence that was found is not asked for again."""
        shelf, clock = Shelf(), ManualClock()
        await kept_in(shelf, clock)
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.find(KEY)
        asked = shelf.asked

        assert await cache.find(KEY) == speech()
        assert shelf.asked == asked
        assert cache.counts.hits == 2

    async def test_switched_off(self) -> None:
        """A cache that is switched off keeps nothing, finds nothing, and never asks the store."""
        shelf, clock = Shelf(), ManualClock()
        await kept_in(shelf, clock)
        asked = shelf.asked
        cache = AudioCache(shelf, clock, CacheSettings(enabled=False))
        await cache.start()
        await clock.advance(7200.0)
        cache.keep(KEY, [speech()])
        assert await cache.find(KEY) is None
        await cache.close()

        assert shelf.asked == asked
        assert cache.counts == CacheCounts()

    async def test_what_another_spoke_is_refused(self) -> None:
        """What a fallback spoke is not kept under the key of the provider that failed: not in memory either."""
        shelf, clock = Shelf(), ManualClock()
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.start()
        cache.keep(KEY, [speech(provider="piper", model="uk-lada", voice="lada")])
        assert await cache.find(KEY) is None
        await cache.close()

        assert not shelf.objects
        assert cache.counts == CacheCounts(misses=1, refused=1)

    async def test_long_sentences_are_not_looked_up(self) -> None:
        """A sentence too long to be kept costs no lookup."""
        shelf = Shelf()
        cache = AudioCache(shelf, ManualClock(), CacheSettings(max_characters=5))
        assert await cache.find(KEY) is None
        cache.keep(KEY, [speech()])
        assert shelf.asked == 0
        assert cache.counts == CacheCounts(bypassed=1)

    async def test_a_late_store(self) -> None:
        """A store that does not answer within `lookup_s` is a miss, counted as late; the lookup is given up."""
        shelf, clock = Shelf(), ManualClock()
        await kept_in(shelf, clock)
        cache = AudioCache(shelf, clock, CacheSettings(lookup_s=0.05))
        shelf.held.clear()
        finding = asyncio.create_task(cache.find(KEY))
        await clock.advance(0.049)
        assert not finding.done()
        await clock.advance(0.002)

        assert await finding is None
        assert cache.counts == CacheCounts(late=1)

    async def test_a_store_in_trouble_is_left_alone(self) -> None:
        """After three lookups in a row that failed nobody asks for ten seconds; a success clears the account."""
        shelf, clock = Shelf(), ManualClock()
        await kept_in(shelf, clock)
        cache = AudioCache(shelf, clock, CacheSettings(memory_bytes=0))
        shelf.failure, asked = Unavailable("gone"), shelf.asked
        for _ in range(TROUBLES + 5):
            assert await cache.find(KEY) is None
        assert shelf.asked == asked + TROUBLES
        assert cache.counts == CacheCounts(failed=TROUBLES, bypassed=5)

        await clock.advance(REST_S)
        assert await cache.find(KEY) is None
        assert await cache.find(KEY) is None
        assert cache.counts == CacheCounts(failed=TROUBLES + 1, bypassed=6), "one more look, and left alone again"

        await clock.advance(REST_S)
        shelf.failure = None
        assert await cache.find(KEY) == speech()
        shelf.failure = Unavailable("gone")
        for _ in range(TROUBLES):
            await cache.find(KEY)
        assert cache.counts.failed == TROUBLES * 2 + 1

    async def test_a_surprise_is_no_ones_loss(self) -> None:
        """An error that nobody foresaw in the store does not reach the reply, and does not end the writing."""
        shelf, clock = Shelf(), ManualClock()
        shelf.failure = RuntimeError("a bug")
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.start()
        assert await cache.find(KEY) is None
        cache.keep(KEY, [speech()])
        await until(lambda: cache.counts.dropped)
        shelf.failure = None
        cache.keep(replace(KEY, epoch=8), [speech()])
        await cache.close()

        assert cache.counts == CacheCounts(failed=1, dropped=1, stored=1)

    async def test_corrupt_objects(self) -> None:
        """An object that contradicts its label is a miss, is deleted, and makes room for a sound one."""
        shelf, clock = Shelf(), ManualClock()
        await kept_in(shelf, clock)
        shelf.objects[KEY.object_key] = shelf.objects[KEY.object_key][:-1] + b"\0\0"
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.start()
        assert await cache.find(KEY) is None
        await until(lambda: not shelf.objects)
        cache.keep(KEY, [speech()])
        await cache.close()

        assert cache.counts == CacheCounts(corrupt=1, stored=1)
        assert await AudioCache(shelf, clock, CacheSettings()).find(KEY) == speech()

    @pytest.mark.parametrize("memory_bytes", [0, 1_000_000])
    async def test_old_audio_is_not_used(self, memory_bytes: int) -> None:
        """A sentence is used until it has reached its age, and not a moment longer, wherever it is found."""
        shelf, clock = Shelf(), ManualClock(wall_s=WALL_S)
        cache = AudioCache(shelf, clock, CacheSettings(ttl_s=100.0, memory_bytes=memory_bytes, prune_s=1e9))
        await cache.start()
        cache.keep(KEY, [speech()])
        await clock.advance(99.0)
        assert await cache.find(KEY) == speech()
        await clock.advance(1.0)

        assert await cache.find(KEY) is None
        await cache.close()
        assert not shelf.objects
        assert cache.counts == CacheCounts(hits=1, misses=1, stored=1)

    async def test_audio_of_the_future_is_not_used(self) -> None:
        """What claims to come from further ahead than audio lives is not used: it would never grow old."""
        shelf = Shelf()
        await kept_in(shelf, ManualClock(wall_s=WALL_S + 200.0))
        cache = AudioCache(shelf, ManualClock(wall_s=WALL_S), CacheSettings(ttl_s=100.0))
        assert await cache.find(KEY) is None


class TestBehindTheReply:
    """Writing and pruning."""

    async def test_a_full_queue_drops(self) -> None:
        """Keeping never waits: beyond the queue sentences are not kept, which is counted."""
        shelf, clock = Shelf(), ManualClock()
        shelf.held.clear()
        cache = AudioCache(shelf, clock, CacheSettings(queue=2, memory_bytes=0))
        for epoch in range(5):
            cache.keep(replace(KEY, epoch=epoch), [speech()])
        assert cache.counts.dropped == 3
        shelf.held.set()
        await cache.start()
        await cache.close()

        assert cache.counts == CacheCounts(stored=2, dropped=3)
        assert set(shelf.objects) == {replace(KEY, epoch=epoch).object_key for epoch in range(2)}

    async def test_a_store_that_fails_loses_the_sentence_only(self) -> None:
        """A failed write is counted and forgotten; the next one is tried again."""
        shelf, clock = Shelf(), ManualClock()
        shelf.failure = Unavailable("gone")
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.start()
        cache.keep(KEY, [speech()])
        await until(lambda: cache.counts.dropped)
        shelf.failure = None
        cache.keep(replace(KEY, epoch=8), [speech()])
        await cache.close()

        assert cache.counts == CacheCounts(stored=1, dropped=1)

    async def test_the_end_waits_for_what_is_queued(self) -> None:
        """What was kept before the end is written; a second end does nothing."""
        shelf, clock = Shelf(), ManualClock()
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.start()
        for epoch in range(20):
            cache.keep(replace(KEY, epoch=epoch), [speech()])
        await cache.close()
        await cache.close()

        assert len(shelf.objects) == 20

    async def test_the_end_does_not_wait_for_ever(self) -> None:
        """A store that says nothing holds the end up for five seconds; what was queued is counted as dropped."""
        shelf, clock = Shelf(), ManualClock()
        cache = AudioCache(shelf, clock, CacheSettings())
        await cache.start()
        shelf.held.clear()
        for epoch in range(3):
            cache.keep(replace(KEY, epoch=epoch), [speech()])
        closing = asyncio.create_task(cache.close())
        await clock.advance(CLOSE_S - 0.1)
        assert not closing.done()
        await clock.advance(0.2)
        await closing

        assert cache.counts == CacheCounts(dropped=3)
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    async def test_pruning_comes_round(self) -> None:
        """The store is pruned at the start, and again every `prune_s`, also after a time when it could not be."""
        shelf, clock = Shelf(), ManualClock(wall_s=WALL_S)
        await kept_in(shelf, clock)
        shelf.failure = Unavailable("gone")
        cache = AudioCache(shelf, clock, CacheSettings(ttl_s=500.0, prune_s=300.0))
        await cache.start()
        await clock.advance(300.0)
        assert shelf.objects
        shelf.failure = None
        await clock.advance(299.0)
        assert shelf.objects
        await clock.advance(2.0)

        assert not shelf.objects
        assert cache.counts.pruned == 1
        await cache.close()

    async def test_much_writing_prunes_early(self, tmp_path: Path) -> None:
        """Long before `prune_s` the store is cut back, when a tenth of its size was written."""
        clock = SystemClock()
        store = Objects(StorageSettings(kind="memory"), tmp_path, clock)
        size = len(packed(KEY, Kept(speech(), WALL_S)))
        cache = AudioCache(store, clock, CacheSettings(max_bytes=size * 20, prune_s=1e6))
        await cache.start()
        for epoch in range(60):
            cache.keep(replace(KEY, epoch=epoch), [speech()])
        await until(lambda: cache.counts.pruned + 22 >= cache.counts.stored == 60)
        await cache.close()

        left = [entry async for entry in store.list("cache/v1")]
        assert len(left) <= 22, "twenty have room, and a tenth of that may be written before it is pruned again"

    async def test_much_writing_prunes_once(self) -> None:
        """Having pruned early, the cache waits for as much writing again: it does not list the store for ever."""
        shelf, clock = Shelf(), ManualClock(wall_s=WALL_S)
        size = len(packed(KEY, Kept(speech(), WALL_S)))
        cache = AudioCache(shelf, clock, CacheSettings(max_bytes=size * 20, prune_s=1e6))
        await cache.start()
        await clock.advance(1.0)
        for epoch in range(3):
            cache.keep(replace(KEY, epoch=epoch), [speech()])
        await clock.advance(10.0)

        assert cache.counts.stored == 3
        assert shelf.listed == 2, "at the start, and after a tenth"
        await cache.close()

    async def test_pruning_leaves_other_things_alone(self, tmp_path: Path) -> None:
        """Whatever else lies in the store is neither counted nor deleted."""
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        await store.put("files/default/a.wav", b"x" * 1000)
        cache = AudioCache(store, SystemClock(), CacheSettings(max_bytes=1))
        assert await cache.prune(time.time() + 1e9) == 0
        assert await store.get("files/default/a.wav") is not None

    async def test_forgetting(self, tmp_path: Path) -> None:
        """One tenant's sentences can be deleted alone, or all of them; memory forgets them too."""
        store = Objects(StorageSettings(), tmp_path, SystemClock())
        cache = AudioCache(store, SystemClock(), CacheSettings(lookup_s=5.0))
        await cache.start()
        theirs = replace(KEY, tenant="theirs")
        for key in (KEY, theirs):
            cache.keep(key, [speech()])
        await until(lambda: cache.counts.stored == 2)

        assert await cache.clear("theirs") == 1
        assert await cache.find(theirs) is None
        assert await cache.find(KEY) == speech()
        assert await cache.clear() == 1
        assert await cache.find(KEY) is None
        await cache.close()
