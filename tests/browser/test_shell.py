"""What is around every page of the operators: the ways between them, who is signed in, and what their key allows."""

import re

import pytest

from tests.browser.conftest import Visit
from tests.server import PROJECT, RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = PROJECT / "src" / "segue" / "web" / "page"
LANGUAGES = ["en", "uk", "ru", "zh"]
WAYS = ["talk", "chats", "rollouts", "health", "nodes", "incidents", "keys", "audit"]
ASKED = "performance.getEntriesByType('resource').map((each) => new URL(each.name).pathname)"
TEXTS = """
async (page) => Object.fromEntries(await Promise.all(["en", "uk", "ru", "zh"].map(
  async (code) => [code, (await import(`/texts/${page}/${code}.js`)).default])))
"""


def test_every_page_has_the_same_ways_and_says_who_looks(visit: Visit) -> None:
    """Eight ways, the current one marked, whoever is signed in, and the page's own title, from one page to the next."""
    visitor = visit().sign_in().look("nodes.html")
    for page in ["nodes", "keys", "rollouts"]:
        visitor.page.click(f"[data-way={page}]")
        visitor.until(f"document.querySelector('[aria-current=page]')?.dataset.way === '{page}'")
        visitor.until("document.querySelector('.operator')?.textContent === 'admin'")
        ways = visitor.page.locator("nav [data-way]")
        assert [way.get_attribute("data-way") for way in ways.all()] == WAYS
        assert visitor.page.locator("[aria-current=page]").count() == 1
        assert visitor.page.title() == f"{page.capitalize()} · Segue"
        assert visitor.page.locator(".lock").count() == 0
    visitor.page.check("#languages input[value=uk]", force=True)
    assert visitor.page.title() == "Розгортання · Segue"
    visitor.page.click("[data-way=keys]")
    visitor.until("document.title === 'Ключі · Segue'")


def test_what_a_key_does_not_allow_is_shown_and_told(visit: Visit, server: RunningServer) -> None:
    """With `read` alone the ways to keys and audit carry a lock with its scope, and the keys are not asked for."""
    visitor = visit().sign_in(server.made("reader", "read")).look("nodes.html")
    assert visitor.page.locator(".way:has(.lock)").count() == 2
    assert "audit:read" in (visitor.page.text_content("[data-way=audit]") or "")
    visitor.page.click("[data-way=keys]")
    visitor.until("document.querySelector('#denied')")
    told = visitor.page.inner_text("#denied")
    assert "reader" in told
    assert "admin" in told
    assert visitor.page.locator("main h1:visible").count() == 1
    assert visitor.page.locator("#create:visible, #table:visible").count() == 0
    assert "/api/keys" not in visitor.page.evaluate(ASKED)


def test_on_a_narrow_screen_the_ways_are_behind_a_button(visit: Visit) -> None:
    """It opens and closes from the keyboard, what is in it can be reached, and nothing has to be scrolled sideways."""
    visitor = visit(viewport={"width": 320, "height": 640}, locale="uk-UA").sign_in().look("keys.html", "#table")
    page = visitor.page
    assert page.locator("[data-way=nodes]").is_hidden()
    page.focus("#menu")
    page.keyboard.press("Enter")
    visitor.until("document.querySelector('#ways').matches(':popover-open')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.way") == "talk"
    assert page.locator("#sign-out").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    assert page.locator("[data-way=nodes]").is_hidden()
    page.keyboard.press("Shift+Tab")
    page.click("#menu")
    page.click("[data-way=nodes]")
    visitor.until("document.querySelectorAll('.node').length")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_that_cannot_learn_who_looks_says_so(visit: Visit) -> None:
    """The server does not answer: the page says it, shows nothing else as if it knew, and goes on when told to."""
    visitor = visit().sign_in()
    visitor.page.route("**/api/session", lambda route: route.abort(), times=1)
    visitor.page.goto(f"{visitor.server.url}/keys.html")
    visitor.until("document.querySelector('#content > .alert')")
    assert "did not answer" in visitor.page.inner_text(".alert")
    assert visitor.page.locator("#create").is_hidden()
    visitor.page.click(".alert button")
    visitor.until("document.querySelector('#table')?.checkVisibility()")
    assert visitor.page.locator(".alert").count() == 0
    assert [trouble for trouble in visitor.troubles if "ERR_FAILED" not in trouble] == []
    visitor.troubles.clear()


def test_every_language_has_every_text_of_these_pages(visit: Visit) -> None:
    """The four languages have the same keys with the same places to fill in, no empty text, and each key is used."""
    visitor = visit()
    visitor.page.goto(f"{visitor.server.url}/signin.html")
    code = "".join(file.read_text(encoding="utf-8") for file in sorted((PAGE / "code").rglob("*.js")))
    code += "".join(file.read_text(encoding="utf-8") for file in PAGE.glob("*.html"))
    for page in ["shell", "signin", "keys", "nodes", "chats", "audit", "health"]:
        texts = visitor.page.evaluate(TEXTS, page)
        for language in LANGUAGES:
            assert list(texts[language]) == list(texts["en"]), f"{page} {language}"
        for key, english in texts["en"].items():
            places = set(re.findall(r"\{\w+\}", english))
            for language in LANGUAGES:
                assert texts[language][key].strip(), f"{page} {language} {key}"
                assert set(re.findall(r"\{\w+\}", texts[language][key])) == places, f"{page} {language} {key}"
            assert f'"{key}"' in code or f"`{key.rpartition('.')[0]}.${{" in code, key
