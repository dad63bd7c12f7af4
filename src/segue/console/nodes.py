"""Nodes: which one a chat or a run belongs to, and how each of them is. Values and rules only.

An id says where its chat lives: the name of the node, a dot, and 32 hexadecimal digits. So a request finds its node
without anybody being asked, and no chat ever moves to another.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from segue.errors import NotFound

ID = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)\.[0-9a-f]{32}")
SAID = 200
"""Characters of another node's words that are told on."""
REASONS = 20
"""Reasons of another node that are told on."""


class NodeState(StrEnum):
    """How a node is. `unknown` before it was asked for the first time."""

    READY = "ready"
    NOT_READY = "not ready"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """How a node was when it was last asked."""

    name: str
    url: str | None
    """Its address; None for this one."""
    state: NodeState = NodeState.UNKNOWN
    checked_us: int | None = None
    """When it was asked, in Unix microseconds; None before."""
    answer_ms: float | None = None
    """How long it took to answer; None where it did not."""
    version: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """What keeps it from serving: a name and a sentence each."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is sent on to another node, as it came."""

    method: str
    path: str
    """With its query, as it stands in the address."""
    headers: tuple[tuple[str, str], ...]
    """Names in lower case; what comes twice goes twice. A letter stands for a byte, as in ISO 8859-1."""
    body: bytes
    operator: str
    """In whose name: they were let in here."""
    wait_s: float
    """How long the answer may take to begin."""


def home(id: str, own: str, known: Collection[str]) -> str:  # noqa: A002 - it is what it is called everywhere
    """The name of the node that a chat or a run belongs to. What is no id at all belongs here, where it is not found.

    Raises:
        NotFound: there is no such node.
    """
    found = ID.fullmatch(id)
    return named(found[1], own, known) if found else own


def named(name: str, own: str, known: Collection[str]) -> str:
    """The name of a node that somebody gave; the own one where it is empty.

    Raises:
        NotFound: there is no such node.
    """
    if not name or name == own:
        return own
    if name not in known:
        shown = name if len(name) <= SAID else f"{name[:SAID]}…"
        there = ", ".join(sorted({own, *known}))
        raise NotFound(f"There is no node {shown!r}; there is {there}.", code="unknown_node")
    return name


def told(status: int, body: Any) -> tuple[NodeState, dict[str, str]]:
    """What a node's own answer about its readiness says: its status and the JSON that came with it."""
    reasons = body.get("reasons") if isinstance(body, Mapping) else None
    if status == 200 and isinstance(reasons, Mapping):
        return NodeState.READY, {}
    if status == 503 and isinstance(reasons, Mapping):
        few = list(reasons.items())[:REASONS]
        return NodeState.NOT_READY, {str(name)[:SAID]: str(sentence)[:SAID] for name, sentence in few}
    return NodeState.DEAD, {"answer": f"It answered with status {status}, and not as a node does."}
