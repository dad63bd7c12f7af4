"""The rollout page for everybody: in four languages, on every screen, by keyboard and by ear, from one server only."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.test_page import CONTRAST as PAGE_CONTRAST
from tests.operators import Operator
from tests.server import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = PROJECT / "src" / "segue" / "web" / "page"
LANGUAGES = ["en", "uk", "ru", "zh"]
CONTRAST = PAGE_CONTRAST.replace('querySelector("#text")', 'querySelector("textarea")')
UNNAMED = """
[...document.querySelectorAll("button, select, textarea, input, a")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
  .map((e) => e.id)
"""
TEXTS = """
async () => Object.fromEntries(await Promise.all(["en", "uk", "ru", "zh"].map(
  async (code) => [code, (await import(`/texts/rollout/${code}.js`)).default])))
"""


def test_every_language_has_every_text_of_the_page(visit: Visit, operator: Operator) -> None:
    """The four languages have the same keys, fill in nothing that English could not, and each key is used."""
    visitor = visit().watch(operator)
    texts = visitor.page.evaluate(TEXTS)
    values: dict[str, set[str]] = {}
    for language in LANGUAGES:
        assert list(texts[language]) == list(texts["en"]), language
        for key, text in texts[language].items():
            assert text.strip(), f"{language} {key}"
            values.setdefault(key, set()).update(re.findall(r"\{(\w+)\}", text))
    code = "".join(file.read_text(encoding="utf-8") for file in sorted((PAGE / "code").rglob("*.js")))
    code += (PAGE / "rollout.html").read_text(encoding="utf-8")
    for key, names in values.items():
        assert f'"{key}"' in code or re.search(
            rf"`{re.escape(key.rpartition('.')[0])}\.\$\{{|`{key.split('.')[0]}\.\$", code
        ), key
        assert not [name for name in names if not re.search(rf"\b{name}\b", code)], key


def test_the_whole_page_speaks_the_chosen_language(visit: Visit, operator: Operator) -> None:
    """What the page itself says is in one language, with the server's words marked as English; the figures stay."""
    operator.turns(15)
    visitor = visit(locale="uk-UA").watch(operator)
    visitor.eventually(lambda: operator.seen("failures")["n"])
    texts = visitor.page.evaluate(TEXTS)
    for language in ["uk", "ru", "zh"]:
        visitor.page.check(f"#languages input[value={language}]", force=True)
        assert visitor.page.get_attribute("html", "lang") == {"zh": "zh-Hans"}.get(language, language)
        sentence = visitor.page.inner_text("#sentence")
        assert "streamed" in sentence
        assert "30" in sentence
        foreign = visitor.page.evaluate(
            """() => [...document.querySelectorAll("body *")]
              .filter((e) => e.checkVisibility() && !e.closest("[lang=en], .brand"))
              .flatMap((e) => [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()))"""
        )
        english = {text for text in texts["en"].values() if len(text) > 4} - set(texts[language].values())
        assert [text for text in foreign if text in english] == []
        assert visitor.page.locator(".recorded:visible [lang=en]").count() >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_page_is_legible(visit: Visit, operator: Operator, scheme: Any) -> None:
    """Contrast of at least 4.5 to 1 while it runs, in a question, and after it was rolled back; narrow and wide."""
    operator.turns(15)
    visitor = visit(color_scheme=scheme, reduced_motion="reduce", locale="uk-UA").watch(operator)
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5
    visitor.page.click("[data-verb=rollback]")
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5
    for width in (320, 360, 768):
        visitor.page.set_viewport_size({"width": width, "height": 640})
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        box = visitor.page.locator("dialog").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    visitor.page.click("#confirm-yes")
    visitor.until("document.querySelector('#phase').dataset.phase === 'rolled_back'")
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5
    assert visitor.page.evaluate("document.getAnimations().length") == 0


def test_the_page_can_be_heard_and_used_without_a_mouse(visit: Visit, operator: Operator) -> None:
    """Landmarks, headings, one live sentence, tables with headers, pictures with words, controls with names."""
    operator.turns(15)
    visitor = visit().watch(operator)
    page = visitor.page
    assert page.locator("main, header.bar").count() == 2
    assert page.locator("h1:visible").count() == 1
    for section in page.locator("#one > section").all():
        assert page.locator(f"#{section.get_attribute('aria-labelledby')}").inner_text()
    assert page.get_attribute("#told", "aria-live") == "polite"
    assert "Stage 1 of 2 (some)" in page.inner_text("#told")
    assert page.locator("table").count() == page.locator("table:has(th[scope=col]):has(th[scope=row])").count() > 1
    visitor.until("document.querySelector('.band')")
    assert re.search(r"at most 5 % is allowed", page.locator(".band").first.get_attribute("aria-label") or "")
    for state in page.locator(".state").all():
        assert state.locator("svg").count() == 1
        assert state.inner_text().strip() in {"Pass", "Wait", "Breach", "Hold"}
    page.click("[data-verb=promote]")
    unnamed = page.evaluate(UNNAMED)
    assert unnamed == []
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.verb") == "promote"


def test_the_page_needs_nothing_from_elsewhere(visit: Visit, operator: Operator) -> None:
    """Every request goes to the server the page came from, under a policy without exceptions for styles or scripts."""
    visitor = visit().sign_in(at=operator.server)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    answer = visitor.page.goto(f"{operator.url}/rollout.html#/{operator.name}")
    assert answer is not None
    assert "unsafe" not in answer.headers["content-security-policy"]
    visitor.until("window._rolloutStats?.().state === 'live'")
    assert any(url.endswith("uPlot.esm.js") for url in asked)
    assert [url for url in asked if not url.startswith(operator.url)] == []


def test_what_was_copied_is_what_was_published() -> None:
    """The files of uPlot are those whose sums its README names, so nobody has changed them here."""
    folder = PAGE / "code" / "vendor" / "uPlot"
    rows = re.findall(
        r"^\| `([^`]+)` \| `[^`]+` \| `([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.MULTILINE
    )
    assert len(rows) == 3
    for name, digest in rows:
        file = Path(folder, name).resolve()
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, name
