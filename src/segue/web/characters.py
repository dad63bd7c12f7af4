"""`GET /api/voice/characters`: who can be asked for by role instead of by voice."""

from typing import Any

from fastapi import APIRouter

from segue.voice.catalogue import Catalogue


def router(catalogue: Catalogue) -> APIRouter:
    """The route, bound to a catalogue."""
    routes = APIRouter(tags=["state"])

    @routes.get("/api/voice/characters")
    async def characters() -> dict[str, Any]:
        """Every character, with its names and the languages it can be heard in.

        `voices` is by synthesizer and language; the language `*` stands for all that the voice speaks.
        """
        return {"items": catalogue.listed(), "next": None}

    return routes
