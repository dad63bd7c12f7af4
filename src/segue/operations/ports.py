"""What operations need from the outside: a way to ask a running Segue."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, whatever its status. The names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    first_byte_ms: float
    """From the request to the first byte of the body, or to its end where it is empty."""
    took_ms: float
    """From the request to the last byte."""

    @property
    def ok(self) -> bool:
        """Whether it was served."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def wait_s(self) -> float:
        """Seconds that a refusal asks to wait: 1 where it does not say, or names a moment (RFC 9110, 10.2.3)."""
        said = self.headers.get("retry-after", "")
        return float(said) if said.isdecimal() else 1.0

    def plain(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Asking(Protocol):
    """A running Segue, by address or by its socket."""

    @property
    def place(self) -> str:
        """Where it is, for people; no secret is in it."""

    def fetch(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        limit_s: float | None = None,
    ) -> Answer:
        """What it answers, also where it refuses. `key` stands for one's own: empty for none at all.

        Raises:
            Unavailable: nobody answers there, or not within `limit_s`.
        """
