"""One fault and what became of it: the scenarios have this shape, whoever runs them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.callers import Callers, Got
from tests.faults.wall import BRIEFLY, Wall, sound

HEAL_LIMIT_S = 30.0


@dataclass
class Result:
    """What was seen. `asked` counts the requests that each of our servers got; times in seconds."""

    runs: int = 0
    got: list[str] = field(default_factory=list)
    """What callers got, in few words, each once."""
    asked: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """What Segue's records say of the failures: `provider: category`, each once."""
    limit_s: float | None = None
    """The time limit that bounds it, where one does."""
    took_s: float = 0.0
    """The longest that a caller waited for what the limit is about."""
    wrong: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Something that a caller got."""
        if what not in self.got:
            self.got.append(what)

    def tell(self, what: str) -> None:
        """Something that a record says."""
        if what not in self.told:
            self.told.append(what)

    def took(self, seconds: float) -> None:
        """A caller waited so long."""
        self.took_s = max(self.took_s, round(seconds, 2))

    def require(self, holds: object, what: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.wrong.append(what)


Play = Callable[[Wall, Callers, Result], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A fault. `title` says in plain words what is injected, `where` at which place of the reply."""

    name: str
    title: str
    play: Play
    where: str = ""
    expected: str = ""
    """What a caller should get, in plain words."""


async def run(scenario: Scenario, wall: Wall, callers: Callers) -> Result:
    """Play a scenario on a wall that is well, and see afterwards that it is well again: the alive probe."""
    result = Result()
    wall.heal()
    before = {name: len(server.heard) for name, server in wall.servers.items()}
    try:
        await scenario.play(wall, callers, result)
    finally:
        result.asked = {
            name: len(server.heard) - before[name]
            for name, server in wall.servers.items()
            if len(server.heard) > before[name]
        }
        wall.heal()
    result.wrong += await alive(callers)
    return result


async def alive(callers: Callers) -> list[str]:
    """What is wrong behind a fault: nothing if a healthy turn is whole, and every provider is used again in time."""
    reply = await callers.listen(f"{BRIEFLY}are you well?")
    return [f"alive probe: {flaw}" for flaw in reply.flaws()] + await rested(callers)


async def rested(callers: Callers) -> list[str]:
    """Ask of those who rest, until nobody does any more; who still does in the end."""
    until = time.monotonic() + HEAL_LIMIT_S
    while (unwell := await _unwell(callers)) and time.monotonic() < until:
        probes: Mapping[str, Callable[[], Awaitable[Got]]] = {
            "model": lambda: callers.complete("Are you well?", stream=False),
            "lonely": lambda: callers.complete("Are you well?", "quality", stream=False),
            "synthesizer": lambda: callers.say("Are you well?"),
            "recognizer": lambda: callers.transcribe(sound("one")),
        }
        await asyncio.gather(*(probes["lonely" if name == "lonely" else role]() for name, role in unwell.items()))
        await asyncio.sleep(0.05)
    return [f"{name} is not used again" for name in unwell]


async def _unwell(callers: Callers) -> dict[str, str]:
    """Providers that are not used at present, with their role."""
    told = await callers.told("/api/providers")
    return {item["name"]: item["role"] for item in told["items"] if item["state"] != "ready"}


def whole(got: Got) -> str:
    """In few words what a caller got."""
    if got.ended != "done":
        said = f"{got.ended} ({got.status})" if got.status >= 400 else got.ended
        return f"{said} after {len(got.text.split())} words" if got.text else said
    reasons = ", ".join(sorted({reason for reason, _ in got.degraded}))
    return ("the whole reply" if got.whole else "another text") + (f", marked {reasons}" if reasons else "")
