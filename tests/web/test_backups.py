"""Backups over the API of a running server: made under sends, fetched as an archive, and restored in a drill."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from segue.cli.asking import Server, Where
from segue.clock import SystemClock
from segue.operations.copying.drill import Drill
from segue.operations.copying.packing import unpacked
from segue.operations.copying.restore import Looked, verify
from segue.operations.report import Check, Level
from segue.settings import load
from segue.wiring.backup import Kept, restorer, trust_of
from tests.operators import SPEAKING
from tests.rollouts import until
from tests.server import RunningServer, running


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server with scripted providers."""
    with running({"providers": SPEAKING["providers"], "voice": {"languages": ["en"]}}) as one:
        yield one


def made(client: httpx2.Client, **wanted: int) -> dict[str, Any]:
    """Let a backup be made; what is told of it when it is done."""
    begun = client.post("/api/backups", json=wanted)
    assert begun.status_code == 202, begun.text

    def done() -> dict[str, Any] | None:
        job = client.get("/api/backups").json()["job"]
        return job if job["state"] != "running" else None

    job = until(done)
    assert job["state"] == "done", job
    return next(item for item in client.get("/api/backups").json()["items"] if item["name"] == job["name"])


def test_a_backup_has_every_message_that_was_acknowledged_before(server: RunningServer, tmp_path: Path) -> None:
    """While operators send, nothing acknowledged before is missing, and the archive is a whole backup that speaks."""
    stop = threading.Event()
    sent: list[str] = []

    def send(chat: str) -> None:
        with server.client() as client:
            while not stop.is_set():
                answer = client.post(
                    f"/api/chats/{chat}/send",
                    json={"text": "Hello"},
                    headers={"idempotency-key": f"key-{len(sent)}"},
                )
                if answer.is_success:
                    sent.append(answer.json()["message"]["id"])
                elif answer.status_code != 429:
                    raise AssertionError(answer.text)

    with server.client() as client:
        chat = client.post("/api/chats", json={"title": "t"}).json()["id"]
        sender = threading.Thread(target=send, args=(chat,))
        sender.start()
        until(lambda: len(sent) >= 3)
        before = len(sent)
        told = made(client, cache=True)
        stop.set()
        sender.join()
        archive = client.get(f"/api/backups/{told['name']}/archive")
        actions = [item["action"] for item in client.get("/api/audit", params={"limit": 50}).json()["items"]]
    assert {"backup.make", "backup.read"} <= set(actions)
    folder = unpacked([archive.content], tmp_path)
    looked = verify(folder, Kept(), trust_of((), server.data))
    assert looked.sound, looked.checks
    assert before <= looked.manifest.tables["messages"]
    facts: dict[str, Any] = {}
    checks = Drill(folder, looked, SystemClock(), put, lambda data: Server(Where(data=data)), None, None).run(facts)
    assert {check.level for check in checks} == {Level.PASS}, checks
    assert facts["recovery_s"] > facts["restore_s"] > 0


def put(folder: Path, looked: Looked, data: Path) -> tuple[Check, ...]:
    """Restore into a folder of its own."""
    with restorer(load(None, data=data), folder, looked, replace=False) as putting:
        return asyncio.run(putting.restore(data, lambda *_: None))


def test_the_server_keeps_so_many(server: RunningServer) -> None:
    """The older ones go when the new one is there; the audit says how many, and up to which."""
    with server.client() as client:
        older = [made(client)["name"] for _ in range(2)]
        newest = made(client, keep=1)["name"]
        plain = client.get("/api/backups").json()
        assert [item["name"] for item in plain["items"]] == [newest]
        assert plain["job"]["forgotten"][:2] == older[::-1]
        (entry, *_) = client.get("/api/audit", params={"action": "backup.make"}).json()["items"]
        facts = entry["facts"]
        assert (facts["removed"], facts["removed_up_to"]) == (len(plain["job"]["forgotten"]), older[-1])
        assert client.post("/api/backups", json={"keep": 0}).status_code == 400


def test_only_one_is_made_at_a_time_and_unknown_ones_are_told(server: RunningServer) -> None:
    """Of two who ask at once one is refused with 409; a name that leads elsewhere is no backup."""
    with server.client() as client:
        answers = [client.post("/api/backups", json={}).status_code for _ in range(2)]
        assert answers[0] == 202
        assert answers[1] in {202, 409}
        until(lambda: client.get("/api/backups").json()["job"]["state"] == "done")
        for name in ("20000101-000000-000000", "%2e%2e", "segue.db"):
            assert client.get(f"/api/backups/{name}/archive").status_code == 404
