"""How the commands talk with a running server: one client, and one sentence for each way in which it can fail.

A server of this machine is reached by the socket in its data folder, which only its own user can open; any other by
its address, with a key.
"""

import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from cyclopts import Parameter

from segue.cli.local import NAME, knock, reachable
from segue.clock import SystemClock
from segue.errors import SegueError, Unavailable
from segue.operations.ports import Answer
from segue.settings import KEY_VARIABLE, variable

DATA_VARIABLE = "SEGUE_DATA"
LIMIT_S = 15.0
"""An answer that takes longer is not waited for; a stream of events says something at least every 5 s."""


class Refusal(SegueError):
    """The server refused; the message is its own reason."""

    def __init__(self, message: str, status: int, code: str, plain: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.status, self.code, self.plain = status, code, plain


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its kind, its values, and the id after which it can be resumed (empty for none)."""

    kind: str
    values: dict[str, Any]
    id: str = ""


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which server is meant."""

    data: Path | None = None
    """Data folder of a server of this machine; `data` when absent, or what SEGUE_DATA says."""
    url: str | None = None
    """Address of a server elsewhere; the key is taken from the variable SEGUE_KEY."""

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.data or Path(variable(DATA_VARIABLE) or "data")

    @property
    def words(self) -> str:
        """What must be said with a command to mean the same server again, with a space before it."""
        if self.url is not None:
            return f" --url {self.url}"
        return f" --data {self.data}" if self.data is not None else ""


HERE = Where()


class Server:
    """A running Segue.

    Every method raises `Refusal` where the server refuses, and `Unavailable` where no Segue answers.
    """

    def __init__(self, where: Where = HERE, *, limit_s: float = LIMIT_S) -> None:
        self._where = where
        self._limit_s = limit_s

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """What it answers to a question; parameters that are None are left out."""
        return self._object("GET", path, params=_given(query))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to a body."""
        return self._object("POST", path, json=body)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to a body that takes the place of what is there."""
        return self._object("PUT", path, json=body)

    @property
    def place(self) -> str:
        """See `Asking.place`."""
        return self._where.url if self._where.url is not None else str(self._where.folder / NAME)

    def fetch(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        limit_s: float | None = None,
    ) -> Answer:
        """See `Asking.fetch`."""
        said = dict(headers or {})
        if key is not None:
            said["authorization"] = f"Bearer {key}"
        clock, limit = SystemClock(), limit_s or self._limit_s
        with self._told(), self._client(limit) as client:
            if key == "":
                client.headers.pop("authorization", None)
                said.pop("authorization")
            began = clock.now()
            with client.stream(method, path, json=body, headers=said) as answer:
                pieces = answer.iter_bytes()
                whole = [next(pieces, b"")]
                first_byte_ms = (clock.now() - began) * 1000.0
                for piece in pieces:
                    whole.append(piece)
                    if clock.now() - began > limit:
                        raise self._nobody(f"its answer is not whole after {limit:g} s")
            took_ms = (clock.now() - began) * 1000.0
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, names, b"".join(whole), first_byte_ms, took_ms)

    def lines(self, path: str, **query: Any) -> Iterator[str]:
        """The lines of an answer, one after another as they come."""
        with self._answer(path, _given(query), {}, self._limit_s) as answer:
            yield from answer.iter_lines()

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of an answer as they come."""
        with self._answer(path, {}, {}, self._limit_s) as answer:
            yield from answer.iter_bytes()

    def events(self, path: str, *, after: str = "", limit_s: float = LIMIT_S) -> Iterator[Event]:
        """The events of a stream until it ends, from the one after `after` on.

        A silence of `limit_s` is taken for the end of the server.
        """
        headers = {"accept": "text/event-stream"} | ({"last-event-id": after} if after else {})
        with self._answer(path, {}, headers, limit_s) as answer:
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield Event(fields.get("event", "message"), self._values(fields["data"]), fields.get("id", ""))
                    fields = {}

    def _object(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        with self._told(), self._client(self._limit_s) as client:
            answer = client.request(method, path, **what)
            self._checked(answer)
            return self._values(answer.text)

    @contextmanager
    def _client(self, limit_s: float) -> Iterator[httpx2.Client]:
        """A client that knows the way."""
        if self._where.url is not None:
            key = variable(KEY_VARIABLE)
            headers = {"authorization": f"Bearer {key}"} if key else {}
            with httpx2.Client(base_url=self._where.url, headers=headers, timeout=limit_s, verify=_trusted()) as client:
                yield client
            return
        with reachable(self._where.folder) as address:
            knock(address)  # the client forgets to close a socket that it could not connect
            way = httpx2.HTTPTransport(uds=address, verify=_trusted())
            with httpx2.Client(base_url="http://segue", transport=way, timeout=limit_s, trust_env=False) as client:
                yield client

    @contextmanager
    def _answer(
        self, path: str, query: dict[str, Any], headers: dict[str, str], limit_s: float
    ) -> Iterator[httpx2.Response]:
        """An answer whose body is read as it comes."""
        with (
            self._told(),
            self._client(limit_s) as client,
            client.stream("GET", path, params=query, headers=headers) as answer,
        ):
            if answer.is_error:
                answer.read()
            self._checked(answer)
            yield answer

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise self._nobody(_why(error)) from error

    def _checked(self, answer: httpx2.Response) -> None:
        if not answer.is_error:
            return
        if not answer.headers.get("content-type", "").startswith("application/problem+json"):
            raise self._nobody(f"{answer.status_code} {answer.reason_phrase}")
        problem = self._values(answer.text)
        if answer.status_code == 401 and not variable(KEY_VARIABLE):
            hint = f"{self._where.url} asks for a key; put one into the variable {KEY_VARIABLE}."
            raise Refusal(hint, answer.status_code, str(problem.get("code")), problem)
        raise Refusal(str(problem.get("detail")), answer.status_code, str(problem.get("code")), problem)

    def _values(self, text: str) -> dict[str, Any]:
        try:
            plain = json.loads(text)
        except ValueError:
            plain = None
        if not isinstance(plain, dict):
            raise self._nobody("something else does")
        return plain

    def _nobody(self, why: str) -> Unavailable:
        if self._where.url is not None:
            return Unavailable(f"No Segue answers at {self._where.url} ({why}); start one with `segue serve`.")
        return Unavailable(
            f"No Segue answers at {self._where.folder / NAME} ({why}); start one with `segue serve`, or name its data"
            " folder with --data, or its address with --url."
        )


@cache
def _trusted() -> ssl.SSLContext:
    """Whom connections trust; reading that takes longer than most answers, so it is read once."""
    return httpx2.create_ssl_context()


def _why(error: Exception) -> str:
    """The reason of the system where there is one, else what the library says."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None and cause.errno is not None:
        return os.strerror(cause.errno)
    return str(error) or type(error).__name__


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
