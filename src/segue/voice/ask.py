"""What is asked of a turn, and what is decided for it when it begins."""

import uuid
from dataclasses import dataclass, field

from segue.errors import SegueError
from segue.records import Outcome
from segue.routing import Arm
from segue.voice.casting import Casting
from segue.voice.frames import Degraded
from segue.voice.ports import Message, Recording
from segue.voice.session import Placed


def new_turn_id() -> str:
    """A fresh turn id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Probe:
    """How an operator wants a text tried: in which arm, by whom alone, and past what is kept."""

    arm: Arm = Arm.BASELINE
    only: str = ""
    """The one synthesizer that may speak; empty for all of the arm's, in their order."""
    cached: bool = False
    """Whether kept sentences are used, and spoken ones kept, as in any other turn."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for speech that has been checked: language, voice and format are known to exist.

    `kind` is `chat` (the model answers `text`, or what is heard in `recording`), `speech` (`text` is read out) or
    `probe` (an operator tries how it is read out).
    """

    kind: str
    language: str
    voice: str
    """The voice that is to speak: the one asked for, the character's, or the language's."""
    format: str = "pcm16"
    text: str = ""
    recording: Recording | None = None
    history: tuple[Message, ...] = ()
    listener: str | None = None
    session: str | None = None
    """The token that the listener's turn before this one handed out, if the caller sends it."""
    chat: str | None = None
    character: str | None = None
    asked_voice: str | None = None
    """The voice that the caller named, if any."""
    exact: bool = True
    """Whether it is this voice that is wanted; otherwise any of its kind will do, and a variant's own comes first."""
    synthesizer: str = ""
    """The synthesizer that the caller named, if any: it is asked first."""
    profile: str = ""
    """The profile that the caller named; empty for the configured one."""
    model: str = ""
    speed: float = 1.0
    whole: bool = False
    """Encode for a file (exact sizes) instead of for a stream."""
    probe: Probe | None = None
    """How it is tried; None for every turn of a listener."""
    turn: str = field(default_factory=new_turn_id)

    @property
    def names_speaker(self) -> bool:
        """Whether the caller says with which voice or synthesizer."""
        return bool(self.synthesizer) or (bool(self.asked_voice) and self.exact)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided for a turn when it began, from the routing table, the catalogue and the state of things."""

    placed: Placed
    """The variant, why it is this one, and the session."""
    profile: str
    models: tuple[str, ...]
    """Language models in order of preference; empty where the text was brought by the caller."""
    casting: Casting
    synthesizers: tuple[str, ...]
    """Synthesizers in order of preference as things stand."""
    first_choice: str
    """The synthesizer that is first when all is well; empty where nobody can speak."""
    notices: tuple[Degraded, ...] = ()
    """What the listener is told at once."""
    first_model: str = ""
    """The language model that is first when all is well, where it is not to be had here; empty where it is."""
    flaw: SegueError | None = None
    """Why the variant cannot be spoken at all; it ends the turn, which is counted against the variant."""

    @property
    def model(self) -> str:
        """The language model that is to write; empty where none is."""
        return self.first_model or (self.models[0] if self.models else "")

    @property
    def synthesizer(self) -> str:
        """The first choice."""
        return next((name for name in self.synthesizers if name in self.casting.parts), "")

    @property
    def voice(self) -> str:
        """The voice with which the first choice speaks."""
        return self.casting.parts[self.synthesizer].voice if self.synthesizer else self.casting.asked


@dataclass(slots=True)
class Interruption:
    """How a turn that is closed early ends in its record: the door says `cancelled` when it was the listener's wish."""

    outcome: Outcome = Outcome.ABANDONED
    reason: str = "The listener went away."
