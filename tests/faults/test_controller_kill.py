"""A controller that is killed at any moment: the one after it goes on as if nothing had been."""

import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from segue.clock import ManualClock
from segue.delivery.rollout import Command, Decision, Kind, Rollout, Verb
from segue.stores.rollouts import MemoryRolloutStore
from tests.evidence import AT, plan
from tests.fleet import Server
from tests.rollouts import until
from tests.server import RunningServer, running

T = TypeVar("T")

COURSE = plan(
    gates={
        "ttfa": {"kind": "latency", "over": "6s", "at_most": "5%", "fast": {"at_most": "50%"}},
        "failures": {"kind": "failure", "at_most": "5%"},
    },
    verdict={"block": "60s"},
    stages=[{"name": "some", "share": "30%", "dwell": "3m"}, {"name": "half", "share": "50%", "dwell": "3m"}],
    bake={"holdback": "20%", "dwell": "2m"},
)
COMMANDS = {7: Command(Verb.PAUSE, "anna", id="pause"), 9: Command(Verb.RESUME, "anna", id="resume")}
"""By look: what an operator commands before it, again and again until it is answered."""
LOOKS = 40
EVERY_S = 20.0


class Killed(BaseException):
    """The process is gone, in the middle of what it did."""


class Dying(MemoryRolloutStore):
    """A store whose caller dies at one of its writes: just before it, or just after."""

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        super().__init__()
        self.writes = 0
        self.at = at
        self.after = after

    async def _dying(self, writing: Coroutine[Any, Any, T]) -> T:
        self.writes += 1
        if self.writes == self.at and not self.after:
            writing.close()
            raise Killed
        done = await writing
        if self.writes == self.at:
            raise Killed
        return done

    async def save(self, change: Any) -> None:
        """See `RolloutStore.save`."""
        await self._dying(super().save(change))

    async def forget_cells(self, rollout: str, stage: int, *, before_block: dict[str, int]) -> None:
        """See `RolloutStore.forget_cells`."""
        await self._dying(super().forget_cells(rollout, stage, before_block=before_block))

    async def lease(self, holder: str, now: float, seconds: float) -> bool:
        """See `RolloutStore.lease`."""
        return await self._dying(super().lease(holder, now, seconds))


async def run(store: Dying, *, slow_from: int) -> list[Decision]:
    """A whole rollout, whose controller is started anew whenever it dies; the candidate is slow from one look on.

    The turns are taken by a server that lives: what one counted and had not written would be lost with it.
    """
    clock = ManualClock(wall_s=AT)
    voice, controllers = Server(store, clock, "voice"), [Server(store, clock, "controller-0")]

    async def until_it_is_done(do: str, *arguments: object) -> object:
        for _ in range(2):
            try:
                return await attrgetter(do)(controllers[-1].controller)(*arguments)
            except Killed:
                controllers.append(Server(store, clock, f"controller-{len(controllers)}"))
                await controllers[-1].replica.refresh()
        raise AssertionError("it is killed once")

    await until_it_is_done("start", COURSE, Command(Verb.START, id="start"))
    for look in range(LOOKS):
        await voice.replica.refresh()
        for number in range(24):
            voice.take(f"listener-{look}-{number}", slow_ms=9000.0 if look >= slow_from else None)
        await clock.advance(EVERY_S)
        await voice.replica.flush()
        if look in COMMANDS:
            await until_it_is_done("command", "night", COMMANDS[look])
        while await until_it_is_done("tick", "night") is not None:
            pass  # who is killed after a decision looks again at the same moment; so does who is not
        if (await store.table()).exposure is None:
            break
        if look % 5 == 0:
            await until_it_is_done("lease.take")
    return [alike(decision) for decision in await store.decisions("night")]


def alike(decision: Decision) -> Decision:
    """A decision without the one figure that may differ: a successor is one more replica in its first minute."""
    look = {name: value for name, value in decision.numbers.get("look", {}).items() if name != "replicas"}
    return replace(decision, numbers={**decision.numbers, "look": look})


def settled(rollout: Rollout | None) -> Rollout:
    """A rollout without what is drawn by chance, and without its decisions, which are compared by themselves."""
    assert rollout is not None
    return replace(rollout, nonce="", last=None, answers=())


async def test_a_kill_at_any_write_changes_no_decision() -> None:
    """Killed before or after each of its writes, its successor comes to the same decisions on the same evidence."""
    for slow_from in (1000, 19):
        undisturbed = Dying()
        expected = await run(undisturbed, slow_from=slow_from)
        end = Kind.PROMOTED if slow_from == 1000 else Kind.ROLLED_BACK
        assert expected[-1].kind is end, [decision.reason for decision in expected]
        assert {Kind.ADVANCED, Kind.PAUSED, Kind.RESUMED} <= {decision.kind for decision in expected}
        assert undisturbed.writes >= 20
        step = 1 if slow_from == 1000 else 3
        for at in range(1, undisturbed.writes + 1, step):
            for after in (False, True):
                store = Dying(at, after=after)
                decisions = await run(store, slow_from=slow_from)
                assert decisions == expected, f"killed {'after' if after else 'before'} write {at}"
                assert await store.blocks("night", 1) == await undisturbed.blocks("night", 1)
                assert await store.table() == await undisturbed.table()
                assert settled(await store.load("night")) == settled(await undisturbed.load("night"))


CONFIG: dict[str, Any] = {
    "providers": {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": []},
    "delivery": {"tick_s": 0.1, "poll_s": 0.1, "flush_s": 0.1, "lease_s": 1.0},
}
DOCUMENT = {
    "name": "night",
    "baseline": {"name": "day"},
    "candidate": {"name": "night", "streaming": False},
    "gates": {"failures": {"kind": "failure", "at_most": "5%"}},
    "verdict": {"block": "1h"},
    "stages": [{"name": "half", "share": "50%", "dwell": "1h"}],
}


def talk(server: RunningServer, first: int, count: int) -> None:
    """So many turns, each of a new listener."""
    with httpx2.Client(base_url=server.url, timeout=30.0) as client:
        for number in range(first, first + count):
            body = {"text": "Good morning.", "language": "en", "listener": f"listener-{number}"}
            assert client.post("/api/voice/chat/stream", json=body).status_code == 200


def counted(data: Path) -> Counter[str]:
    """Trials of failures in the data folder, by replica."""
    found: Counter[str] = Counter()
    with sqlite3.connect(f"file:{data / 'segue.db'}?mode=ro", uri=True) as database:
        for replica, n in database.execute("select replica, n from cells where series = 'failures'"):
            found[replica] += n
    database.close()
    return found


def test_a_server_that_is_killed_comes_back_to_its_rollout(tmp_path: Path) -> None:
    """After SIGKILL in the middle of a rollout it goes on where it was: each turn is counted once, by who took it."""
    kept = tmp_path / "data"
    with running(CONFIG, exit_code=-signal.SIGKILL) as server:
        answer = httpx2.post(
            f"{server.url}/api/rollouts", json={"plan": DOCUMENT, "id": "start"}, headers=server.headers
        )
        assert answer.status_code == 201, answer.text
        talk(server, 0, 12)
        until(lambda: counted(server.data).total() == 12)
        before = httpx2.get(f"{server.url}/api/rollouts/night", headers=server.headers).json()
        assigned = httpx2.get(f"{server.url}/api/routing", headers=server.headers).json()
        server.process.kill()
        server.process.wait(10.0)
        first = counted(server.data)
        shutil.copytree(server.data, kept, ignore=shutil.ignore_patterns("*.sock"))

    with running(CONFIG, data=kept) as server:
        assert len(server.said) == 1  # no second first key
        after = httpx2.get(f"{server.url}/api/rollouts/night", headers=server.headers).json()
        assert [after[name] for name in ("key", "phase", "share_bp", "started_at")] == [
            before[name] for name in ("key", "phase", "share_bp", "started_at")
        ]
        assert httpx2.get(f"{server.url}/api/routing", headers=server.headers).json() == assigned
        again = httpx2.post(
            f"{server.url}/api/rollouts", json={"plan": DOCUMENT, "id": "start"}, headers=server.headers
        )
        assert (again.status_code, again.json()["decision"]["number"]) == (201, 1)
        talk(server, 100, 8)
        found = until(lambda: (cells := counted(kept)).total() == 20 and cells)
        assert {replica: found[replica] for replica in first} == dict(first)
        assert sorted(found.values()) == [8, 12]
        until(lambda: server.metric("segue_rollout_ticks_total") >= 3)
        over = {"reason": "The test is over."}
        rolled = httpx2.post(f"{server.url}/api/rollouts/night/rollback", json=over, headers=server.headers)
        assert rolled.status_code == 200
        assert httpx2.get(f"{server.url}/api/assignment?listener=listener-0").json()["reason"] == "no_rollout"
