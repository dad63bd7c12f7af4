"""What is pruned of the audit, and the signed record that stays in its place. Values and rules only.

Entries are pruned from the oldest on, in batches; each batch leaves an entry `audit.prune` in the same transaction,
whose facts say which entries are gone and what the hash of the last of them was. They are signed, so that whoever can
write the database still cannot remove entries and have it pass for pruning.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile

from segue.console.audit import Entry, canonical
from segue.console.heads import Signer

ACTION = "audit.prune"
FORMAT = "segue audit prune 1"
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a batch removed, as it stands in the facts of its entry."""

    from_seq: int
    to_seq: int
    count: int
    last_hash: str
    """Of the entry `to_seq`: what the first entry that is left follows."""
    key: str
    """Id of the key that signed this."""
    signature: str
    """Ed25519 over `signable`, in Base64."""

    def facts(self) -> dict[str, str | int]:
        """The facts of the entry."""
        return asdict(self)


def cutoff_us(now_us: int, days: float) -> int:
    """The moment before which entries are old enough to be pruned; one that is exactly that old stays."""
    return now_us - round(days * DAY_US)


def prunable(oldest: Sequence[Entry], before_us: int, newest_seq: int) -> list[Entry]:
    """Those of the oldest entries that are to be pruned. The newest entry of all stays, however old it is.

    One whose moment was tampered with counts as old, so that it is found.
    """

    def is_old(entry: Entry) -> bool:
        number, at_us = entry.seq, entry.at_us
        return type(number) is int and number < newest_seq and (type(at_us) is not int or at_us < before_us)

    return list(takewhile(is_old, oldest))


def signed_record(batch: Sequence[Entry], signer: Signer) -> Pruned:
    """The record of these entries being pruned; there is at least one."""
    first, last = batch[0], batch[-1]
    unsigned = Pruned(first.seq, last.seq, len(batch), last.hash, signer.id, "")
    return Pruned(first.seq, last.seq, len(batch), last.hash, signer.id, signer.sign(signable(unsigned)))


def signable(record: Pruned) -> bytes:
    """The bytes that a record's signature covers."""
    return canonical(
        {"format": FORMAT} | {name: value for name, value in record.facts().items() if name != "signature"}
    )


def record_in(entry: Entry) -> Pruned | None:
    """The record in an entry; None for another action, or one that removed nothing (a dry run, a refusal)."""
    if entry.action != ACTION:
        return None
    try:
        facts = json.loads(entry.facts)
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(facts, dict):
        return None
    numbers = [facts.get(name) for name in ("from_seq", "to_seq", "count")]
    words = [facts.get(name) for name in ("last_hash", "key", "signature")]
    if not all(type(number) is int for number in numbers) or not all(isinstance(word, str) for word in words):
        return None
    return Pruned(**{name: value for name, value in facts.items() if name in Pruned.__slots__})
