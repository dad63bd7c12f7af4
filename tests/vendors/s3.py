"""An S3 server for tests: moto (https://docs.getmoto.org), run as a process of its own on a free port of loopback.

It stands for Amazon S3 and for the servers that speak its protocol. It keeps everything in memory, so that a server
that was stopped comes back empty, with its bucket made anew.
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from segue.vendors.objects import S3Settings, StorageSettings

BUCKET = "voices"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0


class S3Server:
    """A server that can be stopped, frozen and started again at the same address."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, with an empty bucket; the first start takes a free port."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not (found := re.search(r"Running on http://127\.0\.0\.1:(\d+)", self._log.read_text())):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "moto did not start"
            time.sleep(0.05)
        self.port = int(found[1])
        httpx2.put(f"{self.url}/{BUCKET}", timeout=10).raise_for_status()

    def stop(self) -> None:
        """End it; connections to it are refused from now on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(STOP_LIMIT_S)
            self._process = None

    def freeze(self) -> None:
        """Let it take connections and answer nothing, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def settings(self, prefix: str = "", *, timeout_s: float = 10.0, **changes: object) -> StorageSettings:
        """What Segue has to be told to use this server; `changes` are fields of `S3Settings`."""
        fields = {"bucket": BUCKET, "prefix": prefix, "endpoint": self.url}
        fields |= {"access_key": "a-key", "secret_key": "a-secret"} | changes  # type: ignore[assignment]
        s3 = S3Settings.model_validate(fields)
        return StorageSettings(kind="s3", s3=s3, connect_s=min(2.0, timeout_s), timeout_s=timeout_s)


@contextmanager
def serving_s3() -> Iterator[S3Server]:
    """A running server with one empty bucket."""
    with tempfile.TemporaryDirectory() as folder:
        server = S3Server(Path(folder) / "moto.log")
        try:
            server.start()
            yield server
        finally:
            server.stop()
