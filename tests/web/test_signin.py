"""Signing in on the page: the cookie, what it is good for and from where, and when it ends."""

import http.cookies
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from segue.clock import ManualClock
from segue.console import attempts as counting
from segue.console.attempts import ADDRESS, ALL, Attempts
from segue.errors import RateLimited
from tests.operators import SPEAKING
from tests.server import RunningServer, bearer, running

PATH = "/api/session"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server of its own, as tries to sign in are counted for all together."""
    with running({**SPEAKING, "access": {"hosts": ["console.example.org"]}}) as server:
        yield server


def signed_in(server: RunningServer, key: str, **headers: str) -> tuple[dict[str, Any], "http.cookies.Morsel[str]"]:
    """Sign in with a key; the answer, and the cookie."""
    answer = httpx2.post(server.url + PATH, json={"key": key}, headers=headers)
    assert answer.status_code == 200, answer.text
    cookie: http.cookies.SimpleCookie = http.cookies.SimpleCookie(answer.headers["set-cookie"])
    (morsel,) = cookie.values()
    return answer.json(), morsel


def by(morsel: "http.cookies.Morsel[str]", **headers: str) -> dict[str, str]:
    """What a browser sends with this cookie."""
    return {"cookie": f"{morsel.key}={morsel.value}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


def entries(server: RunningServer, action: str) -> list[dict[str, Any]]:
    """What the audit has of an action, newest first."""
    answer = httpx2.get(f"{server.url}/api/audit", params={"action": action}, headers=server.headers)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_a_session_is_worth_its_key(server: RunningServer) -> None:
    """Whoever signed in has the name and the scopes of the key; both ends of the session are in the audit."""
    key = server.made("Olha", "read", "send", expires_in_s=3600)
    id = key.split("_")[2]  # noqa: A001
    told, cookie = signed_in(server, key)
    assert (told["name"], told["scopes"], told["via"]) == ("Olha", ["read", "send"], f"session:{id}")
    assert httpx2.get(server.url + PATH, headers=by(cookie)).json() == told
    assert httpx2.get(f"{server.url}/api/turns", headers=by(cookie)).status_code == 200
    assert httpx2.get(f"{server.url}/api/keys", headers=by(cookie)).status_code == 403
    assert key[-49:] not in cookie.value

    answer = httpx2.delete(server.url + PATH, headers=by(cookie, sec_fetch_site="same-origin"))
    assert answer.status_code == 204
    gone: http.cookies.SimpleCookie = http.cookies.SimpleCookie(answer.headers["set-cookie"])
    assert (gone[cookie.key].value, gone[cookie.key]["max-age"]) == ("", "0")
    for action in ("session.open", "session.close"):
        (entry,) = [each for each in entries(server, action) if each["target"] == f"key/{id}"]
        assert (entry["actor"], entry["via"], entry["status"]) == ("Olha", f"session:{id}", "ok")


def test_the_cookie_is_kept_from_scripts_and_other_pages(server: RunningServer) -> None:
    """HttpOnly, SameSite=Strict, for the whole of this server, no longer than the key; Secure where it is https."""
    key = server.made("Olha", "read", expires_in_s=3600)
    told, cookie = signed_in(server, key)
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["path"]) == (True, "strict", "/")
    assert (cookie["secure"], cookie["domain"]) == ("", "")
    assert cookie["expires"]
    assert (
        told["expires_at"]
        <= httpx2.get(f"{server.url}/api/keys", headers=server.headers).json()["items"][0]["expires_at"]
    )
    _, cookie = signed_in(server, key, origin="https://console.example.org", host="console.example.org")
    assert cookie["secure"] is True


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin"}, 400),
        ({"origin": "http://localhost:8002", "host": "localhost:8002"}, 400),
        ({"origin": "https://console.example.org", "host": "console.example.org"}, 400),
        ({}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
        ({"sec_fetch_site": "cross-site", "origin": "http://localhost:8002", "host": "localhost:8002"}, 403),
        ({"origin": "http://localhost:9000", "host": "localhost:8002"}, 403),
        ({"origin": "null", "host": "localhost:8002"}, 403),
        ({"origin": "http://evil.example", "host": "localhost:8002"}, 403),
    ],
)
def test_only_the_page_itself_changes_anything(server: RunningServer, headers: dict[str, str], status: int) -> None:
    """With the cookie of an administrator a change must come from the same origin; 400 is as far as this body gets."""
    _, cookie = _administrator(server)
    answer = httpx2.post(f"{server.url}/api/keys", json={}, headers=by(cookie, **headers))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["code"] == "forbidden"


_SIGNED_IN: dict[str, tuple[dict[str, Any], "http.cookies.Morsel[str]"]] = {}


def _administrator(server: RunningServer) -> tuple[dict[str, Any], "http.cookies.Morsel[str]"]:
    """The session of an administrator, begun once."""
    if server.url not in _SIGNED_IN:
        _SIGNED_IN[server.url] = signed_in(server, server.key)
    return _SIGNED_IN[server.url]


def test_a_session_ends_with_its_key(server: RunningServer) -> None:
    """A key that is revoked takes its sessions with it; nobody signs in with it any more."""
    key = server.made("Olha", "read")
    _, cookie = signed_in(server, key)
    revoked = httpx2.post(f"{server.url}/api/keys/{key.split('_')[2]}/revoke", json={}, headers=server.headers)
    assert revoked.json()["state"] == "revoked"
    assert httpx2.get(server.url + PATH, headers=by(cookie)).status_code == 401
    assert httpx2.post(server.url + PATH, json={"key": key}).status_code == 401


@pytest.mark.parametrize("said", [{"origin": "http://localhost:9"}, {"sec-fetch-site": "same-site"}])
def test_no_other_page_signs_anybody_in(server: RunningServer, said: dict[str, str]) -> None:
    """A page elsewhere could let somebody work under its own name; it is refused, and sets no cookie."""
    answer = httpx2.post(server.url + PATH, json={"key": server.made("Olha", "read")}, headers=said)
    assert (answer.status_code, answer.json()["code"], "set-cookie" in answer.headers) == (403, "forbidden", False)


def test_servers_of_one_machine_leave_each_others_sessions_alone(server: RunningServer, guarded: RunningServer) -> None:
    """A browser keeps the cookies of a host for all its ports: whoever signs in at two servers is known to both."""
    with httpx2.Client() as browser:
        for each, name in ((server, "Olha"), (guarded, "Danylo")):
            assert browser.post(each.url + PATH, json={"key": each.made(name, "read")}).status_code == 200
        told = [browser.get(each.url + PATH).json().get("name") for each in (server, guarded)]
    assert told == ["Olha", "Danylo"]


def test_the_page_talks_by_its_session(guarded: RunningServer) -> None:
    """Where listeners need a key, the cookie opens the socket for talking, but for pages of this server only."""
    _, cookie = signed_in(guarded, guarded.made("Olha", "send"))
    address = f"{guarded.ws}/api/voice/ws"
    with connect(address, additional_headers=by(cookie), origin=Origin(guarded.url)) as talking:
        talking.send('{"type": "clear"}')
        assert "cleared" in str(talking.recv(10))
    for origin in (None, Origin("http://localhost:9")):
        with pytest.raises(InvalidStatus) as caught, connect(address, additional_headers=by(cookie), origin=origin):
            pass
        assert caught.value.response.status_code == 403


@pytest.mark.parametrize("value", ["", "1.0.0.0", "x" * 4000, "1.0123456789ab.1.9999999999999999." + "0" * 64])
def test_nobody_makes_a_session_by_himself(server: RunningServer, value: str) -> None:
    """A cookie that was not signed here is as none."""
    _, cookie = _administrator(server)
    answer = httpx2.get(server.url + PATH, headers={"cookie": f"{cookie.key}={value}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_a_session_of_one_server_is_none_of_another(server: RunningServer, guarded: RunningServer) -> None:
    """Each signs with a secret of its own."""
    _, cookie = _administrator(server)
    assert httpx2.get(guarded.url + PATH, headers=by(cookie)).status_code == 401


def test_a_key_in_the_header_goes_before_the_session(server: RunningServer) -> None:
    """Whoever shows a key is who the key says, good or bad, whatever cookie there is."""
    _, cookie = _administrator(server)
    key = server.made("Ivan", "read")
    assert httpx2.get(server.url + PATH, headers=by(cookie) | bearer(key)).json()["name"] == "Ivan"
    assert httpx2.get(server.url + PATH, headers=by(cookie) | bearer(f"{key}x")).status_code == 401


def test_a_page_elsewhere_signs_nobody_in(server: RunningServer) -> None:
    """Without the content type that only the page itself can send, and under a strange name, there is no session."""
    body = f'{{"key": "{server.key}"}}'
    answer = httpx2.post(server.url + PATH, content=body, headers={"content-type": "text/plain"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (415, False)
    strange = {"host": "evil.example", "origin": "http://evil.example"}
    answer = httpx2.post(server.url + PATH, json={"key": server.key}, headers=strange)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_tries_are_bounded(server: RunningServer) -> None:
    """After ten wrong ones the next is refused with 429 and how long to wait; keys in headers go on."""
    statuses = [httpx2.post(server.url + PATH, json={"key": "seg_dev_x"}).status_code for _ in range(ADDRESS.burst + 3)]
    assert set(statuses[:5]) == {401}
    assert statuses[-1] == 429
    answer = httpx2.post(server.url + PATH, json={"key": server.key})
    assert (answer.status_code, answer.json()["policy"]) == (429, "address")
    assert 1 <= int(answer.headers["retry-after"]) <= 6
    assert httpx2.get(f"{server.url}/api/turns", headers=server.headers).status_code == 200


async def test_tries_that_end_well_cost_nothing() -> None:
    """Whoever has a good key can sign in as often as they like; wrong ones are counted for each address and for all."""
    clock = ManualClock()
    attempts = Attempts(clock)
    for _ in range(10 * ALL.burst):
        attempts.take("a")
        attempts.give_back("a")
    for _ in range(ADDRESS.burst):
        attempts.take("a")
    with pytest.raises(RateLimited) as caught:
        attempts.take("a")
    assert (caught.value.policy, caught.value.retry_after_s) == ("address", pytest.approx(5.0))
    attempts.take("b")
    await clock.advance(5.0)
    attempts.take("a")
    with pytest.raises(RateLimited):
        attempts.take("a")


async def test_many_addresses_are_bounded_together_and_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with many addresses gets no further than the limit for all, and fills no memory."""
    monkeypatch.setattr(counting, "KNOWN", 50)
    clock = ManualClock()
    attempts = Attempts(clock)
    refusals = []
    for number in range(300):
        try:
            attempts.take(f"address {number}")
        except RateLimited as error:
            refusals.append(error)
            await clock.advance(error.retry_after_s)
    assert {error.policy for error in refusals} == {"all"}
    assert 300 - len(refusals) == pytest.approx(ALL.burst + clock.now() * ALL.per_s, abs=2)
    assert len(attempts._arrivals) <= 50
