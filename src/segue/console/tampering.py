"""What was done to entries that are not what their hashes say: words for people, found from the hashes alone.

None of this decides whether a chain is sound; it only tells what happened to one that is not. Values and rules only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

from segue.console.audit import Entry, rehashed


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    """A field of an entry is another than it was."""
    MISSING = "missing"
    """Entries are gone from the middle."""
    INSERTED = "inserted"
    """An entry is there that was not written in its place."""
    SWAPPED = "swapped"
    """Two entries stand in each other's place."""
    BACKWARDS = "backwards"
    """An entry is older than the one before it."""
    CUT = "cut"
    """Entries are gone from the end."""
    REWRITTEN = "rewritten"
    """The chain is whole, but it is another than the one that was signed."""
    FORGED_HEAD = "forged_head"
    """A head in the name of a trusted key that this key did not sign."""
    FORGED_PRUNE = "forged_prune"
    """A record of pruning in the name of a trusted key that this key did not sign."""
    UNRECORDED = "unrecorded"
    """Entries are gone from the beginning, and no signed record says that they were pruned."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, and at which entry."""

    seq: int
    kind: Kind
    sentence: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are missing, both ends included."""

    from_seq: int
    to_seq: int


@dataclass(slots=True)
class Odd:
    """An entry that does not have the hash that its fields have."""

    entry: Entry
    follows: bool
    """Whether it names the hash of the entry before, or did so when it was written."""
    followed: bool = False
    """Whether the next entry names its hash."""


def hash_of(entry: Entry) -> str:
    """The hash an entry must have; empty if something stands in its fields that never stood in any entry."""
    try:
        return rehashed(entry)
    except (TypeError, ValueError):
        return ""


def numbered(entry: Entry, seq: int) -> bool:
    """Whether an entry is sound under another number."""
    return hash_of(replace(entry, seq=seq)) == entry.hash


def unnumbered(entry: Entry, seq: int) -> Fault | None:
    """The fault of what stands where entry `seq` belongs, if it has no number or no time."""
    if type(entry.seq) is int and type(entry.at_us) is int:
        return None
    return Fault(seq, Kind.CHANGED, f"Where entry {seq} belongs, something stands without a number or a time.")


def told(odd: Sequence[Odd], gaps: Sequence[Gap]) -> Iterator[Fault]:
    """What happened to odd entries, and to the numbers that are missing."""
    left, missing = list(odd), list(gaps)
    for one in tuple(left):
        for gap in missing:
            if numbered(one.entry, gap.from_seq):
                number = one.entry.seq
                sentence = f"Entry {gap.from_seq} was given another number: it stands as entry {number}."
                yield Fault(gap.from_seq, Kind.CHANGED, sentence)
                left.remove(one)
                missing = [each for each in missing if each is not gap and each.to_seq != number - 1]
                break
    for one, other in combinations(tuple(left), 2):
        if one in left and other in left and swapped(one.entry, other.entry):
            pair = sorted((one.entry.seq, other.entry.seq))
            yield Fault(pair[0], Kind.SWAPPED, f"Entries {pair[0]} and {pair[1]} stand in each other's place.")
            left.remove(one)
            left.remove(other)
    for each in left:
        seq = each.entry.seq
        if each.follows or each.followed:
            yield Fault(seq, Kind.CHANGED, f"Entry {seq} was changed: its fields do not have the hash it carries.")
        else:
            sentence = f"Entry {seq} was put in: it has no sound hash, follows nothing, and nothing follows it."
            yield Fault(seq, Kind.INSERTED, sentence)
    for gap in missing:
        yield lost(gap)


def lost(gap: Gap) -> Fault:
    """Entries that are gone from the beginning, without a record of pruning, or from the middle."""
    one = gap.from_seq == gap.to_seq
    if gap.from_seq == 1:
        gone = "Entry 1 is" if one else f"Entries 1 to {gap.to_seq} are"
        return Fault(1, Kind.UNRECORDED, f"{gone} gone, and no record by a trusted key says that they were pruned.")
    gone = f"Entry {gap.from_seq} is" if one else f"Entries {gap.from_seq} to {gap.to_seq} are"
    return Fault(gap.from_seq, Kind.MISSING, f"{gone} missing.")


def swapped(one: Entry, other: Entry) -> bool:
    """Whether each of two entries is sound in the other's place, with its own hashes or those of the place."""
    return _sound_at(one, other) and _sound_at(other, one)


def _sound_at(entry: Entry, place: Entry) -> bool:
    return any(
        hash_of(replace(entry, seq=place.seq, prev_hash=prev)) in (entry.hash, place.hash)
        for prev in (entry.prev_hash, place.prev_hash)
    )
