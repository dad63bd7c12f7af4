"""A run as it happens on the server that makes it: its events in memory, and those who wait for more.

Nobody has a queue of their own: whoever follows keeps a place in the one list, so that a slow follower holds up nobody
and costs nothing. Sound is bounded: the oldest goes first, and whoever comes to it later is told that it is gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from segue.console.chats import End, Event, Message, Run
from segue.errors import SegueError

ATTEMPT_EVENTS = 1_000_000
"""Each holder of a run numbers its events from a place of its own, behind all that those before can have told."""
AUDIO = "audio"
GONE = "gone"
"""Stands in the list for sound that is not kept any more."""
UNSAVED = {AUDIO, GONE}
"""Kinds of events that are in no store."""


class State(Enum):
    """How it stands with a run on this server."""

    MAKING = "making"
    ENDED = "ended"
    """Its end is kept."""
    LOST = "lost"
    """It could not be kept in time, or somebody else has taken it over."""
    HANDED = "handed"
    """It was given up here, so that another server goes on."""


class Live:
    """One attempt at a run. `held_until` is when its lease ends, on this server's monotonic clock, in seconds."""

    def __init__(self, run: Run, message: Message | None, held_until: float, most_bytes: int) -> None:
        self.run = run
        self.message = message
        self.held_until = held_until
        self.state = State.MAKING
        self.end: End | None = None
        self.error: SegueError | None = None
        """Why it failed, or why it could not be kept."""
        self.ended_at = 0.0
        self.first = (run.token - 1) * ATTEMPT_EVENTS + 1
        """Number of its first event."""
        self.saved = self.first - 1
        """Number of the last event that is in the store."""
        self.writing = asyncio.Lock()
        """Held while events are written, so that none is written twice."""
        self.bytes = 0
        """Of sound that is kept."""
        self._most_bytes = most_bytes
        self._events: list[Event] = []
        self._oldest = 0
        self._news = asyncio.Event()

    @property
    def next(self) -> int:
        """Number of the next event."""
        return self.first + len(self._events)

    @property
    def news(self) -> asyncio.Event:
        """Set at the next change; to be asked for before looking."""
        return self._news

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Something happened."""
        self._events.append(Event(self.next, kind, data))
        if kind == AUDIO:
            self.bytes += len(data["data"])
            self.forget(self._most_bytes)
        self._wake()

    def after(self, seq: int) -> Sequence[Event]:
        """The events behind a place."""
        return self._events[max(0, seq - self.first + 1) :]

    def unsaved(self) -> list[Event]:
        """What belongs into the store and is not there yet."""
        return [each for each in self.after(self.saved) if each.kind not in UNSAVED]

    def over(self, state: State, *, end: End | None = None, error: SegueError | None = None, at: float = 0.0) -> None:
        """It is over on this server; `at` is on its monotonic clock. What is over stays as it is."""
        if self.state is not State.MAKING:
            return
        self.state, self.end, self.error, self.ended_at = state, end, error, at
        if end is not None:
            self._events.append(end.event)
        self._wake()

    def forget(self, most_bytes: int) -> None:
        """Let the oldest sound go, until no more than this is left."""
        while self.bytes > most_bytes:
            event = self._events[self._oldest]
            if event.kind == AUDIO:
                self.bytes -= len(event.data["data"])
                self._events[self._oldest] = Event(event.seq, GONE)
            self._oldest += 1

    async def wait(self) -> None:
        """Return when it is over on this server."""
        while self.state is State.MAKING:
            await self._news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
