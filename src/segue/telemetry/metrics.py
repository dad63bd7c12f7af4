"""What Prometheus sees: every measure of the catalogue, and a few readings of the process itself.

A turn is observed once, from its record, when it is over. What goes where:

- Every turn counts in `turns`, by its outcome; every attempt in `attempts` and `synthesis`, by its own outcome.
- Times of a turn (`ttfa`, `first_token`, `first_sentence`, `first_tts`) are observed only for turns that completed or
  failed, and only if both moments came; `turn` only for turns that completed. A turn that its listener cut short or
  left says how patient the listener was, not how fast the reply; it is seen in `turns`, and nowhere else in time.
- Underflow counts for every turn that had it, whatever its outcome. What a device reports counts only if accepted.

Label values are bounded: a value that is not known, or that comes after too many others, becomes `other`. There is no
global state: each `Metrics` has a registry of its own. All methods belong to one thread, except `exposition`, which
may run beside them.
"""

import logging
import math
import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from segue import __version__
from segue.errors import FailureCategory
from segue.measures import MEASURES, Measure, Unit
from segue.records import AttemptOutcome, Mark, Outcome, PlaybackReport, Served, TurnRecord, Underflow
from segue.routing import Reason
from segue.telemetry.readings import READINGS

logger = logging.getLogger(__name__)

OTHER = "other"
NONE = "none"
LANGUAGES = ("en", "ru", "uk", "zh")
PROFILES = ("fast", "quality")
MANY = 32
"""How many different variants, and how many providers, get a name of their own."""
ROUTES = 100
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "WEBSOCKET")
REPORT_RESULTS = ("accepted", "duplicate", "implausible", "refused")

Figures = float | Mapping[str, float]
"""One figure, or one for each value of the reading's label."""


class _Bounded:
    """Lets known values pass, and the first `limit` unknown ones; any other is `other`."""

    def __init__(self, known: Iterable[str] = (), limit: int = 0) -> None:
        self._values = {*known}
        self._left = limit

    def __call__(self, value: str | None) -> str:
        if not value:
            return NONE
        if value not in self._values:
            if self._left == 0 or len(value) > 100:
                return OTHER
            self._left -= 1
            self._values.add(value)
        return value


class _Family:
    """One measure with its children, one for each combination of label values."""

    def __init__(self, measure: Measure, registry: CollectorRegistry) -> None:
        self._labels = measure.labels
        self._scale = 0.001 if measure.unit is Unit.MILLISECONDS else 1.0
        self._metric: Any
        if measure.buckets:
            buckets = [round(edge * self._scale, 9) for edge in measure.buckets]
            self._metric = Histogram(
                measure.metric, measure.meaning, measure.labels, buckets=buckets, registry=registry
            )
        else:
            self._metric = Counter(measure.metric, measure.meaning, measure.labels, registry=registry)
        self._method = "observe" if measure.buckets else "inc"
        self._children: dict[tuple[str, ...], Callable[[float], None]] = {}

    def add(self, value: float | None, labels: Mapping[str, str]) -> None:
        """Observe or count a value. What is absent, negative or no number is left out: clocks and devices may err."""
        if value is None or not math.isfinite(value) or value < 0:
            return
        key = tuple([labels[name] for name in self._labels])
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = getattr(self._metric.labels(*key), self._method)
        child(value * self._scale)


class _Readings(Collector):
    """Reads figures at the moment of asking, so that they cannot drift from what they describe."""

    def __init__(self) -> None:
        self.sources: dict[str, Callable[[], Figures]] = {}

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("segue_build_info", "Which Segue this is; always 1.", labels=["version", "python"])
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        for reading in READINGS:
            source = self.sources.get(reading.name)
            if source is None:
                continue
            try:
                figures = source()
            except Exception as error:
                logger.error("a reading failed", extra={"reading": reading.name, "reason": repr(error)})
                continue
            family = (CounterMetricFamily if reading.counter else GaugeMetricFamily)(
                reading.metric, reading.meaning, labels=[reading.label] if reading.label else []
            )
            for value, figure in figures.items() if isinstance(figures, Mapping) else [("", figures)]:
                family.add_metric([value] if reading.label else [], figure)
            yield family


class _WithoutCreated:
    """A registry without the moments at which each child was made: nobody asks, and they double the counters."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class Metrics:
    """Counts turns, reports and requests. `languages` and `profiles` are the label values that are known by name."""

    def __init__(self, *, languages: Collection[str] = LANGUAGES, profiles: Collection[str] = PROFILES) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._families = {measure.name: _Family(measure, self._registry) for measure in MEASURES}
        self._readings = _Readings()
        self._registry.register(self._readings)
        ProcessCollector(registry=self._registry)
        labels = ("method", "route", "status")
        self._requests = Counter(
            "segue_http_requests_total", "Requests, by how they were answered.", labels, registry=self._registry
        )
        self._begun: set[tuple[str, str, str]] = set()
        self._language = _Bounded(languages)
        self._profile = _Bounded(profiles)
        self._variant = _Bounded(limit=MANY)
        self._provider = _Bounded(limit=MANY)
        self._reason = _Bounded(limit=MANY)
        self._assigned = _Bounded(Reason)
        self._route = _Bounded(limit=ROUTES)
        self._method = _Bounded(METHODS)
        self._category = _Bounded(FailureCategory)
        self._result = _Bounded(REPORT_RESULTS)
        for result in REPORT_RESULTS:
            # A rate needs a zero to rise from, and the first refused report is worth seeing.
            self._families["playback_reports"].add(0, {"result": result})

    def watch(self, name: str, read: Callable[[], Figures]) -> None:
        """Say where one of the `READINGS` comes from. `read` is called whenever Prometheus asks, from any thread.

        Raises:
            KeyError: there is no reading of this name.
        """
        if name not in {reading.name for reading in READINGS}:
            raise KeyError(name)
        self._readings.sources[name] = read

    def observe(self, record: TurnRecord) -> None:
        """Count a turn that is over; to be called once a turn, and never raising on account of odd figures."""
        labels = {
            "variant": self._variant(record.variant),
            "profile": self._profile(record.profile),
            "language": self._language(record.language),
            "outcome": record.outcome.value,
            "source": "virtual",
        }
        self._begin_at_zero(labels)
        self._add("turns", 1, labels)
        self._add("assignments", 1, {**labels, "reason": self._assigned(record.assigned)})
        if record.outcome in (Outcome.COMPLETED, Outcome.FAILED):
            self._observe_times(record, labels)
        self._observe_served(record, labels)
        self._observe_attempts(record, labels)
        self._observe_underflow(record.underflow, labels)

    def observe_report(self, report: PlaybackReport, variant: str | None, result: str) -> None:
        """Count a listener's report by what became of it; its figures count only if it was accepted."""
        self._add("playback_reports", 1, {"result": self._result(result)})
        if result != "accepted":
            return
        labels = {"variant": self._variant(variant), "source": "device"}
        self._add("first_played", report.first_played_ms, labels)
        self._observe_underflow(Underflow(report.underflow_events, report.underflow_ms), labels)

    def observe_request(self, method: str, route: str, status: int) -> None:
        """Count a request. `route` is the pattern that matched, not the path, or empty if none did."""
        self._requests.labels(self._method(method), self._route(route), str(status)).inc()

    def count(self, name: str, **labels: str) -> None:
        """Count one of what a measure counts. Its label values are words of Segue's own, never of a caller's."""
        self._add(name, 1, labels)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Everything, as text: the body and its content type, OpenMetrics where the `Accept` header asks for it."""
        encode, content_type = choose_encoder(accept)
        return encode(_WithoutCreated(self._registry)), content_type

    def _add(self, name: str, value: float | None, labels: Mapping[str, str]) -> None:
        self._families[name].add(value, labels)

    def _begin_at_zero(self, labels: Mapping[str, str]) -> None:
        """What may come of a turn is there from the first one of its kind on: a rate needs a zero to rise from."""
        kind = (labels["variant"], labels["profile"], labels["language"])
        if kind in self._begun:
            return
        self._begun.add(kind)
        for outcome in (Outcome.COMPLETED, Outcome.FAILED):
            self._add("turns", 0, {**labels, "outcome": outcome.value})
        for served in Served:
            self._add("served", 0, {**labels, "served": served.value})
        self._add("underflow_turns", 0, labels)

    def _observe_times(self, record: TurnRecord, labels: Mapping[str, str]) -> None:
        marks = record.marks
        self._add("ttfa", marks.get(Mark.FIRST_SENT), labels)
        self._add("first_token", marks.get(Mark.FIRST_TOKEN), labels)
        self._add("first_sentence", _between(marks, Mark.FIRST_TOKEN, Mark.FIRST_SENTENCE), labels)
        self._add("first_tts", _between(marks, Mark.FIRST_SENTENCE, Mark.FIRST_AUDIBLE), labels)
        if record.outcome is Outcome.COMPLETED:
            self._add("turn", marks.get(Mark.DONE), labels)

    def _observe_served(self, record: TurnRecord, labels: Mapping[str, str]) -> None:
        """What the listener got; how often providers were asked for it is another matter."""
        self._add("served", 1, {**labels, "served": record.served.value})
        for reason in record.degraded:
            self._add("degraded", 1, {**labels, "reason": self._reason(reason)})
        if record.substituted:
            self._add("substituted_turns", 1, labels)
        for attempt in record.model_attempts:
            failed = attempt.outcome is AttemptOutcome.FAILED
            of_attempt = {
                "role": "model",
                "provider": self._provider(attempt.provider),
                "outcome": attempt.outcome.value,
                "category": self._category(attempt.category) if failed else NONE,
            }
            self._add("attempts", 1, of_attempt)

    def _observe_attempts(self, record: TurnRecord, labels: Mapping[str, str]) -> None:
        spoken: dict[str, float] = {}
        for attempt in record.attempts:
            provider = self._provider(attempt.provider)
            failed = attempt.outcome is AttemptOutcome.FAILED
            of_attempt = {
                "role": "synthesizer",
                "provider": provider,
                "outcome": attempt.outcome.value,
                "category": self._category(attempt.category) if failed else NONE,
            }
            self._add("attempts", 1, of_attempt)
            if attempt.outcome is not AttemptOutcome.CACHED:
                self._add("synthesis", attempt.total_ms, of_attempt)
            spoken[provider] = spoken.get(provider, 0.0) + max(attempt.audio_ms, 0.0)
        # Not all that was spoken was handed over (a reply may be cut short): the listener's part, by who spoke it.
        if not any(spoken.values()):
            spoken = {NONE: 1.0}
        in_all = sum(spoken.values())
        for provider, audio_ms in spoken.items():
            self._add("audio", record.audio_ms * audio_ms / in_all, {**labels, "provider": provider})

    def _observe_underflow(self, underflow: Underflow, labels: Mapping[str, str]) -> None:
        if underflow.events > 0:
            self._add("underflow_turns", 1, labels)
            self._add("underflows", underflow.events, labels)
            self._add("underflow", underflow.ms, labels)


def _between(marks: Mapping[str, float], first: Mark, second: Mark) -> float | None:
    if first not in marks or second not in marks:
        return None
    return marks[second] - marks[first]
