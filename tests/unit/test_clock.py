"""Clocks: the machine's, and the one that is turned by hand."""

import asyncio

import pytest

from segue.clock import Clock, ManualClock, ScaledClock, SystemClock


def test_the_systems_clock_goes_forward() -> None:
    """The monotonic reading never goes back, and the wall reading is the time since 1970."""
    clock: Clock = SystemClock()
    first, second = clock.now(), clock.now()

    assert first <= second
    assert clock.wall() > 1_700_000_000


async def test_the_systems_clock_waits_at_least_that_long() -> None:
    """A wait on the machine's clock is not shorter than asked for, as measured on that same clock."""
    clock = SystemClock()
    began = clock.now()
    await clock.sleep(0.002)

    assert clock.now() - began >= 0.0019


async def test_a_manual_clock_stands_still() -> None:
    """Nothing moves a manual clock but being turned; both readings move together."""
    clock = ManualClock(start_s=5.0, wall_s=1000.0)
    assert (clock.now(), clock.wall()) == (5.0, 1000.0)
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.now() == 5.0

    await clock.advance(2.5)
    assert (clock.now(), clock.wall()) == (7.5, 1002.5)


async def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    """Each sleeper wakes at its own moment, earlier deadlines first and equal ones in the order of their coming."""
    clock = ManualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("late", 3.0), ("early", 1.0), ("also late", 3.0), ("middle", 2.0)):
            group.create_task(sleeper(name, seconds))
        await clock.advance(10.0)

    assert woken == [("early", 1.0), ("middle", 2.0), ("late", 3.0), ("also late", 3.0)]
    assert clock.now() == 10.0


async def test_a_sleeper_may_sleep_again_within_one_turn() -> None:
    """A loop that sleeps every second runs ten times while the clock is turned by ten seconds, not once."""
    clock = ManualClock()
    ticks: list[float] = []

    async def ticking() -> None:
        while True:
            await clock.sleep(1.0)
            ticks.append(clock.now())

    task = asyncio.create_task(ticking())
    await clock.advance(10.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ticks == [float(second) for second in range(1, 11)]


async def test_a_sleeper_that_is_not_due_sleeps_on() -> None:
    """Turning the clock by less than a deadline wakes nobody; the exact deadline does."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5.0))
    await clock.advance(4.999)
    assert not task.done()
    await clock.advance(0.001)
    assert task.done()


async def test_a_cancelled_sleeper_is_gone() -> None:
    """A sleeper that was cancelled does not disturb those that are still asleep."""
    clock = ManualClock()
    cancelled, other = asyncio.create_task(clock.sleep(1.0)), asyncio.create_task(clock.sleep(2.0))
    await clock.advance(0.5)
    cancelled.cancel()
    await clock.advance(5.0)

    assert cancelled.cancelled()
    assert other.done()


async def test_a_scaled_clock_runs_as_many_times_as_fast() -> None:
    """Both readings, waits and time limits of a scaled clock are the other clock's, so many times as fast."""
    machine = ManualClock(start_s=5.0, wall_s=1000.0)
    clock: Clock = ScaledClock(60.0, machine)
    assert (clock.now(), clock.wall()) == (5.0, 1000.0)

    waiting = asyncio.create_task(clock.sleep(120.0))
    await machine.advance(1.9)
    assert not waiting.done()
    await machine.advance(0.1)
    assert waiting.done()
    assert (clock.now(), clock.wall()) == (pytest.approx(125.0), pytest.approx(1120.0))

    async def hang() -> None:
        async with clock.limit(30.0):
            await asyncio.get_running_loop().create_future()

    hanging = asyncio.create_task(hang())
    await machine.advance(0.4)
    assert not hanging.done()
    await machine.advance(0.2)
    with pytest.raises(TimeoutError):
        await hanging
    async with clock.limit(None):
        await clock.sleep(0)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_clock_cannot_stand_or_run_backwards(scale: float) -> None:
    """A scale that is not positive is refused."""
    with pytest.raises(ValueError, match="must be positive"):
        ScaledClock(scale)
