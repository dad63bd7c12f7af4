"""Alerts that fire at a Prometheus. What it last said is handed out at once; it is asked again in the background."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog

from segue.clock import Clock

log = structlog.get_logger("segue.prometheus")

LIMIT_S = 2.0
"""A Prometheus that has not answered by then counts as one that does not answer."""
FRESH_S = 10.0
"""An answer is used for so long before it is asked again, and while that is under way."""
STALE_S = 60.0
"""An older answer is none."""


@dataclass(slots=True)
class _Known:
    """What one Prometheus said last, and when that was, in monotonic seconds."""

    at: float
    names: tuple[str, ...] | None


class FiringAlerts:
    """Asks any number of Prometheus servers, by their addresses."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=LIMIT_S)

    async def close(self) -> None:
        """Ask nobody any more, and close every connection."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def firing(self, url: str) -> tuple[str, ...] | None:
        """Names of the alerts that fire, sorted; None when this Prometheus cannot be asked.

        Only the first question waits for its answer.
        """
        known, now = self._known.get(url), self._clock.now()
        if (known is None or now - known.at > FRESH_S) and url not in self._asking:
            self._asking[url] = asyncio.create_task(self._ask(url))
        if known is None:
            await asyncio.shield(self._asking[url])
            known = self._known[url]
        return known.names if self._clock.now() - known.at <= STALE_S else None

    async def _ask(self, url: str) -> None:
        try:
            names = await self._names(url)
        finally:
            self._asking.pop(url, None)
        before = self._known.get(url)
        if names is None and (before is None or before.names is not None):
            log.warning("alerts unknown", hint="Prometheus does not answer as it should; see the plan's `alerts`.")
        self._known[url] = _Known(self._clock.now(), names)

    async def _names(self, url: str) -> tuple[str, ...] | None:
        if self._client is None:
            return None
        try:
            async with self._clock.limit(LIMIT_S):
                answer = await self._client.get(f"{url.rstrip('/')}/api/v1/alerts")
            alerts: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["alerts"]
            return tuple(sorted({each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}))
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError):
            return None
