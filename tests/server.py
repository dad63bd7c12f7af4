"""Real Segue processes for tests: started on a free port, ended by process id, judged by their exit code."""

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from segue.cli.local import reachable

PROJECT = Path(__file__).parents[1]
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
LISTENING = "Segue is listening on "
_RUNNING: "dict[str, RunningServer]" = {}
FIRST_KEY = "First key, shown only now: "


@dataclass
class RunningServer:
    """A Segue process, its address and what it wrote to standard error (`log`) and to standard output (`said`)."""

    url: str
    data: Path
    process: "subprocess.Popen[str]"
    log: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    listening: threading.Event = field(default_factory=threading.Event)

    @functools.cached_property
    def key(self) -> str:
        """A key that may do everything: that of the first start, or else one that is made now."""
        told = [line.removeprefix(FIRST_KEY) for line in self.said if line.startswith(FIRST_KEY)]
        return told[0] if told else self.made("admin", "admin")

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries of somebody who may do everything."""
        return bearer(self.key)

    def client(self, key: str | None = None) -> httpx2.Client:
        """A client with this key, or with one that may do everything."""
        return httpx2.Client(base_url=self.url, headers=bearer(self.key if key is None else key), timeout=30)

    @contextmanager
    def near(self) -> Iterator[httpx2.Client]:
        """A client that comes by the socket in the data folder, as the commands do."""
        with reachable(self.data) as address:
            way = httpx2.HTTPTransport(uds=address)
            with httpx2.Client(base_url="http://segue", transport=way, timeout=30) as client:
                yield client

    def made(self, name: str, *scopes: str, **more: Any) -> str:
        """A new key with these scopes; `more` is said in the body, such as `expires_in_s`."""
        with self.near() as client:
            answer = client.post("/api/keys", json={"name": name, "scopes": scopes, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    @property
    def ws(self) -> str:
        """The address for WebSocket connections."""
        return self.url.replace("http", "ws", 1)

    def health(self) -> dict[str, Any]:
        """What `/voice/health` says."""
        answer: dict[str, Any] = httpx2.get(f"{self.url}/voice/health").json()
        return answer

    def records(self) -> list[dict[str, Any]]:
        """The turns as `segue turns export` prints them."""
        done = subprocess.run(
            [sys.executable, "-m", "segue.cli.main", "turns", "export", "--data", str(self.data)],
            capture_output=True,
            text=True,
            check=True,
            env=clean_environment(),
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def record(self, turn: str) -> dict[str, Any]:
        """One turn's record; there must be exactly one."""
        (record,) = [record for record in self.records() if record["turn"] == turn]
        return record

    def metric(self, sample: str) -> float:
        """The value of one sample of `/metrics`, written as it stands there; 0 where it is not there yet."""
        for line in httpx2.get(f"{self.url}/metrics").text.splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without Segue's own variables, and with bytecode kept: so many processes read the same code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEGUE_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | dict(extra or {})


HEARING: Mapping[str, Any] = {"recognizers": ["pocketsphinx"]}
"""Under `providers`: the recognizer that Segue has by default."""


def _modest(config: Mapping[str, Any]) -> dict[str, Any]:
    """These settings, with one process that speaks and none that listens where nothing is said of them.

    A recognizer takes as long to start as a third of the server; who needs one names `HEARING`.
    """
    providers = dict(config.get("providers", {}))
    espeak = {"workers": 1, **providers.get("espeak", {})}
    return {**config, "providers": {"recognizers": [], **providers, "espeak": espeak}}


@contextmanager
def running(
    config: Mapping[str, Any] | Path | None = None,
    *,
    exit_code: int = 0,
    environment: Mapping[str, str] | None = None,
    data: Path | None = None,
    port: int = 0,
    program: Sequence[str] = ("segue.cli.main",),
    folder: Path = PROJECT,
) -> Iterator[RunningServer]:
    """Run a server with these settings, or those of a file; at the end it is asked to stop and must do so cleanly.

    It is started from the project's folder, or from `folder`, and `environment` is what it finds besides what is set
    anyway. Its data folder is a new one, or `data`, which is left as it is in the end. It takes a free port, or `port`.
    `program` is the module that is run as Segue, with what is said to it first.
    """
    with tempfile.TemporaryDirectory() as own:
        file = config if isinstance(config, Path) else Path(own) / "segue.yaml"
        if not isinstance(config, Path):
            file.write_text(json.dumps(_modest(config or {})), encoding="utf-8")  # JSON is YAML
        data = data or Path(own) / "data"
        where = ("--port", str(port), "--data", str(data), "--config", str(file))
        process = subprocess.Popen(
            [sys.executable, "-m", *program, "serve", *where],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(environment),
            cwd=folder,
        )
        server = RunningServer("", data, process)
        readers = [threading.Thread(target=read, args=(server,), daemon=True) for read in (_collect, _hear)]
        for reader in readers:
            reader.start()
        try:
            server.url = _address(server)
            _RUNNING[server.url] = server
            yield server
        finally:
            _RUNNING.pop(server.url, None)
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            for reader in readers:
                reader.join(STOP_LIMIT_S)
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            process.stderr.close()
        assert code == exit_code, f"exit code {code}\n" + "\n".join(server.log[-50:])


def _collect(server: RunningServer) -> None:
    assert server.process.stderr is not None
    server.log.extend(line.rstrip("\n") for line in server.process.stderr)


def _hear(server: RunningServer) -> None:
    """Collect what is said on standard output; the first lines come in one piece, so that none of them is missed."""
    assert server.process.stdout is not None
    rest = b""
    while piece := os.read(server.process.stdout.fileno(), 65_536):
        *lines, rest = (rest + piece).split(b"\n")
        server.said += [line.decode() for line in lines]
        if lines:
            server.listening.set()
    server.listening.set()


def _address(server: RunningServer) -> str:
    """Wait for the line that says where the server listens."""
    heard = server.listening.wait(START_LIMIT_S)
    line = server.said[0] if server.said else ""
    assert heard, "the server did not start in time\n" + "\n".join(server.log[-50:])
    assert line.startswith(LISTENING), f"the server did not start: {line!r}\n" + "\n".join(server.log[-50:])
    return line.removeprefix(LISTENING).strip()


def admin(url: str) -> dict[str, str]:
    """What a request to this address, of a server that runs now, carries of somebody who may do everything."""
    return next(server.headers for address, server in _RUNNING.items() if f"{url}/".startswith(f"{address}/"))


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}
