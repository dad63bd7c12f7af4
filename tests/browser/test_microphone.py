"""The microphone: recorded in the browser, understood (or kindly not) by the server. Chromium's fake device beeps."""

import pytest

from tests.browser.conftest import LONG, Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEXTS = "async () => { const { TEXTS } = await import('/code/words.js'); return TEXTS; }"


def record(visitor: Visitor, least_ms: int = 600) -> None:
    """Press, let the meter run for a while, press again."""
    visitor.page.click("#microphone")
    visitor.until("document.querySelector('#microphone').getAttribute('aria-pressed') === 'true'")
    visitor.page.evaluate("window.since = performance.now()")
    visitor.until(f"performance.now() - since > {least_ms}")
    visitor.page.click("#microphone")


def test_a_recording_reaches_the_server_and_is_answered_in_words(visitor: Visitor) -> None:
    """Beeps are no words: either something was heard and is answered, or the page says kindly that nothing was."""
    record(visitor)
    turn = visitor.finished()
    assert visitor.page.locator(".asked").count() == 1
    if turn["state"] == "done":
        assert visitor.page.inner_text(".asked .words").strip()
        assert turn["played_s"] > 0
    else:
        assert turn["error"]["code"] == "nothing_heard"
        assert visitor.page.evaluate(TEXTS)["en"]["error.nothing_heard"] in visitor.page.inner_text(".trouble")


def test_the_meter_shows_that_something_is_heard(visitor: Visitor) -> None:
    """While recording the level rises with the beep, and the status says what to do."""
    visitor.page.click("#microphone")
    visitor.until("Number(document.querySelector('#level').style.getPropertyValue('--level')) > 0.02")
    assert visitor.page.inner_text("#status") == visitor.page.evaluate(TEXTS)["en"]["status.recording"]
    visitor.page.keyboard.press("Escape")
    assert visitor.page.get_attribute("#microphone", "aria-pressed") == "false"
    assert visitor.stats["turn"] is None


def test_pressing_the_microphone_interrupts_the_reply(visitor: Visitor) -> None:
    """Who begins to speak is listened to: the reply falls silent."""
    visitor.say(LONG)
    visitor.until("_voiceStats().turn.played_s > 0.2")
    visitor.page.click("#microphone")
    visitor.until("_voiceStats().turn.state === 'interrupted'")
    visitor.page.keyboard.press("Escape")


def test_a_recording_that_is_too_short_is_explained(visitor: Visitor) -> None:
    """A slip of the finger is not sent; the page says how it is done."""
    visitor.page.evaluate(
        """async () => {
          const button = document.querySelector("#microphone");
          new MutationObserver((_, observer) => { observer.disconnect(); button.click(); })
            .observe(button, { attributeFilter: ["aria-pressed"] });
          button.click();
        }"""
    )
    visitor.until("!document.querySelector('#notice').hidden")
    assert visitor.page.inner_text("#notice") == visitor.page.evaluate(TEXTS)["en"]["error.microphone_short"]
    assert visitor.stats["turn"] is None


@pytest.mark.parametrize("name", ["NotAllowedError", "NotFoundError", "NotReadableError"])
def test_a_microphone_that_cannot_be_had_is_explained(visit: Visit, name: str) -> None:
    """Denied, missing or taken by another program: each is told in words, and typing still works."""
    visitor = visit()
    visitor.page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{name}'))"
    )
    visitor.open()
    visitor.page.click("#microphone")
    visitor.until("!document.querySelector('#notice').hidden")
    key = {"NotAllowedError": "denied", "NotFoundError": "missing", "NotReadableError": "busy"}[name]
    assert visitor.page.inner_text("#notice") == visitor.page.evaluate(TEXTS)["en"][f"error.microphone_{key}"]
    visitor.page.fill("#text", "then I type")
    assert visitor.page.locator("#notice").is_hidden()


def test_a_language_the_server_cannot_hear_disables_the_microphone_with_the_reason(visitor: Visitor) -> None:
    """The reason stands below the field in that language; pressing the button does nothing."""
    deaf = {"en", "uk", "ru", "zh"} - set(visitor.server.health()["recognition"]["languages"])
    assert deaf
    for language in sorted(deaf):
        visitor.page.check(f"#languages input[value={language}]", force=True)
        button = visitor.page.locator("#microphone")
        assert button.get_attribute("aria-disabled") == "true"
        assert visitor.page.inner_text("#reason") == visitor.page.evaluate(TEXTS)[language]["microphone.unheard"]
        button.click(force=True)
        assert button.get_attribute("aria-pressed") == "false"
    visitor.page.check("#languages input[value=en]", force=True)
    assert visitor.page.locator("#reason").is_hidden()
