"""Heads of the audit: how they are written down, read again, and signed."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from segue.console.audit import Draft, linked
from segue.console.heads import FORMAT, Head, as_dict, as_line, found_in, from_line, signable, signed_head
from segue.errors import ConfigurationError
from segue.stores.audit_key import AuditKey, TrustedKeys, audit_key, keys_in, trusted_keys
from segue.telemetry.logs import redact

ENTRY = linked(Draft(1, "Olena", "socket:olena", "key.create"), None)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> AuditKey:
    """A key of its own."""
    return audit_key(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def head(key: AuditKey) -> Head:
    """A head of one entry."""
    return signed_head(ENTRY, 2, "main", key)


def test_a_head_is_read_as_it_was_written(head: Head) -> None:
    """A line holds all of a head, by itself or as part of a line of the log."""
    assert from_line(as_line(head)) == head
    assert from_line(json.dumps({"level": "info", "event": "audit head", "head": as_dict(head)})) == head


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "7", "{}", json.dumps({"head": "7"}), json.dumps({"format": FORMAT}), "[" * 100_000],
)
def test_another_line_is_no_head(line: str) -> None:
    """A line that is torn, or tells of something else, holds no head."""
    assert from_line(line) is None


def test_a_head_needs_every_field(head: Head) -> None:
    """A line without one of the fields, or with something else in it, holds no head."""
    plain = as_dict(head)
    assert len(plain) == len(fields(Head)) + 1
    for name in plain:
        assert from_line(json.dumps({each: value for each, value in plain.items() if each != name})) is None
        assert from_line(json.dumps({**plain, name: [1]})) is None


def test_a_torn_line_is_counted(head: Head) -> None:
    """What a crash tore is counted; lines of a log that tell of other things, and empty ones, are passed over."""
    line = as_line(head)
    told = found_in([line, "", json.dumps({"event": "turn"}), line[:40], line])
    assert (list(told.heads), told.unreadable) == ([head, head], 1)


def test_a_log_hides_nothing_of_a_head(head: Head) -> None:
    """A head passes the rules that keep secrets out of the log, whole."""
    event = redact(None, "info", {"event": "audit head", "head": as_dict(head)})
    assert from_line(json.dumps(event)) == head


def test_the_signature_covers_every_field(head: Head, key: AuditKey, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A head of which any field was changed is not what was signed."""
    trust = _trusting(key, tmp_path_factory)
    assert trust.check(head.key, signable(head), head.signature) is True
    for name in ("seq", "hash", "at_us", "node", "key"):
        value = getattr(head, name)
        other = replace(head, **{name: value + 1 if isinstance(value, int) else value + "0"})
        assert trust.check(head.key, signable(other), head.signature) is False, name
    assert trust.check("0" * 16, signable(head), head.signature) is None


def test_a_private_key_must_be_private(tmp_path: Path) -> None:
    """A key that others can read, or a file that holds none, is refused; one that is good is used again."""
    made = audit_key(tmp_path)
    path = tmp_path / "audit.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert audit_key(tmp_path).id == made.id
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        audit_key(tmp_path)
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(ConfigurationError, match="no private key"):
        audit_key(tmp_path)
    with pytest.raises(ConfigurationError, match="no public key"):
        keys_in([path])


def _trusting(key: AuditKey, folders: pytest.TempPathFactory) -> TrustedKeys:
    folder = folders.mktemp("trusting")
    (folder / "audit-keys").mkdir()
    (folder / "audit-keys" / "other.pem").write_bytes(key.public_pem())
    return trusted_keys(folder)
