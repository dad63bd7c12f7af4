"""The door: what proves who asks and what does not, names of hosts, other nodes, and the machine's own socket."""

import json
import os
import pwd
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from segue.cli.local import LONGEST, NAME, listening, reachable
from segue.console.keys import written
from segue.errors import ConfigurationError
from segue.settings import load
from segue.vendors.console import AccessSettings
from segue.wiring.house import build
from tests.server import RunningServer, bearer, clean_environment

USER = pwd.getpwuid(os.getuid()).pw_name
WHO = "/api/session"


def who(server: RunningServer, **headers: str) -> dict[str, Any]:
    """As whom a request with these headers is let in; it must be."""
    answer = httpx2.get(server.url + WHO, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_key_is_shown_in_either_header(guarded: RunningServer) -> None:
    """`Authorization: Bearer` and `X-API-Key` mean the same; the name and the scopes are those of the key."""
    key = guarded.made("Olha", "read", "send")
    via = f"key:{key.split('_')[2]}"
    told = {"name": "Olha", "scopes": ["read", "send"], "via": via, "expires_at": None}
    assert who(guarded, authorization=f"Bearer {key}") == told
    assert who(guarded, authorization=f"bearer  {key}") == told
    assert who(guarded, x_api_key=key) == told
    assert who(guarded, x_api_key=key, authorization=f"Bearer {key}") == told


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "x-operator-id", "client-ip"])
def test_where_somebody_seems_to_come_from_proves_nothing(guarded: RunningServer, header: str) -> None:
    """This machine's own address lets nobody in, and neither does what a request says of where it comes from."""
    for value in ("127.0.0.1", "for=127.0.0.1", "::1", "root"):
        assert httpx2.get(f"{guarded.url}/api/audit", headers={header: value}).status_code == 401


def test_a_body_cannot_say_who_acts(guarded: RunningServer) -> None:
    """A field that names somebody is refused as unknown; who commands is who was let in."""
    for path, body in (
        ("/api/rollouts/x/pause", {"actor": "Ivan"}),
        ("/api/voice/switch", {"enabled": True, "by": "Ivan"}),
        ("/api/keys", {"name": "x", "scopes": ["read"], "made_by": "Ivan"}),
    ):
        answer = httpx2.post(guarded.url + path, json=body, headers=guarded.headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert next(name for name in ("actor", "by", "made_by") if name in body) in answer.json()["detail"]


def test_another_node_speaks_for_its_operators(guarded: RunningServer) -> None:
    """With a node's key the operator is named in a header, and may send and read; any other key is refused with it."""
    key = guarded.made("east", "node")
    told = who(guarded, authorization=f"Bearer {key}", x_segue_operator="%D0%9E%D0%BB%D1%8C%D0%B3%D0%B0")
    assert told == {
        "name": "east/Ольга",
        "scopes": ["read", "send"],
        "via": f"node:{key.split('_')[2]}",
        "expires_at": None,
    }
    named = {"x-segue-operator": "Olha"}
    for shown in (guarded.headers, bearer(guarded.made("weak", "read"))):
        answer = httpx2.get(guarded.url + WHO, headers=shown | named)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert httpx2.get(guarded.url + WHO, headers=named).status_code == 403
    assert httpx2.get(f"{guarded.url}/api/turns", headers=bearer(key)).status_code == 403
    assert httpx2.get(f"{guarded.url}/api/audit", headers=bearer(key) | named).status_code == 403
    for wrong in ("%0A", "%20", "x" * 201):
        answer = httpx2.get(guarded.url + WHO, headers=bearer(key) | {"x-segue-operator": wrong})
        assert answer.status_code == 400


def test_a_browser_may_only_come_by_a_known_name(guarded: RunningServer) -> None:
    """What a page elsewhere could make a browser ask, by letting its name point here, is refused; programs are not."""
    public = f"{guarded.url}/api/health"
    for name in ("evil.example", "evil.example:8002", "localhost.evil.example", "127.0.0.1.evil.example", "x@evil", ""):
        for header in ({"origin": f"http://{name}"}, {"sec-fetch-site": "same-origin"}, {"cookie": "a=b"}):
            answer = httpx2.get(public, headers={"host": name, **header})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (name, header)
            assert "access.hosts" in answer.json()["detail"]
        assert httpx2.get(public, headers={"host": name}).status_code == 200
    known = (
        "localhost",
        "LOCALHOST:8002",
        "a.localhost",
        "127.0.0.1:1",
        "[::1]:80",
        "192.0.2.7",
        "console.example.org:1",
        "voice.example.org",
    )
    for name in known:
        assert httpx2.get(public, headers={"host": name, "origin": "http://x"}).status_code == 200, name


def test_the_socket_for_talking_is_guarded_by_name_too(embedded: RunningServer) -> None:
    """A handshake that a browser makes under a strange name is refused, though this door is open."""
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    upgrade |= {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    strange = {"host": "evil.example", "origin": "http://evil.example"}
    assert httpx2.get(f"{embedded.url}/api/voice/ws", headers=upgrade | strange).status_code == 403


def test_the_socket_for_talking_asks_for_a_key_too(guarded: RunningServer, embedded: RunningServer) -> None:
    """Where listeners need a key, the handshake without one is refused with 401; with `send` it is not."""
    address = f"{guarded.ws}/api/voice/ws"
    for headers, status in (({}, 401), (bearer(guarded.made("reader", "read")), 403)):
        with pytest.raises(InvalidStatus) as caught, connect(address, additional_headers=headers):
            pass
        assert caught.value.response.status_code == status
    with connect(address, additional_headers=bearer(guarded.made("talker", "send"))) as talking:
        talking.send(json.dumps({"type": "clear"}))
        assert json.loads(talking.recv(10))["event"] == "cleared"
    with connect(f"{embedded.ws}/api/voice/ws", additional_headers=bearer("sk-anything")) as talking:
        talking.send(json.dumps({"type": "clear"}))
        assert json.loads(talking.recv(10))["event"] == "cleared"


def test_those_who_are_turned_away_are_counted(guarded: RunningServer) -> None:
    """One more for each, by what was wrong."""
    wrong = {"missing": {}, "malformed": bearer("seg_x"), "unknown": bearer(written("test", "0" * 12, bytes(32)))}
    for reason, headers in wrong.items():
        sample = f'segue_unauthorized_total{{reason="{reason}"}}'
        before = guarded.metric(sample)
        assert httpx2.get(f"{guarded.url}/api/turns", headers=headers).status_code == 401
        assert guarded.metric(sample) == before + 1


# The machine's own socket.


def test_whoever_runs_the_server_is_let_in_by_its_socket(guarded: RunningServer) -> None:
    """Without a key, as administrator, with the name that this machine knows; the kernel says it, not the request."""
    with guarded.near() as near:
        told = near.get(WHO).json()
    assert told == {"name": USER, "scopes": ["admin"], "via": f"socket:{USER}", "expires_at": None}


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "origin", "sec-fetch-site"])
def test_what_a_proxy_or_a_browser_sends_by_the_socket_needs_a_key(guarded: RunningServer, header: str) -> None:
    """A proxy that was put before the socket does not make everybody an administrator."""
    with guarded.near() as near:
        assert near.get(WHO, headers={header: "http://localhost", "host": "localhost"}).status_code == 401
        assert near.get(WHO, headers={header: "x", "host": "localhost"} | guarded.headers).status_code == 200


def test_the_socket_is_for_its_owner_only(guarded: RunningServer) -> None:
    """Mode 0600, in the data folder; nothing else is left there of its making."""
    found = (guarded.data / NAME).stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == os.getuid()
    assert [path.name for path in guarded.data.glob(f"{NAME}*")] == [NAME]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose path is far too long for a socket."""
    made = tmp_path / ("x" * 60) / ("y" * 80)
    made.mkdir(parents=True)
    assert len(os.fsencode(made / NAME)) > LONGEST
    return made


def test_a_long_path_is_no_obstacle(folder: Path) -> None:
    """The socket is bound and found through the open folder, and is gone when it is closed."""
    with listening(folder) as listener:
        assert listener is not None
        assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
        with reachable(folder) as address, socket.socket(socket.AF_UNIX) as caller:
            caller.connect(address)
    assert list(folder.iterdir()) == []


def test_what_a_dead_server_left_is_replaced_and_what_another_holds_is_not(tmp_path: Path) -> None:
    """A stale socket, or a file in its place, gives way; a living one stays as it is, and its owner goes on."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / NAME))
    stale = (tmp_path / NAME).stat().st_ino
    with listening(tmp_path) as first:
        assert first is not None
        assert (tmp_path / NAME).stat().st_ino != stale
        with listening(tmp_path) as second:
            assert second is None
        assert (tmp_path / NAME).exists()
        # Whoever comes later and puts another one there keeps it.
        (tmp_path / NAME).unlink()
        (tmp_path / NAME).write_text("another's", encoding="utf-8")
    assert (tmp_path / NAME).read_text(encoding="utf-8") == "another's"


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """Which socket, and what the system says."""
    refused = pytest.raises(ConfigurationError, match=rf"^Cannot listen at .*{NAME}: No such file")
    with refused, listening(tmp_path / "nobody"):
        pass


def test_the_commands_find_the_server_by_its_folder(guarded: RunningServer) -> None:
    """`segue keys create --json` prints the key it made; with the variable and the address it does so too."""

    def segue(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "segue.cli.main", "keys", *words]
        env = clean_environment(environment)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)

    made = segue("create", "--name", "Olha", "--scopes", "admin", "--json", "--data", str(guarded.data))
    assert (made.returncode, made.stderr) == (0, "")
    key = json.loads(made.stdout)["key"]
    assert who(guarded, x_api_key=key)["name"] == "Olha"
    listed = segue("list", "--url", guarded.url, SEGUE_KEY=key)
    assert listed.returncode == 0
    assert key.split("_")[2] in listed.stdout
    assert key[-49:] not in listed.stdout
    turned_away = segue("list", "--url", guarded.url)
    assert (turned_away.returncode, turned_away.stdout) == (1, "")
    assert turned_away.stderr.endswith("asks for a key; put one into the variable SEGUE_KEY.\n")


async def test_without_any_key_nobody_comes_in() -> None:
    """Where no first key is wanted none is made, and the door is closed, not open; where one is, it is made once."""
    settings = load().model_copy(update={"access": AccessSettings(first_key=False)})
    house = build(settings, keep=False)
    assert await house.console.first_key() is None
    here = httpx2.ASGITransport(house.app(), client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=here, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/audit")).status_code == 401
    house = build(load(), keep=False)
    key = await house.console.first_key()
    assert key is not None
    assert await house.console.first_key() is None
    here = httpx2.ASGITransport(house.app(), client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=here, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/audit", headers=bearer(key))).status_code == 200


@pytest.mark.parametrize("path", ["/api/keys/", "/api/session/", "/v1/models/"])
def test_nobody_is_sent_elsewhere_with_a_key(guarded: RunningServer, path: str) -> None:
    """A slash too many is an address that is not there: a redirection would name a host and a scheme to go on with."""
    answer = httpx2.get(guarded.url + path, headers=guarded.headers | {"host": "elsewhere.example"})
    assert (answer.status_code, "location" in answer.headers) == (404, False)
