"""A file in which somebody put by hand what no entry holds: Segue goes on, and verifying tells."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from segue.settings import Settings
from segue.stores.heads import FILE
from segue.stores.sql.engine import Database
from segue.wiring.house import House, build

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUIET = {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": []}
COPIED = "insert into audit select {} from audit where seq = 1"
NAMES = [
    "seq", "at_us", "actor", "via", "action", "target", "status", "code", "before", "after", "request", "node", "chat",
    "duration_ms", "facts", "prev_hash", "hash",
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The app of a server with a file of its own."""
    house = build(Settings.model_validate({"data": tmp_path_factory.mktemp("odd"), "providers": QUIET}))
    async with house.running():
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator; an error that nobody handled is an answer with status 500."""
    headers = {"Authorization": f"Bearer {await house.console.first_key()}"}
    transport = httpx2.ASGITransport(app=house.app(), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


def copied(**values: str) -> str:
    """A copy of the first entry with other values, as SQL."""
    return COPIED.format(", ".join(values.get(name, f'"{name}"') for name in NAMES))


@pytest.mark.parametrize(
    "tampering",
    [
        copied(seq="'zzz'"),
        copied(seq="x'00'"),
        copied(seq=str(2**63 - 1)),
        copied(seq="(select max(seq) from audit) + 1.5"),
        "update audit set at_us = 'zzz' where seq = (select max(seq) from audit)",
        "update audit set at_us = 9223372036854775807 where seq = (select max(seq) from audit)",
        "update audit set at_us = at_us + 0.5 where seq = (select max(seq) from audit)",
        "update audit set hash = x'00' where seq = (select max(seq) from audit)",
        "update audit set facts = x'00', actor = x'ff', duration_ms = 'zzz' where seq = (select max(seq) from audit)",
    ],
)
async def test_the_chain_goes_on(house: House, client: httpx2.AsyncClient, tampering: str) -> None:
    """The next change is made and written, the list is told, and verifying finds what was done."""
    database = house.database
    assert isinstance(database, Database)

    async def done(*statements: str) -> None:
        for statement in statements:
            await database.writer.submit(lambda connection, it=statement: connection.execute(text(it)).close())

    assert (await client.get("/api/audit/verification")).json()["fault_count"] == 0
    await done("create table before as select * from audit", tampering)
    try:
        for _ in range(2):
            made = await client.post("/api/keys", json={"name": "Taras", "scopes": ["read"]})
            assert made.status_code == 201, made.text
        listed = await client.get("/api/audit", params={"limit": 1})
        assert (listed.status_code, listed.json()["items"][0]["action"]) == (200, "key.create")
        assert (await client.get("/api/audit")).status_code == 200
        verdict = await client.get("/api/audit/verification")
        assert verdict.status_code == 200, verdict.text
        assert verdict.json()["fault_count"] > 0
        pruned = await client.post("/api/audit/prune", json={"before_days": 0})
        assert pruned.status_code in {200, 409}, pruned.text
    finally:
        await done("delete from audit", "insert into audit select * from before", "drop table before")
        await asyncio.to_thread((house.settings.data / FILE).unlink, missing_ok=True)  # of what was tampered with
