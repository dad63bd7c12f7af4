"""The audio cache: a sentence that was spoken before, by the same voice in the same way, is not synthesized again.

It is never in the way of a reply. Looking is bounded in time, keeping happens behind it, and a store in trouble is left
alone for a while. What is handed out is what its label says, or it is not handed out.

What is kept is the sound of what was said: personal data, if what was said is personal. See `CacheSettings` for where
it lies, how long, and how to switch this off.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from segue.clock import Clock
from segue.errors import Unavailable
from segue.vendors.objects import CacheSettings
from segue.voice.kept import PREFIX, CacheKey, Kept, Recent, Refusal, joined, packed, refusal, surplus, unpacked
from segue.voice.ports import AudioStore, Speech

log = structlog.get_logger("segue.cache")

TROUBLES = 3
"""After so many lookups in a row that were late or failed, the store is left alone for `REST_S`."""
REST_S = 10.0
CLOSE_S = 5.0
"""How long the end of the process waits for what is still to be written."""
SILENCE_S = 60.0
EARLY_PRUNE_SHARE = 0.1
"""The store is cut back early when so much of `max_bytes` was written since the last time."""


@dataclass(slots=True)
class CacheCounts:
    """What the cache has counted. A lookup is a hit, a miss, late, failed, corrupt or bypassed: one of these."""

    hits: int = 0
    misses: int = 0
    late: int = 0
    """The store did not answer in time."""
    failed: int = 0
    """The store could not be asked."""
    corrupt: int = 0
    """What was found contradicted its label; it is deleted."""
    bypassed: int = 0
    """Not looked up: the sentence is longer than what is kept, or the store is left alone for a while."""
    stored: int = 0
    dropped: int = 0
    """Not kept: the queue was full, or the store failed."""
    refused: int = 0
    """Not kept: no sound audio, or not what its key says."""
    pruned: int = 0
    """Deleted for age, or for lack of room."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to be done to the store; without `kept` the object is deleted."""

    key: CacheKey
    kept: Kept | None


class AudioCache:
    """Sentences in a store, the ones used last in memory too. `start` and `close` own the tasks behind it."""

    def __init__(self, store: AudioStore, clock: Clock, settings: CacheSettings) -> None:
        self.counts = CacheCounts()
        self._store = store
        self._clock = clock
        self._settings = settings
        self._recent = Recent(settings.memory_bytes)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(settings.queue)
        self._tasks: list[asyncio.Task[None]] = []
        self._troubles = 0
        self._rests_until = -float("inf")
        self._written_bytes = 0
        self._much_written = asyncio.Event()
        self._told: dict[str, float] = {}

    async def start(self) -> None:
        """Begin to write and to prune. A second start does nothing."""
        if self._settings.enabled and not self._tasks:
            self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._tend())]

    async def close(self) -> None:
        """Write what is queued, for `CLOSE_S` at most, and stop. What could not be written is dropped."""
        if self._tasks:
            try:
                async with self._clock.limit(CLOSE_S):
                    await self._jobs.join()
            except TimeoutError:
                log.warning("audio cache not written", store=self._store.name, sentences=self._jobs.qsize())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._drop_jobs()

    async def find(self, key: CacheKey) -> Speech | None:
        """The whole sentence as it was spoken before, within `lookup_s`; None if it is not there, or not in time."""
        if not self._settings.enabled:
            return None
        digest = key.digest
        kept = self._recent.find(digest) or await self._look(key)
        if kept is None:
            return None
        if not kept.fresh(self._clock.wall(), self._settings.ttl_s):
            self.counts.misses += 1
            self._recent.forget(digest)
            self._queue(_Job(key, None))
            return None
        self.counts.hits += 1
        self._recent.keep(digest, kept)
        return kept.speech

    def keep(self, key: CacheKey, pieces: Sequence[Speech]) -> None:
        """Keep a sentence that was completed and found sound, all its pieces; returns at once."""
        if not self._settings.enabled:
            return
        why = refusal(key, pieces, self._settings.max_characters)
        if why is not None:
            if why is not Refusal.LONG:
                self.counts.refused += 1
                self._tell(f"{key.provider}: {why}", "sentence not kept", provider=key.provider, reason=why.value)
            return
        kept = Kept(joined(pieces), self._clock.wall())
        self._recent.keep(key.digest, kept)
        self._queue(_Job(key, kept))

    async def prune(self, now_s: float) -> int:
        """Delete what is too old, and the oldest of what is too much; how many objects that were.

        Raises:
            Unavailable: the store failed; what was deleted until then is deleted.
        """
        self._written_bytes = 0
        self._much_written.clear()
        stored = [entry async for entry in self._store.list(PREFIX)]
        keys = surplus(stored, now_s, self._settings.ttl_s, self._settings.max_bytes)
        for key in keys:
            await self._store.delete(key)
            self.counts.pruned += 1
        return len(keys)

    async def clear(self, tenant: str | None = None) -> int:
        """Delete everything that is kept, of one tenant or of all; how many objects that were.

        Raises:
            Unavailable: the store failed; what was deleted until then is deleted.
        """
        self._recent.clear()
        self._drop_jobs()
        stored = [entry.key async for entry in self._store.list(PREFIX if tenant is None else f"{PREFIX}/{tenant}")]
        for key in stored:
            await self._store.delete(key)
        return len(stored)

    async def _look(self, key: CacheKey) -> Kept | None:
        """The sentence from the store. Whatever keeps it from being found is counted, once."""
        if len(key.text) > self._settings.max_characters or self._clock.now() < self._rests_until:
            self.counts.bypassed += 1
            return None
        try:
            async with self._clock.limit(self._settings.lookup_s):
                data = await self._store.get(key.object_key)
        except TimeoutError:
            self.counts.late += 1
            self._trouble(f"no answer within {self._settings.lookup_s:g} s")
            return None
        except Exception as error:  # whatever it is: the sentence is synthesized then
            self.counts.failed += 1
            self._trouble(str(error))
            return None
        self._troubles = 0
        if data is None:
            self.counts.misses += 1
            return None
        kept = unpacked(key, data)
        if isinstance(kept, Kept):
            return kept
        self.counts.corrupt += 1
        log.warning("kept sentence is corrupt", store=self._store.name, key=key.object_key, reason=kept)
        self._queue(_Job(key, None))
        return None

    def _trouble(self, reason: str) -> None:
        self._troubles += 1
        if self._troubles >= TROUBLES and self._clock.now() >= self._rests_until:
            self._rests_until = self._clock.now() + REST_S
            log.warning("audio cache is bypassed", store=self._store.name, reason=reason, seconds=REST_S)

    def _queue(self, job: _Job) -> None:
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            self.counts.dropped += job.kept is not None

    def _drop_jobs(self) -> None:
        while not self._jobs.empty():
            self.counts.dropped += self._jobs.get_nowait().kept is not None
            self._jobs.task_done()

    async def _write(self) -> None:
        """Do one job after the other; a store that fails loses the job, not the cache."""
        while True:
            job = await self._jobs.get()
            done = False
            try:
                await self._do(job)
                done = True
            except Unavailable as error:
                self._tell(error.message, "audio cache cannot be written", reason=error.message)
            except Exception:
                log.exception("audio cache failed", store=self._store.name)
            finally:
                self.counts.dropped += not done and job.kept is not None
                self._jobs.task_done()

    async def _do(self, job: _Job) -> None:
        if job.kept is None:
            await self._store.delete(job.key.object_key)
            return
        data = packed(job.key, job.kept)
        if await self._store.put(job.key.object_key, data):
            self.counts.stored += 1
            self._written_bytes += len(data)
            if self._written_bytes >= self._settings.max_bytes * EARLY_PRUNE_SHARE:
                self._much_written.set()

    async def _tend(self) -> None:
        """Prune now, every `prune_s` from now on, and whenever much was written."""
        while True:
            try:
                await self.prune(self._clock.wall())
            except Unavailable as error:
                self._tell(error.message, "audio cache cannot be pruned", reason=error.message)
            except Exception:
                log.exception("audio cache failed", store=self._store.name)
            try:
                async with self._clock.limit(self._settings.prune_s):
                    await self._much_written.wait()
            except TimeoutError:
                continue

    def _tell(self, what: str, event: str, **details: str) -> None:
        """Log something that would otherwise be logged with every sentence: once in `SILENCE_S`."""
        now = self._clock.now()
        self._told = {said: at for said, at in self._told.items() if now - at < SILENCE_S}
        if what not in self._told:
            self._told[what] = now
            log.warning(event, store=self._store.name, **details)
