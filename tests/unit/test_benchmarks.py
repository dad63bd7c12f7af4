"""The arithmetic of the benchmarks: what is reported is what was measured."""

import array
import asyncio
import base64
import json
import math
from pathlib import Path

import pytest

from benchmarks import chain
from benchmarks.canned import Canned
from benchmarks.first_audio import KEPT, SCENES
from benchmarks.gateway import also
from benchmarks.hedge import FIRST, SENSIBLE_MS, cost, replies
from benchmarks.listener import Listener
from benchmarks.load import Pool, Run, drive, in_flight, poisson, steady
from benchmarks.misbehaving import ORDINARY, SECOND, NowAndThen, misbehave
from benchmarks.report import differences, figures, keep, median_of, percentile, table
from benchmarks.scenes import disturbed
from benchmarks.tail import Tail, Tailed
from benchmarks.taking import Row, Taking, audible, lines
from segue.clock import ManualClock
from segue.providers.scripted import ScriptedSynthesizer
from segue.records import AttemptOutcome, Outcome, SynthesisAttempt, TurnRecord
from segue.settings import Settings
from segue.voice.ports import Utterance
from segue.voice.timeline import VirtualListener
from segue.wiring.house import House, build


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


def attempt(seq: int, provider: str, outcome: AttemptOutcome, *, hedge: bool = False) -> SynthesisAttempt:
    """A try at a sentence of ten characters."""
    return SynthesisAttempt(seq, provider, "", "", outcome, 10, hedge=hedge)


def record(*attempts: SynthesisAttempt) -> TurnRecord:
    """A finished turn with these attempts."""
    return TurnRecord(
        turn=str(id(attempts)),
        kind="chat",
        at=0.0,
        listener=None,
        chat=None,
        variant="",
        profile="fast",
        character=None,
        language="en",
        model="",
        voice="",
        format="pcm16",
        outcome=Outcome.COMPLETED,
        marks={},
        sentences=2,
        characters=20,
        audio_ms=1000.0,
        attempts=attempts,
    )


def test_what_a_hedge_cost_is_counted_from_the_records() -> None:
    """Of two turns one asked twice for its first sentence, and was then spoken by two synthesizers."""
    done, dropped = AttemptOutcome.COMPLETED, AttemptOutcome.CANCELLED
    plain = record(attempt(0, "a", done), attempt(1, "a", done))
    hedged = record(attempt(0, "b", done, hedge=True), attempt(0, "a", dropped), attempt(1, "a", done))
    told = cost([plain, hedged]).as_dict()
    assert told["turns"] == 2
    assert told["sentences"] == 4
    assert told["first_sentences_asked_twice"] == 0.5
    assert told["sentences_asked_twice"] == 0.25
    assert told["more_characters_asked_for"] == 0.25
    assert told["replies_with_two_voices"] == 0.5
    assert told["second_was_quicker"] == 1.0


def test_a_second_that_was_asked_and_lost_costs_a_sentence_and_no_voice() -> None:
    """Characters are paid for whoever wins; a loser is never heard."""
    done, dropped = AttemptOutcome.COMPLETED, AttemptOutcome.CANCELLED
    told = cost([record(attempt(0, "b", dropped, hedge=True), attempt(0, "a", done))]).as_dict()
    assert told["more_characters_asked_for"] == 1.0
    assert told["replies_with_two_voices"] == 0.0
    assert told["second_was_quicker"] == 0.0


def test_lateness_follows_its_law_and_depends_on_the_text_alone() -> None:
    """As many texts begin late as the law says, the others are spread as it says, and all of it is repeatable."""
    tail = Tail(share=0.08)
    waits = [tail.wait_s(f"text {number}") for number in range(4000)]
    assert waits == [Tail(share=0.08).wait_s(f"text {number}") for number in range(4000)]
    late = [wait for wait in waits if wait == tail.slow_s]
    assert abs(len(late) - 320) < 5 * math.sqrt(4000 * 0.08 * 0.92)
    ordinary = [wait for wait in waits if wait != tail.slow_s]
    assert percentile(ordinary, 50) == pytest.approx(tail.median_s, rel=0.05)
    assert percentile(ordinary, 95) == pytest.approx(tail.ordinary_s(0.95), rel=0.05)
    later = sum(wait > SENSIBLE_MS / 1000.0 for wait in waits) / len(waits)
    assert later == pytest.approx(tail.later_than(SENSIBLE_MS / 1000.0), abs=0.03)


def test_the_sensible_hedge_is_the_95th_percentile_of_what_is_ordinary() -> None:
    """One ordinary sentence in twenty asks twice, and every late one does."""
    assert Tail().later_than(SENSIBLE_MS / 1000.0) == pytest.approx(0.05, abs=0.01)
    assert FIRST.later_than(SENSIBLE_MS / 1000.0) == pytest.approx(0.05 * 0.92 + 0.08, abs=0.01)
    assert FIRST.later_than(FIRST.slow_s) < 0.001
    assert ORDINARY.share == 0.0


def test_no_two_replies_of_the_hedge_are_the_same() -> None:
    """The same text would be late together, and the figures would stand for fewer turns than they say."""
    said = [reply.text for reply in replies(800)]
    assert len(set(said)) == 800


async def test_a_tailed_synthesizer_waits_on_its_clock_and_then_speaks_as_it_would() -> None:
    """Nothing comes before the wait is over, and what comes then is the whole sentence."""
    clock = ManualClock()
    plain = ScriptedSynthesizer(clock)
    tailed = Tailed(plain, Tail(share=1.0, slow_s=3.0), clock)
    utterance = Utterance("Hello there.", "en", "scripted-en")

    async def pcm(synthesizer: Tailed | ScriptedSynthesizer) -> bytes:
        return b"".join([speech.pcm async for speech in synthesizer.speak(utterance)])

    speaking = asyncio.create_task(pcm(tailed))
    await clock.advance(2.9)
    assert not speaking.done()
    await clock.advance(0.2)
    assert await speaking == await pcm(plain)
    assert (tailed.name, tailed.voices()) == (plain.name, plain.voices())


def test_faults_by_chance_are_as_many_as_asked_for_and_repeatable() -> None:
    """A quarter of many calls fails, the same ones each time; with none asked for, none does."""
    fault = NowAndThen(cut=True, percent=25)
    struck = [call for call in range(1, 4001) if fault.strike(call)]
    assert struck == [call for call in range(1, 4001) if fault.strike(call)]
    assert abs(len(struck) - 1000) < 5 * math.sqrt(4000 * 0.25 * 0.75)
    assert not any(NowAndThen(cut=True, percent=0).strike(call) for call in range(1, 1000))


def misbehaving(fault: str, percent: int) -> House:
    """A house that keeps nothing, with a scripted synthesizer that misbehaves and a second one."""
    providers = {"recognizers": (), **also(synthesizers=[SECOND])}
    made = build(Settings.model_validate({"providers": providers}), keep=False)
    misbehave(made, fault, percent)
    return made


def test_only_the_first_synthesizer_misbehaves() -> None:
    """The second one takes the configured one's place in the chain, under its name, and has no faults."""
    made = misbehaving("cut", 25)
    targets = made.plane.speech.chain.targets
    first, second = targets["scripted"].provider, targets[SECOND].provider
    assert isinstance(first, ScriptedSynthesizer)
    assert isinstance(second, ScriptedSynthesizer)
    assert (first.faults.cut, first.faults.after) == (True, 24_000)
    assert not second.faults.strike(1)
    assert {voice.provider for voice in second.voices()} == {SECOND}


def test_a_tail_is_given_to_both_and_only_the_first_is_ever_late() -> None:
    """What is ordinary is the same for both, so that a hedge is won by luck or by the tail."""
    made = misbehaving("tail", 8)
    providers = [target.provider for target in made.plane.speech.chain.targets.values()]
    assert all(isinstance(provider, Tailed) for provider in providers)
    assert [provider.name for provider in providers] == ["scripted", SECOND]


def test_another_synthesizer_than_the_scripted_one_is_not_broken_silently() -> None:
    """A configuration that would measure nothing is refused."""
    made = build(Settings.model_validate({"providers": {"recognizers": ()}}), keep=False)
    with pytest.raises(TypeError, match="scripted synthesizer"):
        misbehave(made, "cut", 25)


async def test_every_arm_of_the_chain_takes_the_same_pieces() -> None:
    """What is compared is the same sentence and the same reply: as many pieces each way, and each was waited for."""
    for arms in (chain.sentences("The next train leaves at ten."), chain.replies("The next train leaves at ten.")):
        waited = {name: await arm() for name, arm in arms.items()}
        assert len({len(seconds) for seconds in waited.values()}) == 1
        assert len(waited["direct"]) > 3
        assert all(second > 0 for seconds in waited.values() for second in seconds)


async def test_what_a_chain_adds_is_held_against_the_same_round() -> None:
    """Arms that take 5 ms and 2 ms longer than asking directly are said to add just that, round by round."""
    calls = {"direct": 0, "slower": 0}

    async def direct() -> list[float]:
        calls["direct"] += 1
        return [0.001 * calls["direct"], 0.002, 0.002]

    async def slower() -> list[float]:
        calls["slower"] += 1
        return [0.001 * calls["slower"] + 0.005, 0.004, 0.004]

    found = await chain.compared({"direct": direct, "slower": slower}, 20)
    assert calls["direct"] == calls["slower"]
    assert found["slower"]["first_added_us"]["n"] == 20
    assert found["slower"]["first_added_us"]["max"] == pytest.approx(5000.0)
    assert found["slower"]["first_added_us"]["p50"] == pytest.approx(5000.0)
    assert found["slower"]["further_added_us"]["p99"] == pytest.approx(2000.0)
    assert "first_added_us" not in found["direct"]


def test_parts_of_a_run_show_how_much_its_medians_differ() -> None:
    """Each part's median is held against the same part of the other, and the smallest difference comes first."""
    one = [row(ttfa_ms=2.0)] * 20
    three = [*[row(ttfa_ms=2.5)] * 10, *[row(ttfa_ms=1.5)] * 9, row(ttfa_ms=None)]
    assert chain.added_by_part(one, three, 2) == [-0.5, 0.5]


def test_each_scene_is_kept_in_one_file() -> None:
    """A full run loses no figures, and keeps none twice."""
    kept_names = [name for names in KEPT.values() for name in names]
    assert sorted(kept_names) == sorted(SCENES)
