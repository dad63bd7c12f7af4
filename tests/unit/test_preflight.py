"""The rules of the preflight, each over values: what passes, what warns, what fails, and what cannot be known."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segue.clock import SystemClock
from segue.operations.copying.holdings import AuditCare, Database, Holdings, Service, loses_pages, of_holdings
from segue.operations.ports import Answer
from segue.operations.readiness import doors, ground
from segue.operations.readiness.lineup import LEFT_OUT, Lineup, Voice, of_lineup, slug
from segue.operations.readiness.machine import Clocks, Folder, Limits, Machine, of_clocks, of_folder, of_machine
from segue.operations.readiness.preflight import Ground, preflight
from segue.operations.report import Check, Level, accepted, outcome
from segue.settings import Settings
from segue.vendors.console import AuditSettings
from segue.wiring.preflight import address_of, gathered, reach

NOW_S = 1_800_000_000.0
FOLDER = Folder("/var/lib/segue", True, 0o40700, {"segue.db": 0o600}, 50_000_000_000, (1.0, 2.0, 9.0))
CLOCKS = Clocks(0.2, 1.5, synchronized=True, error_ms=12.0)
DATABASE = Database("segue.db", is_file=True, found="3.52.0", intact="ok", revision="0003", wanted="0003")
AUDIT = AuditCare("audit.key", key_there=True, failure="", heads="the log", apart=True)
LINEUP = Lineup(
    items=(
        {"name": "first", "role": "synthesizer", "state": "ready", "reason": "", "vendor": "edge", "version": "7.2.7"},
        {"name": "second", "role": "synthesizer", "state": "ready", "reason": "", "vendor": "piper", "version": "1"},
        {"name": "writer", "role": "model", "state": "ready", "reason": "", "vendor": "openai", "version": ""},
        {"name": "other", "role": "model", "state": "ready", "reason": "", "vendor": "offline", "version": ""},
        {"name": "ear", "role": "recognizer", "state": "ready", "reason": "", "vendor": "whisper", "version": ""},
        {"name": "ear2", "role": "recognizer", "state": "ready", "reason": "", "vendor": "openai", "version": ""},
    ),
    chains={"synthesizer": ("first", "second"), "model": ("writer", "other"), "recognizer": ("ear", "ear2")},
    languages=("uk",),
    voices=(Voice("Polina", "first", ("uk",)), Voice("Ostap", "second", ("uk",))),
    characters={"guide": {"first": {"uk": "Polina"}, "second": {"*": "Ostap"}}},
)


def level(checks: Any, name: str) -> Level:
    """How the only check of this name came out."""
    (found,) = [check for check in checks if check.name == name]
    assert isinstance(found, Check)
    assert found.reason, name
    assert found.level is Level.PASS or found.level is Level.NOT_MEASURED or found.hint, f"{name} says not what to do"
    return found.level


def faults(checks: Any) -> dict[str, Level]:
    """What does not pass, by name."""
    return {check.name: check.level for check in checks if check.level is not Level.PASS}


def test_a_good_machine_passes() -> None:
    """Nothing is said against a machine on which all is well."""
    assert not faults(of_machine(Machine(FOLDER, CLOCKS, Limits(20_000, 2000), port="127.0.0.1:8002")))


@pytest.mark.parametrize(
    ("folder", "name", "wanted"),
    [
        (replace(FOLDER, mode=0o40755), "data.private", Level.FAIL),
        (replace(FOLDER, modes={"secret.key": 0o644}), "data.private", Level.FAIL),
        (replace(FOLDER, free_bytes=500_000_000), "data.room", Level.WARN),
        (replace(FOLDER, free_bytes=5_000_000), "data.room", Level.FAIL),
        (replace(FOLDER, syncs_ms=(), failure="Read-only file system"), "data.writable", Level.FAIL),
        (replace(FOLDER, syncs_ms=(80.0, 90.0, 1.0)), "data.sync", Level.WARN),
        (replace(FOLDER, there=False, failure="/var cannot be written"), "data.folder", Level.FAIL),
        (replace(FOLDER, there=False), "data.folder", Level.PASS),
    ],
)
def test_a_data_folder_is_judged(folder: Folder, name: str, wanted: Level) -> None:
    """A folder that others can read, that is full, slow or not writable is told by name, and by what to do."""
    assert level(of_folder(folder), name) is wanted


def test_clocks_are_judged() -> None:
    """A clock that jumps, or that nobody keeps right, is warned of; one that does not say is not taken for right."""
    assert level(of_clocks(replace(CLOCKS, apart_ms=-400.0)), "clock.even") is Level.WARN
    assert level(of_clocks(replace(CLOCKS, synchronized=False)), "clock.synchronized") is Level.WARN
    assert level(of_clocks(replace(CLOCKS, synchronized=None)), "clock.synchronized") is Level.NOT_MEASURED


def test_limits_zones_and_ports_are_judged() -> None:
    """Too few open files are warned of; zones that are missing and a taken port are failures."""
    bad = Machine(FOLDER, CLOCKS, Limits(1024, 2000), ("Europe/Kyiv",), "127.0.0.1:8002", "Address already in use")
    wanted = {"machine.files": Level.WARN, "clock.zones": Level.FAIL, "machine.port": Level.FAIL}
    assert faults(of_machine(bad)) == wanted


def test_a_machine_is_gathered_as_it_is(tmp_path: Path) -> None:
    """The rights, the syncs and the taken port are those of the folder and of the port; nothing is left behind."""
    (tmp_path / "secret.key").write_bytes(b"x")
    (tmp_path / "secret.key").chmod(0o640)
    for name, rights in (("closed", 0o700), ("open", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sound").write_bytes(b"x")
        (tmp_path / name / "sound").chmod(0o644)
        (tmp_path / name).chmod(rights)
    tmp_path.chmod(0o700)
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = ground.machine(tmp_path, 10, SystemClock(), address=other.getsockname()[:2])
    assert found.folder.modes is not None
    modes = {name: mode & 0o777 for name, mode in found.folder.modes.items()}
    assert modes == {"secret.key": 0o640, "closed": 0o700, "open": 0o755, "open/sound": 0o644}
    assert len(found.folder.syncs_ms) == ground.SYNCS
    assert all(took_ms > 0 for took_ms in found.folder.syncs_ms)
    assert found.port_failure
    assert {path.name for path in tmp_path.iterdir()} == {"secret.key", "closed", "open"}
    assert not ground.machine(tmp_path, 10, SystemClock(), address=("127.0.0.1", other_port())).port_failure
    assert not ground.data_folder(tmp_path / "later", SystemClock()).there


def other_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return int(trial.getsockname()[1])


def test_an_address_is_tried() -> None:
    """A provider's address is connected to: what refuses is told with the reason, what is no address is left out."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        port, gone = there.getsockname()[1], other_port()
        places = {"up": f"http://127.0.0.1:{port}/v1", "down": f"ws://127.0.0.1:{gone}/x", "path": "/models/a.onnx"}
        found = reach(places, SystemClock())
    assert found["up"][0] == f"127.0.0.1:{port}"
    assert not found["up"][2]
    assert found["down"][2] == os.strerror(111)
    assert set(found) == {"up", "down"}
    assert address_of("speech.example.com") == ("speech.example.com", 443)
    assert address_of("here") is None


def test_a_good_lineup_passes() -> None:
    """Two providers for everything, each with a voice for each character, give nothing to say."""
    assert not faults(of_lineup(LINEUP))


def without(name: str) -> Lineup:
    """The lineup with one provider left out."""
    items = [{**item, "state": LEFT_OUT} if item["name"] == name else item for item in LINEUP.items]
    return replace(LINEUP, items=items)


@pytest.mark.parametrize(
    ("lineup", "name", "wanted"),
    [
        (without("first"), "provider.synthesizer.first.state", Level.WARN),
        (without("first"), "chain.synthesizer.uk", Level.WARN),
        (without("other"), "chain.model", Level.WARN),
        (without("ear"), "chain.recognizer.uk", Level.WARN),
        (replace(LINEUP, chains={**LINEUP.chains, "model": ()}), "chain.model", Level.FAIL),
        (replace(LINEUP, languages=("zh",)), "chain.synthesizer.zh", Level.FAIL),
        (replace(LINEUP, languages=("zh",), hears={"ear": (), "ear2": ()}), "chain.recognizer.zh", Level.WARN),
        (replace(LINEUP, voices=LINEUP.voices[:1], pending=("second",)), "chain.synthesizer.uk", Level.NOT_MEASURED),
        (replace(LINEUP, characters={"guide": {"first": {"uk": "Oksana"}}}), "character.guide.uk", Level.FAIL),
        (replace(LINEUP, characters={"guide": {"first": {"uk": "Polina"}}}), "character.guide.uk", Level.WARN),
        (replace(LINEUP, characters={"guide": {"gone": {"uk": "Polina"}}}), "character.guide.uk", Level.FAIL),
        (replace(LINEUP, files={"second": ("a.onnx",)}), "provider.synthesizer.second.files", Level.FAIL),
        (
            replace(LINEUP, reached={"model:writer": ("h:1", 3.0, "refused")}),
            "provider.model.writer.address",
            Level.FAIL,
        ),
    ],
)
def test_a_lineup_is_judged(lineup: Lineup, name: str, wanted: Level) -> None:
    """A single point of failure, a character without a voice, a missing model, an address that is not there."""
    assert level(of_lineup(lineup), name) is wanted


def test_a_pin_is_held() -> None:
    """Another version of a vendor's library than the pinned one is a failure, also one that nobody knows."""
    for version in ("7.2.8", ""):
        items = [{**LINEUP.items[0], "version": version}, *LINEUP.items[1:]]
        assert level(of_lineup(replace(LINEUP, items=items)), "provider.synthesizer.first.version") is Level.FAIL
    assert level(of_lineup(LINEUP, {"edge": "7.3.0"}), "provider.synthesizer.first.version") is Level.FAIL


def test_a_refused_key_is_told_from_a_provider_that_rests() -> None:
    """A provider that refuses our key does not get well by waiting: that fails, a resting one is warned of."""
    resting = {**LINEUP.items[0], "state": "resting", "reason": "5 failures in a row"}
    refused = {**resting, "last_error": {"category": "auth", "message": "Incorrect API key"}}
    for item, wanted in ((resting, Level.WARN), (refused, Level.FAIL)):
        assert level(of_lineup(replace(LINEUP, items=[item])), "provider.synthesizer.first.state") is wanted


def test_one_name_in_two_roles_has_checks_of_its_own_for_each() -> None:
    """A vendor that writes and speaks under one name is told of twice, under two names, each with its own figures."""
    both = [{**LINEUP.items[0], "role": "model", "state": LEFT_OUT, "reason": "no key"}, LINEUP.items[0]]
    reached = {"model:first": ("w:1", 3.0, "refused"), "synthesizer:first": ("s:1", 4.0, "")}
    checks = of_lineup(replace(LINEUP, items=both, reached=reached))
    assert len({check.name for check in checks}) == len(checks)
    assert level(checks, "provider.model.first.state") is Level.WARN
    assert level(checks, "provider.model.first.address") is Level.FAIL
    assert level(checks, "provider.synthesizer.first.state") is Level.PASS
    assert level(checks, "provider.synthesizer.first.address") is Level.PASS


def test_names_fit_into_names_of_checks() -> None:
    """Whatever a provider is called, the name of its check has small letters, digits, `-` and `_` only."""
    assert slug("Мій Edge/2") == "edge-2"
    assert slug("Ї") == "unnamed"


@pytest.mark.parametrize(
    ("version", "loses"),
    [("3.6.23", False), ("3.7.0", True), ("3.40.1", True), ("3.51.2", True), ("3.51.3", False), ("3.52.0", False)],
)
def test_the_fault_of_sqlite_has_its_bounds(version: str, loses: bool) -> None:
    """From 3.7.0 to 3.51.2, and neither before nor after."""
    assert loses_pages(version) is loses


@pytest.mark.parametrize(
    ("holdings", "name", "wanted"),
    [
        (Holdings(replace(DATABASE, found="3.40.1"), AUDIT), "database.version", Level.WARN),
        (Holdings(replace(DATABASE, writable=False), AUDIT), "database.file", Level.FAIL),
        (Holdings(replace(DATABASE, intact="row 3 missing from index"), AUDIT), "database.intact", Level.FAIL),
        (Holdings(replace(DATABASE, failure="file is not a database."), AUDIT), "database.reads", Level.FAIL),
        (Holdings(replace(DATABASE, pending=("more",)), AUDIT), "database.revision", Level.WARN),
        (Holdings(replace(DATABASE, pending=("more",), at_start=False), AUDIT), "database.revision", Level.FAIL),
        (Holdings(DATABASE, replace(AUDIT, apart=False)), "audit.heads", Level.WARN),
        (Holdings(DATABASE, replace(AUDIT, failure="others can read it")), "audit.key", Level.FAIL),
        (Holdings(DATABASE, AUDIT, (Service("redis", "redis", failure="gone"),)), "service.redis", Level.FAIL),
        (Holdings(replace(DATABASE, there=False), AUDIT), "database.file", Level.PASS),
        (Holdings(replace(DATABASE, is_file=False, found="16.4"), AUDIT), "database.version", Level.PASS),
    ],
)
def test_what_is_kept_is_judged(holdings: Holdings, name: str, wanted: Level) -> None:
    """A faulty SQLite, a damaged or old database, heads that lie beside it, a service that is gone."""
    assert level(of_holdings(holdings), name) is wanted


def test_what_is_kept_well_passes() -> None:
    """Nothing is said against a database, an audit and services that are as they should be."""
    assert not faults(of_holdings(Holdings(DATABASE, AUDIT, (Service("storage", "the bucket"),))))


def key(name: str, state: str = "good", **more: Any) -> dict[str, Any]:
    """A key as its door tells of it."""
    plain = {"id": name, "name": name, "state": state, "made_by": "olha", "created_at": NOW_S - 90_000}
    return plain | {"expires_at": None, "used_at": None, "replaces": None} | more


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ([key("a")], {}),
        ([], {"access.keys": Level.FAIL}),
        ([key("a"), key("b", "expired", expires_at=NOW_S - 1)], {"access.expired": Level.WARN}),
        ([key("a", replaces="b"), key("b", "expired", expires_at=NOW_S - 1)], {}),
        ([key("a", expires_at=NOW_S + 6 * 86_400)], {"access.expiring": Level.WARN}),
        ([key("a", expires_at=NOW_S + 8 * 86_400)], {}),
        ([key("a", made_by="start")], {"access.first": Level.WARN}),
        ([key("a"), key("first", "revoked", made_by="start")], {}),
    ],
)
def test_keys_are_judged(keys: list[dict[str, Any]], wanted: Mapping[str, Level]) -> None:
    """A key that expired, soon will, or is left over from the first start is told; one that was replaced is not."""
    assert faults(doors.of_keys(keys, NOW_S)) == wanted


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ([], Level.WARN),
        ([{"command": "canary", "outcome": "pass", "at": NOW_S - 60}], Level.PASS),
        ([{"command": "canary", "outcome": "pass", "at": NOW_S - 90_000}], Level.WARN),
        ([{"command": "canary", "outcome": "warn", "at": NOW_S - 60}], Level.WARN),
        ([{"command": "canary", "outcome": "fail", "at": NOW_S - 60}], Level.FAIL),
        ([{"command": "canary", "outcome": "no_data", "at": NOW_S - 60}], Level.FAIL),
        ([{"command": "verify", "outcome": "pass", "at": NOW_S - 60}], Level.WARN),
    ],
)
def test_the_newest_canary_is_judged(items: list[dict[str, Any]], wanted: Level) -> None:
    """It must be there, of today, and not have failed; another command's record is no canary."""
    assert doors.of_operations(items, NOW_S).level is wanted


def rollout(phase: str = "running", **control: Any) -> dict[str, Any]:
    """A rollout as its door tells of it."""
    looked = {"ticked_s_ago": 0.5, "stalled": False, "holder": "a"} | control
    return {"name": "one", "phase": phase, "sentence": "Stage 1 of 3.", "controller": looked, "restricted": ""}


@pytest.mark.parametrize(
    ("plain", "wanted"),
    [
        (rollout(), {}),
        (rollout(stalled=True), {"rollout.one.controller": Level.FAIL}),
        (rollout(ticked_s_ago=None, holder=""), {"rollout.one.controller": Level.NOT_MEASURED}),
        (rollout(ticked_s_ago=None, stalled=True), {"rollout.one.controller": Level.FAIL}),
        (rollout(ticked_s_ago=None), {"rollout.one.controller": Level.NOT_MEASURED}),
        (rollout("held"), {"rollout.one.controller": Level.WARN}),
        (rollout() | {"restricted": "nobody hears the candidate"}, {"rollout.one.restricted": Level.WARN}),
        (rollout("promoted", stalled=True), {}),
    ],
)
def test_rollouts_are_judged(plain: dict[str, Any], wanted: Mapping[str, Level]) -> None:
    """One that nobody looks after fails, one that waits for a person is warned of; another server may look after it."""
    assert faults(doors.of_rollouts([plain])) == wanted


def test_what_a_server_says_is_judged() -> None:
    """The switch, degradation, the audit and the clock, each at its limit."""
    assert doors.of_switch({"enabled": False, "by": "olha", "reason": "test"}).level is Level.FAIL
    words = {"ok": Level.PASS, "unknown": Level.NOT_MEASURED, "slow": Level.WARN, "emergency": Level.FAIL}
    for word, wanted in words.items():
        assert doors.of_degradation({"state": word, "reason": "because"}).level is wanted
    assert doors.of_audit({"ok": True, "proven": True, "checked": 3}).level is Level.PASS
    assert doors.of_audit({"ok": True, "proven": False, "checked": 3}).level is Level.WARN
    assert doors.of_audit({"ok": False, "fault_count": 1, "faults": [{"sentence": "changed"}]}).level is Level.FAIL
    assert doors.of_clock(NOW_S + 2.4, NOW_S).level is Level.PASS
    assert doors.of_clock(NOW_S - 2.6, NOW_S).level is Level.WARN
    assert doors.of_clock(None, NOW_S).level is Level.NOT_MEASURED
    assert doors.of_metrics(200, "segue_turns_total 1\n").level is Level.PASS
    assert doors.of_metrics(200, "other_total 1\n").level is Level.FAIL
    for word, wanted in {"ok": Level.PASS, "degraded": Level.WARN, "unavailable": Level.FAIL}.items():
        assert doors.of_voice({"status": word}).level is wanted
    told = {"reasons": {"database": "The disk is full."}, "degraded": {"redis": "Redis is gone."}}
    assert faults(doors.of_readiness(503, told)) == {
        "database.writes": Level.FAIL,
        "server.degraded.redis": Level.WARN,
    }


class Closed:
    """A server that lets nobody in, and has fewer doors than ours. See `Asking`."""

    place = "closed"

    def fetch(self, method: str, path: str, **more: Any) -> Answer:
        """See `Asking.fetch`."""
        del method, more
        body = b'{"status": "live", "version": "1", "detail": "Sign in."}'
        status = {"/api/health": 200, "/api/operations": 404}.get(path, 401)
        return Answer(status, {"date": "nonsense"}, body, 1.0, 1.0)


def test_a_door_that_stays_shut_is_a_failure() -> None:
    """Who may not look has not looked: each door that refuses is told; one that is not there is not measured."""
    checks = preflight(Closed(), SystemClock())
    assert outcome(checks) is Level.FAIL
    assert level(checks, "access.keys") is Level.FAIL
    assert level(checks, "audit.chain") is Level.FAIL
    assert level(checks, "evidence.canary") is Level.NOT_MEASURED
    assert level(checks, "clock.server") is Level.NOT_MEASURED
    assert level(checks, "database.writes") is Level.NOT_MEASURED


class Half:
    """A server that tells of its providers and that a rollout runs, but nothing more of either. See `Asking`."""

    place = "half"

    def fetch(self, method: str, path: str, **more: Any) -> Answer:
        """See `Asking.fetch`."""
        del method, more
        plain: dict[str, Any] = {
            "/api/health": {"status": "live", "version": "1"},
            "/voice/health": {"status": "ok"},
            "/api/providers": {"items": [], "chains": {}},
            "/api/rollouts?limit=100": {"items": [{"name": "warm", "phase": "running"}], "next": None},
        }
        status = 200 if path in plain else 404 if "voice/" in path else 500
        return Answer(status, {}, json.dumps(plain.get(path, {"detail": "It failed."})).encode(), 1.0, 1.0)


def test_what_is_not_told_is_never_taken_for_good() -> None:
    """Without voices, characters, languages or the status of a rollout it is said that they are missing."""
    checks = preflight(Half(), SystemClock())
    assert level(checks, "voice.list") is level(checks, "character.list") is Level.NOT_MEASURED
    assert level(checks, "chain.synthesizer") is Level.NO_DATA
    assert level(checks, "rollout.warm.controller") is Level.FAIL
    assert "rollout.list" not in [check.name for check in checks]


class Other:
    """A server that answers every door with 200 and something of its own. See `Asking`."""

    place = "other"

    def fetch(self, method: str, path: str, **more: Any) -> Answer:
        """See `Asking.fetch`."""
        del method, path, more
        return Answer(200, {}, b'{"status": "live", "version": "9"}', 1.0, 1.0)


def test_a_form_that_is_not_known_is_nothing_to_judge_by() -> None:
    """A door that answers in a form of its own is told by its name, and the others are looked at all the same."""
    checks = preflight(Other(), SystemClock())
    for name in ("door.api-providers", "door.api-rollouts", "door.api-keys", "door.api-operations"):
        assert level(checks, name) is Level.NO_DATA
    assert level(checks, "server.metrics") is Level.FAIL


def test_settings_that_do_not_fit_are_a_failure(tmp_path: Path) -> None:
    """What keeps the server from starting is told before it is started, and the rest is looked at all the same."""
    providers = {"synthesizers": ["nobody"]}
    found = gathered(Settings(data=tmp_path / "data", providers=providers), SystemClock(), running=False)
    checks = preflight(None, SystemClock(), ground=found)
    assert level(checks, "config.fits") is Level.FAIL
    assert level(checks, "database.file") is Level.PASS
    assert not (tmp_path / "data").exists()


def test_plans_and_providers_are_looked_at_before_a_start(tmp_path: Path) -> None:
    """Without a server the settings say who speaks; a plan that is none is told by its file."""
    (tmp_path / "good.yaml").write_text(Path("plans/tutorial.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("name: 7", encoding="utf-8")
    settings = Settings(data=tmp_path / "data", audit=AuditSettings(heads="log"))
    checks = preflight(None, SystemClock(), ground=gathered(settings, SystemClock(), running=False, plans=tmp_path))
    assert level(checks, "plan.good") is Level.PASS
    assert level(checks, "plan.bad") is Level.FAIL
    assert level(checks, "chain.synthesizer.uk") is Level.WARN
    assert level(checks, "audit.heads") is Level.PASS


def test_a_warning_is_accepted_by_name_and_strictness_fails_the_rest() -> None:
    """What is accepted stays in the report as a warning that was accepted; with `strict` any other one fails."""
    checks = preflight(None, SystemClock(), ground=Ground(lineup=without("first")))
    names = [check.name for check in checks if check.level is Level.WARN]
    assert len(names) > 1
    assert outcome(accepted(checks, names, strict=True)) is Level.PASS
    assert outcome(accepted(checks, names[1:], strict=True)) is Level.FAIL
    assert outcome(accepted(checks, names[1:])) is Level.WARN
