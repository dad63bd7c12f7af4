"""`/api/turns`: what was kept of every turn, newest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from segue.console.operator import Operator, Scope
from segue.console.paging import Place, exact, whole
from segue.records import Outcome, TurnRecord
from segue.voice.ports import TurnFilter, TurnStore
from segue.web.access import Access
from segue.web.described import answers
from segue.web.paging import LISTS, Lists, Page
from segue.web.shapes import TurnPage

Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


def router(store: TurnStore, lists: Lists, access: Access) -> APIRouter:
    """The route, bound to what keeps the turns."""
    routes = APIRouter(tags=["turns"])

    @routes.get("/api/turns", responses=answers(TurnPage) | LISTS)
    async def records(
        page: Page,
        by: Annotated[Operator, access.needs(Scope.READ)],
        listener: Word = "",
        variant: Word = "",
        kind: Word = "",
        outcome: Outcome | None = None,
    ) -> JSONResponse:
        """Turns that are over, newest first, as `segue turns export` prints them; filters hold together."""
        wanted = {"listener": listener, "variant": variant, "kind": kind, "outcome": outcome.value if outcome else ""}
        walk = lists.walk(page, by, wanted)
        before = (exact(walk.place[0]), walk.place[1]) if walk.place is not None else None
        found = await store.page(TurnFilter(**wanted), before=before, limit=walk.take)
        return walk.answer(found, _place, _told)

    return routes


def _told(record: TurnRecord) -> dict[str, Any]:
    return record.as_dict()


def _place(record: TurnRecord) -> Place:
    return whole(record.at), record.turn
