"""What streams and errors look like in OpenAI's shape."""

import json
from collections.abc import Mapping
from typing import Any

DONE = b"data: [DONE]\n\n"
"""The last event of a chat completion that ended well."""

EVENT_STREAM = "text/event-stream; charset=utf-8"


def plain_json(value: Mapping[str, Any]) -> bytes:
    """A value as compact JSON; letters stay letters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def event(value: Mapping[str, Any]) -> bytes:
    """A value as one server-sent event; OpenAI's events have no name line, their kind stands in the data."""
    return b"data: " + plain_json(value) + b"\n\n"


def failure_fields(code: str, message: str) -> dict[str, Any]:
    """The error object for a failure inside a stream: by then the request was accepted, so it is the server's."""
    return {"message": message, "type": "server_error", "param": None, "code": code}
