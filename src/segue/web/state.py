"""What Segue says about itself: alive, ready, how each provider is, which voices there are, and its metrics."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from segue import __version__
from segue.telemetry.metrics import Metrics
from segue.voice.plane import VoicePlane
from segue.web.described import answers
from segue.web.state_shapes import LivenessShape, ReadyShape

Readiness = Callable[[], Mapping[str, str]]
"""What keeps this server from serving: a name and a sentence each; empty when it is ready."""


_READINESS = answers(ReadyShape) | answers(ReadyShape, 503, "Not ready; `reasons` says why.")
_HEALTH: dict[int | str, dict[str, Any]] = {
    503: {"description": "Nothing can be spoken; told as otherwise.", "content": {"application/json": {}}}
}
_EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figures.", "content": {"text/plain": {}, "application/openmetrics-text": {}}}
}


def voice_health(plane: VoicePlane) -> dict[str, Any]:
    """The state of the voice plane as plain values."""
    health = dict(plane.health())
    speaking = bool(health["synthesis"]["ready"])
    hearing = bool(health["recognition"]["ready"])
    status = "unavailable" if not speaking else "ok" if hearing else "degraded"
    return {
        "status": status,
        "version": __version__,
        "languages": list(plane.settings.languages),
        "default_language": plane.settings.default_language,
        "profiles": ["fast", "quality"],
        "cushion_ms": plane.settings.cushion_ms,
        "turns": {"running": plane.turns.places.held, "limit": plane.turns.places.limit},
        **health,
    }


def router(plane: VoicePlane, metrics: Metrics, readiness: Readiness, degraded: Readiness = dict) -> APIRouter:
    """The routes that anybody may ask, bound to a voice plane."""
    routes = APIRouter(tags=["state"])

    @routes.get("/api/health", responses=answers(LivenessShape))
    async def live() -> dict[str, str]:
        """Whether the process answers at all."""
        return {"status": "live", "version": __version__}

    @routes.get("/api/ready", responses=_READINESS)
    async def ready() -> JSONResponse:
        """Whether this process should be sent listeners; `degraded` says what works only in part, all the same."""
        reasons = dict(readiness())
        told = {"status": "not ready" if reasons else "ready", "reasons": reasons, "degraded": dict(degraded())}
        return JSONResponse(told, 503 if reasons else 200)

    @routes.get("/voice/health", responses=_HEALTH)
    async def health() -> JSONResponse:
        """The state of each provider. 503 when nothing can be spoken."""
        state = voice_health(plane)
        return JSONResponse(state, 503 if state["status"] == "unavailable" else 200)

    @routes.get("/metrics", response_class=Response, responses=_EXPOSITION)
    async def exposition(request: Request) -> Response:
        """Everything counted, for Prometheus."""
        body, content_type = await asyncio.to_thread(metrics.exposition, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return routes


def voices(plane: VoicePlane) -> APIRouter:
    """The route that tells of voices, bound to a voice plane."""
    routes = APIRouter(tags=["state"])

    @routes.get("/api/voice/voices")
    async def offered(language: str | None = None) -> dict[str, Any]:
        """Every voice that can be asked for; those of synthesizers that are left out are not among them."""
        there = plane.catalogue.voices if language is None else plane.catalogue.of(plane.language(language, ""))
        found = [voice for voice in there if voice.provider not in plane.speech.chain.out]
        items = [
            {
                "name": voice.name,
                "provider": voice.provider,
                "languages": list(voice.languages),
                "gender": voice.gender,
                "description": voice.description,
                "default": any(
                    plane.catalogue.choose(None, language) == voice
                    for language in voice.languages
                    if language in plane.settings.languages
                ),
            }
            for voice in found
        ]
        return {"items": items, "next": None}

    return routes
