"""Settings of the delivery plane: how often rollouts are looked after, and how their listeners are remembered."""

from typing import Annotated

from pydantic import Field

from segue.section import Seconds, Section


class DeliverySettings(Section):
    """How rollouts are looked after."""

    tick_s: Seconds = 1.0
    """How often a running rollout is looked at: what was counted is judged, and decided upon."""
    poll_s: Seconds = 0.5
    """How often a server asks for the routing table that others may have changed."""
    flush_s: Seconds = 0.5
    """How often a server writes what it has counted."""
    grace_s: Annotated[float, Field(ge=1.0, le=60.0)] = 2.0
    """How long a block of time stays open after the last of its turns was settled, so that every server can write what
    it counted. Twice what lies between the clocks of the servers and `flush_s` together is enough."""
    lease_s: Annotated[float, Field(ge=1.0, le=600.0)] = 10.0
    """How long one server looks after rollouts without saying so again; another one takes over after that."""
    session_s: Seconds = 3600.0
    """How long a session that is not heard of keeps its variant."""
    public_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Address under which people reach this server, for the links in messages, such as `https://voice.example.org`."""
