"""Our servers that stand for vendors, beside a real Segue process and whoever talks to it.

They run on a loop of their own in a thread of their own, so that tests that wait, or drive a browser, need not care.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 30.0
"""A server that has not opened or closed by then never will."""


class Street:
    """Opens servers, and closes them all in the end. What they are scripted to do is changed from the outside."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stack = AsyncExitStack()

    def open(self, server: AbstractAsyncContextManager[T]) -> T:
        """Open a server; gives what it gives, which is its address."""
        return self._run(self._stack.enter_async_context(server))

    def close(self) -> None:
        """Close every server: from then on nobody answers at their addresses."""
        self._run(self._stack.aclose())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)


@contextmanager
def opened() -> Iterator[Street]:
    """A street without a house yet."""
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        end = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), end))
        await end.wait()

    # The loop begins and ends in its thread: in ours that of a browser may be running.
    thread = threading.Thread(target=lambda: asyncio.run(live()), name="street")
    thread.start()
    loop, end = ready.result(PATIENCE_S)
    street = Street(loop)
    try:
        yield street
        street.close()
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
