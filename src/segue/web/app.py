"""The door: routes, the guard before them, and the page."""

from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter
from starlette.routing import BaseRoute, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segue import __version__
from segue.clock import Clock
from segue.configuration import OpenAINames, ServerSettings
from segue.console.chatting import Chatting
from segue.console.plane import ConsolePlane
from segue.delivery.controller import Controller
from segue.telemetry.metrics import Metrics
from segue.voice.plane import VoicePlane
from segue.web import (
    audit,
    backups,
    characters,
    chats,
    degradation,
    files,
    incidents,
    keys,
    listening,
    nodes,
    operations,
    problems,
    providers,
    rollout_list,
    rollouts,
    routing,
    runs,
    settings,
    signin,
    state,
    talk,
    trying,
    turn_records,
    turns,
)
from segue.web.access import Access
from segue.web.document import Documented
from segue.web.doorkeeper import KeyDoorkeeper
from segue.web.forward import Forwarding
from segue.web.guard import Guard
from segue.web.openai import door as openai_door
from segue.web.paging import Lists

PAGE = Path(__file__).parent / "page"

PAGE_HEADERS = {
    b"content-security-policy": b"default-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
    b" object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-cache",
}


class Page:
    """The static page, with the headers that keep it to itself."""

    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder, html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *PAGE_HEADERS.items()]}
            await send(message)

        await self._files({**scope, "root_path": "", "path": scope["path"]}, receive, answer)


def page_routes(folder: Path) -> list[BaseRoute]:
    """A route for each file at the top of the page's folder, and for each folder in it.

    Nothing catches every path, so that a path that is not there, or is there for another method, is told as such.
    """
    page = Page(folder)
    names = sorted(path.name + ("/{rest:path}" if path.is_dir() else "") for path in folder.iterdir())
    return [Route(f"/{name}", endpoint=page, methods=["GET", "HEAD"]) for name in ["", *names]]


def create(
    plane: VoicePlane,
    metrics: Metrics,
    readiness: state.Readiness,
    server: ServerSettings,
    names: OpenAINames,
    clock: Clock,
    link_s: float,
    console: ConsolePlane,
    chatting: Chatting,
    delivery: Controller | None = None,
    *,
    recording: operations.Recording | None = None,
    governed: settings.Governed | None = None,
    copying: backups.Copying | None = None,
) -> ASGIApp:
    """The whole application as one ASGI callable; whoever serves it has started what stands behind it."""
    app = Documented(
        title="Segue",
        version=__version__,
        summary="A voice gateway with progressive delivery.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,  # behind a proxy it would send keys on to an address without encryption
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app)
    doorkeeper = KeyDoorkeeper(console.keyring, console.seal, clock, metrics)
    access = Access(doorkeeper, listeners_need_key=console.access.listeners == "key")
    for routes in (
        turns.router(plane, server, link_s),
        talk.router(plane, server),
        listening.router(plane),
        state.voices(plane),
        degradation.router(plane.lookout, plane.switch, plane.settings.degradation),
        characters.router(plane.catalogue),
        routing.assignment(plane),
        openai_door.router(plane, names, server, clock),
    ):
        app.include_router(routes, dependencies=access.listeners())
    for routes in (
        state.router(plane, metrics, readiness, _degraded(console, governed)),
        listening.reports(plane, metrics),
        files.router(plane.files),
        signin.router(access, doorkeeper, console, clock),
        keys.router(access, console.keyring),
        nodes.router(console.nodes, readiness, clock, access),
        providers.router(plane, clock, access),
        trying.router(plane, console.limits, server, access),
        routing.router(plane, access),
        degradation.turning(plane.switch, access, console.actions),
        *_lists(plane, metrics, server, clock, console, chatting, access, delivery, governed),
    ):
        app.include_router(routes)
    for routes in _operating(access, console, server, recording, copying):
        app.include_router(routes)
    app.router.routes.extend(page_routes(PAGE))
    return Guard(app, server, metrics, console.access.hosts)


def _operating(
    access: Access,
    console: ConsolePlane,
    server: ServerSettings,
    recording: operations.Recording | None,
    copying: backups.Copying | None,
) -> Iterator[APIRouter]:
    """The routes of what keeps a Segue running: reports on record, backups."""
    if recording is not None:
        yield operations.router(recording, access)
    if copying is not None:
        yield backups.router(access, copying, console.actions, console.audit, server)


def _degraded(console: ConsolePlane, governed: settings.Governed | None) -> state.Readiness:
    """What works only in part, wherever that is."""
    return lambda: {**console.degraded(), **(governed.versions.degraded() if governed is not None else {})}


def _lists(
    plane: VoicePlane,
    metrics: Metrics,
    server: ServerSettings,
    clock: Clock,
    console: ConsolePlane,
    chatting: Chatting,
    access: Access,
    delivery: Controller | None,
    governed: settings.Governed | None,
) -> Iterator[APIRouter]:
    """The routes of all that is told in pages: turns, the audit, chats with their runs, rollouts."""
    lists = Lists(console.cursors)
    metrics.watch("cursor_requests", lambda: lists.counts)
    metrics.watch("node_state", lambda: nodes.figures(console.nodes))
    forwarding = Forwarding(
        console.nodes.own,
        {name: each.url or "" for name, each in console.nodes.seen.items()},
        console.nodes.caller,
        wait_s=chatting.wait_s,
        send_timeout_s=server.send_timeout_s,
    )
    yield turn_records.router(plane.records, lists, access)
    if governed is not None:
        yield settings.router(governed, lists, access, console.actions)
    yield audit.router(access, console, lists, server, clock)
    yield incidents.router(access, console.incidents, lists)
    yield chats.router(chatting, plane, lists, access, forwarding, server.send_timeout_s)
    yield runs.router(chatting, access, forwarding, server.send_timeout_s)
    if delivery is not None:
        yield rollout_list.router(delivery, clock, lists, access)
        yield rollouts.router(delivery, server, clock, lambda: plane.turns.places.closed, access, console.actions)
