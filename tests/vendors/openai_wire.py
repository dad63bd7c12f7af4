"""What our OpenAI server does alike in all its roles: keys, refusals in its shape, and faults of the connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from segue.clock import SystemClock
from tests.vendors.script import Fault, Heard, Script

KEY = "sk-proj-0123456789abcdefABCDEF"
PAGE = "<!DOCTYPE html><html><body><h1>Sign in to the wireless network</h1></body></html>"
REFUSALS = {
    Fault.AUTH: (401, "Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"),
    Fault.QUOTA: (
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    Fault.RATE_LIMIT: (
        429,
        "Rate limit reached. Add a payment method under account/billing for a higher one.",
        "requests",
        "rate_limit_exceeded",
    ),
    Fault.BAD_REQUEST: (400, "Unrecognized request argument supplied.", "invalid_request_error", None),
    Fault.SERVER: (500, "The server had an error while processing your request.", "server_error", None),
}
"""Status, message, type and code of each refusal."""


def refusal(status: int, message: str, kind: str, code: str | None = None, wait_s: float | None = None) -> web.Response:
    """An error in OpenAI's shape."""
    error = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(error, status=status, headers={"Retry-After": f"{wait_s:g}"} if wait_s else {})


def bad(message: str, code: str | None = None, status: int = 400) -> web.Response:
    """A request that is not as documented."""
    return refusal(status, message, "invalid_request_error", code)


class Door:
    """Keeps every request in `heard`, whatever becomes of it."""

    def __init__(self, script: Script, heard: list[Heard]) -> None:
        self.script = script
        self.heard = heard
        self.clock = SystemClock()

    def came(self, request: web.Request, body: Any) -> tuple[Heard, web.Response | None]:
        """Keep a request, and refuse one without the right key."""
        assert request.transport is not None
        caller = "{}:{}".format(*request.transport.get_extra_info("peername"))
        heard = Heard(request.path, body, dict(request.headers), caller)
        self.heard.append(heard)
        said = request.headers.get("authorization", "")
        if said != f"Bearer {KEY}":
            status, message, kind, code = REFUSALS[Fault.AUTH]
            return heard, refusal(status, message.format(key=said.removeprefix("Bearer ")), kind, code)
        return heard, None

    async def fail(self, request: web.Request, heard: Heard, fault: Fault | None) -> web.StreamResponse | None:
        """The faults that come before the answer or instead of it, alike for all roles."""
        if fault in REFUSALS:
            status, message, kind, code = REFUSALS[fault]
            wait_s = self.script.retry_after_s if fault is Fault.RATE_LIMIT else None
            return refusal(status, message.format(key=KEY), kind, code, wait_s)
        if fault is Fault.HTML:
            return web.Response(text=PAGE, content_type="text/html")
        if fault is Fault.RESET:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault is Fault.SILENT:
            async with self.watched(heard):
                await asyncio.get_running_loop().create_future()
        return None

    @asynccontextmanager
    async def watched(self, heard: Heard) -> AsyncIterator[None]:
        """Note whether the caller takes the answer to its end."""
        try:
            yield
        except (asyncio.CancelledError, ConnectionResetError):
            heard.cancelled = True
            raise
        heard.finished = True

    async def end(self, request: web.Request, answer: web.StreamResponse, fault: Fault | None) -> web.StreamResponse:
        """What becomes of an answer whose last byte before the fault was sent."""
        if fault is Fault.CUT:
            assert request.transport is not None
            request.transport.close()  # what was written still leaves; the end of the chunks does not
        if fault is Fault.STALL:
            await asyncio.get_running_loop().create_future()
        return answer
