"""The page of the nodes: how each of them is, as the server knows it, without reloading."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import Visit
from tests.relay import Relay, relayed
from tests.server import RunningServer, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def line(server: RunningServer) -> Iterator[Relay]:
    """A line to another node, which can be cut."""
    with relayed(server.url) as line:
        yield line


@pytest.fixture(scope="module")
def node(server: RunningServer, line: Relay) -> Iterator[RunningServer]:
    """A server that knows two others: one behind the line, and one where nobody is."""
    nodes = {
        "kyiv": {"url": line.url, "key": server.made("node-main", "node")},
        "lviv": {"url": "http://127.0.0.1:9", "key": server.key},
    }
    console = {"node": "odesa", "nodes": nodes, "node_poll_s": 0.2, "node_timeout_s": 1.0}
    with running({"console": console}) as node:
        yield node


def test_every_node_has_a_card_with_its_state_in_words(visit: Visit, node: RunningServer, line: Relay) -> None:
    """This one, one that answers, one where nobody is; and when the line to one is cut, its card says so by itself."""
    visitor = visit(at=node).sign_in().look("nodes.html", ".node")
    visitor.until("document.querySelector('[data-node=kyiv]').dataset.state === 'ready'")
    visitor.until("document.querySelector('[data-node=lviv]').dataset.state === 'dead'")
    visitor.page.evaluate("window.same = true")
    cards = {card.get_attribute("data-node"): card for card in visitor.page.locator(".node").all()}
    assert list(cards) == ["odesa", "kyiv", "lviv"]
    assert "this one" in cards["odesa"].inner_text()
    assert line.url in cards["kyiv"].inner_text()
    for name, word in [("odesa", "Ready"), ("kyiv", "Ready"), ("lviv", "Dead")]:
        assert cards[name].locator(".word").inner_text() == word
        assert cards[name].locator(".word svg").count() == 1
    assert cards["lviv"].locator(".reasons li").count() == 1
    assert cards["kyiv"].locator("dd").nth(0).inner_text().endswith(" ms")
    assert visitor.page.inner_text("#told") == "lviv: Dead."
    line.cut()
    visitor.until("document.querySelector('[data-node=kyiv]').dataset.state === 'dead'")
    visitor.until("document.querySelector('#told').textContent === 'kyiv: Dead. lviv: Dead.'")
    line.mend()
    visitor.until("document.querySelector('[data-node=kyiv]').dataset.state === 'ready'")
    assert visitor.page.evaluate("window.same")


def test_a_server_that_stands_alone_says_how_to_add_others(visit: Visit) -> None:
    """One card, marked as this server, and the settings that name another."""
    visitor = visit().sign_in().look("nodes.html", ".node")
    assert visitor.page.locator(".node").count() == 1
    assert "console: {nodes:" in visitor.page.inner_text("#alone")


def test_old_figures_are_called_old(visit: Visit) -> None:
    """The server is out of reach: the cards stay, the bar and a sentence say so, and both go when it is back."""
    visitor = visit().sign_in()
    with relayed(visitor.server.url) as line:
        visitor.page.goto(f"{line.url}/nodes.html")
        visitor.until("document.querySelector('.node')")
        line.cut()
        visitor.look_again()
        visitor.until("document.querySelector('#line').dataset.state === 'waiting'")
        assert "figures are old" in visitor.page.inner_text("#line-text")
        assert visitor.page.locator(".node").count() == 1
        assert "did not answer" in visitor.page.inner_text("#trouble [role=alert]")
        line.mend()
        visitor.look_again()
        visitor.until("document.querySelector('#line').dataset.state === 'open'")
        assert visitor.page.locator("#trouble [role=alert]").count() == 0
        visitor.page.goto("about:blank")
    assert [trouble for trouble in visitor.troubles if "net::ERR" not in trouble] == []
    visitor.troubles.clear()
