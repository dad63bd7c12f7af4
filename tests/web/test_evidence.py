"""Signed files of evidence: what waits for a server is entered once, and every kind of tampering is told apart."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from segue.cli.asking import Where
from segue.cli.evidence import app
from segue.cli.recording import recorded
from segue.console.audit import canonical
from segue.operations.evidence.envelope import REPORT_TYPE, Envelope, from_text, sealed
from segue.operations.evidence.filing import FOLDER, PENDING, Filing
from segue.operations.report import Check, Level, Report
from segue.settings import load
from segue.stores.audit_key import audit_key
from segue.wiring.evidence import trust
from segue.wiring.house import build
from tests.operators import SPEAKING
from tests.server import RunningServer, running

QUICK = {**SPEAKING, "voice": {"languages": ["en"]}}


def report(ended_us: int, reason: str = "It answered.") -> Report:
    """A report that ended then."""
    return Report("preflight", "here", 1, ended_us, (Check("server.health", Level.PASS, reason),))


@dataclass(frozen=True)
class Past:
    """A data folder in which commands were run before any server was, and the server that runs on it now."""

    server: RunningServer
    where: Where
    late: str
    """Name of the file that waited."""
    forged: Path
    """One that was put among those that wait, and that no key signed."""


async def entered(where: Where) -> None:
    """Start what enters files, as a server does, and end it."""
    house = build(load(None, data=where.folder))
    assert house.database is not None
    await house.database.start()
    await house.recording.start()
    await house.recording.close()
    await house.database.close()


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """A server on such a data folder; the first start of it crashed right after it had entered what waited."""
    where = Where(data=tmp_path_factory.mktemp("past") / "data")
    waits = recorded(report(2_000_000), where, None)
    content = waits.read_bytes()
    asyncio.run(entered(where))
    (where.folder / FOLDER / waits.name).unlink()
    waits.write_bytes(content)  # as before the file was moved
    unsigned = Envelope(canonical(report(3_000_000).as_dict()), REPORT_TYPE, {})
    forged = Filing(where.folder / FOLDER).keep("forged.json", unsigned, pending=True)
    with running(QUICK, data=where.folder) as server:
        yield Past(server, where, waits.name, forged)


def verified(
    capsys: pytest.CaptureFixture[str], *files: Path, where: Where, more: Sequence[str] = ()
) -> dict[str, Any]:
    """What `segue evidence verify` says, as JSON: its exit code, and the level and seal or reason of each check."""
    with pytest.raises(SystemExit) as ended:
        app(["verify", *map(str, files), "--data", str(where.folder), "--json", "--no-record", *more])
    plain = json.loads(capsys.readouterr().out)
    assert plain["exit_code"] == ended.value.code
    return {"exit": plain["exit_code"]} | {check["name"].rpartition(".")[2]: check for check in plain["checks"]}


def test_what_waited_is_entered_when_a_server_starts(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry is the start's, marked as late; the file lies among the others with its place, and verifies."""
    folder = past.where.folder / FOLDER
    with past.server.client() as client:
        (entry,) = client.get("/api/audit", params={"action": "operation.record", "actor": "start"}).json()["items"]
        (item,) = client.get("/api/operations").json()["items"]
    assert (entry["facts"]["late"], entry["after"], entry["actor"]) == (1, item["digest"], "start")
    assert item["at"] == 2.0
    assert not (folder / PENDING / past.late).exists()
    envelope = from_text((folder / past.late).read_text())
    assert envelope is not None
    assert envelope.audit["seq"] == entry["seq"]
    said = verified(capsys, folder / past.late, where=past.where)
    assert (said["exit"], said["signature"]["level"], said["entry"]["level"]) == (0, "pass", "pass")


def test_what_nobody_signed_is_not_entered(past: Past) -> None:
    """A file that no trusted key vouches for stays where it is, and the log says why."""
    assert past.forged.exists()
    assert any("evidence that waits was not entered" in line and "forged.json" in line for line in past.server.log)


def test_one_start_after_a_crash_does_not_enter_it_twice(past: Past) -> None:
    """A server that died between entering a file and moving it finds the entry again: there is one, not two."""
    with past.server.client() as client:
        items = client.get("/api/audit", params={"target": "operation/preflight", "actor": "start"}).json()["items"]
    assert len(items) == 1


def changed(envelope: Envelope, where: Where) -> Envelope:
    """Somebody makes the report say something better."""
    del where
    return replace(envelope, payload=envelope.payload.replace(b"It answered.", b"It is fast."))


def moved(envelope: Envelope, where: Where) -> Envelope:
    """Somebody takes the signature of another report."""
    other = sealed(b"{}", REPORT_TYPE, audit_key(where.folder))
    return replace(envelope, signatures=other.signatures)


def foreign(envelope: Envelope, where: Where) -> Envelope:
    """Somebody signs with a key of their own."""
    del where
    ((_, signature),) = envelope.signatures.items()
    return replace(envelope, signatures={"0123456789abcdef": signature})


def unsigned(envelope: Envelope, where: Where) -> Envelope:
    """Somebody takes the signature away."""
    del where
    return replace(envelope, signatures={})


def missing(envelope: Envelope, where: Where) -> Envelope:
    """Somebody names an entry that is not there."""
    del where
    return replace(envelope, audit={**envelope.audit, "seq": 10_000})


def borrowed(envelope: Envelope, where: Where) -> Envelope:
    """Somebody signs another report with the right key, and names the entry of the first."""
    payload = canonical(report(2_000_000, "Something else.").as_dict())
    return sealed(payload, REPORT_TYPE, audit_key(where.folder), envelope.audit)


Tamper = Callable[[Envelope, Where], Envelope]
TAMPERED: dict[Tamper, tuple[str, str, str]] = {
    changed: ("fail", "the payload was changed", "fail"),
    moved: ("fail", "the signature is that of something else: the payload is what was entered", "pass"),
    foreign: ("fail", "not among those that are trusted", "pass"),
    unsigned: ("fail", "Nobody signed it", "pass"),
    missing: ("pass", "signed this payload", "fail"),
    borrowed: ("pass", "signed this payload", "fail"),
}
"""How evidence is tampered with: the level of the signature, what is said of it, and the level of the entry."""


@pytest.mark.parametrize("tamper", TAMPERED)
def test_tampering_is_told_apart(
    past: Past, tamper: Tamper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Payload, signature, key and entry: what was changed is named, and the exit code is that of a failure."""
    whole = from_text((past.where.folder / FOLDER / past.late).read_text())
    assert whole is not None
    file = Filing(tmp_path).keep("tampered.json", tamper(whole, past.where))
    said = verified(capsys, file, where=past.where)
    level, sentence, entry = TAMPERED[tamper]
    assert (said["exit"], said["signature"]["level"], said["entry"]["level"]) == (1, level, entry)
    assert sentence in said["signature"]["reason"]


def test_without_a_server_the_entry_is_not_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signature can be checked by anybody who has the key; what was not looked up is told as such.

    One that waits is a warning; in an empty folder there is no data; another key is an unknown one.
    """
    where = Where(data=tmp_path / "data")
    where.folder.mkdir()
    assert verified(capsys, where=where)["exit"] == 3
    said = verified(capsys, recorded(report(2_000_000), where, None), where=where)
    assert (said["exit"], said["signature"]["level"], said["entry"]["level"]) == (2, "pass", "warn")
    own = audit_key(where.folder)
    envelope = sealed(canonical(report(5_000_000).as_dict()), REPORT_TYPE, own, {"seq": 1, "hash": "", "node": "main"})
    file = Filing(tmp_path).keep("elsewhere.json", envelope)
    said = verified(capsys, file, where=where)
    assert (said["exit"], said["signature"]["level"], said["entry"]["level"]) == (0, "pass", "not_measured")
    other = tmp_path / "other.pem"
    other.write_bytes(audit_key(tmp_path / "other").public_pem())
    assert (
        verified(capsys, file, where=where, more=["--key", str(other)])["signature"]["figures"]["seal"] == "unknown_key"
    )
    assert trust(where.folder).check(own.id, b"", base64.b64encode(b"x").decode()) is False


def test_files_are_listed_and_shown(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    """The list has every file, with what waits; one of them can be read as the command told it."""
    with pytest.raises(SystemExit):
        app(["list", "--data", str(past.where.folder), "--json"])
    items = {Path(item["file"]).name: item for item in map(json.loads, capsys.readouterr().out.splitlines())}
    assert (items[past.late]["command"], items[past.late]["outcome"], items[past.late]["waits"]) == (
        "preflight", "pass", False,
    )  # fmt: skip
    assert items["forged.json"]["waits"]
    with pytest.raises(SystemExit):
        app(["show", items[past.late]["file"]])
    assert "server.health" in capsys.readouterr().out
