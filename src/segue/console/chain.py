"""Whether the chain of the audit is what was written: checked entry by entry, in memory that does not grow with it.

What a sound chain with a head proves: no entry at or before that head was changed, removed, put in or moved since the
head was signed, but for what signed records say was pruned. What nothing here proves: that entries after the newest
head are all there and were written by Segue; and anything against somebody who holds a private key that is trusted.
Values and rules only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from segue.console import heads as head_rules
from segue.console import retention
from segue.console.audit import GENESIS, Entry
from segue.console.heads import Head, Trust
from segue.console.links import TOLD, Links
from segue.console.tampering import Fault, Gap, Kind, hash_of, unnumbered


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of verifying a chain."""

    checked: int
    """Entries that were looked at."""
    from_seq: int | None
    to_seq: int | None
    """The first and the last of them."""
    heads: int
    """Signed heads that met their entry."""
    prunes: int
    """Signed records of pruning among the entries."""
    faults: tuple[Fault, ...]
    """The first `TOLD` of them, in the order of the chain."""
    fault_count: int
    warnings: tuple[str, ...]
    """What does not count, and why."""
    head: Head | None
    """The newest head that met its entry, without its signature: up to there the chain is proved."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong. Without a head that says little: see `proven`."""
        return not self.fault_count

    @property
    def proven(self) -> bool:
        """Whether nothing is wrong, and there is a signed head to say so."""
        return self.ok and self.head is not None

    @property
    def empty(self) -> bool:
        """Whether there was nothing to verify."""
        return not self.checked and self.ok

    def as_dict(self, took_s: float) -> dict[str, Any]:
        """As JSON; moments are Unix seconds there."""
        head = self.head
        plain = {name: getattr(self, name) for name in _TOLD_OF}
        return {
            **plain,
            "faults": [asdict(fault) for fault in self.faults],
            "warnings": list(self.warnings),
            "head": {"seq": head.seq, "hash": head.hash, "at": round(head.at_us / 1e6, 6), "key": head.key}
            if head is not None
            else None,
            "took_s": round(took_s, 3),
        }


_TOLD_OF = ("ok", "proven", "checked", "from_seq", "to_seq", "heads", "prunes", "fault_count")


class Verifier:
    """Takes the entries in their order, then gives its verdict.

    `newest` is the `seq` of the newest entry when the reading began, where others go on writing and pruning meanwhile.
    Heads must have been read before that; they are held in memory, some 400 bytes each.
    """

    def __init__(self, trust: Trust, heads: Iterable[Head], *, newest: int | None = None) -> None:
        self._trust = trust
        self._newest = newest
        self._expected: dict[int, list[Head]] = {}
        self._links = Links()
        self._checked = self._met = self._prunes = self._pruned_to = 0
        self._first: int | None = None
        self._opening: Entry | None = None
        self._recorded = False
        self._strangers: dict[str, int] = {}
        self._head: Head | None = None
        self._missed: Head | None = None
        for head in heads:
            self._expect(head)

    @property
    def checked(self) -> int:
        """Entries so far."""
        return self._checked

    def feed(self, entry: Entry, *, begins: bool = False) -> None:
        """Look at the next entry. `begins`: all entries before it were found gone while the reading went on."""
        self._checked += 1
        if (odd := unnumbered(entry, self._links.last + 1)) is not None:
            self._links.tell(odd)
            return
        own = hash_of(entry)
        if begins or self._first is None:
            self._open(entry, own)
        if self._first is None:
            self._first = entry.seq
        sound = self._links.feed(entry, own, begins=begins)
        if sound:
            self._record(entry)
        for head in self._expected.pop(entry.seq, ()):
            if sound and not self._links.shifted:
                self._compare(head, (entry.hash, own))

    def verdict(self) -> Verification:
        """What came of it, after the last entry."""
        faults = [*self._links.faults(self._gone()), *self._returned(), *self._end()]
        warnings = [
            f"{count} head(s) or record(s) are signed by the key {key}, which is not trusted, and do not count."
            for key, count in sorted(self._strangers.items())
        ]
        if self._checked and self._head is None:
            warnings.append("No head: nothing that was signed says what this chain must be.")
        return Verification(
            checked=self._checked,
            from_seq=self._first,
            to_seq=self._links.last if self._checked else None,
            heads=self._met,
            prunes=self._prunes,
            faults=tuple(sorted(faults, key=lambda fault: fault.seq)[:TOLD]),
            fault_count=len(faults) + self._links.more,
            warnings=tuple(warnings),
            head=self._head,
        )

    def _expect(self, head: Head) -> None:
        good = self._signed(head.key, head_rules.signable(head), head.signature)
        if good:
            bare = Head(head.seq, head.hash, head.at_us, "", head.key, "")
            self._expected.setdefault(head.seq, []).append(bare)
        elif good is False:
            sentence = f"A head of entry {head.seq} was not signed by the key {head.key} that it names."
            self._links.tell(Fault(head.seq, Kind.FORGED_HEAD, sentence))

    def _signed(self, key: str, data: bytes, signature: str) -> bool | None:
        good = self._trust.check(key, data, signature)
        if good is None:
            self._strangers[key] = self._strangers.get(key, 0) + 1
        return good

    def _open(self, entry: Entry, own: str) -> None:
        """The first entry that is there: all that were before it must have been pruned."""
        self._opening, self._recorded = entry, False
        if entry.seq == 1 and entry.prev_hash != GENESIS and own == entry.hash:
            self._links.tell(Fault(1, Kind.REWRITTEN, "Entry 1 follows something, though it is the first one."))

    def _record(self, entry: Entry) -> None:
        """See whether an entry is a signed record of pruning, and what it explains."""
        record = retention.record_in(entry)
        if record is None:
            return
        good = self._signed(record.key, retention.signable(record), record.signature)
        if good is False:
            sentence = f"Entry {entry.seq} records a pruning, but was not signed by the key {record.key} that it names."
            self._links.tell(Fault(entry.seq, Kind.FORGED_PRUNE, sentence))
        if not good:
            return
        self._prunes += 1
        if self._newest is None or entry.seq <= self._newest:
            self._pruned_to = max(self._pruned_to, record.to_seq)
        opening = self._opening
        if opening is not None and record.to_seq == opening.seq - 1:
            self._recorded = True
            if record.last_hash != opening.prev_hash and not self._links.is_odd(opening.seq):
                sentence = f"Entry {opening.seq} does not follow entry {record.to_seq}, the last that was pruned."
                self._links.tell(Fault(opening.seq, Kind.REWRITTEN, sentence))
        for head in self._expected.pop(record.to_seq, ()):
            self._compare(head, (record.last_hash,))

    def _compare(self, head: Head, hashes: tuple[str, ...]) -> None:
        if head.hash in hashes:
            self._met += 1
            if self._head is None or head.seq >= self._head.seq:
                self._head = head
        elif self._missed is None:
            self._missed = head
            since = f"after entry {self._head.seq}" if self._head is not None else "from its beginning on"
            sentence = (
                f"Entry {head.seq} is not the one of which a head was signed at {_moment(head.at_us)}: "
                f"the chain was rewritten, somewhere {since}."
            )
            self._links.tell(Fault(head.seq, Kind.REWRITTEN, sentence))

    def _gone(self) -> Gap | None:
        """What is gone before the first entry that is there, without a record."""
        first = self._opening.seq if self._opening is not None else 1
        told = self._recorded or self._pruned_to >= first
        return Gap(1, first - 1) if first > 1 and not told else None

    def _returned(self) -> Iterator[Fault]:
        """An entry that is there, although it cannot be."""
        seq = self._opening.seq if self._opening is not None else None
        if seq is not None and seq < 1:
            yield Fault(seq, Kind.INSERTED, f"Entry {seq} is there, though the first one is entry 1.")
        elif seq is not None and self._pruned_to >= seq:
            sentence = f"Entry {seq} is there, although entries up to {self._pruned_to} were pruned."
            yield Fault(seq, Kind.INSERTED, sentence)

    def _end(self) -> list[Fault]:
        """Heads of entries that are not there."""
        last = self._links.last
        beyond = [head for seq, each in self._expected.items() if seq > last for head in each]
        if not beyond:
            return []
        newest = max(beyond, key=lambda head: head.seq)
        ends = f"the chain ends at entry {last}" if last else "there is no entry"
        sentence = (
            f"A head signed at {_moment(newest.at_us)} is of entry {newest.seq}, but {ends}: "
            f"at least {newest.seq - last} were cut off."
        )
        return [Fault(last + 1, Kind.CUT, sentence)]


def _moment(at_us: int) -> str:
    """A moment for people: ISO 8601 in UTC, to the second."""
    try:
        return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{at_us} µs"
