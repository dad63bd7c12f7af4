"""The shapes of what Segue says of itself, for the OpenAPI document. They describe; nothing is built of them."""

from typing import Annotated, Literal

from pydantic import Field

from segue.web.described import Shape
from segue.web.shapes import Moment, Page


class SwitchShape(Shape):
    """How the kill switch stands."""

    enabled: bool
    since: Moment
    reason: str
    by: str
    kept: bool


class BreakerShape(Shape):
    """The breaker of a provider."""

    state: str
    for_s: float
    opened: Annotated[int, Field(ge=0)]
    rests_s: Annotated[float, Field(ge=0)] | None
    failing_share: Annotated[float, Field(ge=0, le=1)] | None


class LimitsShape(Shape):
    """What a provider is held to."""

    first_s: float | None
    stall_s: float | None
    total_s: float | None
    at_once: int | None


class LastErrorShape(Shape):
    """The latest failure of a provider."""

    category: str
    message: str
    at: float


class ProviderShape(Shape):
    """A provider, and how it is."""

    name: str
    role: Literal["model", "synthesizer", "recognizer"]
    state: Literal["ready", "resting", "being tried", "left out", "switched off"]
    reason: str
    vendor: str
    model: str
    version: str
    place: str
    breaker: BreakerShape
    limits: LimitsShape
    calls: Annotated[int, Field(ge=0)]
    failures: Annotated[int, Field(ge=0)]
    running: int | None
    last_error: LastErrorShape | None


class ChainsShape(Shape):
    """In which order providers are asked."""

    models: dict[Literal["fast", "quality"], list[str]]
    synthesizers: list[str]
    recognizers: list[str]


class ProviderPage(Page):
    """Providers."""

    items: list[ProviderShape]
    chains: ChainsShape


class LivenessShape(Shape):
    """That the process answers."""

    status: Literal["live"]
    version: str


class ReadyShape(Shape):
    """Whether this process should be sent listeners."""

    status: Literal["ready", "not ready"]
    reasons: dict[str, str]
    degraded: dict[str, str]
