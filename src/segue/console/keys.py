"""Operators' keys: what they look like, and what is known of one. Values and rules only.

`seg_<environment>_<public id>_<secret><checksum>`: the public id finds it, a hash of the secret proves it, the checksum
tells a mistyped key from a wrong one without asking anybody. The secret is 256 bits drawn at random, so one round of
SHA-256 is enough to keep of it: there is nothing to guess, and no dictionary helps.
"""

import hashlib
import hmac
import re
import string
import zlib
from dataclasses import dataclass, field, replace
from enum import StrEnum

from segue.console.operator import Scope

PREFIX = "seg"
"""Begins every key, so that scanners of code and logs find one that has strayed."""
SECRET_BYTES = 32
ID_BYTES = 6
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_DIGITS = 43
_CHECK_DIGITS = 6
_WRITTEN = re.compile(
    rf"(?P<body>{PREFIX}_(?P<environment>[a-z0-9]{{1,16}})_(?P<id>[0-9a-f]{{{2 * ID_BYTES}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{_SECRET_DIGITS}}}))(?P<check>[0-9A-Za-z]{{{_CHECK_DIGITS}}})"
)
_NAMED = re.compile(rf"({PREFIX}_[a-z0-9]{{1,16}}_)?(?P<id>[0-9a-f]{{{2 * ID_BYTES}}})(?(1)(_|\Z)|\Z)")
_NOBODY = hashlib.sha256(b"").hexdigest()
"""Stands for the hash of a key that is not there, so that there is something to compare with."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key. Moments are Unix microseconds; None where there is none."""

    id: str
    """Public: 12 hexadecimal digits."""
    name: str
    """Of the operator whose key it is; several keys may have the same."""
    scopes: frozenset[Scope]
    hash: str
    """SHA-256 of the secret, in hexadecimal."""
    created_us: int
    made_by: str
    expires_us: int | None = None
    revoked_us: int | None = None
    used_us: int | None = None
    replaces: str = ""
    """Id of the key that was rotated into this one."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A key as somebody shows it. Its secret does not appear where this is printed."""

    environment: str
    id: str
    secret: bytes = field(repr=False)


class State(StrEnum):
    """Whether a key opens anything."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


def written(environment: str, id: str, secret: bytes) -> str:  # noqa: A002 - it is what it is called everywhere
    """The text of a key; `secret` is 32 bytes."""
    body = f"{PREFIX}_{environment}_{id}_{_number(int.from_bytes(secret, 'big'), _SECRET_DIGITS)}"
    return body + _checksum(body)


def read(text: str) -> Presented | None:
    """What the text of a key says; None where it is not the text of a key, or mistyped."""
    found = _WRITTEN.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(found["body"]), found["check"]):
        return None
    number = 0
    for digit in found["secret"]:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    if number >= 1 << (8 * SECRET_BYTES):
        return None
    return Presented(found["environment"], found["id"], number.to_bytes(SECRET_BYTES, "big"))


def id_in(text: str) -> str | None:
    """The public id that somebody names: by itself, or by the whole key, even if its end is not right; None for none.

    Whoever wants a key that strayed out of the way has the key itself at hand.
    """
    found = _NAMED.match(text)
    return found["id"] if found is not None else None


def hashed(secret: bytes) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret).hexdigest()


def proved(key: Key | None, secret: bytes) -> bool:
    """Whether this is the secret of a key. It takes as long for a key that is not there."""
    same = hmac.compare_digest(key.hash if key is not None else _NOBODY, hashed(secret))
    return same and key is not None


def state(key: Key, now_us: int) -> State:
    """How a key stands; at the very moment of its expiry it has expired."""
    if key.revoked_us is not None:
        return State.REVOKED
    return State.EXPIRED if key.expires_us is not None and key.expires_us <= now_us else State.GOOD


def rotated(before: Key, after: Key, now_us: int, overlap_us: int, lasts_us: int | None) -> tuple[Key, Key]:
    """A key that is replaced, and the one that replaces it: with the same name and scopes.

    The old one goes on working for the overlap, but never longer than it would have. The new one lasts for
    `lasts_us`; where that is None, as long as the old one was made to last.
    """
    if lasts_us is None and before.expires_us is not None:
        lasts_us = before.expires_us - before.created_us
    expires_us = None if lasts_us is None else now_us + lasts_us
    new = replace(after, name=before.name, scopes=before.scopes, expires_us=expires_us, replaces=before.id)
    return replace(before, expires_us=_lesser(before.expires_us, now_us + overlap_us)), new


def tightened(before: Key, after: Key) -> Key:
    """The new state of a key, as far as it takes something away: nothing that was read too early brings a key back.

    What was revoked stays so since then, an expiry only comes nearer, and the latest use is kept.
    """
    return replace(
        after,
        expires_us=_lesser(before.expires_us, after.expires_us),
        revoked_us=_lesser(before.revoked_us, after.revoked_us),
        used_us=max((moment for moment in (before.used_us, after.used_us) if moment is not None), default=None),
    )


def _lesser(one: int | None, other: int | None) -> int | None:
    """The earlier moment; None stands for never."""
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _number(value: int, width: int) -> str:
    """A number in digits and letters, filled up with zeros."""
    digits = ""
    while value:
        value, digit = divmod(value, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, _DIGITS[0])


def _checksum(body: str) -> str:
    return _number(zlib.crc32(body.encode()), _CHECK_DIGITS)
