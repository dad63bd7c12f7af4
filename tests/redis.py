"""A real Redis for tests: a server of its own in a folder, on a free port of loopback, ended by process id."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

START_LIMIT_S = 20.0
SMALL = ("--save", "", "--appendonly", "no", "--daemonize", "no", "--databases", "4")


def program() -> str | None:
    """The program, if it is installed: in the path, or put into the virtual environment by `scripts/tools.sh`."""
    return shutil.which("redis-server") or shutil.which("redis-server", path=Path(sys.executable).parent)


class RedisServer:
    """A running Redis, and what may happen to it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.address = f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str, wait: bool = True) -> None:
        """Start it, with further options, and wait until it answers."""
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program() or "redis-server", *where, *SMALL, *self._options, *options], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_LIMIT_S
        while wait:
            try:
                self.tell("PING")
                return
            except redis.RedisError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def tell(self, *command: str | int) -> object:
        """Send one command as somebody else would, and give its answer."""
        with redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=5.0, protocol=2) as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """End it as hard as a crash."""
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it; one that is frozen is woken for it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(20.0)
            self._process = None

    def freeze(self) -> None:
        """Let it answer nothing, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """A Redis that runs as long as the block."""
    with tempfile.TemporaryDirectory(prefix="segue-redis-") as folder:
        server = RedisServer(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.end(signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
