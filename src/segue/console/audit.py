"""Entries of the audit, and the chain that holds them together. Values and rules only.

An entry's hash covers every field of it and the hash of the entry before, so that none can be changed, dropped, put in
or swapped without every later hash being another. The canonical bytes are the JSON object of its fields but `hash`, in
UTF-8, names sorted, without spaces, no letter escaped that JSON lets stand; every value is a string or a whole number.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

GENESIS = "0" * 64
"""Stands for the hash before the first entry."""

MOST = 2**53
"""No number and no moment of an entry is greater: what is was put there by hand."""

OK, REPLAYED, REFUSED, FAILED = "ok", "replayed", "refused", "failed"
"""How an action ended: with an effect; with the effect it had before; without one, by rule; without one, by a fault."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written down of an action: no text of a message, and no secret.

    It becomes an `Entry` in the store, in the transaction of the change.
    """

    at_us: int
    """Unix microseconds. In the chain it never goes back: a clock that does is held at the entry before."""
    actor: str
    """Name of the operator."""
    via: str
    """How they came in; see `Operator.via`."""
    action: str
    """What was done, as `thing.verb`: `message.send`, `key.revoke`, `rollout.promote` …"""
    target: str = ""
    """What it was done to, such as `chat/main.1f…`, `key/8d…`, `rollout/voice/2`."""
    status: str = OK
    code: str = ""
    """Code of the error, where it was refused or failed."""
    before: str = ""
    """SHA-256 of what it was before, in hexadecimal; empty where there was nothing, or nothing changes."""
    after: str = ""
    """SHA-256 of what it is now."""
    request: str = ""
    """Id of the request."""
    node: str = ""
    chat: str = ""
    """Id of the chat it is about, if any."""
    duration_ms: int = 0
    facts: Mapping[str, str | int] = field(default_factory=dict)
    """A few plain facts more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain. `facts` is the canonical JSON of the draft's."""

    seq: int
    """From 1, without gaps."""
    at_us: int
    actor: str
    via: str
    action: str
    target: str
    status: str
    code: str
    before: str
    after: str
    request: str
    node: str
    chat: str
    duration_ms: int
    facts: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted: those of which every given field is the same. Empty means any."""

    actor: str = ""
    action: str = ""
    target: str = ""
    status: str = ""
    node: str = ""
    chat: str = ""
    since_us: int = 0
    until_us: int = 0
    """Not included; 0 for no end."""


def canonical(value: Mapping[str, object]) -> bytes:
    """The bytes that are hashed."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: Mapping[str, object]) -> str:
    """SHA-256 of plain values, in hexadecimal: the `before` and `after` of an entry."""
    return hashlib.sha256(canonical(value)).hexdigest()


def linked(draft: Draft, last: Entry | None) -> Entry:
    """The entry that follows the last one.

    That one may have been tampered with: the chain goes on all the same, and verifying it tells.
    """
    plain: dict[str, object] = {each.name: getattr(draft, each.name) for each in fields(Draft)}
    plain["facts"] = canonical(draft.facts).decode("utf-8", "surrogatepass")
    held = last is not None and type(last.at_us) is int and last.at_us <= MOST
    plain["seq"] = int(last.seq) + 1 if last is not None else 1
    plain["at_us"] = max(draft.at_us, last.at_us) if last is not None and held else draft.at_us
    plain["prev_hash"] = str(last.hash) if last is not None else GENESIS
    return Entry(**plain, hash=hashlib.sha256(canonical(plain)).hexdigest())  # type: ignore[arg-type]


def rehashed(entry: Entry) -> str:
    """The hash that an entry with these fields must have."""
    plain: dict[str, object] = {each.name: getattr(entry, each.name) for each in fields(Entry) if each.name != "hash"}
    return hashlib.sha256(canonical(plain)).hexdigest()
