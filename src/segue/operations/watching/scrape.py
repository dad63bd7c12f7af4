"""One reading of `/metrics`: every sample by its name and labels. Pure: text in, values out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from segue.errors import InvalidRequest

Labels: TypeAlias = tuple[tuple[str, str], ...]
Series: TypeAlias = tuple[str, Labels]
"""The name of a sample, and its labels in the order of their names."""

STARTED = "process_start_time_seconds"
GROWING = ("_total", "_bucket", "_sum", "_count")
"""How the names end of what only grows while a process lives."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """Everything that a server had counted at one moment."""

    at_s: float
    """Unix seconds, by the clock of whoever asked."""
    samples: Mapping[Series, float]
    server_s: float | None = None
    """Unix seconds by the server's own clock; None where it does not tell the time."""

    @property
    def started_s(self) -> float | None:
        """Unix seconds at which the process started; None where it does not say."""
        return self.samples.get((STARTED, ()))

    def growing(self) -> Iterator[tuple[Series, float]]:
        """Everything that only grows."""
        return ((series, value) for series, value in self.samples.items() if series[0].endswith(GROWING))

    def values(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """The samples of a name, each with its labels."""
        return ((dict(labels), value) for (found, labels), value in self.samples.items() if found == name)


def parsed(text: str, at_s: float, server_s: float | None = None) -> Scrape:
    """What a text in Prometheus's format says.

    Raises:
        InvalidRequest: it is none, or not one of a Segue.
    """
    try:
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): float(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    except (ValueError, IndexError, KeyError) as error:
        raise InvalidRequest(
            f"This is no text of Prometheus's format ({error}); save what /metrics answers."
        ) from error
    if not any(name.startswith("segue_") for name, _ in samples):
        raise InvalidRequest("No sample in it begins with segue_; save what /metrics of a Segue answers.")
    return Scrape(at_s, samples, server_s)
