"""Between the turns and the store that keeps them: every record is counted and judged as it is kept."""

from collections.abc import AsyncIterator

import structlog

from segue.delivery.tally import Tally
from segue.records import PROBE, PlaybackReport, TurnRecord
from segue.telemetry.metrics import Metrics
from segue.voice.lookout import Lookout
from segue.voice.ports import TurnFilter, TurnStore
from segue.wiring.tracing import Tracer

log = structlog.get_logger("segue.delivery")


class Observed:
    """A turn store whose records are counted and judged as they are kept.

    A mistake in the counting of a rollout costs a turn of evidence, and no listener a reply.
    """

    def __init__(
        self, store: TurnStore, metrics: Metrics, lookout: Lookout, tally: Tally, tracer: Tracer | None = None
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._lookout = lookout
        self._tally = tally
        self.tracer = tracer

    def append(self, record: TurnRecord) -> None:
        """See `TurnStore.append`."""
        self._store.append(record)
        if self.tracer is not None:
            self.tracer.over(record)
        if record.kind == PROBE:  # no listener had it: it is kept and counted, and nothing is judged by it
            self._metrics.count("tries", outcome=record.outcome.value)
            return
        self._metrics.observe(record)
        self._lookout.note(record)
        try:
            self._tally.over(record)
        except Exception:
            log.exception("turn not counted", turn=record.turn)

    async def report(self, report: PlaybackReport) -> bool:
        """See `TurnStore.report`."""
        kept = await self._store.report(report)
        if kept:
            self._tally.reported(report)
        return kept

    async def find(self, turn: str) -> TurnRecord | None:
        """See `TurnStore.find`."""
        return await self._store.find(turn)

    def read(self, *, since: float | None = None, limit: int | None = None) -> AsyncIterator[TurnRecord]:
        """See `TurnStore.read`."""
        return self._store.read(since=since, limit=limit)

    async def page(
        self, wanted: TurnFilter, *, before: tuple[float, str] | None = None, limit: int
    ) -> list[TurnRecord]:
        """See `TurnStore.page`."""
        return await self._store.page(wanted, before=before, limit=limit)

    async def flush(self) -> None:
        """See `TurnStore.flush`."""
        await self._store.flush()
