"""The catalogue of measures: names, units, and buckets that can answer what is asked of them."""

import itertools
import re

import pytest

from segue.measures import BY_NAME, MEASURES, Measure, Unit

HISTOGRAMS = [measure for measure in MEASURES if measure.buckets]


def test_names_are_unique() -> None:
    """Each measure has a name and a metric of its own."""
    assert len(BY_NAME) == len(MEASURES)
    assert len({measure.metric for measure in MEASURES}) == len(MEASURES)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_a_measure_is_well_formed(measure: Measure) -> None:
    """The name is a metric name in lower case, the meaning one sentence, the labels plain words, each once."""
    assert re.fullmatch(r"segue_[a-z][a-z_]*[a-z]", measure.metric)
    assert measure.meaning.endswith(".")
    assert len(set(measure.labels)) == len(measure.labels)
    assert all(re.fullmatch(r"[a-z]+", label) for label in measure.labels)
    assert not {"le", "quantile"} & set(measure.labels)


@pytest.mark.parametrize("measure", HISTOGRAMS, ids=lambda measure: measure.name)
def test_every_threshold_is_an_edge(measure: Measure) -> None:
    """How many were slower than a threshold can only be answered exactly if the threshold is an edge."""
    assert set(measure.thresholds) <= set(measure.buckets)


@pytest.mark.parametrize("measure", HISTOGRAMS, ids=lambda measure: measure.name)
def test_edges_grow(measure: Measure) -> None:
    """Edges are positive and strictly increasing, and far enough apart to be different in print."""
    assert measure.buckets[0] > 0
    assert all(low * 1.001 < high for low, high in itertools.pairwise(measure.buckets))


@pytest.mark.parametrize("name", ["ttfa", "first_played"])
def test_a_limit_and_a_fifth_more_are_edges(name: str) -> None:
    """Around 6 s, a limit and the limit plus 20 % are both edges, so that a tolerated worsening can be counted."""
    edges = set(BY_NAME[name].buckets)
    assert {6000.0, 7200.0, 5000.0, 8640.0} <= edges


@pytest.mark.parametrize("name", ["ttfa", "turn", "first_tts"])
def test_neighbours_are_close(name: str) -> None:
    """Where listeners wait (1 to 20 s) edges are at most sqrt(1.2) apart: an interpolated quantile errs < 10 %."""
    edges = [edge for edge in BY_NAME[name].buckets if 1000 <= edge <= 20_000]
    assert max(high / low for low, high in itertools.pairwise(edges)) <= 1.2**0.5 + 1e-6


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_the_metric_says_its_unit(measure: Measure) -> None:
    """A time is exported in seconds and says so; what is counted ends in `_total`."""
    unit = "_seconds" if measure.unit is Unit.MILLISECONDS else ""
    total = "" if measure.buckets else "_total"
    assert measure.metric == f"segue_{measure.name}{unit}{total}"
