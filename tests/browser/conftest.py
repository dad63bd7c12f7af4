"""One real server and one real Chromium for all browser tests; a fresh visitor for each."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.operators import PLAN, SPEAKING, Operator
from tests.server import HEARING, RunningServer, running

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
USUAL = {"locale": "en-US", "viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
"""How a visitor looks at the page; drawing what moves takes the time of the machine that others need."""
PATIENCE_S = 60.0
"""No test waits longer than this for something to become true; none waits for a fixed time and hopes."""
LOOK_MS = 50.0
"""It is looked at least so often: each look costs the browser more than the page does meanwhile."""

SHORT = "Say: good morning to you all."
"""The built-in responder says this back: a second or two of speech."""
LONG = "Tell me more."
"""It has a good many sentences to say to this."""


@dataclass
class Visitor:
    """Someone who looks at the page; whatever the page wrote to the console as an error is kept."""

    page: Page
    server: RunningServer
    troubles: list[str]

    def open(self, path: str = "/") -> "Visitor":
        """Open the page and wait until it can be used."""
        self.page.goto(self.server.url + path)
        self.until("window._voiceStats?.().connection.state === 'open'")
        return self

    def sign_in(self, key: str | None = None, *, at: RunningServer | None = None) -> "Visitor":
        """Sign in with a key, or as somebody who may do everything, without the page for it."""
        server = at or self.server
        answer = self.page.request.post(f"{server.url}/api/session", data={"key": key or server.key})
        assert answer.ok, answer.text()
        return self

    def look(self, page: str, heading: str = "h1") -> "Visitor":
        """Open a page of the operators, who must be signed in, and wait until it says who looks."""
        self.page.goto(f"{self.server.url}/{page}")
        self.until(f"document.querySelector('.operator') && document.querySelector({heading!r})?.checkVisibility()")
        return self

    def watch(self, operator: Operator, *, signed_in: bool = False) -> "Visitor":
        """Open the page of a rollout, signed in, and wait until it is live and has its log."""
        if not signed_in:
            self.sign_in(at=operator.server)
        self.page.goto(f"{operator.url}/rollout.html#/{operator.name}")
        self.until("(s => s?.state === 'live' && s.status && s.events > 0)(window._rolloutStats?.())")
        return self

    def until(self, condition: str, what: str = "") -> Any:
        """Wait until a JavaScript expression is truthy, and return its value.

        The page's content security policy forbids `eval`, on which Playwright's own `wait_for_function` rests.
        """
        deadline, wait_ms = time.monotonic() + PATIENCE_S, 10.0
        while not (value := self._now(condition)):
            if time.monotonic() > deadline:
                stats = self.page.evaluate("window._voiceStats?.() ?? window._rolloutStats?.()")
                raise AssertionError(f"never became true: {what or condition}\n{stats}\n{self.troubles}")
            self.page.wait_for_timeout(wait_ms)
            wait_ms = min(1.5 * wait_ms, LOOK_MS)
        return value

    def look_again(self) -> None:
        """Come back to the page from another window: a page that asks every few seconds asks at once."""
        self._now("document.dispatchEvent(new Event('visibilitychange'))")

    def _now(self, condition: str) -> Any:
        """The value of an expression; None while another page is on its way."""
        try:
            return self.page.evaluate(condition)
        except PlaywrightError as error:
            if "context was destroyed" not in str(error):
                raise
            return None

    def eventually(self, look: Callable[[], Any]) -> Any:
        """Look outside the page until there is something to be seen, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (value := look()):
            assert time.monotonic() < deadline, "never came"
            self.page.wait_for_timeout(50)
        return value

    def say(self, text: str) -> None:
        """Type a text and send it with Enter."""
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")

    @property
    def stats(self) -> dict[str, Any]:
        """`_voiceStats()`."""
        stats: dict[str, Any] = self.page.evaluate("_voiceStats()")
        return stats

    @property
    def turn(self) -> dict[str, Any]:
        """The running or latest turn in `_voiceStats()`."""
        turn: dict[str, Any] = self.stats["turn"]
        return turn

    def finished(self, turns: int = 1) -> dict[str, Any]:
        """Wait until so many turns are over, and return the latest."""
        self.until(f"(t => t.completed + t.interrupted + t.failed >= {turns})(_voiceStats().totals)")
        return self.turn


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """A server with what it speaks, hears and answers with by default."""
    with running({"providers": HEARING}) as server:
        yield server


@pytest.fixture(scope="session")
def gateway() -> Iterator[RunningServer]:
    """A server whose scripted providers answer at once."""
    with running(SPEAKING) as server:
        yield server


@pytest.fixture
def operator(gateway: RunningServer, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """Somebody who has just started a rollout with the name of the test, and ends it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")[:60]
    operator = Operator(gateway, name)
    reason = "Listeners asked for it."
    operator.post("/api/rollouts", {"plan": {"name": name, **PLAN}, "reason": reason})
    yield operator
    if operator.get()["ended_at"] is None:
        operator.command("rollback")


_BROWSERS: list[Browser] = []
_OPEN = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """Close the browser behind the last test of this folder: its loop would be in the way of tests with their own."""
    yield
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        _BROWSERS.clear()
        _OPEN.close()


@pytest.fixture
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Debian's Chromium with a microphone that beeps and no permission questions; one for all tests of this folder."""
    if not _BROWSERS:
        named = os.environ.get("SEGUE_CHROMIUM")
        program = named or shutil.which("chromium-headless-shell") or shutil.which("chromium")
        if program is None:
            pytest.fail("No Chromium: apt-get install chromium-headless-shell (Debian), or name it in SEGUE_CHROMIUM.")
        home = tmp_path_factory.mktemp("chromium")
        browser = _OPEN.enter_context(sync_playwright()).chromium.launch(
            executable_path=program,
            args=CHROMIUM_FLAGS,
            env={**os.environ, "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)},
        )
        _OPEN.callback(browser.close)
        _BROWSERS.append(browser)
    return _BROWSERS[0]


Visit = Callable[..., Visitor]

NO_SOCKET = """
// Ask at an address that upgrades nothing, as behind a proxy that knows no WebSockets.
window.WebSocket = class extends WebSocket {
  constructor() { super("/api/health"); }
};
"""


@pytest.fixture
def visit(chromium: Browser, server: RunningServer) -> Iterator[Visit]:
    """Make visitors; options are those of a Playwright browser context. A page that complains fails its test.

    `socket=False` is a visitor for whom no WebSocket can be opened; the browser itself complains about that.
    """

    def complain(visitor: Visitor, message: ConsoleMessage) -> None:
        expected = "WebSocket connection to" in message.text and "/api/health" in message.text
        if message.type in {"error", "warning"} and not expected:
            visitor.troubles.append(f"{message.type}: {message.text}")

    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(*, at: RunningServer | None = None, socket: bool = True, **options: Any) -> Visitor:
        context = chromium.new_context(**{**USUAL, **options})
        contexts.append(context)
        visitor = Visitor(context.new_page(), at or server, [])
        visitor.page.on("pageerror", lambda error: visitor.troubles.append(f"error: {error}"))
        visitor.page.on("console", lambda message: complain(visitor, message))
        if not socket:
            visitor.page.add_init_script(NO_SOCKET)
        visitors.append(visitor)
        return visitor

    yield make
    troubles = [trouble for visitor in visitors for trouble in visitor.troubles]
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Someone with an English browser on a wide screen who has just opened the page."""
    return visit().open()
