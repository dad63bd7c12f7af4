"""Servers that the tests of the doors share."""

from collections.abc import Iterator

import openai
import pytest

from tests.operators import SPEAKING
from tests.rollouts import QUICK
from tests.server import HEARING, RunningServer, running


@pytest.fixture(scope="session")
def embedded() -> Iterator[RunningServer]:
    """One server with the embedded providers and default settings."""
    with running({"providers": HEARING}) as server:
        yield server


@pytest.fixture(scope="session")
def hurried() -> Iterator[RunningServer]:
    """One server that looks after rollouts ten times a second; nothing may go wrong in it."""
    with running(QUICK) as server:
        yield server
    assert not [line for line in server.log if '"level": "error"' in line]


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server where listeners need a key too, in an environment and under a name of its own."""
    settings = {
        "providers": SPEAKING["providers"],
        "access": {"listeners": "key", "environment": "test", "hosts": ["console.example.org"]},
        "delivery": {"public_url": "https://voice.example.org/segue"},
        "log": {"level": "debug"},
    }
    with running(settings, data=tmp_path_factory.mktemp("guarded") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def client(embedded: RunningServer) -> Iterator[openai.OpenAI]:
    """OpenAI's own client; nothing of it is changed but the base URL."""
    with openai.OpenAI(base_url=f"{embedded.url}/v1", api_key="anything", max_retries=0, timeout=60) as client:
        yield client
