"""Incidents over the API: opened, noted, mitigated and closed by whoever may, with an entry for each."""

import asyncio
import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from segue.cli import incident, postmortem
from segue.cli.asking import Where
from segue.cli.reporting import Ending
from segue.clock import ManualClock
from segue.console.incidents import Step
from segue.console.operator import Scope
from segue.console.paging import Cursors
from segue.console.responding import Responding
from segue.errors import SegueError
from segue.stores.console import MemoryAuditStore
from segue.stores.incidents import MemoryIncidentStore
from segue.web import incidents, problems
from segue.web.paging import Lists
from tests import doors
from tests.server import RunningServer

PATH = "/api/incidents"


def door(clock: ManualClock, audit: MemoryAuditStore, *scopes: Scope) -> TestClient:
    """The routes by themselves, for an operator with these scopes."""
    steps = [Step(0, "lead"), Step(900_000_000, "manager")]
    responding = Responding(MemoryIncidentStore(audit.write), doors.actions(clock, audit), clock, steps)
    app = FastAPI()
    problems.install(app)
    app.include_router(incidents.router(doors.access("olha", *scopes), responding, Lists(Cursors(b"s" * 32))))
    return TestClient(app)


def test_an_incident_goes_from_open_to_closed() -> None:
    """Each deed answers with the whole incident and who must be told, and leaves one entry behind."""
    clock, audit = ManualClock(), MemoryAuditStore()
    with door(clock, audit) as client:
        opened = client.post(PATH, json={"title": "Late", "severity": "critical", "services": ["voice"]})
        assert opened.status_code == 201, opened.text
        told = opened.json()
        assert [each["due"] for each in told["escalation"]] == [True, False]
        asyncio.run(clock.advance(901.0))
        noted = client.post(f"{PATH}/{told['id']}/notes", json={"text": "Off", "severity": "low"}).json()
        assert (noted["severity"], [each["due"] for each in noted["escalation"]]) == ("low", [True, True])
        body = {"text": "Switched", "rollback_level": 1, "rollback_target": "settings 3"}
        assert client.post(f"{PATH}/{told['id']}/mitigate", json=body).json()["state"] == "mitigated"
        again = client.post(f"{PATH}/{told['id']}/mitigate", json=body)
        assert (again.status_code, again.json()["code"]) == (400, "invalid_request")
        task = {"text": "Watch", "owner": "ivan", "due": "2026-12-01"}
        closed = client.post(f"{PATH}/{told['id']}/close", json={"text": "Done", "cause": "DNS", "tasks": [task]})
        assert closed.json()["tasks"] == [task]
        assert client.get(f"{PATH}/{told['id']}").json() == closed.json()
        assert client.get(PATH, params={"state": "open"}).json()["items"] == []
        assert client.get(f"{PATH}/INC-20000101-1").json()["code"] == "unknown_incident"
    entries = [(entry.action, entry.status) for entry in audit._entries]
    assert entries == [
        ("incident.open", "ok"),
        ("incident.note", "ok"),
        ("incident.mitigate", "ok"),
        ("incident.mitigate", "refused"),
        ("incident.close", "ok"),
    ]
    assert all(entry.target == f"incident/{told['id']}" for entry in audit._entries)


def test_whoever_only_reads_changes_nothing() -> None:
    """Reading takes `read`; opening and changing take `rollout:write`."""
    with door(ManualClock(), MemoryAuditStore(), Scope.READ) as client:
        assert client.get(PATH).status_code == 200
        assert client.post(PATH, json={"title": "Late"}).status_code == 403


def test_lists_are_told_in_pages() -> None:
    """A cursor goes on where the page ended."""
    with door(ManualClock(), MemoryAuditStore()) as client:
        made = [client.post(PATH, json={"title": str(number)}).json()["id"] for number in range(3)]
        first = client.get(PATH, params={"limit": 2}).json()
        second = client.get(PATH, params={"limit": 2, "cursor": first["next"]}).json()
    assert [item["id"] for item in [*first["items"], *second["items"]]] == made[::-1]
    assert second["next"] is None


def test_the_commands_go_the_same_way(
    embedded: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An incident is opened and closed by command, and its report names what is left to be filled in."""
    where = Where(data=embedded.data)
    incident.new("Replies begin late", service=["voice"], where=where, json_=True)
    name = json.loads(capsys.readouterr().out)["id"]
    incident.note(name, "Off", severity="critical", where=where)
    incident.mitigate(name, "Switched", level=1, target="settings 3", where=where)
    incident.close(name, "Quiet", cause="DNS", task=["Watch DNS;ivan;2026-12-01"], where=where)
    assert "tell now" in capsys.readouterr().out
    for wrong in ("Watch DNS", "Watch;ivan;2026-99-01"):
        with pytest.raises(SegueError):
            incident.close(name, "Quiet", cause="DNS", task=[wrong], where=where)
    files = {"out": tmp_path / "report.md", "html": tmp_path / "report.html"}
    with pytest.raises(SystemExit) as end:
        postmortem.report(name, **files, where=where, ending=Ending(record=False))
    assert end.value.code == 2
    text = files["out"].read_text(encoding="utf-8")
    assert "| Watch DNS | ivan | 2026-12-01 |" in text
    assert "To be filled in by" in text
    assert files["html"].read_text(encoding="utf-8").startswith("<!doctype html>")
