"""The bodies and parameters of the rollouts' doors, and how those doors answer."""

from typing import Annotated, Any, Literal, get_args

from fastapi import Path, Query
from pydantic import Field
from starlette.convertors import Convertor, register_url_convertor

from segue.console.operator import Operator
from segue.delivery.rollout import Command, Verb
from segue.delivery.status import VERBS
from segue.errors import SegueError
from segue.web.bodies import Body

Reason = Annotated[str, Field(max_length=1000)]
CommandId = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Number = Annotated[int, Query(ge=0, le=1_000_000_000)]
Attempt = Annotated[int | None, Query(ge=1, le=1_000_000_000)]
Limit = Annotated[int, Query(ge=1, le=1000)]
RolloutName = Annotated[str, Path(max_length=200)]
VerbName = Literal["pause", "resume", "approve", "promote", "step-back", "rollback", "freeze", "thaw", "retry"]
TurnsPerSecond = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class VerbConvertor(Convertor[str]):
    """A part of a path that is a verb. Other words are other paths, under which something else may be read."""

    regex = "|".join(get_args(VerbName))

    def convert(self, value: str) -> str:
        """The verb as it stands in the path."""
        return value

    def to_string(self, value: str) -> str:
        """The part of a path for a verb."""
        return value


register_url_convertor("verb", VerbConvertor())


class Refused(SegueError):
    """The command cannot be obeyed as things stand; nothing changed."""

    status = 409
    code = "refused"


class CommandBody(Body):
    """What an operator says with a command."""

    reason: Reason = ""
    """Why, for those who read the decisions later."""
    id: CommandId = ""
    """The same id takes effect once, however often it is sent."""
    force: bool = False
    """Promote after a breach, or while it is frozen or speech is switched off; retry within the cool-down, or a locked
    candidate."""
    full: bool = False
    """Promote through all remaining stages."""
    stage: Annotated[str, Field(max_length=63)] = ""
    """Approve: the stage that may be entered, the next one when empty. Step back: where to, one stage when empty."""
    nonce: Annotated[str, Field(max_length=200)] = ""
    """Approve by link: what the link carries."""

    def command(self, verb: VerbName, by: Operator, request: str) -> Command:
        """The command as the delivery plane knows it, of whoever was let in; the request's id where it has none."""
        return Command(VERBS[verb], **self.model_dump() | {"id": self.id or request}, actor=by.name, via=by.via)


class StartBody(Body):
    """A plan that is to be started."""

    plan: Annotated[str, Field(max_length=1_000_000)] | dict[str, Any]
    """The plan: the text of its file (YAML), or an object."""
    reason: Reason = ""
    """Why, for those who read the decisions later."""
    id: CommandId = ""
    """The same id takes effect once, however often it is sent."""
    force: bool = False
    """Start within the cool-down, or a candidate that is locked."""

    def command(self, by: Operator, request: str) -> Command:
        """The command as the delivery plane knows it, of whoever was let in; the request's id where it has none."""
        return Command(Verb.START, by.name, self.reason, self.id or request, self.force, via=by.via)


class PlanBody(Body):
    """A plan that is to be looked through; it is not started."""

    plan: Annotated[str, Field(max_length=1_000_000)] | dict[str, Any]
    """The plan: the text of its file (YAML), or an object."""
    turns_per_s: TurnsPerSecond | None = None
    """Turns per second that all listeners together begin; with it, stages that cannot be proved are found."""


Answers = dict[int | str, dict[str, Any]]
UNKNOWN: Answers = {404: {"description": "There is no such rollout; `detail` names those there are."}}
WRITING: Answers = {
    400: {"description": "The body is not valid; `detail` says what is wrong with it, and in which line of a plan."},
    408: {"description": "The request did not arrive in time."},
    409: {"description": "Refused as things stand (code `refused`); `detail` says why, and nothing changed."},
    413: {"description": "The body is too large."},
    415: {"description": "The body is not JSON."},
    503: {"description": "It could not be written; nothing changed."},
}
READING: Answers = {503: {"description": "What is kept cannot be read now."}}
EVENTS: Answers = {200: {"description": "The events.", "content": {"text/event-stream": {}}}}
EXPORT: Answers = {200: {"description": "The lines.", "content": {"application/x-ndjson": {}}}}
