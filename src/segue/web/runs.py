"""`/api/runs`: how the making of a reply stands, and its events from any place on."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from segue.console.answers import run_told
from segue.console.chatting import Chatting
from segue.console.operator import Operator, Scope
from segue.web.access import Access
from segue.web.answer import Answer
from segue.web.described import answers
from segue.web.forward import Forwarding
from segue.web.run_stream import EVENT_STREAM, resumed_after, stream
from segue.web.shapes import RunShape

RunId = Annotated[str, Path(max_length=200, description="`<node>.` and 32 hexadecimal digits.")]
After = Annotated[int, Query(ge=0, lt=10**18, description="The number of the event after which to begin.")]
LastEventId = Annotated[str, Header(alias="Last-Event-ID", description="The same, as a browser sends it; it wins.")]


def router(chatting: Chatting, access: Access, forwarding: Forwarding, send_timeout_s: float) -> APIRouter:
    """The routes, bound to the operators' plane."""
    routes = APIRouter(prefix="/api/runs", tags=["chats"])
    Reader = Annotated[Operator, access.needs(Scope.READ)]  # noqa: N806 - a type

    @routes.get("/{run_id}", responses=answers(RunShape) | _RUN)
    async def run(run_id: RunId, by: Reader, request: Request) -> Response:
        """A run, with its reply once it is done."""
        if (answer := await forwarding.elsewhere(request, run_id, by)) is not None:
            return answer
        return JSONResponse(run_told(*await chatting.run(run_id)))

    @routes.get("/{run_id}/events", response_class=Response, responses=_EVENTS)
    async def events(
        run_id: RunId, by: Reader, request: Request, after: After = 0, last_event_id: LastEventId = ""
    ) -> Response:
        """The events of a run, those that were and those that come; `done`, `error` or `drain` is the last."""
        if (answer := await forwarding.elsewhere(request, run_id, by)) is not None:
            return answer
        found, _ = await chatting.run(run_id)
        place = resumed_after(last_event_id) or after
        headers = {"x-segue-run": found.id}
        return Answer(
            stream(chatting.follow(found, place)), EVENT_STREAM, send_timeout_s=send_timeout_s, headers=headers
        )

    return routes


_RUN: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such run (code `unknown_run`) or node (`unknown_node`)."},
    503: {"description": "What is kept cannot be read now, or the node does not answer (code `node_down`)."},
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The events.", "content": {"text/event-stream": {}}},
    400: {"description": "`after` is no place."},
    **_RUN,
}
