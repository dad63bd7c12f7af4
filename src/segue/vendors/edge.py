"""Settings of the voices of Microsoft Edge, through the public client library."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segue.vendors.account import Provider, Role


class EdgeSynthesizer(Provider):
    """The unofficial service behind Edge's read-aloud; no account, and no promise that it is there tomorrow."""

    role: ClassVar[Role] = "synthesizer"
    vendor: Literal["edge"]
    url: Annotated[str, Field(pattern=r"^(wss?://[^/].*)?$")] = ""
    """Address of a server that speaks the service's protocol: `ws://` or `wss://`, and below it `/edge/v1` and
    `/voices/list`. Empty is the service itself."""
