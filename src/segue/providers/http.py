"""How one talks with a vendor over HTTP: one pool of connections, and every way to fail told apart by category.

Limits in time are the caller's business (the chain keeps them on its own clock), but for the time a connection may
take to stand, which only the connection knows.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, ProviderTimeout, Unavailable

EXCERPT = 300
"""Characters of a refusal that are told on."""
REFUSAL_BYTES = 16_384
"""More of a refusal than this is not read."""

OF_STATUS = {
    401: FailureCategory.AUTH,
    402: FailureCategory.QUOTA,
    403: FailureCategory.AUTH,
    408: FailureCategory.TIMEOUT,
    429: FailureCategory.RATE_LIMIT,
    504: FailureCategory.TIMEOUT,
}
QUOTA_WORDS = ("insufficient_quota", "quota exceeded", "exceeded your current quota", "billing", "insufficient funds")


class Line:
    """The connections to one provider. `name` is the configured name of the provider, told in every error."""

    def __init__(self, name: str, url: str, clock: Clock, *, headers: Mapping[str, str], connect_s: float) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._clock = clock
        self._headers = dict(headers)
        self._secrets = [value.split()[-1] for value in headers.values() if value]
        self._timeout = httpx2.Timeout(None, connect=connect_s, pool=connect_s)
        self._client: httpx2.AsyncClient | None = None

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""
        limits = httpx2.Limits(max_connections=256, max_keepalive_connections=32, keepalive_expiry=30)
        self._client = httpx2.AsyncClient(headers=self._headers, timeout=self._timeout, limits=limits)

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, *, expect: tuple[str, ...], **content: Any
    ) -> AsyncGenerator[httpx2.Response, None]:
        """An answer of status 200 whose content type begins with one of `expect`; its body is still to be read.

        `content` is what httpx2 takes: `json`, `data`, `files`, `params`, `headers`, `content`.

        Raises:
            ProviderError: of the category that fits, with what the provider said; the body after it was broken off.
        """
        if self._client is None:
            raise Unavailable(f"{self.name} is not started.")
        try:
            async with self._client.stream(method, f"{self.url}{path}", **content) as answer:
                if answer.status_code != httpx2.codes.OK:
                    raise await self._refusal(answer)
                kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
                if not kind.startswith(expect):
                    said = await self._excerpt(answer)
                    came = f"{self.name} answered with {kind or 'no content type'}, not {' or '.join(expect)}: {said}"
                    raise self._failure(came, _category(answer.status_code, said))
                yield answer
        except httpx2.ConnectTimeout:
            raise ProviderTimeout(f"{self.name} could not be connected to in time.", provider=self.name) from None
        except httpx2.RemoteProtocolError as error:
            category = (
                FailureCategory.NETWORK if "without sending a response" in str(error) else FailureCategory.TRUNCATED
            )
            raise self._failure(f"{self.name} broke off: {error}", category) from error
        except httpx2.TimeoutException as error:
            raise ProviderTimeout(f"{self.name} did not answer in time.", provider=self.name) from error
        except httpx2.TransportError as error:
            raise self._failure(f"{self.name} cannot be reached: {error}", FailureCategory.NETWORK) from error
        except (httpx2.DecodingError, httpx2.StreamError) as error:
            raise self._failure(f"{self.name} sent what cannot be read: {error}", FailureCategory.SERVER) from error

    async def json(self, method: str, path: str, **content: Any) -> Any:
        """The whole answer as plain values.

        Raises:
            ProviderError: see `ask`; also where the body is no JSON.
        """
        async with self.ask(method, path, expect=("application/json", "application/problem+json"), **content) as answer:
            body = await answer.aread()
        try:
            return json.loads(body)
        except ValueError:
            excerpt = body[:EXCERPT].decode(errors="replace")
            raise self._failure(f"{self.name} sent no JSON: {excerpt!r}", FailureCategory.SERVER) from None

    async def _refusal(self, answer: httpx2.Response) -> ProviderError:
        said, status = await self._excerpt(answer), answer.status_code
        return ProviderError(
            f"{self.name} answered {status}: {said}" if said else f"{self.name} answered {status}.",
            provider=self.name,
            category=_category(status, said),
            retry_after_s=_retry_after(answer.headers.get("retry-after"), self._clock.wall()),
        )

    async def _excerpt(self, answer: httpx2.Response) -> str:
        """The beginning of a body, on one line and without our own secrets, should it repeat them."""
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) >= REFUSAL_BYTES:
                break
        text = " ".join(body.decode(errors="replace").split())
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text[:EXCERPT]

    def _failure(self, message: str, category: FailureCategory) -> ProviderError:
        return ProviderError(message, provider=self.name, category=category)


def _category(status: int, said: str) -> FailureCategory:
    if any(word in said.lower() for word in QUOTA_WORDS) and status in {200, 400, 403, 429}:
        return FailureCategory.QUOTA
    known = OF_STATUS.get(status)
    if known is not None:
        return known
    return FailureCategory.BAD_REQUEST if 400 <= status < 500 else FailureCategory.SERVER


def _retry_after(value: str | None, wall: float) -> float | None:
    """Seconds to wait, from either form of the header."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - wall)
    except ValueError:
        return None
