"""A bounded pipe between the synthesis of a sentence and the listener it is for."""

import asyncio
from collections import deque


class Pipe:
    """Bytes in order, at most about `limit` of them waiting; the writer waits for the reader.

    Made for one writer and one reader in one event loop.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: BaseException | None = None
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def put(self, data: bytes) -> None:
        """Add bytes, waiting as long as the pipe is full."""
        if not data:
            return
        await self._writable.wait()
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= self._limit:
            self._writable.clear()
        self._readable.set()

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes; `error` is raised to the reader after everything before it was read."""
        self._ended, self._error = True, error
        self._readable.set()

    async def take(self, most: int) -> bytes | None:
        """What is there, up to `most` bytes and at least one piece; None at the end.

        Taking all that waits makes large packets where synthesis is fast and small ones where it is slow, which is
        what a listener wants in both cases.
        """
        while not self._waiting:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return None
            self._readable.clear()
            await self._readable.wait()
        piece = self._waiting.popleft()
        if len(piece) > most:
            self._waiting.appendleft(piece[most:])
            piece = piece[:most]
        elif self._waiting and len(piece) + len(self._waiting[0]) <= most:
            pieces, size = [piece], len(piece)
            while self._waiting and size + len(self._waiting[0]) <= most:
                pieces.append(self._waiting.popleft())
                size += len(pieces[-1])
            piece = b"".join(pieces)
        self._size -= len(piece)
        if self._size < self._limit:
            self._writable.set()
        return piece

    @property
    def finished(self) -> bool:
        """Whether everything was written and everything was read."""
        return self._ended and not self._waiting
