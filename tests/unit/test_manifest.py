"""What a backup's manifest says, and how it is held against what lies there."""

from dataclasses import replace
from typing import Any

import pytest

from segue.console.audit import Draft, linked
from segue.console.chain import Verifier
from segue.console.heads import Head
from segue.operations.copying import manifest as rules
from segue.operations.copying.manifest import Manifest, Mark
from segue.operations.copying.restore import audited
from segue.operations.report import Level
from segue.stores.audit_key import keys_in

VOICE = "objects/files/default/" + "ab" * 32 + ".wav"
MADE = Manifest(
    name="20261121-101112-000042",
    at_us=1,
    ended_us=2_000_001,
    segue="0.1.0",
    node="main",
    kind="sqlite",
    revision="0003",
    tables={"audit": 3, "turns": 2},
    head=Head(3, "cd" * 32, 1, "main", "0123456789abcdef", "c2ln"),
    configuration="ef" * 32,
    keys=True,
    cache=False,
    files={"database/segue.db": Mark("11" * 32, 10), VOICE: Mark("ab" * 32, 5)},
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    """What is written down and read again is the same value."""
    assert rules.from_dict(MADE.as_dict()) == MADE


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "segue backup 2"},
        {"kind": "oracle"},
        {"name": "../etc"},
        {"files": {"../segue.db": {"sha256": "11" * 32, "bytes": 1}}},
        {"files": {"/etc/passwd": {"sha256": "11" * 32, "bytes": 1}}},
        {"files": {"a//b": {"sha256": "11" * 32, "bytes": 1}}},
        {"files": []},
        {"tables": {"audit": "many"}},
        {"head": {"seq": 1}},
        {"more": 1},
        {"name": 5},
        {"kind": []},
        {"at_us": "1"},
        {"keys": 1},
    ],
)
def test_what_is_no_manifest_is_none(changes: dict[str, Any]) -> None:
    """Another format, a path that leads out, or a field too many: nothing of it is believed."""
    assert rules.from_dict(MADE.as_dict() | changes) is None


def test_an_audit_that_should_be_empty_is_looked_at() -> None:
    """A manifest that names no entry is believed only where there is none."""
    entry = linked(Draft(at_us=1, actor="olha", via="key", action="key.create", target="key/1"), None)
    verdict = Verifier(keys_in([]), []).verdict()
    assert audited(replace(MADE, head=None), None, verdict).level is Level.PASS
    assert audited(replace(MADE, head=None), entry, verdict).level is Level.FAIL
    assert audited(MADE, None, verdict).level is Level.FAIL


def test_the_audit_of_a_backup_must_be_linked_and_proved() -> None:
    """A fault in it is a failure, and links that no trusted head proves are a warning."""
    first = linked(Draft(at_us=1, actor="olha", via="key", action="key.create", target="key/1"), None)
    made = replace(MADE, head=Head(first.seq, first.hash, 1, "main", "0123456789abcdef", "c2ln"))
    for entry, level in ((first, Level.WARN), (replace(first, actor="other"), Level.FAIL)):
        verifier = Verifier(keys_in([]), [])
        verifier.feed(entry)
        assert audited(made, entry, verifier.verdict()).level is level


def test_names_are_in_the_order_of_time() -> None:
    """A backup that is begun later has the greater name, down to microseconds."""
    assert rules.named(1_795_255_872_000_042) == "20261121-101112-000042"
    assert rules.named(1_795_255_872_000_041) < rules.named(1_795_255_872_000_042)


def test_every_difference_of_files_is_told() -> None:
    """Missing, changed and surplus files are each a failure with their names."""
    whole = dict(MADE.files)
    assert {check.level for check in rules.compared(MADE, whole)} == {Level.PASS}
    cases = {
        "missing": {VOICE: whole[VOICE]},
        "changed": whole | {"database/segue.db": Mark("12" * 32, 10)},
        "not in the manifest": whole | {"data/new": Mark("11" * 32, 1)},
    }
    for word, found in cases.items():
        check = rules.compared(MADE, found)[0]
        assert check.level is Level.FAIL
        assert word in check.reason


def test_a_voice_file_must_be_what_its_name_says() -> None:
    """A voice file whose content has another hash than its name fails, also where the manifest agrees with it."""
    made = replace(MADE, files={VOICE: Mark("99" * 32, 5)})
    (files, voice) = rules.compared(made, dict(made.files))
    assert (files.level, voice.level) == (Level.PASS, Level.FAIL)


def test_rows_are_compared_table_by_table() -> None:
    """One row more or less, or a table more, is told by name."""
    assert rules.counted(MADE, {"audit": 3, "turns": 2}).level is Level.PASS
    assert "turns 1 instead of 2" in rules.counted(MADE, {"audit": 3, "turns": 1}).reason
    assert "new 0 instead of none" in rules.counted(MADE, {"audit": 3, "turns": 2, "new": 0}).reason


@pytest.mark.parametrize(("revision", "level"), [("0003", Level.PASS), ("0001", Level.PASS), ("0009", Level.FAIL)])
def test_newer_tables_are_refused(revision: str, level: Level) -> None:
    """Tables of an older Segue are carried forward; those of a newer one are not touched."""
    assert rules.known(replace(MADE, revision=revision), ("0001", "0002", "0003")).level is level


@pytest.mark.parametrize(
    ("vouched", "own", "level"),
    [
        ({"k": True}, False, Level.PASS),
        ({"k": True}, True, Level.WARN),
        ({"k": None}, False, Level.FAIL),
        ({"k": False}, True, Level.FAIL),
        ({}, True, Level.FAIL),
    ],
)
def test_a_signature_counts_as_far_as_its_key_does(vouched: dict[str, bool | None], *, own: bool, level: Level) -> None:
    """A key from elsewhere proves, the backup's own only warns; an unknown, wrong or missing one fails."""
    assert rules.signed(vouched, own=own).level is level
