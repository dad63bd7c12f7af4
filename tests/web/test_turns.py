"""A turn over HTTP, against a real server with real speech."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.server import HEARING, RunningServer, running

TEXTS = {
    "en": "Hello! Tell me more about yourself.",
    "uk": "Привіт! Розкажи більше про себе.",
    "ru": "Привет! Расскажи подробнее о себе.",
    "zh": "你好！请介绍一下你自己。",
}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """One server with the embedded providers."""
    with running({"providers": HEARING}) as server:
        yield server


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events as pairs of kind and data."""
    found = []
    for block in text.strip().split("\n\n"):
        kind, data = block.split("\n", 1)
        found.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def chat(server: RunningServer, accept: str = "text/event-stream", **body: Any) -> httpx2.Response:
    """A turn, read to its end."""
    return httpx2.post(f"{server.url}/api/voice/chat/stream", json=body, headers={"accept": accept}, timeout=60)


@pytest.mark.parametrize("language", ["en", "uk", "ru", "zh"])
def test_a_turn_speaks_in_each_language(server: RunningServer, language: str) -> None:
    """Meta first, then each text before its audio, in order; one `done` last; and one record."""
    answer = chat(server, text=TEXTS[language], listener="anna")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-accel-buffering"] == "no"
    found = events(answer.text)
    kinds = [kind for kind, _ in found]
    assert kinds[0] == "meta"
    assert kinds[-1] == "done"
    assert kinds.count("meta") == kinds.count("done") == 1
    assert "error" not in kinds
    meta, done = found[0][1], found[-1][1]
    assert (meta["language"], meta["format"], meta["sample_rate"]) == (language, "pcm16", 24000)

    order = [(data["seq"], kind == "audio") for kind, data in found if kind in {"text", "audio"}]
    assert order == sorted(order)
    audio = [data for kind, data in found if kind == "audio"]
    for seq in {packet["seq"] for packet in audio}:
        parts = [packet["part"] for packet in audio if packet["seq"] == seq]
        assert parts == list(range(len(parts)))
    pcm = b"".join(base64.b64decode(packet["data"]) for packet in audio)
    assert len(pcm) / 48 == pytest.approx(done["audio_ms"], abs=0.1)
    assert {packet["turn"] for packet in audio} == {meta["turn"]}
    assert all(packet["provider"] == "espeak" and packet["voice"] == meta["voice"] for packet in audio)

    timings = done["timings"]
    story = ["first_token_ms", "first_sentence_ms", "first_byte_ms", "first_audible_ms", "first_sent_ms", "total_ms"]
    assert [timings[name] for name in story] == sorted(timings[name] for name in story)

    record = server.record(meta["turn"])
    assert record["outcome"] == "completed"
    assert (record["listener"], record["language"], record["variant"]) == ("anna", language, "baseline")
    assert record["sentences"] == done["sentences"] == len([kind for kind in kinds if kind == "text"])
    assert record["audio_ms"] == done["audio_ms"]
    assert record["underflow"] == {"events": 0, "ms": 0.0}
    assert {attempt["outcome"] for attempt in record["attempts"]} == {"completed"}


def test_ndjson_says_the_same(server: RunningServer) -> None:
    """The same turn as NDJSON: one object a line, its kind under `event`."""
    answer = chat(server, "application/x-ndjson", text=TEXTS["uk"])

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["event"] == "meta"
    assert lines[-1]["event"] == "done"
    sse = events(chat(server, text=TEXTS["uk"]).text)
    assert [line["text"] for line in lines if line["event"] == "text"] == [
        data["text"] for kind, data in sse if kind == "text"
    ]


@pytest.mark.parametrize("audio_format", ["pcm16", "mp3", "wav", "opus"])
def test_each_format_is_one_stream(server: RunningServer, audio_format: str) -> None:
    """The packets of a turn concatenate to one stream of the asked format, with one header."""
    found = events(chat(server, text=TEXTS["en"], format=audio_format).text)

    body = b"".join(base64.b64decode(data["data"]) for kind, data in found if kind == "audio")
    magic = {"wav": b"RIFF", "opus": b"OggS", "mp3": b"\xff", "pcm16": b""}[audio_format]
    assert body.startswith(magic)
    assert body.count(b"RIFF") == (1 if audio_format == "wav" else 0)
    assert found[-1][0] == "done"


def test_a_recording_is_heard_and_answered(server: RunningServer) -> None:
    """Speech in, speech out: `meta` tells what was heard, the marks of the turn begin at its request."""
    spoken = httpx2.post(f"{server.url}/api/voice/tts", json={"text": "Hello. What time is it now?"}, timeout=60)
    assert spoken.status_code == 200

    found = events(chat(server, audio=base64.b64encode(spoken.content).decode(), language="en").text)

    assert found[0][0] == "meta"
    assert found[0][1]["heard"]
    assert found[-1][0] == "done"


def test_silence_is_not_answered(server: RunningServer) -> None:
    """A recording without speech is told as such, with a status, and leaves a record."""
    silence = base64.b64encode(_wav(bytes(32_000))).decode()

    answer = chat(server, audio=silence, language="en")

    assert answer.status_code == 422
    assert answer.json()["code"] == "nothing_heard"


def _wav(pcm: bytes, rate: int = 16_000) -> bytes:
    """A wav file of 16-bit mono PCM."""
    head = b"WAVEfmt " + (16).to_bytes(4, "little") + (1).to_bytes(2, "little") + (1).to_bytes(2, "little")
    head += rate.to_bytes(4, "little") + (2 * rate).to_bytes(4, "little") + b"\x02\0\x10\0"
    body = head + b"data" + len(pcm).to_bytes(4, "little") + pcm
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def test_a_listener_reports_once(server: RunningServer) -> None:
    """The token of `meta` lets its listener report once; the report stands in the record and in the counters."""
    found = events(chat(server, text="Hi").text)
    meta, done = found[0][1], found[-1][1]
    report = {
        "turn": meta["turn"],
        "token": meta["report_token"],
        "first_played_ms": done["timings"]["first_sent_ms"] + 60,
        "played_s": done["audio_ms"] / 1000,
        "underflow_events": 1,
        "underflow_ms": 120.5,
    }
    url = f"{server.url}/api/telemetry/voice"

    assert httpx2.post(url, json=report).json() == {"result": "accepted"}
    assert httpx2.post(url, json=report).json() == {"result": "duplicate"}
    assert httpx2.post(url, json={**report, "token": "0" * 32}).status_code == 401
    assert httpx2.post(url, json={**report, "played_s": -1}).status_code == 400
    assert httpx2.post(url, json={**report, "turn": "../../etc"}).status_code == 400

    record = server.record(meta["turn"])
    assert record["playback"]["underflow_ms"] == 120.5
    assert record["marks"]["first_played"] == pytest.approx(report["first_played_ms"])
    assert server.metric('segue_playback_reports_total{result="accepted"}') >= 1


def test_stt_hears_one_of_the_phrases(server: RunningServer) -> None:
    """From a closed list the embedded recognizer hears exactly what was said; alignment refuses other words."""
    spoken = httpx2.post(
        f"{server.url}/api/voice/tts", json={"text": "Turn on the light.", "language": "en"}, timeout=60
    )
    audio = base64.b64encode(spoken.content).decode()
    url = f"{server.url}/api/voice/stt"
    phrases = ["turn on the light", "open the window", "what time is it"]

    heard = httpx2.post(url, json={"audio": audio, "phrases": phrases}, timeout=60).json()
    right = httpx2.post(url, json={"audio": audio, "expected": "turn on the light"}, timeout=60).json()
    wrong = httpx2.post(url, json={"audio": audio, "expected": "bring me seven green apples"}, timeout=60).json()

    assert heard["text"] == "turn on the light"
    assert right["text"] == "turn on the light"
    assert wrong["text"] == ""
    assert heard["duration_s"] == pytest.approx(len(spoken.content) / 48_000, abs=0.05)


@pytest.mark.parametrize("audio_format", ["wav", "mp3", "opus", "flac", "aac", "pcm16"])
def test_tts_gives_a_finished_file(server: RunningServer, audio_format: str) -> None:
    """Not streamed, the answer has its length and its type; streamed, it has the same sound."""
    body = {"text": "Сьогодні 21 листопада 2026 року.", "format": audio_format}

    whole = httpx2.post(f"{server.url}/api/voice/tts", json=body, timeout=60)
    streamed = httpx2.post(f"{server.url}/api/voice/tts", json={**body, "stream": True}, timeout=60)

    assert whole.status_code == streamed.status_code == 200
    assert int(whole.headers["content-length"]) == len(whole.content) > 1000
    assert "content-length" not in streamed.headers
    assert whole.headers["content-type"] == streamed.headers["content-type"]
    assert whole.headers["x-segue-language"] == "uk"
    if audio_format == "wav":
        assert int.from_bytes(whole.content[4:8], "little") == len(whole.content) - 8
        assert streamed.content[4:8] == b"\xff\xff\xff\xff"


def test_voices_and_health(server: RunningServer) -> None:
    """Every language has a default voice, the providers are ready, and the process is live and ready."""
    voices = httpx2.get(f"{server.url}/api/voice/voices").json()
    for language in ("en", "uk", "ru", "zh"):
        mine = [voice for voice in voices["items"] if language in voice["languages"]]
        assert len([voice for voice in mine if voice["default"]]) == 1
        assert {voice["provider"] for voice in mine} == {"espeak"}
    only = httpx2.get(f"{server.url}/api/voice/voices", params={"language": "uk"}).json()
    assert all("uk" in voice["languages"] for voice in only["items"])

    health = server.health()
    assert health["status"] == "ok"
    assert health["recognition"]["languages"] == ["en"]
    assert httpx2.get(f"{server.url}/api/health").json()["status"] == "live"
    assert httpx2.get(f"{server.url}/api/ready").json() == {"status": "ready", "reasons": {}, "degraded": {}}
    assert "segue_turns_total" in httpx2.get(f"{server.url}/metrics").text
