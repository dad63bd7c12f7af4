"""`/api/voice/degradation_status` and `/api/voice/switch`: how well replies are served, and whether they are at all."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from segue.console.actions import Actions, Deed
from segue.console.audit import Draft
from segue.console.operator import Operator, Scope
from segue.vendors.degradation import DegradationSettings
from segue.voice.degradation import Figures, Reading, Remedy, rules_of
from segue.voice.lookout import AxisReport, Change, Lookout, Report
from segue.voice.profiles import Finding
from segue.voice.switch import Switch, SwitchState
from segue.web.access import Access
from segue.web.bodies import Body, json_only
from segue.web.described import answers
from segue.web.guard import request_id
from segue.web.state_shapes import SwitchShape


class SwitchBody(Body):
    """How the kill switch is to be turned."""

    enabled: bool
    """Whether spoken replies may begin. Running ones finish in any case."""
    reason: Annotated[str, Field(max_length=500)] = ""
    """Why, for those who are refused."""


def switch_fields(state: SwitchState) -> dict[str, Any]:
    """The kill switch as plain values."""
    return {
        "enabled": state.enabled,
        "since": round(state.since, 3),
        "reason": state.reason,
        "by": state.by,
        "kept": state.kept,
    }


def status_fields(report: Report, settings: DegradationSettings, switch: SwitchState) -> dict[str, Any]:
    """Everything about degradation as plain values; the state of the whole is that of the worse axis."""
    worst = report.worst
    return {
        "state": worst.state.value,
        "axis": worst.axis.value,
        "reason": worst.reason,
        "since": round(worst.since, 3),
        "insufficient_data": any(axis.insufficient for axis in report.axes),
        "badges": list(dict.fromkeys(axis.badge for axis in report.axes if axis.badge)),
        "remedy": _remedy_fields(report.remedy),
        "axes": {axis.axis.value: _axis_fields(axis, settings) for axis in report.axes},
        "profiles": {
            name: {finding.objective.value: _finding_fields(finding) for finding in findings}
            for name, findings in report.profiles.items()
        },
        "changes": [_change_fields(change) for change in reversed(report.changes)],
        "switch": switch_fields(switch),
    }


def _remedy_fields(remedy: Remedy) -> dict[str, Any]:
    return {
        "default_profile": remedy.default_profile,
        "forced_profile": remedy.forced_profile,
        "rotate_synthesizers": remedy.rotate_synthesizers,
    }


def _axis_fields(axis: AxisReport, settings: DegradationSettings) -> dict[str, Any]:
    return {
        "state": axis.state.value,
        "badge": axis.badge or None,
        "reason": axis.reason,
        "since": round(axis.since, 3),
        "insufficient_data": bool(axis.insufficient),
        "judgement": axis.word.value,
        "now": axis.now,
        "next": axis.following,
        "window_s": settings.window_s,
        "min_turns": settings.min_turns,
        "figures": _figures_fields(axis, axis.figures, settings),
    }


def _figures_fields(axis: AxisReport, figures: Figures, settings: DegradationSettings) -> dict[str, Any]:
    """Each figure with the turns behind it, and over which limit each state is entered and under which it is left."""
    fields: dict[str, Any] = {}
    for rule in rules_of(axis.axis):
        limit = rule.limit_in(settings)
        sufficient = rule.figure not in axis.insufficient
        known = {**_reading_fields(figures.get(rule.figure)), "sufficient": sufficient, "limits": {}}
        told = fields.setdefault(rule.figure.value, known)
        told["limits"][rule.state.value] = {"over": limit, "left_under": _tidy(limit * settings.leave_ratio)}
    return fields


def _finding_fields(finding: Finding) -> dict[str, Any]:
    return {"objective": finding.limit, **_reading_fields(finding.reading), "verdict": finding.verdict.value}


def _reading_fields(reading: Reading | None) -> dict[str, Any]:
    return {"value": None if reading is None else _tidy(reading.value), "n": 0 if reading is None else reading.n}


def _change_fields(change: Change) -> dict[str, Any]:
    return {
        "at": round(change.at, 3),
        "axis": change.axis.value,
        "from": change.before.value,
        "to": change.after.value,
        "judgement": change.word.value,
        "reason": change.reason,
    }


def _tidy(value: float) -> float:
    """Without the tail that binary fractions leave."""
    return round(value, 6)


def router(lookout: Lookout, switch: Switch, settings: DegradationSettings) -> APIRouter:
    """The routes, bound to what they tell of."""
    routes = APIRouter(prefix="/api/voice", tags=["state"])

    @routes.get("/degradation_status")
    async def degradation_status() -> dict[str, Any]:
        """How well replies are served: both axes, each profile's promises, the latest changes, the kill switch."""
        return status_fields(lookout.report(), settings, switch.state)

    @routes.get("/switch", responses=answers(SwitchShape))
    async def read_switch() -> dict[str, Any]:
        """Whether spoken replies may begin, since when, why, and who said so."""
        return switch_fields(switch.state)

    return routes


def turning(switch: Switch, access: Access, actions: Actions) -> APIRouter:
    """The route that turns the kill switch; that takes what changing a rollout takes."""
    routes = APIRouter(prefix="/api/voice", tags=["state"])

    @routes.post("/switch", dependencies=[Depends(json_only)], responses=answers(SwitchShape))
    async def turn_switch(
        body: SwitchBody, by: Annotated[Operator, access.needs(Scope.ROLLOUT_WRITE)], request: Request
    ) -> dict[str, Any]:
        """Switch spoken replies off or on. Off holds at once for new turns; running ones finish."""

        async def do(draft: Draft) -> SwitchState:
            reason = body.reason.strip()
            return await switch.turn(body.enabled, reason, by=by.name, via=by.via, request=draft.request)

        deed = Deed("switch.turn", "switch", Scope.ROLLOUT_WRITE, request_id(request))
        return switch_fields(await actions.act(by, deed, do))

    return routes
