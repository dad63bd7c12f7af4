"""What our servers that stand for vendors can be told to do: the vocabulary of faults, common to all of them.

Each server speaks the real wire protocol of its vendor, as its public documentation describes it, on loopback. It is
not the vendor: it hums instead of speaking.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from segue.errors import FailureCategory


class Fault(StrEnum):
    """What goes wrong."""

    AUTH = "auth"
    """The key is refused, in the vendor's own form."""
    QUOTA = "quota"
    """The account has used up what it paid for."""
    RATE_LIMIT = "rate_limit"
    """Too many calls; with `retry_after_s` where the vendor sends such a thing."""
    BAD_REQUEST = "bad_request"
    """The request is refused as malformed."""
    SERVER = "server"
    """An internal error."""
    RESET = "reset"
    """The connection is reset before a byte of the answer."""
    SILENT = "silent"
    """The connection stands and nothing ever comes."""
    CUT = "cut"
    """The answer breaks off after `after` bytes of audio (or tokens), without the protocol's proper end."""
    END = "end"
    """The answer ends after `after` bytes of audio (or tokens) as if that had been all."""
    STALL = "stall"
    """The answer pauses for ever after `after` bytes of audio (or tokens)."""
    EMPTY = "empty"
    """Success, with nothing in it."""
    SILENCE = "silence"
    """Success, with silent audio of the right length."""
    CLIPPED = "clipped"
    """Success, with audio at full scale throughout."""
    JSON_ERROR = "json_error"
    """Success by status and content type of a success, with a JSON error as the body."""
    HTML = "html"
    """Success by status, with a web page as the body."""
    WRONG_TYPE = "wrong_type"
    """Success by status, with another content type or container than was asked for."""
    WRONG_RATE = "wrong_rate"
    """Success, in another sample rate than was asked for, as its header says."""
    ODD = "odd"
    """Success, with an odd number of bytes of 16-bit audio."""
    CUT_HEADER = "cut_header"
    """Success, broken off inside the container's header."""
    TRICKLE = "trickle"
    """One byte a second."""


CATEGORY = {
    Fault.AUTH: {FailureCategory.AUTH},
    Fault.QUOTA: {FailureCategory.QUOTA},
    Fault.RATE_LIMIT: {FailureCategory.RATE_LIMIT},
    Fault.BAD_REQUEST: {FailureCategory.BAD_REQUEST},
    Fault.SERVER: {FailureCategory.SERVER},
    Fault.RESET: {FailureCategory.NETWORK},
    Fault.CUT: {FailureCategory.TRUNCATED, FailureCategory.NETWORK},
    Fault.JSON_ERROR: {FailureCategory.SERVER, FailureCategory.QUOTA},
    Fault.HTML: {FailureCategory.SERVER},
    Fault.WRONG_TYPE: {FailureCategory.SERVER},
    Fault.WRONG_RATE: {FailureCategory.SERVER},
    Fault.ODD: {FailureCategory.TRUNCATED},
    Fault.CUT_HEADER: {FailureCategory.TRUNCATED},
}
"""The category an adapter itself must tell. The other faults are told by the chain (limits in time, soundness).

A language model's answer has an end marker, so that its adapter tells END too, as `truncated`.
"""


@dataclass
class Script:
    """What a server does with the next calls. `calls` is how many go wrong; None is all of them."""

    fault: Fault | None = None
    after: int = 0
    calls: int | None = None
    retry_after_s: float | None = None
    delay_s: float = 0.0
    """Wait before the first byte or token of a healthy answer."""
    tokens: tuple[str, ...] = ("Hello", " from", " the", " server", ".")
    """What a model server writes."""
    transcript: str = "hello world"
    """What a recognizing server hears."""
    ms_per_character: float = 60.0
    """How long a synthesizing server hums for a character."""
    speak: Callable[[str, str, float, int], Awaitable[bytes]] | None = None
    """Speaks instead of humming while nothing goes wrong, where the server knows how (`tests.vendors.speaking`)."""

    def strike(self) -> Fault | None:
        """The fault of this call, and one fewer to come."""
        if self.fault is None or self.calls == 0:
            return None
        if self.calls is not None:
            self.calls -= 1
        return self.fault


@dataclass
class Heard:
    """One request as the server got it: evidence, whatever the caller says about it."""

    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    caller: str = ""
    """Where it came from, as address and port: the same again is the same connection."""
    finished: bool = False
    """The whole answer was taken."""
    cancelled: bool = False
    """The caller went away before the end."""


P = TypeVar("P")


@dataclass
class Stand(Generic[P]):
    """A started adapter with the server it talks to: what the conformance suite is run against."""

    provider: P
    script: Script
    heard: list[Heard]
    faults: frozenset[Fault]
    """The faults this protocol can show."""
    url: str = ""
    """The server's address, for a real Segue process that is to use it; empty where there is none."""
    streams: bool = True
    """Whether the beginning of an answer is passed on while its rest is still being made."""
    exact: bool = True
    """Whether the adapter passes on, byte for byte (or token for token), what the server sent; compressed audio is not
    passed on so."""


Opening = Callable[[], AbstractAsyncContextManager[Stand[P]]]
"""How a vendor's module offers a stand: in its tables `SYNTHESIZERS`, `RECOGNIZERS` and `MODELS`, by name."""
