"""`GET /api/providers`: the state of every provider, and in which order each chain is walked."""

from typing import Any

from fastapi import APIRouter

from segue.clock import Clock
from segue.console.operator import Scope
from segue.voice.plane import VoicePlane
from segue.voice.roster import Roster
from segue.voice.standing import standing
from segue.web.access import Access
from segue.web.described import answers
from segue.web.state_shapes import ProviderPage


def router(plane: VoicePlane, clock: Clock, access: Access) -> APIRouter:
    """The route, bound to a voice plane."""
    routes = APIRouter(tags=["state"])

    @routes.get("/api/providers", dependencies=[access.needs(Scope.READ)], responses=answers(ProviderPage))
    async def providers() -> dict[str, Any]:
        """Every provider with its breaker, limits, last error and version; and the chains."""
        now = clock.now()
        rosters: dict[str, Roster[Any]] = {
            "model": plane.models,
            "synthesizer": plane.speech,
            "recognizer": plane.hearing.recognizers,
        }
        return {
            "items": [item for role, roster in rosters.items() for item in standing(role, roster, now)],
            "chains": {
                "models": {profile: list(plane.models.order(profile)) for profile in ("fast", "quality")},
                "synthesizers": list(plane.speech.order()),
                "recognizers": list(plane.hearing.recognizers.order()),
            },
            "next": None,
        }

    return routes
