"""Bad input gets a clear error and loses nothing; a caller who leaves takes the work with it."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.server import HEARING, RunningServer, running

CHAT = "/api/voice/chat/stream"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server with short limits and slow scripted speech."""
    scripted = {"reply": "A sentence that takes a while. " * 50, "real_time_factor": 0.5, "token_interval_s": 0.01}
    config = {
        "server": {"receive_timeout_s": 1.0, "body_limit_bytes": 2_000_000},
        "voice": {"max_turns": 8},
        "providers": {**HEARING, "models": ["scripted"], "synthesizers": ["scripted"], "scripted": scripted},
    }
    with running(config) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        (CHAT, {}, 400, "invalid_request", "either `text` or `audio`"),
        (CHAT, {"text": "a", "audio": "b"}, 400, "invalid_request", "either `text` or `audio`"),
        (CHAT, {"text": "   \n"}, 400, "invalid_request", "empty"),
        (CHAT, {"text": "x" * 1_000_000}, 413, "too_large", "1,000,000 characters; at most 20,000"),
        (CHAT, {"text": "Hi", "language": "fr"}, 400, "unknown_language", "en, uk, ru, zh"),
        (CHAT, {"text": "Hi", "voice": "nobody"}, 400, "unknown_voice", "nobody"),
        (CHAT, {"text": "Hi", "voice": "scripted-uk", "language": "en"}, 400, "unknown_voice", "not en"),
        (CHAT, {"text": "Hi", "character": "pip_boy"}, 400, "unknown_character", "pip_boy"),
        (CHAT, {"text": "Hi", "format": "midi"}, 400, "invalid_request", "format"),
        (CHAT, {"text": "Hi", "profile": "best"}, 400, "invalid_request", "profile"),
        (CHAT, {"text": "Hi", "surprise": True}, 400, "invalid_request", "surprise"),
        (CHAT, {"text": 7}, 400, "invalid_request", "text"),
        (CHAT, {"audio": "not base64!"}, 400, "bad_audio", "base64"),
        (CHAT, {"audio": ""}, 400, "invalid_request", "empty"),
        (CHAT, {"audio": base64.b64encode(b"<html>nope</html>").decode()}, 400, "bad_audio", "HTML"),
        (CHAT, {"audio": base64.b64encode(b"RIFF\0\0\0\0WAVEjunk").decode()}, 400, "bad_audio", ""),
        (CHAT, {"audio": base64.b64encode(b"x").decode(), "language": "uk"}, 400, "unknown_language", "hears en"),
        ("/api/voice/tts", {"text": "Hi", "speed": 9}, 400, "invalid_request", "speed"),
        ("/api/voice/tts", {"text": "🎉🎉"}, 400, "invalid_request", "nothing in this text"),
        ("/api/voice/stt", {"audio": "AAAA"}, 400, "bad_audio", ""),
        ("/api/telemetry/voice", {"turn": "x"}, 400, "invalid_request", "turn"),
        ("/api/nowhere", {}, 404, "not_found", "/api/nowhere"),
    ],
)
def test_each_mistake_has_its_answer(
    server: RunningServer, path: str, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    """The status, a stable code, and a sentence that says what to do."""
    answer = httpx2.post(server.url + path, json=body, timeout=30)

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in problem["detail"]
    assert answer.headers["x-request-id"]


def test_what_cannot_be_spoken_is_named_by_its_field(server: RunningServer) -> None:
    """A text of nothing but signs is refused under the name that it has at that door, also for a file."""
    for more in ({}, {"store": True}):
        told = httpx2.post(f"{server.url}/api/voice/tts", json={"text": "\u009b", **more}, timeout=30).json()
        assert (told["status"], told["param"]) == (400, "text"), told
    for more in ({}, {"stream_format": "sse"}):
        body = {"model": "tts-1", "voice": "alloy", "input": "\u009b", **more}
        told = httpx2.post(f"{server.url}/v1/audio/speech", json=body, timeout=30).json()["error"]
        assert (told["code"], told["param"]) == ("invalid_request", "input"), told


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"text=Hi", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"", "application/json", 400),
    ],
)
def test_a_body_that_is_not_json_is_refused(
    server: RunningServer, content: bytes, content_type: str, status: int
) -> None:
    """The content type must say JSON, and JSON it must be."""
    headers = {"content-type": content_type} if content_type else {}
    answer = httpx2.post(server.url + CHAT, content=content, headers=headers)

    assert answer.status_code == status


def test_a_huge_body_is_refused_before_it_is_read(server: RunningServer) -> None:
    """A declared length over the limit is refused at once, an undeclared one when the limit is passed."""
    headers = {"content-type": "application/json"}
    declared = httpx2.post(server.url + CHAT, content=b"x" * 2_000_001, headers=headers)

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    assert declared.status_code == 413
    assert "2,000,000 bytes" in declared.json()["detail"]
    try:
        chunked = httpx2.post(server.url + CHAT, content=pieces(), headers=headers)
    except httpx2.TransportError:
        return  # closed in our face while we were still sending: refused all the same
    assert chunked.status_code == 413


def test_other_methods_and_shapes_are_refused(server: RunningServer) -> None:
    """A wrong method and a shape nobody offers have their own status."""
    assert httpx2.get(server.url + CHAT).status_code == 405
    answer = httpx2.post(server.url + CHAT, json={"text": "Hi"}, headers={"accept": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def talk_raw(server: RunningServer, data: bytes, wait_s: float) -> tuple[bytes, float]:
    """Send bytes, then nothing; what came back until the server closed, and after how long."""
    host, port = server.url.removeprefix("http://").split(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=wait_s) as connection:
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer, time.monotonic() - began


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /api/voice/chat/stream HTT",
        b"POST /api/voice/tts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_slow_client_is_let_go(server: RunningServer, data: bytes) -> None:
    """Who does not finish a request is answered 408 and closed, whatever part of it is missing."""
    answer, took_s = talk_raw(server, data, wait_s=20)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert took_s >= 0.9


async def running_turns(client: httpx2.AsyncClient, count: int) -> None:
    """Wait until so many turns run; bounded, so that a server that never gets there fails the test."""
    async with asyncio.timeout(20):
        while (await client.get("/voice/health")).json()["turns"]["running"] != count:
            await asyncio.sleep(0.002)


async def test_a_hang_up_cancels_within_a_tenth_of_a_second(server: RunningServer) -> None:
    """When the listener goes, model and synthesis are cancelled within 100 ms, and a record is left."""
    turns, took = [], []
    async with httpx2.AsyncClient(base_url=server.url) as client:
        for _ in range(10):
            async with client.stream(
                "POST", CHAT, json={"text": "Hi"}, headers={"accept": "application/x-ndjson"}
            ) as one:
                async for line in one.aiter_lines():
                    event = json.loads(line)
                    if event["event"] == "meta":
                        turns.append(event["turn"])
                    if event["event"] == "audio":
                        break
            began = time.monotonic()
            await running_turns(client, 0)
            took.append(time.monotonic() - began)

    records = {record["turn"]: record for record in server.records()}
    assert [records[turn]["outcome"] for turn in turns] == ["abandoned"] * 10
    assert {attempt["outcome"] for turn in turns for attempt in records[turn]["attempts"]} <= {"completed", "cancelled"}
    assert sorted(took)[len(took) // 2] <= 0.1


async def test_too_many_turns_are_refused_at_once(server: RunningServer) -> None:
    """Over the limit: 503 with Retry-After, while those who were let in go on; afterwards there is room again."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        release = asyncio.Event()

        async def hold() -> int:
            async with client.stream("POST", CHAT, json={"text": "Hi"}) as answer:
                body = answer.aiter_bytes()  # kept: a forgotten iterator closes its response
                await anext(body)
                await release.wait()
                return answer.status_code

        holders = [asyncio.create_task(hold()) for _ in range(8)]
        await running_turns(client, 8)
        refused = await client.post(CHAT, json={"text": "Hi"})
        release.set()
        assert await asyncio.gather(*holders) == [200] * 8
        await running_turns(client, 0)

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "overloaded"
    assert refused.json()["retryable"] is True


async def test_a_listener_who_reads_nothing_pauses_the_reply(server: RunningServer) -> None:
    """A slow listener holds back its own synthesis and nobody else's memory."""
    reader, writer = await asyncio.open_connection(*server.url.removeprefix("http://").split(":"), limit=1024)
    body = json.dumps({"text": "Hi"}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.readexactly(200)
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        other = await client.post("/api/voice/tts", json={"text": "Hi"})
        running_turns = (await client.get("/voice/health")).json()["turns"]["running"]
    writer.close()
    await writer.wait_closed()

    assert other.status_code == 200
    assert running_turns == 1
