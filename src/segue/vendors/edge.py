"""Settings of the voices of Microsoft Edge, through the public client library."""

from typing import ClassVar, Literal

from segue.vendors.account import Provider, Role


class EdgeSynthesizer(Provider):
    """The unofficial service behind Edge's read-aloud; no account, and no promise that it is there tomorrow."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["edge"]
    url: str = ""
    """Address of a server that speaks the service's protocol; empty is the service itself."""
