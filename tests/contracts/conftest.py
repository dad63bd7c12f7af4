"""What several suites of contracts share: a real Postgres, and an empty database in it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from segue.stores.sql.postgres import Postgres
from tests.postgres import Cluster, cluster, folder_of_programs


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A Postgres for all suites, where it is installed."""
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("Postgres is not installed (Debian: apt-get install postgresql)")
    with cluster(programs) as made:
        yield made


@pytest.fixture
async def postgres(postgres_cluster: Cluster) -> AsyncIterator[Postgres]:
    """An empty database, and this process's hold on it."""
    database = Postgres(postgres_cluster.database())
    await database.start()
    yield database
    await database.close()
