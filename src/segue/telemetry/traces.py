"""Sends spans to a collector, in a thread of its own, over OTLP. Loaded only where traces are wanted.

No turn ever waits for the collector: what does not fit into the queue, and what the collector does not take in time, is
dropped and counted.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from segue import __version__
from segue.records import Recognition, TurnRecord
from segue.telemetry.spans import Span, hearing, spans
from segue.trace import CALLER, CURRENT, Trace, of_turn
from segue.vendors.telemetry import TelemetrySettings

logger = logging.getLogger(__name__)

BATCH = 256
LIBRARY = "opentelemetry"
"""Its own complaints about a collector that is gone; ours, once each time it goes, is enough."""


class Traces:
    """Follows turns from their beginning, and sends their spans when they are over."""

    def __init__(self, settings: TelemetrySettings) -> None:
        self._settings = settings
        self._running: dict[str, tuple[Trace, Trace | None]] = {}
        self._waiting: queue.Queue[ReadableSpan | None] = queue.Queue(settings.queue_spans)
        self._resource = Resource.create({"service.name": "segue", "service.version": __version__})
        self._scope = InstrumentationScope("segue", __version__)
        self._thread: threading.Thread | None = None
        self._taken = True
        self.dropped = 0
        """Spans that were given up."""

    async def start(self) -> None:
        """Begin to send; the collector need not be there."""
        if self._thread is None:
            logging.getLogger(LIBRARY).setLevel(logging.CRITICAL)
            self._thread = threading.Thread(target=self._send, name="traces", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """Send what waits, for as long as one batch may take."""
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(None)
            thread.join(self._settings.send_s)

    def began(self, turn: str) -> None:
        """A turn began in this task: what it calls is told where it stands."""
        caller = CALLER.get()
        place = of_turn(turn, caller, self._settings.sampled_share)
        CURRENT.set(place)
        self._running[turn] = (place, caller)

    def over(self, record: TurnRecord) -> None:
        """A turn is over: its spans wait to be sent."""
        place, caller = self._running.pop(record.turn, (None, None))
        if place is None or not place.sampled:
            return
        self._offer(spans(record, place, caller, private=self._settings.private), place)

    def heard(self, recognition: Recognition) -> None:
        """A recognition of this task is over: it stands beneath the turn that wanted it, or beneath the caller."""
        turn = CURRENT.get()
        caller = turn or CALLER.get()
        place = of_turn(recognition.id, caller, self._settings.sampled_share)
        if place.sampled:
            self._offer(hearing(recognition, place, caller, within=turn is not None), place)

    def _offer(self, found: Sequence[Span], place: Trace) -> None:
        for span in found:
            try:
                self._waiting.put_nowait(self._made(span, place))
            except queue.Full:
                self.dropped += 1

    def _made(self, span: Span, place: Trace) -> ReadableSpan:
        flags = TraceFlags(TraceFlags.SAMPLED)

        def context(id: str) -> SpanContext:  # noqa: A002 - it is what it is called everywhere
            return SpanContext(int(place.id, 16), int(id, 16), is_remote=False, trace_flags=flags)

        attributes: dict[str, Any] = dict(span.attributes) | ({"error.type": span.error} if span.error else {})
        return ReadableSpan(
            name=span.name,
            context=context(span.id),
            parent=context(span.parent) if span.parent else None,
            resource=self._resource,
            attributes=attributes,
            events=[Event(name, timestamp=at_ns) for name, at_ns in span.events],
            kind=SpanKind.CLIENT if span.calls else SpanKind.INTERNAL if span.within else SpanKind.SERVER,
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )

    def _send(self) -> None:
        """The thread: batch after batch, until there is nothing more to come."""
        exporter = OTLPSpanExporter(endpoint=self._settings.traces, timeout=self._settings.send_s)
        more = True
        while more:
            batch, more = self._batch()
            if batch:
                self._told(batch, self._exported(exporter, batch))
        exporter.shutdown()  # type: ignore[no-untyped-call]

    def _batch(self) -> tuple[list[ReadableSpan], bool]:
        """What waits, a batch at most, and whether more may come."""
        found: list[ReadableSpan] = []
        span = self._waiting.get()
        while span is not None:
            found.append(span)
            if len(found) == BATCH:
                return found, True
            try:
                span = self._waiting.get_nowait()
            except queue.Empty:
                return found, True
        return found, False

    def _exported(self, exporter: OTLPSpanExporter, batch: Sequence[ReadableSpan]) -> bool:
        try:
            return exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception:
            return False

    def _told(self, batch: Sequence[ReadableSpan], taken: bool) -> None:
        if not taken:
            self.dropped += len(batch)
        if taken != self._taken:
            self._taken = taken
            logger.warning("traces", extra={"taken": taken, "dropped": self.dropped})
