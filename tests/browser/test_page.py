"""The page itself: its keys, its shape on small screens, its colours, and what the panel shows."""

import math
import re
from typing import Any

import pytest

from tests.browser.conftest import LONG, SHORT, Visit, Visitor
from tests.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEXTS = "async () => { const { TEXTS } = await import('/code/words.js'); return TEXTS; }"

CONTRAST = """
() => {
  // The smallest contrast (WCAG 2) of every visible text, with what it stands on; placeholders included.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const found = [];
  const note = (element, colour, what) => {
    const under = ground(element);
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const [r, g, b, a] = rgba(colour);
    found.push([contrast(over([r, g, b, a * opacity], under), under), what]);
  };
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(".unseen, option")) continue;
    note(element, getComputedStyle(element).color, element.textContent.trim().slice(0, 40));
  }
  const field = document.querySelector("#text");
  note(field, getComputedStyle(field, "::placeholder").color, "placeholder");
  return found.sort(([one], [other]) => one - other);
}
"""


def test_everything_can_be_done_from_the_keyboard(visitor: Visitor) -> None:
    """Tab reaches every control and shows it; / writes, Shift+Enter breaks the line, Enter sends, Esc stops."""
    page = visitor.page
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => {
              const at = document.activeElement;
              const shown = at.closest("label") ?? at.closest(".field") ?? at;
              const seen = [at, shown].some((e) => getComputedStyle(e).outlineStyle !== "none")
                || getComputedStyle(shown).boxShadow !== "none";
              return { name: at.id || at.name || at.className || at.textContent, seen, body: at === document.body };
            }"""
        )
        if where["body"]:
            break
        assert where["seen"], f"no focus to be seen on {where['name']}"
        reached.append(where["name"])
    for control in ["skip", "language", "theme", "microphone", "text", "profile", "voice"]:
        assert control in reached
    assert page.locator("#examples button").count() == 4
    page.focus("#languages input:checked")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("html", "lang") == "uk"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type("Tell me a story,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("a long one / please.")
    assert page.input_value("#text").startswith("Tell me a story,\na long one / please.")
    page.keyboard.press("Enter")
    assert page.input_value("#text") == ""
    visitor.until("_voiceStats().turn.state === 'speaking'")
    page.keyboard.press("Escape")
    assert visitor.finished()["state"] == "interrupted"


def test_an_example_is_asked_with_a_click(visitor: Visitor) -> None:
    """The empty page offers four questions; the one with a date and money is answered like any other."""
    example = visitor.page.locator("#examples button").nth(1)
    text = example.inner_text()
    assert re.search(r"\d{4}.*\$1,249\.50.*15%", text)
    example.click()
    assert visitor.finished()["state"] == "done"
    assert visitor.page.locator(".asked").inner_text() == text
    assert visitor.page.locator("#empty").is_hidden()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("language", ["uk", "zh"])
def test_no_screen_is_too_narrow(visit: Visit, width: int, language: str) -> None:
    """From 320 pixels up nothing has to be scrolled sideways, and what one needs is on the screen."""
    visitor = visit(viewport={"width": width, "height": 640}, locale=language).open()
    visitor.say("0123456789" * 40)
    visitor.until("_voiceStats().turn.state === 'speaking'")
    fits = "document.documentElement.scrollWidth <= innerWidth && scroll.scrollWidth <= scroll.clientWidth"
    assert visitor.page.evaluate(f"(scroll => {fits})(document.querySelector('#scroll'))")
    for control in ["#text", "#stop", "#microphone", "#voice", "#theme", "#languages"]:
        box = visitor.page.locator(control).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 640
    if width < 900:
        visitor.page.click("#strip")
        assert visitor.page.locator("#stages").is_visible()
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.page.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_legible(visit: Visit, scheme: Any) -> None:
    """Contrast of at least 4.5 to 1 in light and dark, while speaking, with an error and before anything was asked."""
    visitor = visit(color_scheme=scheme, reduced_motion="reduce", locale="uk-UA").open()
    visitor.until("!document.querySelector('#reason').hidden")
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5
    visitor.say("Скажи: доброго ранку всім.")
    visitor.until("document.querySelector('.saying')")
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5
    visitor.finished()
    visitor.say("a" * 30_000)
    visitor.until("document.querySelector('.trouble')")
    assert visitor.page.evaluate(CONTRAST)[0][0] >= 4.5


def test_the_theme_can_be_chosen_and_is_kept(visitor: Visitor) -> None:
    """As the system, light, dark: the switch goes round, and the page looks so before it is drawn the next time."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light = visitor.page.evaluate(ground)
    visitor.page.click("#theme")
    assert visitor.page.evaluate(ground) == light
    visitor.page.click("#theme")
    dark = visitor.page.evaluate(ground)
    assert dark != light
    visitor.page.reload()
    assert visitor.page.evaluate(ground) == dark
    visitor.page.click("#theme")
    assert visitor.page.evaluate(ground) == light


def test_nothing_moves_for_those_who_do_not_want_it(visit: Visit) -> None:
    """With reduced motion no animation runs, even while a reply is spoken."""
    visitor = visit(reduced_motion="reduce").open()
    visitor.say(LONG)
    visitor.until("_voiceStats().turn.state === 'speaking'")
    assert visitor.page.evaluate("document.getAnimations().length") == 0
    visitor.page.keyboard.press("Escape")


def test_status_and_conversation_are_told_to_screen_readers(visitor: Visitor) -> None:
    """The status is a polite live region, the conversation a log that is busy while its text still grows."""
    page = visitor.page
    assert page.locator("#log").get_attribute("role") == "log"
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    visitor.say(LONG)
    visitor.until("_voiceStats().turn.state === 'speaking'")
    assert page.locator(".reply").get_attribute("aria-busy") == "true"
    assert page.inner_text("#status") == page.evaluate(TEXTS)["en"]["status.speaking"]
    page.keyboard.press("Escape")
    visitor.finished()
    assert page.locator(".reply").get_attribute("aria-busy") is None
    assert page.inner_text("#status") == page.evaluate(TEXTS)["en"]["status.interrupted"]
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, select, textarea, input")].filter((e) =>
          !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
          .map((e) => e.id)"""
    )
    assert unnamed == []


def shown(ms: float) -> str:
    """Milliseconds as the page writes them: a half is rounded up, as browsers do."""
    return f"{math.floor(ms + 0.5):,} ms"


def test_the_figures_on_the_panel_are_those_of_the_turn(visitor: Visitor) -> None:
    """The panel shows what `_voiceStats()` says, and draws a line once there are two turns."""
    page = visitor.page
    visitor.say(SHORT)
    visitor.finished()
    assert page.locator(".spark").count() == 0
    visitor.say(SHORT)
    turn = visitor.finished(2)
    assert page.inner_text(".big") == shown(turn["ttfa_ms"])
    stages = dict(zip(page.locator(".stage").all_inner_texts(), page.locator(".ms").all_inner_texts(), strict=True))
    assert stages["First token"] == shown(turn["timings"]["first_token_ms"])
    assert stages["First sentence"] == shown(turn["timings"]["first_sentence_ms"])
    assert stages["Playing"] == shown(turn["first_played_ms"])
    assert page.inner_text("[data-shows=connection]") == page.evaluate(TEXTS)["en"]["connection.open"]
    assert page.inner_text("[data-shows=voice]") == turn["voice"]
    assert page.inner_text("[data-shows=model]") == turn["model"]
    assert page.inner_text("[data-shows=provider]") == turn["provider"]
    points = page.get_attribute(".spark-line", "points")
    assert points is not None
    assert len(points.split()) == len(visitor.stats["history"]) == 2


def test_the_page_needs_nothing_from_elsewhere(visit: Visit, server: RunningServer) -> None:
    """Every request goes to the server the page came from, under a policy that would refuse any other."""
    visitor = visit()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    answer = visitor.page.goto(server.url)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    visitor.until("window._voiceStats?.().connection.state === 'open'")
    assert asked
    assert [url for url in asked if not url.startswith(server.url)] == []
