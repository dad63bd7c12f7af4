"""How many times the fault tests draw: few in `make test`, all of them with `--full`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full` runs the whole set."""
    parser.addoption("--full", action="store_true", help="run the fault tests with their full counts")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the whole set was asked for."""
    return bool(request.config.getoption("--full", default=False))
