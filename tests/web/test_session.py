"""Sessions on every path: the token goes out with a turn, and comes back with the next one."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from websockets.sync.client import connect

from tests.kept import kept
from tests.rollouts import QUICK, started
from tests.server import RunningServer, running

TEXT = "Good morning to everyone."
LISTENER = "Олена"
HEADERS: Any = {"X-Segue-Listener": LISTENER.encode()}
"""A name outside ASCII goes as UTF-8, for headers are bytes."""
SPEECH = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "pcm"}
QUESTION: list[Any] = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server with two models, on which everybody is given another model and another voice than before."""
    config = {**QUICK, "providers": {**QUICK["providers"], "models": ["offline", "scripted"]}}
    candidate = {"name": "new", "model": "scripted", "voice": "scripted-any"}
    stages = [{"name": "whole", "share": "100%", "dwell": "1h"}]
    with running(config) as server, started(server, "visit", candidate=candidate, stages=stages):
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=60) as client:
        yield client


def chatted(server: RunningServer, **body: Any) -> dict[str, Any]:
    """The `meta` of a chat turn."""
    body = {"text": TEXT, "language": "en", "listener": LISTENER, **body}
    headers = {"accept": "application/x-ndjson"}
    answer = httpx2.post(f"{server.url}/api/voice/chat/stream", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    meta: dict[str, Any] = json.loads(answer.text.splitlines()[0])
    return meta


def posted(server: RunningServer, path: str, body: dict[str, Any], **headers: Any) -> httpx2.Response:
    """An answer."""
    answer = httpx2.post(f"{server.url}{path}", json=body, headers={**HEADERS, **headers}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_visit_is_one_session_on_every_path(server: RunningServer) -> None:
    """Chat, reading out, a stored file, WebSocket and OpenAI's speech hand on one session, whichever comes next."""
    token = chatted(server)["session"]
    session = token[:16]
    turns = []

    meta = chatted(server, session=token)
    turns.append((meta["turn"], meta["session"]))
    body = {"text": TEXT, "language": "en", "listener": LISTENER}
    answer = posted(server, "/api/voice/tts", {**body, "session": turns[-1][1]})
    turns.append((answer.headers["x-segue-turn"], answer.headers["x-segue-session"]))
    answer = posted(server, "/api/voice/tts", {**body, "session": turns[-1][1], "store": True})
    turns.append((answer.headers["x-segue-turn"], answer.json()["session"]))
    with connect(f"{server.ws}/api/voice/ws") as socket:
        socket.send(json.dumps({"type": "turn", **body, "session": turns[-1][1]}))
        meta = json.loads(socket.recv(30))
    turns.append((meta["turn"], meta["session"]))
    for stream_format in ("audio", "sse"):
        spoken = {**SPEECH, "stream_format": stream_format}
        answer = posted(server, "/v1/audio/speech", spoken, **{"X-Segue-Session": turns[-1][1]})
        turns.append((answer.headers["x-segue-turn"], answer.headers["x-segue-session"]))
        assert answer.headers["x-segue-variant"] == "new"

    for record, (_, fresh) in zip(kept(server, [turn for turn, _ in turns]), turns, strict=True):
        assert (record["listener"], record["session"], record["assigned"]) == (LISTENER, session, "session"), record
        assert (record["variant"], record["arm"], fresh[:16]) == ("new", "candidate", session)


def test_openais_voice_names_stand_for_any_voice(server: RunningServer, client: openai.OpenAI) -> None:
    """`alloy` is spoken with the variant's voice, which is no substitution; a voice named by its own name stays."""
    speech = client.audio.speech.with_raw_response
    answer = speech.create(model="tts-1", voice="alloy", input=TEXT, extra_headers={"X-Segue-Listener": "anna"})
    assert (answer.headers["x-segue-voice"], answer.headers.get("x-segue-substituted")) == ("scripted-any", None)
    answer = speech.create(model="tts-1", voice="scripted-en", input=TEXT, extra_headers={"X-Segue-Listener": "anna"})
    assert answer.headers["x-segue-voice"] == "scripted-en"
    assert kept(server, [answer.headers["x-segue-turn"]])[0]["assigned"] == "alike"


@pytest.mark.parametrize(
    "who",
    [
        {"extra_headers": {"X-Segue-Listener": "anna"}},
        {"user": "anna"},
        {"safety_identifier": "anna"},
        {"user": "x" * 500, "safety_identifier": "anna"},
    ],
)
def test_a_completion_is_written_by_the_variants_model(client: openai.OpenAI, who: dict[str, Any]) -> None:
    """Whoever says who listens is given the model that their turns get; a model named by its own name stays."""
    completions = client.chat.completions.with_raw_response
    answer = completions.create(model="gpt-4o", messages=QUESTION, **who)
    assert (answer.parse().model, answer.headers["x-segue-variant"]) == ("scripted", "new")
    assert answer.headers["x-segue-session"]
    assert completions.create(model="offline", messages=QUESTION, **who).parse().model == "offline"
    assert client.chat.completions.create(model="gpt-4o", messages=QUESTION).model == "offline"


@pytest.mark.parametrize("user", ["", "a\nb", "x" * 201])
def test_what_is_no_name_is_left_aside(client: openai.OpenAI, user: str) -> None:
    """A client that sends something else as `user` is answered all the same, as nobody in particular."""
    answer = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=QUESTION, user=user)
    assert answer.headers["x-segue-variant"] == "old"


@pytest.mark.parametrize(
    ("token", "why"), [("nonsense", "malformed"), ("ends.1.c.visit/1.x.0", "tampered"), ("š" * 600, "malformed")]
)
def test_a_token_that_cannot_be_believed_is_ignored(server: RunningServer, token: str, why: str) -> None:
    """The turn is served as without it, hands out a fresh one, and the reason is counted."""
    sample = f'segue_ignored_sessions_total{{reason="{why}"}}'
    before = server.metric(sample)
    first = chatted(server, session=token)
    assert server.metric(sample) == before + 1

    then = chatted(server, session=first["session"])
    records = kept(server, [first["turn"], then["turn"]])
    assert [record["session"] for record in records] == [LISTENER, first["session"][:16]]


def test_another_listeners_token_is_ignored(server: RunningServer) -> None:
    """A token is bound to its listener."""
    meta = chatted(server, listener="bob", session=chatted(server)["session"])
    assert kept(server, [meta["turn"]])[0]["session"] == "bob"
    assert server.metric('segue_ignored_sessions_total{reason="foreign"}') == 1
