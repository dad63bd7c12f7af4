"""`segue demo`: two rollouts in less than a minute. A good voice reaches everybody, a slow one is taken back.

Everything is real: the turns, the speech in them (the embedded synthesizer), the counting, the decisions. Only the
clock runs faster, so that the minutes of a stage are seconds; nothing is kept, and nothing leaves this machine.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from segue.cli import streaming
from segue.cli.watch import block
from segue.clock import ScaledClock
from segue.delivery.plan import Plan
from segue.delivery.planfile import read_plan
from segue.delivery.rollout import Command, Verb
from segue.delivery.seen import Seen
from segue.delivery.status import DECISION, Control, Realised, status
from segue.errors import InvalidRequest
from segue.settings import Settings, load
from segue.telemetry.logs import configure
from segue.voice.frames import Audio, Meta
from segue.voice.plane import VoicePlane
from segue.voice.ports import About, Speech, Synthesizer, Utterance, VoiceInfo
from segue.wiring.house import House, build

app = App(name="demo", help="Show in the terminal what Segue is for.")
app.command(streaming.speech)

PLAN = """
name: {name}
about: {about}
baseline: {{name: {before}, voice: {before_voice}}}
candidate: {{name: {after}, voice: {after_voice}}}
gates:
  ttfa: {{kind: latency, over: 6s, at_most: 10%, fast: {{at_most: 50%}}}}
  failures: {{kind: failure, at_most: 10%, fast: {{at_most: 20%}}}}
verdict: {{block: 15s, pass_tolerance: 4}}
stages:
  - {{name: few, share: 5%, dwell: 75s}}
  - {{name: half, share: 50%, dwell: 1m}}
bake: {{holdback: 5%, dwell: 45s}}
"""
GOOD = read_plan(
    PLAN.format(
        name="british", about="A voice that is as good.", before="american", before_voice="en-us", after="british",
        after_voice="en",
    )
)  # fmt: skip
SLOW = read_plan(
    PLAN.format(
        name="sluggish", about="A voice that thinks before it speaks.", before="british", before_voice="en",
        after="sluggish", after_voice="en+f3",
    )
)  # fmt: skip
SLOW_VOICE = "en+f3"
SCALE = 15.0
"""A quarter of a minute is a second; a busy machine that stands still for a while makes nobody late by that."""
TURNS_PER_S = 40.0
"""Of the machine's seconds."""
AT_ONCE = 24
"""So many turns at once; on a slow machine fewer begin in a second."""
LISTENERS = 4000
LATE_S = 6.0
REPLY = "Your train leaves in three minutes. "
SHOWN = 240
PAUSE_S = 1.5
LONGEST_S = 25.0
"""No rollout is shown for longer than so many of the machine's seconds; past it, the demonstration says so."""


@dataclass(slots=True)
class Heard:
    """What listeners heard lately, and how many there were."""

    lately: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=SHOWN))
    turns: int = 0
    late: int = 0
    by: dict[str, int] = field(default_factory=dict)

    def add(self, variant: str, ttfa_s: float | None) -> None:
        """A turn is over; `ttfa_s` is None where nothing was heard."""
        late = ttfa_s is None or ttfa_s > LATE_S
        self.lately.append((variant, late))
        self.turns += 1
        self.late += late
        self.by[variant] = self.by.get(variant, 0) + 1

    def forget(self) -> None:
        """Begin anew."""
        self.lately.clear()
        self.turns = self.late = 0
        self.by.clear()

    def panel(self, candidate: str, width: int) -> RenderableType:
        """Every turn a dot: grey for the baseline, green for the candidate, red where somebody waited too long."""
        dots = Text(overflow="crop", no_wrap=True)
        for variant, late in list(self.lately)[-(width - 6) :]:
            style = "bold red" if late else "green" if variant == candidate else "bright_black"
            dots.append("●" if variant == candidate or late else "·", style)
        title = f"listeners: {self.turns:,} turns, {self.late} of them waited over {LATE_S:g} s"
        return Panel(dots, title=title, title_align="left", border_style="bright_black", padding=(0, 1))


class Hesitant:
    """A synthesizer whose one voice needs seconds before it begins; the others are as quick as they were."""

    def __init__(self, synthesizer: Synthesizer, clock: ScaledClock, voice: str) -> None:
        self.name = synthesizer.name
        self._synthesizer, self._clock, self._voice = synthesizer, clock, voice
        self._chance = random.Random(5)  # noqa: S311 - the same demonstration each time

    @property
    def about(self) -> About:
        """See `Synthesizer.about`."""
        return self._synthesizer.about

    def voices(self) -> tuple[VoiceInfo, ...]:
        """See `Synthesizer.voices`."""
        return self._synthesizer.voices()

    def __getattr__(self, name: str) -> Any:
        """Whatever else it can do, it does as before."""
        return getattr(self._synthesizer, name)

    async def speak(self, utterance: Utterance) -> AsyncGenerator[Speech, None]:
        """See `Synthesizer.speak`."""
        if utterance.voice == self._voice:
            await self._clock.sleep(self._chance.uniform(7.0, 18.0))
        async with aclosing(self._synthesizer.speak(utterance)) as pieces:
            async for piece in pieces:
                yield piece


@app.default
def demo(*, speed: float = 1.0, config: Path | None = None) -> None:
    """Roll a good voice out to everybody and a slow one back, in less than a minute, with real turns.

    Nothing is kept, nothing leaves this machine. `segue demo speech` shows how a single reply is spoken.

    Parameters
    ----------
    speed
        2 is twice as fast.
    config
        YAML file with settings.
    """
    if not 0.1 <= speed <= 4.0:
        raise InvalidRequest(f"--speed {speed:g}: write a number between 0.1 and 4.")
    settings = load(config)
    configure("error", settings.log.format)
    asyncio.run(show(settings, Console(), speed))


async def show(settings: Settings, console: Console, speed: float) -> None:
    """Both rollouts, one after the other, in a terminal."""
    clock = ScaledClock(SCALE * speed)
    house = build(_tuned(settings), clock=clock, keep=False)
    for target in house.speech.roster.chain.targets.values():
        target.provider = Hesitant(target.provider, clock, SLOW_VOICE)
    console.print(
        Panel(
            "[bold]Segue[/bold] changes a voice while people listen: for few, for half, for all, or back again.\n"
            f"[dim]Real turns, real speech; a second is {SCALE * speed:g} s here, so that stages take seconds.[/dim]",
            expand=False,
        )
    )
    async with house.running() as plane:
        heard = Heard()
        async with _listening(plane, clock, heard, TURNS_PER_S * speed):
            await _rollout(house, console, heard, GOOD, "1. A good voice", clock)
            await _rollout(house, console, heard, SLOW, "2. A slow one", clock)
    console.print(
        "\nTry it with your own plan: [bold]segue simulate plans/voice-phase2.yaml --candidate slow:2[/bold], and"
        " docs/tutorial/first-rollout.md. How a reply is spoken: [bold]segue demo speech[/bold]."
    )


def _tuned(settings: Settings) -> Settings:
    """Settings for a clock that runs fast: limits that are seconds of the machine, a model that writes at once."""
    scripted = settings.providers.scripted.model_copy(
        update={"reply": REPLY, "first_token_s": 0.9, "token_interval_s": 0.05}
    )
    providers = settings.providers.model_copy(
        update={"models": ("scripted",), "scripted": scripted, "synthesizers": ("espeak",), "recognizers": ()}
    )
    limits = settings.voice.limits
    patient = {name: value * SCALE for name, value in limits.model_dump().items() if isinstance(value, float)}
    voice = settings.voice.model_copy(update={"limits": limits.model_copy(update=patient), "characters": None})
    often = {"tick_s": 2.0, "poll_s": 15.0, "flush_s": 2.0}
    return settings.model_copy(
        update={
            "providers": providers,
            "voice": voice,
            "cache": settings.cache.model_copy(update={"enabled": False}),
            "delivery": settings.delivery.model_copy(update=often),
        }
    )


@asynccontextmanager
async def _listening(plane: VoicePlane, clock: ScaledClock, heard: Heard, turns_per_s: float) -> AsyncIterator[None]:
    """Listeners come all the time, each a turn of its own, for as long as the block inside runs."""
    chance = random.Random(11)  # noqa: S311 - the same demonstration each time
    places = asyncio.Semaphore(AT_ONCE)

    async def listen() -> None:
        async with places:
            variant, first, began = "", None, clock.now()
            ask = plane.ask_chat(text="When?", language="en", listener=f"listener-{chance.randrange(LISTENERS)}")
            async with aclosing(plane.turns.turn(ask)) as frames:
                async for frame in frames:
                    if isinstance(frame, Meta):
                        variant = frame.variant
                    elif isinstance(frame, Audio) and frame.audible and first is None:
                        first = clock.now() - began
            heard.add(variant, first)

    async def arrive() -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                if not places.locked():
                    group.create_task(listen())
                await clock.sleep(chance.expovariate(turns_per_s / clock.scale))

    arriving = asyncio.create_task(arrive())
    try:
        yield
    finally:
        arriving.cancel()
        await asyncio.gather(arriving, return_exceptions=True)


async def _rollout(house: House, console: Console, heard: Heard, plan: Plan, title: str, clock: ScaledClock) -> None:
    """Start a plan and show it until it has ended."""
    controller = house.delivery.controller
    console.print(f"\n[bold]{title}:[/bold] {plan.candidate.name} instead of {plan.baseline.name}.\n")
    heard.forget()
    await controller.start(plan, Command(Verb.START, "you"))
    began, ended = clock.now(), False
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            if (seen := await controller.status(plan.name)) is not None:
                live.update(await _view(house, seen, heard, console.width, clock.wall()), refresh=True)
                if ended := not seen.rollout.phase.live:
                    break
            if clock.now() - began > LONGEST_S * clock.scale:
                break
            await clock.sleep(0.2 * clock.scale)
    if not ended:
        console.print("[yellow]This machine is too busy at the moment to show the end of it.[/yellow]")
        return
    count, name = heard.by.get(plan.candidate.name, 0), house.delivery.published.current().baseline.name
    console.print(
        f"{count} turns were spoken by {plan.candidate.name}; from now on everybody hears [bold]{name}[/bold]."
    )
    await clock.sleep(PAUSE_S * clock.scale)


async def _view(house: House, seen: Seen, heard: Heard, width: int, now: float) -> RenderableType:
    controller, rollout = house.delivery.controller, seen.rollout
    decisions = await controller.store.decisions(rollout.name)
    told = status(
        rollout,
        seen.judgement,
        seen.look,
        now=now,
        why_not=lambda _: "",
        control=Control(controller.ticked_at),
        realised=Realised(seen.candidates, seen.baselines),
    )
    plain = [DECISION.dump_python(decision, mode="json") for decision in decisions]
    return Group(heard.panel(rollout.plan.candidate.name, min(width, SHOWN)), block(told, plain))
