"""`GET /api/rollouts`: every rollout in short, in pages."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from segue.clock import Clock
from segue.console.operator import Operator, Scope
from segue.console.paging import Place, exact, whole
from segue.delivery.controller import Controller
from segue.delivery.rollout import Rollout
from segue.web.access import Access
from segue.web.described import answers
from segue.web.paging import LISTS, Lists, Page
from segue.web.rollout_shapes import RolloutPage
from segue.web.standing import Standing


def router(controller: Controller, clock: Clock, lists: Lists, access: Access) -> APIRouter:
    """The route, bound to the controller of this server."""
    routes = APIRouter(tags=["rollouts"])
    standing = Standing(controller, clock)

    @routes.get("/api/rollouts", responses=answers(RolloutPage) | LISTS)
    async def rollouts(page: Page, by: Annotated[Operator, access.needs(Scope.READ)]) -> JSONResponse:
        """Every rollout in short, the one whose latest attempt was started last first."""
        walk = lists.walk(page, by)
        before = (exact(walk.place[0]), walk.place[1]) if walk.place is not None else None
        found = await standing.started(before, walk.take)
        told = {rollout.name: await standing.short(rollout.name) for rollout in found[: walk.limit]}
        return walk.answer(found, _place, lambda rollout: told[rollout.name])

    return routes


def _place(rollout: Rollout) -> Place:
    return whole(rollout.started_at), rollout.name
