"""The verifier of the audit's chain: each kind of tampering is found and named, and pruning passes."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from segue.console.audit import Draft, Entry, linked, rehashed
from segue.console.chain import Verification, Verifier
from segue.console.heads import Head, signed_head
from segue.console.retention import ACTION, signed_record
from segue.console.tampering import Kind
from segue.stores.audit_key import AuditKey, TrustedKeys

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = AuditKey(PRIVATE)
STRANGER = AuditKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
TRUST = TrustedKeys([PRIVATE.public_key()])
MOMENT_US = 1_700_000_000_000_000


def chain(count: int, *drafts: Draft) -> list[Entry]:
    """So many entries, and then these."""
    entries: list[Entry] = []
    for number in range(count):
        entries.append(_next(entries, _draft(number)))
    for draft in drafts:
        entries.append(_next(entries, draft))
    return entries


def pruned(entries: Sequence[Entry], to_seq: int, signer: AuditKey = KEY, **false: str | int) -> list[Entry]:
    """The chain after its beginning was pruned, with the record of it at its end."""
    record = signed_record([entry for entry in entries if entry.seq <= to_seq], signer)
    draft = replace(_draft(9), action=ACTION, facts={**record.facts(), **false})
    return [*(entry for entry in entries if entry.seq > to_seq), _next(entries, draft)]


def heads(entries: Sequence[Entry], *seqs: int, signer: AuditKey = KEY) -> list[Head]:
    """Heads of the entries with these numbers."""
    by_seq = {entry.seq: entry for entry in entries}
    return [signed_head(by_seq[seq], MOMENT_US, "main", signer) for seq in seqs]


def verified(entries: Iterable[Entry], signed: Sequence[Head] = ()) -> Verification:
    """What the verifier says of them."""
    verifier = Verifier(TRUST, signed)
    for entry in entries:
        verifier.feed(entry)
    return verifier.verdict()


def found(entries: Iterable[Entry], signed: Sequence[Head] = ()) -> list[tuple[int, Kind]]:
    """The faults, without their sentences."""
    return [(fault.seq, fault.kind) for fault in verified(entries, signed).faults]


def test_a_whole_chain_is_proved_by_its_head() -> None:
    """A chain as it was written has no fault, and the newest head says up to where that is proved."""
    entries = chain(30)
    told = verified(entries, heads(entries, 10, 25))
    assert told.proven
    assert not told.warnings
    assert (told.checked, told.from_seq, told.to_seq, told.heads) == (30, 1, 30, 2)
    assert told.head is not None
    assert (told.head.seq, told.head.hash) == (25, entries[24].hash)


def test_no_head_is_no_proof() -> None:
    """Without a head nothing is wrong, but nothing is proved either, and this is said."""
    told = verified(chain(3))
    assert told.ok
    assert not told.proven
    assert "No head" in told.warnings[0]


def test_nothing_is_nothing() -> None:
    """No entries and no heads: there was nothing to verify."""
    assert verified([]).empty
    assert not verified([], heads(chain(3), 3)).empty


@pytest.mark.parametrize("name", [each.name for each in fields(Entry)])
@pytest.mark.parametrize("seq", [1, 15, 30])
def test_every_field_counts(name: str, seq: int) -> None:
    """Whichever field of whichever entry is changed, exactly this entry is told as changed."""
    entries = chain(30)
    old = entries[seq - 1]
    value = getattr(old, name)
    new = replace(old, **{name: value + 1000 if isinstance(value, int) else value + "0"})
    told = found(sorted([*entries[: seq - 1], new, *entries[seq:]], key=lambda each: each.seq), heads(entries, 30))
    expected = [(seq, Kind.CHANGED)]
    assert told in (expected, [*expected, (30, Kind.CUT)])  # the last one under a greater number leaves its place empty


def test_an_entry_with_a_new_hash_is_changed() -> None:
    """An entry that was given a hash to match its new fields no longer is what the next one follows."""
    entries = chain(30)
    entries[14] = _rehashed(replace(entries[14], actor="nobody"))
    assert found(entries, heads(entries, 30)) == [(15, Kind.CHANGED)]


def test_an_entry_of_which_much_was_changed_is_changed() -> None:
    """An entry that names another one before it is still the one that the next entry follows."""
    entries = chain(30)
    entries[14] = replace(entries[14], actor="nobody", prev_hash="1" * 64)
    assert found(entries, heads(entries[:14] + entries[15:], 30)) == [(15, Kind.CHANGED)]


def test_one_tampering_hides_no_other() -> None:
    """What was guessed of one odd entry, and given up, leads nobody astray at the next."""
    entries = chain(40)
    others = [replace(entry, seq=entry.seq + 1) for entry in entries[29:]]
    stranger = _rehashed(replace(entries[29], actor="nobody"))
    entries[9], entries[26] = replace(entries[26], seq=10), replace(entries[9], seq=27)
    entries[10] = replace(entries[10], actor="nobody")
    expected = [(10, Kind.SWAPPED), (11, Kind.CHANGED), (30, Kind.INSERTED)]
    assert found([*entries[:29], stranger, *others]) == expected


def test_swapping_hides_no_rewriting() -> None:
    """A head is held against what comes after two entries in each other's place."""
    entries = chain(30)
    signed = heads(entries, 30)
    for number in range(20, 30):
        entries[number] = _rehashed(replace(entries[number], actor="nobody", prev_hash=entries[number - 1].hash))
    entries[9], entries[11] = replace(entries[11], seq=10), replace(entries[9], seq=12)
    assert found(entries, signed) == [(10, Kind.SWAPPED), (30, Kind.REWRITTEN)]


def test_there_is_no_entry_before_the_first() -> None:
    """An entry with a number below 1 was put in."""
    entries = chain(3)
    before = _rehashed(replace(entries[0], seq=0))
    assert (0, Kind.INSERTED) in found([before, *entries])


@pytest.mark.parametrize("value", [None, b"\x00", 1.5, "\ud800"])
def test_what_no_entry_holds_is_changed(value: object) -> None:
    """A database without types may give back anything; it is told, and does not stop the verifier."""
    entries = chain(5)
    for name in ("actor", "facts", "duration_ms", "seq", "at_us", "hash"):
        odd = [*entries[:2], replace(entries[2], **{name: value}), *entries[3:]]  # type: ignore[arg-type]
        assert (3, Kind.CHANGED) in found(odd), name


@pytest.mark.parametrize("many", [1, 3])
def test_a_missing_entry_is_missing(many: int) -> None:
    """Entries that are gone from the middle are told, those around them are not."""
    entries = chain(30)
    assert found([*entries[:10], *entries[10 + many :]], heads(entries, 30)) == [(11, Kind.MISSING)]


@pytest.mark.parametrize("many", [1, 3])
def test_closing_the_gap_helps_nobody(many: int) -> None:
    """Entries that are gone are missing, although the rest was numbered anew to hide it."""
    entries = chain(30)
    rest = [replace(entry, seq=entry.seq - many) for entry in entries[10 + many :]]
    assert found([*entries[:10], *rest]) == [(11, Kind.MISSING)]
    assert (31 - many, Kind.CUT) in found([*entries[:10], *rest], heads(entries, 30))


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("many", [1, 2])
def test_an_inserted_entry_is_inserted(many: int, sound: bool) -> None:
    """An entry that was put in is told as such, also when its own hash is right."""
    entries = chain(30)
    strangers = chain(10 + many)[10:]
    strangers = [replace(each, actor="nobody") for each in strangers]
    if sound:
        before = entries[9]
        for number, each in enumerate(strangers):
            before = strangers[number] = _rehashed(replace(each, seq=before.seq + 1, prev_hash=before.hash))
    rest = [replace(entry, seq=entry.seq + many) for entry in entries[10:]]
    assert found([*entries[:10], *strangers, *rest]) == [(11 + each, Kind.INSERTED) for each in range(many)]


def test_a_false_entry_at_the_end_is_inserted() -> None:
    """An entry behind the last one that fits nowhere was put in."""
    entries = chain(5)
    stranger = replace(entries[2], seq=6, hash="0" * 64)
    assert found([*entries, stranger], heads(entries, 5)) == [(6, Kind.INSERTED)]


@pytest.mark.parametrize(("one", "other"), [(10, 11), (10, 12), (10, 27), (29, 30), (1, 2), (1, 30)])
@pytest.mark.parametrize("with_hashes", [True, False])
def test_swapped_entries_are_swapped(one: int, other: int, with_hashes: bool) -> None:
    """Two entries in each other's place are told as such, wherever they are, and nothing else is."""
    entries = chain(30)
    kept = {} if with_hashes else {"prev_hash", "hash"}
    first, second = entries[one - 1], entries[other - 1]
    entries[one - 1] = replace(second, seq=one, **{name: getattr(first, name) for name in kept})
    entries[other - 1] = replace(first, seq=other, **{name: getattr(second, name) for name in kept})
    assert found(entries) == [(one, Kind.SWAPPED)]


def test_a_cut_end_is_cut() -> None:
    """A head of an entry that is not there says that the end was cut off."""
    entries = chain(30)
    assert found(entries[:20], heads(entries, 10, 25)) == [(21, Kind.CUT)]
    assert found([], heads(entries, 10)) == [(1, Kind.CUT)]
    assert found(entries[:25], heads(entries, 10, 25)) == []


def test_a_rewritten_chain_is_rewritten() -> None:
    """A chain with right hashes that is another than the one that was signed is told, with where it parts from it."""
    entries = chain(30)
    others = entries[:14]
    for entry in entries[14:]:
        others.append(_rehashed(replace(entry, actor="nobody", prev_hash=others[-1].hash)))
    told = verified(others, heads(entries, 10, 20, 30))
    assert [(fault.seq, fault.kind) for fault in told.faults] == [(20, Kind.REWRITTEN)]
    assert "after entry 10" in told.faults[0].sentence
    assert verified(others).ok  # nothing but the heads can tell


def test_a_head_signed_after_the_rewriting_hides_nothing() -> None:
    """The older head still tells, although a newer one was signed of the rewritten chain."""
    entries = chain(30)
    others = chain(0)
    for entry in entries:
        others.append(_rehashed(replace(entry, actor="nobody", prev_hash=others[-1].hash if others else "0" * 64)))
    assert found(others, [*heads(entries, 20), *heads(others, 30)]) == [(20, Kind.REWRITTEN)]


def test_a_chain_cannot_begin_after_something() -> None:
    """The first entry follows nothing."""
    entries = chain(2)
    first = _rehashed(replace(entries[0], prev_hash="1" * 64))
    assert found([first, _rehashed(replace(entries[1], prev_hash=first.hash))]) == [(1, Kind.REWRITTEN)]


def test_time_does_not_go_back() -> None:
    """An entry that is older than the one before it was not written by Segue."""
    entries = chain(3)
    entries.append(_rehashed(replace(_next(entries, _draft(3)), at_us=5)))
    assert found(entries) == [(4, Kind.BACKWARDS)]


def test_pruning_passes() -> None:
    """A chain whose beginning was pruned is sound, once and twice over, when the record itself was pruned too."""
    entries = chain(30)
    signed = heads(entries, 5, 10, 25)
    once = pruned(entries, 10)
    told = verified(once, signed)
    assert told.proven
    assert (told.prunes, told.heads) == (1, 2)
    assert found(pruned(once, 20), signed) == []
    twice = pruned([*once, *(_more(once, 5))], 31)
    assert twice[0].seq > once[-1].seq
    assert found(twice, [*signed, *heads(twice, 34)]) == []


def test_two_servers_may_prune_at_once() -> None:
    """A record that another server wrote of the same entries, or of fewer, changes nothing."""
    entries = chain(30)
    once = pruned(entries, 20)
    late = signed_record(entries[:10], KEY)
    twice = [*once, _next(once, replace(_draft(9), action=ACTION, facts=late.facts()))]
    assert found(twice, heads(entries, 25)) == []


def test_a_beginning_that_is_gone_needs_a_record() -> None:
    """Entries that are gone from the beginning were removed by somebody, unless a signed record says otherwise."""
    entries = chain(30)
    assert found(entries[10:], heads(entries, 25)) == [(1, Kind.UNRECORDED)]
    assert found(pruned(entries, 10)[1:], heads(entries, 25)) == [(1, Kind.UNRECORDED)]
    dry = replace(_draft(9), action=ACTION, facts={"dry_run": 1, "would_remove": 10})
    assert found([*entries[10:], _next(entries, dry)], heads(entries, 25)) == [(1, Kind.UNRECORDED)]


def test_a_record_must_be_signed() -> None:
    """A record with another figure than was signed is forged; one by a stranger's key does not count, and is told."""
    entries = chain(30)
    forged = pruned(entries[3:], 10, from_seq=1)
    assert found(forged, heads(entries, 25)) == [(1, Kind.UNRECORDED), (31, Kind.FORGED_PRUNE)]
    told = verified(pruned(entries, 10, STRANGER), heads(entries, 25))
    assert [fault.kind for fault in told.faults] == [Kind.UNRECORDED]
    assert STRANGER.id in told.warnings[0]


def test_the_first_entry_must_follow_the_last_that_was_pruned() -> None:
    """A chain that was rewritten after a pruning, without a head to tell, does not follow what was pruned."""
    entries = pruned(chain(30), 10)
    others: list[Entry] = []
    for entry in entries:
        others.append(_rehashed(replace(entry, prev_hash=others[-1].hash if others else "1" * 64)))
    assert found(others) == [(11, Kind.REWRITTEN)]


def test_what_was_pruned_does_not_come_back() -> None:
    """An old entry that was put back before the first one is told, although its hash is right."""
    entries = chain(30)
    assert found([entries[9], *pruned(entries, 10)], heads(entries, 25)) == [(10, Kind.INSERTED)]


def test_a_record_that_contradicts_a_head_is_told() -> None:
    """A head of the last entry that was pruned must name the hash that the record names."""
    entries, others = chain(30), chain(0)
    for entry in entries:
        others.append(_rehashed(replace(entry, actor="nobody", prev_hash=others[-1].hash if others else "0" * 64)))
    assert found(pruned(others, 10), heads(entries, 10)) == [(10, Kind.REWRITTEN)]


def test_a_head_must_be_signed() -> None:
    """A head whose figures are not those that were signed is forged, and does not count."""
    entries = chain(30)
    (head,) = heads(entries, 20)
    told = verified(entries, [replace(head, seq=30, hash=entries[29].hash)])
    assert [fault.kind for fault in told.faults] == [Kind.FORGED_HEAD]
    assert told.head is None
    assert found(entries, [replace(head, signature="no base64!")]) == [(20, Kind.FORGED_HEAD)]


def test_a_strangers_head_does_not_count() -> None:
    """A head by a key that is not trusted proves nothing, and this is said."""
    entries = chain(30)
    told = verified(entries, heads(entries, 20, signer=STRANGER))
    assert told.ok
    assert not told.proven
    assert STRANGER.id in told.warnings[0]


def test_pruning_while_reading_passes() -> None:
    """What is pruned before or behind the reader's place meanwhile is no fault, if a signed record tells of it."""
    entries = chain(30)
    later = pruned(entries, 20)
    for seen in (5, 25):
        verifier = Verifier(TRUST, heads(entries, 25), newest=30)
        for entry in entries[:seen]:
            verifier.feed(entry)
        rest = [entry for entry in later if entry.seq > seen]
        for number, entry in enumerate(rest):
            verifier.feed(entry, begins=number == 0 and seen == 5)
        assert verifier.verdict().proven
    verifier = Verifier(TRUST, (), newest=30)
    for entry in (*entries[:5], *entries[10:]):
        verifier.feed(entry, begins=entry.seq == 11)
    assert [fault.kind for fault in verifier.verdict().faults] == [Kind.UNRECORDED]


def test_many_faults_are_counted() -> None:
    """The verdict tells the first hundred faults, and how many there are."""
    entries = [replace(entry, actor="nobody") for entry in chain(500)]
    told = verified(entries)
    assert len(told.faults) == 100
    assert told.fault_count == 500


def test_random_tampering_is_found() -> None:
    """Whatever is done to a few entries at random, a chain with a head at its end is never proven."""
    chance = random.Random(5)  # noqa: S311 - no secret hangs on it
    whole = chain(40)
    signed = heads(whole, 40)
    for _ in range(300):
        entries = list(whole)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(entries) - 1)
            match chance.randrange(4):
                case 0:
                    entries[place] = replace(entries[place], target=f"other/{chance.random()}")
                case 1:
                    del entries[place]
                case 2:
                    entries.insert(place, replace(entries[place], actor=f"nobody {chance.random()}"))
                case _:
                    entries[place] = _rehashed(replace(entries[place], code=f"{chance.random()}"))
        entries.sort(key=lambda entry: entry.seq)
        assert entries == whole or not verified(entries, signed).proven


def _draft(number: int) -> Draft:
    return Draft(
        at_us=MOMENT_US + number,
        actor="Olena",
        via="key:8d0000000001",
        action="message.send",
        target=f"chat/main.{number:032x}",
        request=f"r{number}",
        node="main",
        facts={"length": number},
    )


def _more(entries: Sequence[Entry], count: int) -> list[Entry]:
    more = list(entries)
    for number in range(count):
        more.append(_next(more, _draft(100 + number)))
    return more[len(entries) :]


def _next(entries: Sequence[Entry], draft: Draft) -> Entry:
    return linked(draft, entries[-1] if entries else None)


def _rehashed(entry: Entry) -> Entry:
    return replace(entry, hash=rehashed(entry))
