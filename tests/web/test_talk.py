"""Turns over a WebSocket, with binary packets and barge-in, against a real server with real speech."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from segue.web.talk import END_OF_TURN, FIRST_OF_TURN, HEADER, LAST_OF_SENTENCE
from tests.server import RunningServer, running

LONG = "Tell me more. " * 5


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server whose scripted replies take their time: two seconds of speech a second, a token every 20 ms."""
    scripted = {
        "reply": "The first sentence is here. The second one follows it. " * 5,
        "token_interval_s": 0.02,
        "real_time_factor": 0.5,
    }
    with running({"providers": {"models": ["scripted"], "synthesizers": ["scripted"], "scripted": scripted}}) as server:
        yield server


@dataclass
class Heard:
    """What came over a connection."""

    events: list[dict[str, Any]] = field(default_factory=list)
    packets: list[tuple[int, int, int, int, bytes]] = field(default_factory=list)
    """flags, generation, seq, part, pcm"""


@asynccontextmanager
async def talking(server: RunningServer, **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection."""
    async with connect(f"{server.ws}/api/voice/ws", max_size=None, **options) as socket:
        yield socket


async def listen(socket: ClientConnection, until: str, heard: Heard | None = None, packets: int = -1) -> Heard:
    """Everything up to an event of this kind, or up to a number of packets."""
    heard = heard or Heard()
    async for message in socket:
        if isinstance(message, bytes):
            version, flags, generation, seq, part, turn = HEADER.unpack_from(message)
            assert version == 1
            assert len(turn) == 16
            heard.packets.append((flags, generation, seq, part, message[HEADER.size :]))
            if len(heard.packets) == packets:
                break
        else:
            heard.events.append(json.loads(message))
            if heard.events[-1]["event"] == until:
                break
    return heard


async def ask(socket: ClientConnection, **message: Any) -> None:
    """Send a message."""
    await socket.send(json.dumps(message))


async def test_a_turn_over_a_socket(server: RunningServer) -> None:
    """Events and packets carry turn and generation; the end is marked once, and just before `done`."""
    async with talking(server) as socket:
        await ask(socket, type="turn", generation=7, text="Hello!", listener="anna", language="en", voice="scripted-en")
        heard = await listen(socket, "done")

    kinds = [event["event"] for event in heard.events]
    assert kinds[0] == "meta"
    assert kinds[-1] == "done"
    assert {event["generation"] for event in heard.events} == {7}
    assert {generation for _, generation, *_ in heard.packets} == {7}
    (speaker,) = [event for event in heard.events if event["event"] == "speaker"]
    assert (speaker["seq"], speaker["provider"], speaker["voice"]) == (0, "scripted", "scripted-en")
    assert speaker["model"]
    flags = [flags for flags, *_ in heard.packets]
    assert flags[0] & FIRST_OF_TURN
    assert sum(1 for one in flags if one & FIRST_OF_TURN) == sum(1 for one in flags if one & END_OF_TURN) == 1
    assert flags[-1] == END_OF_TURN
    assert sum(1 for one in flags if one & LAST_OF_SENTENCE) == heard.events[-1]["sentences"]
    pcm = b"".join(data for *_, data in heard.packets)
    assert len(pcm) / 48 == pytest.approx(heard.events[-1]["audio_ms"], abs=0.1)
    assert all(len(data) % 2 == 0 for *_, data in heard.packets)


async def test_barge_in_ends_a_reply_at_once(server: RunningServer) -> None:
    """After `cleared` nothing of the old generation comes; the record says that the listener interrupted."""
    async with talking(server) as socket:
        await ask(socket, type="turn", generation=1, text=LONG)
        first = await listen(socket, "done", packets=2)
        await ask(socket, type="clear")
        await listen(socket, "cleared")
        await ask(socket, type="turn", generation=2, text=LONG)
        second = await listen(socket, "done", packets=3)
        await ask(socket, type="clear")
        await listen(socket, "cleared")

    assert {generation for _, generation, *_ in second.packets} == {2}
    record = server.record(first.events[0]["turn"])
    assert (record["outcome"], record["reason"]) == ("cancelled", "The listener interrupted.")


async def test_a_new_turn_interrupts_the_old_one(server: RunningServer) -> None:
    """Asking again while a reply plays is a barge-in too: `cleared`, then the new reply."""
    async with talking(server) as socket:
        await ask(socket, type="turn", generation=1, text=LONG)
        await listen(socket, "done", packets=1)
        await ask(socket, type="turn", generation=2, text="Hello!")
        cleared = await listen(socket, "cleared")
        rest = await listen(socket, "meta")

    assert cleared.events[-1]["generation"] == 1
    assert rest.events[-1]["generation"] == 2
    assert {generation for _, generation, *_ in rest.packets} <= {2}


async def test_a_listener_who_leaves_ends_the_turn(server: RunningServer) -> None:
    """When the connection goes, the turn goes, and its record says so."""
    async with talking(server) as socket:
        await ask(socket, type="turn", text=LONG)
        heard = await listen(socket, "done", packets=1)
    for _ in range(100):
        if server.health()["turns"]["running"] == 0:
            break
        await asyncio.sleep(0.02)

    assert server.health()["turns"]["running"] == 0
    assert server.record(heard.events[0]["turn"])["outcome"] == "abandoned"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "turn", "text": ""}, "invalid_request"),
        ({"type": "turn"}, "invalid_request"),
        ({"type": "turn", "text": "Hi", "language": "xx"}, "unknown_language"),
        ({"type": "turn", "text": "Hi", "voice": "nobody"}, "unknown_voice"),
        ({"type": "turn", "text": "Hi", "character": "nobody"}, "unknown_character"),
        ({"type": "turn", "text": "Hi", "generation": 0}, "invalid_request"),
        ({"type": "turn", "text": "Hi", "generation": "1"}, "invalid_request"),
        ({"type": "turn", "text": "Hi", "surprise": 1}, "invalid_request"),
        ({"type": "turn", "audio": "!!!"}, "bad_audio"),
        ({"type": "turn", "text": "x" * 20_001}, "too_large"),
        ({"type": "dance"}, "invalid_request"),
        ([1, 2], "invalid_request"),
        ("text", "invalid_request"),
    ],
)
async def test_a_bad_message_is_told_and_the_connection_stays(server: RunningServer, message: Any, code: str) -> None:
    """A message that cannot be served is answered with an `error` event; the next one is served."""
    async with talking(server) as socket:
        await socket.send(json.dumps(message))
        refused = await listen(socket, "error")
        await ask(socket, type="turn", text="Hello!")
        await listen(socket, "meta")

    assert refused.events[-1]["code"] == code
    assert refused.events[-1]["message"]
    assert refused.packets == []


async def test_what_is_not_json_closes_the_connection(server: RunningServer) -> None:
    """A peer that does not speak the protocol is let go with a reason, and the server goes on."""
    async with talking(server) as socket:
        await socket.send("not json")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1008

    assert server.health()["status"] in {"ok", "degraded"}


async def test_a_page_of_another_origin_is_refused(server: RunningServer) -> None:
    """A foreign page in the listener's browser cannot open a socket here; the server's own page can."""
    with pytest.raises(InvalidStatus):
        async with talking(server, origin="https://elsewhere.example"):
            pass
    async with talking(server, origin=server.url) as socket:
        await ask(socket, type="clear")
        assert (await listen(socket, "cleared")).events[-1]["event"] == "cleared"
