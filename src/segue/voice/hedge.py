"""Several attempts at once, for the first sentence of a reply: whoever has something to hear first goes on."""

import asyncio
from collections.abc import Callable, Mapping

from segue.voice.attempt import Attempt, P, T

Failing = Callable[[Attempt[P, T], Exception], None]
"""Is told of each attempt that fails while others are still running, and of the last one too."""


async def race(
    runners: Mapping[asyncio.Task[list[T]], Attempt[P, T]], failing: Failing[P, T]
) -> tuple[Attempt[P, T], list[T]]:
    """The attempt that first has something to hear, with its items; the others are stopped.

    One that ends without anything to hear is taken only if no other has more. A loser is nobody's failure. Earlier
    runners win ties.

    Raises:
        Exception: what the last attempt raised, when all failed.
    """
    winner: Attempt[P, T] | None = None
    silent: asyncio.Task[list[T]] | None = None
    failed: Exception | None = None
    running = list(runners)
    try:
        while running:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                running.remove(task)
                error = task.exception()
                if error is None and runners[task].progressed:
                    winner = runners[task]
                    return winner, task.result()
                if error is None:
                    silent = silent or task
                elif isinstance(error, Exception):
                    failed = error
                    failing(runners[task], error)
                else:
                    raise error
        if silent is None:
            raise failed or AssertionError("a race without runners")
        winner = runners[silent]
        return winner, silent.result()
    finally:
        for task in runners:
            task.cancel()
        await asyncio.gather(*runners, return_exceptions=True)
        for attempt in runners.values():
            if attempt is not winner:
                await attempt.close()


async def done_within(task: asyncio.Task[list[T]], timer: asyncio.Task[None]) -> bool:
    """Whether a task is done before a timer has run out; the timer is used up."""
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        return task.done()
    finally:
        timer.cancel()
        await asyncio.gather(timer, return_exceptions=True)
