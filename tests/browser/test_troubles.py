"""When things go wrong: it is said in words, with what to do, and no text is lost."""

from typing import Any

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Visit, Visitor
from tests.server import running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEXTS = "async () => { const { TEXTS } = await import('/code/words.js'); return TEXTS; }"


def test_a_reload_keeps_what_was_being_typed(visitor: Visitor) -> None:
    """The draft survives a reload, and is gone once its turn was answered."""
    visitor.page.fill("#text", "half a thou")
    visitor.page.reload()
    visitor.until("window._voiceStats?.().connection.state === 'open'")
    assert visitor.page.input_value("#text") == "half a thou"
    visitor.page.press("#text", "Enter")
    visitor.until("_voiceStats().turn.turn")
    visitor.page.reload()
    assert visitor.page.input_value("#text") == ""


def test_a_text_the_server_never_answered_comes_back_after_a_reload(visit: Visit) -> None:
    """What was sent while nobody answered is in the field again when the page is reloaded."""
    visitor = visit().open()
    visitor.page.route_web_socket("**/api/voice/ws", lambda _: None)
    visitor.page.reload()
    visitor.until("window._voiceStats?.().connection.state === 'open'")
    visitor.say("is anybody there")
    visitor.until("_voiceStats().turn.state === 'waiting'")
    visitor.page.reload()
    assert visitor.page.input_value("#text") == "is anybody there"


def test_an_error_is_told_in_words_with_what_to_do(visitor: Visitor) -> None:
    """The server refuses a text that is too long; the page says so in its own language and gives the text back."""
    visitor.page.check("#languages input[value=uk]", force=True)
    text = "дуже довго " * 3000
    visitor.say(text)
    visitor.until("document.querySelector('.trouble')")
    turn = visitor.finished()
    assert (turn["state"], turn["error"]["code"]) == ("failed", "too_large")
    trouble = visitor.page.locator(".trouble")
    assert trouble.get_attribute("role") == "alert"
    assert visitor.page.evaluate(TEXTS)["uk"]["error.too_large"] in trouble.inner_text()
    assert visitor.page.input_value("#text") == text.strip()
    visitor.page.fill("#text", "")
    trouble.get_by_role("button", name=visitor.page.evaluate(TEXTS)["uk"]["action.edit"]).click()
    assert visitor.page.input_value("#text") == text.strip()
    assert visitor.page.evaluate("document.activeElement.id") == "text"


def test_a_server_that_goes_away_is_noticed_and_found_again(visit: Visit) -> None:
    """When the connection breaks in mid-reply the page says so, offers to try again, and finds the server again."""
    slow = {"reply": "This sentence is spoken slowly. " * 30, "token_interval_s": 0.05}
    with running({"providers": {"models": ["scripted"], "scripted": slow}}) as other:
        visitor = visit(at=other)
        cut: list[Any] = []

        def through(socket: Any) -> None:
            socket.connect_to_server()
            cut.append(socket)

        visitor.page.route_web_socket("**/api/voice/ws", through)
        visitor.open()
        visitor.say("go on")
        visitor.until("_voiceStats().turn.state === 'speaking'")
        cut[-1].close(code=1011, reason="gone")
        assert visitor.finished()["error"]["code"] == "connection_lost"
        again = visitor.page.locator(".trouble button").first
        visitor.until("_voiceStats().connection.state === 'open'")
        assert visitor.stats["connection"]["reconnects"] == 1
        again.click()
        visitor.until("_voiceStats().turn.state === 'speaking'")
        assert visitor.page.locator(".asked").nth(1).inner_text() == "go on"
        visitor.page.keyboard.press("Escape")
        assert visitor.finished(2)["state"] == "interrupted"


def test_a_refusal_over_http_is_told_too(visit: Visit) -> None:
    """Without a socket an overloaded server answers 503 with a problem document; the page reads it."""
    visitor = visit(socket=False)

    def refuse(route: Route) -> None:
        problem = '{"type":"urn:segue:error:overloaded","title":"Service Unavailable","status":503,"code":"overloaded"}'
        route.fulfill(status=503, content_type="application/problem+json", body=problem)

    visitor.page.route("**/api/voice/chat/stream", refuse)
    visitor.page.goto(visitor.server.url)
    visitor.until("_voiceStats().connection.state === 'http'")
    visitor.say("hello")
    turn = visitor.finished()
    assert (turn["error"]["code"], turn["error"]["retryable"]) == ("overloaded", True)
    assert visitor.page.evaluate(TEXTS)["en"]["error.overloaded"] in visitor.page.locator(".trouble").inner_text()
    assert visitor.page.locator(".trouble button").count() == 2
    visitor.troubles[:] = [trouble for trouble in visitor.troubles if "503" not in trouble]
