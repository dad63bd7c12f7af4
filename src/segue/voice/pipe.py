"""A bounded pipe between the synthesis of a sentence and the listener it is for."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

L = TypeVar("L")


class Pipe(Generic[L]):
    """Bytes in order, each with a label, at most about `limit` of them waiting; the writer waits for the reader.

    Made for one writer and one reader in one event loop.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0
        """Bytes that were taken so far."""
        self._waiting: deque[tuple[bytes, L]] = deque()
        self._size = 0
        self._ended = False
        self._error: BaseException | None = None
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def put(self, data: bytes, label: L) -> None:
        """Add bytes, waiting as long as the pipe is full."""
        if not data:
            return
        await self._writable.wait()
        self._waiting.append((data, label))
        self._size += len(data)
        if self._size >= self._limit:
            self._writable.clear()
        self._readable.set()

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes; `error` is raised to the reader after everything before it was read."""
        self._ended, self._error = True, error
        self._readable.set()

    @property
    def waiting(self) -> int:
        """Bytes that wait to be taken."""
        return self._size

    def clear(self) -> None:
        """Forget what has not been taken: it will be written anew."""
        self._waiting.clear()
        self._size = 0
        self._writable.set()

    async def take(self, most: int) -> tuple[bytes, L] | None:
        """What is there under one label, up to `most` bytes and at least one piece; None at the end.

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
        piece, label = self._waiting.popleft()
        if len(piece) > most:
            self._waiting.appendleft((piece[most:], label))
            piece = piece[:most]
        elif self._waiting:
            pieces, size = [piece], len(piece)
            while self._waiting and self._waiting[0][1] is label and size + len(self._waiting[0][0]) <= most:
                pieces.append(self._waiting.popleft()[0])
                size += len(pieces[-1])
            piece = b"".join(pieces)
        self._size -= len(piece)
        self.taken += len(piece)
        if self._size < self._limit:
            self._writable.set()
        return piece, label

    @property
    def finished(self) -> bool:
        """Whether everything was written and everything was read."""
        return self._ended and not self._waiting
