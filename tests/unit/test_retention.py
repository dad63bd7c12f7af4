"""What is pruned of the audit: which entries, and what their record says."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from segue.console.audit import Draft, Entry, linked
from segue.console.retention import ACTION, DAY_US, FORMAT, cutoff_us, prunable, record_in, signable, signed_record
from segue.stores.audit_key import AuditKey, TrustedKeys

NOW_US = 1_700_000_000_000_000
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def aged(*days: float) -> list[Entry]:
    """Entries that are so many days old."""
    entries: list[Entry] = []
    for age in days:
        draft = Draft(NOW_US - round(age * DAY_US), "Olena", "socket:olena", "audit.read")
        entries.append(linked(draft, entries[-1] if entries else None))
    return entries


def test_an_entry_that_is_just_old_enough_stays() -> None:
    """What is exactly as old as entries are kept stays; what is a microsecond older goes."""
    before = cutoff_us(NOW_US, 90)
    edge = 90 + 1 / DAY_US
    assert [entry.seq for entry in prunable(aged(91, edge, 90, 89), before, 4)] == [1, 2]


def test_the_newest_entry_stays() -> None:
    """However old everything is, the newest entry stays, so that the chain goes on from it."""
    assert [entry.seq for entry in prunable(aged(99, 98, 97), cutoff_us(NOW_US, 90), 3)] == [1, 2]
    assert prunable([], cutoff_us(NOW_US, 90), 0) == []


def test_only_the_beginning_goes() -> None:
    """Pruning ends at the first entry that is young enough; there is never a hole."""
    entries = aged(99, 98, 10)
    entries.append(replace(entries[0], seq=4))
    assert [entry.seq for entry in prunable(entries, cutoff_us(NOW_US, 90), 9)] == [1, 2]


def test_a_record_says_what_is_gone() -> None:
    """The facts of the entry hold the record, which names the last hash and is signed over every figure."""
    key = AuditKey(PRIVATE)
    entries = aged(99, 98, 97)
    record = signed_record(entries, key)
    assert (record.from_seq, record.to_seq, record.count, record.last_hash) == (1, 3, 3, entries[2].hash)
    entry = linked(Draft(NOW_US, "schedule", "schedule", ACTION, facts=record.facts()), entries[-1])
    assert record_in(entry) == record
    trust = TrustedKeys([PRIVATE.public_key()])
    assert trust.check(record.key, signable(record), record.signature) is True
    assert FORMAT.encode() in signable(record)  # so that it cannot pass for a signature of something else
    for name in ("from_seq", "to_seq", "count"):
        assert trust.check(key.id, signable(replace(record, **{name: 7})), record.signature) is False


@pytest.mark.parametrize("facts", ["", "[]", "{", '{"dry_run":1}', '{"from_seq":"1"}', "[" * 100_000])
def test_another_entry_holds_no_record(facts: str) -> None:
    """A dry run, another action, and facts that cannot be read hold no record."""
    record = signed_record(aged(99), AuditKey(PRIVATE))
    (entry,) = aged(1)
    assert record_in(replace(entry, action=ACTION, facts=facts)) is None
    assert record_in(linked(Draft(NOW_US, "Olena", "socket:olena", "key.create", facts=record.facts()), None)) is None
