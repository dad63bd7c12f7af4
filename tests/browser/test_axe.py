"""Every page before axe, which knows the rules of accessible pages: signed in and with data, in light and in dark."""

from collections.abc import Iterator
from importlib.resources import files

import httpx2
import pytest

from tests.browser.conftest import Visit
from tests.operators import PLAN, Operator
from tests.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
FOUND = """
async (dark) => {
  const found = await axe.run(document, {
    resultTypes: ["violations"], ...(dark ? { runOnly: { type: "rule", values: ["color-contrast"] } } : {}),
  });
  const where = (nodes) => nodes.map(({ html }) => html).join(" | ");
  return found.violations.map(({ impact, id, nodes }) => `${impact} ${id}: ${where(nodes)}`);
}
"""
PAGES = {
    "audit": ("audit.html", "tbody tr"),
    "talk": ("index.html", "#examples button"),
    "signin": ("signin.html", "#key"),
    "chats": ("chats.html#/{chat}", "#log .reply"),
    "rollouts": ("rollout.html#/{rollout}", ".tile"),
    "health": ("health.html", "main section"),
    "nodes": ("nodes.html", ".node"),
    "incidents": ("incidents.html", ".incident"),
    "keys": ("keys.html", "#table tbody tr"),
}
"""Each page's address, and what is there once it has its data."""


@pytest.fixture(scope="module")
def operator(gateway: RunningServer) -> Iterator[Operator]:
    """Somebody with a rollout under way, for all these tests."""
    operator = Operator(gateway, "seen-by-axe")
    operator.post("/api/rollouts", {"plan": {"name": operator.name, **PLAN}})
    operator.post("/api/incidents", {"title": "Replies begin late", "services": ["voice"]})
    yield operator
    operator.command("rollback")


@pytest.fixture(scope="module")
def chat(operator: Operator) -> str:
    """A chat with a message and its reply."""
    chat = operator.post("/api/chats", {"title": "Opening hours"})
    headers = {**operator.headers, "Idempotency-Key": chat["id"]}
    answer = httpx2.post(f"{operator.url}/api/chats/{chat['id']}/send", json={"text": "When?"}, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(chat["id"])


@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_that_shuts_anybody_out(visit: Visit, operator: Operator, chat: str, page: str) -> None:
    """No rule is broken, on the page as it is and in its questions; in the dark all colours are judged again."""
    visitor = visit(at=operator.server, reduced_motion="reduce")
    if page != "signin":
        visitor.sign_in()
    address, ready = PAGES[page]
    visitor.page.goto(f"{operator.url}/{address.format(chat=chat, rollout=operator.name)}")
    visitor.until(f"document.querySelector({ready!r})?.checkVisibility()")
    visitor.page.evaluate(AXE)
    assert visitor.page.evaluate(FOUND, False) == []
    visitor.page.emulate_media(color_scheme="dark")
    assert visitor.page.evaluate(FOUND, True) == []
    if page in {"incidents", "keys"}:
        visitor.page.click("#create")
        assert visitor.page.evaluate(FOUND, False) == []


def test_axe_is_not_blind(visit: Visit) -> None:
    """A button without a name and a text that can hardly be read are found, so that finding nothing means something."""
    visitor = visit()
    visitor.page.goto(f"{visitor.server.url}/signin.html")
    visitor.until("document.activeElement?.id === 'key'")
    visitor.page.evaluate("document.querySelector('#show').removeAttribute('aria-label')")
    visitor.page.evaluate("document.querySelector('#show').removeAttribute('title')")
    visitor.page.evaluate("document.querySelector('#lead').style.color = '#ccc'")
    visitor.page.evaluate(AXE)
    found = " ".join(visitor.page.evaluate(FOUND, False))
    assert "critical button-name" in found
    assert "serious color-contrast" in found
