"""The page itself: its languages, its keys, its shape on small screens, and what it does when things go wrong."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import LONG, SHORT, Visit, Visitor
from tests.server import RunningServer, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LANGUAGES = ["en", "uk", "ru", "zh"]
TEXTS = "async () => { const { TEXTS } = await import('/code/words.js'); return TEXTS; }"

SHOWN = """
() => {
  const shown = {};
  for (const element of document.querySelectorAll("[data-text]")) {
    if (!element.dataset.values) shown[element.dataset.text] = element.textContent;
  }
  const attributes = { label: "aria-label", title: "title", placeholder: "placeholder" };
  for (const [name, attribute] of Object.entries(attributes)) {
    for (const element of document.querySelectorAll(`[data-${name}]`)) {
      shown[element.dataset[name]] = element.getAttribute(attribute);
    }
  }
  return shown;
}
"""

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


def choose(visitor: Visitor, language: str) -> None:
    """Pick a language at the top of the page."""
    visitor.page.check(f"#languages input[value={language}]", force=True)


def test_every_language_has_every_text(visitor: Visitor) -> None:
    """The four languages have the same keys with the same places to fill in, and no empty text."""
    texts = visitor.page.evaluate(TEXTS)
    assert sorted(texts) == sorted(LANGUAGES)
    english = texts["en"]
    for language in LANGUAGES:
        assert list(texts[language]) == list(english), language
        for key, text in texts[language].items():
            assert text.strip(), f"{language} {key}"
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), f"{language} {key}"


def test_changing_the_language_changes_every_text(visitor: Visitor) -> None:
    """Whatever is shown, said to screen readers or hinted at is in the chosen language, during a conversation too."""
    texts = visitor.page.evaluate(TEXTS)
    visitor.say(SHORT)
    visitor.finished()
    for language in [*LANGUAGES, "en"]:
        choose(visitor, language)
        shown = visitor.page.evaluate(SHOWN)
        assert len(shown) > 35
        assert shown == {key: texts[language][key] for key in shown}
        assert visitor.page.get_attribute("html", "lang") == {"zh": "zh-Hans"}.get(language, language)
        text = visitor.page.inner_text("body")
        others = {texts[other][key] for other in LANGUAGES for key in shown} - set(texts[language].values())
        lines = set(text.splitlines())
        assert [other for other in others if len(other) > 4 and other in lines] == []


def test_the_browser_s_language_is_the_first_choice_and_a_chosen_one_is_kept(visit: Visit) -> None:
    """A Ukrainian browser gets a Ukrainian page; someone who then picks Chinese finds Chinese again."""
    visitor = visit(locale="uk-UA").open()
    assert visitor.page.get_attribute("html", "lang") == "uk"
    choose(visitor, "zh")
    visitor.page.reload()
    assert visitor.page.get_attribute("html", "lang") == "zh-Hans"


def test_voices_are_those_of_the_language_and_the_chosen_one_speaks(visitor: Visitor) -> None:
    """The list follows the language, and the server is asked for what was chosen."""
    visitor.until("document.querySelectorAll('#voice option').length > 1")
    for language in LANGUAGES:
        choose(visitor, language)
        names = visitor.page.evaluate(
            "[...document.querySelectorAll('#voice option')].map((o) => o.value).filter(Boolean)"
        )
        known = {
            voice["name"]
            for voice in visitor.page.evaluate("fetch('/api/voice/voices').then((r) => r.json())")["items"]
            if language in {tag.split("-")[0] for tag in voice["languages"]}
        }
        assert set(names) == known
        assert names
    choose(visitor, "en")
    last = visitor.page.locator("#voice option").last.get_attribute("value")
    visitor.page.select_option("#voice", last)
    visitor.page.check("#profiles input[value=quality]", force=True)
    visitor.say(SHORT)
    turn = visitor.finished()
    assert (turn["voice"], turn["profile"]) == (last, "quality")
    assert turn["provider"]


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


def test_a_reload_keeps_what_was_being_typed(visitor: Visitor) -> None:
    """The draft survives a reload, and is gone once its turn was answered."""
    visitor.page.fill("#text", "half a thou")
    visitor.page.reload()
    visitor.until("window._voiceStats?.().connection.state === 'open'")
    assert visitor.page.input_value("#text") == "half a thou"
    visitor.page.press("#text", "Enter")
    visitor.until("_voiceStats().turn.turn")
    visitor.page.reload()
    assert visitor.page.input_value("#text") == ""


def test_a_text_the_server_never_answered_comes_back_after_a_reload(visit: Visit) -> None:
    """What was sent while nobody answered is in the field again when the page is reloaded."""
    visitor = visit().open()
    visitor.page.route_web_socket("**/api/voice/ws", lambda _: None)
    visitor.page.reload()
    visitor.until("window._voiceStats?.().connection.state === 'open'")
    visitor.say("is anybody there")
    visitor.until("_voiceStats().turn.state === 'waiting'")
    visitor.page.reload()
    assert visitor.page.input_value("#text") == "is anybody there"


def test_an_error_is_told_in_words_with_what_to_do(visitor: Visitor) -> None:
    """The server refuses a text that is too long; the page says so in its own language and gives the text back."""
    choose(visitor, "uk")
    text = "дуже довго " * 3000
    visitor.say(text)
    visitor.until("document.querySelector('.trouble')")
    turn = visitor.finished()
    assert (turn["state"], turn["error"]["code"]) == ("failed", "too_large")
    trouble = visitor.page.locator(".trouble")
    assert trouble.get_attribute("role") == "alert"
    assert visitor.page.evaluate(TEXTS)["uk"]["error.too_large"] in trouble.inner_text()
    assert visitor.page.input_value("#text") == text.strip()
    visitor.page.fill("#text", "")
    trouble.get_by_role("button", name=visitor.page.evaluate(TEXTS)["uk"]["action.edit"]).click()
    assert visitor.page.input_value("#text") == text.strip()
    assert visitor.page.evaluate("document.activeElement.id") == "text"


def test_a_server_that_goes_away_is_noticed_and_found_again(visit: Visit) -> None:
    """When the connection breaks in mid-reply the page says so, offers to try again, and finds the server again."""
    slow = {"reply": "This sentence is spoken slowly. " * 30, "token_interval_s": 0.05}
    with running({"providers": {"model": "scripted", "scripted": slow}}) as other:
        visitor = visit(at=other)
        cut: list[Any] = []

        def through(socket: Any) -> None:
            socket.connect_to_server()
            cut.append(socket)

        visitor.page.route_web_socket("**/api/voice/ws", through)
        visitor.open()
        visitor.say("go on")
        visitor.until("_voiceStats().turn.state === 'speaking'")
        cut[-1].close(code=1011, reason="gone")
        assert visitor.finished()["error"]["code"] == "connection_lost"
        again = visitor.page.locator(".trouble button").first
        visitor.until("_voiceStats().connection.state === 'open'")
        assert visitor.stats["connection"]["reconnects"] == 1
        again.click()
        visitor.until("_voiceStats().turn.state === 'speaking'")
        assert visitor.page.locator(".asked").nth(1).inner_text() == "go on"
        visitor.page.keyboard.press("Escape")
        assert visitor.finished(2)["state"] == "interrupted"


def test_a_refusal_over_http_is_told_too(visit: Visit) -> None:
    """Without a socket an overloaded server answers 503 with a problem document; the page reads it."""
    visitor = visit(socket=False)

    def refuse(route: Route) -> None:
        problem = '{"type":"urn:segue:error:overloaded","title":"Service Unavailable","status":503,"code":"overloaded"}'
        route.fulfill(status=503, content_type="application/problem+json", body=problem)

    visitor.page.route("**/api/voice/chat/stream", refuse)
    visitor.page.goto(visitor.server.url)
    visitor.until("_voiceStats().connection.state === 'http'")
    visitor.say("hello")
    turn = visitor.finished()
    assert (turn["error"]["code"], turn["error"]["retryable"]) == ("overloaded", True)
    assert visitor.page.evaluate(TEXTS)["en"]["error.overloaded"] in visitor.page.locator(".trouble").inner_text()
    assert visitor.page.locator(".trouble button").count() == 2
    visitor.troubles[:] = [trouble for trouble in visitor.troubles if "503" not in trouble]


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


def test_the_figures_on_the_panel_are_those_of_the_turn(visitor: Visitor) -> None:
    """The panel shows what `_voiceStats()` says, and draws a line once there are two turns."""
    page = visitor.page
    visitor.say(SHORT)
    visitor.finished()
    assert page.locator(".spark").count() == 0
    visitor.say(SHORT)
    turn = visitor.finished(2)
    assert page.inner_text(".big") == f"{round(turn['ttfa_ms']):,} ms"
    stages = dict(zip(page.locator(".stage").all_inner_texts(), page.locator(".ms").all_inner_texts(), strict=True))
    assert stages["First token"] == f"{round(turn['timings']['first_token_ms']):,} ms"
    assert stages["First sentence"] == f"{round(turn['timings']['first_sentence_ms']):,} ms"
    assert stages["Playing"] == f"{round(turn['first_played_ms']):,} ms"
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
