"""A recognizer fails: another one hears, or there is one clear error in time; that nothing was said is an answer."""

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from segue.errors import FailureCategory
from tests.faults.callers import DONE, Callers
from tests.faults.trial import Result, Scenario
from tests.faults.wall import RECOGNIZERS, SENTENCES, Wall, WallScript, sound
from tests.vendors.script import Fault

RECORDING = sound(SENTENCES[0])
DOORS = ("openai", "own")
OTHER = "the other recognizer heard this"
TITLES = {
    "error": "500",
    "busy": "503",
    "limited": "429: too many calls",
    "refused": "401: the key is refused",
    "reset": "the connection is reset",
    "silent": "no answer at all",
    "stall": "the answer falls silent in the middle",
    "cut": "the answer breaks off in the middle",
    "type": "200 with another content type",
    "json": "200 with a JSON error",
    "html": "200 with a web page",
    "body": "200 with nothing in it",
}
SCRIPTS: dict[str, dict[str, Any]] = {
    "error": {"fault": Fault.SERVER},
    "busy": {"fault": Fault.SERVER, "status": 503},
    "limited": {"fault": Fault.RATE_LIMIT},
    "refused": {"fault": Fault.AUTH},
    "reset": {"fault": Fault.RESET},
    "silent": {"fault": Fault.SILENT},
    "stall": {"fault": Fault.STALL, "after": 5},
    "cut": {"fault": Fault.CUT, "after": 5},
    "type": {"fault": Fault.WRONG_TYPE},
    "json": {"fault": Fault.JSON_ERROR},
    "html": {"fault": Fault.HTML},
    "body": {"fault": Fault.EMPTY},
}
CATEGORIES: dict[str, FailureCategory] = {
    "limited": FailureCategory.RATE_LIMIT,
    "refused": FailureCategory.AUTH,
    "reset": FailureCategory.NETWORK,
    "silent": FailureCategory.TIMEOUT,
    "stall": FailureCategory.TIMEOUT,
    "cut": FailureCategory.TRUNCATED,
}
"""How the failure is called in `/api/providers`; `server` where nothing else is said here."""
SLOW = {"silent", "stall"}
ALL_DOWN_S = 5.0
"""When nobody hears, that is told within this time: those whose failure may pass are asked once more before it is."""


@dataclass(frozen=True)
class Case:
    """A fault of the first recognizer, or of both."""

    name: str
    who: Literal["first", "both"]

    def scenario(self) -> Scenario:
        """The same for whoever runs scenarios."""
        both = self.who == "both"
        title = f"{'both recognizers: ' if both else ''}{TITLES[self.name]}"
        expected = "one clear error with its own status" if both else "what the other recognizer heard"
        return Scenario(f"{self.name}-both" if both else self.name, title, self.play, expected=expected)

    async def play(self, wall: Wall, callers: Callers, result: Result) -> None:
        """Both doors for recordings answer in time: with a transcript, or with an error that tells whose it is."""
        wall["listener"].script = WallScript(transcript=OTHER)
        struck = RECOGNIZERS if self.who == "both" else RECOGNIZERS[:1]
        for name in struck:
            wall[name].script = dataclasses.replace(wall[name].script, **SCRIPTS[self.name])
        slow = self.name in SLOW
        result.limit_s = len(struck) * wall.terms.recognition_s if slow else ALL_DOWN_S if self.who == "both" else None
        bound_s = (result.limit_s or 0.0) + (wall.terms.grace_s if slow or self.who == "first" else 0.0)
        answers = await asyncio.gather(*(callers.transcribe(RECORDING, door) for door in DOORS))
        for got in answers:
            result.runs += 1
            result.note(f"{got.door}: {got.status} {got.text or got.ended}")
            result.took(got.total_s)
            result.require(got.total_s <= bound_s, f"{got.door}: {got.total_s:.1f} s, not {bound_s:g} s at most")
            if self.who == "first":
                result.require(got.ended == DONE and got.text == OTHER, f"{got.door}: {got.status} {got.text!r}")
            else:
                due = 504 if slow else 502
                result.require(got.status in {due, 503}, f"{got.door}: {got.status} {got.ended}")
        items = (await callers.told("/api/providers"))["items"]
        errors = {item["name"]: item["last_error"] for item in items if item["role"] == "recognizer"}
        category = CATEGORIES.get(self.name, FailureCategory.SERVER)
        for name in struck:
            told = (errors[name] or {}).get("category")
            result.tell(f"{name}: {told}")
            result.require(told == category, f"{name} is said to have failed with {told}, not {category}")


async def _nothing_said(wall: Wall, callers: Callers, result: Result) -> None:
    """No words are an answer: nobody else is asked, and a spoken turn says that nothing was heard."""
    wall["hearer"].script = WallScript(transcript="")
    asked = len(wall["listener"].heard)
    for door in DOORS:
        got = await callers.transcribe(RECORDING, door)
        result.runs += 1
        result.note(f"{got.door}: {got.status} {got.text!r}")
        # Segue's own door calls it `nothing_heard`; OpenAI's protocol knows an empty text.
        result.require((got.status, got.text) == (200, "") or got.ended == "nothing_heard", f"{door}: {got.status}")
    result.require(len(wall["listener"].heard) == asked, "the other recognizer was asked")


SCENARIOS = [
    *(Case(name, "first").scenario() for name in SCRIPTS),
    *(Case(name, "both").scenario() for name in ("error", "limited", "silent", "type")),
    Scenario("nothing", "200 with an empty text", _nothing_said, expected="an empty text; the other is not asked"),
]
