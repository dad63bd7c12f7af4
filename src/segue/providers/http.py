"""How one talks with a vendor over HTTP: one pool of connections, and every way to fail told apart by category.

Limits in time are the caller's business (the chain keeps them on its own clock), but for the time a connection may
take to stand, which only the connection knows.
"""

import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, ProviderRefusal, ProviderTimeout, Unavailable
from segue.trace import outgoing

EXCERPT = 300
"""Characters of a refusal that are told on."""
REFUSAL_BYTES = 16_384
"""More of a refusal than this is not read."""
JSON_BYTES = 8_388_608
"""A longer answer in JSON is refused: a transcript of two minutes has a few thousandths of this."""

OF_STATUS = {
    401: FailureCategory.AUTH,
    402: FailureCategory.QUOTA,
    403: FailureCategory.AUTH,
    408: FailureCategory.TIMEOUT,
    429: FailureCategory.RATE_LIMIT,
    504: FailureCategory.TIMEOUT,
}
OF_CODE = {
    "insufficient_quota": FailureCategory.QUOTA,
    "billing_hard_limit_reached": FailureCategory.QUOTA,
    "billing_not_active": FailureCategory.QUOTA,
    "rate_limit_exceeded": FailureCategory.RATE_LIMIT,
    "invalid_api_key": FailureCategory.AUTH,
}
"""Words that stand for a kind of failure under any status: as the code or the type of an error."""
OF_REQUEST = {"invalid_request_error", "context_length_exceeded"}
"""Words that say that the request is wrong; with a refusal its status says more."""
OF_CONTENT = {"content_filter", "content_policy_violation"}
"""Words that say that the content itself is refused."""
QUOTA_WORDS = ("exceeded your current quota", "quota exceeded", "insufficient funds", "insufficient balance")
"""Sentences of vendors whose errors have no code; where there is a code, it alone counts."""
SECRET_NAMES = ("auth", "key", "token", "secret")


class Line:
    """The connections to one provider. `name` is the configured name of the provider, told in every error."""

    def __init__(self, name: str, url: str, clock: Clock, *, headers: Mapping[str, str], connect_s: float) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._clock = clock
        self._headers = dict(headers)
        self._secrets = [
            value.split()[-1]
            for header, value in headers.items()
            if value.strip() and any(word in header.lower() for word in SECRET_NAMES)
        ]
        self._timeout = httpx2.Timeout(None, connect=connect_s, pool=connect_s)
        self._client: httpx2.AsyncClient | None = None

    @property
    def place(self) -> str:
        """The address as it may be shown: without a user, a password or a query in it."""
        try:
            url = httpx2.URL(self.url)
        except httpx2.InvalidURL:
            return ""
        return str(url.copy_with(username=None, password=None, query=None, fragment=None))

    async def start(self) -> None:
        """Open the pool, once; no connection is made yet.

        Raises:
            Unavailable: a header cannot be sent as it stands, such as a key with a line break in it.
        """
        if self._client is not None:
            return
        for header, value in self._headers.items():
            if not (value.isascii() and value.isprintable()):
                raise Unavailable(f"{self.name}: the value for {header} holds characters no header can; set it again.")
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
        with self._told():
            async with self._client.stream(method, f"{self.url}{path}", **_traced(content)) as answer:
                if answer.status_code != httpx2.codes.OK:
                    raise self._refused(answer, await beginning(answer.aiter_bytes()))
                kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
                if not kind.startswith(expect):
                    wanted = f"{kind or 'no content type'}, not {' or '.join(expect)}"
                    raise self.failure(f"{self.name} answered with {wanted}", await beginning(answer.aiter_bytes()))
                yield answer

    async def json(self, method: str, path: str, **content: Any) -> Any:
        """The whole answer as plain values.

        Raises:
            ProviderError: see `ask`; also where the body is no JSON, or longer than `JSON_BYTES`.
        """
        body = bytearray()
        async with self.ask(method, path, expect=("application/json", "application/problem+json"), **content) as answer:
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > JSON_BYTES:
                    raise self.failure(f"{self.name} sent more than {JSON_BYTES} bytes of JSON")
        try:
            return json.loads(body)
        except ValueError:
            raise self.failure(f"{self.name} sent no JSON", bytes(body)) from None

    def failure(
        self, message: str, body: bytes = b"", *, status: int = 200, retry_after_s: float | None = None
    ) -> ProviderError:
        """The error that `body` tells of, where it tells of one, under this status.

        A body that came with a success and tells of nothing is the server's fault.
        """
        said, codes = _read(body)
        text = self._discreet(f"{message}: {said}" if said else f"{message}.")
        if codes & OF_CONTENT:
            return ProviderRefusal(text, provider=self.name)
        category = _category(status, codes, said)
        if category is FailureCategory.TIMEOUT:
            return ProviderTimeout(text, provider=self.name)
        return ProviderError(text, provider=self.name, category=category, retry_after_s=retry_after_s)

    def truncated(self, message: str) -> ProviderError:
        """What a body is that ended too early."""
        return ProviderError(self._discreet(message), provider=self.name, category=FailureCategory.TRUNCATED)

    def _refused(self, answer: httpx2.Response, body: bytes) -> ProviderError:
        status = answer.status_code
        wait_s = _retry_after(answer.headers.get("retry-after"), self._clock.wall())
        return self.failure(f"{self.name} answered {status}", body, status=status, retry_after_s=wait_s)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what goes wrong with the connection as the family of errors knows it."""
        try:
            yield
        except httpx2.ConnectTimeout:
            raise ProviderTimeout(f"{self.name} could not be connected to in time.", provider=self.name) from None
        except httpx2.PoolTimeout:
            raise ProviderTimeout(f"{self.name}: no connection became free in time.", provider=self.name) from None
        except httpx2.TimeoutException:
            raise ProviderTimeout(f"{self.name} did not answer in time.", provider=self.name) from None
        except httpx2.RemoteProtocolError as error:
            if "without sending a response" in str(error):
                raise self._lost(f"hung up without an answer: {error}") from None
            raise self.truncated(f"{self.name} broke off: {error}") from None
        except (httpx2.DecodingError, httpx2.StreamError, httpx2.SSEError) as error:
            raise self.failure(f"{self.name} sent what cannot be read: {error}") from None
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise self._lost(f"cannot be reached: {error or type(error).__name__}") from None

    def _lost(self, message: str) -> ProviderError:
        text = self._discreet(f"{self.name} {message}")
        return ProviderError(text, provider=self.name, category=FailureCategory.NETWORK)

    def _discreet(self, text: str) -> str:
        """A text on one line, not too long, and without our own secrets, should it repeat them."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        text = " ".join(text.split())
        return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def _traced(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent, with the place in the trace for whoever keeps one."""
    header = outgoing()
    return {**content, "headers": {**content.get("headers", {}), **header}} if header else dict(content)


async def beginning(pieces: AsyncIterator[bytes], came: bytes = b"") -> bytes:
    """As much of a refusal as comes and is worth reading, behind what came of it already."""
    try:
        while len(came) < REFUSAL_BYTES:
            came += await anext(pieces)
    except StopAsyncIteration:
        pass
    except (httpx2.TransportError, httpx2.DecodingError):
        pass  # That it is a refusal is known, whatever became of the reason.
    return came[:REFUSAL_BYTES]


def _read(body: bytes) -> tuple[str, frozenset[str]]:
    """What an error says for people, and its words for machines: vendors put both in many places."""
    text = body.decode(errors="replace").strip()
    try:
        told = json.loads(text)
    except ValueError:
        return text, frozenset()
    error = told.get("error", told) if isinstance(told, dict) else told
    if not isinstance(error, dict):
        return error if isinstance(error, str) else text, frozenset()
    words = [error.get(name) for name in ("code", "type", "status", "error_code")]
    codes = [str(word).lower() for word in words if word]
    said = next(
        (error[name] for name in ("message", "detail", "error_message") if isinstance(error.get(name), str)), text
    )
    marks = ", ".join(code for code in codes if not code.isdigit())
    return f"{said} ({marks})" if marks else said, frozenset(codes)


def _category(status: int, codes: frozenset[str], said: str) -> FailureCategory:
    """The kind of a failure: what its code says first of all, then its words, then its status."""
    for code, category in OF_CODE.items():
        if code in codes:
            return category
    worded = all(code.isdigit() for code in codes) and any(word in said.lower() for word in QUOTA_WORDS)
    if worded and status != httpx2.codes.BAD_REQUEST:
        return FailureCategory.QUOTA
    if status == httpx2.codes.OK:
        # An error in the body of a success: where it has a status of its own, that one counts.
        status = next((int(code) for code in codes if code.isdigit() and 400 <= int(code) < 600), status)
    if status in OF_STATUS:
        return OF_STATUS[status]
    bad = codes & OF_REQUEST if status == httpx2.codes.OK else 400 <= status < 500
    return FailureCategory.BAD_REQUEST if bad else FailureCategory.SERVER


def _retry_after(value: str | None, wall: float) -> float | None:
    """Seconds to wait, from either form of the header."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - wall
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
