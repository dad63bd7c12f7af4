"""What operators' commands found is put on record: entered in the audit, signed by the server, listed and measured."""

import base64
import hashlib
from typing import Any

import httpx2
import pytest

from segue.console.audit import canonical
from segue.operations.evidence.envelope import REPORT_TYPE, Envelope, vouched
from segue.operations.report import Check, Level, Report
from segue.stores.audit_key import trusted_keys
from tests.rollouts import until
from tests.server import RunningServer

PATH = "/api/operations"
HOLDS = Check("server.health", Level.PASS, "It answered 200 in 3 ms.", {"took_ms": 3.0})
SHAKY = Check("server.keys", Level.WARN, "One key is 300 days old.", hint="Rotate it.")


def report(*checks: Check, command: str = "preflight") -> Report:
    """A report that ended long ago."""
    return Report(command, "http://127.0.0.1", 1_000_000, 2_000_000, checks or (HOLDS,), {"version": "1"})


def body(found: Report, **other: Any) -> dict[str, Any]:
    """What is sent to put a report on record; `other` takes the place of what would be right."""
    payload = base64.b64encode(canonical(found.as_dict())).decode()
    return {"command": found.command, "outcome": found.outcome.value, "payload": payload} | other


def test_it_is_entered_and_signed(embedded: RunningServer) -> None:
    """The answer names the entry, whose `after` is the payload's digest, and the signature holds for the payload."""
    found = report(HOLDS, SHAKY)
    payload = canonical(found.as_dict())
    with embedded.client() as client:
        told = client.post(PATH, json=body(found)).raise_for_status().json()
        entry = client.get("/api/audit", params={"target": "operation/preflight"}).json()["items"][0]
        (item,) = [each for each in client.get(PATH).json()["items"] if each["command"] == "preflight"]
    digest = hashlib.sha256(payload).hexdigest()
    assert told["audit"] == {"seq": entry["seq"], "hash": entry["hash"], "node": entry["node"]}
    assert (entry["target"], entry["after"], entry["actor"]) == ("operation/preflight", digest, "admin")
    assert entry["facts"] == {"outcome": "warn", "pass": 1, "warn": 1}
    envelope = Envelope(payload, REPORT_TYPE, {told["key"]: told["signature"]})
    assert vouched(envelope, trusted_keys(embedded.data)) == {told["key"]: True}
    assert item == {
        "command": "preflight",
        "outcome": "warn",
        "at": told["at"],
        "by": "admin",
        "digest": digest,
        "counts": {"pass": 1, "warn": 1},
    }


def test_the_newest_of_each_command_is_kept_and_measured(embedded: RunningServer) -> None:
    """A later report takes the place of the one before, whose digest its entry names; others stay."""
    first, second = report(command="monitor"), report(SHAKY, command="monitor")
    with embedded.client() as client:
        for each in (first, second, report(command="policy update")):
            client.post(PATH, json=body(each)).raise_for_status()
        items = {item["command"]: item for item in client.get(PATH).json()["items"]}
        entry = client.get("/api/audit", params={"target": "operation/monitor"}).json()["items"][0]
    assert (items["monitor"]["outcome"], items["policy update"]["outcome"]) == ("warn", "pass")
    assert entry["before"] == hashlib.sha256(canonical(first.as_dict())).hexdigest()
    assert embedded.metric('segue_operation_outcome{command="monitor"}') == 2.0
    assert until(lambda: embedded.metric('segue_operation_age_seconds{command="monitor"}')) < 60.0


LIE = canonical({**report().as_dict(), "outcome": "fail"})
SPACED = canonical(report().as_dict()).replace(b":", b": ")
WRONG: dict[str, dict[str, Any]] = {
    "another command": body(report(), command="canary"),
    "another outcome": body(report(), outcome="warn"),
    "an outcome that its checks do not have": body(report(), outcome="fail", payload=base64.b64encode(LIE).decode()),
    "not canonical": body(report(), payload=base64.b64encode(SPACED).decode()),
    "no report": body(report(), payload=base64.b64encode(b'{"a": 1}').decode()),
    "no object": body(report(), payload=base64.b64encode(b"[1, 2]").decode()),
    "no JSON": body(report(), payload=base64.b64encode(b"NaN, perhaps").decode()),
    "too deep": body(report(), payload=base64.b64encode(b"[" * 100_000).decode()),
    "no Base64": body(report(), payload="%%%%"),
    "too long": body(report(), payload="AAAA" * 400_000),
    "no command": body(report(), command="Rm -rf"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_report_of_this_is_refused(embedded: RunningServer, wrong: dict[str, Any]) -> None:
    """A payload must be a report, whole and canonical, and say of itself what is said of it; else nothing is kept."""
    with embedded.client() as client:
        before = client.get(PATH).json()
        answer = client.post(PATH, json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert client.get(PATH).json() == before


def test_reading_keys_put_nothing_on_record(embedded: RunningServer) -> None:
    """It takes `rollout:write`; who is refused stands in the audit by the door's own rules."""
    key = embedded.made("reader", "read")
    with embedded.client(key) as client:
        assert client.post(PATH, json=body(report())).status_code == 403
        assert client.get(PATH).status_code == 200
    assert httpx2.get(embedded.url + PATH).status_code == 401
