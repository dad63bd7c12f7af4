"""Operators' keys: what they look like, and what is known of one. Values and rules only.

`seg_<environment>_<public id>_<secret><checksum>`: the public id finds it, a hash of the secret proves it, the checksum
tells a mistyped key from a wrong one without asking anybody.
"""

from dataclasses import dataclass, replace

from segue.console.operator import Scope


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
