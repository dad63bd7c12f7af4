"""What stands before a server and should only pass things on: a proxy that hides, keeps old answers, mixes them up."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from aiohttp import web

HOP = {"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade", "date", "server"}
"""Headers that belong to one line and are not passed on."""
TRY = "/api/voice/try"


@dataclass
class Front:
    """A proxy with a will of its own."""

    url: str = ""
    hides: frozenset[str] = frozenset()
    """Paths that are answered with 404."""
    keeps: frozenset[str] = frozenset()
    """Paths whose first answer is given again and again."""
    mixes: bool = False
    """Whether the sound of a try is kept by its text alone, and given for every arm, voice and provider."""
    kept: dict[str, httpx2.Response] = field(default_factory=dict)

    def heal(self) -> None:
        """Pass everything on."""
        self.hides, self.keeps, self.mixes = frozenset(), frozenset(), False
        self.kept.clear()


@asynccontextmanager
async def standing_before(front: Front, url: str) -> AsyncIterator[Front]:
    """The proxy on a free port of loopback, before the server at an address."""
    async with httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:

        async def passed(request: web.Request) -> web.Response:
            body = await request.read()
            if request.path in front.hides:
                return web.Response(status=404, text="not here")
            headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
            answer = await client.request(request.method, str(request.rel_url), content=body, headers=headers)
            sound = answer.content
            if request.path in front.keeps:
                sound = front.kept.setdefault(request.path, answer).content
            if front.mixes and request.path == TRY and answer.is_success:
                text = (await request.json())["text"]
                sound = front.kept.setdefault(hashlib.sha256(text.encode()).hexdigest(), answer).content
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
            return web.Response(status=answer.status_code, body=sound, headers=kept)

        application = web.Application(client_max_size=26_000_000)
        application.router.add_route("*", "/{path:.*}", passed)
        runner = web.AppRunner(application, shutdown_timeout=1.0, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            front.url = f"http://{host}:{port}"
            yield front
        finally:
            await runner.cleanup()
