"""Lists in pages, asked of the whole app before a real database: how many items, from where on, and for whom."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from segue.settings import Settings
from segue.wiring.house import House, build
from tests.operators import PLAN
from tests.records import turn

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTS = ("/api/turns", "/api/rollouts")
QUIET: dict[str, Any] = {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": []}


@dataclass
class Desk:
    """A running app, and somebody who may do everything there."""

    house: House
    client: httpx2.AsyncClient

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Ask for a page, which must come."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, path: str, **params: Any) -> str:
        """Ask for a page, which must be refused as the caller's fault; the code of the error."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 400, answer.text
        assert "items" not in answer.json()
        return str(answer.json()["code"])

    async def walk(self, path: str, **params: Any) -> list[list[dict[str, Any]]]:
        """Every page, one after the other."""
        pages, cursor = [], {}
        while True:
            page = await self.get(path, **params, **cursor)
            pages.append(page["items"])
            if page["next"] is None:
                return pages
            cursor = {"cursor": page["next"]}

    async def another(self, name: str, *scopes: str) -> "Desk":
        """Somebody else, with a key of these scopes."""
        answer = await self.client.post("/api/keys", json={"name": name, "scopes": scopes})
        client = httpx2.AsyncClient(
            transport=self.client._transport,
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {answer.json()['key']}"},
        )
        return Desk(self.house, client)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The app of a server that keeps 23 turns, all of the same moment."""
    house = build(Settings.model_validate({"data": tmp_path_factory.mktemp("lists"), "providers": QUIET}))
    async with house.running():
        for number in range(23):
            listener = "olena" if number % 2 else None
            house.plane.records.append(turn(900.0, turn=f"{number:032x}", at=1_700_000_000.3, listener=listener))
        key = await house.console.first_key()
        transport = httpx2.ASGITransport(app=house.app())
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            yield Desk(house, client)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("limit", "used"),
    [("7", 7), ("0", 1), ("-3", 1), ("500", 500), ("501", 500), ("9" * 5000, 500), ("-" + "9" * 5000, 1), (None, 100)],
)
async def test_the_limit_is_capped_and_told(desk: Desk, path: str, limit: str | None, used: int) -> None:
    """Any whole number is taken, however long; the nearest one that is allowed is used, and told."""
    answer = await desk.client.get(path, params={"limit": limit} if limit is not None else {})

    assert answer.status_code == 200
    assert answer.headers["x-segue-limit"] == str(used)
    assert len(answer.json()["items"]) <= used
    assert path != "/api/turns" or len(answer.json()["items"]) == min(used, 23)


@pytest.mark.parametrize("limit", ["", " 5", "five", "5.0", "1e2", "٣", "0x5", "5\n", "+5"])
async def test_what_is_no_number_is_refused(desk: Desk, limit: str) -> None:
    """Only digits are a number of items."""
    assert await desk.refused("/api/turns", limit=limit) == "invalid_request"


async def test_turns_are_told_as_the_export_prints_them(desk: Desk) -> None:
    """Every turn comes once, newest first, whole, though all are of one moment; a filter holds on every page."""
    pages = await desk.walk("/api/turns", limit=5)
    those = await desk.walk("/api/turns", limit=5, listener="olena", kind="chat")

    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    told = [item for page in pages for item in page]
    kept = [json.loads(json.dumps(record.as_dict())) async for record in desk.house.plane.records.read()]
    assert told == kept[::-1]
    assert [item["turn"] for page in those for item in page] == [f"{number:032x}" for number in range(21, 0, -2)]
    assert (await desk.get("/api/turns", listener="nobody"))["items"] == []
    assert (await desk.get("/api/turns", outcome="failed"))["items"] == []
    assert await desk.refused("/api/turns", outcome="splendid") == "invalid_request"
    assert await desk.refused("/api/turns", listener="a\0b") == "invalid_request"


async def test_a_page_that_is_just_full_is_the_last(desk: Desk) -> None:
    """Where nothing follows there is no cursor, so that nobody asks for an empty page."""
    assert (await desk.get("/api/turns", limit=23))["next"] is None
    assert (await desk.get("/api/turns", limit=22))["next"] is not None


async def test_a_cursor_is_good_only_where_it_was_given(desk: Desk) -> None:
    """Another operator, list or filter, and a cursor that is empty, is refused; the limit may change."""
    cursor = (await desk.get("/api/turns", limit=5, listener="olena"))["next"]
    other = await desk.another("ivan", "read")

    assert len((await desk.get("/api/turns", limit=99, listener="olena", cursor=cursor))["items"]) == 6
    for someone, path, params in (
        (desk, "/api/turns", {}),
        (desk, "/api/turns", {"listener": "ivan"}),
        (desk, "/api/turns", {"listener": "olena", "kind": "chat"}),
        (desk, "/api/rollouts", {}),
        (other, "/api/turns", {"listener": "olena"}),
    ):
        assert await someone.refused(path, **params, cursor=cursor) == "invalid_cursor"
    assert await desk.refused("/api/turns", cursor="") == "invalid_cursor"


async def test_rollouts_come_in_the_order_of_their_start(desk: Desk) -> None:
    """Each rollout comes once, the one started last first, also when another is started between two pages."""
    for name in ("night", "day", "dusk"):
        started = await desk.client.post("/api/rollouts", json={"plan": {"name": name, **PLAN}})
        assert started.status_code == 201, started.text
        back = await desk.client.post(f"/api/rollouts/{name}/rollback", json={"reason": "enough"})
        assert back.status_code == 200, back.text

    first = await desk.get("/api/rollouts", limit=1)
    again = await desk.client.post("/api/rollouts", json={"plan": {"name": "dawn", **PLAN}})
    assert again.status_code == 201, again.text
    rest = await desk.get("/api/rollouts", limit=9, cursor=first["next"])

    assert [item["name"] for item in first["items"] + rest["items"]] == ["dusk", "day", "night"]
    assert rest["next"] is None
    assert [item["name"] for (item,) in await desk.walk("/api/rollouts", limit=1)] == ["dawn", "dusk", "day", "night"]


async def test_pages_are_counted(desk: Desk) -> None:
    """Each request for a page counts once: the first, a next one, or refused."""

    async def counted() -> list[float]:
        lines = (await desk.client.get("/metrics")).text.splitlines()
        wanted = [f'segue_cursor_requests_total{{page="{page}"}} ' for page in ("first", "next", "refused")]
        return [float(line.split()[-1]) for each in wanted for line in lines if line.startswith(each)]

    before = await counted()
    cursor = (await desk.get("/api/turns", limit=5))["next"]
    await desk.get("/api/turns", limit=5, cursor=cursor)
    await desk.refused("/api/turns", cursor=f"{cursor}A")
    await desk.refused("/api/rollouts", cursor=cursor)

    assert [after - figure for after, figure in zip(await counted(), before, strict=True)] == [1, 1, 2]


@pytest.mark.parametrize("path", [*LISTS, "/api/nodes"])
async def test_lists_take_the_scope_read(desk: Desk, path: str) -> None:
    """Without a key nothing is told; a key without the scope is not enough."""
    sender, reader = await desk.another("sender", "send"), await desk.another("reader", "read")

    assert (await desk.client.get(path, headers={"Authorization": ""})).status_code == 401
    assert (await sender.client.get(path)).status_code == 403
    assert (await reader.client.get(path)).status_code == 200
