"""The arithmetic of the benchmarks: what is reported is what was measured."""

import array
import asyncio
import base64
import json
import math
from pathlib import Path

import pytest

from benchmarks.canned import Canned
from benchmarks.listener import Listener
from benchmarks.load import Pool, Run, drive, in_flight, poisson, steady
from benchmarks.report import differences, figures, keep, median_of, percentile, table
from benchmarks.scenes import disturbed
from benchmarks.taking import Row, Taking, audible, lines
from segue.voice.timeline import VirtualListener


def tone(ms: float, amplitude: float = 0.2) -> bytes:
    """A tone of that length at 24 kHz."""
    samples = (round(32767 * amplitude * math.sin(sample / 8.0)) for sample in range(int(24 * ms)))
    return array.array("h", samples).tobytes()


def row(**changes: object) -> Row:
    """A turn that went well, but for the changes."""
    plain: dict[str, object] = {
        "at_s": 0.0,
        "late_ms": 0.0,
        "warm": True,
        "outcome": "done",
        "ttfa_ms": 2.0,
        "total_ms": 500.0,
        "audio_ms": 500.0,
        "underflows": 0,
        "underflow_ms": 0.0,
        "timings": {},
    }
    return Row(**{**plain, **changes})  # type: ignore[arg-type]


def test_audio_that_comes_as_fast_as_it_is_played_never_runs_dry() -> None:
    """Pieces of 100 ms every 100 ms keep a listener fed from the moment its cushion was full."""
    listener = Listener(cushion_ms=120.0)
    for piece in range(20):
        listener.arrived(1.0 + 0.1 * piece, 100.0)
    heard = listener.ended(4.0)
    assert (heard.events, heard.waited_ms) == (0, 0.0)
    assert heard.audio_ms == 2000.0
    assert heard.first_s == 1.0
    assert heard.finished_s == pytest.approx(1.1 + 2.0)


def test_a_wait_is_as_long_as_the_listener_had_nothing_to_play() -> None:
    """Playing starts with the cushion; a piece that comes 150 ms after the last sound is 150 ms of underflow."""
    listener = Listener(cushion_ms=120.0)
    listener.arrived(0.0, 120.0)
    listener.arrived(0.27, 200.0)
    heard = listener.ended(0.3)
    assert heard.events == 1
    assert heard.waited_ms == pytest.approx(150.0)
    assert heard.longest_ms == pytest.approx(150.0)
    assert heard.finished_s == pytest.approx(0.47)


def test_the_wait_before_the_first_sound_and_the_silence_after_the_end_are_no_underflow() -> None:
    """Only the middle of a reply can underflow."""
    listener = Listener(cushion_ms=120.0)
    listener.arrived(5.0, 60.0)
    listener.arrived(9.0, 60.0)
    heard = listener.ended(60.0)
    assert heard.events == 0
    assert heard.finished_s == pytest.approx(9.12)


def test_waits_close_together_are_one_and_waits_too_short_to_hear_are_none() -> None:
    """Two waits within 40 ms merge into one event; a wait under one render quantum of 5.3 ms is not counted."""
    listener = Listener(cushion_ms=100.0)
    listener.arrived(0.0, 100.0)
    listener.arrived(0.15, 20.0)
    listener.arrived(0.22, 100.0)
    listener.arrived(0.323, 500.0)
    heard = listener.ended(2.0)
    assert heard.events == 1
    assert heard.waited_ms == pytest.approx(100.0)


def test_a_reply_shorter_than_the_cushion_is_played_when_it_ends() -> None:
    """Nothing waits for a cushion that will never be full."""
    listener = Listener(cushion_ms=120.0)
    listener.arrived(1.0, 50.0)
    assert listener.ended(1.2).finished_s == pytest.approx(1.25)


def test_this_listener_and_the_servers_agree() -> None:
    """Written apart, both find the same waits in the same arrivals."""
    ours, servers = Listener(cushion_ms=120.0), VirtualListener(cushion_ms=120.0)
    for moment, ms in ((0.0, 60.0), (0.1, 100.0), (0.2, 40.0), (0.5, 100.0), (0.58, 30.0), (0.9, 200.0), (1.0, 10.0)):
        ours.arrived(moment, ms)
        servers.sent(moment, ms)
    heard = ours.ended(2.0)
    assert heard.events == servers.underflow.events > 0
    assert heard.waited_ms == pytest.approx(servers.underflow.ms, abs=0.01)


def test_silence_is_not_audible_and_a_quiet_tone_is() -> None:
    """Sound begins at 1 % of full scale over 10 ms, wherever in a piece that is."""
    assert not audible(b"\0" * 4800)
    assert not audible(tone(50, 0.005))
    assert audible(tone(50, 0.05))
    assert audible(b"\0" * 4800 + tone(20))


def test_the_first_audible_moment_is_not_the_first_byte() -> None:
    """A packet of silence is heard by nobody; the turn's time to first audio ends with the packet after it."""
    taking = Taking(due_s=10.0)
    taking.sent_s = 10.001
    for moment, pcm in ((10.1, b"\0" * 4800), (10.2, tone(100)), (10.3, tone(100))):
        taking.event(moment, "audio", {"data": base64.b64encode(pcm).decode()})
    taking.event(10.31, "done", {"timings": {"total_ms": 300.0}, "audio_ms": 300.0})
    figure = taking.row(10.31, 10.0)
    assert figure.ttfa_ms == pytest.approx(199.0)
    assert figure.late_ms == pytest.approx(1.0)
    assert figure.audio_ms == pytest.approx(300.0)
    assert figure.outcome == "done"


def test_a_stream_without_a_terminal_event_was_cut() -> None:
    """The end of a connection alone is not the end of a turn."""
    taking = Taking(due_s=0.0)
    taking.event(0.1, "audio", {"data": base64.b64encode(tone(100)).decode()})
    assert taking.row(0.2, 0.0).outcome == "cut"


@pytest.mark.parametrize("sse", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_do_not_depend_on_how_the_stream_was_cut(sse: bool, size: int) -> None:
    """Fed in pieces of any size, both shapes bring the same events."""
    events: list[tuple[str, dict[str, object]]] = [
        ("meta", {"turn": "a"}),
        ("text", {"text": "Так."}),
        ("done", {"sentences": 1}),
    ]
    if sse:
        body = "".join(f"event: {kind}\ndata: {json.dumps(fields)}\n\n" for kind, fields in events).encode()
    else:
        body = "".join(json.dumps({"event": kind, **fields}) + "\n" for kind, fields in events).encode()
    found, rest = [], b""
    for begin in range(0, len(body), size):
        more, rest = lines(rest, body[begin : begin + size], sse=sse)
        found += more
    assert rest == b""
    assert [kind for kind, _ in found] == [kind for kind, _ in events]
    for (_, fields), (_, sent) in zip(found, events, strict=True):
        assert fields.items() >= sent.items()


def test_percentiles_are_values_that_were_measured() -> None:
    """Nearest rank: p50 of one to four is two, p99 of a hundred values is the ninety-ninth."""
    assert percentile([4, 1, 3, 2], 50) == 2
    assert percentile(list(range(1, 101)), 99) == 99
    assert percentile([7], 0) == percentile([7], 100) == 7
    with pytest.raises(ValueError, match="needs values"):
        percentile([], 50)


def test_figures_say_how_many_they_stand_for() -> None:
    """An empty measurement has a count and no figures; nothing is made up for it."""
    assert figures([]) == {"n": 0}
    assert figures([1.0, 2.0, 9.0]) == {"n": 3, "p50": 2.0, "p95": 9.0, "p99": 9.0, "mean": 4.0, "max": 9.0}


def test_the_median_of_runs_is_taken_figure_by_figure() -> None:
    """One noisy run of three changes nothing; the counts add up."""
    runs = [{"n": 10, "p50": 2.0, "p99": 5.0}, {"n": 10, "p50": 3.0, "p99": 90.0}, {"n": 11, "p50": 2.5, "p99": 6.0}]
    assert median_of(runs) == {"n": 31, "p50": 2.5, "p99": 6.0}


def test_overhead_is_what_a_turn_took_beyond_a_usual_direct_call() -> None:
    """Each turn is held against the median of the direct calls, so one slow direct call flatters nobody."""
    assert differences([5.0, 8.0], [1.0, 2.0, 90.0]) == [3.0, 6.0]


def test_poisson_arrivals_are_repeatable_and_as_many_as_asked_for() -> None:
    """The same seed gives the same moments; their number is within five deviations of rate times length."""
    moments = poisson(50.0, 40.0, seed=3)
    assert moments == poisson(50.0, 40.0, seed=3) != poisson(50.0, 40.0, seed=4)
    assert moments == sorted(moments)
    assert abs(len(moments) - 2000) < 5 * math.sqrt(2000)
    assert 0 < moments[0] <= moments[-1] < 40.0


def test_a_steady_crowd_asks_again_each_period() -> None:
    """Four listeners over a period of two seconds ask half a second apart, and each again two seconds later."""
    assert steady(4, 2.0, 2) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_turns_in_flight_are_counted_only_where_they_overlap() -> None:
    """A turn counts for as long as it lies between the two moments: a second before them counts for nothing."""
    rows = [row(at_s=0.0, total_ms=2000.0), row(at_s=2.0, total_ms=500.0), row(at_s=4.5, total_ms=9000.0)]
    assert in_flight(rows, 1.0, 5.0) == pytest.approx((1.0 + 0.5 + 0.5) / 4.0)
    assert in_flight(rows, 5.0, 5.0) == 0.0


def test_turns_that_began_while_the_run_filled_up_are_left_out() -> None:
    """What began before the ramp was over is not counted."""
    run = Run((row(at_s=0.5), row(at_s=2.0), row(at_s=3.0)), 0.0)
    assert [figure.at_s for figure in run.after(2.0).rows] == [2.0, 3.0]


def test_a_run_whose_generator_was_late_is_called_disturbed() -> None:
    """One late request in a hundred is the machine's luck, two are somebody else on the core."""
    on_time = [row(late_ms=0.4)] * 98
    assert not disturbed(Run((*on_time, row(late_ms=0.4), row(late_ms=60.0)), 0.0))
    assert disturbed(Run((*on_time, row(late_ms=60.0), row(late_ms=60.0)), 0.0))
    assert not disturbed(Run((), 0.0))


def test_results_are_kept_compactly_and_readably(tmp_path: Path) -> None:
    """Rows become lists under their columns' names, and the file is JSON again when read."""
    path = tmp_path / "deep" / "first_audio.json"
    kept = table([row(ttfa_ms=None), row()], ("outcome", "ttfa_ms"))
    assert kept == {"columns": ["outcome", "ttfa_ms"], "rows": [["done", None], ["done", 2.0]]}
    keep({"turns": kept, "note": "ü"}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"turns": kept, "note": "ü"}


async def test_the_client_takes_turns_over_kept_connections() -> None:
    """Over real sockets: each turn ends with its terminal event, and a connection is used again."""
    server = await asyncio.get_running_loop().create_server(lambda: Canned(0.0), "127.0.0.1", 0)
    pool = Pool("127.0.0.1", server.sockets[0].getsockname()[1], "ndjson")

    async def take(taking: Taking) -> None:
        await pool.take({"text": "Hello."}, taking)

    try:
        await pool.warm(1)
        first = await drive(take, [0.0])
        more = await drive(take, [0.0, 0.0, 0.0])
    finally:
        pool.close()
        server.close()
        await server.wait_closed()
    assert first.outcomes == {"done": 1}
    assert more.outcomes == {"done": 3}
    assert [row.warm for row in first.rows] == [True]
    assert sorted(row.warm for row in more.rows) == [False, False, True]
    assert all(row.ttfa_ms is not None and row.audio_ms == 60.0 for row in (*first.rows, *more.rows))


async def test_a_refused_connection_is_an_outcome_and_not_a_crash() -> None:
    """A load run that finds nobody there says so for every turn."""
    server = await asyncio.get_running_loop().create_server(lambda: Canned(0.0), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    pool = Pool("127.0.0.1", port, "ndjson")

    async def take(taking: Taking) -> None:
        await pool.take({"text": "Hello."}, taking)

    run = await drive(take, [0.0, 0.001])
    assert run.outcomes == {"unconnected": 2}
    assert run.done == []
