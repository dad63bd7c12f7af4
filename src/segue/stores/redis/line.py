"""The line to Redis: every call is bounded in time, and while Redis is gone nobody waits for it.

Calls that come while one is on its way share the next exchange, so that a crowd costs one round trip and not one each.
After a failure calls are refused at once, and a probe that writes finds out whether Redis is well: at once, then every
`retry_s`. Only a failed probe makes Redis gone; a connection that had grown stale, or a hitch, is not worth a word.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from segue.clock import Clock
from segue.errors import ConfigurationError, SegueError

logger = logging.getLogger(__name__)

EXCHANGE = 128
"""Calls that share an exchange, at most."""

_PROBE = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)"
"""It writes, and from a script: a Redis that answers pings may be read-only, full, or without scripts."""


_Call = tuple[Sequence[Any], "asyncio.Future[Any]"]


class Gone(SegueError):
    """Redis does not answer as it should."""


@dataclass(frozen=True, slots=True)
class LineHealth:
    """How Redis is: since when it is gone, if it is, why, and how many calls went without it so far."""

    gone_s: float
    """0 while it is well."""
    reason: str
    refused: int

    @property
    def ready(self) -> bool:
        """Whether the last probe succeeded."""
        return not self.reason


class Line:
    """A line to the Redis at an address such as `redis://host:6379/0`; start it before use.

    A Redis that cannot be reached does not keep Segue from starting. `prefix` begins the names of all keys. One Redis,
    with replicas or without; a cluster is not supported, as the scopes of a request lie on several of its nodes.

    Raises:
        ConfigurationError: this is no address of a Redis.
    """

    def __init__(self, address: str, clock: Clock, *, prefix: str, timeout_s: float, retry_s: float) -> None:
        self.prefix = prefix
        self._pool, self.place = _pool(address, timeout_s)
        self._redis = Redis(connection_pool=self._pool)
        self._clock = clock
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._waiting: deque[_Call] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._closing = False
        """What is being closed ends by itself, too: below, a cancel can be lost (`asyncio.wait_for` before 3.12)."""
        self._doubted_at: float | None = None
        """Since when calls are refused; None while all is well."""
        self._hurried_at = float("-inf")
        self._reason = ""
        """Why the last probe failed; empty after a good one."""
        self._why = ""
        self._refused = 0

    async def start(self) -> None:
        """Find out how Redis is, and go on doing so."""
        self._closing = False
        await self._probe()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Let go of Redis; who still waits is refused. Closing twice is harmless."""
        self._closing = True
        self._wake.set()
        for task in (self._keeper, self._pump):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._keeper = self._pump = None
        self._doubted_at, self._why = self._clock.now(), "The line to Redis is closed."
        self._refuse_all(self._why)
        await self._pool.disconnect()

    def health(self) -> LineHealth:
        """How Redis is."""
        gone = self._doubted_at is not None and self._reason
        return LineHealth(
            self._clock.now() - self._doubted_at if gone and self._doubted_at is not None else 0.0,
            self._reason,
            self._refused,
        )

    async def ask(self, *command: Any) -> Any:
        """One command, and its answer.

        Raises:
            Gone: there was none in time, or it was an error; the command may have taken effect all the same.
            NoScriptError: Redis does not know the script that is named.
        """
        if self._doubted_at is not None:
            self._refused += 1
            raise Gone(self._why)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._exchange_all())
        try:
            async with self._clock.limit(self._timeout_s):
                return await future
        except NoScriptError:
            raise
        except Exception as error:
            self._refused += 1
            self._doubt(self._explain(error))
            raise Gone(self._why) from error

    async def _exchange_all(self) -> None:
        """Exchange what waits, until nothing does."""
        while self._waiting and not self._closing:
            batch = [self._waiting.popleft() for _ in range(min(EXCHANGE, len(self._waiting)))]
            batch = [each for each in batch if not each[1].done()]
            try:
                answers = await self._exchange([command for command, _ in batch])
            except asyncio.CancelledError:
                self._refuse(batch, "the line is closed")
                raise
            except Exception as error:
                # Whatever the library makes of an answer that is none of a Redis: nobody may be left waiting.
                self._doubt(self._explain(error))
                answers = [error] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _exchange(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send commands together; an answer or an error each.

        Raises:
            Exception: they were not all answered.
        """
        if not commands:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        async with self._clock.limit(self._timeout_s):
            return await pipeline.execute(raise_on_error=False)

    async def _keep(self) -> None:
        """Look after Redis, every `retry_s` or when it is doubted."""
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                async with self._clock.limit(self._retry_s):
                    await self._wake.wait()
            self._wake.clear()
            if not self._closing:
                await self._probe()

    async def _probe(self) -> None:
        try:
            (answer,) = await self._exchange([("EVAL", _PROBE, 1, f"{self.prefix}probe")])
            if isinstance(answer, Exception):
                raise answer
        except Exception as error:
            why = self._explain(error)
            self._doubted_at = self._clock.now() if self._doubted_at is None else self._doubted_at
            if not self._reason:
                logger.warning("redis is gone", extra={"place": self.place, "reason": why})
            self._reason = self._why = why
            self._refuse_all(why)
            return
        if self._reason:
            gone_s = round(self.health().gone_s, 3)
            logger.warning("redis is back", extra={"place": self.place, "gone_s": gone_s})
        self._doubted_at, self._reason, self._why = None, "", ""

    def _doubt(self, why: str) -> None:
        """Refuse calls until a probe has found Redis well: at once, but not more often than every `retry_s`."""
        if self._doubted_at is not None:
            return
        now = self._clock.now()
        self._doubted_at, self._why = now, why
        if now - self._hurried_at >= self._retry_s:
            self._hurried_at = now
            self._wake.set()

    def _refuse_all(self, why: str) -> None:
        waiting = [*self._waiting]
        self._waiting.clear()
        self._refuse(waiting, why)

    def _refuse(self, waiting: Sequence[_Call], why: str) -> None:
        for _, future in waiting:
            if not future.done():
                future.set_exception(ConnectionError(why))

    def _explain(self, error: BaseException) -> str:
        """A failure in a sentence, without the address's secrets."""
        if isinstance(error, TimeoutError | NoAnswer) or not str(error):
            return f"Redis at {self.place} gave no answer within {self._timeout_s * 1000:g} ms."
        said = " ".join(str(error).split()).rstrip(".")
        verb = "refuses" if isinstance(error, ResponseError) else "cannot be reached"
        return f"Redis at {self.place} {verb}: {said}."


def _pool(address: str, timeout_s: float) -> tuple[ConnectionPool, str]:
    """Connections that are made without any of the library's own retries, and the place without its secrets."""
    advice = "redis.address: this is no address of a Redis; write redis://host:6379/0"
    try:
        pool: ConnectionPool = ConnectionPool.from_url(
            address,
            max_connections=8,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
    except ValueError:
        raise ConfigurationError(f"{advice}.") from None  # the library's own words may hold the address
    given = pool.connection_kwargs
    if "path" in given:
        return pool, str(given["path"])
    if not given.get("host"):
        raise ConfigurationError(f"{advice}: it names no host.")
    return pool, f"{given['host']}:{given.get('port', 6379)}/{given.get('db', 0)}"
