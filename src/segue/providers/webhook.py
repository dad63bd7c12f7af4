"""Messages to people's tools by webhook: one POST of JSON, within a time limit. Slack's incoming webhooks fit as well.

An address of a webhook is a secret, because whoever knows it can post: it is told in no error and in no log.
"""

from collections.abc import Callable

import httpx2

from segue.clock import Clock
from segue.delivery.notices import addressed
from segue.delivery.rollout import Notice
from segue.errors import Unavailable

LIMIT_S = 5.0
"""A tool that has not answered by then is tried again later."""
SAID = 200
"""Characters of a refusal that are told on."""


class Webhook:
    """Delivers messages. `resolve` gives the address that stands in a variable, `public_url` goes into their links."""

    def __init__(self, clock: Clock, resolve: Callable[[str], str | None], public_url: str = "") -> None:
        self._clock = clock
        self._resolve = resolve
        self._public_url = public_url
        self._client: httpx2.AsyncClient | None = None

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=LIMIT_S, follow_redirects=False)

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        if self._client is None:
            raise Unavailable("Messages are not sent: this server is not running.")
        url = notice.url or self._resolve(notice.url_variable) or ""
        if not url:
            raise Unavailable(
                f"There is no address for {notice.audience}: the environment variable {notice.url_variable} is not set."
            )
        try:
            async with self._clock.limit(LIMIT_S):
                answer = await self._client.post(url, json=addressed(notice.body, self._public_url))
        except TimeoutError:
            raise Unavailable(f"{notice.audience} did not answer within {LIMIT_S:g} s.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
            raise Unavailable(f"{notice.audience} cannot be reached ({type(error).__name__}).") from None
        if not answer.is_success:
            said = answer.text[:SAID].replace(url, "").strip()
            raise Unavailable(f"{notice.audience} answered with status {answer.status_code}: {said or 'nothing'}.")
