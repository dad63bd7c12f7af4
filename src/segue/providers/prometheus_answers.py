"""Questions to a Prometheus, asked one after another by a command."""

from typing import Any

import httpx2

from segue.errors import Unavailable

LIMIT_S = 10.0


class Answers:
    """The HTTP interface of one Prometheus. A user and a password in its address are used, and never shown."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @property
    def place(self) -> str:
        """Its address without a user, a password or a query."""
        try:
            return str(httpx2.URL(self._url).copy_with(username=None, password=None, query=None, fragment=None))
        except httpx2.InvalidURL:
            return "The address of Prometheus"

    def ask(self, path: str, **query: str) -> Any:
        """The `data` of its answer.

        Raises:
            Unavailable: it does not answer, or not as a Prometheus does.
        """
        try:
            answer = httpx2.get(f"{self._url}/api/v1/{path}", params=query, timeout=LIMIT_S)
            plain = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(f"{self.place} cannot be asked: {error or type(error).__name__}.") from error
        except ValueError as error:
            raise Unavailable(f"{self.place} is no Prometheus: {answer.status_code} without JSON.") from error
        if answer.is_error or not isinstance(plain, dict) or plain.get("status") != "success":
            said = plain.get("error", "") if isinstance(plain, dict) else ""
            raise Unavailable(f"{self.place} answered {answer.status_code} to {path}: {said or 'no reason told'}.")
        return plain.get("data")
