"""`/api/nodes`: this node and the others, and how each of them is."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from segue import __version__
from segue.clock import Clock
from segue.console.nodes import NodeHealth, NodeState
from segue.console.operator import Scope
from segue.console.presence import Presence
from segue.web.access import Access
from segue.web.described import answers
from segue.web.shapes import NodePage
from segue.web.state import Readiness


def router(presence: Presence, readiness: Readiness, clock: Clock, access: Access) -> APIRouter:
    """The route, bound to what this node knows of the others; it is asked about itself at once."""
    routes = APIRouter(tags=["nodes"], dependencies=[access.needs(Scope.READ)])

    @routes.get("/api/nodes", responses=answers(NodePage))
    async def nodes() -> dict[str, Any]:
        """Every node: this one as it is now, the others as they were when they were last asked."""
        own = _own(presence.own, readiness(), clock.wall())
        others = sorted(presence.seen.values(), key=lambda each: each.name)
        return {"items": [_told(own, own=True), *(_told(each, own=False) for each in others)], "next": None}

    return routes


def figures(presence: Presence) -> dict[str, float]:
    """How each of the other nodes is, as a figure: ready 1, not ready 0.5, dead 0; unknown ones are left out."""
    worth = {NodeState.READY: 1.0, NodeState.NOT_READY: 0.5, NodeState.DEAD: 0.0}
    return {name: worth[each.state] for name, each in presence.seen.items() if each.state in worth}


def _own(name: str, reasons: Mapping[str, str], wall: float) -> NodeHealth:
    state = NodeState.NOT_READY if reasons else NodeState.READY
    return NodeHealth(name, None, state, round(wall * 1e6), 0.0, __version__, dict(reasons))


def _told(health: NodeHealth, *, own: bool) -> dict[str, Any]:
    return {
        "name": health.name,
        "own": own,
        "url": health.url,
        "state": health.state.value,
        "checked_at": round(health.checked_us / 1e6, 6) if health.checked_us is not None else None,
        "answer_ms": round(health.answer_ms, 3) if health.answer_ms is not None else None,
        "version": health.version,
        "reasons": dict(health.reasons),
    }
