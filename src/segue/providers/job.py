"""One job between the consumer who waits for it and the worker that does it: a bounded buffer with an end."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from segue.errors import SegueError
from segue.providers import pipe


class PooledJob:
    """What one caller asked of a pool of workers, and what has come of it so far.

    The pool puts audio in and finishes it; the consumer takes audio out until None, or an error, ends it. `limit` is
    how many bytes may lie here unread before the worker is made to wait.
    """

    def __init__(self, number: int, header: Mapping[str, Any], data: bytes, limit: int) -> None:
        self.number = number
        self.left = False
        self.result: Mapping[str, Any] | None = None
        self._header = header
        self._data = data
        self._limit = limit
        self._error: SegueError | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def finished(self) -> bool:
        """Whether nothing more will be put in."""
        return self.result is not None or self._error is not None

    def frames(self) -> bytes:
        """The frames that hand this job to a worker; the data is let go, since the pipe holds it now."""
        data, self._data = self._data, b""
        begin = pipe.frame(self.number, pipe.DATA, data) if data else b""
        return begin + pipe.frame(self.number, pipe.JOB, pipe.document(self._header))

    async def put(self, pcm: bytes) -> None:
        """Add a piece, then wait while too much lies unread. A job that was left swallows everything."""
        if self.left:
            return
        self._pieces.append(pcm)
        self._held += len(pcm)
        self._news.set()
        while self._held > self._limit and not self.left:
            self._room.clear()
            await self._room.wait()

    def finish(self, result: Mapping[str, Any]) -> None:
        """The worker is done; what lies here may still be taken."""
        self.result = result
        self._news.set()

    def fail(self, error: SegueError) -> None:
        """The worker failed; what lies here may still be taken, the error comes after it."""
        if not self.finished:
            self._error = error
            self._news.set()

    async def take(self) -> bytes | None:
        """The next piece; None at the end.

        Raises:
            SegueError: what the job was failed with, once everything before it is taken.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.result is not None:
                return None
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        self._held -= len(piece)
        self._room.set()
        return piece

    def leave(self) -> None:
        """The consumer is gone: let go of what lies here and of whoever waits for room."""
        self.left = True
        self._pieces.clear()
        self._held = 0
        self._room.set()
