import asyncio

import pytest

from segue.errors import Overloaded
from segue.voice.slots import Slots


async def test_first_sentences_come_first() -> None:
    """A waiter with a lower priority number is served before one that came earlier."""
    slots = Slots(1)
    served: list[str] = []

    async def holder(name: str, priority: int) -> None:
        async with slots.hold(priority):
            served.append(name)

    async with slots.hold():
        tasks = [asyncio.create_task(holder("fifth sentence", 4)), asyncio.create_task(holder("another fifth", 4))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(holder("first sentence", 0)))
        await asyncio.sleep(0)
        assert slots.waiting == 3
    await asyncio.gather(*tasks)

    assert served == ["first sentence", "fifth sentence", "another fifth"]
    assert slots.held == 0


@pytest.mark.parametrize("give_up_late", [False, True])
async def test_a_waiter_who_gives_up_loses_no_place(give_up_late: bool) -> None:
    """Cancelling a waiter, even in the moment in which its place arrives, leaves every place usable."""
    slots = Slots(1)
    release = asyncio.Event()

    async def first() -> None:
        async with slots.hold():
            await release.wait()

    async def second() -> None:
        async with slots.hold():
            pass

    holder = asyncio.create_task(first())
    await asyncio.sleep(0)
    waiter = asyncio.create_task(second())
    await asyncio.sleep(0)
    if give_up_late:
        release.set()
        await holder
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    release.set()
    await holder

    assert slots.held == 0
    async with slots.hold():
        assert slots.held == 1


def test_a_full_house_refuses_at_once() -> None:
    """`hold_now` never waits: it refuses with Overloaded, which says to try again."""
    slots = Slots(1)
    with slots.hold_now():
        with pytest.raises(Overloaded, match="try again"), slots.hold_now():
            pass
        assert slots.held == 1

    assert slots.held == 0


async def test_never_more_than_the_limit() -> None:
    """However many ask, no more than the limit hold a place at once, and everyone is served."""
    slots = Slots(3)
    now, most, served = 0, 0, 0

    async def visit(priority: int) -> None:
        nonlocal now, most, served
        async with slots.hold(priority):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            served += 1

    await asyncio.gather(*(visit(number % 5) for number in range(100)))

    assert (most, served, slots.held) == (3, 100, 0)


async def test_closed_doors_let_nobody_in_and_everybody_finish() -> None:
    """Draining: who holds a place keeps it, nobody new is let in, and the last one out is noticed."""
    slots = Slots(2)
    await slots.empty()
    with slots.hold_now():
        slots.closed = True
        waiting = asyncio.create_task(slots.empty())
        with pytest.raises(Overloaded, match="about to stop"), slots.hold_now():
            pass
        await asyncio.sleep(0)
        assert not waiting.done()

    await waiting
