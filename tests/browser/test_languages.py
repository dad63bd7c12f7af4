"""Four languages: every text in each, the right one shown, and the voices that go with it."""

import re

import pytest

from tests.browser.conftest import SHORT, Visit, Visitor

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
