"""`WS /api/voice/ws`: turns over one connection, with binary audio packets and barge-in.

The listener counts a `generation` up with every turn it asks for. Everything that belongs to a turn carries it, so
that a packet of an interrupted reply can be told from the reply that followed it.
"""

import asyncio
import json
import struct
from contextlib import aclosing, suppress
from typing import Any

import structlog
from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from segue.configuration import ServerSettings
from segue.errors import InvalidRequest, SegueError
from segue.records import Outcome
from segue.voice.ask import Interruption
from segue.voice.frames import Audio, Done, Failure, Frame, fields
from segue.voice.plane import VoicePlane
from segue.web.bodies import ChatBody
from segue.web.turns import chat_ask

log = structlog.get_logger("segue.web")

HEADER = struct.Struct(">BBHII16s")
"""version, flags, generation, seq, part, turn: 28 bytes, big-endian."""
VERSION = 1
FIRST_OF_TURN, LAST_OF_SENTENCE, END_OF_TURN, RESUMED = 1, 2, 4, 8
GENERATIONS = 0xFFFF
POLICY_VIOLATION = 1008


def packet(frame: Audio, generation: int, *, first: bool) -> bytes:
    """A packet of audio with its header."""
    flags = (FIRST_OF_TURN if first else 0) | (LAST_OF_SENTENCE if frame.last_of_sentence else 0)
    flags |= RESUMED if frame.resumed else 0
    return HEADER.pack(VERSION, flags, generation, frame.seq, frame.part, bytes.fromhex(frame.turn)) + frame.data


def end_packet(turn: str, generation: int, seq: int) -> bytes:
    """The packet that says that a turn's audio is complete; it carries none."""
    return HEADER.pack(VERSION, END_OF_TURN, generation, seq, 0, bytes.fromhex(turn))


class Talk:
    """One connection: at most one turn at a time, the latest."""

    def __init__(self, socket: WebSocket, plane: VoicePlane, server: ServerSettings) -> None:
        self._socket = socket
        self._plane = plane
        self._server = server
        self._generation = 0
        self._turn: asyncio.Task[None] | None = None
        self._interruption = Interruption()

    async def run(self) -> None:
        """Serve until the listener leaves."""
        try:
            while True:
                message = await self._socket.receive_json()
                await self._obey(message)
        except WebSocketDisconnect:
            pass
        except (ValueError, KeyError) as error:
            log.info("connection closed", reason=f"not JSON text: {type(error).__name__}")
            with suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(POLICY_VIOLATION, "Send JSON text.")
        finally:
            await self._stop()

    async def _obey(self, message: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "clear":
            await self._clear()
        elif kind == "turn":
            await self._begin({name: value for name, value in message.items() if name != "type"})
        else:
            await self._fail(None, InvalidRequest('Send {"type": "turn", …} or {"type": "clear"}.'))

    async def _clear(self) -> None:
        """Barge-in: end the running turn; nothing of it is sent after `cleared`."""
        self._interruption.outcome = Outcome.CANCELLED
        self._interruption.reason = "The listener interrupted."
        await self._stop()
        await self._tell({"event": "cleared", "generation": self._generation})

    async def _begin(self, values: dict[str, Any]) -> None:
        generation = values.pop("generation", self._generation % GENERATIONS + 1)
        if not isinstance(generation, int) or isinstance(generation, bool) or not 1 <= generation <= GENERATIONS:
            await self._fail(None, InvalidRequest(f"`generation` is a number from 1 to {GENERATIONS}."))
            return
        if self._turn is not None and not self._turn.done():
            await self._clear()
        self._generation = generation
        self._interruption = Interruption()
        self._turn = asyncio.create_task(self._speak(values, generation, self._interruption))

    async def _stop(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            await asyncio.gather(self._turn, return_exceptions=True)
            self._turn = None

    async def _speak(self, values: dict[str, Any], generation: int, interruption: Interruption) -> None:
        try:
            self._plane.switch.check()
            ask = await chat_ask(self._plane, ChatBody.model_validate({**values, "format": "pcm16"}))
            async with aclosing(self._plane.turns.turn(ask, interruption)) as frames:
                first, seq = True, 0
                speaker: dict[str, Any] = {}
                async for frame in frames:
                    if isinstance(frame, Audio):
                        if speaker != (speaker := _speaker(frame)):
                            await self._tell({**speaker, "generation": generation, "seq": frame.seq})
                        await self._send_bytes(packet(frame, generation, first=first))
                        first, seq = False, frame.seq
                    else:
                        if isinstance(frame, Done | Failure):
                            await self._send_bytes(end_packet(ask.turn, generation, seq))
                        await self._tell(_event(frame, ask.turn, generation))
        except SegueError as error:
            await self._fail(generation, error)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
            await self._fail(generation, InvalidRequest(faults))
        except (WebSocketDisconnect, RuntimeError, TimeoutError) as error:
            log.info("listener gone", reason=type(error).__name__)

    async def _fail(self, generation: int | None, error: SegueError) -> None:
        await self._tell(
            {"event": "error", "generation": generation, "turn": None, **fields(Failure.of(error))},
        )

    async def _tell(self, event: dict[str, Any]) -> None:
        async with asyncio.timeout(self._server.send_timeout_s):
            await self._socket.send_text(json.dumps(event, ensure_ascii=False))

    async def _send_bytes(self, data: bytes) -> None:
        async with asyncio.timeout(self._server.send_timeout_s):
            await self._socket.send_bytes(data)


def _speaker(frame: Audio) -> dict[str, Any]:
    """Who speaks a packet: told before the first and whenever it changes, as binary packets have no room for it."""
    who = {"provider": frame.provider, "model": frame.model, "voice": frame.voice, "variant": frame.variant}
    return {"event": "speaker", "turn": frame.turn, **who}


def _event(frame: Frame, turn: str, generation: int) -> dict[str, Any]:
    return {"event": frame.event, "turn": turn, "generation": generation, **fields(frame)}


def same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a browser's page may open a socket here: pages of other origins may not, programs send no origin."""
    return origin is None or (host is not None and origin.partition("://")[2] == host)


def router(plane: VoicePlane, server: ServerSettings) -> APIRouter:
    """The route, bound to a voice plane."""
    routes = APIRouter(tags=["voice"])

    @routes.websocket("/api/voice/ws")
    async def talk(socket: WebSocket) -> None:
        """Take turns over one connection."""
        if not same_origin(socket.headers.get("origin"), socket.headers.get("host")):
            await socket.close(POLICY_VIOLATION, "This page is of another origin.")
            return
        await socket.accept()
        await Talk(socket, plane, server).run()

    return routes
