"""A crowd of senders: connections that are open already, on which many requests go out at the same moment."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LIMIT_S = 60.0


@dataclass(frozen=True)
class Answer:
    """What one of them was told; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class Sender:
    """One connection; it may break, and then says so with None."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, request: bytes) -> Answer | None:
        """Send a request and read the answer; None if the connection broke before its end."""
        try:
            async with asyncio.timeout(LIMIT_S):
                self.writer.write(request)
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.split(":", 1) for line in head[1:] if line)
                headers = {name.lower(): value.strip() for name, value in pairs}
                body = await self.reader.readexactly(int(headers["content-length"]))
        except (asyncio.IncompleteReadError, OSError):
            return None
        return Answer(int(head[0].split()[1]), headers, body)


@dataclass
class Crowd:
    """So many senders, dealt out to the servers in turn."""

    urls: Sequence[str]
    size: int
    key: str
    senders: list[Sender] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Connect all of them."""
        places = [urlsplit(self.urls[number % len(self.urls)]) for number in range(self.size)]
        made = await asyncio.gather(*(asyncio.open_connection(place.hostname, place.port) for place in places))
        self.senders = [Sender(reader, writer) for reader, writer in made]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        for sender in self.senders:
            sender.writer.close()
        await asyncio.gather(*(sender.writer.wait_closed() for sender in self.senders), return_exceptions=True)

    async def at_once(self, path: str, body: dict[str, Any], of: int = 0, **headers: str) -> list[Answer]:
        """All of them, or the first so many, post the same at the same moment; every one must be answered."""
        content = json.dumps(body).encode()
        lines = {
            "Host": "localhost",
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        answers = await asyncio.gather(*(sender.send(head.encode() + content) for sender in self.senders[: of or None]))
        assert None not in answers, "a connection broke"
        return [answer for answer in answers if answer is not None]
