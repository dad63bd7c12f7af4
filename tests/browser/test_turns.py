"""Whole turns in a real browser: asked, spoken, heard, measured and reported."""

from typing import Any

import pytest

from segue.telemetry.metrics import REPORT_RESULTS
from tests.browser.conftest import LONG, SHORT, Visit, Visitor
from tests.server import RunningServer, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTIONS = {
    "en": SHORT,
    "uk": "Скажи: доброго ранку всім.",
    "ru": "Скажи: доброе утро всем.",
    "zh": "说：大家早上好。",
}

REPORTS = [f'segue_playback_reports_total{{result="{result}"}}' for result in REPORT_RESULTS]

TAP = """
// Everything that is sent to the loudspeaker also passes an analyser: an ear that does not belong to the page.
(() => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const ear = new AnalyserNode(this.context, { fftSize: 256 });
      connect.call(this, ear);
      window.ears = [...(window.ears ?? []), ear];
    }
    return connect.call(this, target, ...rest);
  };
  window.loudness = () => {
    let most = 0;
    for (const ear of window.ears ?? []) {
      const wave = new Float32Array(ear.fftSize);
      ear.getFloatTimeDomainData(wave);
      for (const value of wave) most = Math.max(most, Math.abs(value));
    }
    return most;
  };
})();
"""

LISTEN_AFTER_ESCAPE = """
() => new Promise((resolve) => {
  // Milliseconds from the key press until the last sound, heard for a second.
  let lastLoud = 0, pressed = null;
  addEventListener("keydown", (event) => { pressed ??= event.timeStamp; }, { capture: true });
  const listen = () => {
    const now = performance.now();
    if (pressed !== null && loudness() > 1e-3) lastLoud = now - pressed;
    if (pressed !== null && now - pressed > 1000) resolve(lastLoud);
    else setTimeout(listen, 2);
  };
  listen();
})
"""


def assert_heard_whole(turn: dict[str, Any]) -> None:
    """What was sent was played, all of it and without a gap."""
    assert turn["state"] == "done"
    assert turn["player"] == "worklet"
    assert turn["audio_ms"] > 500
    assert turn["played_s"] * 1000 == pytest.approx(turn["audio_ms"], rel=0.05)
    assert (turn["underflow_events"], turn["underflow_ms"], turn["gaps"]) == (0, 0, [])
    assert turn["dropped_packets"] == turn["refused_samples"] == 0


@pytest.mark.parametrize("language", sorted(QUESTIONS))
def test_a_reply_is_heard_whole_in_every_language(visitor: Visitor, language: str) -> None:
    """A text in each language is answered in it, and what the server spoke is what the listener heard."""
    visitor.page.check(f"#languages input[value={language}]", force=True)
    visitor.say(QUESTIONS[language])
    turn = visitor.finished()
    assert_heard_whole(turn)
    assert turn["language"] == language
    assert 0 < turn["ttfa_ms"] <= turn["first_played_ms"]
    reply = visitor.page.locator(".reply")
    assert reply.get_attribute("lang") == language
    assert reply.locator(".sentence.said").count() == turn["sentences"]


def test_what_was_heard_is_reported_once(visitor: Visitor, server: RunningServer) -> None:
    """The turn's record carries the report of the listener's device, and each turn is reported once."""
    counted = 'segue_playback_reports_total{result="accepted"}'
    before = server.metric(counted)
    everything = sum(server.metric(sample) for sample in REPORTS)
    visitor.say(SHORT)
    turn = visitor.finished()
    visitor.until("performance.getEntriesByName(location.origin + '/api/telemetry/voice').length === 1")
    playback = server.record(turn["turn"])["playback"]
    assert playback["played_s"] == pytest.approx(turn["played_s"], abs=0.001)
    assert playback["first_played_ms"] == pytest.approx(turn["first_played_ms"], abs=0.001)
    assert (playback["underflow_events"], playback["player"]) == (0, "worklet")
    assert playback["user_agent"] == "chromium"
    assert playback["plausible"] is True
    assert server.metric(counted) == before + 1
    assert visitor.stats["totals"]["reports_sent"] == 1
    visitor.open()
    assert sum(server.metric(sample) for sample in REPORTS) == everything + 1


def test_a_reply_that_is_left_is_reported_as_far_as_it_was_heard(visitor: Visitor, server: RunningServer) -> None:
    """Who closes the page in mid-reply has heard a part of it; the report of that part is not lost."""
    visitor.say(LONG)
    heard = visitor.until("_voiceStats().turn.played_s > 0.5 && _voiceStats().turn")
    visitor.page.goto("about:blank")
    playback = visitor.eventually(lambda: server.record(heard["turn"])["playback"])
    assert heard["played_s"] - 0.001 < playback["played_s"] < heard["received_s"]  # told in thousandths


def test_sentences_light_up_in_order_while_they_are_heard(visitor: Visitor) -> None:
    """One sentence at a time is lit, in the order in which they are spoken, and none once all is said."""
    visitor.page.evaluate(
        """() => {
          window.lit = [];
          new MutationObserver(() => {
            const now = [...document.querySelectorAll(".saying")].map((sentence) => Number(sentence.dataset.seq));
            if (now.length && String(now) !== String(window.lit.at(-1))) window.lit.push(now);
          }).observe(document.querySelector("#log"), { subtree: true, attributes: true, attributeFilter: ["class"] });
        }"""
    )
    visitor.say("Say: this is the first. Here comes the second. And that was the last.")
    turn = visitor.finished()
    lit = visitor.page.evaluate("lit")
    assert all(len(now) == 1 for now in lit), lit
    assert [seq for (seq,) in lit] == list(range(turn["sentences"]))
    assert visitor.page.locator(".saying").count() == 0


def test_escape_is_silence_within_100_ms_and_the_next_reply_is_clean(visit: Visit) -> None:
    """Barge-in stops the sound at the loudspeaker; nothing of the old reply is heard again."""
    visitor = visit()
    visitor.page.add_init_script(TAP)
    visitor.open()
    visitor.say(LONG)
    visitor.until("_voiceStats().turn.played_s > 0.5")
    visitor.until("loudness() > 0.01")
    visitor.page.evaluate(f"window.quiet = ({LISTEN_AFTER_ESCAPE})(); undefined")
    visitor.page.keyboard.press("Escape")
    assert visitor.page.evaluate("quiet") < 100
    interrupted = visitor.finished()
    assert interrupted["state"] == "interrupted"
    assert interrupted["stopped_ms"] < 100
    visitor.say(SHORT)
    assert_heard_whole(visitor.finished(2))


def test_escape_stops_the_server_too(visit: Visit) -> None:
    """A reply that is still being written is not written to its end for nobody."""
    slow = {"reply": "This sentence is written slowly. " * 50, "token_interval_s": 0.05}
    with running({"providers": {"models": ["scripted"], "scripted": slow}}) as other:
        visitor = visit(at=other).open()
        visitor.say("go on")
        visitor.until("_voiceStats().turn.played_s > 0.2")
        visitor.page.keyboard.press("Escape")
        turn = visitor.finished()["turn"]
        record = visitor.eventually(lambda: next((one for one in other.records() if one["turn"] == turn), None))
        assert record["outcome"] == "cancelled"


def test_sending_interrupts_the_reply_that_is_being_spoken(visitor: Visitor) -> None:
    """A new message need not wait: the old reply falls silent, the new one is spoken from its beginning."""
    visitor.say(LONG)
    visitor.until("_voiceStats().turn.played_s > 0.3")
    visitor.say(SHORT)
    assert_heard_whole(visitor.finished(2))
    assert visitor.page.locator(".reply").nth(0).get_attribute("data-state") == "interrupted"
    assert visitor.stats["totals"]["interrupted"] == 1


def test_a_reply_is_heard_without_a_socket(visit: Visit) -> None:
    """Where no WebSocket can be opened the same turn comes over HTTP, and can be interrupted there too."""
    visitor = visit(socket=False)
    visitor.page.goto(visitor.server.url)
    visitor.until("_voiceStats().connection.state === 'http'")
    visitor.say(SHORT)
    turn = visitor.finished()
    assert_heard_whole(turn)
    assert turn["transport"] == "http"
    visitor.say(LONG)
    visitor.until("_voiceStats().turn.played_s > 0.2")
    visitor.page.keyboard.press("Escape")
    assert visitor.finished(2)["state"] == "interrupted"


def test_a_reply_is_heard_without_an_audio_worklet(visit: Visit) -> None:
    """On pages that get no AudioWorklet (plain http elsewhere than on this machine) scheduled sources play instead."""
    visitor = visit()
    visitor.page.add_init_script("delete BaseAudioContext.prototype.audioWorklet")
    visitor.open()
    visitor.say(SHORT)
    turn = visitor.finished()
    assert turn["player"] == "scheduled"
    assert turn["played_s"] * 1000 == pytest.approx(turn["audio_ms"], rel=0.05)
    assert turn["underflow_events"] == 0
    visitor.until("performance.getEntriesByName(location.origin + '/api/telemetry/voice').length === 1")
    assert visitor.server.record(turn["turn"])["playback"]["player"] == "scheduled"


def test_a_visit_is_one_session(visitor: Visitor) -> None:
    """The page names its listener and hands its session on, by whichever way it talks to the server."""
    for turns in (1, 2, 3):
        visitor.say(SHORT)
        visitor.finished(turns)
    *_, first, second, third = visitor.server.records()

    assert first["listener"] == first["session"] == second["listener"] == third["listener"]
    assert len(second["session"]) == 16
    assert second["session"] == third["session"]
