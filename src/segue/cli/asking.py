"""How the commands talk with a running server: one client, and one sentence for each way in which it can fail."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from segue.errors import SegueError, Unavailable

URL = "http://127.0.0.1:8002"
"""Where a server listens that was told nothing else."""
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


class Server:
    """A running Segue.

    Every method raises `Refusal` where the server refuses, and `Unavailable` where no Segue answers.
    """

    def __init__(self, url: str, *, limit_s: float = LIMIT_S) -> None:
        self.url = url.rstrip("/")
        self._limit_s = limit_s

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """What it answers to a question; parameters that are None are left out."""
        return self._object("GET", path, params=_given(query))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to a body."""
        return self._object("POST", path, json=body)

    def lines(self, path: str, **query: Any) -> Iterator[str]:
        """The lines of an answer, one after another as they come."""
        with self._answer(path, _given(query), {}, self._limit_s) as answer:
            yield from answer.iter_lines()

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
        with self._told():
            answer = httpx2.request(method, self.url + path, timeout=self._limit_s, **what)
            self._checked(answer)
            return self._values(answer.text)

    @contextmanager
    def _answer(
        self, path: str, query: dict[str, Any], headers: dict[str, str], limit_s: float
    ) -> Iterator[httpx2.Response]:
        """An answer whose body is read as it comes."""
        with (
            self._told(),
            httpx2.stream("GET", self.url + path, params=query, headers=headers, timeout=limit_s) as answer,
        ):
            if answer.is_error:
                answer.read()
            self._checked(answer)
            yield answer

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._nobody(str(error) or type(error).__name__) from error

    def _checked(self, answer: httpx2.Response) -> None:
        if not answer.is_error:
            return
        if not answer.headers.get("content-type", "").startswith("application/problem+json"):
            raise self._nobody(f"{answer.status_code} {answer.reason_phrase}")
        problem = self._values(answer.text)
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
        return Unavailable(f"No Segue answers at {self.url} ({why}); start one with `segue serve`, or name its --url.")


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
