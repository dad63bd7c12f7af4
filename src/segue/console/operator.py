"""Who acts: an operator, known by a key or by the machine's own socket, and what that allows."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key allows. Scopes are independent of each other, but for `admin`, which allows everything."""

    SEND = "send"
    """Open chats and send messages; talk, where listeners need a key too."""
    READ = "read"
    """Read everything but the audit."""
    AUDIT_READ = "audit:read"
    """Read and verify the audit."""
    ROLLOUT_WRITE = "rollout:write"
    """Change who hears what: rollouts, and the kill switch."""
    ADMIN = "admin"
    """Everything: keys and pruning too."""
    NODE = "node"
    """Speak for the operators of another node, who were let in there."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who was let in. It is never made from what a request says about itself."""

    name: str
    """As it stands in the audit."""
    scopes: frozenset[Scope]
    via: str
    """How they came in: `key:<public id>`, `session:<public id of the key>`, `socket:<user of this machine>`,
    `link` (a one-time link), or `node:<public id of that node's key>`."""

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


CONTROLLER = Operator("controller", frozenset(), "controller")
"""The control loop of the delivery plane, in the audit."""
SCHEDULE = Operator("schedule", frozenset(), "schedule")
"""What happens by itself at a set time, in the audit."""
START = Operator("start", frozenset(), "start")
"""What happens because a server starts, in the audit."""
LINK = Operator("link", frozenset(), "link")
"""Whoever holds a link that can be used once, such as one for approval."""
TAKEN = frozenset(each.name for each in (CONTROLLER, SCHEDULE, START, LINK))
"""Names that no key may have."""
