"""`segue serve`: run the gateway until it is told to stop."""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop

from segue.cli.local import listening
from segue.configuration import ServerSettings
from segue.errors import ConfigurationError
from segue.settings import load
from segue.telemetry.logs import configure
from segue.web.protocol import protocol
from segue.wiring.house import House, build


class Server(uvicorn.Server):
    """uvicorn's server; signals are ours, so that a stop on request ends with exit code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield

    def __init__(self, config: uvicorn.Config, first_key: Callable[[], Awaitable[str | None]]) -> None:
        super().__init__(config)
        self._first_key = first_key

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell on standard output where; whoever started this process may wait for that line.

        The key of the first start follows it, here and nowhere else.
        """
        await super().startup(sockets)
        told = [_address(listener) for listener in sockets or () if listener.family != socket.AF_UNIX]
        lines = [f"Segue is listening on {address}" for address in told]
        if (key := await self._first_key()) is not None:
            lines.append(f"First key, shown only now: {key}")
        sys.stdout.write("".join(f"{line}\n" for line in lines))  # in one piece
        sys.stdout.flush()

    def end(self, *, force: bool = False) -> None:
        """Stop accepting connections and close those that are idle; `force` closes all of them."""
        self.should_exit = True
        self.force_exit = self.force_exit or force


def serve(
    *, host: str | None = None, port: int | None = None, data: Path | None = None, config: Path | None = None
) -> None:
    """Serve the page, the API and the OpenAI-compatible door.

    Parameters
    ----------
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one.
    data
        Folder for everything Segue keeps.
    config
        YAML file with settings; see `segue schema`.
    """
    gc.freeze()  # what was loaded stays until the end: looking through it for garbage is in vain
    settings = load(config, **{"server.host": host, "server.port": port, "data": data})
    configure(settings.log.level, settings.log.format)
    listener = _bind(settings.server)
    house = build(settings)
    server = Server(
        uvicorn.Config(
            house.app(),
            http=protocol(settings.server.receive_timeout_s),
            ws="websockets-sansio",
            ws_max_size=settings.server.body_limit_bytes * 2,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=settings.server.max_connections,
            timeout_graceful_shutdown=1,  # `_drain` has waited for replies before
            proxy_headers=False,  # whoever sends them could be anybody
        ),
        house.console.first_key,
    )
    uvloop.run(_run(house, server, listener))


async def _run(house: House, server: Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    def stop() -> None:
        """Let running replies finish; asked a second time, do not wait for them."""
        if stopping:
            server.end(force=True)
        else:
            stopping.append(loop.create_task(_drain(house, server)))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with house.running():
        # What is loaded now stays until the end: the collector need not walk it again and again while replies run.
        gc.collect()
        gc.freeze()
        with listening(house.settings.data) as near:
            await server.serve(sockets=[listener] if near is None else [listener, near])
        for task in stopping:
            task.cancel()
        await asyncio.gather(*stopping, return_exceptions=True)


async def _drain(house: House, server: Server) -> None:
    """Take no new turns, and end the server when the running ones are over or have had their time."""
    await house.drain()
    server.end()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind(settings: ServerSettings) -> socket.socket:
    """The listening socket, bound here so that a taken port is one clear sentence.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        hint = "; another program has it, name another with --port" if error.errno == errno.EADDRINUSE else ""
        raise ConfigurationError(
            f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}{hint}."
        ) from error
    return listener
