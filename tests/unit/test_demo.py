"""The demonstration: what it shows is what happens."""

import asyncio
import io
from contextlib import aclosing

import pytest
from rich.console import Console

from segue.cli import demo
from segue.clock import ManualClock, ScaledClock
from segue.delivery.plan import Plan
from segue.errors import InvalidRequest
from segue.providers.scripted import ScriptedSynthesizer
from segue.settings import load
from segue.voice.ports import Utterance


def hurried(plan: Plan) -> Plan:
    """A plan of the demonstration with a larger first stage and shorter times."""
    stages = tuple(stage.model_copy(update={"dwell": 15.0, "share": max(stage.share, 0.3)}) for stage in plan.stages)
    return plan.model_copy(update={"stages": stages, "bake": plan.bake.model_copy(update={"dwell": 15.0})})


def terminal(width: int = 100) -> Console:
    """A terminal that can be read afterwards."""
    return Console(file=io.StringIO(), width=width, height=60, force_terminal=True, color_system=None)


def text_of(console: Console) -> str:
    """Everything that was shown, in one line."""
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_good_voice_is_promoted_and_a_slow_one_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """With real turns and real speech: the first plan ends for everybody, the second for nobody, and it says why."""
    monkeypatch.setattr(demo, "GOOD", hurried(demo.GOOD))
    monkeypatch.setattr(demo, "SLOW", hurried(demo.SLOW))
    monkeypatch.setattr(demo, "LONGEST_S", 90.0)
    monkeypatch.setattr(demo, "PAUSE_S", 0.0)
    console = terminal()
    asyncio.run(demo.show(load(None), console, 1.0))
    told = text_of(console)
    assert "british is the baseline for everybody from now on" in told
    assert "Rolled back" in told
    assert "from now on everybody hears british" in told
    assert "too busy" not in told


async def test_only_one_voice_hesitates() -> None:
    """The slow voice needs seconds of the demonstration; the others begin at once, and nothing else is changed."""
    machine = ManualClock()
    clock = ScaledClock(10.0, machine)
    synthesizer = ScriptedSynthesizer(machine)
    name = synthesizer.voices()[0].name
    hesitant = demo.Hesitant(synthesizer, clock, name)
    assert (hesitant.name, hesitant.about, hesitant.voices()) == (
        synthesizer.name, synthesizer.about, synthesizer.voices(),
    )  # fmt: skip
    assert hesitant.counts is synthesizer.counts

    async def first(of: demo.Hesitant) -> None:
        async with aclosing(of.speak(Utterance("Hello there.", synthesizer.voices()[0].languages[0], name))) as pieces:
            async for _ in pieces:
                return

    slow = asyncio.create_task(first(hesitant))
    await machine.advance(0.6)
    assert not slow.done()
    await machine.advance(1.3)
    assert slow.done()
    quick = asyncio.create_task(first(demo.Hesitant(synthesizer, clock, "another")))
    await machine.advance(0.0)
    assert quick.done()


def test_each_turn_is_a_dot() -> None:
    """Whoever waited too long or heard nothing is counted as late; the title says how many did."""
    heard = demo.Heard()
    for variant, ttfa_s in (("old", 1.0), ("new", 2.0), ("new", 9.0), ("old", None)):
        heard.add(variant, ttfa_s)
    console = terminal()
    console.print(heard.panel("new", 60))
    told = text_of(console)
    assert "4 turns, 2 of them waited over 6 s" in told
    assert "·●●●" in told
    assert heard.by == {"old": 2, "new": 2}


@pytest.mark.parametrize("speed", [0.0, 5.0, float("nan")])
def test_a_speed_that_nobody_can_follow_is_refused(speed: float) -> None:
    """Faster than four times is refused, and so is standing still."""
    with pytest.raises(InvalidRequest, match=r"between 0\.1 and 4"):
        demo.demo(speed=speed)
