"""The page of the chats: a message is sent once whatever happens, and its reply appears, is heard, and comes back.

The server's first model writes slowly, so that things can happen meanwhile; its other one stands for a vendor that can
be told to fail.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.browser.conftest import Visit, Visitor
from tests.relay import relayed
from tests.server import RunningServer, running
from tests.vendors import openai
from tests.vendors.openai_chat import ModelScript
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault
from tests.vendors.street import opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPLY = "Good <b>morning</b> to **you**. This is the second sentence, a little longer than the first one. That is all."
ASKED = "Is this <i>it</i>?\nI hope so."
READY = "document.body?.dataset.ready"
SENDS = "JSON.parse(sessionStorage.getItem('segue.sends') ?? '[]')"
DONE = "document.querySelector('.reply:last-of-type')?.dataset.state === 'done'"
WRITING = "(text => text.length > 5 && text.length < 60)(document.querySelector('.reply .words')?.textContent ?? '')"


@dataclass(frozen=True)
class Chatty:
    """A Segue whose fast profile writes slowly, and whose other one does as it is told."""

    server: RunningServer
    model: ModelScript

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        """Post to the API, which must accept it."""
        headers = {**self.server.headers, **({"Idempotency-Key": key} if key else {})}
        answer = httpx2.post(f"{self.server.url}{path}", json=body, headers=headers, timeout=30)
        assert answer.is_success, answer.text
        plain: dict[str, Any] = answer.json()
        return plain

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """What the API says."""
        plain: dict[str, Any] = httpx2.get(self.server.url + path, params=query, headers=self.server.headers).json()
        return plain

    def said(self, visitor: Visitor) -> list[tuple[str, str]]:
        """Who said what in the chat that the visitor has open, as the API says, oldest first."""
        chat = visitor.page.evaluate("decodeURIComponent(location.hash.slice(2))")
        items = self.get(f"/api/chats/{chat}/messages", order="asc", limit=500)["items"]
        return [(each["role"], each["text"]) for each in items]

    def told(self, number: int) -> dict[str, Any]:
        """A chat with so many messages, each with its reply."""
        chat = self.post("/api/chats", {"title": f"A chat of {number} messages"})
        for each in range(number):
            path = f"/api/chats/{chat['id']}/send"
            self.post(path, {"text": f"Message {each}", "profile": "quality"}, key=f"{chat['id']}-{each}")
        return chat


@pytest.fixture(scope="module", autouse=True)
def chatty() -> Iterator[Chatty]:
    """One server for all of these tests; there is a second node that nobody answers for."""
    model = ModelScript(tokens=("Short", " and", " quick", "."))
    with opened() as street, closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen: whoever calls is refused
        east = {"url": f"http://127.0.0.1:{nobody.getsockname()[1]}", "key": "seg_dev_of_another_node"}
        account = {"vendor": "openai-model", "model": "small-1", "key": KEY, "url": street.open(openai.serving(model))}
        often = {"per_s": 1000, "burst": 1000}
        config = {
            "providers": {
                "named": {"writer": account},
                "models": ["scripted"],
                "synthesizers": ["scripted"],
                "recognizers": [],
                "scripted": {"reply": REPLY, "token_interval_s": 0.04, "ms_per_character": 15.0},
            },
            "voice": {"profiles": {"quality": {"models": ["writer"]}}, "breaker": {"in_a_row": 1000, "least": 1000}},
            "rate_limits": {"chat": often, "operator": often, "operator_runs": 2},
            "console": {"nodes": {"east": east}},
        }
        with running(config) as server:
            yield Chatty(server, model)


@pytest.fixture(autouse=True)
def well(chatty: Chatty) -> None:
    """Whatever failed before does so no more."""
    chatty.model.fault, chatty.model.after, chatty.model.calls = None, 0, None


def come(visit: Visit, chatty: Chatty, path: str = "chats.html", key: str | None = None, **options: Any) -> Visitor:
    """Somebody signed in who has just opened the page."""
    visitor = visit(at=chatty.server, **options).sign_in(key).look(path)
    visitor.until(READY)
    return visitor


def test_the_first_message_opens_a_chat_and_its_reply_appears_as_it_is_written(visit: Visit, chatty: Chatty) -> None:
    """Text grows before it is whole; it is shown as it was written, told once it is there, and sent once."""
    visitor = come(visit, chatty)
    page = visitor.page
    visitor.say(ASKED)
    visitor.until(WRITING, "a part of the reply")
    assert page.locator(".reply").get_attribute("aria-busy") == "true"
    visitor.until(DONE)
    assert page.locator(".reply").get_attribute("aria-busy") is None
    assert page.inner_text(".reply .words") == REPLY
    assert page.inner_text(".asked .words") == ASKED
    assert page.inner_text("#told") == REPLY
    assert chatty.said(visitor) == [("user", ASKED), ("assistant", REPLY)]
    assert page.inner_text("#title") == page.inner_text("#chats [aria-current] .chat-title") == "Is this <i>it</i>?"
    assert page.locator("#log i, #log b, #chats i").count() == 0
    assert page.evaluate(SENDS) == []
    assert page.locator(".day").count() == 1


def test_a_page_that_is_loaded_again_sends_nothing_twice(visit: Visit, chatty: Chatty) -> None:
    """In the middle of a reply: the same message with its reply, whole, one of each, and nothing left to be sent."""
    visitor = come(visit, chatty)
    visitor.say("Tell me.")
    visitor.until(WRITING, "a part of the reply")
    visitor.page.reload()
    visitor.until(f"{READY} && {DONE}")
    assert visitor.page.locator(".asked .words").all_inner_texts() == ["Tell me."]
    assert visitor.page.locator(".reply .words").all_inner_texts() == [REPLY]
    assert chatty.said(visitor) == [("user", "Tell me."), ("assistant", REPLY)]
    visitor.until(f"{SENDS}.length === 0")


def test_whoever_must_sign_in_again_goes_on_where_they_were(visit: Visit, chatty: Chatty) -> None:
    """The session is over when a message is sent: after signing in it goes out by itself, once, to its chat."""
    chat = chatty.told(1)
    visitor = come(visit, chatty, f"chats.html#/{chat['id']}")
    page = visitor.page
    page.context.clear_cookies()
    visitor.say("Still there?")
    visitor.until("document.activeElement?.id === 'key'")
    assert chatty.get(f"/api/chats/{chat['id']}/messages")["items"][0]["text"] == "Short and quick."
    page.fill("#key", chatty.server.key)
    page.keyboard.press("Enter")
    visitor.until(f"location.pathname === '/chats.html' && {READY} && document.querySelectorAll('.reply').length === 2")
    visitor.until(DONE)
    assert chatty.said(visitor)[2:] == [("user", "Still there?"), ("assistant", REPLY)]
    visitor.troubles[:] = [each for each in visitor.troubles if "401" not in each]


def test_a_line_that_breaks_loses_nothing(visit: Visit, chatty: Chatty) -> None:
    """Cut in the middle of a reply, and again before a message is accepted: both are said once, and it says so."""
    with relayed(chatty.server.url) as relay:
        visitor = visit(at=chatty.server)
        answer = visitor.page.request.post(f"{relay.url}/api/session", data={"key": chatty.server.key})
        assert answer.ok
        visitor.page.goto(f"{relay.url}/chats.html")
        visitor.until(READY)
        visitor.say("Tell me.")
        visitor.until(WRITING, "a part of the reply")
        relay.cut()
        visitor.until("document.querySelector('.reply')?.dataset.state === 'lost'")
        assert "page fetches it" in visitor.page.inner_text(".reply .foot")
        relay.mend()
        visitor.until(DONE)
        assert visitor.page.inner_text(".reply .words") == REPLY
        relay.cut()
        visitor.say("And more.")
        visitor.until("[...document.querySelectorAll('.reply')].at(-1).dataset.state === 'lost'")
        relay.mend()
        visitor.until(f"document.querySelectorAll('.reply').length === 2 && {DONE}")
        said = [("user", "Tell me."), ("assistant", REPLY), ("user", "And more."), ("assistant", REPLY)]
        assert chatty.said(visitor) == said
        assert visitor.stats["connection"]["reconnects"] == 2
        visitor.page.goto("about:blank")
    visitor.troubles[:] = [each for each in visitor.troubles if "net::ERR_" not in each]


def test_a_reply_is_spoken_while_it_is_written_and_falls_silent(visit: Visit, chatty: Chatty) -> None:
    """It is heard through the worklet and reported once; Esc silences the next one, whose text is still finished."""
    visitor = come(visit, chatty)
    page = visitor.page
    reports: list[str] = []
    page.on("request", lambda request: reports.append(request.url) if "/api/telemetry/" in request.url else None)
    page.check("#speak")
    visitor.say("Say it aloud.")
    visitor.until("_voiceStats().turn?.state === 'speaking'")
    assert page.inner_text("#status") == "Speaking"
    first = visitor.finished()
    assert (first["state"], first["player"], first["provider"]) == ("done", "worklet", "scripted")
    assert first["played_s"] == pytest.approx(first["received_s"])
    assert first["received_s"] > 1
    assert page.locator("#stop").is_hidden()
    visitor.say("And again.")
    visitor.until("_voiceStats().turn.generation === 2 && _voiceStats().turn.state === 'speaking'")
    page.keyboard.press("Escape")
    assert visitor.finished(2)["state"] == "interrupted"
    visitor.until(f"document.querySelectorAll('.reply').length === 2 && {DONE}")
    assert page.locator(".reply .words").all_inner_texts() == [REPLY, REPLY]
    visitor.eventually(lambda: len(reports) == 2)
    assert visitor.stats["totals"]["reports_sent"] == 2
    turns = chatty.get("/api/turns", limit=2)["items"]
    assert [turn["turn"] for turn in turns][1] == first["turn"]


CUT_UP = """
async ({ sent, after }) => {
  // The stream cut in two at every byte: what comes of it must be the same wherever that is.
  const { events } = await import("/code/chats/events.js");
  const { Reply } = await import("/code/chats/reply.js");
  const bytes = new TextEncoder().encode(sent);
  const told = new Set();
  for (let at = 0; at <= bytes.length; at += 1) {
    const pieces = [bytes.slice(0, at), bytes.slice(at)];
    const start = (control) => {
      for (const piece of pieces) control.enqueue(piece);
      control.close();
    };
    const body = new ReadableStream({ start });
    const reply = new Reply({ key: "k", chat: "c", body: { text: "?" }, at: 0 });
    for await (const event of events(body)) reply.take(event);
    const first = [reply.state, reply.text, reply.attempt, reply.seq];
    reply.again();
    for (const event of after) reply.take(event);
    told.add(JSON.stringify([first, [reply.state, reply.text, reply.attempt, reply.error]]));
  }
  return [...told];
}
"""


def test_a_run_is_understood_however_it_is_cut_and_told_again(visit: Visit, chatty: Chatty) -> None:
    """Two attempts: what the first one said is forgotten, what is told twice counts once, and the last word counts."""
    sent = (
        ': still here\r\n\r\nid: 1\nevent: run\ndata: {"seq":1,"run":"r","message":"m","attempt":1}\n\n'
        'id: 2\r\nevent: text\r\ndata: {"seq":2,\r\ndata: "text":"До"}\r\n\r\n'
        'id: 3\nevent: error\ndata: {"seq":3,"code":"provider_failed","message":"","retryable":true}\n\n'
        'id: 4\nevent: text\ndata: {"seq":4,"text":"not sent whole"}\n'
    )
    again: list[dict[str, Any]] = [
        {"seq": 1, "kind": "run", "data": {"run": "r", "message": "m", "attempt": 1}},
        {"seq": 2, "kind": "text", "data": {"text": "До"}},
        {"seq": 3, "kind": "error", "data": {"code": "provider_failed", "retryable": True}},
        {"seq": 4, "kind": "restarted", "data": {"attempt": 2}},
        {"seq": 5, "kind": "run", "data": {"run": "r", "message": "m", "attempt": 2}},
        {"seq": 6, "kind": "text", "data": {"text": "Добрий "}},
        {"seq": 6, "kind": "text", "data": {"text": "Добрий "}},
        {"seq": 6, "kind": "degraded", "data": {"reason": "audio_gone"}},
        {"seq": 7, "kind": "text", "data": {"text": "ранок"}},
    ]
    visitor = visit(at=chatty.server)
    visitor.page.goto(f"{chatty.server.url}/signin.html")
    visitor.until("document.activeElement?.id === 'key'")
    told = visitor.page.evaluate(CUT_UP, {"sent": sent, "after": again})
    assert [json.loads(each) for each in told] == [
        [["failed", "До", 1, 3], ["writing", "Добрий ранок", 2, None]],
    ]
    visitor.troubles[:] = [each for each in visitor.troubles if "401" not in each]


def test_what_failed_is_tried_again_with_the_same_key(visit: Visit, chatty: Chatty) -> None:
    """The error in words and the vendor's own, a button, and after it one message with one reply."""
    visitor = come(visit, chatty)
    page = visitor.page
    chatty.model.fault = Fault.SERVER
    page.check("#profiles input[value=quality]", force=True)
    keys: list[str] = []
    page.on(
        "request",
        lambda request: keys.append(request.headers["idempotency-key"]) if request.url.endswith("/send") else None,
    )
    visitor.say("Try this.")
    visitor.until("document.querySelector('.trouble')")
    assert page.inner_text(".trouble p").startswith("A provider behind the server failed.")
    assert "500" in page.inner_text(".trouble .detail")
    page.reload()
    visitor.until(f"{READY} && document.querySelector('.trouble')")
    assert page.locator(".asked").count() == page.locator(".trouble").count() == 1
    chatty.model.fault = None
    page.focus(".trouble button")
    page.keyboard.press("Enter")
    visitor.until(DONE)
    assert page.locator(".trouble").count() == 0
    assert page.inner_text(".reply .words") == "Short and quick."
    assert chatty.said(visitor) == [("user", "Try this."), ("assistant", "Short and quick.")]
    assert len(set(keys)) == 1
    assert page.evaluate(SENDS) == []


def test_too_many_at_once_wait_for_their_turn_or_are_taken_back(visit: Visit, chatty: Chatty) -> None:
    """The third reply under way waits as long as the server says, counting down; one that is taken back is not sent."""
    visitor = come(visit, chatty)
    page = visitor.page
    for number in range(4):
        visitor.say(f"Message {number}.")
        visitor.until(f"{SENDS}.length === {number + 1}")
    visitor.until("document.querySelectorAll('[data-state=limited]').length === 2")
    assert "goes out in" in page.locator("[data-state=limited] .foot").first.inner_text()
    page.locator("[data-state=limited] button").last.click()
    assert page.input_value("#text") == "Message 3."
    visitor.until(f"document.querySelectorAll('.reply[data-state=done]').length === 3 && {SENDS}.length === 0")
    said = [text for role, text in chatty.said(visitor) if role == "user"]
    assert sorted(said) == [f"Message {each}." for each in range(3)]  # which of those sent at once waits is chance
    assert page.locator(".asked").count() == 3
    visitor.troubles[:] = [each for each in visitor.troubles if "429" not in each]


def test_earlier_messages_come_when_asked_for_and_a_chat_goes_when_removed(visit: Visit, chatty: Chatty) -> None:
    """Fifty at first, then the others above them, each once, the eye where it was; removed only after a question."""
    chat = chatty.told(26)
    visitor = come(visit, chatty, f"chats.html#/{chat['id']}")
    page = visitor.page
    visitor.until("document.querySelectorAll('#log article').length === 50")
    top = "document.querySelector('#log article').getBoundingClientRect().top"
    page.evaluate("document.querySelector('#scroll').scrollTop = 0")
    page.focus("#earlier")
    before = page.evaluate(f"window.first = document.querySelector('#log article'), {top}")
    page.keyboard.press("Enter")
    visitor.until("document.querySelectorAll('#log article').length === 52")
    assert page.evaluate("window.first.getBoundingClientRect().top") == pytest.approx(before, abs=60)
    assert page.locator(".asked .words").all_inner_texts() == [f"Message {number}" for number in range(26)]
    assert page.locator("#earlier").is_hidden()
    page.click("#remove")
    page.keyboard.press("Escape")
    visitor.until("!document.querySelector('dialog')")
    assert chatty.get(f"/api/chats/{chat['id']}")["title"] == chat["title"]
    page.click("#remove")
    page.click(".question .sure")
    visitor.until("document.querySelector('#toasts .toast')")
    assert chatty.get(f"/api/chats/{chat['id']}")["code"] == "unknown_chat"
    assert page.locator(f"#chats [href*='{chat['id'][-12:]}']").count() == 0
    page.goto(f"{chatty.server.url}/chats.html#/{chat['id']}")
    page.reload()
    visitor.until("document.querySelector('#gone')?.checkVisibility()")
    assert page.locator("#text").is_hidden()
    visitor.troubles[:] = [each for each in visitor.troubles if "404" not in each]


def test_what_others_say_appears_by_itself(visit: Visit, chatty: Chatty) -> None:
    """A message sent over the API to the open chat, and its reply while it is made, without a reload and once each."""
    chat = chatty.told(1)
    visitor = visit(at=chatty.server).sign_in()
    page = visitor.page
    page.clock.install()
    page.goto(f"{chatty.server.url}/chats.html#/{chat['id']}")
    visitor.until(READY)
    headers = {**chatty.server.headers, "Idempotency-Key": "from elsewhere", "Prefer": "respond-async"}
    path = f"{chatty.server.url}/api/chats/{chat['id']}/send"
    assert httpx2.post(path, json={"text": "Me too."}, headers=headers).status_code == 202
    page.clock.run_for(10_000)
    visitor.until("document.querySelectorAll('.asked').length === 2 && document.querySelector('[aria-busy]')")
    visitor.until(f"document.querySelectorAll('.reply').length === 2 && {DONE}")
    page.clock.run_for(10_000)
    assert page.locator(".reply .words").all_inner_texts() == ["Short and quick.", REPLY]


def test_a_node_that_does_not_answer_is_named(visit: Visit, chatty: Chatty) -> None:
    """Its chats cannot be listed, and a first message to it comes back to its writer; nothing goes to another node."""
    visitor = come(visit, chatty, "chats.html?node=east")
    page = visitor.page
    visitor.until("document.querySelector('#chats .alert')")
    assert "east" in page.inner_text("#chats .alert")
    before = len(chatty.get("/api/chats", limit=500)["items"])
    visitor.say("Is anybody there?")
    visitor.until("document.querySelector('#notice')?.checkVisibility()")
    assert "east" in page.inner_text("#notice")
    assert page.input_value("#text") == "Is anybody there?"
    assert len(chatty.get("/api/chats", limit=500)["items"]) == before
    page.select_option("#node", "")
    visitor.until("document.querySelector('#chats a, #none:not([hidden])')")
    assert "node=" not in page.url
    visitor.troubles[:] = [each for each in visitor.troubles if "503" not in each]


def test_a_key_that_may_only_read_reads(visit: Visit, chatty: Chatty) -> None:
    """The chat is there with its messages; nothing can be sent or removed, and the page says why."""
    chat = chatty.told(1)
    reader = chatty.server.made(f"reader {time.monotonic_ns()}", "read")
    visitor = come(visit, chatty, f"chats.html#/{chat['id']}", reader)
    page = visitor.page
    visitor.until("document.querySelectorAll('#log article').length === 2")
    assert "send" in page.inner_text("#unsent")
    page.fill("#text", "May I?")
    assert page.locator("#send").is_disabled()
    page.press("#text", "Enter")
    assert page.locator("#remove").is_hidden()
    assert len(chatty.said(visitor)) == 2


def test_on_a_narrow_screen_the_list_or_one_chat_is_shown(visit: Visit, chatty: Chatty) -> None:
    """From the list into a chat and back, with nothing to be scrolled sideways and the composer on the screen."""
    chat = chatty.told(1)
    visitor = come(visit, chatty, viewport={"width": 320, "height": 640}, locale="uk")
    page = visitor.page
    assert page.locator("#text").is_hidden()
    page.click(f"#chats a[href='#/{chat['id']}']")
    visitor.until("document.querySelectorAll('#log article').length === 2")
    assert page.locator("#chats").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for control in ["#text", "#send", "#speak", "#remove", ".back"]:
        box = page.locator(control).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 320
        assert box["y"] + box["height"] <= 640
    page.click(".back")
    visitor.until("document.querySelector('#chats').checkVisibility()")
    assert page.locator("#text").is_hidden()
