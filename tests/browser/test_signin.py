"""Signing in on the page: a key lets one in, and leads back to where one wanted to go."""

import httpx2
import pytest

from tests.browser.conftest import Visit
from tests.server import RunningServer, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COOKIE = "segue_session"


def test_a_page_of_the_operators_leads_to_sign_in_and_back(visit: Visit, server: RunningServer) -> None:
    """Nobody sees it without a key; with one they are where they wanted to be, with what stood in the address."""
    visitor = visit()
    page = visitor.page
    page.goto(f"{server.url}/rollout.html?some=query#/nobody")
    visitor.until("location.pathname === '/signin.html' && document.activeElement?.id === 'key'")
    assert page.locator(".operator").count() == 0
    page.keyboard.insert_text(f"  {server.made('olena', 'read')}\n")
    page.keyboard.press("Enter")
    visitor.until("document.querySelector('.operator')?.textContent === 'olena'")
    assert page.url == f"{server.url}/rollout.html?some=query#/nobody"
    (cookie,) = [each for each in page.context.cookies() if each["name"].startswith(COOKIE)]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])").find("seg_") == -1
    assert [each for each in visitor.troubles if "401" not in each and "404" not in each] == []
    visitor.troubles.clear()


def test_a_key_that_is_not_good_is_told_in_words(visit: Visit, server: RunningServer) -> None:
    """The field is named and keeps the focus, the sentence is an alert, and the key can be looked at."""
    visitor = visit()
    page = visitor.page
    page.goto(f"{server.url}/signin.html")
    page.fill("#key", server.key[:-1] + ("a" if server.key[-1] != "a" else "b"))
    page.press("#key", "Enter")
    visitor.until("!document.querySelector('#trouble').hidden")
    assert page.inner_text("#trouble").startswith("This key does not let you in. This is not a key, or it is mistyped")
    assert page.get_attribute("#trouble", "role") == "alert"
    assert page.get_attribute("#key", "aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "key"
    assert page.get_attribute("#key", "type") == "password"
    page.click("#show")
    assert page.get_attribute("#key", "type") == "text"
    assert page.get_attribute("#show", "aria-pressed") == "true"
    page.check("#languages input[value=zh]", force=True)
    page.fill("#key", server.key)
    page.click("#enter")
    visitor.until("document.querySelector('.operator')")
    assert [each for each in visitor.troubles if "401" not in each] == []
    visitor.troubles.clear()


def test_nobody_is_led_to_another_server(visit: Visit, server: RunningServer) -> None:
    """Whatever `next` says, one stays on the server whose key one has; who is signed in already goes on at once."""
    visitor = visit()
    page = visitor.page
    page.goto(f"{server.url}/signin.html?next=https%3A%2F%2Fexample.org%2F")
    page.fill("#key", server.made("reader", "read", "admin"))
    page.press("#key", "Enter")
    first = f"{server.url}/chats.html"
    visitor.until(f"location.href === {first!r}")
    for goal in ["//example.org/", "/\\example.org", "javascript:alert(1)", f"{server.url}/signin.html"]:
        page.evaluate("(next) => location.assign(`/signin.html?${new URLSearchParams({ next })}`)", goal)
        visitor.until(f"location.href === {first!r}")
    page.evaluate("location.assign('/signin.html?next=keys.html%23here')")
    visitor.until(f"location.href === '{server.url}/keys.html#here'")
    visitor.troubles[:] = [each for each in visitor.troubles if "404" not in each]


def test_signing_out_ends_the_session(visit: Visit, server: RunningServer) -> None:
    """The cookie is gone, the page of the keys leads to sign-in again, and the talk page offers to sign in."""
    visitor = visit().sign_in().look("keys.html")
    visitor.page.click("#sign-out")
    visitor.until("location.pathname === '/signin.html'")
    assert visitor.page.context.cookies() == []
    visitor.page.goto(f"{server.url}/keys.html")
    visitor.until("location.pathname === '/signin.html'")
    assert [each for each in visitor.troubles if "401" not in each] == []
    visitor.troubles.clear()
    visitor.open()
    assert visitor.page.inner_text("#who") == "Sign in"
    visitor.page.click("#who a")
    visitor.until("location.pathname === '/signin.html'")
    assert visitor.page.evaluate("new URLSearchParams(location.search).get('next')") == "/"


def test_a_session_ends_with_its_key(visit: Visit, server: RunningServer) -> None:
    """The key is revoked elsewhere while a page is open: the next thing the page asks leads to sign-in and back."""
    key = server.made("guest", "read")
    visitor = visit().sign_in(key).look("nodes.html", ".node")
    known = httpx2.get(f"{server.url}/api/keys", headers=server.headers).json()["items"]
    (id_,) = [each["id"] for each in known if each["name"] == "guest"]
    assert httpx2.post(f"{server.url}/api/keys/{id_}/revoke", json={}, headers=server.headers).is_success
    visitor.eventually(lambda: httpx2.get(f"{server.url}/api/nodes", headers={"X-API-Key": key}).status_code == 401)
    visitor.look_again()
    visitor.until("location.pathname === '/signin.html'")
    assert visitor.page.evaluate("new URLSearchParams(location.search).get('next')") == "/nodes.html"
    assert [each for each in visitor.troubles if "401" not in each] == []
    visitor.troubles.clear()


def test_where_listeners_need_a_key_the_talk_page_asks_for_one(visit: Visit) -> None:
    """It leads to sign-in, and back to a page that speaks."""
    with running({"access": {"listeners": "key"}}) as server:
        visitor = visit(at=server)
        visitor.page.goto(server.url)
        visitor.until("location.pathname === '/signin.html' && document.activeElement?.id === 'key'")
        visitor.troubles.clear()
        visitor.page.fill("#key", server.made("listener", "send"))
        visitor.page.press("#key", "Enter")
        visitor.until("window._voiceStats?.().connection.state === 'open'")
        visitor.say("Say: good morning.")
        assert visitor.finished()["state"] == "done"
        assert visitor.page.inner_text(".operator") == "listener"
        visitor.page.goto("about:blank")
