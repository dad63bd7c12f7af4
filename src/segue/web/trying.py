"""`POST /api/voice/try`: an operator tries how a text sounds, in an arm, by one provider, past what is kept."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field

from segue.configuration import ServerSettings
from segue.console.operator import Operator, Scope
from segue.console.ports import LimitStore
from segue.console.ratelimit import Policy
from segue.errors import FailureCategory, InvalidRequest
from segue.records import AttemptOutcome, Mark, SynthesisAttempt, TurnRecord
from segue.routing import Arm
from segue.voice.ask import Ask, Probe
from segue.voice.frames import Audio, Failure
from segue.voice.plane import VoicePlane
from segue.web.access import Access
from segue.web.answer import Answer
from segue.web.bodies import ONE_SPEAKER, Body, Id, json_only
from segue.web.carry import Refused as Failed
from segue.web.ratelimit import headers_of, refused
from segue.web.rollout_bodies import Refused

TEXT_LIMIT_CHARACTERS = 300
POLICY = Policy("try", per_s=5.0, burst=100)
"""Tries of one operator: enough to go through every voice, and not enough to run up a vendor's bill by mistake."""


class TryBody(Body):
    """A text to be tried."""

    model_config = ConfigDict(json_schema_extra=ONE_SPEAKER)

    text: Annotated[str, Field(max_length=TEXT_LIMIT_CHARACTERS, json_schema_extra={"pattern": r"\S"})]
    """What is to be said; at most 300 characters."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """`uk`, `ru`, `en`, `zh`, or a tag like `uk-UA`; recognized from the text when absent."""
    character: Id | None = None
    """The character that speaks."""
    voice: Id | None = None
    """A name from `/api/voice/voices`."""
    arm: Literal["baseline", "candidate"] = "baseline"
    """Which variant speaks; `candidate` is that of the live rollout."""
    provider: Id | None = None
    """The synthesizer that alone may speak; its failure is the answer."""
    cache: Literal["bypass", "use"] = "bypass"
    """`bypass` neither reads nor keeps a sentence; `use` does both, as in a listener's turn."""


class Unspoken(Failed):
    """What was tried could not be spoken; `category` says how the provider failed."""

    def __init__(self, failure: Failure, category: str | None) -> None:
        super().__init__(failure)
        self.category = category


def router(plane: VoicePlane, limits: LimitStore, server: ServerSettings, access: Access) -> APIRouter:
    """The route, bound to a voice plane."""
    routes = APIRouter(prefix="/api/voice", tags=["voice"], dependencies=[Depends(json_only)])

    @routes.post("/try", response_class=Response, responses=_ANSWERS)
    async def try_(body: TryBody, by: Annotated[Operator, access.needs(Scope.ROLLOUT_WRITE)]) -> Response:
        """Speak a text as an operator wants it tried: it is kept as a turn of the kind `probe`, and judges nothing."""
        arm = Arm(body.arm)
        if arm is Arm.CANDIDATE and plane.turns.assigner.table().exposure is None:
            raise Refused("There is no candidate to be tried: no rollout is live.")
        probe = Probe(arm, body.provider or "", body.cache == "use")
        ask = plane.ask_probe(body.text, probe, language=body.language, voice=body.voice, character=body.character)
        verdict = await limits.take([(f"try:{by.name}", POLICY)])
        if not verdict.allowed:
            raise refused(verdict)
        headers = {name.lower(): value for name, value in headers_of(verdict).items()} | {"segue-turn": ask.turn}
        return Answer(
            _sound(plane, ask, headers), "audio/wav", send_timeout_s=server.send_timeout_s, headers=headers, whole=True
        )

    return routes


async def _sound(plane: VoicePlane, ask: Ask, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
    """The sound of a try, in one piece; `headers` learn from its record who spoke it, how, and when.

    Raises:
        SegueError: it could not be spoken.
    """
    records: list[TurnRecord] = []
    failure, sound = None, bytearray()
    async with aclosing(plane.turns.turn(ask, told=records.append)) as frames:
        async for frame in frames:
            if isinstance(frame, Failure):
                failure = frame
            elif isinstance(frame, Audio):
                sound += frame.data
    (record,) = records
    if failure is not None:
        raise Unspoken(failure, _category(record, failure))
    if not sound:
        raise InvalidRequest("There is nothing in this text that can be spoken.", param="text")
    headers.update(_told(record, cached=ask.probe is not None and ask.probe.cached))
    yield bytes(sound)


def _told(record: TurnRecord, *, cached: bool) -> dict[str, str]:
    """What the headers say of a try, from the record of what really happened."""
    spoke = [each for each in record.attempts if each.outcome in (AttemptOutcome.COMPLETED, AttemptOutcome.CACHED)]
    hit = bool(spoke) and all(each.outcome is AttemptOutcome.CACHED for each in spoke)
    marks = {"first": Mark.FIRST_AUDIBLE, "total": Mark.DONE}
    timings = [f"{name};dur={record.marks[mark]:.3f}" for name, mark in marks.items() if mark in record.marks]
    return {
        "segue-variant": record.variant,
        "segue-provider": _each(spoke, "provider"),
        "segue-model": _each(spoke, "model"),
        "segue-voice": _each(spoke, "voice"),
        "segue-cache": ("hit" if hit else "miss") if cached else "bypassed",
        "server-timing": ", ".join(timings),
    }


def _each(attempts: Sequence[SynthesisAttempt], name: str) -> str:
    return ", ".join(dict.fromkeys(str(getattr(each, name)) for each in attempts))


def _category(record: TurnRecord, failure: Failure) -> str | None:
    """How the provider failed that was asked last; `unsupported` where none could be asked."""
    failed = [each.category for each in record.attempts if each.outcome is AttemptOutcome.FAILED]
    if failed:
        return failed[-1]
    return FailureCategory.UNSUPPORTED.value if failure.code == "provider_failed" else None


_SPOKEN = {"schema": {"type": "string"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The sound, as a finished WAV file; the headers say who spoke it.",
        "content": {"audio/wav": {}},
        "headers": {
            "Segue-Turn": {"description": "The turn, as in `/api/turns`.", **_SPOKEN},
            "Segue-Variant": {"description": "The variant that spoke.", **_SPOKEN},
            "Segue-Provider": {"description": "Who spoke; several, with commas, where one finished it.", **_SPOKEN},
            "Segue-Model": {"description": "With which models.", **_SPOKEN},
            "Segue-Voice": {"description": "With which voices.", **_SPOKEN},
            "Segue-Cache": {
                "description": "Whether all of it had been kept.",
                "schema": {"type": "string", "enum": ["hit", "miss", "bypassed"]},
            },
            "Server-Timing": {"description": "Milliseconds until the first audible sound, and in all.", **_SPOKEN},
        },
    },
    400: {"description": "The request cannot be served; `detail` says how to mend it."},
    409: {"description": "The candidate is asked for, and no rollout is live (code `refused`)."},
    422: {"description": "The provider refuses this text."},
    429: {"description": "You try too often."},
    502: {"description": "The provider failed; `category` says how."},
    503: {"description": "Overloaded, about to stop, the provider rests, or something needed is missing."},
    504: {"description": "The provider did not answer in time."},
}
