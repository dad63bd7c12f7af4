"""A real Postgres for tests: a cluster of its own in a folder, on a free port of loopback, ended by process id."""

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psycopg

START_LIMIT_S = 60.0
OWNER = "postgres"
"""Postgres refuses to run as root; Debian's package brings this user."""


def folder_of_programs() -> Path | None:
    """Where the programs are: in Debian's own folder, or in the path; None if they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


class Cluster:
    """A running Postgres. `database()` makes an empty database and gives its address."""

    def __init__(self, programs: Path, folder: Path, durable: bool) -> None:
        self._programs = programs
        self._durable = durable
        self._folder = folder
        self._user = OWNER if os.geteuid() == 0 else None
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the cluster's files."""
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        subprocess.run(["cp", "-a", _template(self._programs, self._user), self._folder / "data"], check=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        where: list[str | Path] = [
            "-D",
            self._folder / "data",
            "-p",
            str(self.port),
            "-k",
            self._folder,
            "-h",
            "127.0.0.1",
        ]
        # A test ends processes, never the machine's power: what was handed to the kernel is kept without a sync too,
        # and after a crash the server need not sync every file of every database before it answers again.
        small = ["-c", "shared_buffers=16MB", "-c", "max_connections=60", "-c", "jit=off"]
        small += [] if self._durable else ["-c", "fsync=off"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *where, *small],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._folder,
            )
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End it; SIGQUIT ends it at once and as hard as a crash, SIGINT in order."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30.0)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, it is there, takes connections and bytes, and answers nothing."""
        assert self._process is not None
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        stopped = [self._process.pid, *map(int, listed.split())]
        for each in stopped:
            os.kill(each, signal.SIGSTOP)
        try:
            yield
        finally:
            for each in stopped:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)

    def address(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://segue@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"segue_{secrets.token_hex(6)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return self.address(name)


@contextmanager
def cluster(programs: Path, durable: bool = False) -> Iterator[Cluster]:
    """A cluster that runs as long as the block; `durable` for one that is measured and must sync as in earnest."""
    with tempfile.TemporaryDirectory(prefix="segue-postgres-") as folder:
        made = Cluster(programs, Path(folder), durable)
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()


@cache
def _template(programs: Path, user: str | None) -> Path:
    """The files of a new cluster, made once for all that this process starts; they go with the process."""
    folder = Path(tempfile.mkdtemp(prefix="segue-postgres-new-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if user:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    how = ["-U", "segue", "-A", "trust", "-N", "-E", "UTF8"]
    command: list[str | Path] = [programs / "initdb", "-D", folder / "data", *how]
    subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder)
    return folder / "data"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
