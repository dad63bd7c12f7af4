"""The trace to which a request and a turn belong, as W3C's `traceparent` names it, carried along by the task.

Source: https://www.w3.org/TR/trace-context/
"""

import hashlib
import re
from contextvars import ContextVar
from dataclasses import dataclass

HEADER = "traceparent"
_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace: 32 and 16 hexadecimal digits, and whether whoever began it wants it kept."""

    id: str
    span: str
    sampled: bool

    @property
    def header(self) -> str:
        """What a callee is told."""
        return f"00-{self.id}-{self.span}-{int(self.sampled):02x}"


CALLER: ContextVar[Trace | None] = ContextVar("caller", default=None)
"""Where the caller of this request stands."""
CURRENT: ContextVar[Trace | None] = ContextVar("current", default=None)
"""Where the running turn stands; None where turns are not traced."""


def parsed(header: str) -> Trace | None:
    """The place that a `traceparent` names; None where it names none, which is no reason to refuse a request."""
    found = _FORM.match(header)
    if found is None or (header.startswith("00") and found[4]):
        return None
    return Trace(found[1], found[2], bool(int(found[3], 16) & 1))


def of_turn(turn: str, caller: Trace | None, sampled_share: float) -> Trace:
    """Where a turn stands: in its caller's trace, or in one of its own. The same turn has the same ids."""
    digest = hashlib.sha256(b"segue-turn\0" + turn.encode()).hexdigest()
    if caller is not None:
        return Trace(caller.id, digest[32:48], caller.sampled)
    return Trace(digest[:32], digest[32:48], int(digest[48:], 16) < sampled_share * 16**16)


def outgoing() -> dict[str, str]:
    """The header for whoever is called now; a caller's own is passed on where turns are not traced."""
    place = CURRENT.get() or CALLER.get()
    return {HEADER: place.header} if place is not None else {}
