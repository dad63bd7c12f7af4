"""A real Segue with its database, pinned to a core, whose limits let everything through; and a key to it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.console.line import Line, connect
from benchmarks.gateway import Gateway, running
from segue.cli.local import reachable

OPERATOR = "bench"
_MANY = {"per_s": 1_000_000, "burst": 1_000_000}
SETTINGS: Mapping[str, Any] = {
    "log": {"level": "warning", "format": "json"},
    "voice": {"max_turns": 1_000_000},
    "server": {"max_connections": 5000},
    "providers": {
        "models": ["scripted"],
        "synthesizers": ["scripted"],
        "recognizers": [],
        "scripted": {"reply": "At 18:12 and at 19:40, from platform three."},
    },
    "rate_limits": {"chat": _MANY, "operator": _MANY, "operator_runs": 1_000_000},
    "chats": {"max_runs": 1_000_000},
}
"""Everything that is not as it ships."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and a key that may do everything there."""

    gateway: Gateway
    key: str

    @property
    def data(self) -> Path:
        """Its data folder."""
        assert self.gateway.data is not None  # noqa: S101 - it was given one
        return self.gateway.data

    async def line(self) -> Line:
        """A connection to it."""
        return await connect(self.gateway.host, self.gateway.port, self.key)


@contextmanager
def serving(folder: Path, database: str = "") -> Iterator[Served]:
    """A server with its data in `folder`/data, which may be there already, or in a Postgres at an address.

    Raises:
        NotStarted: it did not say that it listens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    settings = {**SETTINGS, **({"database": database} if database else {})}
    (folder / "segue.yaml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML too
    command = [sys.executable, "-m", "segue.cli.main", "serve", "--port", "0"]
    command += ["--data", str(data), "--config", str(folder / "segue.yaml")]
    with running(command, folder) as gateway:
        yield Served(replace(gateway, data=data), _key(data))


def _key(data: Path) -> str:
    """A key, made over the socket in the data folder."""
    with (
        reachable(data) as address,
        httpx2.Client(base_url="http://segue", transport=httpx2.HTTPTransport(uds=address), timeout=30) as client,
    ):
        answer = client.post("/api/keys", json={"name": OPERATOR, "scopes": ["admin"]})
    answer.raise_for_status()
    return str(answer.json()["key"])
