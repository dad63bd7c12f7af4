"""The rollout page in front of a real server: it shows what the API says, as it happens, and commands what it may."""

import re
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Visit, Visitor
from tests.operators import Operator
from tests.relay import relayed
from tests.server import PROJECT, RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def events(visitor: Visitor) -> list[str]:
    """The reasons in the log, newest first."""
    return visitor.page.locator("#events .because").all_inner_texts()


def tile(visitor: Visitor, gate: str) -> str:
    """The selector of a gate's tile; it must be there once."""
    selector = f".tile[data-gate={gate}]"
    assert visitor.page.locator(selector).count() == 1
    return selector


def tiles(visitor: Visitor, status: dict[str, Any]) -> list[str]:
    """The gates whose tile does not say what the API says of them."""
    return [
        gate["gate"]
        for gate in status["gates"]
        for shown in [visitor.page.locator(tile(visitor, gate["gate"]))]
        if (shown.locator(".says").text_content(), shown.get_attribute("data-word")) != (gate["reason"], gate["word"])
    ]


def test_the_page_shows_what_the_api_says(visit: Visit, operator: Operator) -> None:
    """Sentence, stages, shares, gates with both arms, commands and events are those of the API, in its words."""
    operator.turns(40)
    visitor = visit().watch(operator)
    visitor.eventually(lambda: operator.seen("failures")["n"] + operator.seen("failures")["baseline_n"] == 40)
    # Gates close their blocks one after the other, so both sides are asked again until they agree.
    visitor.eventually(lambda: tiles(visitor, operator.get()) == [])
    status = operator.get()
    heard = status["realised"]["candidate"]
    assert heard + status["realised"]["baseline"] == 40
    rows = visitor.page.locator(f"{tile(visitor, 'failures')} tbody tr").all_inner_texts()
    counted = next(gate for gate in status["gates"] if gate["gate"] == "failures")
    assert [row.split("\t")[:3] for row in rows] == [
        ["streamed", "0 %", str(counted["n"])],
        ["whole", "0 %", str(counted["baseline_n"])],
    ]
    assert visitor.page.inner_text("#sentence").startswith("Stage 1 of 2 (some): 30 % hear streamed. ")
    assert status["sentence"].startswith("Stage 1 of 2 (some): 30 % hear streamed. ")
    assert visitor.page.inner_text("h1#name") == operator.name
    stages = visitor.page.locator("#stages li")
    assert [stages.nth(at).get_attribute("data-state") for at in range(3)] == ["current", "next", "next"]
    assert visitor.page.locator("#stages .stage-share").all_inner_texts() == ["30 %", "50 %", "95 %"]
    assert visitor.page.locator("#stages [aria-current=step] .left").inner_text().endswith("of 1 h left")
    assert visitor.page.locator(".bar-value").all_inner_texts() == [
        "30 %",
        f"{float(format(100 * heard / 40, '.3g')):g} % ({heard} of 40 listeners)",
    ]
    visitor.eventually(
        lambda: events(visitor) == [each["reason"] for each in reversed(operator.get("/decisions")["items"])]
    )
    for button in visitor.page.locator("#commands button").all():
        known = status["commands"][button.get_attribute("data-verb")]
        assert button.get_attribute("aria-disabled") == str(not (known["allowed"] or known["by_force"])).lower()


def test_everything_comes_live_and_nothing_is_reloaded(visit: Visit, operator: Operator) -> None:
    """Turns, curves, and the commands of somebody else appear by themselves; the clock goes on in between."""
    visitor = visit().watch(operator)
    visitor.page.evaluate("window.same = true")
    assert visitor.page.locator("canvas").count() == 0
    turns = f"{tile(visitor, 'failures')} tbody tr:first-child td:nth-child(3)"
    assert visitor.page.inner_text(turns) == "0"
    left = visitor.page.inner_text("#stages .left")
    operator.turns(40)
    visitor.until(f"document.querySelector('{turns}').textContent > 0")
    visitor.until(f"document.querySelector('#stages .left').textContent !== {left!r}")
    visitor.until(f"document.querySelector('{tile(visitor, 'ttfa')} canvas')", "a curve")
    operator.command("pause", reason="Waiting for the vendor.")
    visitor.until("document.querySelector('#phase').dataset.phase === 'paused'")
    visitor.until("document.querySelector('#events .who[data-own=no]').textContent === 'admin'")
    assert "Waiting for the vendor" in events(visitor)[0]
    assert "Waiting for the vendor" in visitor.page.inner_text("#sentence")
    assert "Paused" in visitor.page.inner_text("#told")
    assert visitor.page.inner_text("[data-verb=resume]") == "Resume…"
    operator.command("resume")
    operator.command("promote", force=True)
    visitor.until("document.querySelector('#stages li:nth-child(2)').dataset.state === 'current'")
    assert visitor.page.locator("#stages .stage-share").nth(1).inner_text() == "50 %"
    assert visitor.page.evaluate("window.same")


def test_two_clicks_roll_back(visit: Visit, operator: Operator) -> None:
    """Roll back, and roll back now: the server has done it, with the reason that was given, as whoever is signed in."""
    visitor = visit().sign_in(operator.server.made("Ivan", "read", "rollout:write"), at=operator.server)
    visitor.watch(operator, signed_in=True)
    visitor.page.click("[data-verb=rollback]")
    assert visitor.page.evaluate("document.activeElement.id") == "confirm-yes"
    visitor.page.fill("#confirm-reason", "Listeners complain.")
    visitor.page.click("#confirm-yes")
    visitor.until("document.querySelector('#phase').dataset.phase === 'rolled_back'")
    assert visitor.page.locator("dialog[open]").count() == 0
    last = operator.get()["last"]
    assert (last["kind"], last["actor"], last["share_bp"]) == ("rolled_back", "Ivan", 0)
    assert "Listeners complain" in last["reason"]
    visitor.until(f"document.querySelector('#events .because').textContent === {last['reason']!r}")
    assert httpx2.get(f"{operator.url}/api/routing", headers=operator.headers).json()["exposure"] is None
    assert visitor.page.locator("#stages [data-state=stopped]").count() == 1
    visitor.page.reload()
    visitor.until("window._rolloutStats?.().status")
    visitor.page.click("[data-verb=retry]")
    assert "cool-down" in visitor.page.inner_text("#confirm-against")
    visitor.page.click("#confirm-yes")  # not without the tick
    assert visitor.page.locator("dialog[open]").count() == 1
    visitor.page.check("#confirm-force input")
    visitor.page.click("#confirm-yes")
    visitor.until("document.querySelector('#attempt').textContent === 'attempt 2'")
    visitor.until("document.querySelectorAll('#events .which').length > 1", "both attempts in the log")


def test_a_button_that_cannot_be_used_says_why(visit: Visit, operator: Operator) -> None:
    """It can be reached with the keyboard, tells the server's reason on focus and on a click, and sends nothing."""
    visitor = visit().watch(operator)
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    why = operator.get()["commands"]["step-back"]["why"]
    button = visitor.page.locator("[data-verb=step-back]")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("disabled") is None
    assert button.get_attribute("aria-describedby") == "reason"
    assert visitor.page.inner_text("#reason") == ""
    visitor.page.focus("[data-verb=promote]")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.dataset.verb") == "step-back"
    assert why
    assert visitor.page.inner_text("#reason").endswith(why)
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")
    assert visitor.page.inner_text("#reason") == ""
    button.click(force=True)  # a browser lets one click it; Playwright waits for what is disabled
    assert visitor.page.inner_text("#reason").endswith(why)
    assert button.get_attribute("title") == why
    assert visitor.page.locator("dialog[open]").count() == 0
    assert sent == []


def test_without_the_scope_every_command_says_why(visit: Visit, operator: Operator) -> None:
    """Whoever may only read sees everything; no button can be used, each says which scope it takes, none asks."""
    visitor = visit().sign_in(operator.server.made("reader", "read"), at=operator.server)
    visitor.watch(operator, signed_in=True)
    buttons = visitor.page.locator("#commands button")
    assert {button.get_attribute("aria-disabled") for button in buttons.all()} == {"true"}
    visitor.page.focus("[data-verb=rollback]")
    visitor.page.keyboard.press("Enter")
    assert visitor.page.inner_text("#reason").endswith("Your key does not have the scope rollout:write.")
    assert visitor.page.locator("dialog[open]").count() == 0


def test_what_the_server_declines_is_said_where_it_was_asked(visit: Visit, operator: Operator) -> None:
    """Somebody else was quicker: the question stays open with the server's reason, and Escape leaves it."""
    visitor = visit().watch(operator)
    visitor.page.click("[data-verb=approve]")
    operator.command("rollback", reason="Too slow.")
    visitor.page.click("#confirm-yes")
    visitor.until("!document.querySelector('#confirm-trouble').hidden")
    assert "has ended: it was rolled back" in visitor.page.inner_text("#confirm-trouble")
    visitor.page.keyboard.press("Escape")
    assert visitor.page.locator("dialog[open]").count() == 0
    assert visitor.page.evaluate("document.activeElement.dataset.verb") == "approve"
    assert [trouble for trouble in visitor.troubles if "409" not in trouble] == []
    visitor.troubles.clear()


def test_a_command_without_an_answer_is_sent_again_as_the_same(visit: Visit, operator: Operator) -> None:
    """The answer is lost on the way: the page says so, and a second try takes effect once."""
    visitor = visit().watch(operator)
    ids: list[str] = []

    def lose(route: Route) -> None:
        ids.append(route.request.post_data_json["id"])
        if len(ids) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    visitor.page.route("**/freeze", lose)
    visitor.page.click("[data-verb=freeze]")
    visitor.page.fill("#confirm-reason", "Release week.")
    visitor.page.click("#confirm-yes")
    visitor.until("!document.querySelector('#confirm-trouble').hidden")
    assert "takes effect only once" in visitor.page.inner_text("#confirm-trouble")
    visitor.page.click("#confirm-yes")
    visitor.until("!document.querySelector('dialog').open")
    assert ids[0] == ids[1] != ""
    assert [each["kind"] for each in operator.get("/decisions")["items"]].count("frozen") == 1
    assert "Release week" in visitor.page.inner_text("#one .hero")
    assert [trouble for trouble in visitor.troubles if "ERR_FAILED" not in trouble] == []
    visitor.troubles.clear()


def test_without_a_stream_the_page_asks_and_says_so(visit: Visit, operator: Operator) -> None:
    """No events come through: the page is not live, says it, and shows changes all the same."""
    visitor = visit().sign_in(at=operator.server)
    visitor.page.route("**/events", lambda route: route.abort())
    visitor.page.goto(f"{operator.url}/rollout.html#/{operator.name}")
    visitor.until("window._rolloutStats?.().state === 'polling'")
    assert visitor.page.inner_text("#line-text") == "Not live: asking every 3 s"
    operator.command("pause")
    visitor.until("document.querySelector('#phase').dataset.phase === 'paused'")
    visitor.page.goto(f"{operator.url}/rollout.html#/nobody")
    visitor.until("window._rolloutStats().state === 'missing'")
    assert "no rollout called nobody" in visitor.page.inner_text("#lost")
    assert [trouble for trouble in visitor.troubles if not re.search("ERR_FAILED|404", trouble)] == []
    visitor.troubles.clear()


def test_a_server_out_of_reach_is_not_called_live(visit: Visit, operator: Operator) -> None:
    """The line is cut while one looks: the page says that its figures are old, keeps them, and comes back by itself."""
    visitor = visit().sign_in(at=operator.server)
    with relayed(operator.url) as line:
        visitor.page.goto(f"{line.url}/rollout.html#/{operator.name}")
        visitor.until("(s => s?.state === 'live' && s.status)(window._rolloutStats?.())")
        line.cut()
        visitor.until("_rolloutStats().state === 'lost'")
        assert "figures are old" in visitor.page.inner_text("#line-text")
        assert visitor.page.locator(".tile").count() == 4
        operator.command("pause")
        line.mend()
        visitor.until("document.querySelector('#phase').dataset.phase === 'paused'")
        assert visitor.page.evaluate("_rolloutStats().state") in {"polling", "live"}
        visitor.page.goto("about:blank")
    assert [trouble for trouble in visitor.troubles if "net::ERR" not in trouble] == []
    visitor.troubles.clear()


def test_without_rollouts_the_page_says_how_to_start_one(visitor: Visitor, server: RunningServer) -> None:
    """From the talk page one gets to the list, and an empty one offers a command that names this server and a plan."""
    visitor.sign_in().page.click("[data-way=rollouts]")
    visitor.until("document.querySelector('#none')?.hidden === false")
    command = visitor.page.inner_text("#start-command")
    assert f" --url {server.url}," in visitor.page.inner_text("#start-elsewhere")
    plan = command.split()[3]
    assert command.startswith(f"segue rollout start {plan}")
    assert (PROJECT / plan).is_file()
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.click("#copy")
    visitor.until("document.querySelector('#copy').textContent === 'Copied'")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == command
    visitor.page.click("[data-way=talk]")
    visitor.until("window._voiceStats?.().connection.state === 'open'")


def test_the_list_leads_to_each_rollout_and_back(visit: Visit, operator: Operator) -> None:
    """One click opens a rollout, the browser's way back leads to the list again; nothing is loaded anew."""
    visitor = visit().sign_in(at=operator.server)
    visitor.page.goto(f"{operator.url}/rollout.html")
    card = f".card[href='#/{operator.name}']"
    visitor.until(f'document.querySelector("{card}")')
    visitor.page.evaluate("window.same = true")
    assert operator.get()["sentence"].split(". ")[0] in visitor.page.inner_text(card)
    visitor.page.click(card)
    visitor.until("window._rolloutStats().state === 'live'")
    assert visitor.page.inner_text("h1#name") == operator.name
    visitor.page.go_back()
    visitor.until(f'document.querySelector("{card}").checkVisibility()')
    visitor.page.click(card)
    visitor.until("!document.querySelector('#one').hidden")
    visitor.page.focus(".skip")
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "content"
    visitor.page.click("#up")
    visitor.until(f'document.querySelector("{card}").checkVisibility()')
    assert visitor.page.evaluate("window.same")
