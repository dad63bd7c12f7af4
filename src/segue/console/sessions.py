"""Sessions of the page: a cookie that says whose key was shown at sign-in, and until when it holds. Rules only.

The cookie holds no key and no secret. It is signed, and it is worth what the key is worth: when that is revoked or
expires, the session is over.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

COOKIE = "segue_session"
"""Begins the name of the cookie."""
_LABEL = b"operators' sessions"
_NAME = b"name of the cookie"
_NAME_DIGITS = 8
_TEXT = re.compile(
    r"(?P<body>1\.(?P<key>[0-9a-f]{12})\.(?P<began>[0-9]{1,17})\.(?P<ends>[0-9]{1,17}))\.(?P<mac>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in. Moments are Unix microseconds."""

    key: str
    """Public id of the key."""
    began_us: int
    ends_us: int


def begun(key: str, now_us: int, lasts_us: int, key_ends_us: int | None) -> Session:
    """A session that begins now and does not outlive its key."""
    ends_us = now_us + lasts_us
    return Session(key, now_us, ends_us if key_ends_us is None else min(ends_us, key_ends_us))


class Seal:
    """Signs sessions with a key of its own, which is derived from the secret of the server."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.new(secret, _LABEL, hashlib.sha256).digest()
        self.cookie = f"{COOKIE}_{hmac.new(self._key, _NAME, hashlib.sha256).hexdigest()[:_NAME_DIGITS]}"
        """Name of the cookie. Browsers tell no ports of a host apart, so servers that do not share a secret have other
        names for theirs: none overwrites the session of another."""

    def written(self, session: Session) -> str:
        """The value of the cookie."""
        body = f"1.{session.key}.{session.began_us}.{session.ends_us}"
        return f"{body}.{self._mac(body)}"

    def read(self, text: str, now_us: int) -> Session | None:
        """The session of a cookie; None where it was not made here, or is over."""
        found = _TEXT.fullmatch(text)
        if found is None or not hmac.compare_digest(self._mac(found["body"]), found["mac"]):
            return None
        session = Session(found["key"], int(found["began"]), int(found["ends"]))
        return session if now_us < session.ends_us else None

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()
