"""The page of the keys: they are made, shown once, rotated and revoked there, with the keyboard alone too."""

from typing import Any

import httpx2
import pytest

from tests.browser.conftest import Visit, Visitor
from tests.server import RunningServer, bearer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def known(server: RunningServer, name: str) -> list[dict[str, Any]]:
    """What the server knows of the keys with this name, the newest first."""
    items: list[dict[str, Any]] = httpx2.get(f"{server.url}/api/keys", headers=server.headers).json()["items"]
    return [each for each in items if each["name"] == name]


def opens(server: RunningServer, key: str) -> bool:
    """Whether a key lets one in."""
    return httpx2.get(f"{server.url}/api/session", headers=bearer(key)).is_success


def row(visitor: Visitor, key: dict[str, Any]) -> str:
    """The selector of a key's row, once it is there."""
    selector = f"[data-key='{key['id']}'][data-state={key['state']}]"
    visitor.until(f'document.querySelector("{selector}")')
    return selector


def test_a_key_is_made_with_the_keyboard_and_shown_once(visit: Visit, server: RunningServer) -> None:
    """Its text opens what was chosen, can be copied, does not go by accident, and is nowhere once it was put away."""
    visitor = visit().sign_in().look("keys.html", "#table")
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.focus("#create")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "name"
    page.keyboard.type("Петро")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "audit:read"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    visitor.until("document.querySelector('#new-key')")
    text = page.inner_text("#new-key")
    page.keyboard.press("Escape")
    assert page.locator("#new-key").is_visible()
    page.click(".shown button")
    visitor.until("document.querySelector('.shown button').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == text
    session = httpx2.get(f"{server.url}/api/session", headers=bearer(text)).json()
    assert (session["name"], session["scopes"]) == ("Петро", ["audit:read", "read", "send"])
    page.click(".question .sure")
    visitor.until("!document.querySelector('dialog')")
    (key,) = known(server, "Петро")
    assert round((key["expires_at"] - key["created_at"]) / 86_400) == 90
    cells = page.locator(f"{row(visitor, key)} > *").all_inner_texts()
    assert cells[0].split() == ["Петро", key["id"]]
    assert cells[1].split() == ["audit:read", "read", "send"]
    assert cells[2] == "Good"
    assert cells[4] == "in 90 days"
    assert "The key of Петро is made." in page.inner_text("#toasts")
    assert text not in page.content()
    page.reload()
    row(visitor, key)
    assert text not in page.content()


def test_a_key_without_a_scope_is_not_asked_for(visit: Visit, server: RunningServer) -> None:
    """The question stays open and nothing is sent until at least one scope is chosen; leaving it makes nothing."""
    visitor = visit().sign_in().look("keys.html", "#table")
    page = visitor.page
    page.click("#create")
    page.fill("[name=name]", "nobody")
    page.uncheck("[value=send]")
    page.uncheck("[value=read]")
    page.click(".question .sure")
    assert page.evaluate("document.querySelector('.scopes input').validationMessage") == "Choose at least one."
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    visitor.until("!document.querySelector('dialog')")
    assert page.evaluate("document.activeElement.id") == "create"
    assert known(server, "nobody") == []


def test_a_rotated_key_leaves_the_old_one_for_as_long_as_was_chosen(visit: Visit, server: RunningServer) -> None:
    """With a day both open the door and the old one says until when; with none at all only the new one does."""
    first = server.made("rotated", "read")
    visitor = visit().sign_in().look("keys.html", "#table")
    page = visitor.page
    (key,) = known(server, "rotated")
    page.click(f"{row(visitor, key)} [data-verb=rotate]")
    page.click(".question .sure")
    second = page.inner_text("#new-key")
    page.click(".question .sure")
    new, old = known(server, "rotated")
    row(visitor, new)
    assert page.locator(f"{row(visitor, old)} td").nth(3).inner_text() in {"in 24 hours", "tomorrow"}
    assert opens(server, first)
    assert opens(server, second)
    page.click(f"{row(visitor, new)} [data-verb=rotate]")
    page.select_option("[name=overlap]", "0")
    page.click(".question .sure")
    visitor.until("document.querySelector('#new-key')")
    visitor.eventually(lambda: not opens(server, second))
    assert opens(server, page.inner_text("#new-key"))


def test_a_key_is_revoked_with_the_keyboard(visit: Visit, server: RunningServer) -> None:
    """Escape leaves it as it was; after the second try it opens nothing, and the focus is on its row."""
    text = server.made("leaver", "send")
    visitor = visit().sign_in().look("keys.html", "#table")
    page = visitor.page
    (key,) = known(server, "leaver")
    button = f"{row(visitor, key)} [data-verb=revoke]"
    page.focus(button)
    page.keyboard.press("Enter")
    assert "leaver" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    visitor.until("document.activeElement.dataset.verb === 'revoke'")
    assert opens(server, text)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Revoke now"
    page.keyboard.press("Enter")
    visitor.until("!document.querySelector('dialog')")
    visitor.eventually(lambda: not opens(server, text))
    shown = row(visitor, {**key, "state": "revoked"})
    assert page.locator(f"{shown} button").count() == 0
    assert page.evaluate("document.activeElement.closest('tr').dataset.key") == key["id"]


def test_what_the_server_declines_is_said_in_the_question(visit: Visit, server: RunningServer) -> None:
    """Somebody else revoked the key meanwhile: rotating it is refused where it was asked; then its row says so."""
    server.made("gone", "read")
    visitor = visit().sign_in().look("keys.html", "#table")
    (key,) = known(server, "gone")
    visitor.page.click(f"{row(visitor, key)} [data-verb=rotate]")
    assert httpx2.post(f"{server.url}/api/keys/{key['id']}/revoke", json={}, headers=server.headers).is_success
    visitor.page.click(".question .sure")
    visitor.until("!document.querySelector('.question .trouble').hidden")
    assert "revoked" in visitor.page.inner_text(".question .trouble [lang=en]")
    visitor.page.keyboard.press("Escape")
    visitor.until("document.activeElement.dataset.verb === 'rotate'")
    visitor.look_again()
    row(visitor, {**key, "state": "revoked"})
    assert visitor.page.evaluate("document.activeElement.closest('tr').dataset.key") == key["id"]
    assert [trouble for trouble in visitor.troubles if "400" not in trouble] == []
    visitor.troubles.clear()


def test_whoever_revokes_their_own_key_is_signed_out(visit: Visit, server: RunningServer) -> None:
    """The row says that it is one's own, the question says what follows, and then one is at the sign-in page."""
    visitor = visit().sign_in(server.made("self", "admin")).look("keys.html", "#table")
    (key,) = known(server, "self")
    assert "yours" in visitor.page.inner_text(row(visitor, key))
    assert visitor.page.locator(".own").count() == 1
    visitor.page.click(f"{row(visitor, key)} [data-verb=revoke]")
    assert "you are signed out at once" in visitor.page.inner_text("dialog")
    visitor.page.click(".question .sure")
    visitor.until("location.pathname === '/signin.html'")
    assert [trouble for trouble in visitor.troubles if "401" not in trouble] == []
    visitor.troubles.clear()
