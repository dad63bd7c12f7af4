"""Who is told of a decision, and what: messages that are written with it and delivered later.

Nothing here waits for anybody; that a message cannot be delivered changes nothing about the decision.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from segue.delivery import approval
from segue.delivery.plan import NotifyPlan
from segue.delivery.rollout import Decision, Kind, Notice, Rollout

ADDRESS = "{public_url}"
"""Stands in a message for the address under which people reach this server; whoever delivers it puts that there."""
_EVENTS = {
    Kind.STARTED: "started",
    Kind.RETRIED: "started",
    Kind.ADVANCED: "advanced",
    Kind.STEPPED_BACK: "stepped_back",
    Kind.DROPPED: "dropped",
    Kind.WARNED: "warned",
    Kind.ROLLED_BACK: "rolled_back",
    Kind.PROMOTED: "promoted",
    Kind.HELD: "held",
}
_COMMANDED = (Kind.PAUSED, Kind.RESUMED, Kind.APPROVED, Kind.FROZEN, Kind.THAWED)
_STALE = ("no_data", "stale")
_SLACK_LIMIT = 2900
"""Slack refuses a text block of more than 3,000 characters."""


def event(decision: Decision) -> str:
    """What a decision is called where a plan says who is told of what; empty where nobody ever is."""
    if decision.kind is Kind.WAITED:
        return "approval" if decision.code == "approval" else ""
    if decision.kind is Kind.HELD and decision.code in _STALE:
        return "stale"
    return "commanded" if decision.kind in _COMMANDED else _EVENTS.get(decision.kind, "")


def notices(before: Rollout | None, after: Rollout, decision: Decision) -> tuple[Notice, ...]:
    """The messages that tell of a decision, as the plan has it.

    A message's id follows from the decision and its place in the plan, so that it is never written twice. What leaves
    a stage backwards is told to those of both stages.
    """
    name = event(decision)
    stages = {decision.stage_name}
    if before is not None and decision.kind is Kind.STEPPED_BACK:
        stages.add(before.stage_name)
    return tuple(
        _notice(after, decision, name, to, place)
        for place, to in enumerate(after.plan.notify)
        if name in to.on and (to.stages is None or stages & set(to.stages))
    )


def _notice(rollout: Rollout, decision: Decision, name: str, to: NotifyPlan, place: int) -> Notice:
    link = f"{ADDRESS}{approval.path(rollout)}" if name == "approval" and rollout.nonce else ""
    body = _slack(rollout, decision, link) if to.format == "slack" else _webhook(rollout, decision, name, to, link)
    return Notice(
        id=f"{rollout.key}#{decision.number}/{place}-{to.audience}",
        audience=to.audience,
        event=name,
        format=to.format,
        url=to.url,
        url_variable=to.url_variable,
        body=body,
        at=decision.at,
        next_at=decision.at,
    )


def _webhook(rollout: Rollout, decision: Decision, name: str, to: NotifyPlan, link: str) -> dict[str, Any]:
    plain = asdict(decision)
    body = {"event": name, "audience": to.audience, "about": rollout.plan.about, **plain}
    body |= {"kind": decision.kind.value, "phase": decision.phase.value}
    return body | {"link": link} if link else body


def _slack(rollout: Rollout, decision: Decision, link: str) -> dict[str, Any]:
    title = f"{rollout.name}: {decision.reason}"
    where = (
        f"attempt {decision.attempt} · {decision.stage_name} · {decision.share_bp / 100:g} % hear"
        f" {rollout.plan.candidate.name} · {decision.phase.replace('_', ' ')} · {decision.actor}"
    )
    blocks: list[dict[str, Any]] = [_section(f"*{_escaped(rollout.name)}*: {_escaped(decision.reason)}")]
    if link:
        blocks.append(_section(f"<{link}|Look and approve>"))
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(where)}]})
    return {"text": _escaped(title)[:_SLACK_LIMIT], "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_SLACK_LIMIT]}}


def _escaped(text: str) -> str:
    """A text in which Slack sees no link, mention or markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def addressed(body: dict[str, Any], public_url: str) -> dict[str, Any]:
    """A message with the server's address in its links; a path alone where the address is not known."""
    return {name: _addressed(value, public_url.rstrip("/")) for name, value in body.items()}


def _addressed(value: Any, public_url: str) -> Any:
    if isinstance(value, str):
        return value.replace(ADDRESS, public_url)
    if isinstance(value, dict):
        return dict(_pairs(value, public_url))
    if isinstance(value, list):
        return [_addressed(item, public_url) for item in value]
    return value


def _pairs(value: dict[str, Any], public_url: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        yield name, _addressed(inner, public_url)
