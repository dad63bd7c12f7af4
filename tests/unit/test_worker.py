import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from segue.clock import Clock, ManualClock, SystemClock
from segue.errors import FailureCategory, ProviderError, Unavailable
from segue.providers.seat import Limits
from segue.providers.worker import WorkerPool

SCRIPT = """
import os, signal, sys, time
from segue.providers import pipe

def count(job):
    for number in range(job.header["pieces"]):
        job.emit(bytes([job.header["mark"]]) * job.header.get("size", 100))
    return {"pid": os.getpid()}

def forever(job):
    while not job.cancelled():
        job.emit(b"..")
        time.sleep(0.001)
    return {}

def flood(job):
    progress = open(job.header["progress"], "w", buffering=1)
    for number in range(100_000):
        if job.cancelled():
            break
        job.emit(bytes(65536))
        print(number + 1, file=progress)
    return {}

def deaf(job):
    while True:
        job.emit(b"..")
        time.sleep(0.001)

def crash(job):
    job.emit(b"said")
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)

def leave(job):
    os._exit(3)

def linger(job):
    os._exit = lambda code: signal.pause()  # it does not go when it notices that it was left
    os.closerange(1, 64)
    signal.pause()

def fail(job):
    raise pipe.JobFailed("No such voice.", "bad_request")

def stumble(job):
    return {"result": 1 / 0}

def echo(job):
    print("a library that prints")
    print("a word to the log", file=sys.stderr, flush=True)
    return {"length": len(job.data), "last": job.data[-1:].hex()}

pipe.serve(lambda: ({"model": "test"}, lambda job: globals()[job.header["do"]](job)))
"""

GATEWAY = """
import asyncio, sys
from segue.clock import SystemClock
from segue.providers.worker import WorkerPool

async def main():
    pool = WorkerPool("test", (sys.executable, "-P", {script!r}), SystemClock(), size=2)
    await pool.start()
    running = pool.stream({{"do": "deaf"}})
    await anext(running)
    print("workers", *(worker.pid for worker in pool.health().workers), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

Build = Callable[..., WorkerPool]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The worker of these tests, which does what the header says."""
    path = tmp_path / "example.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
async def build(script: Path) -> AsyncIterator[Build]:
    """Makes pools and closes them."""
    pools: list[WorkerPool] = []

    def make(*, size: int = 1, clock: Clock | None = None, path: Path = script, **limits: Any) -> WorkerPool:
        command = (sys.executable, "-P", str(path))
        pools.append(WorkerPool("test", command, clock or SystemClock(), size=size, limits=Limits(**limits)))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a pool that is closed leaves no task"


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does; fail after a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


async def count(pool: WorkerPool, mark: int, pieces: int = 3, priority: int = 0) -> bytes:
    """The audio of a job that sends `pieces` times 100 bytes of `mark`."""
    job = pool.stream({"do": "count", "mark": mark, "pieces": pieces}, priority=priority)
    return b"".join([piece async for piece in job])


async def rest(job: AsyncIterator[bytes]) -> bytes:
    """Everything that is still to come."""
    return b"".join([piece async for piece in job])


def pid(pool: WorkerPool) -> int:
    """The process of the first seat."""
    found = pool.health().workers[0].pid
    assert found is not None
    return found


def alive(process: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_job_is_answered_in_order(build: Build) -> None:
    """Audio comes as it was sent, and the result of a job without audio as values."""
    pool = build()
    await pool.start()

    assert await count(pool, 7, pieces=20) == b"\x07" * 2000
    assert (await pool.ask({"do": "count", "mark": 1, "pieces": 1}))["pid"] == pid(pool)
    assert pool.about == {"model": "test"}


async def test_jobs_do_not_mix(build: Build) -> None:
    """Fifty jobs at once on two processes each get their own audio."""
    pool = build(size=2)
    await pool.start()

    heard = await asyncio.gather(*(count(pool, mark, pieces=mark + 1) for mark in range(50)))

    assert heard == [bytes([mark]) * 100 * (mark + 1) for mark in range(50)]
    assert pool.health().waiting == 0


async def test_every_process_works(build: Build) -> None:
    """Two jobs that do not end run on two processes at the same time, and a third waits."""
    pool = build(size=2)
    await pool.start()
    jobs = [pool.stream({"do": "forever"}) for _ in range(3)]

    await jobs[0].__anext__()
    await jobs[1].__anext__()
    third = asyncio.ensure_future(anext(jobs[2]))
    await until(lambda: pool.health().waiting == 1)

    assert [worker.busy for worker in pool.health().workers] == [True, True]
    await jobs[0].aclose()
    assert await third == b".."
    await jobs[1].aclose()
    await jobs[2].aclose()


async def test_first_sentences_go_before_later_ones(build: Build) -> None:
    """Waiting jobs are taken by priority, and by their order within one."""
    pool = build()
    await pool.start()
    done: list[int] = []

    async def wait(mark: int, priority: int) -> None:
        await count(pool, mark, priority=priority)
        done.append(mark)

    async with aclosing(pool.stream({"do": "forever"})) as running:
        await anext(running)
        tasks = [asyncio.create_task(wait(mark, priority)) for mark, priority in [(1, 1), (2, 0), (3, 1), (4, 0)]]
        await until(lambda: pool.health().waiting == 4)
    await asyncio.gather(*tasks)

    assert done == [2, 4, 1, 3]


async def test_closing_frees_the_worker_and_spares_the_next_job(build: Build) -> None:
    """A job that is closed ends in the worker too; the same process does the next one, whole."""
    pool = build()
    await pool.start()
    first = pid(pool)
    for mark in range(10):
        async with aclosing(pool.stream({"do": "forever"})) as running:
            await anext(running)
        assert await count(pool, mark) == bytes([mark]) * 300

    assert pid(pool) == first
    assert not pool.health().workers[0].busy


async def test_a_job_closed_while_it_waits_is_never_done(build: Build, tmp_path: Path) -> None:
    """Leaving the queue costs the worker nothing."""
    pool = build()
    await pool.start()
    progress = tmp_path / "progress"
    async with aclosing(pool.stream({"do": "forever"})) as running:
        await anext(running)
        waiting = asyncio.create_task(pool.ask({"do": "flood", "progress": str(progress)}))
        await until(lambda: pool.health().waiting == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pool.health().waiting == 0

    assert await count(pool, 5) == b"\x05" * 300
    assert not progress.exists()


async def test_a_crash_costs_one_job(build: Build) -> None:
    """What was said before stays, the job fails with the signal's name, waiting jobs go on with the next process."""
    pool = build()
    await pool.start()
    before = pid(pool)
    crashing = pool.stream({"do": "crash"})
    heard = [await anext(crashing)]
    waiting = asyncio.create_task(count(pool, 9))

    with pytest.raises(ProviderError, match=r"test worker ended \(signal 11, SIGSEGV\); it is being restarted") as told:
        heard += [piece async for piece in crashing]

    assert heard == [b"said"]
    assert told.value.category is FailureCategory.SERVER
    assert told.value.provider == "test"
    assert await waiting == b"\x09" * 300
    assert pid(pool) != before
    assert pool.health().workers[0].restarts == 1
    assert not alive(before)


async def test_a_worker_that_leaves_says_its_exit_code(build: Build) -> None:
    """An exit without a signal is told as such."""
    pool = build()
    await pool.start()

    with pytest.raises(ProviderError, match=r"ended \(exit code 3\)"):
        await pool.ask({"do": "leave"})


async def test_an_idle_worker_that_is_killed_comes_back(build: Build) -> None:
    """A process that dies between jobs is started again, and no job notices."""
    pool = build()
    await pool.start()
    before = pid(pool)

    os.kill(before, signal.SIGKILL)
    await until(lambda: pool.health().ready and pool.health().workers[0].pid != before)

    assert await count(pool, 1) == b"\x01" * 300
    assert pool.health().workers[0].last_error == "ended (signal 9, SIGKILL)"


async def test_restarts_wait_longer_each_time(build: Build) -> None:
    """The delay doubles from crash to crash, and a job done brings it back to the shortest."""
    clock = ManualClock()
    pool = build(clock=clock)
    await pool.start()
    for delay_s in (0.05, 0.1, 0.2, None, 0.05):
        if delay_s is None:
            await count(pool, 1)
            continue
        restarts = pool.health().workers[0].restarts
        os.kill(pid(pool), signal.SIGKILL)
        await until(lambda: pool.health().workers[0].pid is None)
        await clock.advance(delay_s - 0.001)
        assert pool.health().workers[0].restarts == restarts
        await clock.advance(0.002)
        await until(lambda: pool.health().ready)
        assert pool.health().workers[0].restarts == restarts + 1


async def test_a_failing_job_leaves_the_worker_well(build: Build) -> None:
    """A refusal keeps its category, a fault in the worker's own code is told, and the process goes on."""
    pool = build()
    await pool.start()
    first = pid(pool)

    with pytest.raises(ProviderError, match=r"No such voice\.") as refused:
        await pool.ask({"do": "fail"})
    with pytest.raises(ProviderError, match="ZeroDivisionError: division by zero"):
        await pool.ask({"do": "stumble"})

    assert refused.value.category is FailureCategory.BAD_REQUEST
    assert pid(pool) == first
    assert await count(pool, 1) == b"\x01" * 300


async def test_a_worker_that_does_not_stop_is_killed(build: Build) -> None:
    """A cancel that is not obeyed in time costs the process, so that the next job finds a free one."""
    pool = build(stop_s=0.1)
    await pool.start()
    before = pid(pool)

    async with aclosing(pool.stream({"do": "deaf"})) as running:
        await anext(running)

    assert await count(pool, 1) == b"\x01" * 300
    assert pid(pool) != before


async def test_unread_audio_is_bounded(build: Build, tmp_path: Path) -> None:
    """A consumer that does not read makes the worker wait, and gets everything once it reads."""
    pool = build(unread_bytes=256 * 1024)
    await pool.start()
    progress = tmp_path / "progress"

    def sent() -> int:
        lines = progress.read_text().split() if progress.exists() else []
        return int(lines[-1]) if lines else 0

    async with aclosing(pool.stream({"do": "flood", "progress": str(progress)})) as flood:
        await anext(flood)
        seen, still = -1, 0
        while still < 50:
            await asyncio.sleep(0.002)
            still = still + 1 if sent() == seen else 0
            seen = sent()
        # What lies unread, the reader's own buffer, the pipe, and the piece that is being written.
        assert 4 <= seen <= 4 + 1 + 4 + 3
        for _ in range(40):
            assert len(await anext(flood)) == 65536
        assert sent() > seen


async def test_the_queue_is_bounded(build: Build) -> None:
    """One job too many is refused at once as a rate limit, and the room of a job that left is used again."""
    pool = build(waiting=2)
    await pool.start()
    async with aclosing(pool.stream({"do": "forever"})) as running:
        await anext(running)
        tasks = [asyncio.create_task(count(pool, mark)) for mark in range(2)]
        await until(lambda: pool.health().waiting == 2)

        with pytest.raises(ProviderError, match="2 jobs already wait for 1 test workers") as refused:
            await count(pool, 3)
        assert refused.value.category is FailureCategory.RATE_LIMIT

        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        tasks[0] = asyncio.create_task(count(pool, 4))
        await until(lambda: pool.health().waiting == 2)
    assert await asyncio.gather(*tasks) == [b"\x04" * 300, b"\x01" * 300]


async def test_data_reaches_the_worker_whole(build: Build) -> None:
    """Several megabytes go in, and what a library prints does not break what comes out."""
    pool = build()
    await pool.start()

    with capture_logs() as logs:
        answer = await pool.ask({"do": "echo"}, bytes(5_000_000) + b"\x2a")
        await until(lambda: len([entry for entry in logs if "line" in entry]) == 2)

    assert answer == {"length": 5_000_001, "last": "2a"}
    assert {entry["line"] for entry in logs if "line" in entry} == {"a library that prints", "a word to the log"}
    assert {entry["worker"] for entry in logs} == {"test-1"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import a_module_that_is_not_there",
            r"ended \(exit code 1\).*ModuleNotFoundError.*a_module_that_is_not_there",
        ),
        (
            "from segue.providers import pipe\ndef start(): raise pipe.JobFailed('Install it.')\npipe.serve(start)",
            r"Install it\.",
        ),
        ("print('hello, this is no frame, whatever its length may seem')", "sent what is not a frame"),
        ("import sys; sys.stdin.read()", r"was not ready within 0\.5 s"),
    ],
)
async def test_a_worker_that_cannot_start_says_why(build: Build, tmp_path: Path, source: str, reason: str) -> None:
    """A start that fails is told in one sentence, and no process is left."""
    path = tmp_path / "bad.py"
    path.write_text(source)
    pool = build(path=path, start_s=0.5, stop_s=0.5, size=2)

    with pytest.raises(Unavailable, match=rf"The test worker cannot start: .*{reason}"):
        await pool.start()

    assert not pool.health().ready
    assert [worker.pid for worker in pool.health().workers] == [None, None]


async def test_a_command_that_is_not_there(build: Build) -> None:
    """A program that cannot be run is told by name."""
    pool = WorkerPool("test", ("/nowhere/python",), SystemClock())

    with pytest.raises(Unavailable, match="could not be run: /nowhere/python: No such file"):
        await pool.start()


def replace(script: Path, source: str) -> None:
    """Give the worker another program for its next start."""
    script.write_text(source)


async def test_jobs_are_refused_when_no_worker_can_be_started(build: Build, script: Path) -> None:
    """When the next process does not start, waiting and new jobs fail instead of waiting for ever; it heals."""
    clock = ManualClock()
    pool = build(clock=clock)
    await pool.start()
    replace(script, "raise SystemExit('the disk is gone')")
    async with aclosing(pool.stream({"do": "forever"})) as running:
        await anext(running)
        waiting = asyncio.create_task(count(pool, 1))
        await until(lambda: pool.health().waiting == 1)
        os.kill(pid(pool), signal.SIGKILL)
        await until(lambda: pool.health().workers[0].pid is None)
        await clock.advance(0.06)
        with pytest.raises(ProviderError, match=r"cannot start: ended \(exit code 1\) the disk is gone"):
            await waiting
    with pytest.raises(ProviderError, match="the disk is gone"):
        await count(pool, 2)

    replace(script, SCRIPT)
    await until(lambda: pool.health().workers[0].pid is None)
    await clock.advance(5)
    await until(lambda: pool.health().ready)
    assert await count(pool, 3) == b"\x03" * 300


async def test_close_ends_everything(build: Build) -> None:
    """Closing fails what runs and what waits, leaves no process, and the pool can be started again."""
    pool = build()
    with pytest.raises(Unavailable, match="not started"):
        await count(pool, 1)
    await pool.start()
    before = pid(pool)
    running = pool.stream({"do": "forever"})
    await anext(running)
    waiting = asyncio.create_task(count(pool, 1))
    await until(lambda: pool.health().waiting == 1)

    await pool.close()

    with pytest.raises(ProviderError, match="was closed"):
        await waiting
    with pytest.raises(ProviderError, match="was closed"):
        await rest(running)
    assert not alive(before)
    await pool.close()
    await pool.start()
    assert await count(pool, 1) == b"\x01" * 300


async def test_close_does_not_wait_for_the_deaf(build: Build, tmp_path: Path) -> None:
    """A process that ignores a polite end is killed after the limit."""
    path = tmp_path / "stubborn.py"
    path.write_text("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SCRIPT)
    pool = build(path=path, stop_s=0.1)
    await pool.start()
    before = pid(pool)
    running = pool.stream({"do": "deaf"})
    await anext(running)

    await pool.close()

    assert not alive(before)
    await running.aclose()


async def test_close_forgets_what_was_just_being_ended(build: Build) -> None:
    """A process that was already being seen out when the pool was closed is gone, and named no longer."""
    clock = ManualClock()
    pool = build(clock=clock, stop_s=1)
    await pool.start()
    before = pid(pool)
    job = asyncio.create_task(rest(pool.stream({"do": "linger"})))
    await until(lambda: not pool.health().ready)
    assert pid(pool) == before, "it says nothing any more, and is still there"

    closing = asyncio.create_task(pool.close())
    while not closing.done():
        await clock.advance(1)

    assert (pool.health().workers[0].pid, alive(before)) == (None, False)
    with pytest.raises(ProviderError, match="was closed"):
        await job


async def test_an_interrupt_at_the_terminal_is_not_the_workers(build: Build) -> None:
    """Workers are in a session of their own, so that Ctrl-C lets the gateway finish what is being spoken."""
    pool = build()
    await pool.start()

    assert os.getsid(pid(pool)) != os.getsid(0)


def test_workers_end_with_the_gateway(script: Path) -> None:
    """When the gateway is killed outright, its workers end by themselves, in the middle of a job or not."""
    gateway = GATEWAY.format(script=str(script))
    command = [sys.executable, "-c", gateway]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        told = next(line for line in process.stdout if line.startswith("workers "))
        pids = [int(part) for part in told.split()[1:]]
        assert all(alive(worker) for worker in pids)
        process.kill()

    asyncio.run(until(lambda: not any(alive(worker) for worker in pids)))
