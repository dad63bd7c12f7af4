"""Between the turns and the store that keeps them: every record is counted and judged as it is kept."""

from collections.abc import AsyncIterator

from segue.records import PlaybackReport, TurnRecord
from segue.telemetry.metrics import Metrics
from segue.voice.lookout import Lookout
from segue.voice.ports import TurnStore


class Observed:
    """A turn store whose records are counted and judged as they are kept."""

    def __init__(self, store: TurnStore, metrics: Metrics, lookout: Lookout) -> None:
        self._store = store
        self._metrics = metrics
        self._lookout = lookout

    def append(self, record: TurnRecord) -> None:
        """See `TurnStore.append`."""
        self._store.append(record)
        self._metrics.observe(record)
        self._lookout.note(record)

    async def report(self, report: PlaybackReport) -> bool:
        """See `TurnStore.report`."""
        return await self._store.report(report)

    async def find(self, turn: str) -> TurnRecord | None:
        """See `TurnStore.find`."""
        return await self._store.find(turn)

    def read(self, *, since: float | None = None, limit: int | None = None) -> AsyncIterator[TurnRecord]:
        """See `TurnStore.read`."""
        return self._store.read(since=since, limit=limit)

    async def flush(self) -> None:
        """See `TurnStore.flush`."""
        await self._store.flush()
