"""A language model's server fails, in sixteen ways: the reply is whole and said once, or ends with one clear error."""

import pytest

from tests.faults.callers import Callers
from tests.faults.models import SCENARIOS
from tests.faults.trial import Scenario, run
from tests.faults.wall import Wall

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.name}-{scenario.where}".strip("-"))
async def test_model_fault(scenario: Scenario, wall: Wall, callers: Callers) -> None:
    """Spoken, written or streamed: nobody sees the fault but in a mark, a short wait, or one clear error."""
    assert (await run(scenario, wall, callers)).wrong == []
