"""Prometheus's own programs, for tests of what is written for it."""

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest


@functools.cache
def program(name: str) -> str:
    """The path of `promtool` or `prometheus`; the test is left out where it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (make setup fetches it; Debian: apt install prometheus)")
    return found


def promtool(*arguments: str) -> str:
    """What promtool says; it must find nothing wrong."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class RunningPrometheus:
    """A Prometheus process and its address."""

    url: str
    pid: int

    def reload(self) -> None:
        """Have it read its configuration and its rules again; gives when it has."""
        loaded = "prometheus_config_last_reload_success_timestamp_seconds "
        before = self._own(loaded)
        os.kill(self.pid, signal.SIGHUP)
        until(lambda: self._own(loaded) != before, "Prometheus has read its configuration again")

    def _own(self, sample: str) -> str:
        lines = httpx2.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        return next((line for line in lines if line.startswith(sample)), "")

    def value(self, expr: str) -> float | None:
        """The only value of an expression now; None where there is none."""
        answer = httpx2.get(f"{self.url}/api/v1/query", params={"query": expr}, timeout=10).json()
        found = answer["data"]["result"]
        return float(found[0]["value"][1]) if found else None


@contextmanager
def prometheus(folder: Path, configuration: str) -> Iterator[RunningPrometheus]:
    """A Prometheus on a free port, with its data in this folder; it is ended by its process id."""
    (folder / "prometheus.yaml").write_text(configuration, encoding="utf-8")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with (folder / "prometheus.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
        try:
            running = RunningPrometheus(f"http://127.0.0.1:{port}", process.pid)
            until(lambda: _ready(running.url), "Prometheus is ready")
            yield running
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(condition: Callable[[], Any], what: str, limit_s: float = 40.0) -> Any:
    """Wait until something is so, but not longer than that."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: it did not come to be within {limit_s:g} s"
        time.sleep(0.2)
    return found


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/-/ready", timeout=2).is_success
    except httpx2.HTTPError:
        return False
