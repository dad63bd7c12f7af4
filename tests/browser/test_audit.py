"""The page of the audit: what was done, filtered by the address, the proof that it is whole, and pruning."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx2
import pytest

from tests.browser.conftest import Visit, Visitor
from tests.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = "#entries tr[data-seq]"
SEQS = f"[...document.querySelectorAll('{ROWS}')].map((row) => Number(row.dataset.seq))"
NOBODY = "nobody-of-this-name"


def asked(server: RunningServer, path: str, **query: Any) -> dict[str, Any]:
    """What the API answers somebody who may do everything."""
    answer: dict[str, Any] = httpx2.get(server.url + path, params=query, headers=server.headers).json()
    return answer


def entries(server: RunningServer, **wanted: Any) -> list[dict[str, Any]]:
    """What the API says; asking adds an entry to what will be said next."""
    items: list[dict[str, Any]] = asked(server, "/api/audit", **wanted)["items"]
    return items


def read(server: RunningServer, times: int) -> None:
    """So many entries more: each reading of the audit is one."""
    with server.client() as client:
        for _ in range(times):
            assert client.get("/api/audit", params={"actor": NOBODY, "limit": 1}).is_success


def found(visitor: Visitor) -> list[int]:
    """The numbers of the entries that are shown, once there are any."""
    seqs: list[int] = visitor.until(f"(seqs => seqs.length > 0 && seqs)({SEQS})")
    return seqs


@contextmanager
def tampered(server: RunningServer, seq: int, actor: str) -> Iterator[None]:
    """Whoever can write the file has put another name into an entry; in the end it is put right again."""

    def put(name: str) -> None:
        with closing(sqlite3.connect(server.data / "segue.db", timeout=30)) as database, database:
            assert database.execute("UPDATE audit SET actor = ? WHERE seq = ?", (name, seq)).rowcount == 1

    (before,) = [each["actor"] for each in entries(server, limit=500) if each["seq"] == seq]
    put(actor)
    yield
    put(before)


def test_entries_are_those_of_the_api_page_by_page(visit: Visit, server: RunningServer) -> None:
    """Newest first, fifty at a time, each once; a row opens what is kept of it, with the keyboard, and closes again."""
    read(server, 60)
    visitor = visit().sign_in().look("audit.html")
    page = visitor.page
    first = found(visitor)
    assert len(first) == 50
    page.click("#more")
    visitor.until(f"{SEQS}.length > 50")
    seqs = found(visitor)
    assert seqs == sorted(set(seqs), reverse=True)
    entry = next(each for each in entries(server, limit=500) if each["seq"] == seqs[1])
    row = page.locator(f"#entries tr[data-seq='{seqs[1]}']")
    assert [entry["action"], entry["actor"], entry["target"]] == [
        row.locator("th").inner_text(),
        row.locator("b").inner_text(),
        row.locator(".target").inner_text(),
    ]
    assert row.locator(".word").inner_text() == "done"
    row.locator("button").focus()
    page.keyboard.press("Enter")
    assert row.locator("button").get_attribute("aria-expanded") == "true"
    kept = dict(
        zip(
            page.locator(f"#details-{seqs[1]} dt").all_inner_texts(),
            page.locator(f"#details-{seqs[1]} dd").all_inner_texts(),
            strict=True,
        )
    )
    assert kept["Hash of this entry"] == entry["hash"]
    assert kept["Hash of the entry before"] == entry["prev_hash"]
    assert kept["Request"] == entry["request"]
    assert kept["filters"] == "actor"
    page.check("#languages input[value=zh]", force=True)
    assert page.locator(f"#details-{seqs[1]}").is_visible()
    page.click(f"#entries [data-seq='{seqs[1]}'] button")
    assert page.locator(f"#details-{seqs[1]}").is_hidden()


def test_the_whole_audit_can_be_taken_along(visit: Visit, server: RunningServer) -> None:
    """The link gives a file: its format in the first line, and then one line for each entry, to the newest."""
    visitor = visit().sign_in().look("audit.html")
    newest = found(visitor)[0]
    with visitor.page.expect_download() as download:
        visitor.page.click("#export")
    lines = [json.loads(line) for line in download.value.path().read_text(encoding="utf-8").splitlines()]
    assert lines[0]["format"] == "segue audit 1"
    seqs = [line["seq"] for line in lines[1:]]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert seqs[-1] > newest


def test_filters_are_in_the_address(visit: Visit, server: RunningServer) -> None:
    """What is asked for in the form stands in the address, comes back with it and with Back, and can be cleared."""
    name = "filtered key"
    server.made(name, "read")
    (made,) = [each for each in entries(server, action="key.create") if each["facts"].get("name") == name]
    visitor = visit().sign_in().look("audit.html")
    page = visitor.page
    everything = len(found(visitor))
    page.fill("[name=action]", "key.create")
    page.select_option("[name=status]", "ok")
    page.fill("[name=target]", made["target"])
    page.press("[name=target]", "Enter")
    visitor.until(f"{SEQS}.join() === '{made['seq']}'")
    assert re.search(r"\?action=key\.create&target=key%2F\w+&status=ok$", page.url)
    page.reload()
    visitor.until(f"{SEQS}.join() === '{made['seq']}'")
    assert page.input_value("[name=action]") == "key.create"
    page.fill("[name=until]", "2001-02-03T04:05:06")
    page.click("#filters [type=submit]")
    visitor.until("document.querySelector('#none')?.checkVisibility()")
    assert page.locator("#table").is_hidden()
    page.go_back()
    visitor.until(f"{SEQS}.join() === '{made['seq']}'")
    page.click("#filters [type=reset]")
    visitor.until(f"{SEQS}.length >= {everything}")
    assert page.url.endswith("/audit.html")
    assert page.input_value("[name=action]") == ""


def test_the_chain_is_proved_and_a_change_in_it_is_told(visit: Visit, server: RunningServer) -> None:
    """Whole: the head that proves it, its age and key. With another name in one entry: that entry, in a sentence."""
    read(server, 3)
    visitor = visit().sign_in().look("audit.html")
    page = visitor.page
    visitor.eventually(lambda: asked(server, "/api/audit/verification")["proven"])
    page.click("#verify")
    visitor.until("document.querySelector('#verdict')?.dataset.tone === 'good'")
    head = asked(server, "/api/audit/verification")["head"]
    said = page.inner_text(".verdict-word")
    proved = re.fullmatch(r"The chain is whole; a signed head proves it up to entry ([\d,]+)", said)
    assert proved
    assert 0 < int(proved[1].replace(",", "")) <= head["seq"]
    assert head["key"] in page.inner_text(".proof")
    seq = found(visitor)[0]
    with tampered(server, seq, "Mallory"):
        page.click("#verify")
        visitor.until("document.querySelector('#verdict')?.dataset.tone === 'bad'")
        faults = asked(server, "/api/audit/verification")["faults"]
        assert faults
        assert page.locator(".faults .verbatim").all_inner_texts() == [fault["sentence"] for fault in faults]
        page.check("#languages input[value=uk]", force=True)
        assert f"вад: {len(faults)}" in page.inner_text(".verdict-word")
    page.click("#verify")
    visitor.until("document.querySelector('#verdict')?.dataset.tone === 'good'")


def test_nothing_is_pruned_before_it_was_counted_and_agreed_to(visit: Visit, server: RunningServer) -> None:
    """The count changes nothing; after the second question the old entries are gone, and who did it is told."""
    read(server, 5)
    visitor = visit().sign_in().look("audit.html")
    page = visitor.page
    oldest = entries(server, limit=500)[-1]["seq"]
    page.click("#prune")
    page.click(".question .sure")
    visitor.until("document.querySelector('#toasts .toast')")
    assert "No entry is that old" in page.inner_text("#toasts")
    page.click("#prune")
    page.fill("[name=before_days]", "0")
    page.click(".question .sure")
    visitor.until("document.querySelector('.sure.harm')")
    counted = re.search(r"Would go: ([\d,]+), up to number [\d,]+\. Would stay: \d+\.", page.inner_text(".question"))
    assert counted
    assert entries(server, limit=500)[-1]["seq"] == oldest
    page.keyboard.press("Escape")
    visitor.until("!document.querySelector('dialog')")
    assert entries(server, limit=500)[-1]["seq"] == oldest
    page.click("#prune")
    page.fill("[name=before_days]", "0")
    page.click(".question .sure")
    page.click(".sure.harm")
    visitor.until("document.querySelectorAll('#toasts .toast').length > 1")
    assert entries(server, limit=500)[-1]["seq"] > oldest
    page.click("#verify")
    visitor.until("document.querySelector('#verdict')?.dataset.tone === 'good'")
    assert page.locator(".proof div:last-child dd").inner_text().endswith("· admin")


def test_a_key_that_may_only_read_the_audit_cannot_prune(visit: Visit, server: RunningServer) -> None:
    """The button says why and does nothing; without `audit:read` the page shows nothing of the audit at all."""
    visitor = visit().sign_in(server.made("auditor", "audit:read", "read")).look("audit.html")
    found(visitor)
    prune = visitor.page.locator("#prune")
    assert prune.get_attribute("aria-disabled") == "true"
    assert prune.get_attribute("aria-describedby") == "prune-why"
    assert "admin" in visitor.page.inner_text("#prune-why")
    prune.click(force=True)
    assert visitor.page.locator("dialog").count() == 0
    reader = visit().sign_in(server.made("reader", "read"))
    reader.page.goto(f"{server.url}/audit.html")
    reader.until("document.querySelector('#denied')")
    assert "audit:read" in reader.page.inner_text("#denied")
    assert reader.page.locator("#verify:visible, #table:visible, #fold:visible").count() == 0


def test_on_a_narrow_screen_nothing_is_scrolled_sideways(visit: Visit) -> None:
    """Filters are folded away, rows are cards, and hashes break where the screen ends."""
    visitor = visit(viewport={"width": 320, "height": 640}, locale="uk-UA").sign_in().look("audit.html")
    found(visitor)
    assert visitor.page.locator("#filters").is_hidden()
    visitor.page.click("#fold summary")
    visitor.page.locator("#entries button").first.click()
    visitor.page.click("#verify")
    visitor.until("document.querySelector('.proof')")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
