"""Nodes: whose an id is, how each node is, and that asking them goes on whatever they answer."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from segue.clock import ManualClock
from segue.console.nodes import Call, NodeHealth, NodeState, home, named, told
from segue.console.ports import NodeAnswer
from segue.console.presence import Presence
from segue.errors import ConfigurationError, NotFound
from segue.settings import Settings
from segue.web.nodes import figures
from segue.wiring.nodes import neighbours

HEX = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("id", "node"),
    [
        (f"main.{HEX}", "main"),
        (f"kyiv-2.{HEX}", "kyiv-2"),
        (HEX, "main"),
        ("", "main"),
        (f"kyiv-2.{HEX[:-1]}", "main"),
        (f"kyiv-2.{HEX}0", "main"),
        (f"kyiv-2.{HEX.upper()}", "main"),
        (f"kyiv-2.{HEX}\n", "main"),
        (f"Kyiv-2.{HEX}", "main"),
        (f"kyiv-2/.{HEX}", "main"),
        (f"-.{HEX}", "main"),
        (f"..{HEX}", "main"),
    ],
)
def test_an_id_says_where_it_lives(id: str, node: str) -> None:  # noqa: A002 - it is what it is called everywhere
    """The name before the dot is the node; what is no id is looked for here, and not found."""
    assert home(id, "main", {"kyiv-2": "http://k"}) == node


def test_a_node_that_is_not_there() -> None:
    """An id or a name of a node that nobody knows is told so, with the names there are; an empty name is this node."""
    with pytest.raises(NotFound, match=r"There is no node 'lviv'; there is kyiv-2, main\.") as found:
        home(f"lviv.{HEX}", "main", {"kyiv-2"})
    with pytest.raises(NotFound) as long:
        named("x" * 10_000, "main", {"kyiv-2"})

    assert (found.value.status, found.value.code) == (404, "unknown_node")
    assert len(long.value.message) < 300
    assert named("", "main", {"kyiv-2"}) == named("main", "main", {"kyiv-2"}) == "main"


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, {"status": "ready", "reasons": {}}, NodeState.READY),
        (503, {"reasons": {"a": "b"}}, NodeState.NOT_READY),
        (200, {"reasons": []}, NodeState.DEAD),
        (200, None, NodeState.DEAD),
        (404, {"reasons": {}}, NodeState.DEAD),
    ],
)
def test_what_a_node_says(status: int, body: Any, state: NodeState) -> None:
    """Only an answer in the form of a node's own is one; its words are shortened, and so is their number."""
    assert told(status, body)[0] is state
    _, reasons = told(503, {"reasons": {f"{number}" * 1000: "b" * 1000 for number in range(10, 99)}})
    assert len(reasons) == 20
    assert max(len(word) for pair in reasons.items() for word in pair) == 200


class Answering:
    """A `NodeCaller` that says of a node what a test wants; None makes it fail in a way that nobody foresaw."""

    def __init__(self, state: NodeState | None) -> None:
        self.state = state
        self.asked: list[str] = []

    def call(self, node: str, call: Call) -> AbstractAsyncContextManager[NodeAnswer]:
        """Nothing is sent on here."""
        raise NotImplementedError

    async def health(self, node: str) -> NodeHealth:
        """See `NodeCaller.health`."""
        self.asked.append(node)
        if self.state is None:
            raise ZeroDivisionError
        return NodeHealth(node, "http://k", self.state)


@pytest.fixture
async def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
async def presence(clock: ManualClock) -> AsyncGenerator[Presence, None]:
    """Somebody who asks two other nodes every 15 s."""
    others = {"kyiv-2": "http://k", "lviv": "http://l"}
    presence = Presence("main", others, Answering(NodeState.READY), clock, 15.0, random.Random(7))  # noqa: S311 - only spreads waits
    yield presence
    await presence.close()


async def test_nodes_are_asked_at_once_and_again(presence: Presence, clock: ManualClock) -> None:
    """Each node is asked at once, with nobody waiting for it, and then about as often as configured."""
    caller = presence.caller
    assert isinstance(caller, Answering)
    assert {each.state for each in presence.seen.values()} == {NodeState.UNKNOWN}
    assert figures(presence) == {}

    await presence.start()
    await clock.advance(0)
    assert sorted(caller.asked) == ["kyiv-2", "lviv"]
    assert figures(presence) == {"kyiv-2": 1.0, "lviv": 1.0}

    await clock.advance(13.4)
    assert len(caller.asked) == 2
    await clock.advance(3.2)
    assert sorted(caller.asked) == ["kyiv-2", "kyiv-2", "lviv", "lviv"]
    caller.state = NodeState.NOT_READY
    await clock.advance(150.0)
    assert 18 <= len(caller.asked) - 4 <= 23
    assert figures(presence) == {"kyiv-2": 0.5, "lviv": 0.5}


async def test_asking_goes_on(presence: Presence, clock: ManualClock) -> None:
    """A failure that nobody foresaw ends nothing: the next answer is told again."""
    caller = presence.caller
    assert isinstance(caller, Answering)
    caller.state = None
    await presence.start()
    await clock.advance(0)
    assert presence.seen["lviv"].state is NodeState.UNKNOWN

    caller.state = NodeState.DEAD
    await clock.advance(20.0)
    assert presence.seen["lviv"].state is NodeState.DEAD
    assert figures(presence) == {"kyiv-2": 0.0, "lviv": 0.0}


async def test_closing_ends_the_asking(presence: Presence, clock: ManualClock) -> None:
    """After closing, which may be done twice, nobody is asked and no task is left."""
    caller = presence.caller
    assert isinstance(caller, Answering)
    await presence.start()
    await clock.advance(0)
    await presence.close()
    await presence.close()
    await clock.advance(100.0)

    assert len(caller.asked) == 2
    assert {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("node: ")} == set()


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"main": {"url": "http://k", "key": "k"}}, "this node"),
        ({"kyiv": {"url": "http://k"}}, "console.nodes.kyiv: it has no key"),
        ({"kyiv": {"url": "http://k", "key_variable": "NOT_SET_HERE"}}, "NOT_SET_HERE is not set"),
        ({"kyiv": {"url": "http://k:port", "key": "k"}}, "console.nodes.kyiv.url is no address"),
        ({"kyiv": {"url": "http://k?a=b", "key": "k"}}, "no address"),
        ({"kyiv": {"url": "http://k", "key": "k\nk"}}, "no header can"),
    ],
)
def test_nodes_that_cannot_be(nodes: dict[str, Any], said: str) -> None:
    """A node that is this one, or has no key or address, is told before anything starts."""
    with pytest.raises(ConfigurationError, match=said):
        neighbours(Settings.model_validate({"console": {"nodes": nodes}}), ManualClock())


def test_a_key_in_a_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key may stand in an environment variable, and neither it nor a password in an address is shown."""
    monkeypatch.setenv("KEY_OF_KYIV", "seg_secret")
    settings = Settings.model_validate(
        {"console": {"nodes": {"kyiv": {"url": "https://me:secret@k:1/x", "key_variable": "KEY_OF_KYIV"}}}}
    )

    seen = neighbours(settings, ManualClock()).presence.seen

    assert seen["kyiv"].url == "https://k:1/x"
