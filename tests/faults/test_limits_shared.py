"""Three processes that share one store of limits let through together what one may, to the last request."""

import json
import subprocess
import sys

import pytest

from tests.faults.hammer import POLICY
from tests.postgres import cluster, folder_of_programs
from tests.redis import program, redis_server
from tests.server import PROJECT, clean_environment

REQUESTS = 334
"""Of each process: a thousand together."""


def let_through(kind: str, address: str) -> list[dict[str, float]]:
    """What three processes are told that begin at the same moment."""
    command = [sys.executable, "-m", "tests.faults.hammer", kind, address, str(REQUESTS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=PROJECT, env=clean_environment(), **pipes) for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=60.0)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def judge(told: list[dict[str, float]]) -> None:
    """A hundred passed, and what became free meanwhile; the rest was refused."""
    took_s = max(each["ended"] for each in told) - min(each["began"] for each in told)
    allowed = sum(each["allowed"] for each in told)
    assert POLICY.burst <= allowed <= POLICY.burst + int(took_s * 1e6) // POLICY.interval_us, (allowed, took_s)
    assert allowed + sum(each["refused"] for each in told) == 3 * REQUESTS


@pytest.mark.skipif(program() is None, reason="Redis is not installed (Debian: apt-get install redis-server)")
def test_three_processes_share_a_redis() -> None:
    """Of a thousand requests of three processes at once, a hundred a minute pass; nobody decided alone."""
    with redis_server() as server:
        told = let_through("redis", server.address)
    judge(told)
    assert [each["alone"] for each in told] == [0, 0, 0]


def test_three_processes_share_a_postgres() -> None:
    """Of a thousand requests of three processes at once, a hundred a minute pass."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("Postgres is not installed (Debian: apt-get install postgresql)")
    with cluster(programs) as postgres:
        address = postgres.database()
        judge(let_through("postgres", address))
