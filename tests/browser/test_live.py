"""The switches of the providers and the history of the live settings, on the page of the server's health."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Visit, Visitor
from tests.server import RunningServer, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTINGS = "/api/settings"
ROW = "#providers tr[data-provider=espeak]"


@pytest.fixture(scope="module")
def two() -> Iterator[RunningServer]:
    """A server with two synthesizers."""
    chain = {"models": ["offline"], "synthesizers": ["scripted", "espeak"], "recognizers": []}
    providers = {**chain, "espeak": {"workers": 1}}
    with running({"providers": providers, "voice": {"languages": ["en"]}}) as server:
        yield server


def come(visit: Visit, at: RunningServer, key: str | None = None, **options: Any) -> Visitor:
    """Somebody signed in who looks at the health of this server."""
    visitor = visit(at=at, **options).sign_in(key).look("health.html")
    visitor.until("document.querySelector('#well')?.checkVisibility()")
    return visitor


def live(server: RunningServer) -> dict[str, Any]:
    """The live settings in force, as the API says."""
    with server.client() as client:
        plain: dict[str, Any] = client.get(SETTINGS).json()
        return plain


def test_a_provider_is_switched_off_on_and_off_again(visit: Visit, two: RunningServer) -> None:
    """Off takes a reason, which is shown; on again likewise; the history has each, and one is put in force again."""
    page = come(visit, two).page
    assert page.locator("#unaltered").is_visible()
    page.click(f"{ROW} button")
    page.click("dialog button[type=submit]")
    assert page.locator("dialog").is_visible()  # without a reason it is not sent
    page.fill("dialog textarea", "it\nbuzzes")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f"{ROW} button[data-verb=on]")
    assert live(two)["live"]["off"] == {"espeak": "it buzzes"}
    row = page.locator(ROW).inner_text()
    assert ("switched off" in row, "it buzzes" in row) == (True, True)

    page.click(f"{ROW} button")
    page.fill("dialog textarea", "quiet again")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f"{ROW} button[data-verb=off]")
    assert (live(two)["version"], live(two)["live"]["off"]) == (2, {})

    page.click("#versions button[data-version='1']")
    assert "espeak off: it buzzes" in page.locator("#question-text").inner_text()
    page.fill("dialog textarea", "it buzzes once more")
    page.click("dialog button[type=submit]")
    page.wait_for_selector(f"{ROW} button[data-verb=on]")
    assert (live(two)["version"], live(two)["reason"]) == (3, "it buzzes once more")
    assert "in force" in page.locator("#versions li").first.inner_text()


def test_whoever_comes_late_is_told_and_then_shown(visit: Visit, two: RunningServer) -> None:
    """Where somebody changed the settings meanwhile the question says so; left, the page shows what is in force."""
    visitor = come(visit, two)
    page = visitor.page
    page.click("#providers tr[data-provider=scripted] button")
    with two.client() as client:
        body = {"base": live(two)["version"], "live": {"off": {}, "first": {}}, "reason": "quicker"}
        assert client.put(SETTINGS, json=body).status_code == 200
    page.fill("dialog textarea", "later")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("dialog .trouble:not([hidden])")
    page.keyboard.press("Escape")
    page.wait_for_selector("#versions li:first-child:has-text('quicker')")
    visitor.troubles[:] = [each for each in visitor.troubles if "409" not in each]


def test_whoever_may_only_look_has_no_switch(visit: Visit, two: RunningServer) -> None:
    """The history is told to whoever reads; the switches are not shown, and it is said which scope is missing."""
    page = come(visit, two, two.made("reader", "read")).page
    assert page.locator("#providers button, #versions button").count() == 0
    assert "rollout:write" in page.locator("#live-locked").inner_text()
