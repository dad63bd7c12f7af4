"""One place in a pool of workers: a process, and after it ends, the next one."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError
from segue.providers import pipe
from segue.providers.job import PooledJob

log = structlog.get_logger(__name__)

FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 5.0
LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a pool: seconds, jobs and bytes."""

    start_s: float = 20.0
    """From starting a process to its word that it is ready."""
    stop_s: float = 2.0
    """From asking a worker to stop (a job, or itself) to killing it."""
    waiting: int = 512
    """Jobs that may wait for a worker; one more is refused at once."""
    unread_bytes: int = 4 * 1024 * 1024
    """Audio of one job that may lie unread before its worker is made to wait."""


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """How one seat of a pool is. `pid` is None while no process runs."""

    ready: bool
    busy: bool
    pid: int | None
    restarts: int
    last_error: str


class Seat:
    """A process that does one job at a time, started again with a growing delay whenever it ends.

    `changed` is called when a job can be taken or no job ever will be: after a start, a job, and a failed start.
    `broken` says that the last start failed; `settled` is set once the first start has succeeded or failed.
    """

    def __init__(
        self, name: str, number: int, command: Sequence[str], clock: Clock, limits: Limits, changed: Callable[[], None]
    ) -> None:
        self.name = name
        self.ready = False
        self.broken = False
        self.settled = asyncio.Event()
        self.job: PooledJob | None = None
        self.about: Mapping[str, Any] = {}
        self.last_error = ""
        self._command = tuple(command)
        self._clock = clock
        self._limits = limits
        self._changed = changed
        self._log = log.bind(worker=f"{name}-{number}")
        self._process: asyncio.subprocess.Process | None = None
        self._stuck: asyncio.Task[None] | None = None
        self._last_line = ""
        self._falls = 0
        self._restarts = 0

    def health(self) -> WorkerHealth:
        """How this seat is now."""
        pid = self._process.pid if self._process else None
        return WorkerHealth(self.ready, self.job is not None, pid, self._restarts, self.last_error)

    def begin(self, job: PooledJob) -> None:
        """Give the process a job. One that has just died takes it too: the end of its output then fails the job."""
        self.job = job
        self._send(job.frames())

    def cancel(self, job: PooledJob) -> None:
        """Ask the process to stop its job, and kill it if it does not."""
        self._send(pipe.frame(job.number, pipe.CANCEL))
        self._stuck = asyncio.create_task(self._kill_if_stuck(job), name=f"{self.name} cancel")

    async def keep(self) -> None:
        """Run a process, and the next one when it ends, until cancelled."""
        try:
            while True:
                self.last_error = await self._live()
                self._log.warning("worker ended", reason=self.last_error)
                self._drop(f"{self.last_error}; it is being restarted")
                self._changed()
                self._falls += 1
                await self._clock.sleep(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(self._falls - 1, 10)))
                self._restarts += 1
        finally:
            self._drop("was closed")
            self.broken = False
            self.settled.clear()

    async def _live(self) -> str:
        """One process from start to end; returns why it ended."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # an interrupt typed at the terminal is the gateway's to handle
            )
        except OSError as error:
            return self._never_ready(f"could not be run: {self._command[0]}: {error.strerror}")
        self._process = process
        errors = asyncio.create_task(self._copy_errors(process), name=f"{self.name} stderr")
        reason, was_ready, by_itself = "", False, False
        try:
            reason = await self._greet(process) or await self._read(process)
        except asyncio.IncompleteReadError:
            by_itself = True  # the reason is in how it exits
        except (ValueError, KeyError):
            reason = "sent a frame that cannot be read"
        finally:
            was_ready, self.ready = self.ready, False
            try:
                await _to_its_end(self._end(process, errors, by_itself=by_itself))
            finally:
                self._process = None  # also where this was cancelled meanwhile: the process is gone all the same
        reason = reason or _exit_reason(process.returncode)
        return reason if was_ready else self._never_ready(f"{reason} {self._last_line}".strip())

    def _never_ready(self, reason: str) -> str:
        self.last_error, self.broken = reason, True
        self.settled.set()
        return reason

    async def _greet(self, process: asyncio.subprocess.Process) -> str:
        """Wait until the process is ready; returns why it will not be."""
        try:
            async with self._clock.limit(self._limits.start_s):
                _, kind, payload = await _frame(process)
        except TimeoutError:
            return f"was not ready within {self._limits.start_s:g} s"
        if kind == pipe.FAILURE:
            return str(pipe.values(payload)["message"])
        if kind != pipe.READY:
            return "sent what is not a frame"
        self.about = pipe.values(payload)
        self.ready, self.broken = True, False
        self.settled.set()
        self._log.info("worker ready", pid=process.pid, **self.about)
        self._changed()
        return ""

    async def _read(self, process: asyncio.subprocess.Process) -> str:
        """Pass on what the process sends until its output ends; returns why reading was given up before."""
        while True:
            number, kind, payload = await _frame(process)
            if kind not in {pipe.AUDIO, pipe.END, pipe.FAILURE}:
                return "sent what is not a frame"
            job = self.job
            if job is None or job.number != number:
                continue
            if kind == pipe.AUDIO:
                await job.put(payload)
                continue
            self._release()
            self._falls = 0
            if kind == pipe.END:
                job.finish(pipe.values(payload))
            else:
                told = pipe.values(payload)
                category = FailureCategory(told["category"])
                job.fail(ProviderError(told["message"], provider=self.name, category=category))
            self._changed()

    def _send(self, data: bytes) -> None:
        """Write without waiting: one job at a time bounds what can lie in the pipe."""
        stdin = self._process.stdin if self._process else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(data)

    def _release(self) -> None:
        self.job = None
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _drop(self, reason: str) -> None:
        """Fail the job that was running, if one was."""
        job = self.job
        self._release()
        if job is not None:
            job.fail(ProviderError(f"The {self.name} worker {reason}.", provider=self.name))

    async def _kill_if_stuck(self, job: PooledJob) -> None:
        await self._clock.sleep(self._limits.stop_s)
        if self.job is job and self._process is not None:
            self._log.warning("worker did not stop and is killed", waited_s=self._limits.stop_s)
            send_signal(self._process, signal.SIGKILL)

    async def _copy_errors(self, process: asyncio.subprocess.Process) -> None:
        """Put what the process writes to standard error into the log, line by line; keep the last line."""
        assert process.stderr is not None  # noqa: S101 (asked for above)
        rest = b""
        while block := await process.stderr.read(4096):
            *lines, rest = (rest + block).split(b"\n")
            rest = rest[-LONGEST_LINE:]
            for line in (line[:LONGEST_LINE].decode(errors="replace").rstrip() for line in lines):
                if line:
                    self._last_line = line
                    self._log.info("worker wrote to standard error", line=line)

    async def _end(self, process: asyncio.subprocess.Process, errors: asyncio.Task[None], *, by_itself: bool) -> None:
        """See the process out: ask unless it goes by itself, kill if it stays, read its pipes to their ends."""
        assert process.stdin is not None  # noqa: S101 (asked for above)
        process.stdin.close()
        if not by_itself:
            send_signal(process, signal.SIGTERM)
        rest = asyncio.create_task(_drain(process), name=f"{self.name} drain")
        try:
            async with self._clock.limit(self._limits.stop_s):
                await process.wait()
        except TimeoutError:
            send_signal(process, signal.SIGKILL)
            await process.wait()
        await asyncio.gather(rest, errors)
        with contextlib.suppress(ConnectionError):
            await process.stdin.wait_closed()


def send_signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal a child unless it is known to have ended.

    `Process.kill` looks for the exit status first and so may take it from under the event loop, which then reports 255
    for whatever really happened.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def _frame(process: asyncio.subprocess.Process) -> tuple[int, int, bytes]:
    """The next frame of a process: job, kind, payload. What is no frame comes back as kind 0."""
    assert process.stdout is not None  # noqa: S101 (asked for above)
    length, number, kind = pipe.HEAD.unpack(await process.stdout.readexactly(pipe.HEAD.size))
    if length > pipe.LONGEST_FRAME:
        return number, 0, b""
    return number, kind, await process.stdout.readexactly(length)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await something that must not be cut off; a cancellation that arrives meanwhile is passed on after it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read standard output to its end: a pipe that is left full keeps the child from ending and its handle open."""
    assert process.stdout is not None  # noqa: S101 (asked for above)
    while await process.stdout.read(1 << 16):
        pass


def _exit_reason(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        return f"ended (signal {-code}, {signal.Signals(-code).name})"
    return f"ended (exit code {code})"
