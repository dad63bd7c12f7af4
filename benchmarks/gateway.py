"""A real Segue process on loopback, pinned to a core of its own, and what it costs there."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

START_S = 30.0
ALLOWED = sorted(os.sched_getaffinity(0))
"""The cores this process might use when it began, before the load kept to its own."""
_TICKS = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """The process did not say that it listens; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds used since the process began, and resident memory in bytes."""

    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running process."""

    pid: int
    host: str
    port: int
    data: Path | None = None
    """Its data folder, where it has one."""

    def cost(self) -> Cost:
        """What it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return Cost((int(fields[11]) + int(fields[12])) / _TICKS, pages * os.sysconf("SC_PAGE_SIZE"))


def cores() -> tuple[set[int], set[int]]:
    """Cores for the gateway (the first) and for the load (the rest, or the same where there is only one)."""
    return {ALLOWED[0]}, set(ALLOWED[1:]) or {ALLOWED[0]}


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[Gateway]:
    """A process that prints where it listens, pinned to the gateway's core; told to stop at the end.

    Raises:
        NotStarted: it ended, or said nothing within `START_S`.
    """
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)  # noqa: S603 - our own module
        os.sched_setaffinity(process.pid, cores()[0])
        try:
            host, port = _address(process, folder / "log")
            yield Gateway(process.pid, host, port)
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def segue(
    scripted: Mapping[str, Any],
    *,
    voice: Mapping[str, Any] | None = None,
    providers: Mapping[str, Any] | None = None,
    serving: Sequence[str] | None = None,
) -> Iterator[Gateway]:
    """Segue with a scripted model and scripted speech, and with room for as many turns as are asked for.

    `scripted`, `voice` and `providers` are settings of those sections. Limits that exist to protect real providers are
    lifted, and the audio cache is off: benchmarks ask for the same sentences again and again, and would measure it.
    Everything else is as it ships, the database on disk included. `serving` is another module to run instead of
    `segue serve`, and its arguments.

    Raises:
        NotStarted: see `running`.
    """
    with TemporaryDirectory(prefix="segue-bench-") as name:
        folder = Path(name)
        settings = {
            "log": {"level": "warning", "format": "json"},
            "voice": {"max_turns": 5000, "synthesis_at_once": 20000, **(voice or {})},
            "server": {"max_connections": 5000},
            "cache": {"enabled": False},
            "providers": {
                "models": ["scripted"],
                "synthesizers": ["scripted"],
                "recognizers": [],
                "scripted": {**scripted},
                **(providers or {}),
            },
        }
        # JSON is YAML too.
        (folder / "segue.yaml").write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-m", *(serving or ("segue.cli.main", "serve", "--port", "0"))]
        command += ["--data", str(folder / "data"), "--config", str(folder / "segue.yaml")]
        with running(command, folder) as gateway:
            yield replace(gateway, data=folder / "data")


def also(*, models: Sequence[str] = (), synthesizers: Sequence[str] = ()) -> dict[str, Any]:
    """Settings of `providers` by which others stand behind the scripted ones: real adapters of nobody's address.

    They are for measurements in which they are never asked, or are replaced before they are.
    """
    nobody = {"url": "http://127.0.0.1:9/v1"}
    return {
        "models": ["scripted", *models],
        "synthesizers": ["scripted", *synthesizers],
        "named": {
            **{name: {"vendor": "openai-model", "model": "none", **nobody} for name in models},
            **{name: {"vendor": "openai-synthesizer", **nobody} for name in synthesizers},
        },
    }


def _address(process: "subprocess.Popen[bytes]", log: Path) -> tuple[str, int]:
    deadline = time.monotonic() + START_S
    said = b""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while time.monotonic() < deadline and process.poll() is None:
        if not select.select([process.stdout], [], [], 0.1)[0]:
            continue
        said += os.read(process.stdout.fileno(), 4096)
        for line in said.decode(errors="replace").splitlines(keepends=True):
            if "http://" in line and line.endswith("\n"):
                host, _, port = line.rpartition("http://")[2].strip().rstrip("/").rpartition(":")
                return host, int(port)
    raise NotStarted(f"It did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
