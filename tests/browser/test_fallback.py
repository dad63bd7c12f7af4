"""The page when a provider really fails: our OpenAI server breaks off, another provider goes on, and a line says so.

Nothing is intercepted between the page and Segue, nor between Segue and the vendor's server.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browser.conftest import Visit, Visitor
from tests.browser.test_degradation import TEXTS
from tests.server import RunningServer, running
from tests.vendors import openai
from tests.vendors.openai_chat import ModelScript
from tests.vendors.openai_wire import KEY
from tests.vendors.script import Fault, Script
from tests.vendors.street import opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST = "The first model has begun to tell you something. "
OTHERS = "And the second model tells you the rest of it."
PIECE = 48_000
"""A second of sound, in bytes."""


@dataclass(frozen=True)
class Failing:
    """A Segue with a voice and a model that do as they are told, each with another one behind it."""

    server: RunningServer
    voice: Script
    model: ModelScript


@pytest.fixture(scope="module")
def failing() -> Iterator[Failing]:
    """Both first choices are our OpenAI server's; eSpeak NG and a second model stand behind them."""
    voice = Script()
    model, other = ModelScript(tokens=words(FIRST + "It goes on and on.")), ModelScript(tokens=words(OTHERS))
    with opened() as street:
        account = {"vendor": "openai-model", "model": "small-1", "key": KEY}
        named = {
            "writer": {**account, "url": street.open(openai.serving(model))},
            "other": {**account, "url": street.open(openai.serving(other))},
            "speaker": {
                "vendor": "openai-synthesizer", "model": "tts-1", "key": KEY, "languages": ["en"],
                "url": street.open(openai.serving(voice)),
            },
        }  # fmt: skip
        config = {
            "voice": {
                "languages": ["en"],
                "breaker": {"in_a_row": 1000, "least": 1000},
                "limits": {"stall_s": 1.0},
                "first_clause": False,
            },
            "providers": {"named": named, "models": ["writer", "other"], "synthesizers": ["speaker", "espeak"]},
            "cache": {"enabled": False},
        }
        with running(config) as server:
            yield Failing(server, voice, model)


@pytest.fixture(autouse=True)
def well(failing: Failing) -> None:
    """Whatever failed before does so no more."""
    for script in (failing.voice, failing.model):
        script.fault, script.after, script.calls = None, 0, None


def words(text: str) -> tuple[str, ...]:
    """A text as a model writes it."""
    return tuple(f"{word} " for word in text.split())


def lines(visitor: Visitor) -> list[str]:
    """The quiet lines under the latest reply."""
    return visitor.page.locator(".reply").last.locator(".aside").all_inner_texts()


def test_a_voice_that_stops_is_told_of_quietly_and_the_reply_is_whole(visit: Visit, failing: Failing) -> None:
    """Nothing while all is well; `resumed` where another voice goes on; `fallback` where it is there from the start."""
    visitor = visit(at=failing.server).open()
    texts = visitor.page.evaluate(TEXTS)["en"]
    visitor.say("How do you do?")
    assert visitor.finished()["state"] == "done"
    assert lines(visitor) == []

    # It falls silent in the middle of the first sentence, of which a second was heard.
    failing.voice.fault, failing.voice.after, failing.voice.calls = Fault.STALL, PIECE, 1
    visitor.say("And now?")
    resumed = visitor.finished(2)
    assert (resumed["state"], resumed["degraded"][0]) == ("done", "resumed")
    assert lines(visitor)[0] == texts["degraded.resumed"]
    heard = visitor.page.locator(".reply").last.inner_text()
    assert "It goes on and on." in heard

    failing.voice.fault, failing.voice.calls = Fault.SERVER, None
    visitor.say("And who is that?")
    instead = visitor.finished(3)
    assert (instead["state"], instead["degraded"]) == ("done", ["fallback"])
    assert lines(visitor) == [texts["degraded.fallback"]]
    assert visitor.page.locator(".reply").last.locator(".aside").first.get_attribute("title") == (
        "espeak speaks instead of speaker."
    )


def test_a_model_that_is_cut_off_is_gone_on_with(visit: Visit, failing: Failing) -> None:
    """Its connection is cut in its second sentence: another model goes on behind the first, in one reply."""
    visitor = visit(at=failing.server).open()
    texts = visitor.page.evaluate(TEXTS)["en"]
    failing.model.fault, failing.model.after = Fault.CUT, len(words(FIRST)) + 3
    visitor.say("Tell me something.")
    turn = visitor.finished()
    assert (turn["state"], turn["degraded"]) == ("done", ["resumed"])
    assert lines(visitor) == [texts["degraded.resumed"]]
    shown = " ".join(visitor.page.locator(".reply").last.inner_text().split())
    assert FIRST + OTHERS in shown
    assert "It goes on" not in shown
