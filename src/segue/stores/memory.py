"""Turns kept in memory: for tests, rehearsals, and a server that may forget when it ends."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from heapq import nlargest

from segue.records import PlaybackReport, TurnRecord
from segue.voice.ports import TurnFilter


class MemoryTurnStore:
    """The newest `capacity` turns and as many reports; what is older is forgotten, oldest first.

    Nothing survives the process, so `flush` has nothing to wait for.
    """

    def __init__(self, *, capacity: int = 10_000) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._capacity = capacity
        self._records: OrderedDict[str, TurnRecord] = OrderedDict()
        # Apart from the records, because a listener's report may arrive before the turn has left its record.
        self._reports: OrderedDict[str, PlaybackReport] = OrderedDict()

    def append(self, record: TurnRecord) -> None:
        """Keep a record. A turn that is already kept stays as it is; a playback it brings counts as a report."""
        if record.turn not in self._records:
            self._records[record.turn] = replace(record, playback=None)
            if len(self._records) > self._capacity:
                forgotten, _ = self._records.popitem(last=False)
                self._reports.pop(forgotten, None)
        if record.playback is not None:
            self._keep_report(record.playback)

    async def report(self, report: PlaybackReport) -> bool:
        """Keep a listener's report; False if the turn already has one (the first stays)."""
        return self._keep_report(report)

    async def find(self, turn: str) -> TurnRecord | None:
        """One record with its playback report, or None."""
        record = self._records.get(turn)
        return None if record is None else self._joined(record)

    async def read(self, *, since: float | None = None, limit: int | None = None) -> AsyncIterator[TurnRecord]:
        """The records kept before the reading began, oldest first: the first `limit` that arrived at or after `since`.

        `since` is in Unix seconds and is compared with the arrival of the request (`TurnRecord.at`).
        """
        left = len(self._records) if limit is None else limit
        for record in tuple(self._records.values()):
            if left <= 0:
                return
            if since is None or record.at >= since:
                left -= 1
                yield self._joined(record)

    async def page(
        self, wanted: TurnFilter, *, before: tuple[float, str] | None = None, limit: int
    ) -> list[TurnRecord]:
        """The newest records that are wanted, newest first: those before (`at`, `turn`) in that order."""
        fields = {name: value for name, value in asdict(wanted).items() if value}
        found = (
            record
            for record in self._records.values()
            if (before is None or (record.at, record.turn) < before)
            and all(getattr(record, name) == value for name, value in fields.items())
        )
        return [self._joined(each) for each in nlargest(limit, found, key=lambda each: (each.at, each.turn))]

    async def flush(self) -> None:
        """Return at once: what was appended is as durable here as it will ever be."""

    async def close(self) -> None:
        """Return at once: there is nothing to let go of."""

    def _keep_report(self, report: PlaybackReport) -> bool:
        if report.turn in self._reports:
            return False
        self._reports[report.turn] = report
        if len(self._reports) > self._capacity:
            self._reports.popitem(last=False)
        return True

    def _joined(self, record: TurnRecord) -> TurnRecord:
        report = self._reports.get(record.turn)
        return record if report is None else replace(record, playback=report)
