"""The rollouts over HTTP, on a real server: starting, commanding, reading, following, exporting."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from segue.clock import ManualClock
from segue.configuration import ServerSettings
from segue.delivery.controller import Controller
from segue.delivery.evidence import Block, Look
from segue.delivery.past import Past
from segue.delivery.plan import Plan
from segue.delivery.planfile import plan_of
from segue.delivery.published import Published
from segue.delivery.replay import read_export, replay
from segue.delivery.replica import Replica
from segue.delivery.rollout import Command, Decision, Rollout, Verb
from segue.delivery.status import VERBS
from segue.delivery.tally import Tally
from segue.errors import Unavailable
from segue.records import TurnRecord
from segue.routing import Restrictions, Variant, restrict
from segue.stores.rollouts import MemoryRolloutStore
from segue.vendors.delivery import DeliverySettings
from segue.web import problems, rollouts
from segue.web.rollout_stream import events
from segue.web.standing import Standing
from tests.doors import access, actions
from tests.rollouts import plan, started, until
from tests.server import RunningServer, admin

UNRESTRICTED = Restrictions()
READS = {"plan": Plan, "rollout": Rollout, "decision": Decision, "look": Look, "block": Block}


def posted(url: str, status: int = 200, **body: Any) -> dict[str, Any]:
    """A body that is posted, and the answer."""
    answer = httpx2.post(url, json=body, headers=admin(url))
    assert answer.status_code == status, answer.text
    plain: dict[str, Any] = answer.json()
    return plain


def got(url: str, status: int = 200) -> dict[str, Any]:
    """The answer to a question."""
    answer = httpx2.get(url, headers=admin(url))
    assert answer.status_code == status, answer.text
    plain: dict[str, Any] = answer.json()
    return plain


def talked(server: RunningServer, listeners: range) -> None:
    """A turn of each of these listeners."""
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        for number in listeners:
            body = {"text": "Good morning.", "language": "en", "listener": f"listener-{number}"}
            assert client.post("/api/voice/chat/stream", json=body).status_code == 200


def following(address: str, after: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The events of a rollout: kind, id, values."""
    headers = admin(address) | ({"last-event-id": after} if after else {})
    with httpx2.stream("GET", f"{address}/events", headers=headers, timeout=20) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line:
                yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
                fields = {}


def test_a_plan_is_started_and_tells_how_it_stands(hurried: RunningServer) -> None:
    """Starting answers 201 with the decision and the status; the list and the rollout itself say the same."""
    with started(hurried, "first", version=3) as address:
        status = got(address)

        assert (status["name"], status["attempt"], status["phase"]) == ("first", 1, "running")
        assert status["sentence"].startswith("Stage 1 of 2 (half): 50 % hear new. ")
        assert (status["share_bp"], status["holdback_bp"], status["plan"]["version"]) == (5000, 500, 3)
        assert [stage["name"] for stage in status["stages"]] == ["half", "all", "bake"]
        assert {gate["gate"]: gate["word"] for gate in status["gates"]} == {"ttfa": "wait", "success": "wait"}
        assert status["last"]["reason"]
        assert set(status["commands"]) == set(VERBS)
        (item,) = [item for item in got(f"{hurried.url}/api/rollouts")["items"] if item["name"] == "first"]
        assert {**status, **item} == {**status, "sentence": item["sentence"], "stage": item["stage"]}
        assert got(f"{hurried.url}/api/routing")["exposure"]["rollout"] == "first/1"


def test_a_plan_whose_candidate_is_not_there_is_not_started(hurried: RunningServer) -> None:
    """A synthesizer and a model that this server does not have are named, and nobody is routed to them."""
    candidate = {"name": "new", "synthesizer": "chirp9", "model": "qwen99"}
    problem = posted(f"{hurried.url}/api/rollouts", 409, plan=plan("nobody", candidate=candidate))
    assert problem["code"] == "refused"
    assert "'chirp9'" in problem["detail"]
    assert "'qwen99'" in problem["detail"]
    assert got(f"{hurried.url}/api/routing")["exposure"] is None


def test_turns_become_evidence_that_is_shown(hurried: RunningServer) -> None:
    """After turns of forty listeners the realised share, the trials of both arms and the age of the data are there."""
    with started(hurried, "counted", verdict={"block": "1s"}) as address:
        talked(hurried, range(40))
        status = until(
            lambda: (now := got(address))["realised"]["candidate"] + now["realised"]["baseline"] == 40 and now
        )
        assert status["realised"]["share_bp"] == round(10_000 * status["realised"]["candidate"] / 40)
        assert 0 <= status["ages"]["candidate_s"] < 60

        counted = until(lambda: (gate := got(address)["gates"][1])["n"] == status["realised"]["candidate"] and gate)
        assert (counted["gate"], counted["value"], counted["bad"]) == ("success", 0.0, 0.0)
        assert counted["baseline_n"] == status["realised"]["baseline"]
        blocks = [each for each in got(f"{address}/blocks?limit=1000")["items"] if each["series"] == "success"]
        assert sum(block["candidate"]["n"] for block in blocks) == counted["n"]


def test_commands_are_obeyed_and_each_is_told_with_its_reason(hurried: RunningServer) -> None:
    """Pause, resume, freeze, thaw, approve, promote and step back each change what they say, with actor and reason."""
    with started(hurried, "commanded") as address:
        paused = posted(f"{address}/pause", reason="Lunch.")
        assert (paused["status"]["phase"], paused["decision"]["actor"]) == ("paused", "admin")
        assert "Paused by admin: Lunch." in paused["status"]["sentence"]
        assert paused["status"]["commands"]["pause"] == {
            "allowed": False, "why": "It is paused already; nothing changed.", "by_force": False,
        }  # fmt: skip
        assert posted(f"{address}/resume")["status"]["phase"] == "running"
        assert posted(f"{address}/freeze", reason="Holidays")["status"]["frozen"] == "Holidays"
        assert posted(f"{address}/thaw")["status"]["frozen"] == ""
        assert posted(f"{address}/approve", stage="all")["status"]["approval"] == {"needed": False, "stage": ""}
        promoted = posted(f"{address}/promote")
        assert (promoted["status"]["stage"]["name"], promoted["status"]["share_bp"]) == ("all", 10_000)
        assert got(f"{hurried.url}/api/routing")["exposure"]["share_bp"] == 10_000
        assert posted(f"{address}/step-back")["status"]["share_bp"] == 5000

        rolled_back = posted(f"{address}/rollback", reason="It sounds hoarse.")
        assert rolled_back["status"]["phase"] == "rolled_back"
        assert got(f"{hurried.url}/api/routing")["exposure"] is None
        retried = posted(f"{address}/retry")
        assert (retried["status"]["attempt"], retried["decision"]["number"]) == (2, 1)

        kinds = [decision["kind"] for decision in got(f"{address}/decisions?attempt=1")["items"]]
        assert [kind for kind in kinds if kind not in {"waited", "held"}] == [
            "started", "paused", "resumed", "frozen", "thawed", "approved", "advanced", "stepped_back", "rolled_back",
        ]  # fmt: skip


def test_the_same_command_takes_effect_once(hurried: RunningServer) -> None:
    """A command that is sent again with its id has the same answer, and nothing happens a second time."""
    with started(hurried, "once", stages=[{"name": name, "share": share} for name, share in THREE]) as address:
        first = posted(f"{address}/promote", id="press-1")
        again = posted(f"{address}/promote", id="press-1")

        assert again["decision"] == first["decision"]
        assert again["status"]["stage"]["index"] == 1


THREE = (("few", "5%"), ("half", "50%"), ("all", "100%"))


def test_every_command_stands_in_the_audit_under_one_name(hurried: RunningServer) -> None:
    """What took effect, what had it before, what is so already and what is refused are told apart by the outcome."""
    with started(hurried, "written-down") as address, hurried.client() as client:
        for verb, words in (
            ("pause", {"id": "once"}),
            ("pause", {"id": "once"}),
            ("pause", {}),
            ("step-back", {}),
            ("rollback", {}),
            ("step-back", {}),
        ):
            client.post(f"{address}/{verb}", json=words)
        found = client.get("/api/audit", params={"target": "rollout/written-down", "limit": 500}).json()["items"]
        found += client.get("/api/audit", params={"target": "rollout/written-down/1", "limit": 500}).json()["items"]
        found.sort(key=lambda entry: entry["seq"])

    assert [(entry["action"], entry["status"]) for entry in found] == [
        ("rollout.start", "ok"),
        ("rollout.pause", "ok"),
        ("rollout.pause", "replayed"),
        ("rollout.pause", "replayed"),
        ("rollout.step_back", "refused"),
        ("rollout.roll_back", "ok"),
        ("rollout.step_back", "refused"),
    ]


def test_what_cannot_be_done_is_refused_with_the_reason(hurried: RunningServer) -> None:
    """A refusal is 409 with the code `refused` and a sentence; nothing is written."""
    with started(hurried, "refusing") as address:
        before = got(f"{address}/decisions")["items"]
        refused = posted(f"{address}/step-back", 409)
        assert (refused["code"], refused["detail"]) == ("refused", "It is in its first stage; roll it back instead.")
        assert "refusing/1 is running" in posted(f"{hurried.url}/api/rollouts", 409, plan=plan("second"))["detail"]
        assert got(f"{address}/decisions")["items"][: len(before)] == before
        assert not [each for each in got(f"{address}/decisions")["items"] if each["kind"] == "refused"]
        assert posted(f"{address}/dance", 404)["code"] == "not_found"
        assert posted(f"{address}/pause", 400, colour="red")["param"] == "colour"


def test_an_unknown_rollout_is_told_with_those_there_are(hurried: RunningServer) -> None:
    """Every door answers 404 and names the rollouts; an attempt that is not there is told as such."""
    with started(hurried, "known"):
        for door in ("", "/decisions", "/blocks", "/events", "/export"):
            problem = got(f"{hurried.url}/api/rollouts/nobody{door}", 404)
            assert problem["code"] == "unknown_rollout"
            assert "known" in problem["detail"]
        assert "known" in posted(f"{hurried.url}/api/rollouts/nobody/pause", 404)["detail"]
        assert "no attempt 7" in got(f"{hurried.url}/api/rollouts/known/export?attempt=7", 404)["detail"]


def test_a_wrong_plan_is_refused_line_by_line(hurried: RunningServer) -> None:
    """Starting and looking through answer with the line, the place and the reason of everything that is wrong."""
    text = "name: x\nbaseline: {name: a}\ncandidate: {name: b}\ngates:\n  ttfa:\n    kind: latency\n    over: 6s\n"
    text += "    at_most: 5\nstages:\n  - {name: all, share: 100%}\n"
    problem = posted(f"{hurried.url}/api/rollouts", 400, plan=text)
    assert problem["code"] == "plan"
    assert problem["problems"] == [
        {"line": 8, "where": "gates.ttfa.at_most", "reason": problem["problems"][0]["reason"]}
    ]
    assert "percent sign" in problem["detail"]
    found = posted(f"{hurried.url}/api/plans/check", plan=text)
    assert (found["ok"], found["problems"]) == (False, problem["problems"])
    assert "x" not in [item["name"] for item in got(f"{hurried.url}/api/rollouts")["items"]]


def test_a_plan_is_looked_through_without_being_started(hurried: RunningServer) -> None:
    """A good plan tells its stages and terms; with too little traffic it is not good, and says which stage and why."""
    found = posted(f"{hurried.url}/api/plans/check", plan=plan("looked"), turns_per_s=5)
    assert (found["ok"], found["problems"]) == (True, [])
    half = found["stages"][0]
    assert (half["name"], half["gates"][0]["gate"], half["gates"][0]["turns"]) == ("half", "ttfa", 5 * 0.5 * 3600)
    assert found["terms"]["alpha"] == 0.02

    starved = posted(f"{hurried.url}/api/plans/check", plan=plan("looked"), turns_per_s=0.0001)
    assert starved["ok"] is False
    assert {problem["where"] for problem in starved["problems"]} == {"stages.half", "stages.all"}
    assert "looked" not in [item["name"] for item in got(f"{hurried.url}/api/rollouts")["items"]]
    assert got(f"{hurried.url}/api/plans/schema")["title"] == "Segue plan"


def test_lists_are_read_page_by_page(hurried: RunningServer) -> None:
    """A page says where the next one begins, and the last one that there is none."""
    with started(hurried, "paged") as address:
        for verb in ("pause", "resume", "freeze", "rollback"):  # after the last one nothing more is decided
            posted(f"{address}/{verb}")
        everything = got(f"{address}/decisions")
        assert everything["next"] is None
        page = got(f"{address}/decisions?limit=2")
        assert (page["items"], page["next"]) == (everything["items"][:2], 2)
        assert got(f"{address}/decisions?limit=2&after=2")["items"] == everything["items"][2:4]
        assert got(f"{address}/decisions?after={len(everything['items'])}") == {"items": [], "next": None}


def test_events_tell_the_status_at_once_and_each_decision_as_it_is_made(hurried: RunningServer) -> None:
    """The first events are what was decided lately and the status; a command is heard without asking again."""
    with started(hurried, "followed") as address, closing(following(address)) as events:
        kind, number, decision = next(events)
        assert (kind, number, decision["kind"]) == ("decision", "1/1", "started")
        first = next(values for kind, _, values in events if kind == "status")
        assert first["phase"] == "running"

        posted(f"{address}/pause", reason="Lunch.")
        seen = []
        for kind, number, values in events:
            seen.append((kind, number, values))
            if kind == "status" and values["phase"] == "paused":
                break
        decision = next(each for each in seen if each[0] == "decision" and each[2]["kind"] == "paused")
        assert decision[2]["reason"] == "Paused by admin: Lunch."
        assert decision[1] == f"1/{decision[2]['number']}"


def test_events_are_taken_up_where_they_broke_off(hurried: RunningServer) -> None:
    """With the id of the last decision that was heard, those after it come first, of the next attempt too."""
    with started(hurried, "resumed") as address:
        for verb in ("pause", "resume", "rollback", "retry"):
            posted(f"{address}/{verb}")
        after = next(
            each["number"] for each in got(f"{address}/decisions?attempt=1")["items"] if each["kind"] == "paused"
        )
        with closing(following(address, after=f"1/{after}")) as events:
            heard = []
            for kind, number, values in events:
                heard.append((number, values.get("kind")))
                if kind == "status":
                    break
        known = [(f"1/{each['number']}", each["kind"]) for each in got(f"{address}/decisions?attempt=1")["items"]]
        assert heard[: len(known) - after] == known[after:]
        assert heard[len(known) - after] == ("2/1", "retried")


@pytest.mark.parametrize("after", ["-5/-3", "0/0", "1/" + "9" * 30, "-1000000000/0", "a/b", "7", ""])
def test_a_place_that_is_none_begins_with_the_latest_events(hurried: RunningServer, after: str) -> None:
    """What a client says it had last is only believed as far as it can be; the stream never fails for it."""
    with started(hurried, f"astray-{abs(hash(after))}") as address:
        event, number, _ = next(following(address, after))
        assert (event, number) == ("decision", "1/1")


def test_an_export_has_everything_and_can_be_read_back(hurried: RunningServer) -> None:
    """Its lines become the same values again, and are decided the same again; what a link carries is not in them."""
    with started(hurried, "exported", verdict={"block": "1s"}) as address:
        until(lambda: got(f"{address}/blocks")["items"])
        posted(f"{address}/pause")
        answer = httpx2.get(f"{address}/export", headers=admin(address))
        assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
        lines = [json.loads(line) for line in answer.text.splitlines()]

        assert [line["kind"] for line in lines[:2]] == ["plan", "rollout"]
        assert {line["kind"] for line in lines} == set(READS)
        for line in lines:
            adapter = TypeAdapter(READS[line["kind"]])
            assert adapter.dump_python(adapter.validate_python(line[line["kind"]]), mode="json") == line[line["kind"]]
        assert lines[1]["rollout"]["nonce"] == ""
        kept = read_export(answer.text.splitlines())
        assert replay(kept).decisions == list(kept.decisions)
        numbers = [line["decision"]["number"] for line in lines if line["kind"] == "decision"]
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(line["version"] for line in lines if line["kind"] == "look")


# Without a server: what a server cannot be made to do on demand.


class Failing(MemoryRolloutStore):
    """A store that can be taken away."""

    gone = False

    def __getattribute__(self, name: str) -> Any:
        """Whatever is asked of it, once it is gone."""
        if not name.startswith("_") and name != "gone" and self.gone:
            raise Unavailable("The database cannot be opened.")
        return super().__getattribute__(name)


class Quiet:
    """A watcher on whose server nothing is wrong."""

    async def degradation(self) -> str:
        """See `Watcher`."""
        return "ok"

    async def alerts(self, url: str) -> tuple[str, ...] | None:
        """See `Watcher`."""
        del url
        return ()

    def memory_bytes(self) -> int:
        """See `Watcher`."""
        return 100_000_000

    def enabled(self) -> bool:
        """See `Watcher`."""
        return True

    def lacking(self, variant: Variant) -> tuple[str, ...]:
        """See `Watcher`."""
        del variant
        return ()


async def no_records(since: float, limit: int) -> AsyncIterator[TurnRecord]:
    """The records of a server without a past."""
    for record in ():
        yield record


def controller(clock: ManualClock, restrictions: Restrictions = UNRESTRICTED) -> Controller:
    """A controller by itself."""
    store = Failing()
    published = Published(restrict=lambda table: restrict(table, restrictions))
    chance = (f"{number:08x}" for number in itertools.count())
    replica = Replica(store, published, Tally("here"), clock)
    return Controller(store, replica, Quiet(), Past(no_records), clock, DeliverySettings(), lambda: next(chance))


async def test_a_roll_back_is_answered_while_the_database_is_gone() -> None:
    """It holds on this server at once and is answered 200 without a status; other commands are 503."""
    clock = ManualClock()
    steering = controller(clock)
    app = FastAPI()
    problems.install(app)
    app.include_router(rollouts.router(steering, ServerSettings(), clock, lambda: False, access(), actions(clock)))
    await steering.start(plan_of(plan("greeting")), Command(Verb.START))
    assert steering.replica.published.current().exposure is not None
    steering.store.gone = True  # type: ignore[attr-defined]

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://segue") as client:
        paused = await client.post("/api/rollouts/greeting/pause", json={})
        assert (paused.status_code, paused.json()["code"]) == (503, "unavailable")
        assert (await client.get("/api/rollouts/greeting/events")).status_code == 503
        rolled_back = await client.post("/api/rollouts/greeting/rollback", json={"reason": "Hoarse."})
    assert rolled_back.status_code == 200
    assert rolled_back.json()["status"] is None
    assert "It holds on this server at once" in rolled_back.json()["decision"]["reason"]
    assert steering.replica.published.current().exposure is None


async def test_a_status_comes_although_nothing_happens() -> None:
    """A stream says something at least every five seconds, so that silence means the server has gone; then it ends."""
    clock = ManualClock()
    steering = controller(clock)
    await steering.start(plan_of(plan("greeting")), Command(Verb.START))
    ended: list[bool] = []
    stream = events("greeting", (1, 1), Standing(steering, clock), steering.store, clock, lambda: bool(ended))
    told: list[float] = []

    async def read() -> None:
        async for piece in stream:
            assert piece.startswith(b"event: status\n")
            told.append(clock.now())

    reading = asyncio.create_task(read())
    await clock.advance(30.0)
    ended.append(True)
    await clock.advance(1.0)
    await reading
    assert told[0] == 0.0
    assert all(later - earlier <= 5.5 for earlier, later in pairwise([*told, 30.0]))


async def test_what_this_machine_takes_away_is_told() -> None:
    """Where the environment restricts the rollout the status says how; elsewhere it says nothing."""
    clock = ManualClock()
    for restrictions, words in ((UNRESTRICTED, ""), (Restrictions(share_bp=1000), "10 %")):
        steering = controller(clock, restrictions)
        await steering.start(plan_of(plan("greeting")), Command(Verb.START))
        told = (await Standing(steering, clock).of("greeting"))["restricted"]
        assert words in told
        assert bool(told) is bool(words)
