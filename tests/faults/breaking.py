"""How the deployment is broken in each way of the table, looked at while it is, and mended again."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segue.cli.asking import Where
from segue.cli.recording import recorded
from segue.operations.report import Check, Level, Report
from segue.providers.espeak import RATE
from segue.telemetry.files import RULES
from tests.faults.broken import VOICES, Deployment
from tests.rollouts import until

Look = Callable[[Deployment], tuple[Check, ...]]
"""Breaks a deployment, looks at it as the command of the table does, mends it; gives what was found."""
ENTRY = 2
"""The entry of the audit that is tampered with."""


@contextmanager
def mode(path: Path, rights: int) -> Iterator[None]:
    """Other rights of a file meanwhile."""
    before = path.stat().st_mode & 0o777
    path.chmod(rights)
    try:
        yield
    finally:
        path.chmod(before)


@contextmanager
def changed_entry(database: Path) -> Iterator[None]:
    """An entry of the audit says something else meanwhile."""

    def write(actor: str) -> None:
        with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
            connection.execute("update audit set actor = ? where seq = ?", (actor, ENTRY))

    with closing(sqlite3.connect(database, timeout=10)) as connection:
        ((before,),) = connection.execute("select actor from audit where seq = ?", (ENTRY,)).fetchall()
    write("nobody")
    try:
        yield
    finally:
        write(before)


def at_rest(deployment: Deployment, name: str) -> Path:
    """A copy of the data folder, as a server leaves it that was stopped."""
    folder = deployment.folder / name
    shutil.copytree(deployment.server.data, folder, ignore=shutil.ignore_patterns("segue.*", "evidence", "audio"))
    source = sqlite3.connect(deployment.server.data / "segue.db")
    with closing(source), closing(sqlite3.connect(folder / "segue.db")) as copy:
        source.backup(copy)
    (folder / "segue.db").chmod(0o600)
    return folder


def posted(deployment: Deployment, path: str, body: Mapping[str, Any], method: str = "POST") -> dict[str, Any]:
    """What the server says to an operator on its own machine."""
    answer = deployment.asking.fetch(method, path, body=body)
    assert answer.ok, answer.text
    return dict(answer.plain())


def key_of(deployment: Deployment, *scopes: str, **more: Any) -> dict[str, Any]:
    """A new key: its text and its id."""
    return posted(deployment, "/api/keys", {"name": "broken", "scopes": scopes, **more})


def revoke(deployment: Deployment, key: Mapping[str, Any]) -> None:
    """Take a key away again."""
    posted(deployment, f"/api/keys/{key['id']}/revoke", {})


# Before a server is started


def unreadable_settings(it: Deployment) -> tuple[Check, ...]:
    """A setting that does not exist."""
    return it.before(voice={"langauges": ["en"]})


def unknown_provider(it: Deployment) -> tuple[Check, ...]:
    """A synthesizer that nobody configured."""
    return it.before(providers={"synthesizers": ["studio", "nobody"]})


def missing_key(it: Deployment) -> tuple[Check, ...]:
    """A variable that is not set."""
    return it.before(providers={"named": {"studio": {"key": None, "key_variable": "STUDIO_KEY_THAT_NOBODY_SET"}}})


def missing_model(it: Deployment) -> tuple[Check, ...]:
    """A local voice whose file is not there."""
    local = {"vendor": "piper", "voices": {"lada": {"path": str(it.folder / "lada.onnx"), "language": "en"}}}
    return it.before(providers={"named": {"local": local}, "synthesizers": ["studio", "newer", "espeak", "local"]})


def vendor_out_of_reach(it: Deployment) -> tuple[Check, ...]:
    """An address at which nobody listens."""
    return it.before(providers={"named": {"studio": {"url": f"http://127.0.0.1:{free_port()}/v1"}}})


def wrong_version_pin(it: Deployment) -> tuple[Check, ...]:
    """A library of another version than the pinned one."""
    edge = {"vendor": "edge", "url": f"ws://127.0.0.1:{free_port()}"}
    return it.before(providers={"named": {"edge": edge}, "synthesizers": ["studio", "newer", "espeak", "edge"]})


def no_fallback(it: Deployment) -> tuple[Check, ...]:
    """One synthesizer alone."""
    return it.before(providers={"synthesizers": ["studio"]})


def mute_character(it: Deployment) -> tuple[Check, ...]:
    """A character with a voice at one synthesizer alone."""
    file = it.folder / "mute.yaml"
    file.write_text("characters:\n  guide: {voices: {studio: nova}}\n", encoding="utf-8")
    return it.before(voice={"characters": str(file)})


def taken_port(it: Deployment) -> tuple[Check, ...]:
    """The port of the server that runs."""
    return it.before(server={"port": int(it.server.url.rpartition(":")[2])})


def invalid_plan(it: Deployment) -> tuple[Check, ...]:
    """A plan without a candidate."""
    plans = it.folder / "plans"
    plans.mkdir()
    (plans / "broken.yaml").write_text("name: broken\nbaseline: {name: old}\n", encoding="utf-8")
    return it.before(plans=plans)


def heads_beside(it: Deployment) -> tuple[Check, ...]:
    """No second place."""
    return it.before(audit={"heads": ""})


def damaged_database(it: Deployment) -> tuple[Check, ...]:
    """Bytes in the middle of the file are others."""
    folder = at_rest(it, "damaged")
    with (folder / "segue.db").open("r+b") as file:
        file.seek(os.stat(folder / "segue.db").st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)
    return it.before(data=folder)


def old_tables(it: Deployment) -> tuple[Check, ...]:
    """A revision that is not the newest."""
    folder = at_rest(it, "old")
    with closing(sqlite3.connect(folder / "segue.db")) as connection, connection:
        connection.execute("update alembic_version set version_num = '0002'")
    return it.before(data=folder, migrate="by_command")


def tampered_at_rest(it: Deployment) -> tuple[Check, ...]:
    """An entry that was changed in the file."""
    folder = at_rest(it, "tampered")
    with changed_entry(folder / "segue.db"):
        return it.before(data=folder)


# On a running server


def open_data_folder(it: Deployment) -> tuple[Check, ...]:
    """A folder that others may look into."""
    with mode(it.server.data, 0o755):
        return it.preflight()


def open_audit_key(it: Deployment) -> tuple[Check, ...]:
    """A key that others may read."""
    with mode(it.server.data / "audit.key", 0o640):
        return it.preflight()


def database_not_writable(it: Deployment) -> tuple[Check, ...]:
    """A file that may not be written."""
    with mode(it.server.data / "segue.db", 0o400):
        return it.preflight()


def audit_tampered(it: Deployment) -> tuple[Check, ...]:
    """An entry that is changed in the live database."""
    with changed_entry(it.server.data / "segue.db"):
        return it.preflight()


def expired_key(it: Deployment) -> tuple[Check, ...]:
    """A key that lasted for a moment."""
    key = key_of(it, "read", expires_in_s=0.01)
    until(lambda: it.asking.fetch("GET", "/api/providers", key=key["key"]).status == 401)
    found = it.preflight()
    revoke(it, key)
    return found


def expiring_key(it: Deployment) -> tuple[Check, ...]:
    """A key for an hour."""
    key = key_of(it, "read", expires_in_s=3600)
    found = it.preflight()
    revoke(it, key)
    return found


def key_without_scope(it: Deployment) -> tuple[Check, ...]:
    """A key that may send, and nothing else."""
    key = key_of(it, "send")
    found = it.from_elsewhere(key["key"])
    revoke(it, key)
    return found


def no_key(it: Deployment) -> tuple[Check, ...]:
    """Nothing is shown at the door."""
    return it.from_elsewhere("")


def switch_off(it: Deployment) -> tuple[Check, ...]:
    """The kill switch."""
    posted(it, "/api/voice/switch", {"enabled": False, "reason": "broken on purpose"})
    found = it.preflight()
    posted(it, "/api/voice/switch", {"enabled": True})
    return found


def nobody_hears(it: Deployment) -> tuple[Check, ...]:
    """The only recognizer is off."""
    version = it.asking.fetch("GET", "/api/settings").plain()["version"]
    off = {"off": {"pocketsphinx": "broken on purpose"}, "first": {}}
    body = {"base": version, "live": off, "reason": "broken on purpose", "force": True}
    posted(it, "/api/settings", body, "PUT")
    found = it.preflight()
    body = {"base": version + 1, "live": {"off": {}, "first": {}}, "reason": "mended"}
    posted(it, "/api/settings", body, "PUT")
    return found


def model_out_of_reach(it: Deployment) -> tuple[Check, ...]:
    """The line to the language model ends nowhere."""
    it.relay.close()
    return it.preflight()


def canary_failed(it: Deployment) -> tuple[Check, ...]:
    """A canary on record that found something."""
    put_on_record(it, "canary", "fail")
    found = it.preflight()
    put_on_record(it, "canary", "pass")
    return found


def metrics_missing(it: Deployment) -> tuple[Check, ...]:
    """A proxy that passes everything on but the metrics."""
    it.front.hides = frozenset({"/metrics"})
    found = it.from_elsewhere(it.server.key)
    it.front.heal()
    return found


def server_gone(it: Deployment) -> tuple[Check, ...]:
    """An address at which nobody listens."""
    return it.from_elsewhere(it.server.key, f"http://127.0.0.1:{free_port()}")


# What can only be heard


GUIDE, TRADER = "guide.en.baseline.first", "trader.en.baseline.first"


def heard(it: Deployment, *names: str, **wrong: Any) -> tuple[Check, ...]:
    """What the canary hears of some samples while the vendor does something wrong."""
    for name, value in wrong.items():
        setattr(it.script, name, value)
    try:
        return it.listen(*(names or (GUIDE,))).checks
    finally:
        it.script.heal()


def wrong_voice(it: Deployment) -> tuple[Check, ...]:
    """Another voice under the same name."""
    return heard(it, voices={**VOICES, ("old", "nova"): "en-us+f2"})


def one_voice(it: Deployment) -> tuple[Check, ...]:
    """Two names, one voice."""
    return heard(it, GUIDE, TRADER, voices={**VOICES, ("old", "onyx"): VOICES["old", "nova"]})


def silence(it: Deployment) -> tuple[Check, ...]:
    """Nothing in it."""
    return heard(it, bend=lambda wave: wave * 0.0)


def cut_speech(it: Deployment) -> tuple[Check, ...]:
    """Half of it."""
    return heard(it, bend=lambda wave: wave[: len(wave) // 2])


def clipped_speech(it: Deployment) -> tuple[Check, ...]:
    """Thirty times too loud."""
    return heard(it, bend=lambda wave: wave * 30.0)


def quiet_speech(it: Deployment) -> tuple[Check, ...]:
    """A hundredth of it."""
    return heard(it, bend=lambda wave: wave * 0.01)


def noise(it: Deployment) -> tuple[Check, ...]:
    """As much noise as there was speech."""
    return heard(it, bend=lambda wave: np.random.default_rng(7).normal(0.0, 0.1, len(wave)))


def torn_speech(it: Deployment) -> tuple[Check, ...]:
    """Ten milliseconds of each hundred are gone."""
    return heard(it, bend=lambda wave: np.where(np.arange(len(wave)) % (RATE // 10) < RATE // 100, 0.0, wave))


def slow_first_sound(it: Deployment) -> tuple[Check, ...]:
    """The first byte comes late."""
    return heard(it, late_s=2.6)


def other_words(it: Deployment) -> tuple[Check, ...]:
    """Something else, with the right voice."""
    return heard(it, says="Your account was closed yesterday, and nobody will ever answer this telephone again.")


def error_for_sound(it: Deployment) -> tuple[Check, ...]:
    """200, and no sound."""
    return heard(it, status=0)


def broken_fallback(it: Deployment) -> tuple[Check, ...]:
    """The second one refuses; the first one speaks as ever."""
    return heard(it, "guide.en.baseline.newer", status=500, models=("new",))


def candidate_is_baseline(it: Deployment) -> tuple[Check, ...]:
    """The new model is the old one."""
    return heard(it, "guide.en.candidate.first", voices={**VOICES, ("new", "nova"): VOICES["old", "nova"]})


# What is not as it should be


def other_settings(it: Deployment) -> tuple[Check, ...]:
    """Another order was released."""
    return _unexpected(it)


def other_share(it: Deployment) -> tuple[Check, ...]:
    """Less was to be exposed."""
    return _unexpected(it)


def _unexpected(it: Deployment) -> tuple[Check, ...]:
    """Both at once, and looked at once."""
    if "unexpected" not in it.seen:
        expected = {
            "providers": {"synthesizers": ["newer", "studio", "espeak"]},
            "rollout": {"name": "newer", "share_percent": 5},
        }
        it.seen["unexpected"] = it.verify(expected).checks
    return it.seen["unexpected"]


def stale_metrics(it: Deployment) -> tuple[Check, ...]:
    """The same scrape again and again."""
    it.front.keeps = frozenset({"/metrics"})
    found = it.verify().checks
    it.front.heal()
    return found


def other_label(it: Deployment) -> tuple[Check, ...]:
    """One sound for all who ask for a text."""
    it.front.mixes = True
    found = it.verify().checks
    it.front.heal()
    return found


def arms_alike(it: Deployment) -> tuple[Check, ...]:
    """The new model is the old one."""
    it.script.voices |= {("new", voice): VOICES["old", voice] for voice in ("nova", "onyx")}
    found = it.verify().checks
    it.script.heal()
    return found


def first_choice_fails(it: Deployment) -> tuple[Check, ...]:
    """The old model refuses everything."""
    it.script.status, it.script.models = 500, ("old",)
    found = it.verify().checks
    it.script.heal()
    return found


# Who watches


def no_prometheus(it: Deployment) -> tuple[Check, ...]:
    """An address at which nobody listens."""
    return it.watched(url=f"http://127.0.0.1:{free_port()}")


def not_scraped(it: Deployment) -> tuple[Check, ...]:
    """A proxy that hides the metrics."""
    return _unseen(it)


def alert_fires(it: Deployment) -> tuple[Check, ...]:
    """The same, which an alert tells of."""
    return _unseen(it)


def _unseen(it: Deployment) -> tuple[Check, ...]:
    """What is found once the alert fires, which is when the scraping has failed."""
    names = ("telemetry.scraped", "telemetry.firing")

    def levels() -> set[Level]:
        return {check.level for check in it.watched() if check.name in names}

    if "unseen" not in it.seen:
        it.front.hides = frozenset({"/metrics"})
        until(lambda: levels() == {Level.FAIL})
        it.seen["unseen"] = it.watched()
        it.front.heal()
        until(lambda: levels() == {Level.PASS})
    return it.seen["unseen"]


def not_installed(it: Deployment) -> tuple[Check, ...]:
    """No file of rules."""
    return _with_rules(it, "groups: []\n")


def other_edition(it: Deployment) -> tuple[Check, ...]:
    """Settings that the rules were not written for."""
    return it.watched(head_s=61.0)


def changed_by_hand(it: Deployment) -> tuple[Check, ...]:
    """A server is down from two on."""
    return _with_rules(it, it.rules().replace('up{job="segue"} == 0', 'up{job="segue"} == 2'))


def _with_rules(it: Deployment, rules: str) -> tuple[Check, ...]:
    assert it.watching is not None
    file = it.folder / "prometheus" / RULES
    file.write_text(rules, encoding="utf-8")
    it.watching.reload()
    found = it.watched()
    file.write_text(it.rules(), encoding="utf-8")
    it.watching.reload()
    return found


def put_on_record(it: Deployment, command: str, outcome: str) -> None:
    """Put a report of a command on record, as the command itself does."""
    level = Level(outcome)
    now_us = round(it.clock.wall() * 1e6)
    report = Report(command, it.server.url, now_us, now_us, (Check("synthesis.test", level, "As told."),))
    recorded(report, Where(data=it.server.data), it.folder / "evidence")


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return int(trial.getsockname()[1])


LOOKS: Mapping[str, Look] = {
    "unreadable settings": unreadable_settings,
    "unknown provider": unknown_provider,
    "missing key": missing_key,
    "missing model": missing_model,
    "vendor out of reach": vendor_out_of_reach,
    "wrong version pin": wrong_version_pin,
    "no fallback": no_fallback,
    "mute character": mute_character,
    "taken port": taken_port,
    "invalid plan": invalid_plan,
    "heads beside the database": heads_beside,
    "damaged database": damaged_database,
    "old tables": old_tables,
    "audit tampered at rest": tampered_at_rest,
    "open data folder": open_data_folder,
    "open audit key": open_audit_key,
    "database not writable": database_not_writable,
    "audit tampered": audit_tampered,
    "expired key": expired_key,
    "expiring key": expiring_key,
    "key without scope": key_without_scope,
    "no key": no_key,
    "kill switch off": switch_off,
    "nobody hears": nobody_hears,
    "canary failed": canary_failed,
    "metrics missing": metrics_missing,
    "server gone": server_gone,
    "wrong voice": wrong_voice,
    "one voice for two": one_voice,
    "silence": silence,
    "cut speech": cut_speech,
    "clipped speech": clipped_speech,
    "quiet speech": quiet_speech,
    "noise": noise,
    "torn speech": torn_speech,
    "slow first sound": slow_first_sound,
    "other words": other_words,
    "error for sound": error_for_sound,
    "broken fallback": broken_fallback,
    "candidate is the baseline": candidate_is_baseline,
    "other settings": other_settings,
    "other share": other_share,
    "stale metrics": stale_metrics,
    "bytes under another label": other_label,
    "arms alike": arms_alike,
    "first choice fails": first_choice_fails,
    "no Prometheus": no_prometheus,
    "not scraped": not_scraped,
    "alert fires": alert_fires,
    "alerts not installed": not_installed,
    "alerts of other settings": other_edition,
    "alert changed by hand": changed_by_hand,
    "model out of reach": model_out_of_reach,
}
"""By name in the table. The order is that in which they are done: what cannot be mended is the last."""
