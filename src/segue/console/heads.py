"""Signed heads: what somebody wrote down of the chain's end, so that nobody can quietly change what lies before it.

A head names one entry by its `seq` and hash, and is signed. It is kept away from the chain. Values and rules only.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from segue.console.audit import Entry, canonical

FORMAT = "segue audit head 1"
"""Stands in every head, and in what is signed of it."""
_WRITTEN = {
    "seq": "seq", "hash": "hash", "at_us": "at_us", "node": "node", "key": "by", "signature": "ed25519"
}  # fmt: skip
"""Field by field, the names in what is written: none that a log takes for a secret's and hides."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of the chain, as it was at a moment."""

    seq: int
    hash: str
    """Of that entry."""
    at_us: int
    """When it was signed; Unix microseconds."""
    node: str
    """Which node signed it."""
    key: str
    """Id of the key that signed it."""
    signature: str
    """Ed25519 over `signable`, in Base64."""


class Signer(Protocol):
    """Holds a private key."""

    @property
    def id(self) -> str:
        """Id of the key: the first 16 hexadecimal digits of the SHA-256 of its public half."""

    def sign(self, data: bytes) -> str:
        """The signature of some bytes, in Base64."""


class Trust(Protocol):
    """Knows public keys."""

    def check(self, key: str, data: bytes, signature: str) -> bool | None:
        """Whether the key of this id made this signature of these bytes; None if no such key is trusted."""


def signed_head(entry: Entry, at_us: int, node: str, signer: Signer) -> Head:
    """The head that names this entry."""
    unsigned = Head(entry.seq, entry.hash, at_us, node, signer.id, "")
    return Head(entry.seq, entry.hash, at_us, node, signer.id, signer.sign(signable(unsigned)))


def signable(head: Head) -> bytes:
    """The bytes that a head's signature covers."""
    return canonical({name: value for name, value in as_dict(head).items() if name != _WRITTEN["signature"]})


def as_dict(head: Head) -> dict[str, str | int]:
    """A head as it is written down."""
    return {"format": FORMAT, **{word: getattr(head, name) for name, word in _WRITTEN.items()}}


def as_line(head: Head) -> str:
    """A head as one line of JSON, without the end of the line."""
    return canonical(as_dict(head)).decode("utf-8")


def from_line(line: str) -> Head | None:
    """The head in a line, or None if there is none in it.

    It may be the whole line, or stand as `head` in a line of the log.
    """
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(plain, dict) and isinstance(plain.get("head"), dict):
        plain = plain["head"]
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        return None
    found: dict[str, Any] = {name: plain.get(word) for name, word in _WRITTEN.items()}
    if not all(type(found[name]) is (int if name in ("seq", "at_us") else str) for name in found):
        return None
    return Head(**found)


@dataclass(frozen=True, slots=True)
class Found:
    """What a place holds."""

    heads: Sequence[Head]
    unreadable: int = 0
    """Lines that hold no head: torn by a crash in the middle of writing, or changed."""


def found_in(lines: Iterable[str]) -> Found:
    """The heads in lines; those of a log that tell of other things are passed over."""
    heads, unreadable = [], 0
    for line in lines:
        head = from_line(line)
        if head is not None:
            heads.append(head)
        elif FORMAT in line or (line.strip() and not _is_object(line)):
            unreadable += 1
    return Found(tuple(heads), unreadable)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
