"""A synthesizer fails over HTTP, in every way and at any sentence: nothing that is no success is heard as one."""

import pytest

from tests.faults.callers import Callers
from tests.faults.speech import SCENARIOS
from tests.faults.trial import Scenario, run
from tests.faults.wall import Wall

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.name}-{scenario.where}".strip("-"))
async def test_speech_fault(scenario: Scenario, wall: Wall, callers: Callers) -> None:
    """Every word is heard as long as anybody can speak it; otherwise there is one clear error, and no clean end."""
    assert (await run(scenario, wall, callers)).wrong == []
