"""The shapes of the answers of the operators' doors, for the OpenAPI document. They describe; nothing is built of them.

Every field is always there, and there are no others. Moments are Unix seconds.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from segue.console.keys import State
from segue.console.nodes import NodeState
from segue.console.operator import Scope
from segue.records import TurnRecord
from segue.web.described import Shape

Moment = Annotated[float, Field(ge=0)]
OwnId = Annotated[str, Field(pattern=r"^[^.]+\.[0-9a-f]{32}$")]
KeyId = Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Page(Shape):
    """A list, or a page of one."""

    next: str | None
    """The cursor of the next page; null at the end."""


class ChatShape(Shape):
    """A chat."""

    id: OwnId
    at: Moment
    title: str
    owner: str
    """The operator who opened it."""
    node: str


class MessageShape(Shape):
    """A message of a chat."""

    id: str
    chat: OwnId
    at: Moment
    role: Literal["user", "assistant"]
    text: str
    run: OwnId | None
    operator: str


class RunShape(Shape):
    """The making of a reply."""

    id: OwnId
    chat: OwnId
    message: str
    operator: str
    at: Moment
    state: Literal["running", "done", "failed"]
    attempt: Annotated[int, Field(ge=1)]
    reply: MessageShape | None
    code: str
    reason: str
    ended_at: Moment | None
    speak: bool


class SentShape(Shape):
    """A message with its reply."""

    run: OwnId
    chat: OwnId
    message: MessageShape
    reply: MessageShape
    attempt: Annotated[int, Field(ge=1)]


class AcceptedShape(Shape):
    """A message whose reply is being made."""

    run: OwnId
    chat: OwnId
    message: MessageShape
    state: Literal["running"]


class ChatPage(Page):
    """Chats."""

    items: list[ChatShape]


class MessagePage(Page):
    """Messages."""

    items: list[MessageShape]


class KeyShape(Shape):
    """What is known of a key."""

    id: KeyId
    name: str
    scopes: list[Scope]
    created_at: Moment
    made_by: str
    expires_at: Moment | None
    revoked_at: Moment | None
    used_at: Moment | None
    replaces: KeyId | None
    state: State


class NewKeyShape(KeyShape):
    """A key that was just made."""

    key: Annotated[str, Field(pattern="^seg_")]
    """Its text, which is told here and nowhere else."""


class RotatedShape(NewKeyShape):
    """A key that was made in place of another."""

    replaced: KeyShape


class KeyPage(Page):
    """Keys."""

    items: list[KeyShape]


class SessionShape(Shape):
    """Who asks."""

    name: str
    scopes: list[Scope]
    via: str
    expires_at: Moment | None


class EntryShape(Shape):
    """An entry of the audit. One that was tampered with may hold anything in the place of its texts."""

    seq: Annotated[int, Field(ge=1)]
    at: Moment
    actor: str
    via: str
    action: str
    target: str
    status: str
    code: str
    before: str
    after: str
    request: str
    node: str
    chat: str
    duration_ms: int
    facts: dict[str, JsonValue]
    prev_hash: str
    hash: str


class EntryPage(Page):
    """Entries of the audit."""

    items: list[EntryShape]


class FaultShape(Shape):
    """Something that is wrong with the chain."""

    seq: int
    kind: str
    sentence: str


class HeadShape(Shape):
    """A signed head."""

    seq: int
    hash: Digest
    at: Moment
    key: str


class VerificationShape(Shape):
    """Whether the chain is what was written."""

    ok: bool
    proven: bool
    checked: Annotated[int, Field(ge=0)]
    from_seq: int | None
    to_seq: int | None
    heads: Annotated[int, Field(ge=0)]
    prunes: Annotated[int, Field(ge=0)]
    faults: list[FaultShape]
    fault_count: Annotated[int, Field(ge=0)]
    warnings: list[str]
    head: HeadShape | None
    took_s: Annotated[float, Field(ge=0)]


class _PrunedEnds(Shape):
    to_seq: int | None
    """The last entry that is gone, or would be."""
    left: Annotated[int, Field(ge=0)]


class WouldPruneShape(_PrunedEnds):
    """What would be pruned."""

    would_remove: Annotated[int, Field(ge=0)]
    dry_run: Literal[True]


class PrunedShape(_PrunedEnds):
    """What was pruned."""

    removed: Annotated[int, Field(ge=0)]
    dry_run: Literal[False]


class NodeShape(Shape):
    """A node, and how it is."""

    name: str
    own: bool
    url: str | None
    state: NodeState
    checked_at: Moment | None
    answer_ms: Annotated[float, Field(ge=0)] | None
    version: str | None
    reasons: dict[str, str]


class NodePage(Page):
    """Nodes."""

    items: list[NodeShape]


class TurnPage(Page):
    """Records of turns."""

    items: list[TurnRecord]
