"""How many times the fault tests draw: few in `make test`, all with `--full`; and the wall they stand before."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.callers import Callers
from tests.faults.wall import FULL, Terms, Wall, standing


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full` runs the whole set."""
    parser.addoption("--full", action="store_true", help="run the fault tests with their full counts")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the whole set was asked for."""
    return bool(request.config.getoption("--full", default=False))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wall(full: bool) -> AsyncIterator[Wall]:
    """Servers that fail as told, and one Segue process that knows them."""
    async with standing(FULL if full else Terms()) as wall:
        yield wall


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def callers(wall: Wall) -> AsyncIterator[Callers]:
    """Those who ask that process."""
    callers = Callers(wall.segue.url)
    yield callers
    await callers.close()
