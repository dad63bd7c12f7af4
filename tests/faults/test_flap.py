"""A server that is dead for a minute is left alone and found again; one that always fails is not asked for ever."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.callers import Callers
from tests.faults.outages import FLAPS, STORMS, patient, trusting
from tests.faults.trial import Scenario, run
from tests.faults.wall import FULL, Terms, Wall, standing

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def patient_wall(full: bool) -> AsyncIterator[Wall]:
    """A process with the breaker as shipped, on a scaled clock unless everything was asked for."""
    terms = FULL if full else Terms()
    async with standing(terms, **patient(terms)) as wall:
        yield wall


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trusting_wall(full: bool) -> AsyncIterator[Wall]:
    """A process without a breaker, and with espeak behind all others."""
    async with standing(FULL if full else Terms(), "espeak", **trusting()) as wall:
        yield wall


async def _wrong(scenario: Scenario, wall: Wall) -> list[str]:
    callers = Callers(wall.segue.url)
    try:
        return (await run(scenario, wall, callers)).wrong
    finally:
        await callers.close()


@pytest.mark.parametrize("scenario", FLAPS, ids=lambda scenario: scenario.name)
async def test_flap(scenario: Scenario, patient_wall: Wall, full: bool) -> None:
    """All of twenty callers are served, with at most six attempts on the dead server, and it is soon used again."""
    if scenario is not FLAPS[0] and not full:
        pytest.skip("one outage is enough for a small run")
    assert await _wrong(scenario, patient_wall) == []


@pytest.mark.parametrize("scenario", STORMS, ids=lambda scenario: scenario.name)
async def test_storm(scenario: Scenario, trusting_wall: Wall) -> None:
    """Whoever always fails is asked little more often than callers ask; when all fail, espeak still speaks."""
    assert await _wrong(scenario, trusting_wall) == []
