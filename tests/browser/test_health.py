"""The page of the server's health: what the API says, by itself, and the switch of spoken replies."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.browser.conftest import Visit, Visitor
from tests.server import RunningServer, running
from tests.vendors import openai
from tests.vendors.openai_chat import ModelScript
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault
from tests.vendors.street import opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
"""What a tab does that comes to the front: it asks the server at once."""
WELL = "document.querySelector('#well')?.checkVisibility()"


def status(server: RunningServer) -> dict[str, Any]:
    """How replies are served, as the API says."""
    plain: dict[str, Any] = httpx2.get(f"{server.url}/api/voice/degradation_status").json()
    return plain


def turn_switch(server: RunningServer, enabled: bool, reason: str = "") -> None:
    """Somebody else turns the switch."""
    body = {"enabled": enabled, "reason": reason}
    assert httpx2.post(f"{server.url}/api/voice/switch", json=body, headers=server.headers).is_success


def come(visit: Visit, at: RunningServer, key: str | None = None, **options: Any) -> Visitor:
    """Somebody signed in who looks at the health of this server."""
    visitor = visit(at=at, **options).sign_in(key).look("health.html")
    visitor.until(WELL)
    return visitor


@pytest.fixture(scope="module", autouse=True)
def troubled() -> Iterator[RunningServer]:
    """A server whose first model refuses every call, after a few turns."""
    with opened() as street:
        url = street.open(openai.serving(ModelScript(fault=Fault.SERVER)))
        account = {"vendor": "openai-model", "model": "small-1", "key": KEY, "url": url}
        providers = {
            "named": {"writer": account},
            "models": ["writer"],
            "synthesizers": ["scripted"],
            "recognizers": [],
        }
        with running({"providers": providers, "voice": {"degradation": {"enter_s": 0}}}) as server:
            for number in range(7):
                ask = {"text": "Hello", "language": "en", "listener": f"listener-{number}"}
                httpx2.post(f"{server.url}/api/voice/chat/stream", json=ask)
            yield server


def test_a_server_that_is_new_claims_nothing(visit: Visit, gateway: RunningServer) -> None:
    """Figures, limits, providers, their order and the promises are those of the API, in its own figures."""
    visitor = come(visit, gateway)
    page = visitor.page
    said = status(gateway)
    for axis in ["model", "synthesis"]:
        card = page.locator(f"[data-axis={axis}]")
        assert card.locator(".word").get_attribute("data-state") == said["axes"][axis]["state"]
        assert card.locator(".says").inner_text() == said["axes"][axis]["reason"]
    limits = page.locator("[data-axis=model] .limit").all_inner_texts()
    assert limits == ["slow over 5 s", "fast mode over 8 s", "emergency over 10 %", "emergency over 5"]
    providers = httpx2.get(f"{gateway.url}/api/providers", headers=gateway.headers).json()
    rows = page.locator("#providers tr")
    assert [(row.get_attribute("data-role"), row.get_attribute("data-provider")) for row in rows.all()] == [
        (each["role"], each["name"]) for each in providers["items"]
    ]
    assert page.locator("#promises tbody tr").count() == len(said["profiles"]["fast"])
    assert page.locator("#unready").is_hidden()
    page.check("#languages input[value=uk]", force=True)
    assert page.inner_text("h1") == "Стан"
    assert "повільно: понад 5 с" in page.inner_text("[data-axis=model]")


def test_failures_are_told_with_their_limits_and_the_provider_s_own_words(
    visit: Visit, troubled: RunningServer
) -> None:
    """The state, the figure that is over its limit, the change that led there, the breaker and the last failure."""
    visitor = come(visit, troubled)
    page = visitor.page
    visitor.eventually(lambda: status(troubled)["axes"]["model"]["state"] == "emergency")
    page.evaluate(LOOK)
    visitor.until("document.querySelector('[data-axis=model] .word').dataset.state === 'emergency'")
    said = status(troubled)
    assert page.inner_text("[data-axis=model] .word") == "emergency"
    assert page.inner_text("[data-axis=model] .says") == said["axes"]["model"]["reason"]
    over = page.locator("[data-axis=model] .limit[data-passed=yes]").all_inner_texts()
    assert "emergency over 5" in over
    assert page.locator("#changes li").count() == len(said["changes"])
    assert page.locator("#changes li .says").first.inner_text() == said["changes"][0]["reason"]
    (writer,) = [
        each
        for each in httpx2.get(f"{troubled.url}/api/providers", headers=troubled.headers).json()["items"]
        if each["name"] == "writer"
    ]
    row = page.locator("[data-provider=writer]")
    assert row.locator("td .verbatim").last.inner_text() == writer["last_error"]["message"]
    assert "its own fault" in row.inner_text()
    assert f"{writer['calls']}, failed: {writer['failures']}" in row.inner_text()


def test_the_page_asks_by_itself_and_leaves_the_focus_where_it_is(visit: Visit, gateway: RunningServer) -> None:
    """Every five seconds while it is seen; what changed is shown, and told, and the button keeps its focus."""
    visitor = visit(at=gateway).sign_in()
    page = visitor.page
    page.clock.install()
    page.goto(f"{gateway.url}/health.html")
    visitor.until(WELL)
    page.focus("#turn")
    page.evaluate("window.same = document.querySelector('[data-axis=model]')")
    try:
        turn_switch(gateway, False, "The voices are being changed.")
        page.clock.run_for(5_000)
        visitor.until("document.querySelector('#switch-word').dataset.tone === 'bad'")
        assert page.inner_text("#switch-says .verbatim") == "The voices are being changed."
        assert page.inner_text("#turn") == "Switch on…"
        assert page.evaluate("document.activeElement.id") == "turn"
    finally:
        turn_switch(gateway, True)
    page.route("**/api/providers", lambda route: route.abort())
    page.clock.run_for(5_000)
    visitor.until("document.querySelector('#heard').dataset.state === 'lost'")
    assert "did not answer" in page.inner_text("#lost")
    page.unroute("**/api/providers")
    page.clock.run_for(5_000)
    visitor.until("document.querySelector('#heard').dataset.state === 'live'")
    assert page.locator("#lost").is_hidden()
    visitor.troubles[:] = [trouble for trouble in visitor.troubles if "ERR_FAILED" not in trouble]


def test_the_switch_is_turned_with_a_reason_and_stands_in_the_audit(visit: Visit, gateway: RunningServer) -> None:
    """Off takes a reason, which those who are refused read; on again takes none; both are entries with the name."""
    visitor = come(visit, gateway)
    page = visitor.page
    page.focus("#turn")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").count() == 1, "not without a reason"
    page.fill("[name=reason]", "The voices are being changed.")
    try:
        page.click(".question .sure")
        visitor.until("document.querySelector('#switch-word').dataset.tone === 'bad'")
        said = status(gateway)["switch"]
        assert (said["enabled"], said["reason"]) == (False, "The voices are being changed.")
        page.click("#turn")
        page.click(".question .sure")
        visitor.until("document.querySelector('#switch-word').dataset.tone === 'good'")
        assert status(gateway)["switch"]["enabled"]
    finally:
        turn_switch(gateway, True)
    query = {"action": "switch.turn", "limit": 3}
    entries = httpx2.get(f"{gateway.url}/api/audit", params=query, headers=gateway.headers).json()["items"]
    assert {entry["actor"] for entry in entries} == {"admin"}


def test_without_the_scope_the_switch_says_why(visit: Visit, gateway: RunningServer) -> None:
    """It can be reached, describes itself by the reason, and a click asks nothing."""
    visitor = come(visit, gateway, gateway.made("watcher", "read"))
    button = visitor.page.locator("#turn")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("aria-describedby") == "turn-why"
    assert "rollout:write" in visitor.page.inner_text("#turn-why")
    button.click(force=True)
    assert visitor.page.locator("dialog").count() == 0


def test_on_a_narrow_screen_everything_is_there(visit: Visit, troubled: RunningServer) -> None:
    """Nothing has to be scrolled sideways, in trouble too, and in the longest of the four languages."""
    visitor = come(visit, troubled, viewport={"width": 320, "height": 640}, locale="ru-RU")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ["[data-axis=synthesis]", "#switch", "#providers", "#promises", "#changes"]:
        assert visitor.page.locator(part).is_visible()
