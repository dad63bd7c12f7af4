"""The newest operation of each command, as it is kept beside its entry in the audit. Values and rules only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACTION = "operation.record"
"""As it stands in the audit."""
COMMAND = re.compile(r"[a-z][a-z0-9-]{0,30}( [a-z][a-z0-9-]{0,30}){0,2}")
"""What the name of a command is like."""
MOST_BYTES = 1_000_000
"""A report is no longer than that."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The newest report of one command, as far as it is kept: the report itself is in its file of evidence."""

    command: str
    """As it is given after `segue`, without its options."""
    outcome: str
    """`pass`, `warn`, `fail`, `no_data` or `not_measured`."""
    at_us: int
    """When it ended, as far as the server can tell: when it came, or what a late one says of itself."""
    by: str
    """Name of the operator."""
    digest: str
    """SHA-256 of the report's bytes, in hexadecimal."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many checks came out how."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values, without the command."""
        return {
            "outcome": self.outcome,
            "at_us": self.at_us,
            "by": self.by,
            "digest": self.digest,
            "counts": dict(self.counts),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where the entry of an operation is in the audit."""

    seq: int
    hash: str
    node: str

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"seq": self.seq, "hash": self.hash, "node": self.node}


@dataclass(frozen=True, slots=True)
class Signed:
    """An operation that was put on record, and the server's signature of its report."""

    operation: Operation
    place: Place
    key: str
    """Id of the key that signed."""
    signature: str
    """Ed25519 over the report with its type, in Base64."""


def target(command: str) -> str:
    """What the entry of a command names as its target."""
    return f"operation/{command}"


def operation_of(command: str, plain: Mapping[str, Any]) -> Operation:
    """The operation of which `Operation.as_dict` gave these values."""
    return Operation(command=command, **plain)
