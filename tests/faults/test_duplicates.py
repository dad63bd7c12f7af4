"""Two hundred send the same at the same moment, on one server and on three: it is sent once, and all learn of it.

Ten rounds as the tests run them; fifty with `pytest tests/faults/test_duplicates.py --full -s`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest

from tests.chatting import PLENTIFUL, opened
from tests.faults.crowd import Answer, Crowd
from tests.postgres import cluster, folder_of_programs
from tests.server import RunningServer, running

SENDERS, LATE = 200, 12
"""So many at the same moment, and so many of them once more when the first has its answer."""
ROUNDS, ROUNDS_FULL = 10, 50


@contextmanager
def one() -> Iterator[list[RunningServer]]:
    """A server with a file."""
    with running(PLENTIFUL) as server:
        yield [server]


@contextmanager
def three() -> Iterator[list[RunningServer]]:
    """Three servers that share a Postgres."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("Postgres is not installed (Debian: apt-get install postgresql)")
    with cluster(programs) as postgres, ExitStack() as started:
        shared = {**PLENTIFUL, "database": postgres.database(), "secret": "the same on all three of these servers"}
        first = started.enter_context(running(shared))
        yield [first, *(started.enter_context(running({**shared, "access": {"first_key": False}})) for _ in "ab")]


def judged(answers: list[Answer]) -> Counter[str]:
    """What a round came to: how many got the answer first, got it again, and were told that it is under way."""
    whole = [answer for answer in answers if answer.status == 200]
    told = Counter(
        "running" if each.status == 409 else "again" if "idempotent-replayed" in each.headers else "first"
        for each in answers
    )
    assert {each.status for each in answers} <= {200, 409}, Counter(each.status for each in answers)
    assert len({each.body for each in whole}) == 1, "everybody who got the answer got the same bytes"
    assert told["first"] == 1
    run = whole[0].json["run"]
    for each in answers:
        if each.status == 409:
            assert each.json["code"] == "running"
            assert int(each.headers["retry-after"]) > 0
            assert each.headers["location"].startswith("/api/runs/main.")
    places = {each.headers["location"] for each in answers if each.status == 409}
    assert places <= {f"/api/runs/{run}"}, "all were told of the same run"
    return told


async def rounds(servers: list[RunningServer], chat: str, count: int) -> Counter[str]:
    """So many rounds, each with a key of its own."""
    told: Counter[str] = Counter()
    async with Crowd([server.url for server in servers], SENDERS, servers[0].key) as crowd:
        for number in range(count):
            path, body = f"/api/chats/{chat}/send", {"text": f"Hello {number}"}
            answers = await crowd.at_once(path, body, Idempotency_Key=f"round {number}")
            answers += await crowd.at_once(path, body, of=LATE, Idempotency_Key=f"round {number}")
            told += judged(answers)
            assert all("idempotent-replayed" in each.headers for each in answers[-LATE:])
    return told


def pages(client: httpx2.Client, path: str, **wanted: Any) -> list[dict[str, Any]]:
    """Everything in a list."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(path, params={"limit": 500, **wanted, **cursor}).json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


@pytest.mark.parametrize("standing", [one, three], ids=["one", "three"])
def test_duplicates_have_one_effect(standing: Any, full: bool, record_property: Any) -> None:
    """Each round leaves one message, one run and one reply; everybody is answered with it, or told where it is."""
    count = ROUNDS_FULL if full else ROUNDS
    with standing() as servers, servers[0].client() as client:
        chat = opened(client)
        began = time.monotonic()

        told = asyncio.run(rounds(servers, chat, count))

        record_property("seconds", round(time.monotonic() - began, 1))
        record_property("told", dict(told))
        print(f"{count} rounds of {SENDERS} in {time.monotonic() - began:.1f} s: {dict(told)}")
        assert told["first"] == count
        said = pages(client, f"/api/chats/{chat}/messages")
        assert Counter((each["role"], each["text"]) for each in said) == Counter(
            {(role, f"Hello {number}"): 1 for role in ("user", "assistant") for number in range(count)}
        )
        assert len({each["run"] for each in said}) == count
        audit = Counter((each["action"], each["status"]) for each in pages(client, "/api/audit", chat=chat))
        assert audit == Counter(
            {
                ("chat.open", "ok"): 1,
                ("message.send", "ok"): count,
                ("reply.write", "ok"): count,
                ("message.send", "replayed"): told["again"],
                ("message.send", "refused"): told["running"],
            }
        )
        sent = sum(server.metric('segue_send_requests_total{outcome="sent"}') for server in servers)
        assert sent == count
        assert client.get("/api/audit/verification").json()["ok"]
