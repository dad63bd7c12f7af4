"""`GET /api/routing` and `GET /api/assignment`: who hears what, on this machine and now."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from segue.console.operator import Scope
from segue.routing import bucket
from segue.voice.assignment import assign
from segue.voice.plane import VoicePlane
from segue.web.access import Access
from segue.web.bodies import Id
from segue.web.described import answers
from segue.web.rollout_shapes import AssignmentShape, TableShape

_LANGUAGE: dict[int | str, dict[str, Any]] = {400: {"description": "The language is not configured."}}


def router(plane: VoicePlane, access: Access) -> APIRouter:
    """The route that shows the table, bound to a voice plane."""
    routes = APIRouter(prefix="/api", tags=["rollouts"])

    @routes.get("/routing", dependencies=[access.needs(Scope.READ)], responses=answers(TableShape))
    async def routing() -> dict[str, Any]:
        """The routing table as it is in force here.

        `restricted` says in words what this machine's environment takes away of the exposure, and is empty where it
        takes nothing.
        """
        table = plane.turns.assigner.table()
        restricted = str(table.exposure.restrictions) if table.exposure is not None else ""
        return {**table.as_dict(), "restricted": restricted}

    return routes


def assignment(plane: VoicePlane) -> APIRouter:
    """The route that says what a listener would hear, bound to a voice plane."""
    routes = APIRouter(prefix="/api", tags=["rollouts"])

    @routes.get("/assignment", responses=answers(AssignmentShape) | _LANGUAGE)
    async def assigned(
        listener: Annotated[Id | None, Query()] = None,
        character: Annotated[Id | None, Query()] = None,
        language: Annotated[str | None, Query(max_length=35)] = None,
    ) -> dict[str, Any]:
        """The variant that a turn of this listener would be given now, outside any session. Nothing is counted.

        `bucket` is where the listener was drawn, from 0 to 9999; null where nobody is drawn.
        """
        table = plane.turns.assigner.table()
        found = assign(listener, table, character=character, language=plane.language(language, "", None, character))
        salt = table.exposure.salt if table.exposure is not None else None
        return {
            "variant": found.variant.name,
            "arm": found.arm,
            "reason": found.reason.value,
            "rollout": found.rollout,
            "stage": found.stage,
            "bucket": None if salt is None or listener is None else bucket(salt, listener),
            "version": table.version,
        }

    return routes
