"""Traces: what spans a record becomes, where a turn stands in a trace, and what a collector gets of it."""

import subprocess
import sys
from dataclasses import replace

import pytest

from segue.clock import SystemClock
from segue.providers.http import Line
from segue.records import (
    AttemptOutcome,
    ModelAttempt,
    Outcome,
    Recognition,
    RecognitionAttempt,
    SynthesisAttempt,
)
from segue.telemetry.spans import PRIVATE, hearing, spans
from segue.telemetry.traces import Traces
from segue.trace import CALLER, CURRENT, Trace, of_turn, outgoing, parsed
from segue.vendors.telemetry import TelemetrySettings
from tests.collector import collector
from tests.records import turn as recorded

CALLED = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
RECORD = replace(
    recorded(turn="t1"),
    at=1000.0,
    listener="olena",
    chat="c1",
    session="s1",
    marks={"request": 0.0, "first_token": 200.0, "first_sent": 650.0, "done": 1500.0},
    model_attempts=(
        ModelAttempt("cloud", "large", AttemptOutcome.FAILED, "timeout", None, 150.0, began_ms=1.0),
        ModelAttempt("near", "small", AttemptOutcome.COMPLETED, None, 40.0, 900.0, began_ms=160.0),
    ),
    attempts=(
        SynthesisAttempt(0, "p", "m", "v", AttemptOutcome.COMPLETED, 12, None, 30.0, 40.0, 200.0, began_ms=400.0),
    ),
)


def test_a_turn_and_its_attempts_become_spans() -> None:
    """The turn is the caller's child, every attempt the turn's, each at its own time and with its own failure."""
    place = of_turn("t1", CALLED, 1.0)
    turn, failed, written, spoken = spans(RECORD, place, CALLED)

    assert (place.id, turn.parent, turn.id) == (CALLED.id, CALLED.span, place.span)
    assert {span.parent for span in (failed, written, spoken)} == {turn.id}
    assert len({turn.id, failed.id, written.id, spoken.id}) == 4
    assert (turn.began_ns, turn.ended_ns) == (1000 * 10**9, 1000 * 10**9 + 1_500_000_000)
    assert (written.began_ns - turn.began_ns, written.ended_ns - written.began_ns) == (160_000_000, 900_000_000)
    assert (spoken.began_ns - turn.began_ns, spoken.events[0]) == (
        400_000_000,
        ("first_byte", 1000 * 10**9 + 430_000_000),
    )
    assert (failed.name, failed.error, written.error) == ("chat large", "timeout", "")
    assert written.attributes["gen_ai.request.model"] == "small"
    assert written.attributes["gen_ai.provider.name"] == "near"
    assert [name for name, _ in turn.events] == ["first_token", "first_sent"]
    assert spans(replace(RECORD, outcome=Outcome.FAILED, error="provider_failed"), place, None)[0].error


RECOGNITION = Recognition(
    "0" * 32,
    999.0,
    "uk",
    2500.0,
    450.0,
    Outcome.COMPLETED,
    (
        RecognitionAttempt("cloud", "wide", AttemptOutcome.FAILED, 0.5, 100.0, "timeout"),
        RecognitionAttempt("near", "small", AttemptOutcome.COMPLETED, 110.0, 340.0),
    ),
)


def test_a_recognition_and_its_attempts_become_spans() -> None:
    """What is heard stands beneath who wanted it, every attempt beneath that at its own time, and no word is told."""
    place = of_turn(RECOGNITION.id, CALLED, 1.0)
    heard, failed, written = hearing(RECOGNITION, place, CALLED, within=True)
    assert (heard.name, heard.parent, heard.within) == ("hear", CALLED.span, True)
    assert {failed.parent, written.parent} == {heard.id}
    assert len({heard.id, failed.id, written.id}) == 3
    assert (heard.began_ns, heard.ended_ns - heard.began_ns) == (999 * 10**9, 450_000_000)
    assert (written.began_ns - heard.began_ns, written.ended_ns - written.began_ns) == (110_000_000, 340_000_000)
    assert (failed.error, written.error, heard.error) == ("timeout", "", "")
    assert written.attributes["gen_ai.request.model"] == "small"
    assert heard.attributes["segue.recording_ms"] == 2500.0
    lost = replace(RECOGNITION, outcome=Outcome.FAILED, error="provider_failed")
    assert hearing(lost, place, None)[0].error == "provider_failed"


def test_who_it_was_is_told_only_where_it_is_wanted() -> None:
    """Listener, chat and session are in no span, unless they are asked for; then under one prefix."""
    place = of_turn("t1", None, 1.0)
    for span in spans(RECORD, place, None):
        assert not {"olena", "c1", "s1"} & set(map(str, span.attributes.values()))
    private = spans(RECORD, place, None, private=True)[0].attributes
    assert {name: value for name, value in private.items() if name.startswith(PRIVATE)} == {
        "segue.private.listener": "olena",
        "segue.private.chat": "c1",
        "segue.private.session": "s1",
    }


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", CALLED),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", replace(CALLED, sampled=False)),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", CALLED),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", None),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", None),
        ("", None),
    ],
)
def test_a_traceparent_is_read_as_it_is_written_down(header: str, found: Trace | None) -> None:
    """A header of W3C's form names a place, a later version too; anything else names none."""
    assert parsed(header) == found
    assert found is None or parsed(found.header) == found


def test_the_callers_wish_comes_before_the_share() -> None:
    """Who calls decides whether it is kept; else a share of the turns is, always the same ones."""
    assert not of_turn("t", replace(CALLED, sampled=False), 1.0).sampled
    assert of_turn("t", CALLED, 0.0).sampled
    kept = sum(of_turn(f"t{number}", None, 0.25).sampled for number in range(2000))
    assert 400 <= kept <= 600
    assert of_turn("t7", None, 0.25) == of_turn("t7", None, 0.25)


async def test_providers_are_told_where_the_turn_stands() -> None:
    """A call over HTTP has the turn's place; without turns that are traced it has the caller's own, or none."""
    with collector() as server:
        line = Line("p", server.url, SystemClock(), headers={}, connect_s=5.0)
        await line.start()
        try:
            for place, caller in ((of_turn("t", CALLED, 1.0), CALLED), (None, CALLED), (None, None)):
                tokens = (CURRENT.set(place), CALLER.set(caller))
                with pytest.raises(Exception, match="no content type"):
                    await line.json("POST", "/x", json={}, headers={"x-own": "1"})
                CURRENT.reset(tokens[0])
                CALLER.reset(tokens[1])
        finally:
            await line.close()
    told = [headers.get("traceparent") for headers in server.headers]
    assert told == [of_turn("t", CALLED, 1.0).header, CALLED.header, None]
    assert all(headers["x-own"] == "1" for headers in server.headers)


async def test_a_collector_gets_the_spans() -> None:
    """What was sampled arrives whole, with its ids and attributes; what was not does not."""
    with collector() as server:
        traces = Traces(TelemetrySettings(traces=f"{server.url}/v1/traces"))
        await traces.start()
        token = CALLER.set(CALLED)
        traces.heard(RECOGNITION)
        traces.began("t1")
        traces.heard(replace(RECOGNITION, id="1" * 32))
        CALLER.set(replace(CALLED, sampled=False))
        traces.began("t2")
        CALLER.reset(token)
        traces.over(RECORD)
        traces.over(replace(RECORD, turn="t2"))
        await traces.close()

    assert sorted(span.name for span in server.spans if "turn" not in span.name) == [
        "chat large",
        "chat small",
        "hear",
        "hear",
        "recognize cloud",
        "recognize cloud",
        "recognize near",
        "recognize near",
        "speak p",
    ]
    (turn,) = [span for span in server.spans if span.name == "turn chat"]
    assert (turn.trace_id.hex(), turn.parent_span_id.hex()) == (CALLED.id, CALLED.span)
    assert server.attributes(turn)["segue.ttfa_ms"] == 650.0
    alone, of_it = (span for span in server.spans if span.name == "hear")
    assert (alone.parent_span_id.hex(), alone.kind) == (CALLED.span, alone.SPAN_KIND_SERVER)
    assert (of_it.parent_span_id, of_it.kind) == (turn.span_id, of_it.SPAN_KIND_INTERNAL)
    assert not [name for span in server.spans for name in server.attributes(span) if name.startswith(PRIVATE)]
    assert traces.dropped == 0
    CURRENT.set(None)
    assert outgoing() == {}


async def test_a_collector_that_is_gone_costs_nothing() -> None:
    """Spans that find no place, or nobody who takes them, are dropped and counted; nobody waits."""
    traces = Traces(TelemetrySettings(traces="http://127.0.0.1:9/v1/traces", queue_spans=4, send_s=0.2))
    for turn in ("t1", "t2"):
        traces.began(turn)
        traces.over(replace(RECORD, turn=turn))
    assert traces.dropped == 4
    await traces.start()
    traces.over(replace(RECORD, turn="nobody began it"))
    await traces.close()
    assert traces.dropped >= 4
    CURRENT.set(None)


def test_the_library_is_loaded_only_where_traces_are_wanted() -> None:
    """A server without traces does not even import what sends them (a library of others may bring its own names)."""
    code = (
        "import sys; from segue.settings import Settings; from segue.wiring.house import build;"
        "build(Settings(), keep=False);"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
