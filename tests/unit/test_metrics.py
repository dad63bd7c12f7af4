"""What a turn, a report and a request leave behind for Prometheus."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from segue import __version__
from segue.errors import FailureCategory
from segue.measures import MEASURES
from segue.records import (
    AttemptOutcome,
    Mark,
    ModelAttempt,
    Outcome,
    PlaybackReport,
    SynthesisAttempt,
    TurnRecord,
    Underflow,
)
from segue.telemetry.metrics import MANY, READINGS, Metrics

MARKS = {
    Mark.REQUEST: 0.0,
    Mark.FIRST_TOKEN: 100.0,
    Mark.FIRST_SENTENCE: 350.0,
    Mark.FIRST_BYTE: 900.0,
    Mark.FIRST_AUDIBLE: 1000.0,
    Mark.FIRST_SENT: 1010.0,
    Mark.DONE: 6010.0,
}
RECORD = TurnRecord(
    turn="t1",
    kind="chat",
    at=1_700_000_000.0,
    listener=None,
    chat=None,
    variant="baseline",
    profile="fast",
    character=None,
    language="uk",
    model="m",
    voice="v",
    format="pcm16",
    outcome=Outcome.COMPLETED,
    marks={mark.value: ms for mark, ms in MARKS.items()},
    audio_ms=5000.0,
    attempts=(
        SynthesisAttempt(0, "espeak", "m", "v", AttemptOutcome.FAILED, 9, category="timeout", total_ms=900.0),
        SynthesisAttempt(0, "piper", "m", "v", AttemptOutcome.COMPLETED, 9, total_ms=500.0, audio_ms=4000.0),
        SynthesisAttempt(1, "espeak", "m", "v", AttemptOutcome.CANCELLED, 9, total_ms=50.0, audio_ms=4000.0),
    ),
)
REPORT = PlaybackReport("t1", 1200.0, 5.0, 0, 0.0)


BEGUN_AT_ZERO = ("segue_turns_total", "segue_served_total", "segue_underflow_turns_total")
"""Counters whose zeros are there for rates to rise from."""


def samples(metrics: Metrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample: its name, then its label values in the order of their names (without `le` and zeros) → value."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in parse(metrics.exposition()[0].decode()):
        for sample in family.samples:
            if "le" not in sample.labels and (sample.value or sample.name not in BEGUN_AT_ZERO):
                key = tuple(sample.labels[name] for name in sorted(sample.labels))
                found.setdefault(sample.name, {})[key] = sample.value
    return found


def buckets(metrics: Metrics, name: str) -> dict[float, float]:
    """The cumulative buckets of a histogram with a single child: upper edge in seconds → count."""
    families = {family.name: family for family in parse(metrics.exposition()[0].decode())}
    return {float(s.labels["le"]): s.value for s in families[name].samples if s.name.endswith("_bucket")}


def test_a_completed_turn_is_timed_in_seconds() -> None:
    """Each stage is the distance between its two marks, exported in seconds."""
    metrics = Metrics()
    metrics.observe(RECORD)
    found = samples(metrics)

    key = ("uk", "fast", "baseline")
    assert found["segue_ttfa_seconds_sum"] == {key: pytest.approx(1.01)}
    assert found["segue_first_token_seconds_sum"] == {key: pytest.approx(0.1)}
    assert found["segue_first_sentence_seconds_sum"] == {key: pytest.approx(0.25)}
    assert found["segue_first_tts_seconds_sum"] == {key: pytest.approx(0.65)}
    assert found["segue_turn_seconds_sum"] == {key: pytest.approx(6.01)}
    assert found["segue_turns_total"] == {("uk", "completed", "fast", "baseline"): 1}


def test_every_threshold_is_an_edge() -> None:
    """A turn exactly at a threshold counts as within it, and one just above does not: the threshold is an edge."""
    for threshold_ms in (5000.0, 6000.0, 7000.0, 8000.0):
        metrics = Metrics()
        metrics.observe(replace(RECORD, marks={Mark.FIRST_SENT.value: threshold_ms}))
        metrics.observe(replace(RECORD, marks={Mark.FIRST_SENT.value: threshold_ms + 0.001}))
        assert buckets(metrics, "segue_ttfa_seconds")[threshold_ms / 1000] == 1


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.ABANDONED])
def test_a_listener_who_left_is_not_timed(outcome: Outcome) -> None:
    """A turn that was cut short or left counts by its outcome and appears in no time of a turn."""
    metrics = Metrics()
    metrics.observe(replace(RECORD, outcome=outcome))
    found = samples(metrics)

    assert found["segue_turns_total"] == {("uk", outcome.value, "fast", "baseline"): 1}
    for stage in ("ttfa", "first_token", "first_sentence", "first_tts", "turn"):
        assert f"segue_{stage}_seconds_count" not in found
    assert found["segue_attempts_total"]


def test_a_failed_turn_is_timed_as_far_as_it_came() -> None:
    """A turn that failed after its first audio has a TTFA and no length; one that failed before has neither."""
    metrics = Metrics()
    metrics.observe(replace(RECORD, outcome=Outcome.FAILED))
    metrics.observe(replace(RECORD, outcome=Outcome.FAILED, marks={"request": 0.0, "done": 9.0}))
    found = samples(metrics)

    assert found["segue_ttfa_seconds_count"] == {("uk", "fast", "baseline"): 1}
    assert "segue_turn_seconds_count" not in found
    assert found["segue_turns_total"] == {("uk", "failed", "fast", "baseline"): 2}


def test_attempts_are_counted_by_their_own_outcome() -> None:
    """Each attempt has its provider, its outcome, and a category only where it failed."""
    metrics = Metrics()
    metrics.observe(RECORD)
    found = samples(metrics)

    assert found["segue_attempts_total"] == {
        ("timeout", "failed", "espeak", "synthesizer"): 1,
        ("none", "completed", "piper", "synthesizer"): 1,
        ("none", "cancelled", "espeak", "synthesizer"): 1,
    }
    assert found["segue_synthesis_seconds_sum"][("failed", "espeak")] == pytest.approx(0.9)


def test_language_models_are_counted_as_such() -> None:
    """An attempt of a language model has the role `model`, also where a synthesizer has the same name."""
    metrics = Metrics()
    written = (
        ModelAttempt("espeak", "m", AttemptOutcome.FAILED, category="quota", total_ms=70.0),
        ModelAttempt("ollama", "m", AttemptOutcome.COMPLETED, resumed=True, total_ms=900.0),
        ModelAttempt("ollama", "m", AttemptOutcome.COMPLETED, category="timeout", total_ms=900.0),
    )
    metrics.observe(replace(RECORD, attempts=RECORD.attempts[:1], model_attempts=written))
    found = samples(metrics)

    assert found["segue_attempts_total"] == {
        ("timeout", "failed", "espeak", "synthesizer"): 1,
        ("quota", "failed", "espeak", "model"): 1,
        ("none", "completed", "ollama", "model"): 2,
    }
    assert found["segue_synthesis_seconds_count"] == {("failed", "espeak"): 1}, "writing is not synthesis"


def test_what_was_kept_is_counted_and_not_timed() -> None:
    """A sentence out of the cache counts as an attempt, but its milliseconds say nothing of how fast anybody speaks."""
    metrics = Metrics()
    kept = SynthesisAttempt(2, "piper", "m", "v", AttemptOutcome.CACHED, 9, total_ms=1.0, audio_ms=2000.0)
    metrics.observe(replace(RECORD, attempts=(RECORD.attempts[1], kept, kept), audio_ms=8000.0))
    found = samples(metrics)

    assert found["segue_attempts_total"] == {
        ("none", "completed", "piper", "synthesizer"): 1,
        ("none", "cached", "piper", "synthesizer"): 2,
    }
    assert found["segue_synthesis_seconds_count"] == {("completed", "piper"): 1}
    assert found["segue_audio_seconds_total"] == {("piper", "baseline"): pytest.approx(8.0)}, "it was heard"


SPOKEN = SynthesisAttempt(0, "piper", "m", "v", AttemptOutcome.COMPLETED, 9)
LOST = replace(SPOKEN, outcome=AttemptOutcome.FAILED, category="server")


@pytest.mark.parametrize(
    ("changes", "served"),
    [
        ({"attempts": (SPOKEN,)}, "primary"),
        ({"attempts": (replace(SPOKEN, outcome=AttemptOutcome.CACHED),)}, "primary"),
        ({"attempts": (LOST, SPOKEN)}, "primary"),
        ({"attempts": (LOST, replace(SPOKEN, provider="espeak"))}, "fallback"),
        ({"attempts": (replace(SPOKEN, provider="espeak", resumed=True),)}, "resumed"),
        ({"attempts": (LOST,), "outcome": Outcome.FAILED}, "failed"),
        ({"attempts": (SPOKEN,), "outcome": Outcome.CANCELLED}, "unfinished"),
    ],
)
def test_turns_are_counted_by_what_the_listener_got(changes: dict[str, Any], served: str) -> None:
    """Each turn counts once as served: a failed attempt that no listener noticed makes no other turn of it."""
    metrics = Metrics()
    metrics.observe(replace(RECORD, first_choice="piper", **changes))

    assert samples(metrics)["segue_served_total"] == {("uk", "fast", served, "baseline"): 1}


def test_turns_that_were_not_served_as_asked() -> None:
    """Each reason that was told counts once a turn, and a turn with another voice once, however often it was told."""
    metrics = Metrics()
    metrics.observe(RECORD)
    metrics.observe(replace(RECORD, degraded=("fallback", "substituted"), substituted=True))
    metrics.observe(replace(RECORD, degraded=("fallback",), variant="v2"))
    found = samples(metrics)

    assert found["segue_degraded_total"] == {
        ("fallback", "baseline"): 1,
        ("substituted", "baseline"): 1,
        ("fallback", "v2"): 1,
    }
    assert found["segue_substituted_turns_total"] == {("baseline",): 1}


def test_audio_is_shared_out_by_who_spoke() -> None:
    """What the listener got is counted once in all, in the proportions in which the providers spoke it."""
    metrics = Metrics()
    metrics.observe(RECORD)
    metrics.observe(replace(RECORD, attempts=(), audio_ms=100.0))

    assert samples(metrics)["segue_audio_seconds_total"] == {
        ("espeak", "baseline"): pytest.approx(2.5),
        ("piper", "baseline"): pytest.approx(2.5),
        ("none", "baseline"): pytest.approx(0.1),
    }


def test_underflow_by_its_source() -> None:
    """The server's own listener and the devices are counted apart; a turn without underflow adds to neither."""
    metrics = Metrics()
    metrics.observe(RECORD)
    metrics.observe(replace(RECORD, underflow=Underflow(2, 300.0), outcome=Outcome.CANCELLED))
    metrics.observe_report(REPORT, "baseline", "accepted")
    metrics.observe_report(replace(REPORT, underflow_events=3, underflow_ms=40.0), "baseline", "accepted")
    found = samples(metrics)

    assert found["segue_underflow_turns_total"] == {("virtual", "baseline"): 1, ("device", "baseline"): 1}
    assert found["segue_underflows_total"] == {("virtual", "baseline"): 2, ("device", "baseline"): 3}
    assert found["segue_underflow_seconds_total"] == {("virtual", "baseline"): 0.3, ("device", "baseline"): 0.04}


def test_only_accepted_reports_are_evidence() -> None:
    """Every report is counted by what became of it; figures of any but an accepted one go nowhere."""
    metrics = Metrics()
    metrics.observe_report(REPORT, "baseline", "accepted")
    for result in ("duplicate", "implausible", "refused", "refused"):
        metrics.observe_report(replace(REPORT, underflow_events=9), None, result)
    metrics.observe_report(replace(REPORT, first_played_ms=None), "baseline", "accepted")
    found = samples(metrics)

    assert found["segue_playback_reports_total"] == {
        ("accepted",): 2,
        ("duplicate",): 1,
        ("implausible",): 1,
        ("refused",): 2,
    }
    assert found["segue_first_played_seconds_count"] == {("baseline",): 1}
    assert "segue_underflows_total" not in found


def test_reports_start_from_zero() -> None:
    """Every result has a zero before the first report, so that a rate sees the first one."""
    assert set(samples(Metrics())["segue_playback_reports_total"].values()) == {0.0}


@pytest.mark.parametrize("odd", [-1.0, float("nan"), float("inf")])
def test_odd_figures_do_no_harm(odd: float) -> None:
    """A time that is negative or no number is left out, and the turn still counts."""
    metrics = Metrics()
    attempt = replace(RECORD.attempts[0], total_ms=odd, audio_ms=odd)
    metrics.observe(
        replace(
            RECORD,
            marks={**RECORD.marks, Mark.FIRST_SENT.value: odd, Mark.FIRST_TOKEN.value: 1e9},
            audio_ms=odd,
            attempts=(attempt,),
            underflow=Underflow(1, odd),
        )
    )
    metrics.observe_report(replace(REPORT, first_played_ms=odd, underflow_ms=odd), "baseline", "accepted")
    found = samples(metrics)

    assert found["segue_turns_total"] == {("uk", "completed", "fast", "baseline"): 1}
    assert "segue_ttfa_seconds_count" not in found
    assert "segue_first_sentence_seconds_count" not in found, "the token came after the sentence"


def test_label_values_are_bounded() -> None:
    """However many variants, languages, providers, routes and methods come by, the series stay few."""
    metrics = Metrics()
    for number in range(500):
        attempt = replace(RECORD.attempts[0], provider=f"provider{number}", category=f"category{number}")
        metrics.observe(
            replace(
                RECORD,
                variant=f"variant{number}",
                language=f"language{number}",
                profile=f"profile{number}",
                attempts=(attempt,),
                model_attempts=(ModelAttempt(f"model{number}", "m", AttemptOutcome.FAILED, f"c{number}"),),
                degraded=(f"reason{number}",),
            )
        )
        metrics.observe_report(REPORT, f"v{number}", f"result{number}")
        metrics.observe_request(f"M{number}", f"/{number}", 200)
    metrics.observe(replace(RECORD, variant="x" * 1000))
    found = samples(metrics)

    assert {key[:1] + key[2:3] for key in found["segue_turns_total"]} == {("other", "other"), ("uk", "fast")}
    assert len(found["segue_turns_total"]) == MANY + 2
    assert len(found["segue_attempts_total"]) <= (MANY + 2) * 2 + 1
    assert len(found["segue_degraded_total"]) == MANY + 1
    assert {key[0] for key in found["segue_attempts_total"]} == {"other", "timeout", "none"}
    assert len(found["segue_playback_reports_total"]) == 5
    assert {key[0] for key in found["segue_http_requests_total"]} == {"other"}
    assert len(found["segue_http_requests_total"]) == 101


def test_every_failure_category_has_its_name() -> None:
    """A category of the error family is never swallowed into `other`."""
    metrics = Metrics()
    metrics.observe(replace(RECORD, attempts=tuple(replace(RECORD.attempts[0], category=c) for c in FailureCategory)))

    assert {key[0] for key in samples(metrics)["segue_attempts_total"]} == {c.value for c in FailureCategory}


def test_readings_are_taken_when_asked() -> None:
    """A gauge shows what is the case at the moment of asking; a reading nobody provides is absent."""
    running = 3
    metrics = Metrics()
    metrics.watch("running_turns", lambda: running)
    metrics.watch("worker_ready", lambda: {"espeak": 1.0, "pocketsphinx": 0.0})
    metrics.watch("lost_writes", lambda: 7)

    assert samples(metrics)["segue_running_turns"] == {(): 3}
    running = 0
    found = samples(metrics)
    assert found["segue_running_turns"] == {(): 0}
    assert found["segue_worker_ready"] == {("espeak",): 1, ("pocketsphinx",): 0}
    assert found["segue_lost_writes_total"] == {(): 7}
    assert "segue_database_ready" not in found
    assert __version__ in next(iter(found["segue_build_info"]))


def test_a_reading_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A reading that raises is left out and logged; everything else is still there."""
    metrics = Metrics()
    metrics.watch("running_turns", lambda: int("x"))
    metrics.observe(RECORD)

    found = samples(metrics)
    assert "segue_running_turns" not in found
    assert found["segue_turns_total"]
    assert "a reading failed" in caplog.text


def test_an_unknown_reading_is_refused() -> None:
    """Only what is in the table of readings can be watched, so that documents and metrics agree."""
    with pytest.raises(KeyError):
        Metrics().watch("temperature", lambda: 1)


def test_two_metrics_share_nothing() -> None:
    """There is no global registry: two servers in one process count apart."""
    one, two = Metrics(), Metrics()
    one.observe(RECORD)

    assert "segue_turns_total" not in samples(two)


def full() -> Metrics:
    """Metrics in which every family has at least one sample."""
    metrics = Metrics()
    metrics.observe(replace(RECORD, underflow=Underflow(1, 1.0), degraded=("substituted",), substituted=True))
    metrics.observe_report(REPORT, "baseline", "accepted")
    metrics.observe_request("GET", "/api/health", 200)
    metrics.count("unauthorized", reason="missing")
    metrics.count("tries", outcome="completed")
    for reading in READINGS:
        metrics.watch(reading.name, (lambda: {"espeak": 1.0}) if reading.label else (lambda: 1.0))
    return metrics


def test_the_whole_catalogue_is_exported() -> None:
    """Every measure and every reading appears under the name that the catalogue gives it, in both formats."""
    expected = {measure.metric for measure in MEASURES} | {reading.metric for reading in READINGS}
    for accept, parser in (("", parse), ("application/openmetrics-text; version=1.0.0", parse_openmetrics)):
        body, content_type = full().exposition(accept)
        names = {sample.name for family in parser(body.decode()) for sample in family.samples}
        assert expected <= names | {name.removesuffix("_count") for name in names if name.endswith("_count")}
        assert not [name for name in names if name.endswith("_created")]
        assert content_type.startswith("application/openmetrics-text" if accept else "text/plain")


def test_promtool_finds_nothing() -> None:
    """Prometheus' own checker has no complaint."""
    beside = Path(sys.executable).parent / "promtool"
    if (promtool := shutil.which("promtool") or (beside.exists() and str(beside))) is False:
        pytest.skip("promtool is not installed (Debian: apt install prometheus); the parser's test above still holds")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=full().exposition()[0], capture_output=True, check=False, timeout=60
    )
    complaints = set((checked.stdout + checked.stderr).decode().splitlines())

    assert complaints == set()
    assert checked.returncode == 0


@pytest.fixture
def observing() -> Iterator[Metrics]:
    """Metrics that another thread keeps filling with new series."""
    metrics = Metrics()
    stop = threading.Event()

    def fill() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            metrics.observe(replace(RECORD, variant=f"v{number % 4}", language="uk"))

    thread = threading.Thread(target=fill)
    thread.start()
    yield metrics
    stop.set()
    thread.join()


def test_exposition_beside_observing(observing: Metrics) -> None:
    """The text can be made in another thread while turns are observed: it stays whole and never runs backwards."""
    before = 0.0
    for _ in range(4):
        now = sum(samples(observing).get("segue_turns_total", {}).values())
        assert now >= before
        before = now


def test_assignments_are_counted_with_their_reason() -> None:
    """How many turns got which variant and why; a reason that is not one of ours is `other`."""
    metrics = Metrics()
    for assigned in ("share", "share", "no_listener", "", "surprise"):
        metrics.observe(replace(RECORD, assigned=assigned))

    assert samples(metrics)["segue_assignments_total"] == {
        ("share", "baseline"): 2,
        ("no_listener", "baseline"): 1,
        ("none", "baseline"): 1,
        ("other", "baseline"): 1,
    }


def test_failures_have_a_zero_to_rise_from() -> None:
    """From the first turn of its kind on, what could have come of it is there: the first failures are a rise, too."""
    metrics = Metrics()
    metrics.observe(RECORD)
    lines = metrics.exposition()[0].decode().splitlines()

    of_turn = 'language="uk",{}profile="fast",{}variant="baseline"'
    assert f"segue_turns_total{{{of_turn.format('outcome=' + chr(34) + 'failed' + chr(34) + ',', '')}}} 0.0" in lines
    assert f"segue_served_total{{{of_turn.format('', 'served=' + chr(34) + 'failed' + chr(34) + ',')}}} 0.0" in lines
    assert 'segue_underflow_turns_total{source="virtual",variant="baseline"} 0.0' in lines
