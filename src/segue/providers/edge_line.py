"""How one talks with Edge's read-aloud: one socket for each sentence, and every way to fail told apart by category.

A sentence is whole when the service has said `turn.end`, and never before: a socket that only closes has cut it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import structlog

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, ProviderTimeout, Unavailable
from segue.providers.edge_line_library import PINNED, Library, binary_message, installed, load, text_message
from segue.providers.http import OF_STATUS

log = structlog.get_logger(__name__)

T = TypeVar("T")

OF_CLOSING = {
    1003: FailureCategory.BAD_REQUEST,
    1007: FailureCategory.BAD_REQUEST,
    1008: FailureCategory.BAD_REQUEST,
    1009: FailureCategory.BAD_REQUEST,
    1011: FailureCategory.SERVER,
    1012: FailureCategory.SERVER,
    1013: FailureCategory.SERVER,
    1014: FailureCategory.SERVER,
}
"""What the numbers say with which a server closes a socket (RFC 6455, section 7.4, and IANA's registry of them)."""
LONGEST_LIST = 4_000_000
"""Bytes of the list of voices that are read; it has some 200 000."""


class EdgeLine:
    """The connections to one provider. `name` is the configured name of the provider, told in every error."""

    def __init__(self, name: str, url: str, clock: Clock, *, connect_s: float) -> None:
        self.name = name
        self._url = url
        self._clock = clock
        self._connect_s = connect_s
        self._library: Library | None = None
        self._session: Any = None

    @property
    def started(self) -> bool:
        """Whether sentences can be asked for."""
        return self._session is not None

    async def start(self) -> None:
        """Load the client library and open a pool, once; no connection is made yet.

        Raises:
            Unavailable: the library is not installed, or is one that cannot be used.
        """
        if self._session is not None:
            return
        library = load(self.name, self._url)
        if installed() != PINNED:
            log.warning(
                "the client library of Edge's voices is another version than the one Segue was written against",
                provider=self.name,
                installed=installed(),
                expected=PINNED,
            )
        aiohttp = library.aiohttp

        async def once(request: Any, ask: Callable[[Any], Awaitable[Any]]) -> Any:
            """Left alone, aiohttp asks twice where a connection breaks; whether to is decided elsewhere."""
            try:
                return await ask(request)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as lost:
                raise aiohttp.ClientConnectionError(str(lost) or "the connection broke") from None

        connector = aiohttp.TCPConnector(ssl=await library.authorities(), limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True, middlewares=(once,))
        self._library = library

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def voices(self) -> bytes:
        """The service's own list of voices, as it sends it: JSON, if all is well.

        Raises:
            ProviderError: it could not be had in the time in which a connection has to stand.
        """
        library = self._ready()

        async def ask() -> bytes:
            headers, told = library.headers(voices=True), bytearray()
            async with self._session.get(library.voices_url, headers=headers, raise_for_status=True) as answer:
                async for piece in answer.content.iter_any():
                    told += piece
                    if len(told) > LONGEST_LIST:
                        raise self.failure(f"listed more than {LONGEST_LIST} bytes of voices", FailureCategory.SERVER)
            return bytes(told)

        with self._told(library):
            return await self._hurry(library, ask)

    async def say(self, text: str, voice: str, rate: str, pitch: str) -> AsyncGenerator[bytes, None]:
        """The MP3 of one text as it comes, up to the service's word that this was all. See `Library.sentence`.

        Raises:
            ProviderError: of the category that fits; what was yielded before was cut off there.
        """
        library = self._ready()
        with self._told(library):
            async with self._socket(library) as socket:
                await socket.send_str(library.settings())
                await socket.send_str(library.sentence(text, voice, rate, pitch))
                came = False
                while True:
                    data = self._audio(await socket.receive(), library.aiohttp.WSMsgType, came)
                    if data is None:
                        return
                    if data:
                        came = True
                        yield data

    def failure(self, why: str, category: FailureCategory, retry_after_s: float | None = None) -> ProviderError:
        """An error that names the provider."""
        text = " ".join(f"{self.name} {why}.".split())
        return ProviderError(text, provider=self.name, category=category, retry_after_s=retry_after_s)

    def _ready(self) -> Library:
        if self._session is None or self._library is None:
            raise Unavailable(f"{self.name} is not started.")
        return self._library

    def _audio(self, message: Any, kinds: Any, came: bool) -> bytes | None:
        """The audio in a message, which may be none; None when the service says that this was all.

        Raises:
            ProviderError: the socket ended, or what came is no audio of the format asked for.
        """
        if message.type is kinds.TEXT:
            headers, _ = text_message(message.data)
            return None if headers.get("path") == "turn.end" else b""
        if message.type is not kinds.BINARY:
            raise self._ended(message, kinds, came)
        try:
            headers, data = binary_message(message.data)
        except ValueError as short:
            raise self.failure(f"sent {short}", FailureCategory.SERVER) from None
        found = headers.get("path"), headers.get("content-type")
        if data and found != ("audio", "audio/mpeg"):
            raise self.failure(f"sent {found[0]} of type {found[1]}, not audio/mpeg", FailureCategory.SERVER)
        return data

    def _ended(self, message: Any, kinds: Any, came: bool) -> ProviderError:
        """What a socket's end before the service's last word means."""
        if message.type is kinds.CLOSE:
            why = f"hung up before its last word: {message.data} {message.extra or ''}".rstrip()
            category = OF_CLOSING.get(message.data, FailureCategory.TRUNCATED)
        elif message.type is kinds.ERROR:
            why, category = f"sent what is no message: {message.data}", FailureCategory.SERVER
        else:
            why, category = "was cut off before its last word", FailureCategory.NETWORK
        return self.failure(why, FailureCategory.TRUNCATED if came else category)

    @asynccontextmanager
    async def _socket(self, library: Library) -> AsyncIterator[Any]:
        """An open socket; whoever leaves it hangs up and waits for nobody's good-bye."""

        async def connect() -> Any:
            timeout = library.aiohttp.ClientWSTimeout(ws_close=0.0)
            headers = library.headers()
            return await self._session.ws_connect(library.socket_url, headers=headers, compress=15, timeout=timeout)

        socket = await self._hurry(library, connect)
        try:
            yield socket
        finally:
            await socket.close()

    async def _hurry(self, library: Library, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask within the limit for a connection; once more where our clock was wrong and could be set right."""
        try:
            async with self._clock.limit(self._connect_s):
                try:
                    return await ask()
                except library.aiohttp.ClientResponseError as refused:
                    if refused.status != 403 or not library.set_clock(refused):
                        raise
                    return await ask()
        except TimeoutError:
            raise ProviderTimeout(f"{self.name} could not be connected to in time.", provider=self.name) from None

    @contextmanager
    def _told(self, library: Library) -> Iterator[None]:
        """Tell what goes wrong with the connection as the family of errors knows it."""
        try:
            yield
        except library.aiohttp.ClientResponseError as refused:
            otherwise = FailureCategory.BAD_REQUEST if 400 <= refused.status < 500 else FailureCategory.SERVER
            why = f"refused the connection with {refused.status}"
            if refused.status == 403:
                why += f": it does not know the client of edge-tts {installed()} any more, or does not want this caller"
            wait = (refused.headers or {}).get("Retry-After", "")
            category = OF_STATUS.get(refused.status, otherwise)
            raise self.failure(why, category, float(wait) if wait.isdecimal() else None) from None
        except (library.aiohttp.ClientError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise self.failure(f"cannot be reached: {reason}", FailureCategory.NETWORK) from None
