"""`/api/rollouts` and `/api/plans`: start a plan, command a rollout, read how it stands and what was decided."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from segue.clock import Clock
from segue.configuration import ServerSettings
from segue.console.actions import Actions, Deed
from segue.console.audit import Draft
from segue.console.operator import Operator, Scope
from segue.delivery.controller import Controller
from segue.delivery.plan import Plan
from segue.delivery.planfile import PlanError, plan_of, plan_schema, read_plan
from segue.delivery.ports import UnknownRollout
from segue.delivery.preview import faulty, preview
from segue.delivery.rollout import Decision, Kind
from segue.delivery.status import DECISION, VERBS
from segue.errors import Unavailable
from segue.web import approval
from segue.web.access import Access
from segue.web.answer import Answer
from segue.web.bodies import json_only
from segue.web.described import answers
from segue.web.guard import request_id
from segue.web.problems import problem
from segue.web.rollout_bodies import (
    EVENTS,
    EXPORT,
    READING,
    UNKNOWN,
    WRITING,
    Attempt,
    CommandBody,
    Limit,
    Number,
    PlanBody,
    Refused,
    RolloutName,
    StartBody,
    VerbName,
)
from segue.web.rollout_shapes import BlockPage, DecidedShape, DecisionPage, PreviewShape, StatusShape
from segue.web.rollout_stream import BLOCK, events, export, resumed_after
from segue.web.standing import Standing


def router(
    controller: Controller,
    server: ServerSettings,
    clock: Clock,
    ended: Callable[[], bool],
    access: Access,
    actions: Actions,
) -> APIRouter:
    """The routes, bound to the controller of this server; streams of events end where `ended` says so."""
    routes = APIRouter(tags=["rollouts"])
    standing = Standing(controller, clock)
    reader = [access.needs(Scope.READ)]
    routes.include_router(_reading(controller, standing), dependencies=reader)
    routes.include_router(_streams(controller, standing, server, clock, ended), dependencies=reader)
    routes.include_router(approval.router(controller.status, controller.command, actions))  # before any verb is read
    routes.include_router(_writing(controller, standing, access, actions))
    routes.include_router(_plans(), dependencies=reader)
    return routes


def _reading(controller: Controller, standing: Standing) -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/rollouts/{name}", responses=answers(StatusShape) | UNKNOWN | READING)
    async def rollout(name: RolloutName) -> dict[str, Any]:
        """How a rollout stands."""
        return await standing.of(name)

    @routes.get("/api/rollouts/{name}/decisions", responses=answers(DecisionPage) | UNKNOWN | READING)
    async def decisions(
        name: RolloutName, attempt: Attempt = None, after: Number = 0, limit: Limit = 200
    ) -> dict[str, Any]:
        """What was decided in an attempt (the latest one by default), in order, with the numbers behind it."""
        found = await standing.attempt(name, attempt)
        items = await controller.store.decisions(name, attempt=found.attempt, after=after, limit=limit + 1)
        return _paged([DECISION.dump_python(each, mode="json") for each in items], limit, lambda last: last["number"])

    @routes.get("/api/rollouts/{name}/blocks", responses=answers(BlockPage) | UNKNOWN | READING)
    async def blocks(
        name: RolloutName, attempt: Attempt = None, after: Number = 0, limit: Limit = 200
    ) -> dict[str, Any]:
        """The evidence of an attempt (the latest one by default): its closed blocks, in the order of their closing."""
        found = await standing.attempt(name, attempt)
        items = await controller.store.blocks(name, found.attempt, after=after, limit=limit + 1)
        return _paged([BLOCK.dump_python(each, mode="json") for each in items], limit, lambda _: after + limit)

    return routes


def _streams(
    controller: Controller, standing: Standing, server: ServerSettings, clock: Clock, ended: Callable[[], bool]
) -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/rollouts/{name}/events", response_class=Response, responses=EVENTS | UNKNOWN | READING)
    async def stream(name: RolloutName, request: Request) -> Response:
        """What a rollout does, as it happens: `decision` and `status` events until the caller leaves."""
        after = resumed_after(request.headers.get("last-event-id", ""))
        pieces = events(name, after, standing, controller.store, clock, ended)
        return Answer(pieces, "text/event-stream; charset=utf-8", send_timeout_s=server.send_timeout_s)

    @routes.get("/api/rollouts/{name}/export", response_class=Response, responses=EXPORT | UNKNOWN | READING)
    async def exported(name: RolloutName, attempt: Attempt = None) -> Response:
        """Everything that is kept of an attempt (the latest one by default), one JSON object a line."""
        found = await standing.attempt(name, attempt)
        pieces = export(found, controller.store)
        return Answer(pieces, "application/x-ndjson; charset=utf-8", send_timeout_s=server.send_timeout_s)

    return routes


def _writing(controller: Controller, standing: Standing, access: Access, actions: Actions) -> APIRouter:
    routes = APIRouter(dependencies=[Depends(json_only)])
    writer = access.needs(Scope.ROLLOUT_WRITE)

    async def obeyed(by: Operator, deed: Deed, do: Callable[[], Awaitable[Decision]]) -> Decision:
        """What was decided. Its entry is written with it; a refusal, and a command without effect, has one of its own.

        Raises:
            Refused: the decision is a refusal.
        """

        async def once(draft: Draft) -> Decision:
            decision = await do()
            if decision.kind is Kind.REFUSED:
                raise Refused(decision.reason)
            if decision.number == 0 or round(decision.at * 1e6) < draft.at_us:  # it is so already, or was said before
                await actions.repeated(draft)
            return decision

        return await actions.act(by, deed, once)

    async def answer(name: str, decision: Decision, status: int) -> Response:
        """What was decided, and how the rollout stands now; None where that cannot be read."""
        try:
            stands = await standing.of(name)
        except Unavailable:  # a roll back holds here all the same
            stands = None
        return JSONResponse({"decision": DECISION.dump_python(decision, mode="json"), "status": stands}, status)

    @routes.post("/api/rollouts", status_code=201, responses=answers(DecidedShape, 201) | WRITING)
    async def start(body: StartBody, by: Annotated[Operator, writer], request: Request) -> Response:
        """Start a plan: the share of its first stage applies at once."""
        try:
            plan = await plan_from(body.plan)
        except PlanError as error:
            return problem(request.url.path, error.status, error.code, error.message, extra=faulty(error))
        deed = Deed("rollout.start", f"rollout/{plan.name}", Scope.ROLLOUT_WRITE, request_id(request))
        command = body.command(by, deed.request)
        return await answer(plan.name, await obeyed(by, deed, lambda: controller.start(plan, command)), 201)

    @routes.post("/api/rollouts/{name}/{verb:verb}", responses=answers(DecidedShape) | UNKNOWN | WRITING)
    async def command(
        name: RolloutName, verb: VerbName, body: CommandBody, by: Annotated[Operator, writer], request: Request
    ) -> Response:
        """Command a rollout. Whatever is decided holds on this server when the answer comes."""
        deed = Deed(f"rollout.{VERBS[verb].value}", f"rollout/{name}", Scope.ROLLOUT_WRITE, request_id(request))
        wanted = body.command(verb, by, deed.request)
        try:
            decision = await obeyed(by, deed, lambda: controller.command(name, wanted))
        except UnknownRollout:
            raise await standing.unknown(name) from None
        return await answer(name, decision, 200)

    return routes


def _plans() -> APIRouter:
    routes = APIRouter(prefix="/api/plans")

    @routes.post("/check", dependencies=[Depends(json_only)], responses=answers(PreviewShape) | {400: WRITING[400]})
    async def check(body: PlanBody) -> dict[str, Any]:
        """Look through a plan without starting it: what is wrong with it, and what it asks of time and listeners."""
        try:
            plan = await plan_from(body.plan)
        except PlanError as error:
            return {"ok": False, **faulty(error), "stages": [], "terms": None}
        return await asyncio.to_thread(preview, plan, body.turns_per_s)

    @routes.get("/schema")
    async def schema() -> dict[str, Any]:
        """The JSON Schema of a plan file."""
        return plan_schema()

    return routes


async def plan_from(given: str | Mapping[str, Any]) -> Plan:
    """The plan in a body: the text of a file, or an object. It is read in a thread, so that nobody's reply waits.

    Raises:
        PlanError: it is no plan.
    """
    return await (asyncio.to_thread(read_plan, given) if isinstance(given, str) else asyncio.to_thread(plan_of, given))


def _paged(items: list[dict[str, Any]], limit: int, place: Callable[[dict[str, Any]], int]) -> dict[str, Any]:
    """A page of a list that was read one item further than asked for, with where the next one begins."""
    page = items[:limit]
    return {"items": page, "next": place(page[-1]) if len(items) > limit else None}
