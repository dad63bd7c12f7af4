"""Several attempts at once, for the first sentence of a reply: whoever has something to hear first goes on."""

import asyncio
from collections.abc import Callable, Mapping

from segue.voice.attempt import Attempt, P, T

Failing = Callable[[Attempt[P, T], Exception], None]
"""Is told of each attempt that fails while others are still running, and of the last one too."""


async def race(
    runners: Mapping[asyncio.Task[list[T]], Attempt[P, T]], failing: Failing[P, T]
) -> tuple[Attempt[P, T], list[T]]:
    """The attempt whose `first` came to its end first, with its items; the others are stopped.

    A loser is nobody's failure. Earlier runners win ties.

    Raises:
        Exception: what the last attempt raised, when all failed.
    """
    winner: Attempt[P, T] | None = None
    running = list(runners)
    try:
        while True:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                error = task.exception()
                if error is None:
                    winner = runners[task]
                    return winner, task.result()
                running.remove(task)
                if not isinstance(error, Exception):
                    raise error
                failing(runners[task], error)
                if not running:
                    raise error
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
