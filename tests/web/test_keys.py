"""Keys over HTTP: made, listed, rotated, revoked; and that a key is nowhere but in the answer that makes it."""

import subprocess
import sys
from typing import Any

import httpx2
import pytest

from segue.console.keys import read
from tests.rollouts import until
from tests.server import FIRST_KEY, RunningServer, bearer, clean_environment

PATH = "/api/keys"


def posted(server: RunningServer, path: str = "", status: int = 201, **body: Any) -> dict[str, Any]:
    """Somebody who may, posts; the answer."""
    answer = httpx2.post(f"{server.url}{PATH}{path}", json=body, headers=server.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def listed(server: RunningServer, id: str) -> dict[str, Any]:  # noqa: A002
    """A key as the list tells it."""
    answer = httpx2.get(server.url + PATH, headers=server.headers).json()
    assert answer["next"] is None
    (item,) = [item for item in answer["items"] if item["id"] == id]
    found: dict[str, Any] = item
    return found


def opens(server: RunningServer, key: str) -> bool:
    """Whether a key lets in."""
    return httpx2.get(f"{server.url}/api/session", headers=bearer(key)).status_code == 200


def test_a_key_is_shown_once(guarded: RunningServer) -> None:
    """The answer that makes it has all that the list has, and the key; the list never has that."""
    made = posted(guarded, name="Olha", scopes=["read", "send", "read"], expires_in_s=3600)
    key = made.pop("key")
    assert key.startswith(f"seg_test_{made['id']}_")
    assert listed(guarded, made["id"]) == made
    assert (made["name"], made["scopes"], made["state"], made["made_by"]) == ("Olha", ["read", "send"], "good", "admin")
    assert made["expires_at"] - made["created_at"] == pytest.approx(3600)
    assert (made["revoked_at"], made["used_at"], made["replaces"]) == (None, None, None)
    assert opens(guarded, key)


def test_a_key_is_rotated(guarded: RunningServer) -> None:
    """The new one works at once; the old one for the overlap, or not at all any more where that is nothing."""
    made = posted(guarded, name="Olha", scopes=["read"])
    new = posted(guarded, f"/{made['id']}/rotate", overlap_s=3600)
    assert (new["replaces"], new["name"], new["scopes"]) == (made["id"], "Olha", ["read"])
    assert new["replaced"] == listed(guarded, made["id"])
    assert new["replaced"]["expires_at"] - new["created_at"] == pytest.approx(3600)
    assert opens(guarded, made["key"])
    assert opens(guarded, new["key"])
    last = posted(guarded, f"/{new['id']}/rotate", overlap_s=0)
    assert (last["replaced"]["state"], opens(guarded, new["key"]), opens(guarded, last["key"])) == (
        "expired",
        False,
        True,
    )
    assert "expired" in posted(guarded, f"/{new['id']}/rotate", 400)["detail"]


def test_a_key_is_revoked(guarded: RunningServer) -> None:
    """From then on it opens nothing; doing so again changes nothing, and it cannot be rotated."""
    made = posted(guarded, name="Olha", scopes=["read"])
    assert opens(guarded, made["key"])
    until(lambda: listed(guarded, made["id"])["used_at"])  # which is noted a little later
    revoked = posted(guarded, f"/{made['id']}/revoke", 200)
    assert (revoked["state"], opens(guarded, made["key"])) == ("revoked", False)
    assert posted(guarded, f"/{made['id']}/revoke", 200) == revoked
    assert "revoked" in posted(guarded, f"/{made['id']}/rotate", 400)["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "scopes": ["read"]},
        {"name": "x\n", "scopes": ["read"]},
        {"name": "x" * 101, "scopes": ["read"]},
        {"name": "controller", "scopes": ["read"]},
        {"name": "alpha/Olha", "scopes": ["read"]},
        {"name": " Olha", "scopes": ["read"]},
        {"name": "Olha\u202e", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["read"], "expires_in_s": 0},
        {"name": "x", "scopes": ["read"], "expires_in_s": -1},
        {"name": "x", "scopes": ["read"], "expires_in_s": 1e300},
        {"name": "x", "scopes": ["read"], "id": "0" * 12},
    ],
)
def test_a_key_that_cannot_be_is_not_made(guarded: RunningServer, body: dict[str, Any]) -> None:
    """What is missing, empty, unknown or out of range is named."""
    assert posted(guarded, status=400, **body)["code"] == "invalid_request"


@pytest.mark.parametrize("verb", ["rotate", "revoke"])
@pytest.mark.parametrize("id", ["0" * 12, "nobody", "%2e%2e", "x" * 100])
def test_a_key_that_is_not_there_is_told(guarded: RunningServer, verb: str, id: str) -> None:  # noqa: A002
    """With a code of its own."""
    assert posted(guarded, f"/{id}/{verb}", 404)["code"] == "unknown_key"


def test_a_key_that_strayed_is_revoked_by_itself(guarded: RunningServer) -> None:
    """The command takes the whole key, also one that lost its end, and tells only its id."""
    for cut in (None, -9):
        made = posted(guarded, name="Olha", scopes=["read"])
        done = subprocess.run(
            [sys.executable, "-m", "segue.cli.main", "keys", "revoke", made["key"][:cut], "--data", str(guarded.data)],
            capture_output=True,
            text=True,
            check=True,
            env=clean_environment(),
        )
        assert done.stdout == f"{made['id']} (Olha) is revoked.\n"
        assert not opens(guarded, made["key"])


def test_no_key_is_found_anywhere(guarded: RunningServer) -> None:
    """Not in the log, the metrics, the audit, an error or any file: neither a key nor its secret, good or bad."""
    made = posted(guarded, name="Olha", scopes=["send", "read"])
    new = posted(guarded, f"/{made['id']}/rotate")
    texts = [guarded.key, made["key"], new["key"]]
    errors = []
    for key in (new["key"], f"{new['key']}0", f"{new['key'][:-1]}!"):
        with httpx2.Client(base_url=guarded.url, headers=bearer(key)) as client:
            errors += [
                client.post(PATH, json={}).text,
                client.get(f"/api/chats/{key}").text if key != new["key"] else "",
                *(
                    httpx2.post(f"{guarded.url}{PATH}/{key}/{verb}", json={}, headers=guarded.headers).text
                    for verb in ("rotate", "revoke")
                ),
                client.post("/api/session", json={"key": [key]}).text,
                client.post("/api/session", json={"key": key, "more": 1}).text,
                client.post(
                    "/api/session", content=f'{{"key": "{key}"', headers={"content-type": "application/json"}
                ).text,
            ]
    with httpx2.Client(base_url=guarded.url, headers=guarded.headers) as client:
        client.post("/api/session", json={"key": new["key"]})
        told = {path: client.get(path).text for path in ("/metrics", "/api/audit", "/api/audit/export", PATH)}
    done = subprocess.run(
        [sys.executable, "-m", "segue.cli.main", "keys", "list", "--url", f"{guarded.url}/nowhere"],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment({"SEGUE_KEY": new["key"]}),
    )
    assert done.returncode == 1
    places = {
        **told,
        "errors": "\n".join(errors),
        "log": "\n".join(guarded.log),
        "command": done.stdout + done.stderr,
        "said": "\n".join(line for line in guarded.said if not line.startswith(FIRST_KEY)),
        **{str(path): path.read_bytes().decode("latin-1") for path in guarded.data.rglob("*") if path.is_file()},
    }
    assert made["id"] in places[PATH], "the places are not empty"
    assert made["id"] in places["/api/audit"]
    assert len([path for path in places if path.endswith(("segue.db", "segue.db-wal"))]) == 2
    for text in texts:
        shown = read(text)
        assert shown is not None
        secret = shown.secret
        for wanted in (text, text[-49:-6], secret.hex(), secret.decode("latin-1")):
            assert [place for place, content in places.items() if wanted in content] == []
    assert sum(guarded.key in line for line in guarded.said) == 1
