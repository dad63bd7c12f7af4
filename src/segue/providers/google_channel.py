"""How one talks with Google Cloud: one gRPC channel, who we are told with every call, and every failure by category.

The official packages bring the messages; the calls themselves are made on `grpc.aio` here, because the official
clients retry on their own, and retrying is decided elsewhere. All of it is imported when a provider starts.
"""

import asyncio
import importlib
import importlib.metadata
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from segue.clock import Clock
from segue.errors import FailureCategory, ProviderError, ProviderTimeout, Unavailable
from segue.providers.google_refusals import categorize, details
from segue.vendors.google import GoogleAccount

EXCERPT = 300
"""Characters of a refusal that are told on."""
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
"""The longest text a request may hold becomes some 20 MB of audio; gRPC alone would stop at 4 MB."""
TOKEN_S = 3600
"""How long a token signed with a service account's key is valid; Google takes no longer ones."""
RENEWED_BEFORE_S = 300
NOTICED_S = 0.05
"""After a connection broke, gRPC goes on offering it for a moment; the next call waits so long for it to be noticed."""

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", LARGEST_ANSWER_BYTES),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.primary_user_agent", "segue"),
)
"""Every provider has connections of its own, and a service that is back is found within a second, not within two
minutes as is gRPC's habit: how often a dead one is asked is the breaker's business. gRPC repeats by itself only calls
that never left this machine, or that the service says it never began."""

_IMPORTING = threading.Lock()
"""The packages import each other in a circle, which two threads must not walk at the same time."""
BREAKS = {FailureCategory.NETWORK, FailureCategory.SERVER, FailureCategory.TIMEOUT, FailureCategory.TRUNCATED}


def _imported(library: str) -> Any:
    with _IMPORTING:
        return importlib.import_module(library)


class GoogleChannel:
    """The connection of one provider. `service` is as in `google.cloud.speech.v1.Speech`.

    `audience` is whom a token signed with a service account's key is meant for: the public address of the service,
    whatever address it is reached at.
    """

    def __init__(self, name: str, url: str, settings: GoogleAccount, clock: Clock, *, service: str, audience: str):
        self.name = name
        self._url = urlsplit(url)
        self._settings = settings
        self._clock = clock
        self._service = service
        self._audience = audience
        self._signer: Any = None
        self._email = ""
        self._token = ("", 0.0)
        self._grpc: Any = None
        self._channel: Any = None
        self._doubtful = False

    async def start(self, library: str) -> Any:
        """Open the channel; no connection is made yet. Gives the module of messages named by `library`.

        Raises:
            Unavailable: the library is not installed, or the service account's file cannot be used.
        """
        try:
            messages = await asyncio.to_thread(_imported, library)
            self._grpc = importlib.import_module("grpc")
        except ImportError as error:
            raise Unavailable(f"{self.name} needs {error.name}: pip install 'segue[google]'.") from error
        if self._channel is None:
            self._load_account()
            self._channel = self._open()
        return messages

    async def close(self) -> None:
        """Close the connection; calls that are running are cancelled."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def ask(self, method: str, request: Any, answer: Any) -> Any:
        """The answer of type `answer` to one request.

        Raises:
            ProviderError: of the category that fits, with what Google said.
        """
        async with self._told(lambda: False):
            channel = await self._connected()
            call = channel.unary_unary(
                f"/{self._service}/{method}",
                request_serializer=type(request).serialize,
                response_deserializer=answer.deserialize,
            )
            return await call(request, metadata=self._credentials())

    async def stream(self, method: str, requests: Iterable[Any], answer: Any) -> AsyncGenerator[Any, None]:
        """The answers to a stream of requests, as they come. Closing the generator cancels the call at once.

        Raises:
            ProviderError: of the category that fits; `truncated` where the stream broke after the first answer.
        """
        requests, came = tuple(requests), False
        async with self._told(lambda: came):
            channel = await self._connected()
            call = channel.stream_stream(
                f"/{self._service}/{method}",
                request_serializer=type(requests[0]).serialize,
                response_deserializer=answer.deserialize,
            )(requests, metadata=self._credentials())
            try:
                async with aclosing(call.__aiter__()) as answers:
                    async for message in answers:
                        came = True
                        yield message
            finally:
                call.cancel()

    def failure(self, message: str, category: FailureCategory, retry_after_s: float | None = None) -> ProviderError:
        """An error of this provider; should Google repeat our own secret, the message does not."""
        if self._settings.secret:
            message = message.replace(self._settings.secret, "…")
        return ProviderError(message, provider=self.name, category=category, retry_after_s=retry_after_s)

    def _open(self) -> Any:
        # gRPC calls so the time that one attempt to connect may take, whatever the pause before it.
        options = (*OPTIONS, ("grpc.min_reconnect_backoff_ms", round(self._settings.limits.connect_s * 1000)))
        port = self._url.port or (80 if self._url.scheme == "http" else 443)
        host = self._url.hostname or ""
        target = f"{f'[{host}]' if ':' in host else host}:{port}"
        if self._url.scheme == "http":
            return self._grpc.aio.insecure_channel(target, options=(*options, ("grpc.enable_http_proxy", 0)))
        return self._grpc.aio.secure_channel(target, self._grpc.ssl_channel_credentials(), options=options)

    async def _connected(self) -> Any:
        """The channel once its connection stands, or once it is known that it cannot: the call then says why."""
        channel, states = self._channel, self._grpc and self._grpc.ChannelConnectivity
        if channel is None:
            raise Unavailable(f"{self.name} is not started.")
        try:
            if self._doubtful:
                await self._noticed(channel, states.READY)
            async with self._clock.limit(self._settings.limits.connect_s):
                while (state := channel.get_state(try_to_connect=True)) in {states.IDLE, states.CONNECTING}:
                    await channel.wait_for_state_change(state)
        except TimeoutError:
            raise ProviderTimeout(f"{self.name} could not be connected to in time.", provider=self.name) from None
        return channel

    async def _noticed(self, channel: Any, ready: Any) -> None:
        """Wait until gRPC knows that a connection broke, if that is what the last call failed of."""
        self._doubtful = False
        with suppress(TimeoutError):
            async with self._clock.limit(NOTICED_S):
                if channel.get_state() == ready:
                    await channel.wait_for_state_change(ready)

    @asynccontextmanager
    async def _told(self, anything_came: Callable[[], bool]) -> AsyncIterator[None]:
        """Tell gRPC's errors as ours."""
        if self._channel is None:
            raise Unavailable(f"{self.name} is not started.")
        try:
            yield
        except self._grpc.RpcError as error:
            raise self._refusal(error, anything_came=anything_came()) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self.failure(f"{self.name} was closed meanwhile.", FailureCategory.TRUNCATED) from None

    def _refusal(self, error: Any, *, anything_came: bool) -> ProviderError:
        status, said = error.code().name, " ".join((error.details() or "").split())
        self._doubtful = self._doubtful or status == "UNAVAILABLE"
        added = details(error)
        category = categorize(status, " ".join([said, *added.reasons]))
        if anything_came and category in BREAKS:
            category = FailureCategory.TRUNCATED
        return self.failure(f"{self.name} answered {status}: {said[:EXCERPT]}", category, added.retry_after_s)

    def _load_account(self) -> None:
        path = self._settings.credentials
        if path is None:
            if not self._settings.secret:
                raise Unavailable(f"{self.name}: {self._settings.missing}.")
            return
        accounts = importlib.import_module("google.oauth2.service_account")
        try:
            account = accounts.Credentials.from_service_account_file(str(path))
        except (OSError, ValueError, KeyError) as error:
            raise Unavailable(
                f"{self.name} cannot use {path} as a service account's file: {error}. Set"
                f" {self._settings.credentials_variable} or `credentials` to a JSON key of a service account."
            ) from error
        self._signer, self._email = account.signer, account.service_account_email

    def _credentials(self) -> tuple[tuple[str, str], ...]:
        """Who we are: an API key, or a token signed with the service account's key. Nobody is asked for a token."""
        if self._signer is None:
            return (("x-goog-api-key", self._settings.secret),)
        now = self._clock.wall()
        if self._token[1] < now + RENEWED_BEFORE_S:
            claims: dict[str, str | int] = {"iss": self._email, "sub": self._email, "aud": self._audience}
            claims |= {"iat": int(now), "exp": int(now) + TOKEN_S}
            token = importlib.import_module("google.auth.jwt").encode(self._signer, claims).decode()
            self._token = (token, now + TOKEN_S)
        return (("authorization", f"Bearer {self._token[0]}"),)


def version(package: str) -> str:
    """An installed package with its version, as in `google-cloud-speech 2.41.0`; empty where it is not installed."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return ""
