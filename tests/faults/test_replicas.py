"""Two real Segues that share a real Postgres: what one is told holds for the other, and either may die."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.postgres import cluster, folder_of_programs
from tests.server import FIRST_KEY, RunningServer, bearer, running

PROGRAMS = folder_of_programs()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAMS is None, reason="Postgres is not installed (Debian: apt-get install postgresql)"),
]

CONFIG: dict[str, Any] = {
    "providers": {
        "models": ["scripted"],
        "synthesizers": ["scripted", "espeak"],
        "recognizers": [],
        "scripted": {"reply": "Hello there."},
    },
    "cache": {"enabled": False},
}
PLAN = """
name: {name}
baseline: {{name: before, synthesizer: espeak}}
candidate: {{name: after, synthesizer: scripted}}
gates: {{success: {{kind: failure, at_most: 5%}}}}
verdict: {{block: 1s}}
stages:
  - {{name: half, share: 50%, dwell: 1h}}
"""
LIMIT_S = 15.0


Pair = tuple[RunningServer, RunningServer]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two servers on one database, with one secret; the last test ends the second one."""
    assert PROGRAMS is not None
    with cluster(PROGRAMS) as postgres:
        shared = {"SEGUE_DATABASE": postgres.database(), "SEGUE_SECRET": "0123456789abcdef" * 4}
        with (
            running(CONFIG, environment=shared) as one,
            running(CONFIG, environment=shared, exit_code=-signal.SIGKILL) as other,
        ):
            yield one, other
            other.process.kill()


def started(name: str, server: RunningServer, other: RunningServer) -> None:
    """Start the plan under a name on a server, and wait until the other one follows."""
    answer = httpx2.post(f"{server.url}/api/rollouts", json={"plan": PLAN.format(name=name)}, headers=server.headers)
    assert answer.status_code == 201, answer.text
    assert until(lambda: exposed(other), "the other server follows") < 5.0


def rolled_back(name: str, server: RunningServer) -> None:
    """Roll back what was started."""
    address = f"{server.url}/api/rollouts/{name}/rollback"
    answer = httpx2.post(address, json={"reason": "enough"}, headers=server.headers)
    assert answer.status_code == 200, answer.text


def until(condition: Callable[[], bool], what: str) -> float:
    """How many seconds it took until something held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < LIMIT_S, f"not within {LIMIT_S:g} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


def exposed(server: RunningServer) -> bool:
    """Whether a server gives the candidate to anybody."""
    return bool(httpx2.get(f"{server.url}/api/routing", headers=server.headers).json()["exposure"])


def variants(server: RunningServer, listeners: range, **more: Any) -> dict[str, str]:
    """Take a turn with each listener; the variant each was given."""
    given = {}
    for number in listeners:
        body = {"text": "Hello?", "listener": f"listener-{number}", **more}
        headers = {"accept": "application/x-ndjson"}
        answer = httpx2.post(f"{server.url}/api/voice/chat/stream", json=body, headers=headers)
        meta = httpx2.Response(200, text=answer.text.splitlines()[0]).json()
        given[body["listener"]] = meta["variant"]
    return given


def status(name: str, server: RunningServer) -> dict[str, Any]:
    """How a rollout stands."""
    answer: dict[str, Any] = httpx2.get(f"{server.url}/api/rollouts/{name}", headers=server.headers).json()
    return answer


def trials(name: str, server: RunningServer) -> int:
    """How many turns of the candidate are in the evidence."""
    return sum(gate["n"] for gate in status(name, server)["gates"])


def test_keys_are_those_of_both(pair: Pair) -> None:
    """One of the two printed the first key; a key opens both; revoked on one it is so on the other in a second."""
    assert sorted(sum(line.startswith(FIRST_KEY) for line in server.said) for server in pair) == [0, 1]
    one, other = pair
    key = one.made("Olha", "read")
    for server in pair:
        assert httpx2.get(f"{server.url}/api/turns", headers=bearer(key)).status_code == 200
    assert httpx2.post(f"{one.url}/api/keys/{key.split('_')[2]}/revoke", json={}, headers=one.headers).is_success
    gone = until(lambda: httpx2.get(f"{other.url}/api/turns", headers=bearer(key)).status_code == 401, "it is revoked")
    assert gone < 3.0  # a second, and room for a busy machine


def test_both_serve_the_same_and_count_together(pair: Pair) -> None:
    """A listener has the same arm on either server, and turns of both are in the evidence, each once."""
    one, other = pair
    started("together", one, other)
    here, there = variants(one, range(20)), variants(other, range(20))
    assert here == there
    assert set(here.values()) == {"before", "after"}
    heard = 2 * sum(variant == "after" for variant in here.values())
    until(lambda: trials("together", one) >= heard, "every turn of the candidate is counted")
    assert trials("together", one) == trials("together", other) == heard
    rolled_back("together", other)


def test_a_rollback_on_one_reaches_the_other(pair: Pair) -> None:
    """A rollback that one server is told is in force on the other within a second, for every turn that begins then."""
    one, other = pair
    started("reach", one, other)
    assert "after" in variants(other, range(8)).values()
    rolled_back("reach", one)
    assert set(variants(one, range(8)).values()) == {"before"}
    # The promise is a second; a machine that runs other tests beside this one may need some more.
    assert until(lambda: not exposed(other), "the other server follows") < 3.0
    assert set(variants(other, range(8)).values()) == {"before"}


def test_two_who_command_at_once_have_one_effect(pair: Pair) -> None:
    """The same command sent to both servers at once takes effect once, and both give the same answer."""
    one, other = pair
    started("once", one, other)
    body = {"reason": "lunch", "id": "pause-1"}
    headers = one.headers  # the same key on both
    with ThreadPoolExecutor(2) as threads:
        answers = list(
            threads.map(
                lambda server: httpx2.post(f"{server.url}/api/rollouts/once/pause", json=body, headers=headers), pair
            )
        )
    assert [answer.status_code for answer in answers] == [200, 200]
    first, second = (answer.json()["decision"] for answer in answers)
    assert first == second
    decisions = httpx2.get(f"{other.url}/api/rollouts/once/decisions", headers=other.headers).json()["items"]
    assert [decision["number"] for decision in decisions] == list(range(1, len(decisions) + 1))
    assert sum(decision["kind"] == "paused" for decision in decisions) == 1
    rolled_back("once", one)


def test_one_of_two_may_be_killed(pair: Pair) -> None:
    """When a server is killed, the other goes on looking after the rollout, and what was counted is not lost."""
    one, other = pair
    started("survivor", other, one)
    heard = sum(variant == "after" for variant in variants(other, range(20)).values())
    until(lambda: trials("survivor", one) == heard, "every turn is counted")
    other.process.kill()
    other.process.wait()
    heard += sum(variant == "after" for variant in variants(one, range(20, 30)).values())
    until(lambda: trials("survivor", one) == heard, "the survivor looks after it and counts on")
    assert not status("survivor", one)["controller"]["stalled"]
