"""A server that is asked to stop finishes what it has begun, and says that it takes nothing new."""

import asyncio
import json
import os
import signal
from typing import Any

import httpx2
import pytest

from tests.server import RunningServer, running
from tests.web.test_talk import ask, listen, talking

CHAT = "/api/voice/chat/stream"
SLOW: dict[str, Any] = {"reply": "Two sentences. This is the second one, which takes a while.", "real_time_factor": 0.4}


def config(drain_s: float, sentences: int = 1) -> dict[str, Any]:
    """A server with slow scripted speech."""
    slow = {**SLOW, "reply": SLOW["reply"] * sentences}
    return {
        "server": {"drain_s": drain_s},
        "providers": {"models": ["scripted"], "synthesizers": ["scripted"], "recognizers": [], "scripted": slow},
    }


async def stop_in_mid_reply(server: RunningServer) -> tuple[list[str], int, list[str]]:
    """Ask a server to stop while a reply runs over HTTP and one over a socket; how these and a newcomer fared."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client, talking(server) as talk:
        await ask(talk, type="turn", text="Hi")
        lines = {"accept": "application/x-ndjson"}
        async with client.stream("POST", CHAT, json={"text": "Hi"}, headers=lines) as answer:
            events = answer.aiter_lines()
            kinds = [json.loads(await anext(events))["event"]]
            await listen(talk, "text")
            os.kill(server.process.pid, signal.SIGTERM)
            refused = await client.post(CHAT, json={"text": "Me too"})
            while refused.status_code == 200:
                refused = await client.post(CHAT, json={"text": "Me too"})
            ready = await client.get("/api/ready")
            assert (ready.status_code, "draining" in ready.json()["reasons"]) == (503, True)
            heard, rest = await asyncio.gather(listen(talk, "done"), _kinds(events))
            kinds += rest
    return kinds, refused.status_code, [event["event"] for event in heard.events]


async def _kinds(lines: Any) -> list[str]:
    return [json.loads(line)["event"] async for line in lines]


async def test_running_replies_are_finished() -> None:
    """On SIGTERM replies over HTTP and over sockets end with `done`, a newcomer gets 503, the exit code is 0."""
    with running(config(20)) as server:
        kinds, refused, heard = await stop_in_mid_reply(server)
        server.process.wait(20)

    assert kinds[-1] == "done"
    assert heard[-1] == "done"
    assert refused == 503


async def test_a_reply_that_takes_too_long_is_not_waited_for() -> None:
    """After its time to drain the server ends all the same, cleanly."""
    with running(config(0.2, sentences=20)) as server:
        async with (
            httpx2.AsyncClient(base_url=server.url, timeout=30) as client,
            client.stream("POST", CHAT, json={"text": "Hi"}) as answer,
        ):
            os.kill(server.process.pid, signal.SIGTERM)
            with pytest.raises(httpx2.TransportError):
                await answer.aread()
        server.process.wait(20)
