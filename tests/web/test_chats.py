"""Chats and runs over HTTP, as programs and pages use them."""

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.chatting import PLENTIFUL, events_of, opened, send
from tests.rollouts import until
from tests.server import RunningServer, running

LONG = "word " * 40
"""Takes about a second to repeat."""
STREAM = {"Accept": "text/event-stream"}
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server whose model repeats what is said."""
    with running(PLENTIFUL) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    """Somebody who may do everything."""
    with server.client() as client:
        yield client


@pytest.fixture
def chat(client: httpx2.Client) -> str:
    """A new chat."""
    return opened(client)


def key(**headers: str) -> dict[str, str]:
    """A fresh idempotency key, with other headers."""
    return {"Idempotency-Key": uuid.uuid4().hex, **headers}


def messages(client: httpx2.Client, chat: str) -> list[dict[str, Any]]:
    """What was said, in order."""
    answer = client.get(f"/api/chats/{chat}/messages", params={"order": "asc", "limit": 500})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def entries(client: httpx2.Client, chat: str) -> list[tuple[str, str, str]]:
    """Action, status and code of what stands in the audit of a chat, in order."""
    found = client.get("/api/audit", params={"chat": chat, "limit": 500}).json()["items"]
    return [(each["action"], each["status"], each["code"]) for each in reversed(found)]


def test_a_chat_is_opened_read_and_removed(client: httpx2.Client) -> None:
    """It belongs to its node and to who opened it; once removed, nothing of it is found."""
    made = client.post("/api/chats", json={"title": "Нічна зміна"})
    assert made.status_code == 201
    chat = made.json()
    assert (chat["title"], chat["owner"], chat["node"]) == ("Нічна зміна", "admin", "main")
    assert made.headers["location"] == f"/api/chats/{chat['id']}"
    assert client.get(made.headers["location"]).json() == chat
    assert client.get("/api/chats").json()["items"][0] == chat
    send(client, chat["id"])

    assert client.delete(f"/api/chats/{chat['id']}").status_code == 204

    for path in ("", "/messages"):
        gone = client.get(f"/api/chats/{chat['id']}{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_chat")
    assert client.delete(f"/api/chats/{chat['id']}").status_code == 404
    assert send(client, chat["id"]).json()["code"] == "unknown_chat"
    assert entries(client, chat["id"]) == [
        ("chat.open", "ok", ""),
        ("message.send", "ok", ""),
        ("reply.write", "ok", ""),
        ("chat.remove", "ok", ""),
        ("chat.remove", "refused", "unknown_chat"),
        ("message.send", "refused", "unknown_chat"),
    ]


def test_chats_and_messages_are_read_in_pages(client: httpx2.Client, chat: str) -> None:
    """Every one comes once, in either order; a cursor is good for its own list and order only."""
    for number in range(3):
        assert send(client, chat, f"Hello {number}", f"k{number}").status_code == 200
    path = f"/api/chats/{chat}/messages"
    whole = messages(client, chat)
    assert [each["text"] for each in whole] == ["Hello 0"] * 2 + ["Hello 1"] * 2 + ["Hello 2"] * 2
    for order, wanted in (("asc", whole), ("desc", whole[::-1])):
        walked: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get(path, params={"limit": 4, "order": order, **cursor})
            assert page.headers["x-segue-limit"] == "4"
            walked += page.json()["items"]
            if page.json()["next"] is None:
                break
            cursor = {"cursor": page.json()["next"]}
        assert walked == wanted
    cursor = {"cursor": client.get(path, params={"limit": 2}).json()["next"]}
    opened(client)
    for elsewhere in ("/api/chats", f"/api/chats/{opened(client)}/messages", f"{path}?order=asc"):
        refused = client.get(elsewhere, params={**cursor, **({"order": "asc"} if "?" in elsewhere else {})})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")
    first = client.get("/api/chats", params={"limit": 1}).json()
    second = client.get("/api/chats", params={"limit": 1, "cursor": first["next"]}).json()
    assert first["items"][0]["at"] >= second["items"][0]["at"]
    assert first["items"][0]["id"] != second["items"][0]["id"]


def test_the_same_again_is_the_same_answer(client: httpx2.Client, chat: str, server: RunningServer) -> None:
    """Status and bytes are those of the first time, and a header says so; the counters move by one each."""
    sent = 'segue_send_requests_total{outcome="sent"}'
    before = [server.metric(sample) for sample in (sent, "segue_idempotency_replays_total")]

    first = send(client, chat, "Guten Tag, schöne Welt", "one")
    again = send(client, chat, "Guten Tag, schöne Welt", '"one"')

    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert "r=" in first.headers["ratelimit"]
    assert "ratelimit" not in again.headers
    told = first.json()
    assert told["reply"]["text"] == told["message"]["text"] == "Guten Tag, schöne Welt"
    assert messages(client, chat) == [told["message"], told["reply"]]
    after = [server.metric(sample) for sample in (sent, "segue_idempotency_replays_total")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1.0, 1.0]
    assert entries(client, chat)[-1] == ("message.send", "replayed", "")


def test_the_header_wins_over_the_body(client: httpx2.Client, chat: str) -> None:
    """A key may stand in the body; where both are given, the header's counts, and the body's is no part of it."""
    path = f"/api/chats/{chat}/send"
    one = client.post(path, json={"text": "Hi", "idempotency_key": "b"})
    two = client.post(path, json={"idempotency_key": "other", "text": "Hi"}, headers={"Idempotency-Key": "b"})
    three = client.post(path, json={"text": "Hi", "speak": False}, headers={"Idempotency-Key": "b"})

    assert one.content == two.content == three.content
    assert len(messages(client, chat)) == 2


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ([], {"text": "Hi"}, 400, "invalid_request"),
        ([("Idempotency-Key", "")], {"text": "Hi"}, 400, "invalid_request"),
        ([("Idempotency-Key", "a"), ("Idempotency-Key", "b")], {"text": "Hi"}, 400, "invalid_request"),
        ([("Idempotency-Key", "x" * 256)], {"text": "Hi"}, 400, "invalid_request"),
        ([("Idempotency-Key", '"a')], {"text": "Hi"}, 400, "invalid_request"),
        ([("Idempotency-Key", "a")], {"text": ""}, 400, "invalid_request"),
        ([("Idempotency-Key", "a")], {"text": "\x00 \x00"}, 400, "invalid_request"),
        ([("Idempotency-Key", "a")], {"text": "x" * 100_000}, 413, "too_large"),
        ([("Idempotency-Key", "a")], {"text": "Hi", "speek": True}, 400, "invalid_request"),
        ([("Idempotency-Key", "a")], {"text": "Hi", "language": "tlh"}, 400, "unknown_language"),
        ([("Idempotency-Key", "a")], {"text": "Hi", "voice": "nobody"}, 400, "unknown_voice"),
        ([("Idempotency-Key", "a"), ("Accept", "image/png")], {"text": "Hi"}, 406, "not_acceptable"),
    ],
)
def test_what_is_not_valid_claims_nothing(
    client: httpx2.Client, chat: str, headers: list[tuple[str, str]], body: dict[str, Any], status: int, code: str
) -> None:
    """It is refused with a reason, and the key is as fresh as before."""
    refused = client.post(f"/api/chats/{chat}/send", json=body, headers=httpx2.Headers(headers))

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert messages(client, chat) == []
    assert send(client, chat, key="a").status_code == 200


def test_a_form_is_no_message(client: httpx2.Client, chat: str) -> None:
    """A page of another origin cannot send what is not declared as JSON."""
    refused = client.post(f"/api/chats/{chat}/send", content=b'{"text": "Hi"}', headers=key())
    assert refused.status_code == 415


def test_what_no_database_takes_is_left_out_or_refused(client: httpx2.Client, chat: str) -> None:
    """The character NUL is dropped, in the message and in its reply; half a letter is no text."""
    path, headers = f"/api/chats/{chat}/send", key(**{"Content-Type": "application/json"})
    half = client.post(path, content=b'{"text": "a\\ud83d"}', headers=headers)
    whole = client.post(path, content=b'{"text": "a\\u0000b"}', headers=headers)

    assert (half.status_code, whole.status_code) == (400, 200)
    assert [each["text"] for each in messages(client, chat)] == ["ab"] * 2


@pytest.mark.parametrize("path", ["chats/main.%00", "chats/main.%00/messages", "runs/main.%00", "rollouts/%00"])
def test_an_address_with_nul_is_nowhere(client: httpx2.Client, path: str) -> None:
    """No database takes that character, so it gets to none, whatever the door."""
    answer = client.get(f"/api/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_while_it_runs_the_same_request_is_told_where(client: httpx2.Client, chat: str) -> None:
    """409 with the place of the run, which can be followed; another request under the key is 422 at once."""
    begun = client.post(f"/api/chats/{chat}/send", json={"text": LONG}, headers={"Idempotency-Key": "k", **ASYNC})
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    assert begun.headers["preference-applied"] == "respond-async"

    second = send(client, chat, LONG)

    assert (second.status_code, second.json()["code"]) == (409, "running")
    assert second.headers["location"] == begun.headers["location"] == f"/api/runs/{begun.json()['run']}"
    assert second.headers["retry-after"] == "1"
    other = send(client, chat, "Something else")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    followed = events_of(client.get(second.headers["location"] + "/events").text)
    assert followed[-1][1] == "done"
    again = send(client, chat, LONG)
    assert (again.status_code, again.json()["reply"]) == (200, followed[-1][2]["reply"])
    run = client.get(second.headers["location"]).json()
    assert (run["state"], run["attempt"], run["reply"]) == ("done", 1, again.json()["reply"])
    statuses = [status for action, status, _ in entries(client, chat) if action == "message.send"]
    assert statuses == ["ok", "refused", "refused", "replayed"]


def test_a_reply_is_streamed_and_resumed_from_any_place(client: httpx2.Client, chat: str) -> None:
    """Events have numbers that grow; whoever comes back with one goes on behind it and misses nothing."""
    url = f"/api/chats/{chat}/send"
    with client.stream("POST", url, json={"text": LONG}, headers=key(**STREAM)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        run = answer.headers["x-segue-run"]
        lines: list[str] = []
        for line in answer.iter_lines():
            lines.append(line)
            if line == "" and len(lines) > 12:
                break  # and the connection is gone
    begun = events_of("\n".join(lines))
    last = begun[-1][0]

    rest = events_of(client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": str(last)}).text)
    whole = events_of(client.get(f"/api/runs/{run}/events").text)

    assert begun + rest == whole
    assert whole[0][1] == "run"
    assert whole[-1][1] == "done"
    assert "".join(data["text"] for _, kind, data in whole if kind == "text").strip() == LONG.strip()
    assert [seq for seq, _, _ in whole] == sorted({seq for seq, _, _ in whole})
    assert events_of(client.get(f"/api/runs/{run}/events", params={"after": last}).text) == rest
    assert client.get(f"/api/runs/{run}/events", params={"after": whole[-1][0]}).text == ""
    assert client.get(f"/api/runs/{run}/events", params={"after": "x"}).status_code == 400
    assert client.get(f"/api/runs/{run}/events", params={"after": 10**30}).status_code == 400
    assert events_of(client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": "junk"}).text) == whole


def test_a_stream_that_is_asked_for_again_is_told_again(client: httpx2.Client, chat: str) -> None:
    """The same request as events: all of them once more, marked as a repetition, and nothing is made anew."""
    url, headers = f"/api/chats/{chat}/send", key(**STREAM)
    first = client.post(url, json={"text": "Hello"}, headers=headers)
    again = client.post(url, json={"text": "Hello"}, headers=headers)

    assert first.text == again.text
    assert again.headers["idempotent-replayed"] == "true"
    assert len(messages(client, chat)) == 2


def test_a_spoken_reply_is_a_turn(client: httpx2.Client, chat: str) -> None:
    """It is told with its sound, leaves the record of a turn with its listener and chat, and can be reported on."""
    body = {"text": "Good morning. How are you?", "speak": True, "listener": "lena", "voice": "scripted-en"}
    answer = client.post(f"/api/chats/{chat}/send", json=body, headers=key(**STREAM))

    events = events_of(answer.text)
    kinds = [kind for _, kind, _ in events]
    assert kinds[:2] == ["run", "meta"]
    assert kinds[-1] == "done"
    meta = events[1][2]
    sound = [data for _, kind, data in events if kind == "audio"]
    assert {each["voice"] for each in sound} == {"scripted-en"}
    assert len({each["seq_of_sentence"] for each in sound}) == 2
    assert all(each["data"] for each in sound)
    assert events[-1][2]["reply"]["text"] == body["text"]
    assert "ttfa_ms" in events[-1][2]["timings"] or events[-1][2]["timings"]
    turns = until(lambda: client.get("/api/turns", params={"listener": "lena"}).json()["items"])
    assert [(turn["turn"], turn["outcome"], turn["chat"]) for turn in turns] == [(meta["turn"], "completed", chat)]
    report = {"turn": meta["turn"], "token": meta["report_token"], "played_s": 1.0, "underflow_events": 0}
    told = client.post("/api/telemetry/voice", json={**report, "underflow_ms": 0.0})
    assert told.status_code < 300, told.text


def test_a_failure_is_told_and_can_be_tried_again(client: httpx2.Client, chat: str) -> None:
    """502 with the run; the same key begins its next attempt, and the message is there once."""
    one = send(client, chat, "Hello", profile="quality")
    two = send(client, chat, "Hello", profile="quality")

    assert one.status_code == two.status_code == 502
    assert one.json()["run"] == two.json()["run"]
    assert one.headers["location"] == f"/api/runs/{one.json()['run']}"
    run = client.get(one.headers["location"]).json()
    assert (run["state"], run["attempt"], run["code"]) == ("failed", 2, one.json()["code"])
    assert [each["text"] for each in messages(client, chat)] == ["Hello"]
    assert events_of(client.get(one.headers["location"] + "/events").text)[-1][1] == "error"
    assert [each for each in entries(client, chat) if each[0] == "reply.write"] == [
        ("reply.write", "failed", one.json()["code"])
    ] * 2


def test_whoever_may_only_read_cannot_send(server: RunningServer, chat: str) -> None:
    """Each route takes its scope, and a run of somebody else can be read, not made."""
    with server.client(server.made("reader", "read")) as reader:
        assert reader.get(f"/api/chats/{chat}/messages").status_code == 200
        assert send(reader, chat).status_code == 403
        assert reader.post("/api/chats", json={"title": "x"}).status_code == 403
        assert reader.delete(f"/api/chats/{chat}").status_code == 403
    with server.client(server.made("sender", "send")) as sender:
        assert send(sender, chat).status_code == 200
        assert sender.get(f"/api/chats/{chat}/messages").status_code == 403


def test_nobody_chooses_who_they_are(server: RunningServer, client: httpx2.Client, chat: str) -> None:
    """Whoever sends is known by the key alone; fields and headers that name somebody else are refused or ignored."""
    with server.client(server.made("mallory", "send")) as mallory:
        named = mallory.post(f"/api/chats/{chat}/send", json={"text": "Hi", "user_id": "admin"}, headers=key())
        assert named.status_code == 400
        sent = mallory.post(f"/api/chats/{chat}/send", json={"text": "Hi"}, headers=key(**{"X-Operator-Id": "admin"}))
        assert sent.json()["message"]["operator"] == "mallory"
    assert entries(client, chat)[-1][0] == "reply.write"


def test_unknown_runs_and_nodes_are_told(client: httpx2.Client) -> None:
    """404 with a code for each."""
    run = client.get(f"/api/runs/main.{'0' * 32}")
    assert (run.status_code, run.json()["code"]) == (404, "unknown_run")
    node = client.get(f"/api/runs/elsewhere.{'0' * 32}/events")
    assert (node.status_code, node.json()["code"]) == (404, "unknown_node")


def test_the_ninth_message_at_once_is_refused(embedded: RunningServer) -> None:
    """By default eight pass, and one more each second; the refusal says by which policy, and leaves the key usable."""
    with embedded.client() as client:
        chat, began, passed = opened(client), time.monotonic(), 0
        while (answer := _sent(client, chat, passed)).status_code in {200, 202}:
            passed += 1
            assert passed <= 8 + (time.monotonic() - began) + 1
        assert answer.status_code == 429, answer.text
        assert passed >= 8 or answer.json()["policy"] == "runs"
        assert answer.json()["code"] == "rate_limited"
        assert answer.json()["policy"] in {"chat", "runs"}
        assert int(answer.headers["retry-after"]) >= 1
        assert until(lambda: _sent(client, chat, passed).status_code in {200, 202})
        assert len([each for each in messages(client, chat) if each["role"] == "user"]) == passed + 1


def _sent(client: httpx2.Client, chat: str, number: int) -> httpx2.Response:
    """A message that nobody waits for, under a key of its own number."""
    headers = {"Idempotency-Key": f"number-{number}", **ASYNC}
    return client.post(f"/api/chats/{chat}/send", json={"text": "Hi"}, headers=headers)


def test_a_server_that_stops_ends_its_streams_with_a_place_to_go_on() -> None:
    """Running replies have their time; what takes longer ends with `drain`, and the next server makes it."""
    slow = json.loads(json.dumps(PLENTIFUL))
    slow["server"] = {"drain_s": 0.5}
    slow["providers"]["scripted"] = {"token_interval_s": 0.2}
    with running(slow) as server, server.client() as client:
        chat, data = opened(client), server.data
        begun = client.post(f"/api/chats/{chat}/send", json={"text": LONG}, headers=key(**ASYNC))
        with client.stream("GET", begun.headers["location"] + "/events") as answer:
            lines = answer.iter_lines()
            next(lines)
            os.kill(server.process.pid, signal.SIGTERM)
            rest = "\n".join(lines)
        last = events_of("id: 1\n" + rest)[-1]
        assert last[1] == "drain"
        server.process.wait(20)
        quick = {**slow, "providers": PLENTIFUL["providers"]}
        with running(quick, data=data) as second, second.client(server.key) as again:
            events = events_of(
                again.get(begun.headers["location"] + "/events", headers={"Last-Event-ID": str(last[0])}).text
            )
            assert [kind for _, kind, _ in events][:2] == ["restarted", "run"]
            assert events[-1][1] == "done"
            assert len(messages(again, chat)) == 2
