"""The events of a run over HTTP: server-sent events, each with the number after which to resume."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from segue.console.chats import Event

EVENT_STREAM = "text/event-stream; charset=utf-8"
LONGEST_ID = 18
"""Digits of the number of an event; what is longer is none of ours."""
BEAT = b": still here\n\n"


def resumed_after(last_event_id: str) -> int:
    """The number of the event that a client has had last; 0 where it says none."""
    known = last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= LONGEST_ID
    return int(last_event_id) if known else 0


async def stream(events: AsyncGenerator[Event | None, None]) -> AsyncGenerator[bytes, None]:
    """Events as they come, and a comment now and then where nothing happens."""
    async with aclosing(events):
        async for event in events:
            yield BEAT if event is None else encoded(event)


def encoded(event: Event) -> bytes:
    """An event. Its sound is put in as it is: base64 holds nothing that JSON escapes."""
    told = {"seq": event.seq, **{name: value for name, value in event.data.items() if name != "data"}}
    text = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    sound = event.data.get("data")
    if isinstance(sound, bytes):
        text = b'%b, "data": "%b"}' % (text[:-1], base64.b64encode(sound))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.kind.encode(), text)
