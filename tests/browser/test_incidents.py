"""The page of the incidents: one is opened there, written down, mitigated and closed, and it says whom to tell."""

import httpx2
import pytest

from tests.browser.conftest import Visit
from tests.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_an_incident_goes_from_open_to_closed(visit: Visit, server: RunningServer) -> None:
    """What is filled in arrives, the card follows each deed, and the focus stays on its incident."""
    visitor = visit().sign_in().look("incidents.html", "#create")
    page = visitor.page
    page.click("#create")
    page.keyboard.type("Replies <b>begin</b> late")
    page.fill("input[name=services]", "voice, chats")
    page.click(".question .sure")
    visitor.until("document.querySelector('.incident[data-state=open]')")
    told = page.inner_text(".incident")
    assert "Replies <b>begin</b> late" in told
    assert "voice, chats" in told
    assert page.locator(".incident .due li").count() == 3
    assert page.locator(".incident .due [data-tone=bad]").count() == 1
    page.click("[data-verb=note]")
    page.keyboard.type("Provider switched off")
    page.select_option("select[name=severity]", "critical")
    page.click(".question .sure")
    visitor.until("document.querySelector('.incident .notes')?.textContent.includes('switched off')")
    page.click("[data-verb=mitigate]")
    page.keyboard.type("Back on the old voice")
    page.select_option("select[name=level]", "1")
    page.click(".question .sure")
    visitor.until("document.querySelector('.incident[data-state=mitigated]')")
    visitor.until("document.activeElement.closest('.incident') !== null")
    assert page.locator(".incident .due").count() == 0
    page.click("[data-verb=close]")
    page.keyboard.type("DNS of the vendor")
    page.fill("textarea[name=text]", "All quiet")
    page.click(".question .sure")
    visitor.until("document.querySelector('.incident[data-state=closed]')")
    assert page.locator("[data-verb]").count() == 1
    (kept,) = httpx2.get(f"{server.url}/api/incidents", headers=server.headers).json()["items"]
    assert (kept["state"], kept["severity"], kept["cause"]) == ("closed", "critical", "DNS of the vendor")
    assert [note["text"] for note in kept["notes"]] == ["Provider switched off", "Back on the old voice", "All quiet"]


def test_whoever_only_reads_sees_no_buttons(visit: Visit, server: RunningServer) -> None:
    """With `read` alone incidents are shown, and nothing offers to change them."""
    httpx2.post(f"{server.url}/api/incidents", json={"title": "Seen"}, headers=server.headers).raise_for_status()
    visitor = visit().sign_in(server.made("looker", "read")).look("incidents.html", ".incident")
    assert visitor.page.locator("#create:visible, [data-verb]").count() == 0
