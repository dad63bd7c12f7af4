"""The other nodes, put together: where each of them is, who speaks with them, and who asks how they are."""

import random
import secrets
from dataclasses import dataclass

import httpx2

from segue.clock import Clock
from segue.console.presence import Presence
from segue.errors import ConfigurationError
from segue.providers.node import Address, Nodes
from segue.settings import Settings, variable
from segue.vendors.console import NodeSettings


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What a server knows of the other nodes. `parts` are started in this order, and closed in the opposite one."""

    presence: Presence
    parts: tuple[Nodes, Presence]


def neighbours(settings: Settings, clock: Clock) -> Neighbours:
    """Make ready to speak with the other nodes; nothing is started yet.

    Raises:
        ConfigurationError: a node is this one, or has no key.
    """
    own = settings.console
    if own.node in own.nodes:
        raise ConfigurationError(f"console.nodes names {own.node!r}, which is this node (console.node).")
    addresses = {name: Address(each.url, _key(name, each)) for name, each in own.nodes.items()}
    caller = Nodes(addresses, clock, own.node_timeout_s)
    shown = {name: _shown(name, each.url) for name, each in own.nodes.items()}
    chance = random.Random(secrets.randbits(64))  # noqa: S311 - only spreads waits
    presence = Presence(own.node, shown, caller, clock, own.node_poll_s, chance)
    return Neighbours(presence, (caller, presence))


def _key(name: str, node: NodeSettings) -> str:
    """The key of another node.

    Raises:
        ConfigurationError: there is none.
    """
    key = node.key.get_secret_value().strip() or (variable(node.key_variable) if node.key_variable else None)
    if not key:
        hint = f"the environment variable {node.key_variable} is not set" if node.key_variable else "it has no key"
        raise ConfigurationError(f"console.nodes.{name}: {hint}; make one there with the scope `node`.")
    return key


def _shown(name: str, url: str) -> str:
    """The address as it may be shown: without a user or a password in it.

    Raises:
        ConfigurationError: it is no address to which a path can be added.
    """
    try:
        read = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ConfigurationError(f"console.nodes.{name}.url is no address: {error}") from None
    if read.query or read.fragment or not read.host:
        raise ConfigurationError(f"console.nodes.{name}.url is no address of a server: leave out what follows `?`.")
    return str(read.copy_with(username=None, password=None))
