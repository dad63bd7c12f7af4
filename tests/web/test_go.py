"""The release day before real servers: two on one database are released, and what is wrong with them stops it."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from segue.cli.asking import Server, Where
from segue.cli.main import main
from segue.clock import SystemClock
from segue.console.audit import canonical
from segue.operations.evidence.envelope import REPORT_TYPE, from_text, sealed
from segue.operations.evidence.filing import FOLDER, Filing, name_of
from segue.operations.ports import Answer
from segue.operations.release import smoke
from segue.operations.release.go import CRITERIA
from segue.operations.release.visit import opened, visiting
from segue.operations.report import Check, Level, Report
from segue.stores.audit_key import audit_key, forgotten_key
from tests.operators import SPEAKING
from tests.postgres import cluster, folder_of_programs
from tests.server import RunningServer, running

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Pair:
    """Two servers that share a database, and a folder for the evidence of who releases them."""

    a: RunningServer
    b: RunningServer
    folder: Path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers on one Postgres; a rollback was tried before, and rehearsed once more since."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("Postgres is not installed (Debian: apt-get install postgresql)")
    folder = tmp_path_factory.mktemp("release") / "data"
    for number, facts in enumerate(({"to": "v0.9", "took_s": 41.5}, {"to": "v0.8", "dry_run": True})):
        ended_us = (number + 1) * 1_000_000
        past = Report("rollback", "here", 0, ended_us, (Check("run.outcome", Level.PASS, "It is done."),), facts)
        envelope = sealed(canonical(past.as_dict()), REPORT_TYPE, audit_key(folder))
        Filing(folder / FOLDER).keep(name_of(past), envelope)
    with cluster(programs) as postgres, ExitStack() as started:
        shared = {**SPEAKING, "voice": {"languages": ["en"]}}
        shared |= {"database": postgres.database(), "secret": "the same on both of these servers"}
        a = started.enter_context(running(shared))
        b = started.enter_context(running({**shared, "access": {"first_key": False}}))
        yield Pair(a, b, folder)


def released(
    pair: Pair, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *more: str
) -> dict[str, Any]:
    """What `segue go` says of the first server, as JSON; its key is that of an administrator."""
    monkeypatch.setenv("SEGUE_KEY", pair.a.key)
    monkeypatch.setenv("SEGUE_DATA", str(pair.folder))
    with pytest.raises(SystemExit) as ended:
        main(["go", "--url", pair.a.url, "--minutes", "0.01", "--json", "--out", str(pair.folder / "page.html"), *more])
    plain: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert plain["exit_code"] == ended.value.code
    return plain


def levels(plain: Mapping[str, Any]) -> dict[str, str]:
    """How each check came out."""
    return {check["name"]: check["level"] for check in plain["checks"]}


def test_two_servers_are_released(
    pair: Pair, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a second server it is NO-GO. With it, and every warning accepted by name, it is GO: all was measured.

    Nothing is left behind but the audit's entries, and the page has what the evidence has.
    """
    first = released(pair, capsys, monkeypatch)
    assert (first["exit_code"], first["facts"]["verdict"]) == (1, "NO-GO")
    assert levels(first)["smoke.idempotency.shared"] == "not_measured"
    warned = [check["name"] for check in first["checks"] if check["level"] == "warn"]
    assert "watch.length" in warned
    assert not [name for name, level in levels(first).items() if level in ("fail", "no_data")][1:]

    again = released(pair, capsys, monkeypatch, "--url-b", pair.b.url, "--accept", *warned)
    assert (again["exit_code"], again["facts"]["verdict"]) == (2, "GO with accepted warnings"), again["facts"][
        "reasons"
    ]
    assert set(again["facts"]["criteria"].values()) == {"pass", "accepted"}
    needed = {name for criterion in CRITERIA for name in criterion.checks if not name.endswith(".")}
    assert needed <= set(levels(again))
    figures = {check["name"]: check.get("figures", {}) for check in again["checks"]}
    load = figures["load.refused"]
    assert (load["sent"], load["refused"]) == (13, figures["load.counted"]["counted"])
    assert load["fewest"] <= load["refused"] <= load["most"] <= 5
    services = again["facts"]["services"]
    assert services["segue"]["commit"] == services["segue-b"]["commit"] != ""
    assert (again["facts"]["prepared_by"], again["facts"]["back_to"], again["facts"]["back_s"]) == (
        "admin",
        "v0.9",
        41.5,
    )
    web, text = ((pair.folder / f"page.{kind}").read_text() for kind in ("html", "md"))
    for wanted in (services["segue"]["commit"], "v0.9", "41.5 s", "GO with accepted warnings"):
        assert wanted in web
        assert wanted in text
    envelope = from_text(Path(again["evidence"]).read_text())
    assert envelope is not None
    assert envelope.digest in web
    with pair.a.client() as client:
        entry = client.get("/api/audit", params={"action": "operation.record"}).json()["items"][0]
        keys = [key for key in client.get("/api/keys").json()["items"] if key["name"].startswith("release-")]
        chats = client.get("/api/chats").json()["items"]
    assert (entry["seq"], entry["after"]) == (envelope.audit["seq"], envelope.digest)
    assert {key["state"] for key in keys} == {"revoked"}
    assert chats == []


def pause(seconds: float) -> None:
    """No time passes: what is asked answers at once."""
    assert seconds >= 0


class Before:
    """Something that stands before a server and answers in its stead, where it is told to."""

    def __init__(self, server: Server, **instead: Answer) -> None:
        self._server = server
        self._instead = instead
        self.place = server.place

    def fetch(self, method: str, path: str, **what: Any) -> Answer:
        """See `Asking.fetch`."""
        for word, answer in self._instead.items():
            if word in path and method == "GET":
                return answer
        return self._server.fetch(method, path, **what)


def asked(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The first server, asked by an administrator."""
    monkeypatch.setenv("SEGUE_KEY", pair.a.key)
    return Server(Where(url=pair.a.url))


def word(found: Sequence[Check]) -> dict[str, str]:
    """How each check came out, by name."""
    return {check.name: check.level.value for check in found}


def test_a_second_server_on_another_database_is_found(
    pair: Pair, embedded: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows neither the key nor the chat; on one and the same database both sendings are one message."""
    a, other = asked(pair, monkeypatch), Server(Where(url=embedded.url))
    with visiting(a, "other", 60.0) as visit:
        found = word(list(smoke.idempotency(a, other, visit, pause)))
    assert found == {"smoke.idempotency.repeated": "pass", "smoke.idempotency.shared": "fail"}


def test_an_audit_that_opens_for_anybody_is_found(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something before the server that lets everybody in is seen, and so is a copy of old metrics."""
    a = asked(pair, monkeypatch)
    lax = Before(a, audit=Answer(200, {}, b'{"items": [], "next": null}', 1.0, 1.0))
    with visiting(a, "lax", 60.0) as visit:
        opened(a, visit)
        found = word(list(smoke.audit(lax, visit, keyless=True)))
    assert (found["smoke.audit.closed"], found["smoke.audit.scoped"]) == ("fail", "fail")
    assert found["smoke.audit.written"] == "fail"
    stale = Before(a, metrics=a.fetch("GET", "/metrics"))
    assert word(list(smoke.basics(stale, SystemClock())))["smoke.metrics"] == "fail"


def test_by_the_socket_or_without_an_administrators_key_it_is_not_measured(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's own socket lets its user in without a key; and who may make no key can send nothing."""
    monkeypatch.setenv("SEGUE_KEY", pair.a.made("reader", "read", "audit:read"))
    reader = Server(Where(url=pair.a.url))
    with visiting(reader, "poor", 60.0) as visit:
        assert (visit.key, "scope" in visit.trouble) == ("", True)
        found = word([*smoke.idempotency(reader, None, visit, pause)])
        found |= word([*smoke.audit(Server(Where(data=pair.a.data)), visit, keyless=False)])
    assert set(found.values()) == {"not_measured", "pass"}
    assert [name for name, level in found.items() if level == "pass"] == ["smoke.audit.verified", "smoke.retention"]


class Service(BaseHTTPRequestHandler):
    """A service that tells its commit; it remembers whether somebody showed it a key."""

    keys: list[str | None] = []  # noqa: RUF012 - of the class, for a new object answers each request

    def do_GET(self) -> None:
        """Tell it."""
        self.keys.append(self.headers.get("authorization"))
        body = json.dumps({"git_sha": COMMIT, "version": self.path}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def test_nobody_there_is_no_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not answer fails every step, and the page is written all the same.

    Evidence of a rollback that nobody who is trusted signed counts for nothing. Another service tells its commit at the
    address that is named, and is not shown the operator's key.
    """
    monkeypatch.setenv("SEGUE_DATA", str(tmp_path))
    monkeypatch.setenv("SEGUE_KEY", "seg_dev_0123456789ab_secret")
    past = Report("rollback", "here", 0, 1, (Check("run.outcome", Level.PASS, "It is done."),), {"to": "v0.9"})
    foreign = sealed(canonical(past.as_dict()), REPORT_TYPE, forgotten_key())
    Filing(tmp_path / FOLDER).keep(name_of(past), foreign)
    with HTTPServer(("127.0.0.1", 0), Service) as service:
        serving = Thread(target=service.serve_forever, args=(0.05,))
        serving.start()
        router = f"router=http://127.0.0.1:{service.server_port}/version?full=1"
        with pytest.raises(SystemExit) as ended:
            main(["go", "--url", "http://127.0.0.1:9", "--minutes", "0.004", "--json", "--service", router])
        service.shutdown()
        serving.join()
    plain = json.loads(capsys.readouterr().out)
    assert (ended.value.code, plain["facts"]["verdict"]) == (1, "NO-GO")
    (written,) = (tmp_path / FOLDER).glob("release-*.html")
    assert "NO-GO" in written.read_text()
    assert {levels(plain)[name] for name in ("smoke.health", "smoke.ready", "smoke.metrics")} == {"fail"}
    (way_back,) = [check for check in plain["checks"] if check["name"] == "rollback.time"]
    assert (way_back["level"], "No key in" in way_back["reason"]) == ("not_measured", True)
    assert plain["facts"]["services"]["router"] == {"version": "/version?full=1", "commit": COMMIT}
    assert Service.keys == [None]
    assert os.environ["SEGUE_KEY"] not in json.dumps(plain)
