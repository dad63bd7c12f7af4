"""The audit over the API of the whole app: reading, verifying, exporting and pruning, all of it audited itself."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from segue.console.audit import Draft, Entry, rehashed
from segue.console.retention import DAY_US
from segue.settings import Settings
from segue.wiring.house import House, build

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = [
    "seq", "at", "actor", "via", "action", "target", "status", "code", "before", "after", "request", "node", "chat",
    "duration_ms", "facts", "prev_hash", "hash",
]  # fmt: skip
QUIET: dict[str, Any] = {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": []}


@dataclass
class Desk:
    """A running app, and somebody who may do everything there."""

    house: House
    client: httpx2.AsyncClient

    async def get(self, path: str = "", **params: Any) -> dict[str, Any]:
        """Ask, which must be answered."""
        answer = await self.client.get(f"/api/audit{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def prune(self, **body: Any) -> dict[str, Any]:
        """Prune, which must be done."""
        answer = await self.client.post("/api/audit/prune", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def newest(self) -> Entry:
        """The newest entry."""
        entry = await self.house.console.plane.audit.last()
        assert entry is not None
        return entry

    async def write(self, count: int, **changes: Any) -> None:
        """So many entries of somebody."""
        at_us = round(self.house.clock.wall() * 1e6)
        plain: dict[str, Any] = {"at_us": at_us, "actor": "Olena", "via": "socket:olena", "action": "chat.open"}
        await self.house.console.plane.audit.append(*(Draft(**{**plain, **changes}) for _ in range(count)))

    async def keyed(self, *scopes: str) -> Mapping[str, str]:
        """The header of somebody else, whose key has these scopes."""
        answer = await self.client.post("/api/keys", json={"name": "Taras", "scopes": scopes})
        return {"Authorization": f"Bearer {answer.json()['key']}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The app of a server whose audit begins with old entries."""
    house = build(Settings.model_validate({"data": tmp_path_factory.mktemp("audit"), "providers": QUIET}))
    async with house.running():
        desk = Desk(house, httpx2.AsyncClient())
        wall_us = round(house.clock.wall() * 1e6)
        await desk.write(25, at_us=wall_us - 91 * DAY_US)
        transport = httpx2.ASGITransport(app=house.app())
        headers = {"Authorization": f"Bearer {await house.console.first_key()}"}
        await desk.client.aclose()
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            desk.client = client
            yield desk


async def test_entries_are_told_newest_first(desk: Desk) -> None:
    """Every field of an entry is told; facts are an object, and the moment is Unix seconds."""
    await desk.write(1, facts={"stage": "half"}, target="rollout/voice/1", duration_ms=7, code="late", status="failed")
    answer = await desk.get(limit=2)
    first, second = answer["items"]
    assert list(first) == FIELDS
    assert (first["seq"], first["prev_hash"]) == (second["seq"] + 1, second["hash"])
    assert first["facts"] == {"stage": "half"}
    assert abs(first["at"] - desk.house.clock.wall()) < 60
    assert (first["target"], first["duration_ms"], first["code"], first["status"]) == (
        "rollout/voice/1", 7, "late", "failed",
    )  # fmt: skip


async def test_reading_is_audited(desk: Desk) -> None:
    """Who reads the audit stands in it, with what they filtered by, but not with what they asked for there."""
    await desk.get(actor="seg_dev_000000000000_somethingSecret")
    entry = await desk.newest()
    assert (entry.action, entry.actor, entry.facts) == ("audit.read", "admin", '{"filters":"actor"}')
    assert entry.via.startswith("key:")
    assert entry.request


async def test_filters_combine(desk: Desk) -> None:
    """Each filter narrows what the others let through; moments are from … until before."""
    await desk.write(2, chat="main.1", node="main", status="refused", target="chat/main.1")
    await desk.write(1, chat="main.1", node="main", status="refused", target="chat/main.1", actor="Taras")
    await desk.write(1, chat="main.1", node="other", status="ok", target="chat/main.1", actor="Taras")
    both = {"chat": "main.1", "status": "refused", "target": "chat/main.1", "node": "main", "action": "chat.open"}
    assert len((await desk.get(chat="main.1"))["items"]) == 4
    assert len((await desk.get(**both))["items"]) == 3
    (found,) = (await desk.get(**both, actor="Taras"))["items"]
    # A little after it: what a moment is in JSON may lie half a microsecond beside it.
    assert (await desk.get(**both, actor="Taras", since=found["at"] + 1e-5))["items"] == []
    assert (await desk.get(**both, actor="Taras", until=found["at"] - 1e-5))["items"] == []
    assert len((await desk.get(**both, actor="Taras", since=found["at"] - 1, until=found["at"] + 1))["items"]) == 1
    assert (await desk.get(actor="nobody"))["items"] == []


@pytest.mark.parametrize("query", [{"since": "soon"}, {"since": "-1"}, {"until": "nan"}, {"actor": "a\0"}])
async def test_what_is_no_filter_is_refused(desk: Desk, query: dict[str, str]) -> None:
    """A filter that nothing can meet is told as such."""
    assert (await desk.client.get("/api/audit", params=query)).status_code == 400


async def test_every_entry_comes_once(desk: Desk) -> None:
    """A walk tells each entry once, also where many are of one moment and others are written meanwhile."""
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await desk.get(actor="Olena", limit=4, **cursor)
        seen += [item["seq"] for item in answer["items"]]
        await desk.write(1)
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert seen == sorted(set(seen), reverse=True)
    assert {1, 25} <= set(seen)
    answer = await desk.client.get("/api/audit", params={"actor": "Taras", **cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("path", ["", "/verification", "/export"])
async def test_the_audit_is_closed(desk: Desk, path: str) -> None:
    """Without a key nobody reads it, from this machine neither; nor with a key for other things."""
    url = f"/api/audit{path}"
    for forged in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Operator-Id": "admin"}, {"Authorization": "Bearer x"}):
        answer = await desk.client.get(url, headers={"Authorization": "", **forged})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    answer = await desk.client.get(url, headers=await desk.keyed("read", "send", "rollout:write"))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await desk.client.get(url, headers=await desk.keyed("audit:read"))).status_code == 200


async def test_pruning_takes_an_administrator(desk: Desk) -> None:
    """Who may read the audit may not prune it."""
    headers = await desk.keyed("audit:read", "send", "read", "rollout:write")
    answer = await desk.client.post("/api/audit/prune", json={"before_days": 0}, headers=headers)
    assert answer.status_code == 403


async def test_the_chain_verifies(desk: Desk) -> None:
    """A verification tells what it checked and up to where it is proved, and stands in the audit itself."""
    await desk.house.console.plane.keeper.sign()
    newest = await desk.newest()
    told = await desk.get("/verification")
    assert (told["ok"], told["proven"], told["faults"], told["warnings"]) == (True, True, [], [])
    assert (told["checked"], told["to_seq"]) == (newest.seq, newest.seq)
    assert (told["head"]["seq"], told["head"]["hash"]) == (newest.seq, newest.hash)
    entry = await desk.newest()
    assert (entry.action, json.loads(entry.facts)) == ("audit.verify", {"checked": newest.seq, "faults": 0})


async def test_an_export_is_the_chain(desk: Desk) -> None:
    """Every entry is exported with just the fields that are hashed, after a line that says what it is."""
    answer = await desk.client.get("/api/audit/export")
    head, *lines = [json.loads(line) for line in answer.text.splitlines()]
    assert head["format"] == "segue audit 1"
    assert head["to_seq"] == lines[-1]["seq"]
    entries = [Entry(**line) for line in lines]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert all(entry.hash == rehashed(entry) for entry in entries)
    assert entries[-1].action == "audit.export"


async def test_pruning_is_counted_first_and_recorded(desk: Desk) -> None:
    """A dry run changes nothing but for its own entry; pruning removes just those, in batches, and all verifies."""
    before = (await desk.newest()).seq
    dry = await desk.prune(dry_run=True)
    assert dry == {"would_remove": 25, "to_seq": 25, "left": before - 25, "dry_run": True}
    entry = await desk.newest()
    assert (entry.seq, entry.action) == (before + 1, "audit.prune")
    assert json.loads(entry.facts) == {"dry_run": 1, "would_remove": 25}

    done = await desk.prune(batch=10, vacuum=True)
    assert done == {"removed": 25, "to_seq": 25, "left": before + 1 - 25 + 3, "dry_run": False}
    records = (await desk.get(action="audit.prune", limit=3))["items"]
    assert [each["facts"]["count"] for each in records] == [5, 10, 10]
    assert {each["actor"] for each in records} == {"admin"}
    told = await desk.get("/verification")
    assert (told["proven"], told["from_seq"], told["prunes"]) == (True, 26, 3)

    again = await desk.prune()
    assert (again["removed"], again["to_seq"]) == (0, None)
    assert json.loads((await desk.newest()).facts) == {"removed": 0}


@pytest.mark.parametrize("body", [{"before_days": -1}, {"batch": 0}, {"dry_run": "maybe"}, {"other": 1}])
async def test_what_cannot_be_pruned_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    """A body that makes no sense removes nothing."""
    before = (await desk.newest()).seq
    assert (await desk.client.post("/api/audit/prune", json=body)).status_code == 400
    assert (await desk.newest()).seq == before


async def test_pruning_by_force_is_told(desk: Desk) -> None:
    """Whoever prunes what was tampered with stands in the audit as somebody who did."""
    for force in (False, True):
        await desk.write(2)
        await desk.prune(before_days=0, force=force)
        (entry, *_) = (await desk.get(action="audit.prune"))["items"]
        assert (entry["facts"].get("forced"), entry["facts"]["count"] > 0) == (1 if force else None, True)
