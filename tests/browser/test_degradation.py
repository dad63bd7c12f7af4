"""The page under degradation: badges, quality that is off for now, quiet lines at a reply, and the kill switch.

What the server would say is said by the real lookout and the real switch, on a clock turned here: hours of bad turns
take no time. Everything else comes from the running server.
"""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Route

from segue.clock import ManualClock
from segue.records import TurnRecord
from segue.vendors.degradation import DegradationSettings, ProfilesSettings
from segue.voice.degradation import Axis, State
from segue.voice.lookout import Lookout
from segue.voice.switch import Switch
from segue.web.degradation import status_fields
from tests.browser.conftest import SHORT, Visit, Visitor
from tests.browser.test_page import CONTRAST
from tests.records import broken, mute, turn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTINGS = DegradationSettings()
STATUS = "**/api/voice/degradation_status"
TEXTS = "async () => { const { TEXTS } = await import('/code/words.js'); return TEXTS; }"
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
"""What a tab does that comes to the front: it asks the server at once."""

STORIES: dict[tuple[Axis, State], TurnRecord] = {
    (Axis.MODEL, State.SLOW): turn(6000.0),
    (Axis.MODEL, State.FAST): turn(9000.0),
    (Axis.MODEL, State.EMERGENCY): broken(),
    (Axis.SYNTHESIS, State.SLOW): turn(4000.0, first_tts=2500.0),
    (Axis.SYNTHESIS, State.DEGRADED): turn(4900.0, first_tts=4500.0),
    (Axis.SYNTHESIS, State.EMERGENCY): mute(),
}
"""Turns that bring each state about when they go on for a minute."""

BADGES = {
    (Axis.MODEL, State.SLOW): "AI SLOW",
    (Axis.MODEL, State.FAST): "FAST MODE",
    (Axis.MODEL, State.EMERGENCY): "EMERGENCY",
    (Axis.SYNTHESIS, State.SLOW): "TTS SLOW",
    (Axis.SYNTHESIS, State.DEGRADED): "TTS DEGRADED",
    (Axis.SYNTHESIS, State.EMERGENCY): "EMERGENCY",
}


def apart(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine in a thread of its own: in this one the browser's loop is running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


class Server:
    """A lookout and a switch, with a clock of their own, that answer for the server."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.lookout = Lookout(self.clock, SETTINGS, ProfilesSettings(), "fast")
        self.switch = Switch(True, self.clock)
        self.asked = 0

    def turns(self, record: TurnRecord, count: int = 65) -> None:
        """So many turns like this one, one a second."""

        async def take() -> None:
            for _ in range(count):
                await self.clock.advance(1.0)
                self.lookout.note(record)

        apart(take())

    def turn_switch(self, enabled: bool, reason: str = "") -> None:
        """Turn the kill switch."""
        apart(self.switch.turn(enabled, reason))

    def answer(self, route: Route) -> None:
        """Answer the page as the server's own route does."""
        self.asked += 1
        plain = status_fields(self.lookout.report(), SETTINGS, self.switch.state)
        route.fulfill(status=200, content_type="application/json", body=json.dumps(plain))


@pytest.fixture
def state() -> Server:
    """A server that was just started."""
    return Server()


def come(visit: Visit, state: Server, **options: Any) -> Visitor:
    """Someone who opens the page of a server in this state."""
    visitor = visit(**options)
    visitor.page.route(STATUS, state.answer)
    visitor.open()
    visitor.until("_voiceStats().server.model !== null")
    return visitor


def look(visitor: Visitor, state: Server) -> None:
    """Let the page ask again, and wait until it has taken the answer in."""
    asked = state.asked
    visitor.page.evaluate(LOOK)
    visitor.eventually(lambda: state.asked > asked)
    expected = status_fields(state.lookout.report(), SETTINGS, state.switch.state)
    states = [expected["axes"][axis]["state"] for axis in ("model", "synthesis")]
    off = "null" if expected["switch"]["enabled"] else json.dumps(expected["switch"]["reason"])
    visitor.until(
        f"(s => s.model === '{states[0]}' && s.synthesis === '{states[1]}' && s.off === {off})(_voiceStats().server)"
    )


def test_a_server_that_is_well_or_new_shows_no_badge(visit: Visit, state: Server) -> None:
    """Before enough turns were seen, and while all is well, nothing is claimed; the panel says which of the two."""
    visitor = come(visit, state)
    assert visitor.page.locator("#conditions").is_hidden()
    assert visitor.page.inner_text("[data-state-of=model]") == "not known yet"
    state.turns(turn())
    look(visitor, state)
    assert visitor.page.locator("#conditions").is_hidden()
    assert visitor.page.inner_text("[data-state-of=model]") == "fine"


@pytest.mark.parametrize(("axis", "word"), STORIES, ids=lambda part: part.value)
def test_each_state_has_its_badge_in_each_language(visit: Visit, state: Server, axis: Axis, word: State) -> None:
    """The badge, a sentence in the reader's language beside it, and the server's own reason with its numbers."""
    visitor = come(visit, state)
    state.turns(turn(), 31)
    state.turns(STORIES[axis, word])
    look(visitor, state)
    line = visitor.page.locator(f"#conditions [data-axis={axis}]")
    assert visitor.page.locator("#conditions .condition").count() == 1
    assert line.locator(".badge").inner_text() == BADGES[axis, word]
    assert line.get_attribute("title") == state.lookout.report().worst.reason
    texts = visitor.page.evaluate(TEXTS)
    for language in ["uk", "ru", "zh", "en"]:
        visitor.page.check(f"#languages input[value={language}]", force=True)
        assert line.locator(".badge").inner_text() == texts[language][f"condition.{axis}.{word}"]
        assert line.locator("span").inner_text() == texts[language][f"condition.{axis}.{word}.text"]


def test_both_axes_are_shown_and_leave_one_by_one(visit: Visit, state: Server) -> None:
    """Two badges at once, the model's first; the one that is well again goes, and in the end the row is gone."""
    visitor = come(visit, state)
    state.turns(turn(9000.0, first_tts=3000.0))
    look(visitor, state)
    assert visitor.page.locator("#conditions .badge").all_inner_texts() == ["FAST MODE", "TTS SLOW"]
    state.turns(turn(9000.0), 1000)
    look(visitor, state)
    assert visitor.page.locator("#conditions .badge").all_inner_texts() == ["FAST MODE"]
    state.turns(turn(), 1000)
    look(visitor, state)
    assert visitor.page.locator("#conditions").is_hidden()


def test_fast_mode_shows_that_quality_is_off_and_keeps_the_choice(visit: Visit, state: Server) -> None:
    """The listener's choice waits: it cannot be made now, it is still asked for, and it is back when all is well."""
    visitor = come(visit, state)
    quality = visitor.page.locator("#profiles input[value=quality]")
    quality.check(force=True)
    state.turns(turn(9000.0))
    look(visitor, state)
    assert quality.is_disabled()
    assert quality.is_checked()
    assert visitor.page.inner_text("#profile-off") == visitor.page.evaluate(TEXTS)["en"]["profile.off"]
    assert visitor.page.get_attribute("#profiles", "aria-describedby") == "profile-off"
    visitor.say(SHORT)
    assert visitor.finished()["state"] == "done"
    state.turns(turn(), 1000)
    look(visitor, state)
    assert quality.is_enabled()
    assert quality.is_checked()
    assert visitor.page.locator("#profile-off").is_hidden()


def test_the_page_asks_every_ten_seconds_while_it_is_seen_and_after_each_turn(visit: Visit, state: Server) -> None:
    """Ten seconds pass on the page's own clock: one question; hidden: none; a turn that is over: one at once."""
    visitor = visit()
    visitor.page.clock.install()
    visitor.page.route(STATUS, state.answer)
    visitor.page.goto(visitor.server.url)
    visitor.eventually(lambda: state.asked == 1)
    for expected in (2, 3):
        visitor.page.clock.run_for(10_000)
        visitor.eventually(lambda expected=expected: state.asked == expected)
    visitor.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    visitor.page.clock.run_for(60_000)
    visitor.page.evaluate("Object.defineProperty(document, 'hidden', { value: false })")
    visitor.page.evaluate(LOOK)
    visitor.eventually(lambda: state.asked == 4)

    other = come(visit, state)
    before = state.asked
    other.say(SHORT)
    other.finished()
    visitor.eventually(lambda: state.asked == before + 1)


def test_answers_that_overtake_one_another_do_not_go_back(visit: Visit, state: Server) -> None:
    """A slow answer to an old question does not replace a newer one."""
    held: list[tuple[Route, str]] = []

    def hold(route: Route) -> None:
        plain = status_fields(state.lookout.report(), SETTINGS, state.switch.state)
        held.append((route, json.dumps(plain)))

    visitor = come(visit, state)
    visitor.page.unroute(STATUS)
    visitor.page.route(STATUS, hold)
    visitor.page.evaluate(LOOK)
    visitor.eventually(lambda: len(held) == 1)
    state.turns(turn(9000.0))
    visitor.page.evaluate(LOOK)
    visitor.eventually(lambda: len(held) == 2)
    held[1][0].fulfill(status=200, content_type="application/json", body=held[1][1])
    visitor.until("_voiceStats().server.model === 'fast'")
    with visitor.page.expect_event("requestfinished"):
        held[0][0].fulfill(status=200, content_type="application/json", body=held[0][1])
    assert visitor.page.evaluate("_voiceStats().server.model") == "fast"


def test_without_an_answer_nothing_is_claimed(visit: Visit, state: Server) -> None:
    """A badge that nobody vouches for any more goes away; the line at the top tells about the connection."""
    visitor = come(visit, state)
    state.turns(turn(9000.0))
    look(visitor, state)
    visitor.page.unroute(STATUS)
    visitor.page.route(STATUS, lambda route: route.abort())
    visitor.page.evaluate(LOOK)
    visitor.until("document.querySelector('#conditions').hidden")
    assert visitor.page.evaluate("_voiceStats().server.model") is None
    visitor.troubles[:] = [trouble for trouble in visitor.troubles if "ERR_FAILED" not in trouble]


REASONS = ["fast_profile", "synthesizer_rotated", "fallback", "resumed", "substituted"]


def test_a_reply_that_is_not_as_asked_says_so_quietly(visit: Visit, state: Server) -> None:
    """Each `degraded` event is a line under the reply, while it runs, once, in the reader's language."""
    visitor = visit()
    visitor.page.route(STATUS, state.answer)

    def through(socket: Any) -> None:
        server = socket.connect_to_server()

        def pass_on(message: Any) -> None:
            socket.send(message)
            event = json.loads(message) if isinstance(message, str) else {}
            if event.get("event") == "meta":
                for reason in [*REASONS, "fallback", "something_new"]:
                    told = {"event": "degraded", "reason": reason, "message": f"Because of {reason}."}
                    socket.send(json.dumps({**told, "turn": event["turn"], "generation": event["generation"]}))

        server.on_message(pass_on)

    visitor.page.route_web_socket("**/api/voice/ws", through)
    visitor.open()
    visitor.say("Tell me more.")
    visitor.until("_voiceStats().turn.state === 'speaking'")
    texts = visitor.page.evaluate(TEXTS)
    asides = visitor.page.locator(".reply .aside")
    for language in ["uk", "ru", "zh", "en"]:
        visitor.page.check(f"#languages input[value={language}]", force=True)
        known = [texts[language][f"degraded.{reason}"] for reason in REASONS]
        assert asides.all_inner_texts() == [*known, texts[language]["badge.degraded"]]
    assert asides.first.get_attribute("title") == "Because of fast_profile."
    visitor.page.keyboard.press("Escape")
    visitor.finished()
    assert asides.count() == len(REASONS) + 1
    assert visitor.turn["degraded"] == [*REASONS, "something_new"]


def test_when_speech_is_switched_off_nothing_can_be_sent_and_nothing_is_lost(visit: Visit, state: Server) -> None:
    """The composer says why, keeps what is written, sends nothing by key, click or microphone, and opens again."""
    visitor = come(visit, state)
    page = visitor.page
    state.turn_switch(False, "The voices are being changed.")
    look(visitor, state)
    off = page.locator("#off")
    expected = page.evaluate(TEXTS)["en"]["switch.off.reason"].replace("{reason}", "The voices are being changed.")
    assert (off.inner_text(), off.get_attribute("role")) == (expected, "status")
    page.locator("#examples button").first.click()
    assert page.input_value("#text") == "Who are you?"
    page.press("#text", "Enter")
    assert page.locator("#send").is_disabled()
    page.click("#microphone", force=True)
    assert page.get_attribute("#microphone", "aria-pressed") == "false"
    assert page.get_attribute("#microphone", "aria-disabled") == "true"
    assert page.locator(".asked").count() == 0
    assert page.input_value("#text") == "Who are you?"

    state.turn_switch(False)
    page.check("#languages input[value=uk]", force=True)
    look(visitor, state)
    assert off.inner_text() == page.evaluate(TEXTS)["uk"]["switch.off"]

    state.turn_switch(True)
    look(visitor, state)
    assert off.is_hidden()
    page.check("#languages input[value=en]", force=True)
    visitor.say(SHORT)
    assert visitor.finished()["state"] == "done"


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_worst_day_fits_the_screen_and_can_be_read(visit: Visit, state: Server, width: int, scheme: Any) -> None:
    """Both emergencies, quality off and the switch off at once: no sideways scrolling, nothing cut off, all legible."""
    visitor = come(visit, state, viewport={"width": width, "height": 640}, color_scheme=scheme, reduced_motion="reduce")
    state.turns(broken())
    state.turns(mute())
    state.turn_switch(False, "Everything is being changed, and this will take until the evening at least.")
    visitor.page.check("#languages input[value=ru]", force=True)
    look(visitor, state)
    assert visitor.page.locator("#conditions .badge").count() == 2
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for control in ["#conditions", "#off", "#text", "#send", "#profiles"]:
        box = visitor.page.locator(control).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 640
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5
