"""`segue demo speech`: half a minute in the terminal that shows how a reply is spoken.

The speech is real (the embedded synthesizer); the language model is a scripted one that writes at the speed of a
small local model, so that the difference streaming makes can be seen without an account.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text as Line

from segue.clock import Clock, SystemClock
from segue.records import Outcome
from segue.settings import Settings, load
from segue.telemetry.logs import configure
from segue.voice.ask import Interruption
from segue.voice.frames import Audio, Done, Failure, Frame, Text
from segue.voice.plane import VoicePlane
from segue.voice.speakable import speakable
from segue.wiring.house import House, build

REPLY = (
    "Sure, here is how it works. The reply is spoken sentence by sentence, while the model is still writing. "
    "You hear the first one after a moment. The rest arrives before you need it, so there is no gap. "
    "And when you interrupt, everything stops at once."
)
TOKENS_PER_S = 12.0
SPOKEN = {
    "en": "The order costs $1,249.50 and arrives on 21.11.2026 at 10:30, 5–7 kg in all.",
    "uk": "Замовлення коштує 1249,50 грн, прибуде 21.11.2026 о 10:30, разом 22 кг.",
    "ru": "Заказ стоит 1249,50 руб., придёт 21.11.2026 в 10:30, всего 22 кг.",
    "zh": "订单价格为1249.50元，2026年11月21日10:30送达，共22公斤。",
}
WIDTH = 46


@dataclass(slots=True)
class Reply:
    """What is shown of a reply as it comes: when its sound began, what was said, how much sound there is."""

    title: str
    span_s: float
    first_s: float | None = None
    elapsed_s: float = 0.0
    audio_s: float = 0.0
    said: list[str] = field(default_factory=list)
    note: str = ""

    def panel(self) -> Panel:
        """The reply as a panel."""
        first = "waiting for the first sound …" if self.first_s is None else f"first sound after {self.first_s:.2f} s"
        style = "yellow" if self.first_s is None else "bold green"
        waited = self.first_s if self.first_s is not None else self.elapsed_s
        bar = Table.grid()
        bar.add_row(
            ProgressBar(total=self.span_s, completed=min(waited, self.span_s), width=WIDTH, complete_style=style)
        )
        text = Line(" ".join("".join(self.said).split()) or " ", style="white")
        note = Line(self.note, style="cyan")
        return Panel(
            Group(Line(first, style=style), bar, text, note), title=self.title, title_align="left", padding=(0, 1)
        )


def speech(*, speed: float = 1.0, config: Path | None = None) -> None:
    """Show how a reply is spoken: streamed, interrupted, in words. Nothing is kept, nothing leaves this machine.

    Parameters
    ----------
    speed
        2 is twice as fast.
    config
        YAML file with settings.
    """
    settings = load(config)
    configure("error", settings.log.format)
    asyncio.run(_demo(settings, Console(), speed))


async def _demo(settings: Settings, console: Console, speed: float) -> None:
    clock = SystemClock()
    house = _house(settings, speed)
    console.print(
        Panel("[bold]Segue[/bold]: a voice gateway. Language model → sentences → speech, streamed.", expand=False)
    )
    async with house.running() as plane:
        await _whole_against_streamed(plane, console, clock, speed)
        await _barge_in(plane, console, clock, speed)
        _words(console)
        await _records(plane, console)
    console.print("\nNow hear it yourself: [bold]make run[/bold], then open http://127.0.0.1:8002")


def _house(settings: Settings, speed: float) -> House:
    scripted = settings.providers.scripted.model_copy(
        update={"reply": REPLY, "first_token_s": 0.4 / speed, "token_interval_s": 1.0 / TOKENS_PER_S / speed}
    )
    providers = settings.providers.model_copy(update={"models": ("scripted",), "scripted": scripted, "recognizers": ()})
    return build(settings.model_copy(update={"providers": providers}), keep=False)


async def _whole_against_streamed(plane: VoicePlane, console: Console, clock: Clock, speed: float) -> None:
    console.print(
        f"\n[bold]1. The same reply, twice.[/bold] A model that writes {TOKENS_PER_S:g} words a second; real speech.\n"
    )
    span_s = len(REPLY.split()) / TOKENS_PER_S / speed + 1.0
    gathered = Reply("Whole reply first, then speech (what most pipelines do)", span_s)
    streamed = Reply("Segue", span_s)
    with Live(Group(gathered.panel(), streamed.panel()), console=console, refresh_per_second=12) as live:

        async def redraw() -> None:
            while True:
                live.update(Group(gathered.panel(), streamed.panel()))
                await clock.sleep(0.08)

        drawing = asyncio.create_task(redraw())
        await asyncio.gather(_gather_first(plane, gathered, clock), _stream(plane, streamed, clock))
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        live.update(Group(gathered.panel(), streamed.panel()))
    if gathered.first_s and streamed.first_s:
        console.print(f"\n[bold green]{gathered.first_s / streamed.first_s:.1f} times sooner.[/bold green]")
    await clock.sleep(2.0 / speed)


async def _gather_first(plane: VoicePlane, reply: Reply, clock: Clock) -> None:
    """Write the whole reply, then have it read out in one piece: the way without a gateway, with the same parts."""
    began = clock.now()
    ask = plane.ask_chat(text="How does it work?", language="en")
    async with aclosing(plane.turns.turn(ask)) as frames:
        async for frame in frames:
            reply.elapsed_s = clock.now() - began
            if isinstance(frame, Text):
                reply.said.append(frame.text)
    async with aclosing(plane.turns.turn(plane.ask_speech("".join(reply.said), language="en", whole=True))) as frames:
        async for frame in frames:
            if not isinstance(frame, Text):
                _note(reply, frame, clock.now() - began)


async def _stream(plane: VoicePlane, reply: Reply, clock: Clock) -> None:
    began = clock.now()
    async with aclosing(plane.turns.turn(plane.ask_chat(text="How does it work?", language="en"))) as frames:
        async for frame in frames:
            _note(reply, frame, clock.now() - began)


def _note(reply: Reply, frame: Frame, elapsed_s: float) -> None:
    reply.elapsed_s = elapsed_s
    if isinstance(frame, Text):
        reply.said.append(frame.text)
    elif isinstance(frame, Audio):
        reply.audio_s += frame.ms / 1000.0
        if reply.first_s is None and frame.audible:
            reply.first_s = elapsed_s
    elif isinstance(frame, Done):
        reply.note = f"{frame.sentences} sentences, {reply.audio_s:.1f} s of sound, complete after {elapsed_s:.1f} s"
    elif isinstance(frame, Failure):
        reply.note = frame.message


async def _barge_in(plane: VoicePlane, console: Console, clock: Clock, speed: float) -> None:
    console.print("\n[bold]2. Interrupt it.[/bold] The listener speaks in the middle of the reply.\n")
    interruption = Interruption(Outcome.CANCELLED, "The listener interrupted.")
    frames = plane.turns.turn(plane.ask_chat(text="How does it work?", language="en"), interruption)
    said: list[str] = []
    async for frame in frames:
        if isinstance(frame, Text):
            said.append(frame.text)
            console.print(f"   🔊 {frame.text.strip()}")
        if len(said) == 3:
            break
    began = clock.now()
    await frames.aclose()
    took_ms = (clock.now() - began) * 1000.0
    console.print(
        f"   ✋ [bold]stopped:[/bold] model and speech cancelled in [bold green]{took_ms:.1f} ms[/bold green]"
    )
    await clock.sleep(2.0 / speed)


def _words(console: Console) -> None:
    console.print("\n[bold]3. What is spoken is words[/bold], with the right forms, in four languages.\n")
    table = Table(show_header=False, box=None, padding=(0, 1))
    for language, text in SPOKEN.items():
        table.add_row(f"[dim]{language}[/dim]", text)
        table.add_row("", Line(speakable(text, language), style="green"))
    console.print(table)


async def _records(plane: VoicePlane, console: Console) -> None:
    console.print("\n[bold]4. Every turn leaves one record[/bold] of what was really heard, and when.\n")
    table = Table("turn", "outcome", "first token", "first sound", "sound", "underflows", box=None, padding=(0, 2))
    async for record in plane.records.read():
        marks = record.marks
        table.add_row(
            record.turn[:8],
            record.outcome.value,
            f"{marks['first_token']:.0f} ms" if "first_token" in marks else "–",
            f"{record.ttfa_ms:.0f} ms" if record.ttfa_ms is not None else "–",
            f"{record.audio_ms / 1000:.1f} s",
            str(record.underflow.events),
        )
    console.print(table)
