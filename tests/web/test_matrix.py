"""Who may do what: every operation of the document that a server gives, with every kind of key."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from segue.console.keys import written
from segue.console.operator import Scope
from segue.settings import load
from segue.wiring.house import build
from tests.server import RunningServer, bearer

PUBLIC = None
"""Whoever asks."""
ANY = ""
"""Whoever has a good key, whatever it allows."""
SEND, READ, AUDIT, WRITE, ADMIN = "send", "read", "audit:read", "rollout:write", "admin"
TABLE: dict[str, str | None] = {
    "GET /api/health": PUBLIC,
    "GET /api/ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /voice/health": PUBLIC,
    "POST /api/telemetry/voice": PUBLIC,  # the turn's token proves it
    "GET /api/voice/files/{tenant}/{name}": PUBLIC,  # the link is signed
    "GET /api/rollouts/{name}/approval": PUBLIC,  # the link can be used once
    "POST /api/rollouts/{name}/approval": PUBLIC,
    "POST /api/session": PUBLIC,
    "GET /api/session": ANY,
    "DELETE /api/session": ANY,
    "POST /api/voice/chat/stream": SEND,
    "POST /api/voice/tts": SEND,
    "POST /api/voice/stt": SEND,
    "GET /api/voice/voices": SEND,
    "GET /api/voice/characters": SEND,
    "GET /api/voice/degradation_status": SEND,
    "GET /api/voice/switch": SEND,
    "GET /api/assignment": SEND,
    "POST /v1/audio/speech": SEND,
    "POST /v1/audio/transcriptions": SEND,
    "POST /v1/chat/completions": SEND,
    "GET /v1/models": SEND,
    "GET /v1/models/{name}": SEND,
    "GET /v1/audio/models": SEND,
    "GET /v1/audio/voices": SEND,
    "POST /api/chats": SEND,
    "DELETE /api/chats/{chat_id}": SEND,
    "POST /api/chats/{chat_id}/send": SEND,
    "GET /api/chats": READ,
    "GET /api/chats/{chat_id}": READ,
    "GET /api/chats/{chat_id}/messages": READ,
    "GET /api/runs/{run_id}": READ,
    "GET /api/runs/{run_id}/events": READ,
    "GET /api/turns": READ,
    "GET /api/nodes": READ,
    "GET /api/providers": READ,
    "GET /api/routing": READ,
    "GET /api/settings": READ,
    "GET /api/settings/versions": READ,
    "GET /api/rollouts": READ,
    "GET /api/rollouts/{name}": READ,
    "GET /api/rollouts/{name}/decisions": READ,
    "GET /api/rollouts/{name}/blocks": READ,
    "GET /api/rollouts/{name}/events": READ,
    "GET /api/rollouts/{name}/export": READ,
    "POST /api/plans/check": READ,
    "GET /api/plans/schema": READ,
    "POST /api/rollouts": WRITE,
    "POST /api/rollouts/{name}/{verb}": WRITE,
    "POST /api/voice/switch": WRITE,
    "POST /api/voice/try": WRITE,
    "PUT /api/settings": WRITE,
    "POST /api/settings/restore": WRITE,
    "GET /api/incidents": READ,
    "GET /api/incidents/{incident_id}": READ,
    "POST /api/incidents": WRITE,
    "POST /api/incidents/{incident_id}/notes": WRITE,
    "POST /api/incidents/{incident_id}/mitigate": WRITE,
    "POST /api/incidents/{incident_id}/close": WRITE,
    "GET /api/operations": READ,
    "POST /api/operations": WRITE,
    "GET /api/audit": AUDIT,
    "GET /api/audit/verification": AUDIT,
    "GET /api/audit/export": AUDIT,
    "POST /api/audit/prune": ADMIN,
    "GET /api/backups": ADMIN,
    "POST /api/backups": ADMIN,
    "GET /api/backups/{name}/archive": ADMIN,
    "GET /api/keys": ADMIN,
    "POST /api/keys": ADMIN,
    "POST /api/keys/{key_id}/rotate": ADMIN,
    "POST /api/keys/{key_id}/revoke": ADMIN,
}
"""What each operation takes where listeners need a key: written by hand, so that a slip in the code is seen."""
LISTENERS = ("/api/voice/", "/v1/", "/api/assignment")
"""Where these paths take `send` they take nothing while listeners' doors are open."""


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, list[str] | None]]:
    """Method, path and needed scopes (None: no key) of each operation of a document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            security = operation.get("security")
            yield method.upper(), path, None if security is None else security[0]["key"]


def taken(needed: str | None) -> list[str] | None:
    """A cell of the table as a document says it."""
    return None if needed is None else [needed] if needed else []


def asked(client: httpx2.Client, method: str, path: str, headers: dict[str, str]) -> str:
    """How the door refused: `unauthorized`, `forbidden`, or not at all (empty), whatever else came of it."""
    for name in ("tenant", "name", "chat_id", "run_id", "key_id"):
        path = path.replace(f"{{{name}}}", "nobody")
    path = path.replace("{verb}", "pause")
    body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT"} else {}
    answer = client.request(method, path, headers=headers, **body)
    assert answer.status_code < 500, answer.text
    if answer.status_code not in {401, 403}:
        return ""
    plain = answer.json()
    code: str = plain.get("code") or plain["error"]["code"]
    assert (answer.status_code, code) in {(401, "unauthorized"), (403, "forbidden"), (403, "link_invalid")}
    return code if code != "link_invalid" else ""


@pytest.fixture(scope="module")
def document(guarded: RunningServer) -> dict[str, Any]:
    """What the server says of itself; that is for everybody."""
    found: dict[str, Any] = httpx2.get(f"{guarded.url}/api/openapi.json").json()
    return found


def test_the_document_says_what_the_table_says(document: dict[str, Any], embedded: RunningServer) -> None:
    """Every operation stands in the table with the scope that the document names; open doors are named as such."""
    assert {f"{method} {path}": needed for method, path, needed in operations(document)} == {
        place: taken(needed) for place, needed in TABLE.items()
    }
    opened = httpx2.get(f"{embedded.url}/api/openapi.json").json()
    assert {f"{method} {path}": needed for method, path, needed in operations(opened)} == {
        place: None if needed == SEND and place.split()[1].startswith(LISTENERS) else taken(needed)
        for place, needed in TABLE.items()
    }


def test_nothing_is_served_beside_the_document() -> None:
    """But for the page, the socket for talking, and asking for a voice file's head, each route is in the document."""
    app = build(load(), keep=False).app()._app  # type: ignore[attr-defined]
    assert isinstance(app, FastAPI)
    told = {(method, path) for method, path, _ in operations(app.openapi())}
    hidden = [
        (sorted(context.methods or ()), context.path)
        for context in iter_route_contexts(app.routes)
        if not {(method, context.path_format or "") for method in context.methods or ()} & told
    ]
    api = [each for each in hidden if each[1] and each[1].startswith(("/api", "/v1", "/voice"))]
    assert sorted(map(str, api)) == sorted(
        map(
            str,
            [
                ([], "/api/voice/ws"),
                (["HEAD"], "/api/voice/files/{tenant}/{name}"),
                (["GET", "HEAD"], "/api/openapi.json"),
            ],
        )
    )


def test_every_operation_with_every_kind_of_key(guarded: RunningServer, document: dict[str, Any]) -> None:
    """Without a good key 401; with one that lacks the scope 403; with the scope, or as administrator, neither."""
    revoked = guarded.made("gone", *Scope)
    with guarded.near() as near:
        assert near.post(f"/api/keys/{revoked.split('_')[2]}/revoke", json={}).json()["state"] == "revoked"
    expired = guarded.made("late", *Scope, expires_in_s=0.000001)
    prod = written("prod", guarded.key.split("_")[2], b"x" * 32)
    bad = {
        "none": {},
        "empty": {"X-API-Key": ""},
        "malformed": bearer("seg_test_key"),
        "unknown": bearer(written("test", "0" * 12, b"x" * 32)),
        "wrong secret": bearer(written("test", guarded.key.split("_")[2], b"x" * 32)),
        "expired": bearer(expired),
        "revoked": bearer(revoked),
        "environment": bearer(prod),
        "basic": {"Authorization": "Basic YWRtaW46YWRtaW4="},
        "twice": {**bearer(guarded.key), "X-API-Key": expired},
    }
    good = {scope.value: bearer(guarded.made(f"only {scope}", scope)) for scope in Scope}
    wrong = []
    with httpx2.Client(base_url=guarded.url, timeout=30) as client:
        for method, path, needed in operations(document):
            for name, headers in bad.items():
                expected = "" if needed is None else "unauthorized"
                if (found := asked(client, method, path, headers)) != expected:
                    wrong.append((method, path, name, found))
            for name, headers in good.items():
                expected = "" if not needed or name in {*needed, ADMIN} else "forbidden"
                if (found := asked(client, method, path, headers)) != expected:
                    wrong.append((method, path, name, found))
    assert wrong == []


def test_whoever_is_refused_is_told_how_to_ask(guarded: RunningServer) -> None:
    """401 says which way of proving oneself there is, in the shape of the door; 403 says which scope is missing."""
    answer = httpx2.get(f"{guarded.url}/api/rollouts")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthorized"
    answer = httpx2.get(f"{guarded.url}/v1/models", headers=bearer("sk-anything"))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"]["type"] == "authentication_error"
    answer = httpx2.get(f"{guarded.url}/api/audit", headers=bearer(guarded.made("reader", "read")))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "`audit:read`" in answer.json()["detail"]
