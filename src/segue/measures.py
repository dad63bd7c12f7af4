"""The catalogue of measures: the name, unit, better direction, buckets and thresholds of everything Segue counts.

Metrics, alerts, dashboards, gates and documents are all made from this table, so a figure stands in one place.

Durations are kept in milliseconds inside Segue and exported in seconds. Buckets are geometric with ratio sqrt(1.2)
around 6 s, so that a limit and the same limit plus 20 % are both edges and a quantile read by interpolation is off by
less than 10 %; each threshold that a document or plan names is an edge of its own, because a histogram can only
answer "how many were slower than T" exactly when T is an edge.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a measure is counted in."""

    MILLISECONDS = "ms"
    SECONDS = "s"
    COUNT = "count"
    BYTES = "bytes"


class Better(StrEnum):
    """In which direction a measure improves."""

    LOWER = "lower"
    HIGHER = "higher"


def _geometric(low_ms: float, high_ms: float, anchor_ms: float, extra_ms: tuple[float, ...]) -> tuple[float, ...]:
    ratio = 1.2**0.5
    edges = set(extra_ms)
    edge = anchor_ms
    while edge >= low_ms:
        edges.add(round(edge, 3))
        edge /= ratio
    edge = anchor_ms * ratio
    while edge <= high_ms:
        edges.add(round(edge, 3))
        edge *= ratio
    return tuple(sorted(edges))


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. `buckets` and `thresholds` are in `unit`; a measure without buckets is a counter."""

    name: str
    meaning: str
    unit: Unit
    better: Better
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()

    @property
    def metric(self) -> str:
        """The Prometheus name: base units, so milliseconds become seconds; a counter ends in `_total`."""
        unit = "_seconds" if self.unit is Unit.MILLISECONDS else ""
        return f"segue_{self.name}{unit}{'' if self.buckets else '_total'}"


_TTFA_THRESHOLDS_MS = (5000.0, 6000.0, 7000.0, 8000.0)
_SPEECH_THRESHOLDS_MS = (2000.0, 2500.0, 3000.0, 4000.0, 5000.0)
_END_THRESHOLDS_MS = (9000.0, 12000.0)
_TURN_LABELS = ("variant", "profile", "language")

_TTFA_BUCKETS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 35.0, *_geometric(50, 60_000, 6000, _TTFA_THRESHOLDS_MS))
_SPEECH_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, *_geometric(35, 20_000, 2000, _SPEECH_THRESHOLDS_MS))
_END_BUCKETS = (10.0, 100.0, *_geometric(500, 120_000, 9000, _END_THRESHOLDS_MS))

MEASURES: tuple[Measure, ...] = (
    Measure(
        "ttfa",
        "From the arrival of a request to the moment its first audible audio was handed to the transport.",
        Unit.MILLISECONDS,
        Better.LOWER,
        _TURN_LABELS,
        _TTFA_BUCKETS,
        _TTFA_THRESHOLDS_MS,
    ),
    Measure(
        "first_token",
        "From the arrival of a request to the language model's first token.",
        Unit.MILLISECONDS,
        Better.LOWER,
        _TURN_LABELS,
        _SPEECH_BUCKETS,
    ),
    Measure(
        "first_sentence",
        "From the language model's first token to the first sentence that could be spoken.",
        Unit.MILLISECONDS,
        Better.LOWER,
        _TURN_LABELS,
        _SPEECH_BUCKETS,
    ),
    Measure(
        "first_tts",
        "From the first sentence to the first audible audio of its synthesis.",
        Unit.MILLISECONDS,
        Better.LOWER,
        _TURN_LABELS,
        _SPEECH_BUCKETS,
        _SPEECH_THRESHOLDS_MS,
    ),
    Measure(
        "turn",
        "From the arrival of a request to the end of its reply.",
        Unit.MILLISECONDS,
        Better.LOWER,
        _TURN_LABELS,
        _END_BUCKETS,
        _END_THRESHOLDS_MS,
    ),
    Measure(
        "synthesis",
        "One provider's attempt at one sentence, from asking to the last byte.",
        Unit.MILLISECONDS,
        Better.LOWER,
        ("provider", "outcome"),
        _SPEECH_BUCKETS,
        _SPEECH_THRESHOLDS_MS,
    ),
    Measure(
        "first_played",
        "From the listener's send to the first sound on the listener's device.",
        Unit.MILLISECONDS,
        Better.LOWER,
        ("variant",),
        _TTFA_BUCKETS,
        _TTFA_THRESHOLDS_MS,
    ),
    Measure(
        "turns", "Turns, by how they ended.", Unit.COUNT, Better.HIGHER, ("variant", "profile", "language", "outcome")
    ),
    Measure(
        "assignments",
        "Turns, by the variant they were given and why.",
        Unit.COUNT,
        Better.HIGHER,
        ("variant", "reason"),
    ),
    Measure(
        "attempts",
        "Attempts of a provider at a sentence or a reply, by how they ended; what listeners got is in `served`.",
        Unit.COUNT,
        Better.HIGHER,
        ("role", "provider", "outcome", "category"),
    ),
    Measure(
        "served",
        "Turns, by what the listener got: `primary`, `fallback`, `resumed`, `failed` or `unfinished`.",
        Unit.COUNT,
        Better.HIGHER,
        ("variant", "profile", "language", "served"),
    ),
    Measure(
        "degraded",
        "Times a listener was told that a turn is not served as asked, by reason.",
        Unit.COUNT,
        Better.LOWER,
        ("variant", "reason"),
    ),
    Measure(
        "substituted_turns",
        "Turns in which another voice was heard than was asked for.",
        Unit.COUNT,
        Better.LOWER,
        ("variant",),
    ),
    Measure("audio", "Time of speech handed to listeners.", Unit.MILLISECONDS, Better.HIGHER, ("variant", "provider")),
    Measure(
        "underflow_turns",
        "Turns in which a listener at normal speed would have waited in mid-reply.",
        Unit.COUNT,
        Better.LOWER,
        ("variant", "source"),
    ),
    Measure(
        "underflows",
        "Times a listener waited in mid-reply; source is `virtual` (the server's own) or `device`.",
        Unit.COUNT,
        Better.LOWER,
        ("variant", "source"),
    ),
    Measure(
        "underflow",
        "Time a listener waited in mid-reply, by source.",
        Unit.MILLISECONDS,
        Better.LOWER,
        ("variant", "source"),
    ),
    Measure(
        "playback_reports",
        "Reports of listeners' devices: accepted, duplicate, implausible or refused.",
        Unit.COUNT,
        Better.HIGHER,
        ("result",),
    ),
    Measure(
        "tries",
        "Texts that operators tried, by how it ended; they count in no measure of turns.",
        Unit.COUNT,
        Better.HIGHER,
        ("outcome",),
    ),
    Measure(
        "unauthorized",
        "Requests that were turned away because they showed no good key, by what was wrong with it.",
        Unit.COUNT,
        Better.LOWER,
        ("reason",),
    ),
)

BY_NAME = {measure.name: measure for measure in MEASURES}
