"""Somebody who commands a rollout over the API of a running server, while something else is looked at."""

from typing import Any

import httpx2

from tests.server import RunningServer

SPEAKING: dict[str, Any] = {
    "providers": {
        "models": ["scripted"],
        "synthesizers": ["scripted"],
        "recognizers": [],
        "scripted": {"reply": "Good morning to you.", "real_time_factor": 0.0},
    },
    "delivery": {"tick_s": 0.2, "flush_s": 0.1, "grace_s": 1.0},
}
"""Settings of a server whose scripted providers answer at once, and which looks at its rollouts more often."""
PLAN: dict[str, Any] = {
    "about": "Speech begins with the first sentence instead of the whole reply.",
    "changes": "streaming",
    "baseline": {"name": "whole", "streaming": False},
    "candidate": {"name": "streamed"},
    "gates": {
        "ttfa": {"kind": "latency", "over": "500ms", "at_most": "5%"},
        "failures": {"kind": "failure", "at_most": "5%"},
        "slower": {"kind": "regression", "of": "ttfa"},
        "quiet": {"kind": "quiet", "on_breach": "hold"},
    },
    "verdict": {"block": "500ms"},
    "stages": [
        {"name": "some", "share": "30%", "dwell": "1h"},
        {"name": "half", "share": "50%", "dwell": "2h", "approval": True},
    ],
    "bake": {"dwell": "1h"},
}
"""A plan whose stages last for hours, so that only commands move it; blocks are short."""


class Operator:
    """Somebody else, who works with the API while the page is open."""

    def __init__(self, server: RunningServer, name: str) -> None:
        self.server = server
        self.url = server.url
        self.headers = server.headers
        self.name = name
        self.listeners = 0

    def command(self, verb: str, **words: str | bool) -> dict[str, Any]:
        """Command this rollout, and return the answer."""
        return self.post(f"/api/rollouts/{self.name}/{verb}", words)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post JSON, which must be accepted."""
        answer = httpx2.post(self.url + path, json=body, headers=self.headers)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str = "") -> dict[str, Any]:
        """Something about this rollout: its status, or what the path names."""
        found: dict[str, Any] = httpx2.get(f"{self.url}/api/rollouts/{self.name}{path}", headers=self.headers).json()
        return found

    def turns(self, count: int) -> None:
        """So many new listeners take a turn each, to its end."""
        with httpx2.Client(base_url=self.url) as client:
            for number in range(self.listeners, self.listeners + count):
                ask = {"text": "Hello", "language": "en", "listener": f"{self.name}-{number}"}
                assert client.post("/api/voice/chat/stream", json=ask).is_success
        self.listeners += count

    def seen(self, gate: str) -> dict[str, Any]:
        """What one gate says."""
        return next(each for each in self.get()["gates"] if each["gate"] == gate)
