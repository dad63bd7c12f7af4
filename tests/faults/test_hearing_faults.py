"""A recognizer fails: another one hears, or whoever sent the recording is told why, in time."""

import pytest

from tests.faults.callers import Callers
from tests.faults.hearing import SCENARIOS
from tests.faults.trial import Scenario, run
from tests.faults.wall import Wall

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # aiohttp's own reader of forms uses what it has deprecated, where a form arrives in unlucky pieces.
    pytest.mark.filterwarnings("ignore:unread_data:DeprecationWarning"),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_hearing_fault(scenario: Scenario, wall: Wall, callers: Callers) -> None:
    """A recording is written down by whoever can, or refused with a status that says whose fault it is."""
    assert (await run(scenario, wall, callers)).wrong == []
