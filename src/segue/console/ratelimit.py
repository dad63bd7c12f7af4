"""Rate limits: the generic cell rate algorithm over any number of scopes at once. Values and rules only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How often: `per_s` in the long run, `burst` at once."""

    name: str
    """As in the header `RateLimit-Policy`: `chat` or `operator`."""
    per_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How one scope stands after a verdict."""

    policy: Policy
    remaining: int
    """Requests that would be let through at once now."""
    reset_s: float
    """Until all of the burst is free again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided over all scopes of a request together; a refusal has counted nothing."""

    allowed: bool
    standings: tuple[Standing, ...]
    violated: Policy | None = None
    """The policy that was violated; the one that takes longest where several were."""
    retry_after_s: float = 0.0
