"""Expressions of PromQL that the rules and the dashboards are made of.

A share is a quotient of two counts over the same time, never a rate of events against a fixed number, and how many were
slower than a limit is counted at an edge of the histogram, not read from an interpolated quantile.
"""

from bisect import bisect_right
from collections.abc import Iterable

from segue.errors import ConfigurationError
from segue.measures import BY_NAME, Measure, Unit

SLOW_SHARE = 0.05
"""So many may be slower than a 95th percentile."""
SHARE = "{{ $value | humanizePercentage }}"
"""An alert's value, in its texts, where it is a share."""

RANGE = "$__rate_interval"
"""Grafana's own choice of a time to take a rate over."""


def metric(name: str) -> str:
    """The Prometheus name of a measure.

    Raises:
        KeyError: there is no measure of this name.
    """
    return BY_NAME[name].metric


def edge(name: str, limit_ms: float) -> float:
    """The edge of a measure's histogram at which a limit is counted: the limit itself, or the next edge below.

    An edge below counts more turns as slow than there are, never fewer. Both are milliseconds.

    Raises:
        ConfigurationError: the limit lies below every edge.
    """
    buckets = BY_NAME[name].buckets
    at = bisect_right(buckets, limit_ms)
    if at == 0:
        raise ConfigurationError(
            f"{limit_ms:g} ms is below {buckets[0]:g} ms, the smallest edge of {name}: choose a larger limit."
        )
    return buckets[at - 1]


def le(name: str, limit_ms: float) -> str:
    """The value of the label `le` that counts what is not over a limit, as the client library writes it."""
    measure: Measure = BY_NAME[name]
    scale = 0.001 if measure.unit is Unit.MILLISECONDS else 1.0
    return repr(round(edge(name, limit_ms) * scale, 9))


def counted_at(name: str, limit_ms: float) -> str:
    """A limit as it is told in a comment, with its edge where that is another."""
    at = edge(name, limit_ms)
    return f"{limit_ms:g} ms" if at == limit_ms else f"{limit_ms:g} ms, counted at the edge of {at:g} ms"


def selected(metric_name: str, *matchers: str) -> str:
    """A metric with matchers, such as `outcome="failed"`; in order, as Prometheus itself writes them."""
    given = ",".join(sorted(matchers))
    return f"{metric_name}{{{given}}}" if given else metric_name


def grown(series: str, window: str, by: Iterable[str] = ()) -> str:
    """By how much counters grew, summed over servers."""
    labels = ", ".join(by)
    return f"sum by ({labels}) (increase({series}[{window}]))" if labels else f"sum(increase({series}[{window}]))"


def or_none(bad: str, total: str) -> str:
    """A count that is 0 where there is no series of it but something was counted at all."""
    return f"({bad} or 0 * {total})"


def quantile(name: str, share: float, window: str, by: Iterable[str] = (), *matchers: str) -> str:
    """A quantile of the whole fleet, in seconds: buckets are summed before it is read."""
    labels = ", ".join(("le", *by))
    series = selected(f"{metric(name)}_bucket", *matchers)
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({series}[{window}])))"


def over(bad: str, total: str, limit: str, *, least: int, least_bad: int) -> str:
    """True where the bad ones are a larger share than `limit`, and there are enough of all and of them to say so."""
    return (
        f"(\n  {bad}\n/\n  {total}\n> {limit}\n)\nand\n  round({total}) >= {least}\nand\n  round({bad}) >= {least_bad}"
    )


def rated(series: str, by: str = "") -> str:
    """How fast counters grow each second, summed over servers; for dashboards."""
    return f"sum by ({by}) (rate({series}[{RANGE}]))" if by else f"sum(rate({series}[{RANGE}]))"


def part(bad: str, every: str, by: str = "") -> str:
    """What part of some counters others are; for dashboards."""
    return f"({rated(bad, by)} or 0 * {rated(every, by)}) / {rated(every, by)}"
