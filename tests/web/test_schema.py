"""The OpenAPI document against the server that serves it: whatever the document allows, nothing breaks."""

import subprocess
import sys
from pathlib import Path

import httpx2

from tests.server import running

OPTIONS = (
    *("--phases", "examples,coverage,fuzzing", "--checks", "not_a_server_error"),
    *("--max-examples", "10", "--workers", "1", "--seed", "1"),
)


SWITCH = "/api/voice/switch"
"""The kill switch: who has turned it off rightly gets 503 everywhere else, so it is tried apart, and last."""


def test_generated_requests_never_break_the_server() -> None:
    """Requests generated from the document, valid and invalid ones, are answered without a server error."""
    with running({"providers": {"models": ["scripted"], "synthesizers": ["scripted"]}}) as server:
        for chosen in (("--exclude-path", SWITCH), ("--include-path", SWITCH)):
            schemathesis = (Path(sys.executable).parent / "schemathesis", "run", f"{server.url}/api/openapi.json")
            shown = ("--header", f"Authorization: Bearer {server.key}")
            done = subprocess.run([*schemathesis, *OPTIONS, *shown, *chosen], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-4000:]
        paths = httpx2.get(f"{server.url}/api/openapi.json").json()["paths"]

    assert not [line for line in server.log if '"level": "error"' in line]
    expected = {
        "/api/voice/chat/stream",
        "/api/voice/tts",
        "/api/voice/stt",
        "/api/voice/voices",
        SWITCH,
        "/api/telemetry/voice",
        "/api/health",
        "/api/ready",
        "/voice/health",
        "/metrics",
        "/v1/audio/speech",
        "/v1/audio/transcriptions",
        "/v1/audio/models",
        "/v1/audio/voices",
        "/v1/chat/completions",
        "/v1/models",
    }
    assert expected <= set(paths)
