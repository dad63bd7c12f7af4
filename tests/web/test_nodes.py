"""Two nodes, each a real process with its own database and model: a chat lives on one of them, and is reached by both.

The last test ends one of them, so the order matters.
"""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from segue import __version__
from tests.rollouts import until
from tests.server import RunningServer, bearer, running

NOBODYS = "0" * 32


def settings(node: str, reply: str, **console: Any) -> dict[str, Any]:
    """A node whose model always says the same."""
    return {
        "providers": {
            "models": ["scripted"],
            "synthesizers": ["scripted"],
            "recognizers": [],
            "scripted": {"reply": reply, "real_time_factor": 0.0},
        },
        "console": {"node": node, **console},
    }


FAR = settings("far", "Far away. Over the sea. Behind the hills.")


@dataclass
class Pair:
    """Both nodes; `client` is an operator of the near one."""

    near: RunningServer
    far: RunningServer
    client: httpx2.Client
    """Of Оля, who may send and read."""

    def opened(self, node: str = "far") -> str:
        """A new chat on a node, opened by way of the near one."""
        answer = self.client.post("/api/chats", json={"title": "night", "node": node})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def send(self, chat: str, key: str, text: str = "Hello", **headers: str) -> httpx2.Response:
        """Send a message by way of the near node."""
        headers = {"Idempotency-Key": key, **headers}
        return self.client.post(f"/api/chats/{chat}/send", json={"text": text, "language": "en"}, headers=headers)

    def messages(self, chat: str, server: RunningServer | None = None) -> list[str]:
        """What was said in a chat, in order, as the near node tells it, or another server."""
        client = self.client if server is None else server.client()
        items = client.get(f"/api/chats/{chat}/messages?order=asc").json()["items"]
        if server is not None:
            client.close()
        return [item["text"] for item in items]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the far node."""
    return tmp_path_factory.mktemp("far")


@pytest.fixture(scope="module")
def pair(data: Path) -> Iterator[Pair]:
    """The near node knows the far one, and has a key of it; the far one knows nobody."""
    with ExitStack() as stack:
        far = stack.enter_context(running(FAR, data=data, exit_code=-signal.SIGKILL))
        nodes = {"far": {"url": far.url, "key_variable": "KEY_OF_FAR"}}
        near = stack.enter_context(
            running(
                settings("near", "Near by.", nodes=nodes, node_poll_s=0.3, node_timeout_s=5.0),
                environment={"KEY_OF_FAR": far.made("near", "node")},
            )
        )
        client = stack.enter_context(near.client(near.made("Оля", "send", "read")))
        yield Pair(near, far, client)
        far.process.kill()


def events(answer: httpx2.Response) -> list[dict[str, Any]]:
    """The events of a stream: the kind, the number, and what they say."""
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append({"kind": fields["event"], "id": fields.get("id"), **json.loads(fields["data"])})
    return found


def test_each_node_tells_of_itself_and_the_other(pair: Pair) -> None:
    """The list of nodes has this one as it is, and the other as it last said; neither its key nor another secret."""
    both = until(lambda: (found := pair.client.get("/api/nodes").json()["items"])[1]["state"] == "ready" and found)

    assert [(each["name"], each["own"], each["url"], each["state"], each["version"]) for each in both] == [
        ("near", True, None, "ready", __version__),
        ("far", False, pair.far.url, "ready", __version__),
    ]
    assert both[1]["answer_ms"] > 0
    assert both[1]["checked_at"] == pytest.approx(both[0]["checked_at"], abs=60)
    assert "seg_" not in json.dumps(both)
    assert pair.near.metric('segue_node_state{node="far"}') == 1.0


def test_a_chat_lives_on_its_node(pair: Pair) -> None:
    """Each node's own model answers, and each message is kept by the node of its chat and by no other."""
    far, near = pair.opened(), pair.opened("near")

    answers = [pair.send(chat, "one").json()["reply"]["text"] for chat in (far, near)]

    assert (far.split(".")[0], near.split(".")[0]) == ("far", "near")
    assert answers == ["Far away. Over the sea. Behind the hills.", "Near by."]
    assert pair.messages(far) == pair.messages(far, pair.far) == ["Hello", answers[0]]
    assert pair.messages(near) == ["Hello", "Near by."]
    with pair.far.client() as there:
        assert there.get(f"/api/chats/{near}").json()["code"] == "unknown_node"
        assert far in [each["id"] for each in there.get("/api/chats").json()["items"]]
    here = [each["id"] for each in pair.client.get("/api/chats").json()["items"]]
    assert near in here
    assert far not in here


def test_who_did_it_is_known_there_and_nothing_is_kept_here(pair: Pair) -> None:
    """The far audit names the operator, the node that let them in, and the request; the near one has nothing of it."""
    chat = pair.opened()
    assert pair.send(chat, "two", **{"X-Request-Id": "from-the-desk"}).status_code == 200

    with pair.far.client() as there, pair.near.client() as here:
        (entry,) = there.get(f"/api/audit?chat={chat}&action=message.send").json()["items"]
        assert here.get(f"/api/audit?chat={chat}").json()["items"] == []
        assert chat not in here.get("/api/audit").text
    assert (entry["actor"], entry["via"].split(":")[0]) == ("near/Оля", "node")
    assert (entry["request"], entry["node"]) == ("from-the-desk", "far")
    kept = [b"".join(file.read_bytes() for file in node.data.glob("segue.db*")) for node in (pair.near, pair.far)]
    assert [chat.encode() in database for database in kept] == [False, True]


def test_pages_go_on_across_the_hop(pair: Pair) -> None:
    """The list of another node's chats goes on with that node's cursors, and only with these."""
    mine = {pair.opened() for _ in range(3)}
    seen, cursor = [], ""
    while cursor is not None:
        answer = pair.client.get(f"/api/chats?node=far&limit=2{cursor and f'&cursor={cursor}'}")
        assert answer.headers["x-segue-limit"] == "2"
        seen += [each["id"] for each in answer.json()["items"]]
        cursor = answer.json()["next"]

    assert len(seen) == len(set(seen))
    assert mine <= set(seen)
    given = pair.client.get("/api/chats?node=far&limit=1").json()["next"]
    refused = pair.client.get(f"/api/chats?limit=1&cursor={given}")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")


def test_once_is_once_across_the_hop(pair: Pair) -> None:
    """Twenty at once with one key make one message and one reply; the same answer is given again, byte by byte."""
    chat = pair.opened()
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: pair.send(chat, "same"), range(20)))
    again = pair.send(chat, "same")
    other = pair.send(chat, "same", text="Another")

    assert {answer.status_code for answer in answers} <= {200, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "running"
            assert answer.headers["location"].startswith("/api/runs/far.")
            assert "retry-after" in answer.headers
    bodies = {answer.content for answer in answers if answer.status_code == 200}
    assert bodies == {again.content}
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(pair.messages(chat)) == 2


def test_events_and_their_resumption_cross_the_hop(pair: Pair) -> None:
    """A reply is followed through both nodes, found again from any place on, and found by its run."""
    chat = pair.opened()
    answer = pair.send(chat, "streamed", Accept="text/event-stream")
    run = answer.headers["x-segue-run"]
    told = events(answer)
    half = told[len(told) // 2]["id"]

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-segue-node"] == "far"
    assert (told[0]["kind"], told[-1]["kind"]) == ("run", "done")
    assert "".join(each["text"] for each in told if each["kind"] == "text").startswith("Far away.")
    rest = [each for each in told if int(each["id"]) > int(half)]
    assert events(pair.client.get(f"/api/runs/{run}/events?after={half}")) == rest
    assert events(pair.client.get(f"/api/runs/{run}/events", headers={"Last-Event-ID": half})) == rest
    assert pair.client.get(f"/api/runs/{run}").json()["state"] == "done"
    later = pair.send(chat, "later", Prefer="respond-async")
    assert later.status_code == 202
    assert until(lambda: pair.client.get(later.headers["location"]).json()["state"] == "done")


def test_refusals_cross_the_hop(pair: Pair) -> None:
    """What the far node refuses is told as it says it; what the near one refuses never gets there."""
    chat, gone = pair.opened(), pair.opened()
    assert pair.client.delete(f"/api/chats/{gone}").status_code == 204
    refused = {
        "unknown_chat": pair.send(gone, "x"),
        "unknown_run": pair.client.get(f"/api/runs/far.{NOBODYS}"),
        "invalid_request": pair.client.post(f"/api/chats/{chat}/send", json={"text": "No key"}),
        "unknown_voice": pair.client.post(
            f"/api/chats/{chat}/send", json={"text": "a", "voice": "nobody", "idempotency_key": "v"}
        ),
        "unknown_node": pair.client.get(f"/api/chats/lviv.{NOBODYS}"),
    }
    reader = httpx2.Client(base_url=pair.near.url, headers=bearer(pair.near.made("reader", "read")))
    with reader:
        forbidden = reader.post(f"/api/chats/{chat}/send", json={"text": "a", "idempotency_key": "f"})
    nameless = httpx2.post(f"{pair.near.url}/api/chats/{chat}/send", json={"text": "a"})

    assert {code: answer.json()["code"] for code, answer in refused.items()} == {code: code for code in refused}
    assert {answer.status_code for code, answer in refused.items() if code.startswith("unknown_")} == {400, 404}
    assert (forbidden.status_code, nameless.status_code) == (403, 401)
    assert pair.messages(chat) == []
    for name in ("?node=lviv", f"/lviv.{NOBODYS}/messages"):
        assert pair.client.get(f"/api/chats{name}").json()["code"] == "unknown_node"


def test_a_dead_node_is_named_and_comes_back(pair: Pair, data: Path) -> None:
    """A node that was killed is told as down, by name; nothing takes its place, and afterwards all is as it was."""
    chat, own = pair.opened(), pair.opened("near")
    kept = pair.send(chat, "before")
    port = int(pair.far.url.rsplit(":", 1)[1])
    pair.far.process.kill()
    pair.far.process.wait()

    down = [
        pair.send(chat, "while dead"),
        pair.client.get(f"/api/chats/{chat}/messages"),
        pair.client.get("/api/chats?node=far"),
        pair.client.post("/api/chats", json={"title": "x", "node": "far"}),
    ]
    assert {(each.status_code, each.json()["code"], each.json()["node"]) for each in down} == {
        (503, "node_down", "far")
    }
    assert all(int(each.headers["retry-after"]) > 0 for each in down)
    assert pair.send(own, "meanwhile").json()["reply"]["text"] == "Near by."
    dead = until(lambda: (found := pair.client.get("/api/nodes").json()["items"][1])["state"] == "dead" and found)
    assert dead["reasons"]
    assert pair.near.metric('segue_node_state{node="far"}') == 0.0

    with running(FAR, data=data, port=port) as back:
        assert pair.messages(chat) == pair.messages(chat, back)
        again = pair.send(chat, "before")
        assert (again.content, again.headers["idempotent-replayed"]) == (kept.content, "true")
        assert pair.send(chat, "while dead").status_code == 200
        assert len(pair.messages(chat)) == 4
        assert until(lambda: pair.client.get("/api/nodes").json()["items"][1]["state"] == "ready")
