"""Chats of operators, their messages, and the runs that answer them. Values only; moments are Unix microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    """Where a run is. `running` covers a run whose server died: its lease has ended, and somebody takes it over."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat. `id` begins with the name of the node it belongs to: `main.` and 32 hexadecimal digits."""

    id: str
    at_us: int
    title: str
    owner: str
    """Name of the operator who opened it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a chat; `at_us` grows within a chat, whatever the clock does."""

    id: str
    chat: str
    at_us: int
    role: str
    """`user` or `assistant`."""
    text: str
    run: str
    """The run that this message asked for, or that wrote it."""
    operator: str
    """Name of the operator who sent it, or to whom it answers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a reply is wanted."""

    speak: bool = False
    language: str | None = None
    voice: str | None = None
    character: str | None = None
    profile: str | None = None
    listener: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The making of one reply. Who holds the newest `token` may write; `until_us` is the end of that lease."""

    id: str
    """`main.` and 32 hexadecimal digits, as the chat's."""
    chat: str
    message: str
    operator: str
    at_us: int
    asked: Asked
    state: RunState = RunState.RUNNING
    attempt: int = 1
    token: int = 1
    holder: str = ""
    until_us: int = 0
    reply: str = ""
    """Id of the message that answers, once it is done."""
    code: str = ""
    reason: str = ""
    """Why it failed."""
    ended_us: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run. `seq` grows over all attempts, with gaps; a listener resumes after one."""

    seq: int
    kind: str
    """`run`, `meta`, `text`, `audio`, `degraded`, `restarted`, `done` or `error`; the last two end it."""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """An idempotency key in use. `scope` is the hash of operator, route, chat and key."""

    scope: str
    fingerprint: str
    run: str
    at_us: int
    expires_us: int
    status: int | None = None
    """HTTP status of the answer; None while it is on its way."""
    body: str | None = None
    """The answer, as it was sent."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends: its last event, and what is answered whenever its idempotency key comes again.

    A run that failed leaves no answer: the same key then begins another attempt.
    """

    event: Event
    status: int | None = None
    body: str | None = None
