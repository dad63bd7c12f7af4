"""What is taken from the client library `edge-tts`, and the form of the messages that go over the socket.

The library knows what changes when the service changes: the address, the token and how it is made from the time, the
headers, and the SSML. The conversation itself is ours (docs/decisions/0009).
"""

import asyncio
import importlib
import importlib.metadata
import ssl
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from segue.errors import Unavailable

PACKAGE = "edge-tts"
PINNED = "7.2.7"
"""The version of the library that Segue's conversation was written against."""
HEADER_LENGTH_BYTES = 2


def installed() -> str:
    """The version of the library that is there; empty where there is none."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""


@dataclass(frozen=True, slots=True)
class Library:
    """The modules that are used, and the address that is talked to, up to and with `readaloud`."""

    aiohttp: Any
    constants: Any
    communicate: Any
    data: Any
    clock: Any
    """The library's class that makes the token from the time, and corrects that by the service's own."""
    skew: type[Exception]
    """Raised by it where the service did not say what time it is."""
    base: str

    @property
    def socket_url(self) -> str:
        """Where a sentence is asked for. Every connection has its own number."""
        url = self.constants.WSS_URL.replace(f"wss://{self.constants.BASE_URL}", self.base)
        return f"{url}&ConnectionId={self.communicate.connect_id()}{self._token}"

    @property
    def voices_url(self) -> str:
        """Where the list of voices is."""
        base = self.base.replace("ws", "http", 1)
        return f"{self.constants.VOICE_LIST.replace(f'https://{self.constants.BASE_URL}', base)}{self._token}"

    @property
    def _token(self) -> str:
        return f"&Sec-MS-GEC={self.clock.generate_sec_ms_gec()}&Sec-MS-GEC-Version={self.constants.SEC_MS_GEC_VERSION}"

    def headers(self, *, voices: bool = False) -> dict[str, str]:
        """Headers of a request."""
        wanted = self.constants.VOICE_HEADERS if voices else self.constants.WSS_HEADERS
        return dict(self.clock.headers_with_muid(wanted))

    def settings(self) -> str:
        """The first message: which audio is wanted."""
        return (
            f"X-Timestamp:{self.communicate.date_to_string()}\r\n"
            "Content-Type:application/json; charset=utf-8\r\n"
            "Path:speech.config\r\n\r\n"
            '{"context":{"synthesis":{"audio":{"metadataoptions":'
            '{"sentenceBoundaryEnabled":"true","wordBoundaryEnabled":"false"},'
            '"outputFormat":"audio-24khz-48kbitrate-mono-mp3"}}}}\r\n'
        )

    def sentence(self, escaped: str, voice: str, rate: str, pitch: str) -> str:
        """The second message: what is to be said, and by whom.

        Args:
            escaped: text in which no sign is left that XML would take for its own.
            voice: such as `uk-UA-PolinaNeural`.
            rate: a difference in per cent, such as `+10%`.
            pitch: a difference in hertz, such as `-5Hz`.
        """
        wanted = self.data.TTSConfig(voice, rate, "+0%", pitch, "SentenceBoundary")
        said = self.communicate.mkssml(wanted, escaped)
        return str(
            self.communicate.ssml_headers_plus_data(
                self.communicate.connect_id(), self.communicate.date_to_string(), said
            )
        )

    def set_clock(self, refused: Exception) -> bool:
        """Set the clock that tokens are made by to that of the service, as its refusal tells it; False if it does not.

        The offset is kept for all providers of this process.
        """
        try:
            self.clock.handle_client_response_error(refused)
        except self.skew:
            return False
        return True

    async def authorities(self) -> ssl.SSLContext | bool:
        """Whom a certificate is believed from; read from a file of 200 kB, which takes 30 ms, not on the loop."""
        if not self.base.startswith("wss:"):
            return False
        certifi = importlib.import_module("certifi")
        return await asyncio.to_thread(ssl.create_default_context, cafile=certifi.where())


def load(name: str, url: str) -> Library:
    """The library.

    Raises:
        Unavailable: it is not installed, or is a version that lacks what is used of it.
    """
    try:
        for needed in ("edge_tts", "aiohttp", "av"):
            importlib.import_module(needed)
    except ImportError as missing:
        raise Unavailable(f"{name} needs {missing.name}, which is not installed: pip install 'segue[edge]'.") from None
    try:
        constants = importlib.import_module("edge_tts.constants")
        library = Library(
            aiohttp=importlib.import_module("aiohttp"),
            constants=constants,
            communicate=importlib.import_module("edge_tts.communicate"),
            data=importlib.import_module("edge_tts.data_classes"),
            clock=importlib.import_module("edge_tts.drm").DRM,
            skew=importlib.import_module("edge_tts.exceptions").SkewAdjustmentError,
            base=url.rstrip("/") or f"wss://{constants.BASE_URL}",
        )
        library.sentence("", "en-US-AvaNeural", "+0%", "+0Hz")
        library.socket_url, library.voices_url, library.headers(voices=True), library.headers()
    except (ImportError, AttributeError, TypeError, ValueError) as lacking:
        raise Unavailable(
            f"{name} cannot use {PACKAGE} {installed()} ({lacking}): pip install '{PACKAGE}=={PINNED}'."
        ) from None
    return library


def spoken(text: str) -> str:
    """A text as XML can carry it: no control characters and no halves of letters, its own signs escaped."""
    plain = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs", "Cn"} else letter for letter in text)
    return escape(plain)


def text_message(message: str) -> tuple[Mapping[str, str], str]:
    """The headers, by their names in lower case, and the body of a message of text."""
    head, _, body = message.partition("\r\n\r\n")
    return _headers(head), body


def binary_message(message: bytes) -> tuple[Mapping[str, str], bytes]:
    """The same of a binary message: its headers' length stands before them, in two bytes.

    Raises:
        ValueError: it is shorter than it says.
    """
    end = HEADER_LENGTH_BYTES + int.from_bytes(message[:HEADER_LENGTH_BYTES], "big")
    if len(message) < max(HEADER_LENGTH_BYTES, end):
        raise ValueError(f"a message of {len(message)} bytes whose headers alone have {end}")
    return _headers(message[HEADER_LENGTH_BYTES:end].decode("ascii", "replace")), message[end:]


def _headers(head: str) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n") if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
