"""Cursors: where a list is read on, in a text that only Segue can write. Values and rules only.

A cursor carries the place of the last row that was read, as the pair the list is sorted by. Reading on after a pair
needs no counting of rows: what is inserted or removed meanwhile shifts nothing, so that every row that is there
throughout is told exactly once.

It is the URL-safe Base64 (without padding) of a version byte, 16 bytes of an HMAC-SHA-256, the moment as eight bytes,
and the id in UTF-8. The HMAC also covers whom it was given to, for which list, under which filter and in which
direction, so that it is good there and nowhere else. Each place has exactly one text.
"""

import base64
import hashlib
import hmac
import struct
from collections.abc import Mapping

from segue.errors import InvalidCursor

VERSION = 1
SIGNED = 16
"""Bytes of the signature that are kept."""
LONGEST = 1024
"""Characters; what is longer is no cursor of ours."""

Place = tuple[int, str]
"""A moment and an id: what a list is sorted by. The moment is between -2**63 and 2**63 - 1."""

DESC, ASC = "desc", "asc"
"""Directions: newest first, oldest first."""


class Cursors:
    """Writes and reads cursors. `secret` is shared by the servers that share a database."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"segue cursors", hashlib.sha256)

    def sign(self, principal: str, endpoint: str, wanted: Mapping[str, str], direction: str, place: Place) -> str:
        """The cursor that goes on after a place, good for this operator, list (its path), filter and direction.

        Raises:
            ValueError: the moment or the id is too long for a cursor.
        """
        moment, id = place  # noqa: A001 - it is what it is called everywhere
        if not -(2**63) <= moment < 2**63:
            raise ValueError(f"{moment} is no moment")
        body = moment.to_bytes(8, "big", signed=True) + id.encode("utf-8", "surrogatepass")
        text = _text(bytes([VERSION]) + self._signature(principal, endpoint, wanted, direction, body) + body)
        if len(text) > LONGEST:
            raise ValueError("an id is too long for a cursor")
        return text

    def read(self, cursor: str, principal: str, endpoint: str, wanted: Mapping[str, str], direction: str) -> Place:
        """The place in a cursor.

        Raises:
            InvalidCursor: it is none of ours, or was given to another operator, for another list, filter or direction.
        """
        raw = _bytes(cursor)
        signature, body = raw[1 : 1 + SIGNED], raw[1 + SIGNED :]
        if len(body) < 8 or raw[0] != VERSION:
            raise InvalidCursor(param="cursor")
        if not hmac.compare_digest(self._signature(principal, endpoint, wanted, direction, body), signature):
            raise InvalidCursor(param="cursor")
        return int.from_bytes(body[:8], "big", signed=True), body[8:].decode("utf-8", "surrogatepass")

    def _signature(
        self, principal: str, endpoint: str, wanted: Mapping[str, str], direction: str, body: bytes
    ) -> bytes:
        """Over everything a cursor is bound to; each part with its length, so that none can pass into the next."""
        words = [principal, endpoint, direction, *(word for pair in sorted(_given(wanted)) for word in pair)]
        parts = [bytes([VERSION]), *(word.encode("utf-8", "surrogatepass") for word in words), body]
        signed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, signed, hashlib.sha256)[:SIGNED]


def whole(at: float) -> int:
    """A moment in fractions of a second as the whole number that a cursor holds: its 64 bits, so that none is lost."""
    return int.from_bytes(struct.pack(">d", at), "big", signed=True)


def exact(moment: int) -> float:
    """The moment that `whole` made a number of."""
    at: float
    (at,) = struct.unpack(">d", moment.to_bytes(8, "big", signed=True))
    return at


def _given(wanted: Mapping[str, str]) -> list[tuple[str, str]]:
    """The filter without what is empty, which asks for nothing."""
    return [(name, value) for name, value in wanted.items() if value]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(cursor: str) -> bytes:
    """What a cursor is the text of.

    Base64 can be written in several ways (bits that are left over, padding, line breaks); only ours is read.

    Raises:
        InvalidCursor: it is no text of ours.
    """
    if len(cursor) > LONGEST or not cursor.isascii():
        raise InvalidCursor(param="cursor")
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise InvalidCursor(param="cursor") from None
    if _text(raw) != cursor or not raw:
        raise InvalidCursor(param="cursor")
    return raw
