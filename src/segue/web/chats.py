"""`/api/chats`: operators' chats, their messages, and sending one exactly once."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from segue.console.answers import chat_told, message_told
from segue.console.chatting import Chatting
from segue.console.idempotency import HEADER, fingerprint, key_of, scope_of
from segue.console.operator import Operator, Scope
from segue.console.ratelimit import Verdict
from segue.console.wanted import Sent, Wanted
from segue.errors import NotAcceptable
from segue.voice.plane import VoicePlane
from segue.web.access import Access
from segue.web.answer import Answer
from segue.web.bodies import json_only
from segue.web.chat_bodies import OpenBody, SendBody
from segue.web.described import answers, content
from segue.web.forward import Forwarding
from segue.web.guard import request_id
from segue.web.paging import LISTS, Lists, Page
from segue.web.ratelimit import headers_of
from segue.web.run_stream import EVENT_STREAM, stream
from segue.web.shapes import AcceptedShape, ChatPage, ChatShape, MessagePage, SentShape

SEND = "/api/chats/{chat_id}/send"
"""Template of the path under which keys are claimed."""
ChatId = Annotated[str, Path(max_length=200, description="`<node>.` and 32 hexadecimal digits.")]
NodeName = Annotated[str, Query(max_length=100, description="The node whose chats are wanted; this one when absent.")]


def router(
    chatting: Chatting, plane: VoicePlane, lists: Lists, access: Access, forwarding: Forwarding, send_timeout_s: float
) -> APIRouter:
    """The routes, bound to the operators' plane; the voice plane says whether a reply can be made as it is wanted."""
    routes = APIRouter(tags=["chats"])
    Sender = Annotated[Operator, access.needs(Scope.SEND)]  # noqa: N806 - a type
    Reader = Annotated[Operator, access.needs(Scope.READ)]  # noqa: N806

    @routes.post("/api/chats", status_code=201, dependencies=[Depends(json_only)], responses=_OPENING)
    async def open_chat(body: OpenBody, by: Sender, request: Request) -> Response:
        """Open a chat, here or on another node."""
        if (answer := await forwarding.at(request, body.node, by)) is not None:
            return answer
        chat = await chatting.open(by, body.title, request_id(request))
        return JSONResponse(chat_told(chat, chatting.node), 201, headers={"Location": f"/api/chats/{chat.id}"})

    @routes.get("/api/chats", responses=answers(ChatPage) | LISTS | _NODES)
    async def chats(page: Page, by: Reader, request: Request, node: NodeName = "") -> Response:
        """The chats of a node, newest first."""
        if (answer := await forwarding.at(request, node, by)) is not None:
            return answer
        walk = lists.walk(page, by)
        found = await chatting.store.chats(before=walk.place, limit=walk.take)
        return walk.answer(found, lambda chat: (chat.at_us, chat.id), lambda chat: chat_told(chat, chatting.node))

    @routes.get("/api/chats/{chat_id}", responses=answers(ChatShape) | _CHAT)
    async def one_chat(chat_id: ChatId, by: Reader, request: Request) -> Response:
        """A chat."""
        if (answer := await forwarding.elsewhere(request, chat_id, by)) is not None:
            return answer
        return JSONResponse(chat_told(await chatting.chat(chat_id), chatting.node))

    @routes.delete("/api/chats/{chat_id}", status_code=204, response_class=Response, responses=_CHAT)
    async def remove_chat(chat_id: ChatId, by: Sender, request: Request) -> Response:
        """Remove a chat with its messages, its runs, and the answers to its keys."""
        if (answer := await forwarding.elsewhere(request, chat_id, by)) is not None:
            return answer
        await chatting.remove(by, chat_id, request_id(request))
        return Response(status_code=204)

    @routes.get("/api/chats/{chat_id}/messages", responses=answers(MessagePage) | LISTS | _CHAT)
    async def messages(
        chat_id: ChatId, page: Page, by: Reader, request: Request, order: Literal["desc", "asc"] = "desc"
    ) -> Response:
        """The messages of a chat, newest first or in the order in which they were written."""
        if (answer := await forwarding.elsewhere(request, chat_id, by)) is not None:
            return answer
        walk = lists.walk(page, by, direction=order)
        await chatting.chat(chat_id)
        found = await chatting.store.messages(chat_id, place=walk.place, limit=walk.take, newest_first=order == "desc")
        return walk.answer(found, lambda message: (message.at_us, message.id), message_told)

    routes.post(SEND, dependencies=[Depends(json_only)], responses=_SENDING, openapi_extra=_KEY)(
        _send(chatting, plane, access, forwarding, send_timeout_s)
    )
    return routes


def _send(
    chatting: Chatting, plane: VoicePlane, access: Access, forwarding: Forwarding, send_timeout_s: float
) -> Callable[..., Any]:
    async def send(
        chat_id: ChatId, body: SendBody, by: Annotated[Operator, access.needs(Scope.SEND)], request: Request
    ) -> Response:
        """Send a message, once for each idempotency key, and take the reply.

        As JSON when it is complete; as events while it is made (`Accept: text/event-stream`); or only where to find it
        (`Prefer: respond-async`, and whenever it takes long).
        """
        if (answer := await forwarding.elsewhere(request, chat_id, by)) is not None:
            return answer
        streamed = _streamed(request.headers.get("accept", ""))
        key = key_of(request.headers.getlist(HEADER), body.idempotency_key)
        _check(plane, body)
        plain = body.model_dump(exclude={"idempotency_key"}, exclude_defaults=True)
        wanted = Wanted(
            chat=chat_id,
            text=body.text,
            asked=body.asked(),
            scope=scope_of(by.name, SEND, chat_id, key),
            fingerprint=fingerprint("POST", SEND, plain, request.query_params.multi_items()),
            request=request_id(request),
        )
        sent = await chatting.sending.send(by, wanted)
        headers = _headers(sent, sent.verdict)
        if streamed:
            run, _ = await chatting.run(sent.run)
            events = stream(chatting.follow(run))
            return Answer(events, EVENT_STREAM, send_timeout_s=send_timeout_s, headers=headers)
        asynchronous = "respond-async" in request.headers.get("prefer", "").lower()
        outcome = await chatting.outcome(sent, 0.0 if asynchronous else None)
        if outcome.accepted is not None:
            if asynchronous:
                headers["Preference-Applied"] = "respond-async"
            return JSONResponse(outcome.accepted, 202, {**headers, "Location": f"/api/runs/{sent.run}"})
        return Response(outcome.body, outcome.status, headers, media_type="application/json")

    return send


def _check(plane: VoicePlane, body: SendBody) -> None:
    """Refuse what no reply can be made to, before anything is claimed.

    Raises:
        CallerError: the text is empty or too long; or the language, voice or character is not there.
    """
    plane.ask_chat(text=body.text, language=body.language, voice=body.voice, character=body.character)


def _streamed(accept: str) -> bool:
    """Whether the answer is wanted as events.

    Raises:
        NotAcceptable: neither of the two shapes is accepted.
    """
    if "text/event-stream" in accept:
        return True
    if not accept or "application/json" in accept or "*/*" in accept or "application/*" in accept:
        return False
    raise NotAcceptable("Accept `application/json` (the default) or `text/event-stream`.")


def _headers(sent: Sent, verdict: Verdict | None) -> dict[str, str]:
    limits = headers_of(verdict) if verdict is not None else {}
    replayed = {"Idempotent-Replayed": "true"} if sent.status is not None else {}
    return {"x-segue-run": sent.run, **limits, **replayed}


_NODES: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such node (code `unknown_node`)."},
    503: {"description": "What is kept cannot be read now, or the node does not answer (code `node_down`)."},
}
_OPENING: dict[int | str, dict[str, Any]] = {
    **answers(ChatShape, 201),
    400: {"description": "The body is not valid; `detail` says where."},
    415: {"description": "The body is not JSON."},
    **_NODES,
}
_CHAT: dict[int | str, dict[str, Any]] = {
    **_NODES,
    404: {"description": "There is no such chat (code `unknown_chat`) or node (`unknown_node`)."},
}
_SENDING: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The reply; or the same answer as before, with `Idempotent-Replayed: true`.",
        "content": content(SentShape) | {"text/event-stream": {}},
    },
    **answers(AcceptedShape, 202, "The reply is being made; `Location` says where it will be."),
    400: {"description": "The body or the idempotency key is not valid, or there is no key."},
    404: {"description": "There is no such chat (code `unknown_chat`) or node (`unknown_node`)."},
    406: {"description": "Neither of the two shapes of answer is accepted."},
    409: {"description": "The same request is under way (code `running`); `Location` says where."},
    413: {"description": "The text is too long."},
    415: {"description": "The body is not JSON."},
    422: {"description": "The key was used for another request (code `idempotency_key_reused`)."},
    429: {"description": "Too many messages or runs (code `rate_limited`); `Retry-After` says when to come again."},
    502: {"description": "The reply could not be made; the same key begins another attempt."},
    503: {"description": "Overloaded, about to stop, something needed is missing, or the node does not answer."},
    504: {"description": "A provider did not answer in time; the same key begins another attempt."},
}
_KEY: dict[str, Any] = {
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
            "description": "The sender's name for this request, bare or in quotes; without it, `idempotency_key`.",
        }
    ]
}
