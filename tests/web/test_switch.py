"""Degradation and the kill switch in a real server: what turns get, what is refused, what survives a restart."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from segue.errors import VoiceDisabled
from segue.settings import load
from segue.wiring import house
from tests.server import RunningServer, clean_environment, running

SLOW = {
    "providers": {"models": ["scripted"], "scripted": {"first_token_s": 0.3, "reply": "Good morning."}},
    "voice": {"degradation": {"min_turns": 3, "enter_s": 0, "ttfa_slow_ms": 100, "ttfa_fast_ms": 200}},
}
"""A model that takes 300 ms, judged by limits of 100 and 200 ms over three turns."""
TALK = "/api/voice/chat/stream"
SWITCH = "/api/voice/switch"


def events(server: RunningServer, **body: Any) -> list[dict[str, Any]]:
    """A turn over HTTP: its events but for the audio."""
    answer = httpx2.post(
        server.url + TALK, json={"text": "Hello", **body}, headers={"accept": "application/x-ndjson"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    plain = [json.loads(line) for line in answer.text.splitlines()]
    return [event for event in plain if event["event"] != "audio"]


def status(server: RunningServer) -> dict[str, Any]:
    """What the server says about degradation."""
    plain: dict[str, Any] = httpx2.get(f"{server.url}/api/voice/degradation_status").json()
    return plain


def switched(server: RunningServer, enabled: bool, reason: str = "") -> dict[str, Any]:
    """Turn the kill switch."""
    answer = httpx2.post(server.url + SWITCH, json={"enabled": enabled, "reason": reason}, headers=server.headers)
    assert answer.status_code == 200, answer.text
    plain: dict[str, Any] = answer.json()
    return plain


@pytest.fixture(scope="module")
def plain() -> Any:
    """A server with the embedded providers."""
    with running() as server:
        yield server


def test_a_slow_model_turns_quality_off_and_the_turn_says_so() -> None:
    """After three slow turns a turn that asks for quality gets the fast profile, with an event and in its record."""
    with running(SLOW) as server:
        assert status(server)["state"] == "unknown"
        for _ in range(3):
            assert events(server)[0]["profile"] == "fast"
        told = status(server)
        assert (told["axes"]["model"]["state"], told["badges"]) == ("fast", ["FAST MODE"])
        assert told["axes"]["model"]["figures"]["ttfa_p95_ms"]["n"] == 3
        assert told["profiles"]["fast"]["ttfa_p95_ms"]["verdict"] == "met"

        meta, degraded = events(server, profile="quality")[:2]
        assert meta["profile"] == "fast"
        assert (degraded["event"], degraded["reason"]) == ("degraded", "fast_profile")
        record = server.record(meta["turn"])
        assert (record["profile"], record["degraded"]) == ("fast", ["fast_profile"])
        # It asked for quality, so it does not count towards the state that decided about it.
        assert status(server)["axes"]["model"]["figures"]["ttfa_p95_ms"]["n"] == 3
        assert any("degradation" in line and "fast" in line for line in server.log)


def test_switched_off_every_way_in_is_refused_and_running_turns_finish(plain: RunningServer) -> None:
    """A turn that runs is heard to its end; a new one gets 503 over HTTP and an in-band error over the socket."""
    with connect(plain.ws + "/api/voice/ws") as socket, connect(plain.ws + "/api/voice/ws") as other:
        socket.send(json.dumps({"type": "turn", "generation": 1, "text": "Tell me more.", "language": "en"}))
        assert json.loads(socket.recv(30))["event"] == "meta"
        state = switched(plain, False, "A fault in the voices.")
        try:
            assert (state["enabled"], state["by"], state["kept"]) == (False, "admin", True)
            last = {}
            while last.get("event") not in {"done", "error"}:
                message = socket.recv(60)
                last = json.loads(message) if isinstance(message, str) else last
            assert last["event"] == "done"

            answer = httpx2.post(plain.url + TALK, json={"text": "Hello"})
            problem = answer.json()
            assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "voice_disabled", True)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "A fault in the voices." in problem["detail"]

            other.send(json.dumps({"type": "turn", "generation": 1, "text": "Hello"}))
            error = json.loads(other.recv(30))
            assert (error["event"], error["code"], error["generation"]) == ("error", "voice_disabled", 1)
        finally:
            switched(plain, True)
        other.send(json.dumps({"type": "turn", "generation": 2, "text": "Hello", "language": "en"}))
        assert json.loads(other.recv(30))["event"] == "meta"
        other.send(json.dumps({"type": "clear"}))


def test_a_client_that_allows_it_is_answered_whole(plain: RunningServer) -> None:
    """While speech is not streamed, `allow_whole` gets the same turn as one answer instead of a refusal."""
    switched(plain, False)
    try:
        answer = httpx2.post(
            plain.url + TALK, json={"text": "Say: good morning.", "language": "en", "allow_whole": True}, timeout=60
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["text"].strip().lower().startswith("good morning")
    finally:
        switched(plain, True)
    assert events(plain, text="Say: good morning.", language="en", allow_whole=True)[-1]["event"] == "done"


async def test_what_was_switched_off_is_off_after_a_restart(tmp_path: Path) -> None:
    """The switch is kept in the data folder: the next Segue that is put together begins as the last one ended."""
    settings = load(data=tmp_path)
    async with house.build(settings).running() as plane:
        off = await plane.switch.turn(False, "over night")
        assert off.kept
    async with house.build(settings).running() as plane:
        assert plane.switch.state == off
        with pytest.raises(VoiceDisabled, match="over night"):
            plane.switch.check()
    async with house.build(settings, keep=False).running() as plane:
        plane.switch.check()


@pytest.mark.parametrize("word", ["Off"])
def test_the_environment_keeps_it_off(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """With the variable saying no, turns are refused and the live switch cannot be turned on."""
    monkeypatch.setenv("VOICE_STREAM_ENABLED", word)
    with running() as server:
        assert httpx2.post(server.url + TALK, json={"text": "Hello"}).status_code == 503
        answer = httpx2.post(server.url + SWITCH, json={"enabled": True}, headers=server.headers)
        assert answer.status_code == 400
        assert "VOICE_STREAM_ENABLED" in answer.json()["detail"]
        assert status(server)["switch"]["enabled"] is False


def test_a_word_that_means_nothing_stops_the_start() -> None:
    """A variable that says neither on nor off is named, with what it may say, and the server does not start."""
    ended = subprocess.run(
        [sys.executable, "-m", "segue.cli.main", "serve", "--port", "0"],
        env=clean_environment({"VOICE_STREAM_ENABLED": "perhaps"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "VOICE_STREAM_ENABLED='perhaps'" in ended.stderr
    assert "on, 0, false" in ended.stderr
