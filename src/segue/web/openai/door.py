"""The OpenAI-compatible door: existing clients need only another base URL.

Where listeners need no key, none is checked; whatever a client sends as one is left unread.
"""

from typing import Any

from fastapi import APIRouter

from segue.clock import Clock, SystemClock
from segue.configuration import OpenAINames, ServerSettings
from segue.voice.plane import VoicePlane
from segue.web.openai import completions, models, speech, transcriptions
from segue.web.openai.names import Names

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request cannot be served; `error.message` says how to mend it, `error.param` where."},
    404: {"description": "There is no such model."},
    408: {"description": "The request did not arrive in time."},
    413: {"description": "The text, recording or body is too large."},
    415: {"description": "The body is not of the content type that this path reads."},
    502: {"description": "A provider failed before the answer began."},
    503: {"description": "Overloaded, or something needed is missing."},
    504: {"description": "A provider did not answer in time."},
}


def router(plane: VoicePlane, names: OpenAINames, server: ServerSettings, clock: Clock | None = None) -> APIRouter:
    """Every route under `/v1`, bound to a voice plane."""
    clock = clock or SystemClock()
    known = Names(plane, names)
    routes = APIRouter(prefix="/v1", tags=["openai"], responses=ERRORS)
    routes.include_router(speech.router(plane, known, server))
    routes.include_router(transcriptions.router(plane, known, server))
    routes.include_router(completions.router(plane, known, server, clock))
    routes.include_router(models.router(known, clock))
    return routes
