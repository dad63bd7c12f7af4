"""Signed evidence: who vouches for a report, and that nobody changed it since."""

import json
from dataclasses import replace

from segue.operations.evidence.envelope import REPORT_TYPE, from_dict, from_text, sealed, signable, vouched
from segue.operations.evidence.vouching import Entered, judged
from segue.operations.report import Level
from segue.stores.audit_key import TrustedKeys, forgotten_key


def test_what_is_signed_is_as_published() -> None:
    """The signed bytes are those of the protocol's own example."""
    assert signable(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_changed_payload_is_found() -> None:
    """The key vouches for what it signed: not for another payload, nor for the same read as another type."""
    key = forgotten_key()
    trust = TrustedKeys([key.public])
    envelope = sealed(b'{"outcome": "pass"}', REPORT_TYPE, key, {"seq": 7})
    read = from_text(json.dumps(envelope.as_dict()))
    assert read == envelope
    assert vouched(envelope, trust) == {key.id: True}
    assert vouched(replace(envelope, payload=b'{"outcome": "fail"}'), trust) == {key.id: False}
    assert vouched(replace(envelope, payload_type="text/plain"), trust) == {key.id: False}
    assert vouched(envelope, TrustedKeys([])) == {key.id: None}


def test_what_is_no_envelope_is_none() -> None:
    """Anything else in a file is told as such."""
    for text in ("", "[]", "{}", '{"payload": "%%", "payloadType": "x", "signatures": []}', "null"):
        assert from_text(text) is None
    assert from_dict({"payload": "", "payloadType": "x", "signatures": [3]}) is None


def test_an_entry_must_have_the_digest_and_the_hash_of_the_evidence() -> None:
    """An entry of the same payload at the same place, but of another chain, vouches for nothing."""
    key = forgotten_key()
    envelope = sealed(b"{}", REPORT_TYPE, key, {"seq": 7, "hash": "ab"})
    entry = {"seq": 7, "after": envelope.digest, "hash": "ab"}
    for item, level in (
        (entry, Level.PASS),
        ({**entry, "hash": "cd"}, Level.FAIL),
        ({**entry, "after": ""}, Level.FAIL),
    ):
        _, found = judged("a", envelope, TrustedKeys([key.public]), Entered(item))
        assert found.level is level
